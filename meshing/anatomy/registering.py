"""A head laid over the template: an affine map, then a warp, by dipy.

The affine map maximises mutual information [Mattes et al. 2003,
doi:10.1109/TMI.2003.809072] from several starts, so that heads that are turned by some
20° find their way; the warp is symmetric and diffeomorphic with local cross-correlation
[Avants et al. 2008, doi:10.1016/j.media.2007.06.004].

Images hold more or less of neck and face, and turned ones have been cut at their corners:
the affine map is made of what is near the brain, and what one of the two images lacks is
taken from the other before the warp, so that it pulls at nothing. The warp is computed on
a grid of the template, laid over the head by the affine map: however a head lies in its
image, and however much of it the image holds, the warp sees the same. Far from the brain,
where faces and necks differ most, it sees nothing, and goes on smoothly.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy import ndimage

from ..progress import Progress, silent
from .grids import Volume, imaged, moved_by, positions, upright_grid
from .mutual_information import HEAD_RADIUS, dipy, optimized, quiet, scaled
from .shells import voxel_sides


_START, _BETWEEN, _COARSE = 8.0, 6.0, 4.0  # Voxels of the affine steps. [mm]
_UPPER = 150.0  # So much of the head below its top is compared at first. [mm]
_TURN = np.radians(20)
_ALIKE = 3  # Starts that end in one place are enough: no turn, and both about an axis.
_SAME = 4.0  # Maps differ by less at the corners of a head. [mm]
_KEEP = 2  # Starts that go on from the coarsest step.
_ROUNDS = (60, 40, 15)
# Of the window that is correlated, and standard deviation of what smooths each step of the
# warp. With 3 and 3 the warp chose other sulci in another scan of the same person; with 5
# and 4 it followed skull and scalp less.
_WINDOW, _SMOOTH = 4, 3.0  # [voxel]
_ROOM = 6.0  # Around the template, for what the warp moves out of it. [mm]
_FAINT = 0.02  # Brightness that is head at all, of the brightest.
_AROUND = 25.0  # Around the template's brain, what the affine map is made of. [mm]
# So near the brain all counts for the warp, then less and less, until nothing does. The
# face and the neck are unlike the template's, and would set the length of its steps.
_NEAR, _FADE = 20.0, 10.0  # [mm]
_HEAD = 0.1  # Brightness of the template's darkest tissues, at least, of white matter.
# No air is this deep in a head, its cavities filled: the image lacks that part.
_DEEP = 8.0  # [mm]
_AGAIN = 2  # What the image lacks is told anew once the template lies better.


@dataclass(frozen=True, eq=False)
class Alignment:
    """A head's way to MNI space and back.

    Attributes:
        matrix: From MNI positions to the head's, the affine part. [mm]
        affine: Of the grid on which the maps lie: voxel indices to the head's positions;
            its sides may be oblique. [mm]
        to_mni: MNI positions of its voxels. [mm]
        back: Where in the head the MNI positions are that the affine part puts into its
            voxels. [mm]
    """

    matrix: Float[ndarray, "4 4"]
    affine: Float[ndarray, "4 4"]
    to_mni: Float[ndarray, "i j k 3"]
    back: Float[ndarray, "i j k 3"]

    def mni_of(self, points: Float[ndarray, "point 3"]) -> Float[ndarray, "point 3"]:
        """Take positions in the head to MNI space. [mm]"""
        straight = moved_by(np.linalg.inv(self.matrix), points)
        linear = moved_by(np.linalg.inv(self.matrix), self._centres())
        return straight + self._interpolated(self.to_mni - linear, points)

    def head_of(self, points: Float[ndarray, "point 3"]) -> Float[ndarray, "point 3"]:
        """Take MNI positions to the head. [mm]"""
        straight = moved_by(self.matrix, points)
        return straight + self._interpolated(self.back - self._centres(), straight)

    def _centres(self) -> ndarray:
        shape = self.to_mni.shape[:3]
        return positions(shape, self.affine).reshape(*shape, 3)

    def _interpolated(self, shift: ndarray, points: ndarray) -> ndarray:
        """A shift at positions; beyond the grid it goes on as at its border."""
        at = moved_by(np.linalg.inv(self.affine), points).T
        return np.stack(
            [
                ndimage.map_coordinates(shift[..., c], at, order=1, mode="nearest")
                for c in range(3)
            ],
            axis=1,
        )


def align(
    head: Volume,
    inside: Bool[ndarray, "i j k"],
    template: Volume,
    brain: Volume | None = None,
    voxel: float = 2.0,
    rounds: tuple[int, ...] | None = None,
    progress: Progress | None = None,
) -> Alignment:
    """Lay the template over a head.

    Args:
        head: An image of it, such as a T1.
        inside: Which of its voxels are head.
        template: The same of the template, in MNI space.
        brain: How much of each of the template's voxels is brain; both maps are then made
            of what is near it.
        voxel: Of the grid that the warp is computed on. [mm]
        rounds: At most, of the warp, from the coarsest of its grids to the finest; by
            default 60, 40 and 15.
        progress: Called now and then.

    Raises:
        ModuleNotFoundError: dipy is not installed.
        ValueError: There is no head in the image.
    """
    report = progress or silent
    report(0.0, "affine registration")
    matrix = affine_registration(head, inside, template, brain)
    report(0.4, "warping the template")
    shape, own = _around(template, voxel)
    grid = matrix @ own
    static = scaled(
        Volume(np.where(inside, head.values, 0), head.affine).on(shape, grid)
    )
    placed = Volume(template.values, matrix @ template.affine)
    moving = scaled(placed.on(shape, grid))
    static = np.where(_lacking(head, inside, placed, shape, grid), moving, static)
    moving = np.where(imaged(placed, shape, grid), moving, static)
    if brain is not None:
        near = _near(brain, shape, own)
        static, moving = static * near, moving * near
    there, back = _warp(static, moving, rounds or _ROUNDS)
    report(1.0, "done")
    to_mni = moved_by(np.linalg.inv(matrix) @ grid, there)
    return Alignment(matrix, grid, to_mni, moved_by(grid, back))


def affine_registration(
    head: Volume,
    inside: Bool[ndarray, "i j k"],
    template: Volume,
    brain: Volume | None = None,
) -> Float[ndarray, "4 4"]:
    """Find the affine map from the template to a head, both in mm.

    Args:
        head: An image of it.
        inside: Which of its voxels are head.
        template: The same of the template, in MNI space.
        brain: How much of each of the template's voxels is brain, or None.

    Raises:
        ModuleNotFoundError: dipy is not installed.
        ValueError: There is no head in the image.
    """
    if not inside.any():
        raise ValueError("there is no head in the image.")
    masked = Volume(np.where(inside, head.values, 0).astype(np.float32), head.affine)
    centres = _upper_middle(masked), _upper_middle(template)
    found = []
    for turn in _turns():
        start = np.eye(4)
        start[:3, :3] = turn
        start[:3, 3] = centres[1] - turn @ centres[0]
        found.append(optimized(masked, template, start, _START, "rigid"))
        if len(found) >= _ALIKE and len(_different(found)) == 1:
            break
    finer = []
    for start in _different(found)[:_KEEP]:
        rough, _ = optimized(masked, template, start, _START, "affine")
        finer.append(optimized(masked, template, rough, _COARSE, "affine"))
    best = min(finer, key=lambda each: each[1])[0]
    if brain is not None:
        best = _about_the_brain(head, inside, template, brain, best)
    return np.linalg.inv(best)


def _different(
    found: list[tuple[ndarray, float]],
) -> list[Float[ndarray, "4 4"]]:
    """The maps that starts ended in, the best first, each of them once."""
    ends = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    kept: list[ndarray] = []
    for each, _ in sorted(found, key=lambda one: one[1]):
        away = [moved_by(each - other, HEAD_RADIUS * ends) for other in kept]
        if all(np.linalg.norm(shift, axis=1).max() > _SAME for shift in away):
            kept.append(each)
    return kept


def _about_the_brain(
    head: Volume,
    inside: Bool[ndarray, "i j k"],
    template: Volume,
    brain: Volume,
    start: Float[ndarray, "4 4"],
) -> Float[ndarray, "4 4"]:
    """Improve the map from a head to the template by what is near the brain in both."""
    masked = Volume(np.where(inside, head.values, 0).astype(np.float32), head.affine)
    shape, grid = upright_grid(brain.values.shape, brain.affine, _COARSE)
    away = ndimage.distance_transform_edt(
        brain.on(shape, grid) < 0.5, voxel_sides(grid)
    )
    moving = Volume((np.asarray(away) < _AROUND).astype(np.float32), grid)
    shape, grid = upright_grid(head.values.shape, head.affine, _COARSE)
    for _ in range(_AGAIN):
        placed = Volume(template.values, np.linalg.inv(start) @ template.affine)
        lacking = _lacking(head, inside, placed, shape, grid)
        static = Volume((~lacking).astype(np.float32), grid)
        start, _ = optimized(
            masked, template, start, _COARSE, "affine", (static, moving)
        )
    return start


def _around(
    template: Volume, voxel: float
) -> tuple[tuple[int, int, int], Float[ndarray, "4 4"]]:
    """A grid along MNI space's axes that holds the template, with room."""
    there = np.argwhere(template.values > _FAINT * template.values.max())
    low, high = there.min(axis=0), there.max(axis=0)
    affine = template.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ low
    shape = tuple(int(n) for n in high - low + 1)
    return upright_grid(shape, affine, voxel, _ROOM)


def _near(
    brain: Volume, shape: tuple[int, ...], grid: Float[ndarray, "4 4"]
) -> Float[ndarray, "x y z"]:
    """1 near the template's brain, and 0 far from it."""
    away = ndimage.distance_transform_edt(
        brain.on(shape, grid) < 0.5, voxel_sides(grid)
    )
    far = (np.asarray(away) - _NEAR) / _FADE
    return np.clip(1 - far, 0, 1).astype(np.float32)


def _lacking(
    head: Volume,
    inside: Bool[ndarray, "i j k"],
    placed: Volume,
    shape: tuple[int, ...],
    grid: Float[ndarray, "4 4"],
) -> Bool[ndarray, "x y z"]:
    """Which voxels of a grid a head's image lacks: it ends, or is black deep in the head.

    Args:
        head: The image.
        inside: Which of its voxels are head.
        placed: The template, laid over it.
        shape: Of the grid.
        grid: Its matrix. [mm]
    """
    own = Volume(inside.astype(np.float32), head.affine).on(shape, grid) > 0.5
    low = _HEAD * float(placed.values.max())
    there = np.asarray(ndimage.binary_fill_holes(placed.on(shape, grid) > low))
    voxel, dark = voxel_sides(grid), there & ~own
    deep = dark & (np.asarray(ndimage.distance_transform_edt(there, voxel)) > _DEEP)
    away = np.asarray(ndimage.distance_transform_edt(~deep, voxel))
    # What is cut off reaches from the depth to the skin.
    lost = dark & (away < 2 * _DEEP) & deep.any()
    return ~imaged(head, shape, grid) | lost


def _turns() -> list[ndarray]:
    """No turn, and one of 20° about each axis, to either side."""
    found = [np.eye(3)]
    for axis in range(3):
        for angle in (-_TURN, _TURN):
            i, j = (n for n in range(3) if n != axis)
            turn = np.eye(3)
            turn[i, i] = turn[j, j] = np.cos(angle)
            turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
            found.append(turn)
    return found


def _upper_middle(volume: Volume) -> Float[ndarray, "3"]:
    shape, grid = upright_grid(volume.values.shape, volume.affine, _START)
    values = volume.on(shape, grid)
    there = positions(shape, grid)[(values > 0.05 * values.max()).ravel()]
    return there[there[:, 2] > there[:, 2].max() - _UPPER].mean(axis=0)


def _warp(
    static: ndarray, moving: ndarray, rounds: tuple[int, ...]
) -> tuple[ndarray, ndarray]:
    """Where voxels of each image lie in the other. [voxel]"""
    modules = dipy()
    with quiet():
        registration = modules.imwarp.SymmetricDiffeomorphicRegistration(
            metric=modules.metrics.CCMetric(3, sigma_diff=_SMOOTH, radius=_WINDOW),
            level_iters=list(rounds),
        )
        registration.verbosity = modules.VerbosityLevels.NONE
        mapping = registration.optimize(static, moving)
        index = np.indices(static.shape, np.float32)
        there, back = (
            np.stack([way(axis) - axis for axis in index], axis=-1)
            for way in (mapping.transform, mapping.transform_inverse)
        )
    # What is moved in from beyond the grid comes as zero.
    own = np.moveaxis(index, 0, -1)
    far = 25.0
    there = np.where(np.abs(there) < far, there, 0) + own
    back = np.where(np.abs(back) < far, back, 0) + own
    return there, back
