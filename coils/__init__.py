"""Coils: their elements, their files, and where they are placed."""

import importlib
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from . import catalogue as catalogue, navigation as navigation
    from .bending import (
        as_segments as as_segments,
        bend as bend,
        bend_points as bend_points,
        deform as deform,
        lay as lay,
        lay_points as lay_points,
    )
    from .boxes import (
        Potential as Potential,
        potential_at_many as potential_at_many,
        potential_is_slow as potential_is_slow,
    )
    from .building import build as build
    from .casings import (
        casing_samples as casing_samples,
        triangle_samples as triangle_samples,
    )
    from .ccd import read_ccd as read_ccd, write_ccd as write_ccd
    from .coil import (
        AbstractCoil as AbstractCoil,
        Casing as Casing,
        Coil as Coil,
        Details as Details,
        Part as Part,
    )
    from .composing import compose as compose
    from .described import (
        Description as Description,
        Drive as Drive,
        FieldPeak as FieldPeak,
        Motion as Motion,
    )
    from .description import (
        describe as describe,
        magnetic_field as magnetic_field,
        warnings_about as warnings_about,
    )
    from .dipoles import MagneticDipoles as MagneticDipoles
    from .files import kind_of as kind_of, read as read, write as write
    from .geo import write_geo as write_geo
    from .grids import SampledPotential as SampledPotential
    from .inductance import (
        mutual_inductance as mutual_inductance,
        self_inductance as self_inductance,
    )
    from .interpolant import Interpolant as Interpolant, interpolate as interpolate
    from .joining import evaluated as evaluated, joined as joined
    from .kinds import is_figure_of_eight as is_figure_of_eight
    from .loops import CircularTurns as CircularTurns
    from .losses import lost_in as lost_in
    from .motions import (
        AbstractMotion as AbstractMotion,
        Range as Range,
        Rotation as Rotation,
        Translation as Translation,
    )
    from .navigation import PoseList as PoseList, read_poses as read_poses
    from .nifti import (
        read_nifti as read_nifti,
        sampled as sampled,
        write_nifti as write_nifti,
    )
    from .pose import (
        Pose as Pose,
        rotation_from_vector as rotation_from_vector,
        stack_poses as stack_poses,
    )
    from .ring_currents import Rings as Rings, rings as rings
    from .sources import Sources as Sources
    from .stimulators import (
        Discharge as Discharge,
        Stimulator as Stimulator,
        Waveform as Waveform,
        read_waveforms as read_waveforms,
        write_waveforms as write_waveforms,
    )
    from .stl import read_stl as read_stl, write_stl as write_stl
    from .tcd import read_tcd as read_tcd
    from .tcd_writer import write_tcd as write_tcd
    from .wires import (
        StraightSegments as StraightSegments,
        thick_wire as thick_wire,
        wire as wire,
    )

_FOLDERS = ("catalogue", "navigation")
_NAMES = {
    "bending": (
        "as_segments",
        "bend",
        "bend_points",
        "deform",
        "lay",
        "lay_points",
    ),
    "boxes": (
        "Potential",
        "potential_at_many",
        "potential_is_slow",
    ),
    "building": ("build",),
    "casings": (
        "casing_samples",
        "triangle_samples",
    ),
    "ccd": (
        "read_ccd",
        "write_ccd",
    ),
    "coil": (
        "AbstractCoil",
        "Casing",
        "Coil",
        "Details",
        "Part",
    ),
    "composing": ("compose",),
    "described": (
        "Description",
        "Drive",
        "FieldPeak",
        "Motion",
    ),
    "description": (
        "describe",
        "magnetic_field",
        "warnings_about",
    ),
    "dipoles": ("MagneticDipoles",),
    "files": (
        "kind_of",
        "read",
        "write",
    ),
    "geo": ("write_geo",),
    "grids": ("SampledPotential",),
    "inductance": (
        "mutual_inductance",
        "self_inductance",
    ),
    "interpolant": (
        "Interpolant",
        "interpolate",
    ),
    "joining": (
        "evaluated",
        "joined",
    ),
    "kinds": ("is_figure_of_eight",),
    "loops": ("CircularTurns",),
    "losses": ("lost_in",),
    "motions": (
        "AbstractMotion",
        "Range",
        "Rotation",
        "Translation",
    ),
    "navigation": (
        "PoseList",
        "read_poses",
    ),
    "nifti": (
        "read_nifti",
        "sampled",
        "write_nifti",
    ),
    "pose": (
        "Pose",
        "rotation_from_vector",
        "stack_poses",
    ),
    "ring_currents": (
        "Rings",
        "rings",
    ),
    "sources": ("Sources",),
    "stimulators": (
        "Discharge",
        "Stimulator",
        "Waveform",
        "read_waveforms",
        "write_waveforms",
    ),
    "stl": (
        "read_stl",
        "write_stl",
    ),
    "tcd": ("read_tcd",),
    "tcd_writer": ("write_tcd",),
    "wires": (
        "StraightSegments",
        "thick_wire",
        "wire",
    ),
}
_PLACES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str):
    """Import a name when it is first asked for.

    Files of navigation systems are read without JAX, which the elements of coils need.
    """
    if name in _FOLDERS:
        return importlib.import_module(f".{name}", __name__)
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f".{_PLACES[name]}", __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_FOLDERS, *_PLACES])
