"""Which solver to take when the user names none."""

from .direct import Direct
from .solver import AbstractSolver
from .stiffness import HostMesh


def default_solver(mesh: HostMesh, count: int) -> AbstractSolver:
    return Direct()
