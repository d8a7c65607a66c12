"""Coils: their elements, their files, and where they are placed."""

from . import catalogue as catalogue, navigation as navigation
from .bending import (
    as_segments as as_segments,
    bend as bend,
    bend_points as bend_points,
    deform as deform,
    lay as lay,
    lay_points as lay_points,
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
from .description import (
    Description as Description,
    FieldPeak as FieldPeak,
    describe as describe,
    magnetic_field as magnetic_field,
    warnings_about as warnings_about,
)
from .dipoles import MagneticDipoles as MagneticDipoles
from .files import kind_of as kind_of, read as read, write as write
from .grids import SampledPotential as SampledPotential
from .inductance import (
    mutual_inductance as mutual_inductance,
    self_inductance as self_inductance,
)
from .interpolant import Interpolant as Interpolant, interpolate as interpolate
from .joining import evaluated as evaluated, joined as joined
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
from .rings import Rings as Rings, rings as rings
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
