"""Differentiable, GPU-ready E-field simulation and coil placement for TMS."""

from . import (
    coils as coils,
    efield as efield,
    meshing as meshing,
    optimize as optimize,
)


__version__ = "0.1.0"
