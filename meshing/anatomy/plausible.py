"""Whether volumes of tissues are those of a living adult's head."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..checks import Finding, Severity
from ..images.label_files import LabelImage
from .shells import voxel_volume


# White matter, gray matter, CSF and bone of adults, with room on both sides. [m³]
_USUAL = {
    "white matter": ((1,), 0.28e-3, 0.85e-3),
    "gray matter": ((2,), 0.4e-3, 1.1e-3),
    "csf": ((3,), 0.08e-3, 0.9e-3),
    "bone": ((4, 7, 8), 0.25e-3, 1.6e-3),
}
_BESIDE, _COVERED = 0.3, 0.98  # Of the head, by a second image.
# Of two scans of one person, scalps were 0.4 to 1.1 mm apart in the mean, and those of two
# people 1.9 to 7.7 mm.
_APART, _FAR = 1.5, 5.0  # [mm]
_BIAS = 1.5  # Of brightness within the brain, 95th percentile over the 5th.


def volumes(image: LabelImage) -> dict[str, float]:
    """The volumes of the tissues that are checked. [m³]"""
    unit = voxel_volume(image.affine)
    counts = np.bincount(image.labels.ravel(), minlength=11)
    return {
        name: float(counts[list(tags)].sum() * unit)
        for name, (tags, _, _) in _USUAL.items()
    }


def check_volumes(image: LabelImage) -> list[Finding]:
    """Warn of tissues that have too much or too little volume for an adult.

    Args:
        image: The tissues.
    """
    found = []
    for name, volume in volumes(image).items():
        _, low, high = _USUAL[name]
        if not low <= volume <= high:
            found.append(
                Finding(
                    Severity.WARNING,
                    "volume",
                    f"there are {volume * 1e6:.0f} cm³ of {name}; adults have "
                    f"{low * 1e6:.0f} to {high * 1e6:.0f}. Look at the slices: is the "
                    "segmentation right?",
                )
            )
    return found


def check_contrast(
    image: LabelImage, brightness: Float[ndarray, "i j k"]
) -> list[Finding]:
    """Look whether white matter is brighter than CSF, as it is in a T1.

    Args:
        image: The tissues.
        brightness: Of the T1 on the same grid.
    """
    white, csf = (brightness[image.labels == tag] for tag in (1, 3))
    if not len(white) or not len(csf) or np.median(white) > np.median(csf):
        return []
    return [
        Finding(
            Severity.ERROR,
            "contrast",
            "white matter is not brighter than CSF in the image: it is no T1 (in a T2, CSF "
            "is bright), or the tissues do not lie where its are. Look at them in slices.",
        )
    ]


def check_reach(name: str, share: float) -> list[Finding]:
    """Warn of a second image that does not cover the head.

    Args:
        name: Of its file.
        share: Of the head that it covers.

    Raises:
        ValueError: It covers so little that it is hardly of the same person.
    """
    if share < _BESIDE:
        raise ValueError(
            f"{name}: laid over the T1 it covers {share:.0%} of the head. Is it of the "
            "same person and in the same orientation? Leave it out otherwise."
        )
    if share > _COVERED:
        return []
    return [
        Finding(
            Severity.WARNING,
            "second image",
            f"{name} covers {share:.0%} of the head; in the rest the T1 alone counts.",
        )
    ]


def check_whole(name: str, share: float) -> None:
    """Refuse a second image that does not cover the head, for SAMSEG.

    Args:
        name: Of its file.
        share: Of the head that it covers.

    Raises:
        ValueError: SAMSEG would cut off what the image does not hold.
    """
    if share <= _COVERED:
        raise ValueError(
            f"{name} covers {share:.0%} of the head. SAMSEG takes only what both images "
            "hold, and would cut the rest off: leave the T2 out, or take --by atlas, which "
            "goes by the T1 alone where the T2 does not reach."
        )


def check_person(name: str, apart: float | None) -> list[Finding]:
    """Warn of a second image that may be of another person.

    Args:
        name: Of its file.
        apart: How far its scalp is from that of the T1, from
            `second_image.scalps_apart`. [mm]

    Raises:
        ValueError: It cannot lie over the T1.
    """
    if apart is None or apart <= _APART:
        return []
    if apart > _FAR:
        raise ValueError(
            f"{name}: laid over the T1, its scalp is {apart:.1f} mm away from that of the "
            "T1 in the mean. Is it of the same person? Leave it out otherwise."
        )
    return [
        Finding(
            Severity.WARNING,
            "second image",
            f"laid over the T1, the scalp in {name} is {apart:.1f} mm away from that of "
            f"the T1 in the mean; {_APART:g} mm is usual at most. Is it of the same "
            "person? Look at the slices.",
        )
    ]


def check_bias(bias: float) -> list[Finding]:
    """Warn of brightness that differs much over the brain.

    Args:
        bias: The 95th percentile of the bias field over the 5th.
    """
    if bias <= _BIAS:
        return []
    return [
        Finding(
            Severity.WARNING,
            "bias",
            f"the same tissue is {bias:.2g} times as bright in one part of the brain as in "
            "another. It was corrected for, but look at the slices.",
        )
    ]
