"""Streamlines of white matter: a tractogram, its files, and whether it lies in the head.

Files are read by nibabel, which gives world coordinates in mm (RAS+) for both formats.
"""

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from jaxtyping import Bool, Float, Int
from nibabel.streamlines.tractogram_file import HeaderWarning
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy import ndimage

from ..disk import whole_file
from .files import MM_PER_M
from .head import HeadMesh
from .images.voxels import VoxelGrid, elements_on_grid


_ENDINGS = (".trk", ".tck")
_BRAIN = (1, 2)
_LEAST_INSIDE = 0.8  # Of the points, that must lie in white or gray matter.
_CHECKED = 20_000  # Points that are looked at.
_VOXEL = 3e-3  # Meshes and images differ by as much at the border of the brain. [m]
_DAMAGE = (
    nibabel.streamlines.tractogram_file.HeaderError,
    nibabel.streamlines.tractogram_file.DataError,
    OSError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    EOFError,
)
_WRONG_FRAMES = {
    "x and y reversed (LPS in place of RAS)": np.diag([-1.0, -1.0, 1.0]),
    "x reversed": np.diag([-1.0, 1.0, 1.0]),
    "y reversed": np.diag([1.0, -1.0, 1.0]),
    "z reversed": np.diag([1.0, 1.0, -1.0]),
}


@dataclass(frozen=True, eq=False)
class Tractogram:
    """Streamlines, one after the other.

    Attributes:
        points: Of all streamlines. [m]
        starts: Where each begins in `points`, and at last the number of points.
        name: For messages.
    """

    points: Float[ndarray, "point 3"]
    starts: Int[ndarray, "bound"]
    name: str = "the tractogram"

    def __init__(
        self, points: ArrayLike, starts: ArrayLike, name: str = "the tractogram"
    ):
        """Check and keep streamlines.

        Args:
            points: (points, 3). [m]
            starts: (streamlines + 1,), from 0 to the number of points.
            name: For messages.

        Raises:
            ValueError: There is no streamline, one has fewer than two points, or a
                coordinate is not finite.
        """
        places = np.asarray(points, dtype=np.float64)
        bounds = np.asarray(starts, dtype=np.int64)
        if places.ndim != 2 or places.shape[1] != 3 or bounds.ndim != 1:
            raise ValueError(
                f"{name}: `points` must have the shape (points, 3) and `starts` one axis, "
                f"got {places.shape} and {bounds.shape}."
            )
        if len(bounds) < 2:
            raise ValueError(f"{name}: there are no streamlines in it.")
        counts = np.diff(bounds)
        if bounds[0] != 0 or bounds[-1] != len(places) or counts.min() < 2:
            raise ValueError(
                f"{name}: each streamline needs two points or more, one after the other; "
                f"number {int(np.argmin(counts))} (from 0) has {int(counts.min())}."
            )
        finite = np.isfinite(places).all(axis=1)
        if not finite.all():
            first = int(np.searchsorted(bounds, np.argmin(finite), side="right")) - 1
            raise ValueError(
                f"{name}: {np.count_nonzero(~finite)} of {len(places)} points are not "
                f"finite, the first in streamline {first} (from 0). Track again, or leave "
                "these streamlines out."
            )
        object.__setattr__(self, "points", places)
        object.__setattr__(self, "starts", bounds)
        object.__setattr__(self, "name", name)

    @classmethod
    def of(cls, streamlines, name: str = "the tractogram") -> "Tractogram":
        """Put together a list of arrays of points, (points, 3). [m]"""
        lines = list(streamlines)
        points = np.concatenate(lines) if lines else np.empty((0, 3))
        return cls(points, np.cumsum([0, *map(len, lines)]), name)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, number: int) -> Float[ndarray, "point 3"]:
        """Take the points of one streamline. [m]"""
        return self.points[self.starts[number] : self.starts[number + 1]]

    @property
    def owners(self) -> Int[ndarray, "point"]:
        """Which streamline each point belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    @property
    def ends(self) -> Float[ndarray, "line 2 3"]:
        """First and last point of each streamline. [m]"""
        return np.stack(
            [self.points[self.starts[:-1]], self.points[self.starts[1:] - 1]], axis=1
        )

    @property
    def arc(self) -> Float[ndarray, "point"]:
        """How far along its streamline each point is. [m]"""
        steps = np.linalg.norm(
            np.diff(self.points, axis=0, prepend=self.points[:1]), axis=1
        )
        steps[self.starts[:-1]] = 0.0
        total = np.cumsum(steps)
        return total - np.repeat(total[self.starts[:-1]], np.diff(self.starts))

    @property
    def lengths(self) -> Float[ndarray, "line"]:
        """Of each streamline. [m]"""
        return self.arc[self.starts[1:] - 1]

    def chosen(
        self, which: Bool[ndarray, "line"] | Int[ndarray, "some"]
    ) -> "Tractogram":
        """Take some of the streamlines, in their order.

        Raises:
            ValueError: None is left.
        """
        some = np.flatnonzero(which) if which.dtype == bool else which
        counts = np.diff(self.starts)[some]
        starts = np.concatenate([[0], np.cumsum(counts)])
        index = np.arange(starts[-1]) + np.repeat(
            self.starts[:-1][some] - starts[:-1], counts
        )
        return Tractogram(self.points[index], starts, self.name)

    def resampled(self, step: float) -> "Tractogram":
        """Put points at even distances along each streamline, its ends among them.

        Args:
            step: Between points, at most. [m]
        """
        if not step > 0:
            raise ValueError(f"`step` must be positive, got {step!r}.")
        lengths, arc = self.lengths, self.arc
        counts = np.maximum(np.ceil(lengths / step - 1e-9).astype(np.int64), 1) + 1
        starts = np.concatenate([[0], np.cumsum(counts)])
        owner = np.repeat(np.arange(len(self)), counts)
        share = (np.arange(starts[-1]) - starts[owner]) / (counts[owner] - 1)
        # One axis for all streamlines, with gaps between, so that one call will do.
        begin = np.concatenate([[0.0], np.cumsum(lengths + 1.0)])
        along, wanted = begin[self.owners] + arc, begin[owner] + share * lengths[owner]
        points = np.stack(
            [np.interp(wanted, along, self.points[:, axis]) for axis in range(3)],
            axis=1,
        )
        return Tractogram(points, starts, self.name)


def read_tracts(path: str | os.PathLike[str]) -> Tractogram:
    """Read a tractogram.

    Args:
        path: TrackVis' .trk or MRtrix' .tck. Streamlines of one point are left out.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It has another format, is damaged, empty, does not say where its
            streamlines are, or holds points that are not finite.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"{file}: tractogram not found.")
    if file.suffix.lower() not in _ENDINGS:
        raise ValueError(
            f"{file}: tractograms are read from .trk (TrackVis, dipy) and .tck (MRtrix) "
            f"files, not from {file.suffix or 'files without an ending'}. Convert it "
            "(MRtrix: tckconvert; dipy: dipy_convert_tractogram)."
        )
    try:
        with warnings.catch_warnings():
            # What nibabel would assume of a header without it is not known.
            warnings.simplefilter("error", HeaderWarning)
            # It would take points that are not finite in a .tck as separators.
            found = nibabel.streamlines.load(file)
        lines = found.streamlines
        _check_sizes(found.header)
    except HeaderWarning as missing:
        raise ValueError(
            f"{file}: the header does not say how the numbers are meant: "
            f"{str(missing)[:160]} Write the file anew, with the image it belongs to."
        ) from None
    except _DAMAGE as error:
        raise ValueError(
            f"{file}: the tractogram is damaged or none ({str(error)[:160]})."
        ) from None
    if len(lines) == 0:
        raise ValueError(f"{file}: there are no streamlines in it.")
    counts = np.array([len(line) for line in lines])
    if (counts < 2).all():
        raise ValueError(f"{file}: no streamline in it has two points.")
    kept = lines[np.flatnonzero(counts >= 2)].copy()
    points = kept.get_data().astype(np.float64) / MM_PER_M
    starts = np.concatenate([[0], np.cumsum(counts[counts >= 2])])
    return Tractogram(points, starts, str(file))


def _check_sizes(header: Mapping) -> None:
    """Check a .trk's voxels, by which its points become mm, against its matrix."""
    if "voxel_to_rasmm" not in header or "voxel_sizes" not in header:
        return
    matrix = np.asarray(header["voxel_to_rasmm"], dtype=np.float64)
    sizes = np.asarray(header["voxel_sizes"], dtype=np.float64)
    sides = np.linalg.norm(matrix[:3, :3], axis=0)
    if not np.allclose(np.sort(sizes), np.sort(sides), rtol=0.01):
        raise ValueError(
            f"its voxels are {sizes.tolist()} mm by voxel_size, but "
            f"{sides.round(4).tolist()} mm by vox_to_ras"
        )


def write_tracts(
    path: str | os.PathLike[str],
    tracts: Tractogram,
    grid: VoxelGrid,
    values: Mapping[str, Float[ndarray, "point"]] | None = None,
) -> None:
    """Write a tractogram in TrackVis' format, which most viewers show.

    Args:
        path: A name that ends in .trk, replaced when it exists.
        tracts: The streamlines.
        grid: Of the image that they belong to.
        values: Numbers at the points, by a name of at most 18 letters.

    Raises:
        ValueError: The name ends otherwise.
        OSError: The file cannot be written.
    """
    file = Path(path)
    if file.suffix != ".trk":
        raise ValueError(f"{file}: the name of a tractogram ends in .trk.")
    affine = grid.affine.copy()
    affine[:3] *= MM_PER_M
    split = lambda x: np.split(x.astype(np.float32), tracts.starts[1:-1])
    of_points = {name: split(each[:, None]) for name, each in (values or {}).items()}
    lines = nibabel.streamlines.tractogram.Tractogram(
        split(tracts.points * MM_PER_M),
        data_per_point=of_points,
        affine_to_rasmm=np.eye(4),
    )
    header = {
        "voxel_to_rasmm": affine.astype(np.float32),
        "voxel_sizes": np.linalg.norm(affine[:3, :3], axis=0).astype(np.float32),
        "dimensions": np.asarray(grid.shape, dtype=np.int16),
        "voxel_order": "".join(nibabel.aff2axcodes(affine)).encode(),
    }
    with whole_file(file) as draft:
        nibabel.streamlines.save(lines, str(draft), header=header)


def check_tracts(head: HeadMesh, tracts: Tractogram) -> float:
    """Check that streamlines lie in the brain of a head.

    Args:
        head: The head, with white or gray matter.
        tracts: In its space, as they should be.

    Returns:
        The share of points in white or gray matter, to within 3 mm.

    Raises:
        ValueError: Most points lie elsewhere, which hints at another frame; the message
            says which known mistake would explain it.
    """
    step = max(len(tracts.points) // _CHECKED, 1)
    points = tracts.points[::step]
    brain = np.isin(head.tags, _BRAIN)
    if not brain.any():
        raise ValueError("the head has neither white nor gray matter.")
    in_brain = _brain_test(head, brain)
    inside = in_brain(points)
    if inside >= _LEAST_INSIDE:
        return inside
    shares = {words: in_brain(points @ flip.T) for words, flip in _WRONG_FRAMES.items()}
    low, high = (edge(head.nodes, axis=0) for edge in (np.min, np.max))
    middle = head.centroids[brain].mean(axis=0)
    shift = middle - points.mean(axis=0)
    shares[f"a shift by ({', '.join(f'{x * 1e3:.0f}' for x in shift)}) mm"] = in_brain(
        points + shift
    )
    best = max(shares, key=lambda name: shares[name])
    of_head = float(((points >= low) & (points <= high)).all(axis=1).mean())
    hint = (
        f" With {best}, {shares[best]:.0%} would: correct it where it was written."
        if shares[best] >= _LEAST_INSIDE
        else " Neither a reversed axis nor a shift explains it: are they another person's, "
        "or in MNI space?"
    )
    raise ValueError(
        f"{tracts.name}: {inside:.0%} of the points lie in white and gray matter of this "
        f"head and {of_head:.0%} in the box around it: the streamlines are in another "
        f"frame.{hint}"
    )


def _brain_test(
    head: HeadMesh, brain: Bool[ndarray, "tet"]
) -> Callable[[Float[ndarray, "point 3"]], float]:
    """Make what measures the share of points in the brain, or beside it by a voxel."""
    corners = head.nodes[np.unique(head.tetrahedra[brain])]
    low = corners.min(axis=0) - 2 * _VOXEL
    sides = np.ceil((corners.max(axis=0) - low) / _VOXEL).astype(int) + 3
    affine = np.diag([_VOXEL, _VOXEL, _VOXEL, 1.0])
    affine[:3, 3] = low
    i, j, k = sides.tolist()
    found = elements_on_grid(head, VoxelGrid(affine, (i, j, k)))
    mask = ndimage.binary_dilation((found >= 0) & brain[found])

    def share(points: Float[ndarray, "point 3"]) -> float:
        index = np.rint((points - low) / _VOXEL).astype(np.int64)
        there = ((index >= 0) & (index < sides)).all(axis=1)
        a, b, c = index[there].T
        return float(np.count_nonzero(mask[a, b, c]) / len(points))

    return share
