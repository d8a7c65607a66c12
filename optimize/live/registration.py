"""From a tracker's coordinates to the head's, rigid and checked."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import ArrayLike

from ...coils.rigid import check_rigid


_FEWEST = 3
_SPREAD = 5e-3  # Across the line that points lie on nearly. [m]
_LARGEST = 10e-3  # A residual beyond this is no matter of pointing. [m]
_SCALE = 0.1  # Distances between points differ by no larger share.
_MIRRORED = 0.5  # A mirrored fit this many times as good says that points are mirrored.


@dataclass(frozen=True, eq=False)
class Registration:
    """From a tracked tool to the coil in the head.

    Attributes:
        to_head: Tracker to head, lengths in m.
        coil_to_tool: Coil to the tool that is tracked, lengths in m.
        residuals: Of the fiducials, each; none where a matrix was given. [m]
        names: Of the fiducials.

    Raises:
        ValueError: A matrix is no rigid placement.
    """

    to_head: Float[ndarray, "4 4"] = field(default_factory=lambda: np.eye(4))
    coil_to_tool: Float[ndarray, "4 4"] = field(default_factory=lambda: np.eye(4))
    residuals: Float[ndarray, "fiducial"] = field(default_factory=lambda: np.zeros(0))
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check both matrices."""
        for name in ("to_head", "coil_to_tool"):
            _check(getattr(self, name), f"`{name}` of a registration")

    def __call__(self, tool: ArrayLike) -> Float[ndarray, "4 4"]:
        """Place the coil in the head.

        Args:
            tool: Tool to tracker, lengths in m.

        Raises:
            ValueError: It is not finite, shears, scales or mirrors.
        """
        matrix = np.asarray(tool, dtype=np.float64)
        if matrix.shape != (4, 4):
            raise ValueError(f"a pose must be a 4×4 matrix, got {matrix.shape}.")
        check_rigid(matrix)
        found = self.to_head @ matrix @ self.coil_to_tool
        u, _, v = np.linalg.svd(found[:3, :3])  # Rounding of single precision.
        found[:3, :3] = u @ v
        return found

    @property
    def residual(self) -> float | None:
        """Of the fiducials, root mean square; None where a matrix was given. [m]"""
        if len(self.residuals) == 0:
            return None
        return float(np.sqrt(np.mean(self.residuals**2)))

    @property
    def words(self) -> str:
        """How good it is."""
        if self.residual is None:
            return "by a matrix"
        worst = int(np.argmax(self.residuals))
        name = self.names[worst] if self.names else f"point {worst + 1}"
        return (
            f"by {len(self.residuals)} fiducials, {self.residual * 1e3:.1f} mm off "
            f"(root mean square), most at {name}: {self.residuals[worst] * 1e3:.1f} mm"
        )


def fit_rigid(
    tracker: ArrayLike,
    head: ArrayLike,
    names: tuple[str, ...] = (),
    *,
    coil_to_tool: ArrayLike | None = None,
) -> Registration:
    """Fit tracker to head by fiducials, with least squares.

    By a singular value decomposition [Arun, Huang & Blostein 1987,
    doi:10.1109/TPAMI.1987.4767965], kept from mirroring [Umeyama 1991,
    doi:10.1109/34.88573].

    Args:
        tracker: Points as the tracker has them, (points, 3). [m]
        head: The same points in the head, (points, 3). [m]
        names: Of the points, for messages.
        coil_to_tool: Of the registration.

    Raises:
        ValueError: There are fewer than three points, or they lie on a line, are mirrored,
            in another unit or order, or do not fit by more than 10 mm.
    """
    one, other = (np.asarray(x, dtype=np.float64) for x in (tracker, head))
    _check_points(one, other)
    matrix = _best(one, other, mirrored=False)
    residuals = _off(matrix, one, other)
    root = float(np.sqrt(np.mean(residuals**2)))
    turned_over = _off(_best(one, other, mirrored=True), one, other)
    if float(np.sqrt(np.mean(turned_over**2))) < _MIRRORED * root and root > 1e-3:
        raise ValueError(
            f"the fiducials are mirrored: as they are {root * 1e3:.1f} mm remain, with one "
            f"axis turned round {np.sqrt(np.mean(turned_over**2)) * 1e3:.1f} mm. Check "
            "that left is left in both, and the sign of each axis."
        )
    worst = int(np.argmax(residuals))
    if residuals[worst] > _LARGEST:
        name = names[worst] if names else f"point {worst + 1}"
        raise ValueError(
            f"the fiducials do not fit: {name} is {residuals[worst] * 1e3:.1f} mm off "
            f"({root * 1e3:.1f} mm root mean square; up to {_LARGEST * 1e3:.0f} mm are "
            "taken). Point at them anew, or check their order."
        )
    tool = np.eye(4) if coil_to_tool is None else np.asarray(coil_to_tool, dtype=float)
    return Registration(matrix, tool, residuals, tuple(names))


def _check_points(one: ndarray, other: ndarray) -> None:
    if one.shape != other.shape or one.ndim != 2 or one.shape[1] != 3:
        raise ValueError(
            "fiducials must be as many points of three numbers in tracker and head, got "
            f"the shapes {one.shape} and {other.shape}."
        )
    if len(one) < _FEWEST:
        raise ValueError(
            f"a registration needs three fiducials or more, got {len(one)}."
        )
    spreads = []
    for points, where in ((one, "tracker"), (other, "head")):
        if not np.isfinite(points).all():
            raise ValueError(f"the fiducials in the {where} are not all finite.")
        sizes = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
        spreads.append(float(np.linalg.norm(sizes)))
        if not sizes[1] > _SPREAD * min(1.0, spreads[-1]):
            raise ValueError(
                f"the fiducials in the {where} lie nearly on a line, so the turn about it "
                "is not known. Take one that lies aside, such as the nasion."
            )
    scale = spreads[1] / spreads[0]
    if abs(scale - 1) > _SCALE:
        raise ValueError(
            f"the fiducials in the head lie {scale:.3g} times as far apart as in the "
            "tracker. Are both in the same unit, and in the same order?"
        )


def _best(one: ndarray, other: ndarray, *, mirrored: bool) -> Float[ndarray, "4 4"]:
    middle, aim = one.mean(axis=0), other.mean(axis=0)
    u, _, v = np.linalg.svd((one - middle).T @ (other - aim))
    wanted = -1.0 if mirrored else 1.0
    turn = np.diag([1.0, 1.0, wanted * np.sign(np.linalg.det(u @ v))])
    matrix = np.eye(4)
    matrix[:3, :3] = v.T @ turn @ u.T
    matrix[:3, 3] = aim - matrix[:3, :3] @ middle
    return matrix


def _off(matrix: ndarray, one: ndarray, other: ndarray) -> Float[ndarray, "point"]:
    moved = one @ matrix[:3, :3].T + matrix[:3, 3]
    return np.linalg.norm(moved - other, axis=1)


def _check(matrix: Float[ndarray, "4 4"], what: str) -> None:
    try:
        check_rigid(np.asarray(matrix, dtype=np.float64))
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
