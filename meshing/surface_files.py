"""Surfaces from files, and the frame that their coordinates are in.

FreeSurfer's own coordinates (tkRAS) have their origin in the middle of its volume. Binary
files show where that is, and whether coordinates have been moved already. GIfTI files give
it as `VolGeom…` or as a matrix to scanner coordinates, but not whether it was done:
mris_convert leaves coordinates where they are, fMRIPrep and Workbench write moved ones, not
always with a `VolGeomC…` of zero. So a head decides: the frame in which the surface follows
its gray matter. Without clear evidence nothing is assumed.
"""

import enum
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from nibabel.freesurfer.io import read_geometry
from nibabel.gifti.gifti import GiftiDataArray
from numpy import ndarray
from scipy import ndimage

from ..disk import gifti
from .files import MM_PER_M
from .head import HeadMesh
from .images.voxels import VoxelGrid, elements_on_grid
from .surface import Surface


_GRAY = 2
_EXTENT = (5.0, 1000.0)  # Of a surface, or a piece of one. [mm]
_SAME = 0.1  # Frames that differ by less are one. [mm]
_SAMPLES = 4000  # Vertices that are looked at.
_VOXEL = 1.5e-3  # To which distances are known. [m]
_CLEAR = 0.6  # Ratio of distances that distinguishes one frame from the other.
_FAR = 2e-3  # From gray matter: no surface of this head in this frame. [m]
_IN_PLACE = (1, 2)  # NIFTI_XFORM_SCANNER_ANAT and _ALIGNED_ANAT.
_ELSEWHERE = {3: "Talairach", 4: "MNI"}
# tkRAS of FreeSurfer's conformed volumes, whose axes run left, down and forwards.
_TK_AXES = np.array([[-1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
_REAL_RAS = np.array([2, 1, 20], ">i4").tobytes()  # Tag, yes, and the footer's begin.


class SurfaceFrame(enum.Enum):
    """Where the coordinates of a surface are."""

    STORED = "stored"
    """In the head as they stand."""
    MOVED = "moved"
    """In FreeSurfer's volume (tkRAS), to be moved as the file says."""


@dataclass(frozen=True, eq=False)
class SurfaceFile:
    """A surface, with what its file says of its frame.

    Attributes:
        file: Where it was read.
        stored: The surface as it stands.
        moved: As the file says how FreeSurfer's frame lies in the head; None where it
            says nothing else.
        frame: Which of the two is the head's, or None where the file does not say.
        move: How the one becomes the other, in words.
    """

    file: Path
    stored: Surface
    moved: Surface | None = None
    frame: SurfaceFrame | None = SurfaceFrame.STORED
    move: str = ""

    def surface(
        self, head: HeadMesh | None = None, frame: SurfaceFrame | None = None
    ) -> Surface:
        """Take the surface in the head's frame.

        Args:
            head: Whose gray matter decides where the file does not say; a warning says
                what was found.
            frame: Which one it is, whatever the file says.

        Raises:
            ValueError: It cannot be decided, or the file says nothing of its frame.
        """
        if frame is None:
            frame = self.frame if self.frame is not None else self._decided(head)
        if frame is SurfaceFrame.STORED:
            return self.stored
        if self.moved is None:
            raise ValueError(
                f"{self.file}: the file does not say where FreeSurfer's volume is (no "
                "c_ras, VolGeom or matrix), so its coordinates can only be taken as they "
                "stand (stored)."
            )
        return self.moved

    def _decided(self, head: HeadMesh | None) -> SurfaceFrame:
        assert self.moved is not None
        ask = (
            "Say which: the frame `stored` (as they stand: fMRIPrep, Workbench) or "
            "`moved` (mris_convert)."
        )
        shown = (
            f"{self.file}: the file speaks of a move by {self.move}, but not whether"
        )
        if head is None:
            raise ValueError(f"{shown} its coordinates have been moved already. {ask}")
        stored, moved = _to_gray(head, (self.stored, self.moved))
        words = (
            f"as they stand they are {stored * 1e3:.1f} mm from the head's gray matter "
            f"(mean), moved {moved * 1e3:.1f} mm"
        )
        near, far = min(stored, moved), max(stored, moved)
        if near > _FAR or near > _CLEAR * far:
            raise ValueError(
                f"{shown} its coordinates have been moved already, and the head does not "
                f"say: {words}. {ask}"
            )
        frame = SurfaceFrame.STORED if stored < moved else SurfaceFrame.MOVED
        taken = "taken as they stand" if stored < moved else f"moved by {self.move}"
        warnings.warn(
            f"{self.file}: coordinates are {taken}: {words}.",
            stacklevel=1,
        )
        return frame


def open_surface(path: str | os.PathLike[str]) -> SurfaceFile:
    """Read a surface with what its file says of its frame.

    Args:
        path: GIfTI (`.gii`), or FreeSurfer geometry such as `lh.pial`, in mm.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no surface, or one of a size that no head has.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"{file}: file not found.")
    try:
        found = _of_gifti(file) if file.name.endswith(".gii") else _of_freesurfer(file)
    except Exception as error:  # nibabel raises of every kind for FreeSurfer's files.
        if isinstance(error, OSError) and error.filename is not None:
            raise
        raise ValueError(
            f"{file}: no surface could be read ({error}). Give a GIfTI surface (.gii) or "
            "FreeSurfer geometry such as lh.pial."
        ) from error
    return found


def read_surface(
    path: str | os.PathLike[str],
    head: HeadMesh | None = None,
    frame: SurfaceFrame | None = None,
) -> Surface:
    """Read a surface of the cortex in the head's frame.

    Args:
        path: GIfTI (`.gii`), or FreeSurfer geometry such as `lh.pial`, in mm.
        head: See `SurfaceFile.surface`.
        frame: See `SurfaceFile.surface`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no surface, or its frame cannot be decided.
    """
    return open_surface(path).surface(head, frame)


def read_sphere(path: str | os.PathLike[str]) -> Surface:
    """Read a registration sphere, which lies about the origin whatever its file says.

    Args:
        path: As of `read_surface`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no surface.
    """
    return open_surface(path).stored


def _of_gifti(file: Path) -> SurfaceFile:
    image = gifti.opened(file)
    points = image.agg_data("pointset")
    triangles = image.agg_data("triangle")
    if not isinstance(points, ndarray) or not isinstance(triangles, ndarray):
        raise ValueError("it has no points and triangles, or several of them")
    stored = _checked(points.astype(np.float64), triangles)
    (array,) = image.get_arrays_from_intent("pointset")
    space = 0 if array.coordsys is None else int(array.coordsys.dataspace)
    if space in _ELSEWHERE:
        warnings.warn(
            f"{file}: its coordinate system is called {_ELSEWHERE[space]}, as Workbench "
            "calls all; it is taken as the head's.",
            stacklevel=1,
        )
    matrix, words = _move(array)
    frame = SurfaceFrame.STORED if space in _IN_PLACE or matrix is None else None
    return _with_move(file, stored, matrix, words, frame)


def _move(array: GiftiDataArray) -> tuple[Float[ndarray, "4 4"] | None, str]:
    """Find what takes FreeSurfer's frame to the scanner's, if the file says so."""
    system, about = array.coordsys, dict(array.meta)
    if system is not None and int(system.xformspace) in _IN_PLACE:
        matrix = np.asarray(system.xform, dtype=np.float64)
        if matrix.shape == (4, 4) and not np.allclose(matrix, np.eye(4), atol=1e-6):
            return matrix, "the matrix to scanner coordinates"
    if "VolGeomC_R" not in about:
        return None, ""
    axes, letters = ("X", "Y", "Z"), "RAS"
    number = lambda name, usual: float(about.get(f"VolGeom{name}", usual))
    columns = [
        [
            number(f"{axis}_{way}", _TK_AXES[row, column])
            for row, way in enumerate(letters)
        ]
        for column, axis in enumerate(axes)
    ]
    centre = np.array([number(f"C_{way}", 0.0) for way in letters])
    return _of_volume(np.array(columns).T, centre)


def _of_freesurfer(file: Path) -> SurfaceFile:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of footers that it does not know.
        # Its annotation knows not what follows from the arguments.
        found: Any = read_geometry(file, read_metadata=True)
    points, triangles, about = found
    stored = _checked(points.astype(np.float64), triangles)
    if "cras" in about and str(about.get("valid", "1")).startswith("1"):
        axes = np.stack([about[f"{x}ras"] for x in "xyz"], axis=1)
        matrix, words = _of_volume(axes, np.asarray(about["cras"], dtype=np.float64))
        return _with_move(file, stored, matrix, words, SurfaceFrame.MOVED)
    if _REAL_RAS not in file.read_bytes()[-4096:]:
        warnings.warn(
            f"{file}: the file does not say where FreeSurfer's volume is (c_ras); its "
            "coordinates are taken as they stand.",
            stacklevel=1,
        )
    return SurfaceFile(file, stored)


def _of_volume(
    axes: Float[ndarray, "3 3"], centre: Float[ndarray, "3"]
) -> tuple[Float[ndarray, "4 4"], str]:
    """Both frames have their origins in the middle of the volume, up to its c_ras."""
    matrix = np.eye(4)
    matrix[:3, :3] = axes @ _TK_AXES.T
    matrix[:3, 3] = centre
    return matrix, f"c_ras ({', '.join(f'{x:.4g}' for x in centre)}) mm"


def _with_move(
    file: Path,
    stored: Surface,
    matrix: Float[ndarray, "4 4"] | None,
    words: str,
    frame: SurfaceFrame | None,
) -> SurfaceFile:
    if matrix is None:
        return SurfaceFile(file, stored)
    if not np.isfinite(matrix).all() or not abs(np.linalg.det(matrix[:3, :3])) > 0.1:
        raise ValueError("the position of its volume is damaged")
    points = stored.vertices * MM_PER_M @ matrix[:3, :3].T + matrix[:3, 3]
    moved = Surface(points / MM_PER_M, stored.triangles)
    apart = np.linalg.norm(moved.vertices - stored.vertices, axis=1).max()
    if apart * MM_PER_M < _SAME:
        return SurfaceFile(file, stored)
    return SurfaceFile(file, stored, moved, frame, words)


def _checked(points: Float[ndarray, "vertex 3"], triangles: ndarray) -> Surface:
    if len(triangles) == 0 or not np.isfinite(points).all():
        raise ValueError("the surface has no triangles, or bad coordinates")
    if triangles.min() < 0 or triangles.max() >= len(points):
        raise ValueError("triangles name vertices that are not there")
    extent = float(np.ptp(points, axis=0).max())
    if not _EXTENT[0] <= extent <= _EXTENT[1]:
        raise ValueError(
            f"the surface is {extent:.3g} mm across, but coordinates must be in mm"
        )
    return Surface(points / MM_PER_M, triangles.astype(np.int32))


def _to_gray(head: HeadMesh, surfaces: tuple[Surface, ...]) -> list[float]:
    """Mean distances of surfaces' vertices from gray matter, zero inside it. [m]

    The white, the middle and the pial surface all lie in it or on its border.
    """
    points = [
        each.vertices[:: max(len(each.vertices) // _SAMPLES, 1)] for each in surfaces
    ]
    chosen = head.tetrahedra[head.tags == _GRAY]
    if len(chosen) == 0:
        return [float("inf")] * len(surfaces)
    nodes, corners = np.unique(chosen, return_inverse=True)
    tissue = HeadMesh(
        head.nodes[nodes], corners.reshape(-1, 4), np.full(len(chosen), _GRAY)
    )
    every = np.concatenate([*points, tissue.nodes])
    low = every.min(axis=0) - 2 * _VOXEL
    sides = np.ceil((every.max(axis=0) - low) / _VOXEL).astype(int) + 3
    affine = np.diag([_VOXEL, _VOXEL, _VOXEL, 1.0])
    affine[:3, 3] = low
    i, j, k = sides.tolist()
    outside = elements_on_grid(tissue, VoxelGrid(affine, (i, j, k))) < 0
    # The border of gray matter lies half a voxel from the last centre in it.
    away = np.asarray(ndimage.distance_transform_edt(outside)) - 0.5
    away = np.maximum(away, 0) * _VOXEL
    means = []
    for each in points:
        places = (each - low).T / _VOXEL
        means.append(float(ndimage.map_coordinates(away, places, order=1).mean()))
    return means
