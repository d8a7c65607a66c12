"""What `tmsgrad show` finds in a result, and draws."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..inputs.stored import StoredResult


Facts = list[tuple[str, str]]


@dataclass(frozen=True, eq=False)
class ShownResult:
    """A picture of a result.

    Attributes:
        picture: The file.
        at: Where slices meet, or None without slices. [m]
        facts: What stands beside it.
    """

    schema: ClassVar[int] = 1

    picture: str
    at: Float[ndarray, "3"] | None
    facts: Facts

    def to_json(self) -> dict:
        """For `--json`."""
        return {
            "schema": self.schema,
            "picture": self.picture,
            "at_mm": None if self.at is None else (self.at * 1e3).tolist(),
            "facts": dict(self.facts),
        }

    def describe(self) -> None:
        """Print it."""
        print(f"picture: {self.picture}")


def place_of_interest(found: StoredResult) -> Float[ndarray, "3"]:
    """The target, or else the strongest place of gray matter. [m]"""
    return _peak(found)[1] if found.target is None else found.target[0]


def facts_of(found: StoredResult) -> Facts:
    """Say what a result is, and how strong."""
    facts = _of_target(found)
    most, place = _peak(found)
    where = ", ".join(f"{x * 1e3:.0f}" for x in place)
    facts.append(("strongest in gray matter", f"{most:.3g} V/m at ({where}) mm"))
    if found.rate is not None:
        facts.append(("dI/dt", f"{found.rate / 1e6:.4g} A/µs"))
    return facts


def _of_target(found: StoredResult) -> Facts:
    if found.target is None:
        return []
    place, radius = found.target
    centre = ", ".join(f"{x * 1e3:.0f}" for x in place)
    facts = [("target", f"({centre}) mm, radius {radius * 1e3:g} mm")]
    near = np.linalg.norm(found.head.centroids - place, axis=1) <= radius
    inside = found.head.of("gray matter") & near
    if inside.any():
        weights = found.head.volumes[inside]
        mean = np.average(found.magnitude[inside], weights=weights)
        facts.append(("mean |E| in it, gray matter", f"{mean:.3g} V/m"))
    return facts


def _peak(found: StoredResult) -> tuple[float, Float[ndarray, "3"]]:
    """The largest |E| of gray matter [V/m], and where it is [m]."""
    gray = np.flatnonzero(found.head.of("gray matter"))
    strongest = gray[np.argmax(found.magnitude[gray])]
    return float(found.magnitude[strongest]), found.head.centroids[strongest]
