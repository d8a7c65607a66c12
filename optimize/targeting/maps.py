"""Images as targets: masks, statistical maps and atlases weigh gray matter.

The objective of a map w is Σ w |E|, or Σ w n·E along the normals, over the tetrahedra of a
tissue: a region whose weights are volumes times the map. All that is said of regions
holds for it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy import ndimage

from ...meshing import (
    TISSUE_NAMES,
    HeadMesh,
    Region,
    load_nifti,
    load_volume,
    template_space,
    tissue_tag,
    weighted_region,
)


REACH = 40e-3  # Below the scalp; a figure-of-eight's field there is a tenth. [m]
_MOST_VOXELS = 1 << 28
_MM_PER_M = 1e3
_LARGEST = 1e30  # Of a map; sums of larger ones overflow.
_P_VALUES, _LABELS = 22, 1002  # NIFTI_INTENT_PVAL and _LABEL.


@dataclass(frozen=True, eq=False)
class VolumeMap:
    """A number in each voxel of an image.

    Attributes:
        values: Zero where the map says nothing.
        affine: Voxel indices to positions. [m]
        name: For messages.
        space: Of a template, as the header names it; empty for a person's.
        several: Whether the values are numbers of several regions, of which one must be
            taken by `labelled`.
    """

    values: Float[ndarray, "i j k"]
    affine: Float[ndarray, "4 4"]
    name: str = "the map"
    space: str = ""
    several: bool = False

    def positions(self, chosen: Bool[ndarray, "i j k"]) -> Float[ndarray, "voxel 3"]:
        """Give the centres of voxels. [m]"""
        return np.argwhere(chosen) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def at(self, points: Float[ndarray, "point 3"]) -> Float[ndarray, "point"]:
        """Interpolate between voxels, trilinearly; zero outside of the image.

        Args:
            points: In the space of the map. [m]
        """
        inverse = np.linalg.inv(self.affine)
        places = points @ inverse[:3, :3].T + inverse[:3, 3]
        return ndimage.map_coordinates(self.values, places.T, order=1, cval=0.0)

    @property
    def centre(self) -> Float[ndarray, "3"]:
        """The centre of gravity of what is positive. [m]"""
        chosen = self.values > 0
        weights = self.values[chosen]
        return weights @ self.positions(chosen) / weights.sum()

    @property
    def voxel_volume(self) -> float:
        """Of one voxel. [m³]"""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    def above(self, threshold: float = 0.0) -> "VolumeMap":
        """Keep what passes a threshold, as positive weights.

        Args:
            threshold: What is at least this is kept; of a negative threshold, what is at
                most this, such as anticorrelations, with its sign turned. Zero keeps all
                that is positive.

        Raises:
            ValueError: Nothing passes, or the values are numbers of several regions.
        """
        if self.several:
            raise ValueError(
                f"{self.name}: the header says that values are labels, of which there are "
                "several: they are no weights. Name one label."
            )
        sign = -1.0 if threshold < 0 else 1.0
        signed = sign * self.values
        kept = np.where((signed >= abs(threshold)) & (signed > 0), signed, 0.0)
        if not kept.any():
            low, high = self.values.min(), self.values.max()
            raise ValueError(
                f"{self.name}: no voxel passes the threshold {threshold:g}; the values go "
                f"from {low:.4g} to {high:.4g}."
            )
        return replace(self, values=kept)

    def labelled(self, label: int) -> "VolumeMap":
        """Take one region of an atlas as a mask.

        Raises:
            ValueError: No voxel has this label.
        """
        kept = self.values == label
        if not kept.any():
            present = np.unique(self.values[self.values != 0])[:12]
            words = ", ".join(f"{value:g}" for value in present)
            raise ValueError(
                f"{self.name}: no voxel has the label {label}; the first labels are "
                f"{words or 'none'}."
            )
        return replace(self, values=kept.astype(np.float64), several=False)

    def clusters(self) -> list["VolumeMap"]:
        """Part what is positive into voxels that share faces, the weightiest first.

        The weight of a cluster is the sum of its values. Use `above` before.
        """
        labels = np.zeros(self.values.shape, dtype=np.int32)
        ndimage.label(self.values > 0, output=labels)
        weights = np.bincount(labels.ravel(), self.values.ravel())[1:]
        order = np.argsort(-weights, kind="stable") + 1
        return [
            replace(self, values=np.where(labels == number, self.values, 0.0))
            for number in order
        ]

    def cluster(self, number: int) -> "VolumeMap":
        """Take one cluster, of which the first is the weightiest.

        Args:
            number: From 1.

        Raises:
            ValueError: There are not as many.
        """
        found = self.clusters()
        if not 1 <= number <= len(found):
            raise ValueError(
                f"{self.name}: there is no cluster {number}; what passes the threshold "
                f"has {len(found)}, the weightiest first."
            )
        return found[number - 1]


@dataclass(frozen=True, eq=False)
class MappedTarget:
    """Gray matter as a map weighs it.

    Attributes:
        region: With the map in its weights.
        deep_share: Of the map's weight in the tissue that lies too deep, and was left out.
    """

    region: Region
    deep_share: float


def read_map(path: str | os.PathLike[str]) -> VolumeMap:
    """Read a mask, a statistical map or an atlas.

    Args:
        path: NIfTI image of one volume, .nii or .nii.gz, in mm. NaN, which statistics
            programs write outside the brain, becomes zero.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no volume, nothing but NaN and zero, or probabilities of
            error (p-values), which are small where an effect is strong.
    """
    file = Path(path)
    image = load_nifti(file)
    intent = int(image.header["intent_code"])
    if intent == _P_VALUES:
        raise ValueError(
            f"{file}: the header says that values are p-values, which are small where an "
            "effect is strong, so they are no weights. Give z, t, or -log10 p."
        )
    values = np.asarray(load_volume(file, image, _MOST_VOXELS), dtype=np.float64)
    if not (np.abs(np.nan_to_num(values, nan=0.0)) < _LARGEST).all():
        raise ValueError(f"{file}: the map holds infinite or absurd values.")
    values = np.nan_to_num(values, nan=0.0)
    if not values.any():
        raise ValueError(f"{file}: the map is zero or NaN everywhere.")
    affine = np.array(image.affine, dtype=np.float64)
    affine[:3] /= _MM_PER_M
    several = intent == _LABELS and len(np.unique(values[values != 0])) > 1
    return VolumeMap(values, affine, str(file), template_space(image), several)


def mapped_region(
    head: HeadMesh,
    weigh: Callable[[Float[ndarray, "point 3"]], Float[ndarray, "point"]],
    *,
    tissue: str | int = "gray matter",
    reach: float | None = REACH,
    name: str = "the map",
) -> MappedTarget:
    """Weigh the tetrahedra of a tissue by a map, at their centroids.

    Args:
        head: The head.
        weigh: The map, at points of the head [m], such as `VolumeMap.at`; what is not
            positive does not count.
        tissue: Name or tag.
        reach: Below the scalp, beyond which a coil cannot reach; None for no limit. [m]
        name: For messages.

    Raises:
        ValueError: The tissue is not in the head, the map is zero in it, or only too deep.
    """
    tag = tissue_tag(tissue)
    candidates = np.flatnonzero(head.of(tag))
    if len(candidates) == 0:
        present = ", ".join(TISSUE_NAMES[t] for t in head.tissues)
        raise ValueError(
            f"the head has no {TISSUE_NAMES[tag]}; its tissues are {present}."
        )
    values = np.asarray(weigh(head.centroids[candidates]))
    chosen, values = candidates[values > 0], values[values > 0]
    if len(chosen) == 0:
        raise ValueError(
            f"{name}: nothing of it lies in the {TISSUE_NAMES[tag]} of this head. Is it in "
            "another space, such as MNI, or another person's?"
        )
    deep = np.zeros(len(chosen), dtype=bool)
    if reach is not None:
        scalp = head.outer_surface
        deep = -scalp.signed_distance(head.centroids[chosen], reach + 0.01) > reach
    mass = values * head.volumes[chosen]
    if deep.all():
        raise ValueError(
            f"{name}: all of it lies more than {1e3 * (reach or 0):g} mm below the "
            "scalp, where no coil reaches."
        )
    found = weighted_region(head, chosen[~deep], values[~deep])
    return MappedTarget(found, float(mass[deep].sum() / mass.sum()))
