"""From a person's head to MNI space and back, by what SimNIBS has left in `toMNI`.

`Conform2MNI_nonl.nii.gz` lies on the grid of the person's T1, and `MNI2Conform_nonl.nii.gz`
on that of the MNI template. A voxel of the first holds the MNI coordinates of the place
where it is, a voxel of the second those in the person's space, both in mm. So each takes
points from the space that it lies in to the space of its values. `MNI2conform_12DOF.txt`
and `MNI2conform_6DOF.txt` of older versions hold a 4×4 matrix from MNI to the person, in
mm.

Exchanged files, displacements in place of coordinates, or maps of another person look
right one by one. So they are compared with each other and with the T1.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy.ndimage import map_coordinates

from ...disk import read_text
from ..files import MM_PER_M
from ..subject import Subject, read_subject
from .nifti import load_nifti, load_values


KINDS = ("nonl", "12dof", "6dof")
_FILES = {"12dof": "MNI2conform_12DOF.txt", "6dof": "MNI2conform_6DOF.txt"}
_TO_MNI, _TO_SUBJECT = "Conform2MNI_nonl.nii.gz", "MNI2Conform_nonl.nii.gz"

_MOST_NUMBERS = 1 << 30
# NIFTI_INTENT_DISPVECT, and the codes of FSL's warps.
_DISPLACEMENTS = {1006, *range(2006, 2017)}
_STRETCH = (0.5, 2.0)  # Between people and the template, along any axis.
_RETURN = 5.0  # Median distance after going there and back, at most. [mm]
_OTHER_GRID = 1.0  # Between corners of the map's grid and of the T1's. [mm]
_SAMPLES = 12  # Along each axis of a map, for the checks.
# The brain of the MNI152 template reaches so far from the origin. [mm]
_BRAIN_LOW, _BRAIN_HIGH = np.array([-75.0, -110.0, -75.0]), np.array([75.0, 80.0, 85.0])


@dataclass(frozen=True, eq=False)
class CoordinateMap:
    """Coordinates in another space, voxel by voxel.

    Attributes:
        file: Where it was read.
        values: In the other space, NaN where there are none. [mm]
        affine: Voxel indices to positions in its own space. [mm]
    """

    file: Path
    values: Float[ndarray, "i j k 3"]
    affine: Float[ndarray, "4 4"]

    def voxels(self, points: Float[ndarray, "point 3"]) -> Float[ndarray, "point 3"]:
        """Find where points lie in the grid. [voxel] from [mm]"""
        inverse = np.linalg.inv(self.affine)
        return points @ inverse[:3, :3].T + inverse[:3, 3]

    def __call__(self, points: Float[ndarray, "point 3"]) -> Float[ndarray, "point 3"]:
        """Interpolate linearly; NaN outside of the map. [mm]"""
        at = self.voxels(points).T
        found = [
            map_coordinates(self.values[..., c], at, order=1, cval=np.nan)
            for c in range(3)
        ]
        return np.stack(found, axis=1)

    @property
    def corners(self) -> Float[ndarray, "8 3"]:
        """The centres of the outermost voxels, in its own space. [mm]"""
        return _corners(self.values.shape[:3], self.affine)

    def samples(self) -> Float[ndarray, "point 3"]:
        """Some points of its own space, the border left out. [mm]"""
        inner = [
            np.linspace(0.15, 0.85, _SAMPLES) * (n - 1) for n in self.values.shape[:3]
        ]
        grid = np.stack(np.meshgrid(*inner, indexing="ij"), axis=-1).reshape(-1, 3)
        return grid @ self.affine[:3, :3].T + self.affine[:3, 3]

    def trend(self) -> Float[ndarray, "3 3"]:
        """Fit the linear part of the map: how it turns and stretches."""
        points = self.samples()
        values = self(points)
        there = np.isfinite(values).all(axis=1)
        design = np.column_stack([points[there], np.ones(there.sum())])
        return np.linalg.lstsq(design, values[there])[0][:3].T


@dataclass(frozen=True, eq=False)
class MniTransform:
    """A person's way to MNI space and back.

    Attributes:
        kind: `nonl`, `12dof` or `6dof`, in the words of SimNIBS.
        description: The files, for messages.
    """

    kind: str
    description: str
    _there: CoordinateMap | Float[ndarray, "4 4"]
    _back: CoordinateMap | Float[ndarray, "4 4"]

    def to_mni(self, points: ArrayLike) -> Float[ndarray, "*point 3"]:
        """Take points of the head to MNI space. [m]

        Args:
            points: In the head's coordinates, (3,) or (points, 3). [m]

        Raises:
            ValueError: A point lies outside of the map.
        """
        return _mapped(self._there, points, "the head")

    def to_subject(self, points: ArrayLike) -> Float[ndarray, "*point 3"]:
        """Take points of MNI space to the head. [m]

        Args:
            points: MNI coordinates, (3,) or (points, 3). [m]

        Raises:
            ValueError: A point lies outside of the map.
        """
        return _mapped(self._back, points, "MNI space")

    def return_error(self, points: ArrayLike) -> float:
        """Go to the head and back to MNI space: how far from MNI points one ends. [m]"""
        start = np.atleast_2d(np.asarray(points, dtype=np.float64))
        moved = self.to_mni(self.to_subject(start)) - start
        return float(np.linalg.norm(moved, axis=1).max())


def read_mni(
    subject: Subject | str | os.PathLike[str], kind: str | None = None
) -> MniTransform:
    """Read the way between a person's head and MNI space.

    Args:
        subject: An `m2m_` folder of SimNIBS, or what `read_subject` found in it.
        kind: `nonl`, `12dof` or `6dof`; by default the first of these that is there.

    Raises:
        FileNotFoundError: There is no such transform in the folder.
        ValueError: A file is damaged; it holds no coordinates; both maps do not belong
            together; or a map lies on another grid than it must.
    """
    found = subject if isinstance(subject, Subject) else read_subject(subject)
    if kind is not None and kind not in KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(KINDS)}; got {kind!r}.")
    folder = found.folder / "toMNI"
    missing = []
    for name in KINDS if kind is None else (kind,):
        needed = [folder / n for n in _needed(name)]
        absent = [str(file) for file in needed if not file.is_file()]
        if not absent:
            return (
                _read_maps(found, *needed)
                if name == "nonl"
                else _read_matrix(name, needed[0])
            )
        missing += absent
    raise FileNotFoundError(
        f"{found.folder}: there is no way to MNI space: {', '.join(missing)} "
        f"{'is' if len(missing) == 1 else 'are'} missing. charm of SimNIBS writes them."
    )


def check_mni(transform: MniTransform, brain: Float[ndarray, "point 3"]) -> str | None:
    """Check whether a person's brain arrives where MNI space has its brain.

    Args:
        transform: Of the person.
        brain: Points of white and gray matter. [m]

    Returns:
        What is wrong, or None.
    """
    start = brain[:: max(len(brain) // 2000, 1)] * MM_PER_M
    there = transform._there
    if isinstance(there, CoordinateMap):
        arrived = there(start)
    else:
        arrived = start @ there[:3, :3].T + there[:3, 3]
    known = np.isfinite(arrived).all(axis=1)
    inside = (arrived > _BRAIN_LOW).all(axis=1) & (arrived < _BRAIN_HIGH).all(axis=1)
    if known.mean() < 0.95:
        return (
            f"{1 - known.mean():.0%} of the brain lies outside of the map of "
            f"{transform.description}: it is of another space or person"
        )
    if inside.mean() < 0.95:
        return (
            f"{transform.description} takes {1 - inside.mean():.0%} of the brain to where "
            "the MNI template has none: it is of another space or person"
        )
    return None


def _needed(kind: str) -> tuple[str, ...]:
    return (_TO_MNI, _TO_SUBJECT) if kind == "nonl" else (_FILES[kind],)


def _read_matrix(kind: str, file: Path) -> MniTransform:
    try:
        matrix = np.loadtxt(read_text(file).splitlines(), ndmin=2)
    except ValueError as error:
        raise ValueError(f"{file}: this is no 4×4 matrix in text: {error}") from None
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise ValueError(
            f"{file}: the file must hold a 4×4 matrix of finite numbers, from MNI to the "
            f"person in mm; it holds {matrix.shape}."
        )
    if not np.allclose(matrix[3], [0, 0, 0, 1]):
        raise ValueError(f"{file}: the last row must be 0 0 0 1, got {matrix[3]}.")
    _check_stretch(file, matrix[:3, :3])
    return MniTransform(kind, file.name, np.linalg.inv(matrix), matrix)


def _read_maps(subject: Subject, to_mni: Path, to_subject: Path) -> MniTransform:
    there, back = _read_map(to_mni), _read_map(to_subject)
    if subject.t1 is not None:
        _check_grid(there, back, subject.t1)
    _check_return(there, back)
    return MniTransform("nonl", f"{to_mni.name} and {to_subject.name}", there, back)


def _read_map(file: Path) -> CoordinateMap:
    image = load_nifti(file)
    shape = tuple(image.shape)
    if len(shape) == 5 and shape[3] == 1:
        shape = (*shape[:3], shape[4])
    if len(shape) != 4 or shape[3] != 3 or min(shape[:3]) < 2:
        raise ValueError(
            f"{file}: a map to other coordinates has three values in each voxel, (i, j, k, "
            f"3); this image is {tuple(image.shape)}."
        )
    intent = int(image.header["intent_code"])
    if intent in _DISPLACEMENTS:
        raise ValueError(
            f"{file}: the intent code {intent} says that this image holds displacements "
            "or their coefficients; it must hold coordinates in mm."
        )
    values = np.asarray(load_values(file, image, _MOST_NUMBERS), dtype=np.float32)
    values = values.reshape(shape)
    # Where a registration ends, programs write zeros or NaN.
    values = np.where((values == 0).all(axis=-1, keepdims=True), np.nan, values)
    if not np.isfinite(values).all(axis=-1).mean() > 0.2:
        raise ValueError(f"{file}: most voxels hold no coordinates.")
    found = CoordinateMap(file, values, np.array(image.affine, dtype=np.float64))
    _check_stretch(file, found.trend())
    return found


def _check_stretch(file: Path, linear: Float[ndarray, "3 3"]) -> None:
    stretch = np.linalg.svd(linear, compute_uv=False)
    if not (_STRETCH[0] <= stretch[-1] and stretch[0] <= _STRETCH[1]):
        raise ValueError(
            f"{file}: this stretches heads by {stretch[-1]:.2g} to {stretch[0]:.2g} times. "
            "Its values must be coordinates in mm, not displacements or voxel indices."
        )
    if np.linalg.det(linear) < 0:
        raise ValueError(f"{file}: this exchanges left and right.")


def _check_grid(there: CoordinateMap, back: CoordinateMap, t1: Path) -> None:
    """The map to MNI space must lie on the T1's grid, or at least hold it."""
    image = load_nifti(t1)
    corners = _corners(image.shape[:3], np.array(image.affine, dtype=np.float64))
    off = lambda grid: float(_matched(corners, grid.corners))
    if off(there) <= _OTHER_GRID:
        return
    if off(back) <= _OTHER_GRID:
        raise ValueError(
            f"{back.file}: this map lies on the grid of {t1.name}, where {there.file.name} "
            "should lie: the two files are exchanged."
        )
    middle = corners.mean(axis=0) + 0.6 * (corners - corners.mean(axis=0))
    if not np.isfinite(there(middle)).all():
        raise ValueError(
            f"{there.file}: this map lies elsewhere than {t1.name}, by up to "
            f"{off(there):.0f} mm. It is of another image, or the T1 was resampled."
        )


def _matched(first: ndarray, second: ndarray) -> float:
    """How far corners are from the nearest of others; axes may run the other way."""
    apart = np.linalg.norm(first[:, None] - second[None], axis=-1)
    return float(max(apart.min(axis=0).max(), apart.min(axis=1).max()))


def _check_return(there: CoordinateMap, back: CoordinateMap) -> None:
    points = back.samples()
    inside = ((points > _BRAIN_LOW) & (points < _BRAIN_HIGH)).all(axis=1)
    points = points[inside]
    returned = there(back(points)) if len(points) else points
    known = np.isfinite(returned).all(axis=1)
    if not len(points) or known.mean() < 0.5:
        raise ValueError(
            f"{back.file}: hardly a point of the MNI brain gets to where {there.file.name} "
            "is defined: the two maps are not of one person, or are exchanged."
        )
    error = np.median(np.linalg.norm(returned - points, axis=1)[known])
    if error > _RETURN:
        raise ValueError(
            f"{back.file}: from MNI space to the head and back with {there.file.name} one "
            f"ends {error:.0f} mm away (median): the two maps do not belong together."
        )


def _mapped(
    way: CoordinateMap | Float[ndarray, "4 4"], points: ArrayLike, space: str
) -> ndarray:
    given = np.asarray(points, dtype=np.float64)
    if given.shape[-1:] != (3,) or given.ndim > 2 or not np.isfinite(given).all():
        raise ValueError(
            f"`points` must be finite, (3,) or (points, 3) in m; got {given.shape}."
        )
    start = np.atleast_2d(given) * MM_PER_M
    if isinstance(way, CoordinateMap):
        arrived = way(start)
        lost = ~np.isfinite(arrived).all(axis=1)
        if lost.any():
            at = ", ".join(f"{x:.1f}" for x in start[np.argmax(lost)])
            low, high = way.corners.min(axis=0), way.corners.max(axis=0)
            spans = " × ".join(
                f"{a:.0f}…{b:.0f}" for a, b in zip(low, high, strict=True)
            )
            raise ValueError(
                f"{way.file}: ({at}) mm of {space} lies outside of the map, which spans "
                f"{spans} mm."
            )
    else:
        arrived = start @ way[:3, :3].T + way[:3, 3]
    return (arrived / MM_PER_M).reshape(given.shape)


def _corners(shape: tuple[int, ...], affine: ndarray) -> Float[ndarray, "8 3"]:
    ends = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    return (ends * (np.array(shape) - 1)) @ affine[:3, :3].T + affine[:3, 3]
