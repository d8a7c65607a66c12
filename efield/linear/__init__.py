"""Linear solvers behind one differentiable solve."""

from .choice import default_solver as default_solver
from .direct import Direct as Direct
from .host_multigrid import HostMultigrid as HostMultigrid
from .multigrid import Multigrid as Multigrid
from .setups import AbstractSolver as AbstractSolver, HostSide as HostSide
from .solver import (
    AbstractDeviceSolver as AbstractDeviceSolver,
    AbstractHostSolver as AbstractHostSolver,
    HostSolution as HostSolution,
    SolverReport as SolverReport,
    prepared_meanwhile as prepared_meanwhile,
    solve_linear as solve_linear,
)
from .stiffness import HostMesh as HostMesh, Stiffness as Stiffness
