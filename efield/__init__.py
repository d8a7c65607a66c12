"""The electric field in a head, by finite elements, and its adjoint."""

from .conductivity import CONDUCTIVITIES as CONDUCTIVITIES, isotropic as isotropic
from .conductor import Conductor as Conductor, assemble as assemble
from .field import ElectricField as ElectricField
from .forward import solve as solve, solve_rate as solve_rate
from .linear import (
    AbstractSolver as AbstractSolver,
    Direct as Direct,
    SolverReport as SolverReport,
)
from .reciprocity import Reciprocal as Reciprocal, reciprocal as reciprocal
