"""Coils: their elements, their files, and where they are placed."""

from . import catalogue as catalogue
from .ccd import read_ccd as read_ccd, write_ccd as write_ccd
from .coil import AbstractCoil as AbstractCoil, Coil as Coil
from .dipoles import MagneticDipoles as MagneticDipoles
from .files import read as read
from .loops import CircularTurns as CircularTurns
from .pose import (
    Pose as Pose,
    rotation_from_vector as rotation_from_vector,
    stack_poses as stack_poses,
)
from .sources import Sources as Sources
from .stl import read_stl as read_stl, write_stl as write_stl
