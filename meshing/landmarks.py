"""Positions on the scalp that are found with a tape measure: the 10-20 system.

Curves of the 10-20 system are sections of the scalp by planes through three points
[Jasper 1958, *Electroencephalogr. Clin. Neurophysiol.* 10:371; Jurcak et al. 2007,
doi:10.1016/j.neuroimage.2006.09.024, who name the choices it leaves open].
"""

from collections.abc import Sequence
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

_MIDLINE, _CORONAL = ("Nz", "Cz", "Iz"), ("LPA", "Cz", "RPA")
_LEFT, _RIGHT = ("Fpz", "T7", "Oz"), ("Fpz", "T8", "Oz")
# From a place over another to a third; whether that in the middle splits the curve, or
# half of its length does; and the places on it, which divide both parts evenly.
_CURVES = (
    (_MIDLINE, False, "Fpz AFz Fz FCz Cz CPz Pz POz Oz"),
    (_CORONAL, False, "T7 C5 C3 C1 Cz C2 C4 C6 T8"),
    (_LEFT, False, "Fp1 AF7 F7 FT7 T7 TP7 P7 PO7 O1"),
    (_RIGHT, False, "Fp2 AF8 F8 FT8 T8 TP8 P8 PO8 O2"),
    (("AF7", "AFz", "AF8"), True, "AF3 AFz AF4"),
    (("F7", "Fz", "F8"), True, "F5 F3 F1 Fz F2 F4 F6"),
    (("FT7", "FCz", "FT8"), True, "FC5 FC3 FC1 FCz FC2 FC4 FC6"),
    (("TP7", "CPz", "TP8"), True, "CP5 CP3 CP1 CPz CP2 CP4 CP6"),
    (("P7", "Pz", "P8"), True, "P5 P3 P1 Pz P2 P4 P6"),
    (("PO7", "POz", "PO8"), True, "PO3 POz PO4"),
)
_TEN_TWENTY = (
    *("Cz", "Fpz", "Fz", "Pz", "Oz", "T7", "C3", "C4", "T8"),
    *("Fp1", "F7", "P7", "O1", "Fp2", "F8", "P8", "O2", "F3", "F4", "P3", "P4"),
)
_TEN_TEN = tuple(
    dict.fromkeys([*_TEN_TWENTY, *(n for *_, row in _CURVES for n in row.split())])
)


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
    return _Tape(scalp, fiducials).measure(_TEN_TWENTY)


def dense_eeg_positions(
    scalp: Scalp, fiducials: Fiducials
) -> dict[str, Float[ndarray, "3"]]:
    """Measure the positions of the 10-10 system on a scalp: those between the 10-20's.

    Args:
        scalp: The scalp.
        fiducials: Of the same head.

    Returns:
        Points on the scalp by name, those of `eeg_positions` first. [m]

    Raises:
        ValueError: The fiducials do not lie around the head.
    """
    return _Tape(scalp, fiducials).measure(_TEN_TEN)


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
    tape = _Tape(scalp, fiducials)
    named = tape.measure(_TEN_TWENTY)
    over = sum(_length(tape.curve(*ends)) for ends in (_MIDLINE, _CORONAL))
    half, other = (_length(tape.curve(*ends)) for ends in (_LEFT, _RIGHT))
    aim = _at(tape.curve(*_LEFT), _F3_AZIMUTH * (half + other) / half)
    vertex = named["Cz"]
    arc = _section(scalp, vertex, (vertex + aim) / 2 + 0.05 * _up(vertex, aim), aim)
    return _at(arc, _F3_ARC * over / 2 / _length(arc))


class _Tape:
    """A tape measure around a head: each curve is measured once.

    Attributes:
        places: Fiducials and what was found, by name. [m]
    """

    def __init__(self, scalp: Scalp, fiducials: Fiducials):
        """Take the fiducials, and find the vertex.

        Raises:
            ValueError: The fiducials do not lie around the head.
        """
        self._scalp, self._curves = scalp, {}
        ends = zip(("Nz", "Iz", "LPA", "RPA"), _points(fiducials), strict=True)
        self.places = dict(ends) | {"Cz": _vertex(scalp, fiducials)}

    def curve(self, *ends: str) -> Float[ndarray, "point 3"]:
        """Give the curve from a place over another to a third, by their names. [m]"""
        if ends not in self._curves:
            corners = (self.places[name] for name in ends)
            self._curves[ends] = _section(self._scalp, *corners)
        return self._curves[ends]

    def measure(self, names: Sequence[str]) -> dict[str, Float[ndarray, "3"]]:
        """Find places on the curves that they lie on.

        Args:
            names: Of `_TEN_TWENTY` or `_TEN_TEN`: a curve's ends must be among them.

        Returns:
            These places, in this order. [m]
        """
        for ends, split, words in _CURVES:
            row = words.split()
            steps = (len(row) + 1) // 2
            for number, name in enumerate(row, 1):
                if name not in names or name in self.places:
                    continue
                curve = self.curve(*ends)
                half = _share_of(curve, self.places[ends[1]]) if split else 0.5
                share = half * number / steps
                if number > steps:
                    share = 1 - (1 - half) * (2 * steps - number) / steps
                self.places[name] = _at(curve, share)
        return {name: self.places[name] for name in names}


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
