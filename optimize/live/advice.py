"""How a coil has to be moved to its best placement, as one says it to who holds it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray


_STEEP = 0.9  # Of a normal's part to front or back: there back is up or down.
_PLACE = 1.5e-3  # Nearer is there. [m]
_ANGLE = np.radians(3.0)
_FLAT = np.radians(5.0)


@dataclass(frozen=True)
class Advice:
    """The way to the best placement.

    Attributes:
        forward: Along the scalp; back where negative. [m]
        right: Along the scalp, to the person's right. [m]
        nearer: Towards the head. [m]
        turn: Of the coil, clockwise as seen from outside. [rad]
        tilt: Of the coil from flat on the scalp. [rad]
    """

    forward: float
    right: float
    nearer: float
    turn: float
    tilt: float

    @property
    def there(self) -> bool:
        """Whether the coil is at the best placement, as far as a hand can hold it."""
        away = np.hypot(self.forward, self.right)
        return bool(
            max(away, abs(self.nearer)) <= _PLACE
            and abs(self.turn) <= _ANGLE
            and self.tilt <= _FLAT
        )

    @property
    def words(self) -> str:
        """As one says it."""
        if self.there:
            return "at the optimum"
        ways = (
            (self.forward, "forward", "back"),
            (self.right, "right", "left"),
            (self.nearer, "nearer", "away"),
        )
        moves = [
            f"{abs(size) * 1e3:.0f} mm {ahead if size > 0 else behind}"
            for size, ahead, behind in ways
            if abs(size) > _PLACE
        ]
        parts = ["move " + ", ".join(moves)] if moves else []
        if abs(self.turn) > _ANGLE:
            side = "clockwise" if self.turn > 0 else "counter-clockwise"
            parts.append(f"turn {abs(np.degrees(self.turn)):.0f}° {side}")
        if self.tilt > _FLAT:
            parts.append(f"lay it flat, it is tilted by {np.degrees(self.tilt):.0f}°")
        return "; ".join(parts) or "move a little"


def advise(
    pose: Float[ndarray, "4 4"],
    best: Float[ndarray, "4 4"],
    normal: Float[ndarray, "3"],
    height: float,
) -> Advice:
    """Say how to move a coil.

    Args:
        pose: Coil to head, lengths in m.
        best: The best placement.
        normal: Of the scalp beneath the coil, outwards.
        height: How much farther the coil is from the scalp than at its best. [m]
    """
    out = -best[:3, 2]
    back = _back(out)
    right = np.cross(back, -out)
    way = best[:3, 3] - pose[:3, 3]
    handle, wanted = (_along(-each[:3, 1], out) for each in (pose, best))
    turn = -np.arctan2(out @ np.cross(handle, wanted), handle @ wanted)
    lean = np.clip(-pose[:3, 2] @ normal, -1, 1)
    return Advice(
        float(-way @ back),
        float(way @ right),
        float(height),
        float(turn),
        float(np.arccos(lean)),
    )


def _back(out: Float[ndarray, "3"]) -> Float[ndarray, "3"]:
    """The direction along the scalp that leads straight back."""
    steep = abs(out[1]) > _STEEP
    way = [0.0, 0.0, np.sign(out[1])] if steep else [0.0, -1.0, 0.0]
    return _along(np.array(way), out)


def _along(way: Float[ndarray, "3"], out: Float[ndarray, "3"]) -> Float[ndarray, "3"]:
    flat = way - (way @ out) * out
    size = np.linalg.norm(flat)
    return flat / size if size > 0 else flat
