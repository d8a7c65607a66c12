"""Positions on the scalp that are found with a tape measure: the 10-20 system.

Curves of the 10-20 system are sections of the scalp by planes through three points
[Jasper 1958, *Electroencephalogr. Clin. Neurophysiol.* 10:371; Jurcak et al. 2007,
doi:10.1016/j.neuroimage.2006.09.024, who name the choices it leaves open].
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import ArrayLike

from .scalp import Scalp


_RAYS = 121  # Of a section: one for two degrees or less.
_FAR = 0.3  # [m]
_ROUNDS = 4

# Of the spherical 10-20 model, in which F3 is 39° from the midline and 60° from the vertex
# where the fiducials are 115° from it and 46° are a fifth of the way between the fiducials.
_F3_AZIMUTH = 39 / 360
_F3_ARC = 60 / 46 * 0.2


@dataclass(frozen=True)
class Fiducials:
    """What all positions are measured from. [m]

    Attributes:
        nasion: The root of the nose.
        inion: The bump at the back of the head.
        left: The left preauricular point.
        right: The right preauricular point.
    """

    nasion: tuple[float, float, float]
    inion: tuple[float, float, float]
    left: tuple[float, float, float]
    right: tuple[float, float, float]

    def __post_init__(self):
        for name in ("nasion", "inion", "left", "right"):
            value = np.asarray(getattr(self, name), dtype=np.float64)
            if value.shape != (3,) or not np.isfinite(value).all():
                raise ValueError(
                    f"`{name}` must be three finite numbers in m, got "
                    f"{getattr(self, name)!r}."
                )


# Nasion and preauricular points are those that MNE-Python has for fsaverage, moved to
# MNI152; nobody has marked the inion, which is taken where the back of the head turns
# towards the neck.
TEMPLATE_FIDUCIALS = Fiducials(
    nasion=(0.0002, 0.0868, -0.0344),
    inion=(0.0, -0.118, -0.028),
    left=(-0.0810, -0.0286, -0.0387),
    right=(0.0836, -0.0257, -0.0408),
)


def eeg_positions(scalp: Scalp, fiducials: Fiducials) -> dict[str, Float[ndarray, "3"]]:
    """Measure the positions of the 10-20 system on a scalp.

    Args:
        scalp: The scalp.
        fiducials: Of the same head.

    Returns:
        Points on the scalp by name, such as Cz, F3 or T7. [m]

    Raises:
        ValueError: The fiducials do not lie around the head.
    """
    nasion, inion, left, right = _points(fiducials)
    vertex = _vertex(scalp, fiducials)
    found = {"Cz": vertex}
    midline = _section(scalp, nasion, vertex, inion)
    for name, share in (("Fpz", 0.1), ("Fz", 0.3), ("Pz", 0.7), ("Oz", 0.9)):
        found[name] = _at(midline, share)
    coronal = _section(scalp, left, vertex, right)
    for name, share in (("T7", 0.1), ("C3", 0.3), ("C4", 0.7), ("T8", 0.9)):
        found[name] = _at(coronal, share)
    for names, middle in (
        (("Fp1", "F7", "P7", "O1"), "T7"),
        (("Fp2", "F8", "P8", "O2"), "T8"),
    ):
        around = _section(scalp, found["Fpz"], found[middle], found["Oz"])
        for name, share in zip(names, (0.1, 0.3, 0.7, 0.9), strict=True):
            found[name] = _at(around, share)
    for start, middle, end, names in (
        ("F7", "Fz", "F8", ("F3", "F4")),
        ("P7", "Pz", "P8", ("P3", "P4")),
    ):
        arc = _section(scalp, found[start], found[middle], found[end])
        half = _share_of(arc, found[middle])
        found[names[0]] = _at(arc, half / 2)
        found[names[1]] = _at(arc, (1 + half) / 2)
    return found


def dense_eeg_positions(
    scalp: Scalp, fiducials: Fiducials
) -> dict[str, Float[ndarray, "3"]]:
    """Measure the positions of the 10-10 system on a scalp: those between the 10-20's.

    Args:
        scalp: The scalp.
        fiducials: Of the same head.

    Returns:
        Points on the scalp by name, those of `eeg_positions` among them. [m]

    Raises:
        ValueError: The fiducials do not lie around the head.
    """
    nasion, inion, left, right = _points(fiducials)
    found = eeg_positions(scalp, fiducials)
    midline = _section(scalp, nasion, found["Cz"], inion)
    for name, share in (("AFz", 0.2), ("FCz", 0.4), ("CPz", 0.6), ("POz", 0.8)):
        found[name] = _at(midline, share)
    coronal = _section(scalp, left, found["Cz"], right)
    for name, share in (("C5", 0.2), ("C1", 0.4), ("C2", 0.6), ("C6", 0.8)):
        found[name] = _at(coronal, share)
    for names, middle in (
        (("AF7", "FT7", "TP7", "PO7"), "T7"),
        (("AF8", "FT8", "TP8", "PO8"), "T8"),
    ):
        around = _section(scalp, found["Fpz"], found[middle], found["Oz"])
        for name, share in zip(names, (0.2, 0.4, 0.6, 0.8), strict=True):
            found[name] = _at(around, share)
    for start, row, ends in (
        *(("AF7", "AF", "AF8"), ("F7", "F", "F8"), ("FT7", "FC", "FT8")),
        *(("TP7", "CP", "TP8"), ("P7", "P", "P8"), ("PO7", "PO", "PO8")),
    ):
        arc = _section(scalp, found[start], found[f"{row}z"], found[ends])
        half = _share_of(arc, found[f"{row}z"])
        # A row between the 10-20's ends has one place to each side, others have three.
        steps = {3: 0.5} if row in ("AF", "PO") else {5: 0.25, 3: 0.5, 1: 0.75}
        for number, share in steps.items():
            found.setdefault(f"{row}{number}", _at(arc, half * share))
            found.setdefault(f"{row}{number + 1}", _at(arc, 1 - (1 - half) * share))
    return found


def beam_f3(scalp: Scalp, fiducials: Fiducials) -> Float[ndarray, "3"]:
    """Find F3 from three lengths, much as the Beam F3 method does.

    As there [Beam et al. 2009, doi:10.1016/j.brs.2008.09.006], the lengths from nasion to
    inion and from tragus to tragus over the vertex and the circumference give a way along
    the circumference and a way from the vertex towards there. The shares are those of the
    spherical 10-20 model and not the coefficients of Beam's program.

    Args:
        scalp: The scalp.
        fiducials: Of the same head.

    Returns:
        A point on the scalp. [m]

    Raises:
        ValueError: The fiducials do not lie around the head.
    """
    nasion, inion, left, right = _points(fiducials)
    vertex = _vertex(scalp, fiducials)
    midline = _section(scalp, nasion, vertex, inion)
    over = _length(midline), _length(_section(scalp, left, vertex, right))
    named = eeg_positions(scalp, fiducials)
    half = _section(scalp, named["Fpz"], named["T7"], named["Oz"])
    other = _section(scalp, named["Fpz"], named["T8"], named["Oz"])
    circumference = _length(half) + _length(other)
    aim = _at(half, _F3_AZIMUTH * circumference / _length(half))
    arc = _section(scalp, vertex, (vertex + aim) / 2 + 0.05 * _up(vertex, aim), aim)
    return _at(arc, _F3_ARC * sum(over) / 2 / _length(arc))


def _points(fiducials: Fiducials) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    nasion, inion, left, right = (
        np.asarray(x, dtype=np.float64)
        for x in (fiducials.nasion, fiducials.inion, fiducials.left, fiducials.right)
    )
    return nasion, inion, left, right


def _vertex(scalp: Scalp, fiducials: Fiducials) -> Float[ndarray, "3"]:
    """Find Cz, half of the way along both the midline and the coronal curve."""
    nasion, inion, left, right = _points(fiducials)
    up = np.cross(right - left, nasion - inion)
    if not np.linalg.norm(up) > 1e-6:
        raise ValueError(
            "the fiducials do not lie around the head: they lie on a line. Check their "
            "coordinates (in m in Python)."
        )
    vertex = (left + right) / 2 + 0.15 * up / np.linalg.norm(up)
    for _ in range(_ROUNDS):
        vertex = _at(_section(scalp, nasion, vertex, inion), 0.5)
        vertex = _at(_section(scalp, left, vertex, right), 0.5)
    return vertex


def _up(a: ndarray, b: ndarray) -> ndarray:
    """Outwards, about: away from the middle of the head that lies at the origin."""
    middle = a + b
    return middle / max(float(np.linalg.norm(middle)), 1e-9)


def _section(
    scalp: Scalp, start: ArrayLike, over: ArrayLike, end: ArrayLike
) -> Float[ndarray, "point 3"]:
    """The curve on the scalp from a point over another to a third, in their plane."""
    a, c, b = (np.asarray(x, dtype=np.float64) for x in (start, over, end))
    along = (b - a) / np.linalg.norm(b - a)
    up = (c - a) - (c - a) @ along * along
    height = float(np.linalg.norm(up))
    if not height > 1e-3:
        raise ValueError(
            "the fiducials do not lie around the head: three points that span a section "
            "of the scalp lie on a line. Check their coordinates (in m in Python)."
        )
    up /= height
    centre = (a + b) / 2 + 0.05 * height * up
    turn = lambda p: np.arctan2((p - centre) @ up, (p - centre) @ along)
    first, last = turn(a), turn(b)
    first = first + 2 * np.pi if first < -np.pi / 2 else first
    angles = np.linspace(first, last, _RAYS)[:, None]
    ways = np.cos(angles) * along + np.sin(angles) * up
    hits = scalp.surface.cast(centre + _FAR * ways, -ways)
    if not (np.isfinite(hits) & (hits < _FAR)).all():
        raise ValueError(
            "the fiducials do not lie around the head: the scalp ends between them. Check "
            "their coordinates (in m in Python)."
        )
    return centre + (_FAR - hits)[:, None] * ways


def _lengths(curve: ndarray) -> ndarray:
    return np.append(0, np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1)))


def _length(curve: ndarray) -> float:
    return float(_lengths(curve)[-1])


def _at(curve: ndarray, share: float) -> Float[ndarray, "3"]:
    lengths = _lengths(curve)
    return np.array([np.interp(share * lengths[-1], lengths, x) for x in curve.T])


def _share_of(curve: ndarray, point: ndarray) -> float:
    nearest = int(np.argmin(np.linalg.norm(curve - point, axis=1)))
    lengths = _lengths(curve)
    return float(lengths[nearest] / lengths[-1])
