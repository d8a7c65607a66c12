"""Diffusion tensor images: what their six volumes mean, and tensors at points.

Programs differ in the order in which they store a symmetric tensor, in its unit, and in
the axes it refers to. A `TensorImage` keeps the numbers as they were stored next to what
they mean, and gives tensors in m²/s and world axes.

Numbers stay in the precision of the file, and so do interpolated ones: SimNIBS 4.5 does
that, and its conductivities can be met to 1e-14 only by doing it too.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy.ndimage import map_coordinates

from ..files import MM_PER_M


MM2_PER_S = 1e-6  # [m²/s], what FSL, MRtrix and dipy write.
UM2_PER_MS = 1e-9  # [m²/s], the unit in which water has a diffusivity of about 1 to 3.

STORED = ("xx", "xy", "xz", "yy", "yz", "zz")
_AS_MATRIX = np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])

# Cosine between voxel axes above which they are no frame for a tensor: 1 degree.
_MOST_SHEAR = np.sin(np.radians(1.0))


class TensorFrame(Enum):
    """The axes that the components of stored tensors refer to."""

    FSL = (
        "the voxel axes, the first reversed where the affine's determinant is positive"
    )
    VOXEL = "the voxel axes"
    WORLD = "the axes of the scanner or of the head"


@dataclass(frozen=True)
class TensorLayout:
    """How a program stores tensors.

    Attributes:
        name: Of the program, for messages.
        components: What each volume holds, in order.
        frame: The axes they refer to.
    """

    name: str
    components: tuple[str, ...]
    frame: TensorFrame

    def __post_init__(self):
        """Check that each component is there once."""
        if sorted(self.components) != sorted(STORED):
            raise ValueError(
                f"`components` must name {', '.join(STORED)} once each, in the order of "
                f"the volumes; got {self.components}."
            )

    @property
    def to_stored(self) -> Int[ndarray, "6"]:
        """Which volume holds each of xx, xy, xz, yy, yz, zz."""
        return np.array([self.components.index(name) for name in STORED])

    @property
    def diagonal(self) -> tuple[int, int, int]:
        """Which volumes hold xx, yy, zz, in the order of the volumes."""
        x, y, z = sorted(self.components.index(name) for name in ("xx", "yy", "zz"))
        return x, y, z


FSL_TENSORS = TensorLayout("FSL", STORED, TensorFrame.FSL)
MRTRIX_TENSORS = TensorLayout(
    "MRtrix", ("xx", "yy", "zz", "xy", "xz", "yz"), TensorFrame.WORLD
)
# dipy has its tensors in the axes of the gradient directions, which come from FSL's bvecs.
DIPY_TENSORS = TensorLayout(
    "dipy", ("xx", "xy", "yy", "xz", "yz", "zz"), TensorFrame.FSL
)


@dataclass(frozen=True, eq=False)
class TensorImage:
    """A symmetric tensor in each voxel of an image.

    Attributes:
        components: xx, xy, xz, yy, yz, zz of each voxel, in `unit` and along `axes`; all
            zero where there is no tensor.
        affine: Voxel indices to millimetres in the space of the head. [mm]
        axes: Columns are the axes of the components, in world coordinates: a tensor T is
            axes · T · axesᵀ there.
        unit: What a component of 1 means. [m²/s]
        layout: How the file stored them; None where they did not come from one.
    """

    components: Float[ndarray, "i j k 6"]
    affine: Float[ndarray, "4 4"]
    axes: Float[ndarray, "3 3"]
    unit: float
    layout: TensorLayout | None

    def __init__(
        self,
        components: ArrayLike,
        affine: ArrayLike,
        axes: TensorFrame | ArrayLike = TensorFrame.WORLD,
        unit: float = MM2_PER_S,
        layout: TensorLayout | None = None,
    ):
        """Check and keep the image.

        Args:
            components: xx, xy, xz, yy, yz, zz of each voxel, (i, j, k, 6). Voxels in which
                one is not a number become voxels without a tensor.
            affine: Voxel indices to millimetres, (4, 4), as image files have it. [mm]
            axes: The axes the components refer to, by name or as columns, (3, 3).
            unit: What a component of 1 means. [m²/s]
            layout: How the file stored them.

        Raises:
            ValueError: A shape does not fit, the affine is singular or sheared, the axes
                are not perpendicular unit vectors, the unit is not positive, or no voxel
                has a tensor.
        """
        matrix = _checked_affine(affine)
        if not (np.isfinite(unit) and unit > 0):
            raise ValueError(f"`unit` must be a positive number in m²/s, got {unit!r}.")
        values = _checked_components(components)
        object.__setattr__(self, "components", values)
        object.__setattr__(self, "affine", matrix)
        object.__setattr__(self, "axes", _checked_axes(matrix, axes))
        object.__setattr__(self, "unit", float(unit))
        object.__setattr__(self, "layout", layout)
        for array in (self.components, self.affine, self.axes):
            array.flags.writeable = False

    @property
    def grid_axes(self) -> Float[ndarray, "3 3"]:
        """Columns are the unit vectors along which i, j and k grow, in world axes."""
        return frame_axes(self.affine, TensorFrame.VOXEL)

    def tensors(
        self, where: Bool[ndarray, "i j k"] | None = None
    ) -> Float[ndarray, "*voxel 3 3"]:
        """Make the tensor of each voxel, in world axes. [m²/s]

        Args:
            where: Of these voxels only, in a row; by default of all, (i, j, k, 3, 3).
        """
        return self._in_world(self.components[... if where is None else where])

    def turned(self, rotation: Float[ndarray, "3 3"]) -> "TensorImage":
        """Turn or mirror each tensor where it is, such as by `FibreCoherence.rotation`.

        Args:
            rotation: In world axes; T becomes rotation · T · rotationᵀ.
        """
        axes = rotation @ self.axes
        return TensorImage(self.components, self.affine, axes, self.unit, self.layout)

    def sample(self, points: Float[ndarray, "point 3"]) -> Float[ndarray, "point 3 3"]:
        """Interpolate the tensor at points, linearly in each component.

        Args:
            points: Where, in the space of the head. [m]

        Returns:
            Tensors in world axes, zero outside the centres of the outermost voxels. [m²/s]
        """
        inverse = np.linalg.inv(self.affine[:3, :3])
        voxels = (points * MM_PER_M - self.affine[:3, 3]) @ inverse.T
        # Contiguous rows of coordinates, as map_coordinates would otherwise copy six times.
        coordinates = np.ascontiguousarray(voxels.T)
        sampled = np.empty((len(points), 6))
        for number in range(6):
            volume = self.components[..., number]
            sampled[:, number] = map_coordinates(
                volume, coordinates, output=volume.dtype, order=1, cval=0.0
            )
        return self._in_world(sampled)

    def __repr__(self) -> str:
        origin = f" by {self.layout.name}" if self.layout else ""
        there = np.any(self.components != 0, axis=-1).mean()
        return (
            f"TensorImage({'×'.join(map(str, self.components.shape[:3]))} voxels{origin}, "
            f"{there:.0%} with a tensor)"
        )

    def _in_world(self, components: Float[ndarray, "*n 6"]) -> Float[ndarray, "*n 3 3"]:
        matrices = components.astype(np.float64, copy=False)[..., _AS_MATRIX]
        return self.unit * (self.axes @ matrices @ self.axes.T)


def components_of(tensors: Float[ndarray, "*n 3 3"]) -> Float[ndarray, "*n 6"]:
    """Take xx, xy, xz, yy, yz, zz of symmetric tensors."""
    return tensors[..., [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]


def frame_axes(
    affine: Float[ndarray, "4 4"], frame: TensorFrame
) -> Float[ndarray, "3 3"]:
    """Find the axes of a frame, as columns in world coordinates.

    FSL's frame has the first voxel axis reversed where the affine's determinant is
    positive ("neurological" storage), so that it is left-handed in the world always
    [FSL's documentation of dtifit and of its bvecs; SimNIBS 4.5 does the same].

    Args:
        affine: Voxel indices to millimetres. [mm]
        frame: Which one.
    """
    if frame is TensorFrame.WORLD:
        return np.eye(3)
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if frame is TensorFrame.FSL and np.linalg.det(axes) > 0:
        axes = axes * np.array([-1.0, 1.0, 1.0])
    return axes


def _checked_axes(affine: ndarray, axes: TensorFrame | ArrayLike) -> ndarray:
    if isinstance(axes, TensorFrame):
        return frame_axes(affine, axes)
    matrix = np.array(axes, dtype=np.float64)
    if matrix.shape != (3, 3):
        raise ValueError(f"`axes` must have the shape (3, 3), got {matrix.shape}.")
    if not np.abs(matrix.T @ matrix - np.eye(3)).max() <= _MOST_SHEAR:
        raise ValueError(
            f"`axes` must be perpendicular unit vectors in columns; got {matrix.tolist()}."
        )
    return matrix


def _checked_components(components: ArrayLike) -> ndarray:
    values = np.asarray(components)
    if values.ndim != 4 or values.shape[3] != 6:
        raise ValueError(
            "`components` must have the shape (i, j, k, 6), the six components of a "
            f"symmetric tensor per voxel; got {values.shape}."
        )
    if min(values.shape[:3]) < 2:
        raise ValueError(
            "`components` must have two voxels or more in each direction, to interpolate "
            f"between; got the shape {values.shape}."
        )
    if values.dtype.kind not in "iuf":
        raise ValueError(f"`components` must be real numbers, got {values.dtype}.")
    if values.dtype not in (np.float32, np.float64):
        # Half precision and small integers would make interpolated values coarse.
        values = values.astype(np.float64)
    finite = np.all(np.isfinite(values), axis=-1)
    if not finite.all():
        values = np.where(finite[..., None], values, values.dtype.type(0))
    if not values.any():
        raise ValueError(
            "`components` holds no tensor: in every voxel they are zero or not a number. "
            "Is it the right file?"
        )
    return values.view()  # So that only ours becomes read-only.


def _checked_affine(affine: ArrayLike) -> ndarray:
    matrix = np.array(affine, dtype=np.float64)
    if matrix.shape != (4, 4):
        raise ValueError(f"`affine` must have the shape (4, 4), got {matrix.shape}.")
    if not np.isfinite(matrix).all() or not np.array_equal(matrix[3], [0, 0, 0, 1]):
        raise ValueError(
            f"`affine` must be finite with the last row 0 0 0 1, got {matrix.tolist()}."
        )
    length = np.linalg.norm(matrix[:3, :3], axis=0)
    if not length.all():
        raise ValueError(f"`affine` is singular; got {matrix.tolist()}.")
    axes = matrix[:3, :3] / length
    cosine = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if cosine > _MOST_SHEAR:
        raise ValueError(
            f"`affine` is sheared: two voxel axes are {np.degrees(np.arccos(cosine)):.1f}° "
            "apart in place of 90°. Tensors have no defined direction along such axes; "
            "resample the image to the head's T1 with reorientation (FSL: vecreg)."
        )
    return matrix
