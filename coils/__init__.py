"""Coils: their elements, their files, and where they are placed."""

from .coil import AbstractCoil as AbstractCoil, Coil as Coil
from .dipoles import MagneticDipoles as MagneticDipoles
from .pose import (
    Pose as Pose,
    rotation_from_vector as rotation_from_vector,
    stack_poses as stack_poses,
)
