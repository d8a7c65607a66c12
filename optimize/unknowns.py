"""What an optimizer may change, as one vector of scaled numbers.

A step of one is a bold one along every unknown, so that one step length serves all of them.
Place and angle are zero in the middle of the searched disc, with the handle along its first
tangent; what has a range is -1 at its lowest and 1 at its highest.
"""

import dataclasses
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from ..coils import AbstractCoil, Coil
from .domain import Domain


LENGTH = 10e-3  # [m]
ANGLE = 0.35  # [rad]

_CURVATURE = {"place": 0.06, "angle": 0.12, "tilt": 0.12}  # At a maximum, about.
_OTHER_CURVATURE = 0.2
_BALLS = ("place", "tilt")  # Whose length is limited, not each component.
_FARTHEST = 0.1  # Of a distance. [m]


@dataclasses.dataclass(frozen=True)
class Free:
    """Which unknowns a problem has; with a `Domain` that tilts, the tilt is one, too.

    Attributes:
        place: The place on the scalp.
        angle: The angle in the plane of the coil.
        distance: From the scalp to the coil's centre: lowest and highest, or None where
            that of the domain is kept. [m]
        current_rate: dI/dt, lowest and highest, or None where it is given. [A/s]
        settings: The settings of a coil whose parts move, within their ranges.
        currents: The largest dI/dt of each stimulator, of either sign: a number or one
            for each; None where the coil is driven as it comes. [A/s]

    Raises:
        ValueError: A range is none, or both `current_rate` and `currents` are free.
    """

    place: bool = True
    angle: bool = True
    distance: tuple[float, float] | None = None
    current_rate: tuple[float, float] | None = None
    settings: bool = False
    currents: float | Sequence[float] | None = None

    def __post_init__(self) -> None:
        """Check every range."""
        for name, most in (("distance", _FARTHEST), ("current_rate", np.inf)):
            given = getattr(self, name)
            if given is not None and not (
                np.shape(given) == (2,) and 0 <= given[0] < given[1] <= most
            ):
                raise ValueError(
                    f"`{name}` must be a lowest and a higher highest value, not negative"
                    f"{'' if np.isinf(most) else f' and at most {most:g} m'}, got "
                    f"{given!r}."
                )
        if self.currents is not None:
            most = np.asarray(self.currents, float)
            if not (np.isfinite(most).all() and (most > 0).all()):
                raise ValueError(
                    f"`currents` must be positive numbers in A/s, got {self.currents!r}."
                )
            if self.current_rate is not None:
                raise ValueError(
                    "`current_rate` multiplies all `currents`: let one of them be free."
                )


class Variables(eqx.Module):
    """All that makes a placement, in SI units, whether it is free or not.

    Attributes:
        place: Along the two tangents from the middle of the searched disc. [m]
        angle: Of the coil's y axis, from the first tangent. [rad]
        tilt: Of the coil about its x and y axes, as a rotation vector. [rad]
        distance: From the scalp to the coil's centre, along the coil's axis. [m]
        current_rate: dI/dt. [A/s]
        settings: Of the coil's parts; none where they are not free. [m] or [rad]
        currents: dI/dt of each stimulator; none where they are not free. [A/s]
    """

    place: Float[Array, "2"]
    angle: Float[Array, ""]
    tilt: Float[Array, "2"]
    distance: Float[Array, ""]
    current_rate: Float[Array, ""]
    settings: Float[Array, "setting"]
    currents: Float[Array, "stimulator"]


class Unknowns(eqx.Module):
    """Which variables are unknown, in which order, and how they are scaled.

    Attributes:
        held: The variables; those that are unknown are replaced.
        scales: What one stands for, in SI units.
        offsets: What zero stands for, in SI units.
        free: Names of the unknown variables, in their order.
        radius: Of the searched disc. [m]
        tilt: The largest angle between the coil's axis and the scalp's normal. [rad]
    """

    held: Variables
    scales: Float[Array, "n"]
    offsets: Float[Array, "n"]
    free: tuple[str, ...] = eqx.field(static=True)
    radius: float = eqx.field(static=True)
    tilt: float = eqx.field(static=True)

    def __len__(self) -> int:
        """How many unknowns there are."""
        return sum(self.size(name) for name in self.free)

    def size(self, name: str) -> int:
        """How many numbers a variable has."""
        return int(np.prod(getattr(self.held, name).shape))

    def variables(self, x: Float[Array, "n"]) -> Variables:
        """Give the variables of scaled unknowns."""
        values = self.offsets + self.scales * x
        parts = self.split(values)
        shaped = {
            name: part.reshape(getattr(self.held, name).shape)
            for name, part in parts.items()
        }
        return dataclasses.replace(self.held, **shaped)

    def vector(self, variables: Variables) -> Float[Array, "n"]:
        """Give the scaled unknowns of variables."""
        parts = [jnp.ravel(getattr(variables, name)) for name in self.free]
        return (jnp.concatenate(parts) - self.offsets) / self.scales

    def split(self, x: Float[Array, "n"]) -> dict[str, Float[Array, "part"]]:
        """Cut a vector into the parts of each variable."""
        ends = np.cumsum([self.size(name) for name in self.free]).tolist()
        return {
            name: x[end - self.size(name) : end]
            for name, end in zip(self.free, ends, strict=True)
        }

    def largest(self, name: str) -> float:
        """How far an unknown reaches from zero."""
        reach = {
            "place": self.radius / LENGTH,
            "angle": float(np.pi / ANGLE),
            "tilt": self.tilt / ANGLE,
        }
        return reach.get(name, 1.0)

    def per_number(self, of: dict[str, float], other: float) -> Float[ndarray, "n"]:
        """Give each unknown the number of its variable."""
        return np.array(
            [of.get(name, other) for name in self.free for _ in range(self.size(name))]
        )

    @property
    def highest(self) -> Float[ndarray, "n"]:
        """The upper bounds; the lower ones are their negatives."""
        return self.per_number({name: self.largest(name) for name in self.free}, 1.0)

    @property
    def periodic(self) -> ndarray:
        """Which unknowns come round again: a turn of the angle."""
        return self.per_number({"angle": 1.0}, 0.0) > 0

    @property
    def curvature(self) -> Float[ndarray, "n"]:
        """A guess of the second derivatives, relative to the value at a maximum."""
        return self.per_number(_CURVATURE, _OTHER_CURVATURE)

    def within(self, x: Float[Array, "n"]) -> Float[Array, "n"]:
        """Bring unknowns back into the disc, the tilt and the ranges; angles stay."""
        kept = []
        for name, part in self.split(x).items():
            if name in _BALLS:
                kept.append(within_ball(part, self.largest(name)))
            elif name == "angle":
                kept.append(part)
            else:
                kept.append(jnp.clip(part, -1.0, 1.0))
        return jnp.concatenate(kept)

    def spread(self, cube: Float[Array, "n"]) -> Float[Array, "n"]:
        """Lay a point of the cube from -1 to 1 into the bounds, discs among them."""
        laid = []
        for name, part in self.split(cube).items():
            if name in _BALLS:
                square = jnp.max(jnp.abs(part))
                part = part * square / jnp.maximum(jnp.linalg.norm(part), 1e-12)
            laid.append(self.largest(name) * part)
        return jnp.concatenate(laid)


def within_ball(x: Float[Array, "n"], limit: float) -> Float[Array, "n"]:
    """Shorten a vector to a limit."""
    square = jnp.sum(x**2)
    some = square > 0
    length = jnp.where(some, jnp.sqrt(jnp.where(some, square, 1.0)), 0.0)
    return x * jnp.minimum(1.0, limit / jnp.maximum(length, limit))


def unknowns(
    coil: AbstractCoil | None,
    domain: Domain,
    free: Free | None = None,
    current_rate: float = 1e6,
) -> Unknowns:
    """Say what is unknown.

    Args:
        coil: The coil; only its settings and stimulators matter, and only if free.
        domain: Where it may be.
        free: What is unknown besides the tilt.
        current_rate: dI/dt, where it is not free. [A/s]

    Raises:
        ValueError: The coil has no settings or stimulators to be free.
    """
    free = Free() if free is None else free
    ranges: dict[str, tuple[ndarray, ndarray]] = {}
    if free.distance is not None:
        ranges["distance"] = _ends([free.distance])
    if free.current_rate is not None:
        ranges["current_rate"] = _ends([free.current_rate])
    if free.settings:
        if not isinstance(coil, Coil) or not coil.ranges:
            raise ValueError(
                "`settings` are free, but the coil has no parts that move."
            )
        ranges["settings"] = _ends([(r.lowest, r.highest) for r in coil.ranges])
    if free.currents is not None:
        if not isinstance(coil, Coil):
            raise ValueError(
                f"`currents` are free, but a {type(coil).__name__} has no stimulators."
            )
        most = np.asarray(free.currents, float)
        if most.shape not in ((), (coil.stimulator_count,)):
            raise ValueError(
                f"`currents` must be one number or {coil.stimulator_count}, one for each "
                f"stimulator of {coil.name!r}, got {free.currents!r}."
            )
        most = np.broadcast_to(most, (coil.stimulator_count,))
        ranges["currents"] = (-most, most)
    middle = {name: (low + high) / 2 for name, (low, high) in ranges.items()}
    held = Variables(
        jnp.zeros(2),
        jnp.zeros(()),
        jnp.zeros(2),
        jnp.asarray(domain.centred, float),
        jnp.asarray(current_rate, float),
        jnp.asarray(middle.get("settings", np.zeros(0))),
        jnp.asarray(middle.get("currents", np.zeros(0))),
    )
    scales = {"place": LENGTH, "angle": ANGLE, "tilt": ANGLE}
    chosen = {"place": free.place, "angle": free.angle, "tilt": domain.tilt > 0}
    names = [name for name, wanted in chosen.items() if wanted]
    every = [np.full(2 if name in _BALLS else 1, scales[name]) for name in names]
    zeros = [np.zeros(len(each)) for each in every]
    every += [
        np.where(high > low, high - low, 2.0) / 2 for low, high in ranges.values()
    ]
    if not every:
        raise ValueError("nothing is free: there is nothing to be optimized.")
    return Unknowns(
        held,
        jnp.asarray(np.concatenate(every)),
        jnp.asarray(np.concatenate([*zeros, *middle.values()])),
        (*names, *ranges),
        float(domain.radius),
        float(domain.tilt),
    )


def _ends(pairs: Sequence[tuple[float, float]]) -> tuple[ndarray, ndarray]:
    table = np.asarray(pairs, float)
    return table[:, 0], table[:, 1]
