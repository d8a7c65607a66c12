"""What a coil loses in a file of some kind."""

import numpy as np

from .coil import AbstractCoil, Coil, Part
from .dipoles import MagneticDipoles
from .grids import SampledPotential
from .interpolant import Interpolant
from .loops import CircularTurns
from .wires import StraightSegments


def lost_in(coil: AbstractCoil, kind: str) -> tuple[str, ...]:
    """Say what reading a coil back from a file would not give.

    Args:
        coil: What is written.
        kind: The ending of the file's name: .ccd, .tcd, .nii or .nii.gz.

    Returns:
        A sentence for each loss; none where the round trip is complete.
    """
    coil = coil if isinstance(coil, Coil) else Coil((coil,))
    if kind.startswith(".nii"):
        return _lost_in_image(coil)
    lost = _replaced_elements(coil)
    if kind == ".ccd":
        lost += _lost_in_list(coil)
    return tuple(lost)


def _held(coil: Coil) -> list[AbstractCoil]:
    return [e.element if isinstance(e, Part) else e for e in coil.elements]


def _replaced_elements(coil: Coil) -> list[str]:
    held, lost = _held(coil), []
    if any(isinstance(each, CircularTurns) for each in held):
        lost.append(
            "Circular turns become rings of dipoles, which have their field from about "
            "10 mm below the winding on."
        )
    if any(isinstance(e, StraightSegments) and (e.currents != 1).any() for e in held):
        lost.append("Filaments of thick wires become short point currents.")
    if any(
        isinstance(e, SampledPotential) and e.coefficients is not None for e in held
    ):
        lost.append("The grid is kept, but not that it is interpolated by splines.")
    if any(isinstance(each, Interpolant) for each in held):
        lost.append("The coil's sources are kept, but not its table.")
    return lost


def _lost_in_list(coil: Coil) -> list[str]:
    lost = []
    if sum(isinstance(each, MagneticDipoles) for each in _held(coil)) > 1:
        lost.append("Elements are joined: which dipole belongs to which is lost.")
    if coil.ranges:
        lost.append(
            f"The {len(coil.ranges)} motions and their ranges are lost; the coil is "
            "written at its present settings."
        )
    if coil.stimulator_count > 1:
        lost.append(
            f"Of {coil.stimulator_count} stimulators one is left, which drives all."
        )
    elif coil.stimulators and coil.stimulators[0].brand:
        lost.append("The maker of the stimulator is lost.")
    if coil.rates is not None and not bool((np.asarray(coil.rates) == 1).all()):
        lost.append("The rates of the stimulators are worked into the dipoles.")
    hulls = [
        e.casing for e in coil.elements if isinstance(e, Part) and e.casing is not None
    ]
    if hulls:
        lost.append("The casings of parts become one.")
    elif coil.casing is not None and coil.casing_triangles is None:
        lost.append("The casing is lost: it has points, but no triangles.")
    if coil.casing_distance_points is not None or any(
        each.distance_points is not None for each in hulls
    ):
        lost.append("The casings' points for distances are lost.")
    details = coil.details
    if details.apart:
        lost.append("The groups of bodies that must not cut each other are lost.")
    if details.version or details.limits or details.resolution:
        lost.append("The version, limits and resolution of its file are lost.")
    return lost


def _lost_in_image(coil: Coil) -> tuple[str, ...]:
    held = _held(coil)
    grid = len(held) == 1 and isinstance(held[0], SampledPotential)
    lost = []
    if not grid:
        lost.append(
            "The sources are lost: what is left is A at the points of a grid, zero outside."
        )
    lost.append("The values are rounded to single precision.")
    if coil.casing is not None or any(
        isinstance(each, Part) and each.casing is not None for each in coil.elements
    ):
        lost.append("The casing is lost.")
    if coil.ranges:
        lost.append(
            f"The {len(coil.ranges)} motions are lost; the coil is sampled at its present "
            "settings."
        )
    if coil.stimulator_count > 1:
        lost.append(f"All {coil.stimulator_count} stimulators are driven as one.")
    if any(each.waveforms for each in coil.stimulators):
        lost.append("The waveforms are lost.")
    return tuple(lost)
