"""Which solver to take when the user names none."""

import logging

import jax

from .direct import Direct
from .host_multigrid import HostMultigrid
from .mkl import pardiso_is_available
from .multigrid import Multigrid
from .setups import AbstractSolver
from .stiffness import HostMesh


# A factorisation of more nodes takes longer than a few multigrid solves. The rows of
# second-order elements are twice as long, and fill up sooner.
_DIRECT_UP_TO = 150_000
_DIRECT_UP_TO_SECOND_ORDER = 40_000
# Hundreds of right-hand sides pay for a factorisation four times as large.
_MANY, _MORE_NODES = 100, 4

_log = logging.getLogger("tmsgrad")


def default_solver(mesh: HostMesh, count: int) -> AbstractSolver:
    """Choose a solver by device and size, and say so in the log.

    Args:
        mesh: What will be solved on.
        count: How many right-hand sides come together.
    """
    limit = _DIRECT_UP_TO if mesh.coarser is None else _DIRECT_UP_TO_SECOND_ORDER
    limit *= _MORE_NODES if count >= _MANY else 1
    device = jax.default_backend()
    if device != "cpu":
        solver, why = Multigrid(rtol=_device_tolerance()), f"arrays are on a {device}"
    elif mesh.nodes <= limit and pardiso_is_available():
        solver, why = Direct(), f"{mesh.nodes} nodes are few enough to factorise"
    elif pardiso_is_available():
        solver, why = HostMultigrid(), f"{mesh.nodes} nodes are many to factorise"
    else:
        solver, why = HostMultigrid(), "there is no PARDISO for this platform"
    _log.info("solver %r for %d right-hand sides: %s", solver, count, why)
    return solver


def _device_tolerance() -> float:
    return 1e-8 if jax.config.read("jax_enable_x64") else 1e-5
