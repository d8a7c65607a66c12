"""A T1 as it is read: where its head is, and what speaks against making a head of it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy import ndimage

from ..checks import Finding, Severity
from ..checks_images import check_frames
from ..images.nifti import load_nifti, load_volume
from .grids import Volume, upright_grid
from .shells import closed, grown, large_parts, voxel_sides


_MOST_VOXELS = 1 << 28
_LONGEST_VOXEL = 2.0  # [mm]
_FIELD_OF_VIEW = (100.0, 700.0)  # Longest side of an image of a head. [mm]
_FEWEST_VALUES = 60  # Of an image that is no label image.
_RIM = 4.0  # In which scalp is bright. [mm]
_BORDER = 0.4  # Brightness of a voxel that scalp fills nearly by half, of scalp.
_FINEST = 0.3  # [mm]
_THRESHOLD = 0.12  # Of the way from dark to bright: tissue, not air.
_PART = 0.1  # Of the largest part of a head, what is no speck.
_HEAD = (1.2e-3, 9e-3)  # Volume of what is brighter than air, with the neck. [m³]
_BARE_BRAIN = 2.2e-3  # A stripped brain is smaller. [m³]
_DARK_SKULL = (
    0.8  # Brightness of the darkest layer below the surface, of that above it.
)
# So far may a face lie behind the template's: a tenth of one of four real ones did by more
# than 5 mm, and nearly three quarters of one that had been removed by more than 8.
_OTHER_FACE = 8.0  # [mm]
_GRID = 2.0  # That a head is looked at on. [mm]
_ENDS = 0.02  # Share of the outermost slice of a side that a head may fill. [1]


@dataclass(frozen=True, eq=False)
class Scan:
    """A structural image of a head.

    Attributes:
        file: Where it was read.
        volume: Its brightness.
        inside: Which voxels are head, air in it included.
    """

    file: Path
    volume: Volume
    inside: Bool[ndarray, "i j k"]

    @property
    def affine(self) -> Float[ndarray, "4 4"]:
        """Voxel indices to positions. [mm]"""
        return self.volume.affine


def read_scan(path: str | os.PathLike[str]) -> Scan:
    """Read a T1 or a T2.

    Args:
        path: The image, .nii, .nii.gz or .mgz.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, no volume, a label image, or empty.
    """
    file = Path(path)
    image = load_nifti(file)
    stored = load_volume(file, image, _MOST_VOXELS, "a T1")
    values = np.nan_to_num(np.asarray(stored, np.float32), posinf=0.0, neginf=0.0)
    some = np.unique(values[::3, ::3, ::3])
    if len(some) < 2:
        raise ValueError(f"{file}: all values are alike: there is no head in it.")
    if len(some) < _FEWEST_VALUES:
        raise ValueError(
            f"{file}: the image has some {len(some)} different values only, as label "
            "images and masks have. Give the T1 itself, or labels by --labels."
        )
    if float(values.min()) < 0:
        values = values - max(float(values.min()), float(np.percentile(values, 0.5)))
        values = np.maximum(values, 0)
    volume = Volume(values, np.array(image.affine, dtype=np.float64))
    return Scan(file, volume, head_mask(volume))


def head_mask(volume: Volume) -> Bool[ndarray, "i j k"]:
    """Find the head in a T1: what is brighter than air, gaps and cavities filled."""
    # Sizes that no head has are for `check_scan`, and must not take forever here.
    values, voxel = volume.values, np.maximum(voxel_sides(volume.affine), _FINEST)
    low, high = np.percentile(values[::2, ::2, ::2], [2, 98])
    bright = values > low + _THRESHOLD * (high - low)
    bright = ~grown(~bright, 1.1, voxel)  # Noise and ringing are thin.
    # In a T2 that ends above the face, dark bone parts the scalp from the brain.
    head = grown(large_parts(bright, _PART), 1.1, voxel)
    head = closed(head, 6.0, voxel)
    head = np.asarray(ndimage.binary_fill_holes(head))
    # The skull and sinuses are open where the image ends.
    for axis in range(3):
        for end in (0, -1):
            slab = np.moveaxis(head, axis, 0)[end]  # A view.
            slab[:] = ndimage.binary_fill_holes(slab)
    return _trimmed(np.asarray(ndimage.binary_fill_holes(head)), values, voxel)


def _trimmed(
    head: Bool[ndarray, "i j k"],
    values: Float[ndarray, "i j k"],
    voxel: Float[ndarray, "3"],
) -> Bool[ndarray, "i j k"]:
    """Take off the outermost voxels where they are mostly air, as blurred borders are."""
    rim = head & grown(~head, _RIM, voxel)
    if not rim.any():
        return head
    edge = head & ~np.asarray(ndimage.binary_erosion(head, border_value=1), bool)
    level = _BORDER * float(np.percentile(values[rim], 75))
    return head & ~(edge & (values < level))


def check_scan(scan: Scan) -> list[Finding]:
    """Look for what speaks against making a head of an image.

    Errors are: voxels that are too long (`voxels`), sizes that no head has (`size`), and a
    brain without skull and scalp (`stripped`).

    Args:
        scan: The image.

    Returns:
        What was found, the worst first.
    """
    found = [
        *check_frames(scan.file),
        *_voxels(scan),
        *_size(scan),
        *_stripped(scan),
        *_cut(scan),
    ]
    order = list(Severity)
    return sorted(found, key=lambda finding: order.index(finding.severity))


def check_second(scan: Scan) -> list[Finding]:
    """Look for what makes a T2 beside the T1 of little use: voxels that are too long.

    Args:
        scan: The T2.
    """
    return [
        Finding(
            Severity.WARNING,
            "t2",
            f"{scan.file.name}: voxels are {_sides(scan)} mm, too long to tell thin bone "
            f"from CSF. Take a T2 whose voxels are {_LONGEST_VOXEL:g} mm at most along "
            "each side, or none.",
        )
        for _ in _voxels(scan)
    ]


def _voxels(scan: Scan) -> Iterator[Finding]:
    voxel = voxel_sides(scan.affine)
    if voxel.max() > _LONGEST_VOXEL + 0.05:
        yield Finding(
            Severity.ERROR,
            "voxels",
            f"voxels are {_sides(scan)} mm: in such, thin bone and CSF in sulci are lost. "
            f"Take a T1 whose voxels are {_LONGEST_VOXEL:g} mm at most along each side; "
            "1 mm is usual.",
        )


def _sides(scan: Scan) -> str:
    return " × ".join(f"{x:.3g}" for x in voxel_sides(scan.affine))


def _size(scan: Scan) -> Iterator[Finding]:
    voxel = voxel_sides(scan.affine)
    side = float((voxel * scan.inside.shape).max())
    volume = float(scan.inside.sum() * voxel.prod()) * 1e-9
    if not _FIELD_OF_VIEW[0] <= side <= _FIELD_OF_VIEW[1]:
        yield Finding(
            Severity.ERROR,
            "size",
            f"the image is {side:.0f} mm long by its header; a head is imaged in "
            f"{_FIELD_OF_VIEW[0]:g} to {_FIELD_OF_VIEW[1]:g} mm. Correct the size or the "
            "unit of its voxels.",
        )
    elif not _HEAD[0] / 2 <= volume <= _HEAD[1]:
        yield Finding(
            Severity.ERROR,
            "size",
            f"what is brighter than air in the image is {volume * 1e3:.2g} litres; a head "
            "is 3 to 6. Is it the T1 of a head?",
        )


def _stripped(scan: Scan) -> Iterator[Finding]:
    """A brain alone is small, and has no dark layer between two bright ones."""
    voxel = voxel_sides(scan.affine)
    volume = float(scan.inside.sum() * voxel.prod()) * 1e-9
    if _HEAD[0] / 2 < volume < _BARE_BRAIN and skull_contrast(scan) > _DARK_SKULL:
        yield Finding(
            Severity.ERROR,
            "stripped",
            f"the image shows {volume * 1e3:.2g} litres without a dark layer beneath the "
            "surface: skull and scalp have been removed. No head can be made of it, as "
            "the coil lies on the scalp; take the original T1. Targets in MNI space can "
            "still be planned on the `template` head.",
        )


def skull_contrast(scan: Scan) -> float:
    """The darkest layer 4 to 14 mm below the upper surface, of the brightest above it."""
    shape, grid = upright_grid(scan.inside.shape, scan.affine, _GRID)
    inside = Volume(scan.inside.astype(np.float32), scan.affine).on(shape, grid) > 0.5
    values = scan.volume.on(shape, grid)
    depth = np.asarray(ndimage.distance_transform_edt(np.pad(inside, 1)))
    depth = depth[1:-1, 1:-1, 1:-1] * _GRID
    height = np.arange(shape[2])
    there = height[inside.any(axis=(0, 1))]
    upper = height > there.max() - 80.0 / _GRID
    chosen = inside & upper
    layer = np.minimum(depth[chosen] / _GRID, 20).astype(int)
    mean = np.bincount(layer, values[chosen], minlength=21) / np.maximum(
        np.bincount(layer, minlength=21), 1
    )
    above = float(mean[1:4].max())
    return float(mean[2:8].min()) / above if above > 0 else 1.0


def _cut(scan: Scan) -> Iterator[Finding]:
    """Sides of the image, other than the lower one, that cut the head off."""
    step = scan.affine[:3, :3] / voxel_sides(scan.affine)
    for axis in range(3):
        for end, way in ((0, -1), (-1, 1)):
            out = way * step[:, axis]
            if out[2] < -0.7:
                continue
            share = float(scan.inside.take(end, axis).mean())
            if share > _ENDS:
                main = int(np.abs(out).argmax())
                names = (("left", "right"), ("back", "front"), ("lower", "upper"))
                side = names[main][int(out[main] > 0)]
                yield Finding(
                    Severity.WARNING,
                    "cut off",
                    f"the {side} side of the image cuts the head off over {share:.0%} of "
                    "the side: no coil may be placed there.",
                )


def check_place(
    scan: Scan, left: Float[ndarray, "3"], right: Float[ndarray, "3"]
) -> list[Finding]:
    """Look whether an image holds the head down to the ears.

    Args:
        scan: The image.
        left: The left preauricular point in it, by the template. [mm]
        right: The right one. [mm]
    """
    inverse = np.linalg.inv(scan.affine)
    outside = []
    for name, point in (("left", left), ("right", right)):
        at = inverse[:3, :3] @ point + inverse[:3, 3]
        if not ((at > -0.5) & (at < np.array(scan.inside.shape) - 0.5)).all():
            outside.append(name)
    if not outside:
        return []
    return [
        Finding(
            Severity.WARNING,
            "cut above the ears",
            f"the image ends above the {' and the '.join(outside)} ear: currents that "
            "flow low in the head are not there, and EEG positions are less sure.",
        )
    ]


def face_share(scan: Scan, face: Float[ndarray, "point 3"]) -> float:
    """How much of where the face should be is head, or near it, as faces differ.

    Args:
        scan: The image.
        face: Points of soft tissue in the face, laid over the head. [mm]

    Returns:
        The share of those within the image; 1 if none is.
    """
    inverse = np.linalg.inv(scan.affine)
    at = np.rint(face @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
    within = ((at >= 0) & (at < scan.inside.shape)).all(axis=1)
    if within.mean() < 0.2:
        return 1.0
    voxel = voxel_sides(scan.affine)
    room = np.ceil(_OTHER_FACE / voxel).astype(int) + 1
    low = np.maximum(at[within].min(axis=0) - room, 0)
    high = at[within].max(axis=0) + room + 1
    around = scan.inside[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    if not around.any():
        return 0.0
    away = np.asarray(ndimage.distance_transform_edt(~around, voxel))
    return float((away[tuple((at[within] - low).T)] <= _OTHER_FACE).mean())


def check_face(share: float) -> list[Finding]:
    """Refuse an image whose face was removed.

    Args:
        share: From `face_share`.
    """
    if share > 0.6:
        return []
    return [
        Finding(
            Severity.ERROR,
            "defaced",
            f"{1 - share:.0%} of the face is missing: the image was defaced. Fields at the "
            "forehead would be wrong, and the nasion and what is measured from it cannot "
            "be found. Take the original T1; with --force defaced, targets behind the "
            "central sulcus can still be planned.",
        )
    ]
