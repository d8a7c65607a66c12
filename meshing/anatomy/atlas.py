"""How likely each tissue is in each voxel of the template, and how a T1 of it would look.

White and gray matter are the maps of the ICBM 152 average where they are at hand, as in
`template_labels`; the other tissues are the template's labels, blurred by what people
differ after registration. Between CSF and bone they differ most: registration hardly sees
that border, and how much CSF lies over a brain differs with age.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import ndimage

from ..images.label_files import LabelImage
from .grids import Volume
from .shells import closed, grown, voxel_sides


TISSUES = (1, 2, 3, 4, 5)
#: How bright white and gray matter, CSF, bone and scalp are in a T1, of white matter.
BRIGHTNESS = np.array([1.0, 0.7, 0.25, 0.2, 0.8])
_BLUR = 1.5  # Standard deviation. [mm]
_SKULL_BLUR = 4.0  # The same of the border between CSF and bone. [mm]
# The template's CSF is all between its brain and its skull, which an average has far from
# each other: bone of the two people measured was missed by a quarter.
_CSF = 2.5  # [mm]
_SULCI = 8.0  # Radius of a ball that does not fit into sulci. [mm]
_LOW = -100.0  # The template's neck below this is left out. [mm]


@dataclass(frozen=True, eq=False)
class Atlas:
    """Probabilities of tissues in MNI space.

    Attributes:
        shares: Of white and gray matter, CSF, bone and scalp; the rest is air.
        affine: Voxel indices to MNI positions. [mm]
    """

    shares: Float[ndarray, "tissue i j k"]
    affine: Float[ndarray, "4 4"]

    @classmethod
    def of(cls, labels: LabelImage, blur: float = _BLUR, csf: float = _CSF) -> "Atlas":
        """Blur labels, such as the template's.

        Args:
            labels: Tags 1 to 5.
            blur: Standard deviation. [mm]
            csf: How far from the brain, its sulci filled, CSF is expected; what lies
                farther out is bone. [mm]
        """
        low = np.linalg.inv(labels.affine) @ np.array([0.0, 0.0, _LOW, 1.0])
        start = max(round(float(low[2])), 0)
        image = labels.labels[:, :, start:].copy()
        affine = labels.affine.copy()
        affine[:3, 3] += start * affine[:3, 2]
        voxel = voxel_sides(affine)
        brain = closed(np.isin(image, (1, 2)), _SULCI, voxel)
        image[(image == 3) & ~grown(brain, csf, voxel)] = 4
        shares = [
            ndimage.gaussian_filter((image == tag).astype(np.float32), blur / voxel)
            for tag in TISSUES
        ]
        return cls(_unsure_skull(np.stack(shares), voxel), affine)

    def picture(self) -> Volume:
        """About what a T1 of it looks like, white matter being 1."""
        values = np.tensordot(BRIGHTNESS, self.shares, axes=1)
        return Volume(values.astype(np.float32), self.affine)

    def brain(self) -> Volume:
        """How much of each voxel is white or gray matter."""
        return Volume(self.shares[0] + self.shares[1], self.affine)

    def share(self, tissue: int) -> Volume:
        """The map of a tissue, by its tag."""
        return Volume(self.shares[TISSUES.index(tissue)], self.affine)


def _unsure_skull(shares: ndarray, voxel: ndarray) -> Float[ndarray, "tissue i j k"]:
    """Blur the border between CSF and bone more than others."""
    csf, bone = TISSUES.index(3), TISSUES.index(4)
    dark = shares[csf] + shares[bone]
    among = ndimage.gaussian_filter(shares[bone], _SKULL_BLUR / voxel)
    among /= ndimage.gaussian_filter(dark, _SKULL_BLUR / voxel) + 1e-6
    shares[csf], shares[bone] = dark * (1 - among), dark * among
    return shares


def picture_of(labels: LabelImage) -> Volume:
    """About what a T1 of labelled tissues looks like, white matter being 1."""
    bright = np.zeros(11, np.float32)
    bright[list(TISSUES)] = BRIGHTNESS
    bright[[6, 7, 8, 9, 10]] = 0.3, 0.2, 0.4, 0.3, 0.6
    return Volume(bright[labels.labels], labels.affine)
