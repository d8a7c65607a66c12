"""Where a coil may be: what every search, map and comparison of placements keeps to."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike

from ..coils import AbstractCoil, casing_samples
from .constraints import balls
from .face import Face
from .handle import Handle


_LIMITS = {"distance": (0.1, "m"), "clearance": (0.1, "m"), "tilt": (1.0, "rad")}


@dataclass(frozen=True, eq=False)
class Domain:
    """Where a coil may be placed on the scalp.

    Attributes:
        distance: From the scalp to the coil's centre, along the coil's axis, as SimNIBS
            has it [m]; or a `Face`, from the scalp to what touches the head.
        radius: How far to search around the scalp's point nearest to the place, in the
            tangent plane there. [m]
        clearance: What must remain between casing and scalp, such as hair or a pad; a
            coil that would come nearer is moved back along its axis. [m]
        tilt: How far the coil's axis may depart from the scalp's normal; by default the
            coil stays tangential. [rad]
        forbidden: Balls in which the scalp's point beneath the coil may not lie, such as
            ears, as pairs of centre (3,) and radius. [m]
        obstacles: Balls that the casing must clear, such as electrodes, as pairs of centre
            (3,) and radius: the coil is lifted over them. [m]
        handle: Which way the handle should point among placements that are nearly as good
            as the best; None where any will do.

    Raises:
        ValueError: A number is out of range, or a ball is no such pair.
    """

    distance: float | Face = 4e-3
    radius: float = 30e-3
    clearance: float = 0.0
    tilt: float = 0.0
    forbidden: Sequence[tuple[ArrayLike, float]] = ()
    obstacles: Sequence[tuple[ArrayLike, float]] = ()
    handle: Handle | None = None

    def __post_init__(self) -> None:
        """Check every number."""
        for name, (high, unit) in _LIMITS.items():
            value = getattr(self, name)
            if isinstance(value, Face):
                continue
            if not (np.isfinite(value) and 0 <= value <= high):
                raise ValueError(
                    f"`{name}` must lie between 0 and {high:g} {unit}, got {value!r}."
                )
        balls(self.forbidden)
        balls(self.obstacles)

    def on(self, coil: AbstractCoil) -> "Domain":
        """Write the distance as one to the coil's centre, and the clearance that holds it.

        A domain whose distance is one to the centre is given back as it is.
        """
        if not isinstance(self.distance, Face):
            return self
        samples = casing_samples(coil)
        distance, clearance = self.distance.resting(coil, samples, self.clearance)
        # The centre of a coil whose face lies behind its origin may be in the head.
        found = replace(self, distance=max(distance, 0.0), clearance=clearance)
        object.__setattr__(found, "distance", distance)
        return found

    @property
    def centred(self) -> float:
        """The distance to the coil's centre. [m]

        Raises:
            TypeError: It is one to a face, which a coil must be known for: see `on`.
        """
        if isinstance(self.distance, Face):
            raise TypeError("the distance is one to a face: take `domain.on(coil)`.")
        return self.distance

    def require(self, *served: str, by: str) -> None:
        """Refuse what a function does not serve, rather than ignore it.

        Args:
            served: Names of the attributes that it serves.
            by: What serves them, in words.

        Raises:
            ValueError: Another attribute is not at its default.
        """
        for field in fields(self):
            value, usual = getattr(self, field.name), field.default
            same = len(value) == 0 if usual == () else value == usual
            if field.name not in served and not same:
                raise ValueError(
                    f"{by} does not serve `{field.name}` of the domain: leave it at "
                    f"{usual!r}."
                )


def domain_of(function: str, domain: Domain | None, old: dict[str, object]) -> Domain:
    """Take a domain, or make one of the keywords that functions had before there was one.

    Args:
        function: That was called, for messages.
        domain: What was given as `domain`.
        old: Keywords that were given besides.

    Raises:
        TypeError: A keyword is not known.
        ValueError: Both a domain and old keywords are given, or a value is out of range.
    """
    if not old:
        return Domain() if domain is None else domain
    unknown = sorted(set(old) - {each.name for each in fields(Domain)})
    if unknown:
        raise TypeError(
            f"{function}() got an unexpected keyword argument {unknown[0]!r}"
        )
    if domain is not None:
        raise ValueError(
            f"{function}(): give {', '.join(old)} in the `Domain`, not beside it."
        )
    inside = ", ".join(f"{name}={value!r}" for name, value in old.items())
    warnings.warn(
        f"{function}(…, {', '.join(old)}) will go after version 0.1: write "
        f"{function}(…, domain=optimize.Domain({inside}))",
        DeprecationWarning,
        stacklevel=3,
    )
    return Domain(**old)  # pyright: ignore[reportArgumentType]
