"""Where on the head a coil is, as it can be found there: from positions and with a tape."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..coils import Pose
from ..meshing import Fiducials, Scalp, beam_f3
from .handle import straight_back
from .rules import on_scalp


_NEAR = 60e-3  # Positions farther away say little of where the coil is. [m]
_STEPS = 40  # Along the scalp.
_LEAST = 1.5e-3  # A way that is shorter is none. [m]


@dataclass(frozen=True)
class Step:
    """The way from a position to the coil.

    Attributes:
        name: Of the position.
        forward: Along the scalp, negative to the back. [m]
        outward: Likewise, away from the midline, negative towards it. [m]
    """

    name: str
    forward: float
    outward: float

    @property
    def words(self) -> str:
        """The way in words."""
        parts = [
            f"{abs(length) * 1e3:.0f} mm {ahead if length > 0 else behind}"
            for length, ahead, behind in (
                (self.forward, "forward", "back"),
                (self.outward, "outwards", "to the midline"),
            )
            if abs(length) >= _LEAST
        ]
        return f"{' and '.join(parts)} from {self.name}" if parts else f"at {self.name}"


@dataclass(frozen=True)
class ScalpPlace:
    """Where on the scalp the middle of the coil is.

    Attributes:
        steps: From positions nearby, the nearest first.
        tapes: Lengths along the scalp from landmarks, by name. [m]
    """

    steps: tuple[Step, ...]
    tapes: Mapping[str, float]

    @classmethod
    def of(
        cls,
        scalp: Scalp,
        pose: Pose,
        named: Mapping[str, Float[ndarray, "3"]] | None,
        fiducials: Fiducials | None,
    ) -> "ScalpPlace | None":
        """Find it; None where no position of the head is known.

        Args:
            scalp: In coordinates whose x points to the right and y to the front.
            pose: Of the coil.
            named: EEG positions by name, or None. [m]
            fiducials: Of the head, or None.
        """
        if not named:
            return None
        place = on_scalp(scalp, np.asarray(pose.translation, dtype=np.float64))
        known = dict(named)
        if fiducials is not None:
            right = place[0] > 0
            known |= {} if right else {"Beam F3": beam_f3(scalp, fiducials)}
        apart = {name: float(np.linalg.norm(at - place)) for name, at in known.items()}
        near = sorted(apart, key=lambda name: apart[name])[:1]
        if apart[near[0]] > _NEAR:
            return None
        near += [
            name
            for name in ("F4" if place[0] > 0 else "F3", "Beam F3")
            if name in known and name not in near and apart[name] < _NEAR
        ]
        tapes = {}
        if "Cz" in known:
            tapes["vertex"] = along(scalp, known["Cz"], place)
        if fiducials is not None:
            nasion = np.asarray(fiducials.nasion)
            tapes["nasion"] = along(scalp, nasion, place)
            ear = fiducials.right if place[0] > 0 else fiducials.left
            side = "right" if place[0] > 0 else "left"
            tapes[f"{side} ear"] = along(scalp, np.asarray(ear), place)
        return cls(tuple(_step(scalp, n, known[n], place) for n in near), tapes)


def along(scalp: Scalp, start: Float[ndarray, "3"], end: Float[ndarray, "3"]) -> float:
    """Measure along the scalp, over the straight line between two places. [m]"""
    shares = np.linspace(0, 1, _STEPS)[:, None]
    line = (1 - shares) * np.asarray(start) + shares * np.asarray(end)
    way = np.array([on_scalp(scalp, point) for point in line])
    return float(np.linalg.norm(np.diff(way, axis=0), axis=1).sum())


def _step(
    scalp: Scalp, name: str, start: Float[ndarray, "3"], end: Float[ndarray, "3"]
) -> Step:
    normal = scalp.normal(((start + end) / 2)[None])[0]
    back = straight_back(normal)
    right = np.cross(back, -normal)
    side = 1.0 if start[0] + end[0] > 0 else -1.0
    flat = np.array([-(end - start) @ back, side * ((end - start) @ right)])
    size = np.linalg.norm(flat)
    # The chord is a little shorter than the way along the scalp.
    longer = along(scalp, start, end) / size if size > 0 else 1.0
    forward, outward = (flat * longer).tolist()
    return Step(name, forward, outward)
