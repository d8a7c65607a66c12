"""What may be wrong with a head or a label image, and where.

A `HeadMesh` has neither inverted nor flat elements and no unknown tissues: these are
refused where it is made. What is looked for here can be computed with, but gives a wrong
field: slivers, parts that are apart, missing tissues, leaks between tissues that should
not touch, holes in the scalp, and sizes that no head has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike

from .head import TISSUE_NAMES, HeadMesh
from .interfaces import Interfaces, face_areas, interfaces, patches
from .lattice.improve_shape import shapes_of


_WHITE, _GRAY, _CSF, _SCALP = 1, 2, 3, 5
_BRAIN, _BONE = (1, 2), (4, 7, 8)
_COVER = (5, 6, 10)  # Scalp, eyes and muscle may lie bare.
_OUTSIDE_BRAIN = {0: "the outside", 5: "scalp", 6: "eyes", 10: "muscle"}
_NEEDED = {
    "white matter": (1,),
    "gray matter": (2,),
    "csf": (3,),
    "bone": _BONE,
    "scalp": (5,),
}
_SLIVER = 0.02  # Sine of a dihedral angle, or twice the radius ratio.
_NEAR_ZERO = 1e-5
_WHOLE_TISSUE = 0.9  # Share of a tissue that its largest part has at least.
_LEAK = 1e-6  # Areas below this are not worth a word. [m²]
_BONE_LEAK = 1e-4  # Of gray matter and bone, which do touch in some places. [m²]
_HOLE = 1e-4  # Area of the smallest hole in the scalp that is reported. [m²]
_NECK = 0.02  # So far above the lowest point all tissues may meet the outside. [m]
_EXTENT = (0.12, 0.45)  # Longest side of a box around a head. [m]
_BRAIN_VOLUME = (0.3e-3, 2.5e-3)  # [m³]


class Severity(Enum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """Something that may be wrong.

    Attributes:
        severity: An error makes the head useless; after a warning, look at the place; a
            note is for the record.
        about: A word for programs, such as `leak`.
        message: What was found and what to do, a sentence or two.
        location: Where, or where it is worst; None where it is everywhere. [m]
    """

    severity: Severity
    about: str
    message: str
    location: tuple[float, float, float] | None = None


def check(
    head: HeadMesh, near: ArrayLike | None = None, radius: float = 0.03
) -> list[Finding]:
    """Look for what may be wrong with a head.

    Args:
        head: The head.
        near: Where a coil is searched for, (3,): there, even small holes in the scalp
            are reported. [m]
        radius: How far around `near`. [m]

    Returns:
        What was found, the worst first.
    """
    between = interfaces(head)
    found = [
        *_elements(head),
        *_crowded(head, between),
        *_apart(head),
        *_missing(head),
        *_sizes(head),
        *_leaks(head, between),
        *_holes(head, between, near, radius),
    ]
    order = list(Severity)
    return sorted(found, key=lambda finding: order.index(finding.severity))


def _place(point: ndarray) -> tuple[float, float, float]:
    x, y, z = (float(c) for c in point)
    return x, y, z


def _elements(head: HeadMesh) -> Iterator[Finding]:
    shapes = shapes_of(head.nodes, head.tetrahedra)
    worst, bad = int(shapes.argmin()), int((shapes < _SLIVER).sum())
    if bad:
        flat = shapes[worst] < _NEAR_ZERO
        corners = head.nodes[head.tetrahedra[worst]]
        yield Finding(
            Severity.ERROR if flat else Severity.WARNING,
            "sliver",
            f"{bad} of {len(shapes)} tetrahedra are slivers or needles; the worst is "
            f"number {worst} (from 0), in {TISSUE_NAMES[int(head.tags[worst])]}, of the "
            f"shape {shapes[worst]:.2g} (1 is good)"
            + (", as good as flat. " if flat else ". ")
            + "The field in and around them is unsure: mesh the head anew.",
            _place(corners.mean(axis=0)),
        )


def _crowded(head: HeadMesh, between: Interfaces) -> Iterator[Finding]:
    if len(between.crowded):
        yield Finding(
            Severity.ERROR,
            "overlap",
            f"{len(between.crowded)} faces belong to more than two tetrahedra: the mesh "
            "overlaps itself. Mesh the head anew.",
            _place(head.nodes[between.crowded[0]].mean(axis=0)),
        )


def _apart(head: HeadMesh) -> Iterator[Finding]:
    """Parts of the head, and of each tissue, that share no node with the rest."""
    part = patches(head.tetrahedra, len(head.nodes))
    volume = np.bincount(part, head.volumes)
    main = int(volume.argmax())
    if np.count_nonzero(volume) > 1:
        volume_apart = volume.sum() - volume[main]
        second = int(np.where(np.arange(len(volume)) == main, 0, volume).argmax())
        yield Finding(
            Severity.ERROR if volume_apart > 0.01 * volume.sum() else Severity.WARNING,
            "parts",
            f"the head consists of {np.count_nonzero(volume)} parts that share no node; "
            f"{volume_apart * 1e6:.3g} ml are apart from the largest. No current flows "
            "between them. Remove small ones; if tissues were meshed separately, merge "
            "nodes that coincide.",
            _centre(head, part == second),
        )
    for name, tags in _NEEDED.items():
        chosen = np.flatnonzero(np.isin(head.tags, tags))
        if len(chosen) == 0:
            continue
        part = patches(head.tetrahedra[chosen], len(head.nodes))
        volume = np.bincount(part, head.volumes[chosen])
        share = volume.max() / volume.sum()
        if share < _WHOLE_TISSUE:
            second = int(np.argsort(volume)[-2])
            yield Finding(
                Severity.WARNING,
                "tissue parts",
                f"the {name} is in {np.count_nonzero(volume)} pieces, of which the "
                f"largest has only {share:.0%}.",
                _place(head.centroids[chosen[part == second]].mean(axis=0)),
            )


def _centre(head: HeadMesh, chosen: ndarray) -> tuple[float, float, float]:
    return _place(head.centroids[chosen].mean(axis=0))


def _missing(head: HeadMesh) -> Iterator[Finding]:
    there = set(head.tissues)
    for name, tags in _NEEDED.items():
        if not there & set(tags):
            yield Finding(
                Severity.WARNING,
                "missing tissue",
                f"there is no {name}. Is that meant? If not, check the table of labels.",
            )


def _sizes(head: HeadMesh) -> Iterator[Finding]:
    extent = float(np.ptp(head.nodes, axis=0).max())
    if not _EXTENT[0] <= extent <= _EXTENT[1]:
        yield Finding(
            Severity.WARNING,
            "size",
            f"the head is {extent * 1e3:.3g} mm long; human heads are "
            f"{_EXTENT[0] * 1e3:.0f} to {_EXTENT[1] * 1e3:.0f} mm. Was the file in "
            "another unit than mm?",
        )
    brain = float(head.volumes[head.of("white matter", "gray matter")].sum())
    if brain and not _BRAIN_VOLUME[0] <= brain <= _BRAIN_VOLUME[1]:
        yield Finding(
            Severity.WARNING,
            "size",
            f"white and gray matter take up {brain * 1e3:.3g} l; those of people take up "
            f"{_BRAIN_VOLUME[0] * 1e3:.1f} to {_BRAIN_VOLUME[1] * 1e3:.1f} l. Check unit "
            "and tissues.",
        )


def _leaks(head: HeadMesh, between: Interfaces) -> Iterator[Finding]:
    """Faces of the brain with what should be kept from it by CSF and bone."""
    low = np.minimum(between.first, between.second)
    high = np.maximum(between.first, between.second)
    outside = (low == 0) & _outermost(head, between)
    brain = np.isin(between.first, _BRAIN) | np.isin(between.second, _BRAIN)
    above = head.nodes[between.faces].mean(axis=1)[:, 2] > _neck(head)
    for tag, name in _OUTSIDE_BRAIN.items():
        touch = brain & (high == tag) if tag else brain & outside & above
        area = face_areas(head.nodes, between.faces[touch])
        if area.sum() > _LEAK:
            yield Finding(
                Severity.WARNING,
                "leak",
                f"the brain touches {name} over {area.sum() * 1e4:.3g} cm²: there is a "
                "hole in CSF and skull, through which current takes a short cut.",
                _largest(head, between.faces[touch], area),
            )
    touch = (low == _GRAY) & np.isin(high, _BONE)
    area = face_areas(head.nodes, between.faces[touch])
    if area.sum() > _LEAK:
        yield Finding(
            Severity.WARNING if area.sum() > _BONE_LEAK else Severity.NOTE,
            "leak",
            f"gray matter touches bone over {area.sum() * 1e4:.3g} cm², without CSF in "
            "between, which shields the brain less.",
            _largest(head, between.faces[touch], area),
        )
    touch = (low == _CSF) & (high == _SCALP)
    area = face_areas(head.nodes, between.faces[touch])
    if area.sum() > _BONE_LEAK:
        yield Finding(
            Severity.NOTE,
            "skull hole",
            f"CSF touches scalp over {area.sum() * 1e4:.3g} cm²: the skull is open there, "
            "as it is at the neck and behind the eyes.",
            _largest(head, between.faces[touch], area),
        )


def _largest(
    head: HeadMesh, faces: ndarray, area: ndarray
) -> tuple[float, float, float]:
    """The middle of the largest connected patch."""
    part = patches(faces, len(head.nodes))
    chosen = part == np.bincount(part, area).argmax()
    return _place(
        np.average(head.nodes[faces[chosen]].mean(axis=1), axis=0, weights=area[chosen])
    )


def _neck(head: HeadMesh) -> float:
    return float(head.nodes[:, 2].min()) + _NECK


def _outermost(head: HeadMesh, between: Interfaces) -> ndarray:
    """Whether each face lies on the outer surface, and not on a cavity's."""
    result = np.zeros(len(between.faces), bool)
    outer = np.flatnonzero(between.second == 0)
    if len(outer) == 0:
        return result
    part = patches(between.faces[outer], len(head.nodes))
    height = head.nodes[between.faces[outer, 0], 0]
    low = np.full(part.max() + 1, np.inf)
    high = np.full(part.max() + 1, -np.inf)
    np.minimum.at(low, part, height)
    np.maximum.at(high, part, height)
    result[outer[part == (high - low).argmax()]] = True
    return result


def _holes(
    head: HeadMesh, between: Interfaces, near: ArrayLike | None, radius: float
) -> Iterator[Finding]:
    """Places where something else than scalp lies bare."""
    if not (head.tags == _SCALP).any():
        return
    centre = head.nodes[between.faces].mean(axis=1)
    bare = _outermost(head, between) & ~np.isin(between.first, _COVER)
    bare &= centre[:, 2] > _neck(head)
    found = [(bare, "in the scalp", _HOLE)]
    if near is not None:
        far = np.linalg.norm(centre - np.asarray(near, dtype=np.float64), axis=1)
        where = f"in the scalp within {radius * 1e3:.0f} mm of where a coil is searched"
        found.append((bare & (far < radius), where, _LEAK))
    for chosen, where, least in found:
        faces = between.faces[chosen]
        area = face_areas(head.nodes, faces)
        if area.sum() > least:
            tags = np.unique(between.first[chosen]).tolist()
            yield Finding(
                Severity.WARNING,
                "scalp hole",
                f"there are holes of {area.sum() * 1e4:.3g} cm² {where}, in which "
                f"{', '.join(TISSUE_NAMES[tag] for tag in tags)} lies bare. A coil over "
                "them would touch what no coil touches.",
                _largest(head, faces, area),
            )
