"""Labels of any origin made fit for fields: closed layers of at least a given thickness.

Segmentations leave holes in the scalp, a skull that is open or thinner than a voxel, brain
that touches bone, and specks. Current takes a short cut through each of them. The rules
here are repeated until none of them changes anything, so that all hold at the end; what
each one changed is told.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray
from scipy import ndimage

from ..images.label_files import LabelImage
from ..images.label_tidy import tidy_labels
from .shells import (
    EVERY_NEIGHBOUR,
    cavities,
    closed,
    grown,
    largest_part,
    parts_of,
    voxel_sides,
    voxel_volume,
)


_CSF, _BONE, _SCALP, _EYES = 3, 4, 5, 6
_BRAIN, _BONES, _INNER = (1, 2), (4, 7, 8), (1, 2, 3)
_ROUNDS = 20


@dataclass(frozen=True)
class CleanRules:
    """What must hold of a head's layers.

    Attributes:
        skull: Least thickness of the bone around brain and CSF. [m]
        scalp: Least thickness of what covers the bone. [m]
        csf_reach: How far from the brain CSF may lie. [m]
        gaps: Radius of a ball: gaps and dents of the head that it does not fit into are
            filled. [m]
        island: Smaller pieces of a tissue are given to what is around them. [m³]
        cavity: Smaller cavities of air are filled; larger ones, such as the sinuses of
            the forehead, stay air. [m³]
        eye: Pieces of eyes are soft tissue if they are smaller. [m³]
    """

    skull: float = 2e-3
    scalp: float = 2e-3
    csf_reach: float = 15e-3
    gaps: float = 5e-3
    island: float = 10e-9
    cavity: float = 1e-6
    eye: float = 1e-6

    def __post_init__(self):
        for name, value in vars(self).items():
            if not 0 <= value < np.inf:
                raise ValueError(f"`{name}` is {value}, but must not be negative.")


@dataclass(frozen=True)
class Cleaned:
    """What `clean_labels` changed.

    Attributes:
        changes: Volume that each rule changed, by what it did. [m³]
        brain_lost: Volume of white and gray matter that is no longer such. [m³]
        brain_share: The same as a share of the brain.
        air: Volume of the cavities that stay air. [m³]
        settled: Whether all rules hold at the end.
    """

    changes: dict[str, float]
    brain_lost: float
    brain_share: float
    air: float
    settled: bool

    def __str__(self) -> str:
        said = [f"{v * 1e6:.3g} cm³ {name}" for name, v in self.changes.items() if v]
        if self.brain_lost:
            said.append(
                f"of these {self.brain_lost * 1e6:.3g} cm³ had been brain "
                f"({self.brain_share:.2%} of it)"
            )
        if self.air:
            said.append(f"{self.air * 1e6:.3g} cm³ of enclosed air left as holes")
        if not self.settled:
            said.append(
                "the rules contradict each other in places, and do not all hold"
            )
        return "; ".join(said) or "nothing to change"


@dataclass
class _Work:
    """An image that is worked on, in the box around the head."""

    labels: UInt8[ndarray, "i j k"]
    voxel: Float[ndarray, "3"]
    affine: Float[ndarray, "4 4"]
    below: Bool[ndarray, "i j k"]
    rules: CleanRules

    def of(self, *tags: int) -> Bool[ndarray, "i j k"]:
        return np.isin(self.labels, tags)

    def give(self, where: Bool[ndarray, "i j k"], tag: int) -> None:
        """Give voxels a tag; below the head they stay air."""
        self.labels[where & ~self.below] = tag

    def give_to_nearest(
        self, where: Bool[ndarray, "i j k"], donors: Bool[ndarray, "i j k"]
    ) -> None:
        """Give voxels the tag of the nearest of other voxels, or air without one."""
        if not where.any():
            return
        if not donors.any():
            self.labels[where] = 0
            return
        nearest = ndimage.distance_transform_edt(
            ~donors, self.voxel, return_distances=False, return_indices=True
        )
        at = tuple(np.asarray(nearest)[:, where])
        self.labels[where] = self.labels[at]


def clean_labels(
    image: LabelImage, rules: CleanRules = CleanRules()
) -> tuple[LabelImage, Cleaned]:
    """Make labels such that each layer of the head is closed.

    At the end the brain is one piece with at least a voxel of CSF around it; brain and CSF
    lie in bone of a least thickness, and this in soft tissue of a least thickness; the
    head has no gaps, no specks and only large cavities. Below the lowest voxel of the
    head, where the image or the cut of the neck ends it, nothing is added.

    Args:
        image: The tissues, in a space whose third axis points up.
        rules: What must hold.

    Returns:
        The cleaned image on the same grid, and what was changed.

    Raises:
        ValueError: There is no brain in the image.
    """
    if not np.isin(image.labels, _BRAIN).any():
        raise ValueError("the labels hold neither white nor gray matter.")
    box = _box(image, rules)
    work = _Work(
        image.labels[box].copy(),
        voxel_sides(image.affine),
        image.affine,
        _below(image)[box],
        rules,
    )
    before = work.labels.copy()
    changes, settled = _repeat(work)
    labels = np.zeros_like(image.labels)
    labels[box] = work.labels
    unit = voxel_volume(image.affine)
    brain = np.isin(before, _BRAIN)
    lost = int((brain & ~work.of(*_BRAIN)).sum())
    report = Cleaned(
        {name: count * unit for name, count in changes.items()},
        *(lost * unit, lost / int(brain.sum())),
        *(int(cavities(work.labels > 0).sum()) * unit, settled),
    )
    return LabelImage(labels, image.affine), report


def _repeat(work: _Work) -> tuple[dict[str, int], bool]:
    """Apply all rules until none changes anything; count the voxels each one changed."""
    changes = dict.fromkeys(_RULES, 0)
    version, content = 0, dict.fromkeys(_RULES, -1)  # At which a rule changed nothing.
    for _ in range(_ROUNDS):
        for name, rule in _RULES.items():
            if content[name] == version:
                continue
            former = work.labels.copy()
            rule(work)
            changed = int(np.count_nonzero(work.labels != former))
            changes[name] += changed
            version += changed > 0
            # What a rule has just changed it may want to change again.
            content[name] = -1 if changed else version
        if all(each == version for each in content.values()):
            return changes, True
    return changes, False


def _box(image: LabelImage, rules: CleanRules) -> tuple[slice, ...]:
    """The box around the head, with room for what is added."""
    room = 1e3 * (2 * rules.skull + rules.scalp + rules.gaps) + 4
    wide = np.ceil(room / voxel_sides(image.affine)).astype(int)
    found = ndimage.find_objects((image.labels > 0).astype(np.int32))[0]
    return tuple(
        slice(max(part.start - n, 0), min(part.stop + n, size))
        for part, n, size in zip(found, wide.tolist(), image.labels.shape, strict=True)
    )


def _below(image: LabelImage) -> Bool[ndarray, "i j k"]:
    """Voxels below the lowest one of the head."""
    i, j, k = (np.arange(n) for n in image.labels.shape)
    up = image.affine[2]
    height = up[0] * i[:, None, None] + up[1] * j[:, None] + up[2] * k
    return height < height[image.labels > 0].min() - 1e-6


def _one_brain(work: _Work) -> None:
    brain = work.of(*_BRAIN)
    apart = brain & ~largest_part(brain)
    work.give_to_nearest(apart, (work.labels > 0) & ~brain)


def _csf_near_brain(work: _Work) -> None:
    csf = work.of(_CSF)
    if not csf.any():
        return
    inner = work.of(*_INNER)
    parts, _ = parts_of(inner)
    there = np.unique(parts[work.of(*_BRAIN)])
    apart = csf & ~np.isin(parts, there)
    away = np.asarray(ndimage.distance_transform_edt(~work.of(*_BRAIN), work.voxel))
    apart |= csf & (away > 1e3 * work.rules.csf_reach)
    work.give_to_nearest(apart, (work.labels > 0) & ~inner)


def _csf_around_brain(work: _Work) -> None:
    brain = work.of(*_BRAIN)
    work.give(ndimage.binary_dilation(brain, EVERY_NEIGHBOUR) & ~brain, _CSF)
    work.give(cavities(work.of(*_INNER)), _CSF)


def _eyes(work: _Work) -> None:
    eyes = work.of(_EYES)
    parts, sizes = parts_of(eyes, EVERY_NEIGHBOUR)
    least = work.rules.eye / voxel_volume(work.affine)
    kept = [n for n in np.argsort(sizes)[:-3:-1].tolist() if sizes[n] >= least > 0]
    work.give(eyes & ~np.isin(parts, kept), _SCALP)


def _closed_skull(work: _Work) -> None:
    inner = work.of(*_INNER)
    shell = grown(inner, 1e3 * work.rules.skull, work.voxel)
    if work.rules.skull > 0:
        # Layers that meet at an edge would leak there.
        shell |= ndimage.binary_dilation(inner, EVERY_NEIGHBOUR)
    work.give(shell & ~inner & ~work.of(*_BONES), _BONE)
    # Soft tissue that bone encloses; enclosed air has a rule of its own.
    skull = work.of(*_INNER, *_BONES)
    work.give(cavities(skull) & (work.labels > 0), _BONE)


def _closed_head(work: _Work) -> None:
    head = work.labels > 0
    gaps = closed(head, 1e3 * work.rules.gaps, work.voxel) & ~head
    gaps &= ~cavities(head)
    work.give(gaps, _SCALP)


def _covered_skull(work: _Work) -> None:
    skull = work.of(*_INNER, *_BONES)
    air = (work.labels == 0) & ~cavities(work.labels > 0)
    cover = grown(skull, 1e3 * work.rules.scalp, work.voxel)
    if work.rules.scalp > 0:
        cover |= ndimage.binary_dilation(skull, EVERY_NEIGHBOUR)
    work.give(cover & air, _SCALP)


def _small_cavities(work: _Work) -> None:
    head = work.labels > 0
    parts, sizes = parts_of(cavities(head))
    least = work.rules.cavity / voxel_volume(work.affine)
    small = np.flatnonzero((sizes > 0) & (sizes < least))
    work.give_to_nearest(np.isin(parts, small), head)


def _islands(work: _Work) -> None:
    tidied, _ = tidy_labels(LabelImage(work.labels, work.affine), work.rules.island)
    work.labels = tidied.labels.copy()


#: What each rule does, in the words of the report.
_RULES: dict[str, Callable[[_Work], None]] = {
    "in specks and islands given to their surroundings": _islands,
    "of brain apart from the brain given away": _one_brain,
    "of CSF far from the brain given away": _csf_near_brain,
    "of CSF put around the brain": _csf_around_brain,
    "of eyes too small to be such made soft tissue": _eyes,
    "of bone added to close the skull": _closed_skull,
    "of gaps in the head filled": _closed_head,
    "of scalp added over bone": _covered_skull,
    "of small cavities filled": _small_cavities,
}
