"""Checks of tmsgrad against itself: two ways to one result."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from .. import efield, meshing, optimize
from ..coils import interpolate, stack_poses
from . import catalogue
from .cases import CURRENT_RATE, Case, template_case
from .checks import AtMost, Check, NotHereError, Workbench
from .metrics import relative_error
from .refinement import refinement_checks
from .worker import field_elsewhere


GROUP = "self"

_STEP = 1e-3  # Of differences; one step is 10 mm, 0.1 rad, or the conductivity itself.
_ANGLES = 72
_SPREAD = 15e-3  # Between positions of the sweep. [m]


def checks() -> list[Check]:
    """All checks of this group."""
    return [*_quick_checks(), *_process_checks(), *refinement_checks()]


def _quick_checks() -> list[Check]:
    check = partial(Check, group=GROUP, quick=True)
    return [
        check(
            name="reciprocity against the direct solve",
            compares="mean E in a target, two poses, relative",
            limit=AtMost(1e-12),
            measure=lambda bench: bench.once(_reciprocity),
            rounding=True,
        ),
        check(
            name="gradient by pose against finite differences",
            compares="slope of a target's field through the solve, relative",
            limit=AtMost(1e-9),
            measure=lambda bench: bench.once(_slopes)["pose"],
            quick=False,
            rounding=True,
        ),
        check(
            name="gradient by conductivity against finite differences",
            compares="slope of a target's field through the solve, relative",
            limit=AtMost(1e-9),
            measure=lambda bench: bench.once(_slopes)["conductivity"],
            quick=False,
            rounding=True,
        ),
        check(
            name="sweep against direct reciprocity",
            compares="the worst placement of a map, relative to its largest value",
            limit=AtMost(2.5e-4),
            measure=lambda bench: bench.once(_sweep),
            quick=False,
        ),
        check(
            name="tabulated coil against direct summation",
            compares="E in the whole head, relative L2",
            limit=AtMost(2e-4),
            measure=lambda bench: bench.once(_tabulated),
        ),
        check(
            name="two runs of the same solve",
            compares="largest difference of E between them",
            limit=AtMost(0.0),
            measure=lambda bench: bench.once(_two_runs),
            unit="V/m",
            rounding=True,
        ),
        check(
            name="multigrid against factorisation",
            compares="E in the whole head, relative L2, tolerance 1e-10",
            limit=AtMost(1e-9),
            measure=lambda bench: bench.once(_two_solvers),
            rounding=True,
        ),
    ]


def _process_checks() -> list[Check]:
    return [
        Check(
            name="float32 against float64",
            group=GROUP,
            compares="E in the whole head, relative L2",
            limit=AtMost(1e-5),
            measure=_single_precision,
        ),
        Check(
            name="GPU against CPU",
            group=GROUP,
            compares="E in the whole head, relative L2, tolerance 1e-8",
            limit=AtMost(1e-6),
            measure=_gpu,
            rounding=True,
            quick=True,
        ),
    ]


def _shared(bench: Workbench) -> Case:
    return template_case(bench.references())


def _field(bench: Workbench) -> np.ndarray:
    """E of the first pose, by factorisation. [V/m]"""
    return np.asarray(bench.once(_shared).solve(efield.Direct()).vectors)


def _reciprocity(bench: Workbench) -> float:
    case = bench.once(_shared)
    target = case.target()
    seen = efield.reciprocal(case.conductor, target, solver=efield.Direct())
    poses = [case.pose(i) for i in (0, 3)]
    field = efield.solve(
        case.conductor,
        case.coil,
        stack_poses(poses),
        CURRENT_RATE,
        solver=efield.Direct(),
    )
    direct = np.asarray(field.mean(target))
    # Compiled once for all poses.
    mean = jax.jit(lambda pose: seen.mean_field(case.coil, pose, CURRENT_RATE))
    by_adjoint = [np.asarray(mean(pose)) for pose in poses]
    return relative_error(np.stack(by_adjoint), direct)


def _slopes(bench: Workbench) -> dict[str, float]:
    """Through the whole solve, on a coarse sphere."""
    problem = catalogue.figure_of_eight_problem()
    head = problem.head(18e-3)
    conductor = efield.assemble(head, efield.isotropic(head))
    coil = catalogue.one_dipole(0.2, 0.5, 1.0)
    up = np.asarray(problem.pose.translation)
    target = meshing.ball(head, 0.07 * up / np.linalg.norm(up), 10e-3)
    rng = np.random.default_rng(0)
    shift, turn = jnp.asarray(rng.normal(size=(2, 3)))
    tilt = jnp.asarray(rng.uniform(0.5, 1.5, len(head.tags)))

    def value(pose_step: jax.Array, relative_step: jax.Array) -> jax.Array:
        moved = problem.pose.moved(1e-2 * pose_step * shift, 0.1 * pose_step * turn)
        changed = conductor.conductivity * (1 + relative_step * tilt)
        field = efield.solve(
            conductor.with_conductivity(changed), coil, moved, solver=efield.Direct()
        )
        return jnp.linalg.norm(field.mean(target))

    # One compilation for all: of the value too.
    both = jax.jit(jax.value_and_grad(value, argnums=(0, 1)))
    slopes = both(jnp.zeros(()), jnp.zeros(()))[1]
    found = {}
    for name, place, slope in zip(
        ("pose", "conductivity"), (0, 1), slopes, strict=True
    ):
        # Of fourth order in the step: what remains is rounding.
        at = lambda n, place=place: float(
            both(*(jnp.asarray(n * _STEP if i == place else 0.0) for i in (0, 1)))[0]
        )
        rough = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * _STEP)
        found[name] = abs(rough / float(slope) - 1)
    return found


def _sweep(bench: Workbench) -> float:
    case = bench.once(_shared)
    seen = efield.reciprocal(case.conductor, case.target(), solver=efield.Direct())
    objective = optimize.MeanMagnitude(seen)
    scalp = meshing.scalp(case.head)
    near = scalp.nearest(np.asarray(case.pose().translation))
    positions = optimize.spread(scalp, _SPREAD, centre=near, radius=30e-3)
    found = optimize.sweep(objective, case.coil, scalp, positions, angles=_ANGLES)
    rate = jax.jit(
        lambda pose: objective.value(seen.mean_field(case.coil, pose, CURRENT_RATE))
    )
    rng, apart = np.random.default_rng(0), []
    for i in range(len(positions)):
        angle = int(rng.integers(_ANGLES))
        pose = found.pose(i, angle)
        apart.append(abs(found.values[i, angle] - float(rate(pose))))
    return float(max(apart) / found.values.max())


def _tabulated(bench: Workbench) -> float:
    case, field = bench.once(_shared), bench.once(_field)
    table = interpolate(case.coil)
    found = efield.solve(
        case.conductor, table, case.pose(), CURRENT_RATE, solver=efield.Direct()
    )
    return relative_error(np.asarray(found.vectors), field, case.head.volumes)


def _two_runs(bench: Workbench) -> float:
    field = bench.once(_field)
    # All anew: mesh, assembly, factorisation.
    again = template_case(bench.references()).solve(efield.Direct())
    return float(np.abs(np.asarray(again.vectors) - field).max())


def _two_solvers(bench: Workbench) -> float:
    case, field = bench.once(_shared), bench.once(_field)
    found = case.solve(efield.HostMultigrid(rtol=1e-10))
    return relative_error(np.asarray(found.vectors), field, case.head.volumes)


def _single_precision(bench: Workbench) -> float:
    case, field = bench.once(_shared), bench.once(_field)
    found = field_elsewhere(bench.references(), JAX_ENABLE_X64="0")["vectors"]
    if found.dtype != np.float32:
        raise RuntimeError(f"the other process computed in {found.dtype}, not float32.")
    return relative_error(found, field, case.head.volumes)


def _gpu(bench: Workbench) -> float:
    try:
        jax.devices("gpu")
    except RuntimeError:
        raise NotHereError("no GPU here") from None
    precise = {"JAX_ENABLE_X64": "1"}
    there = field_elsewhere(bench.references(), **precise)["vectors"]
    here = field_elsewhere(bench.references(), **precise, JAX_PLATFORMS="cpu")[
        "vectors"
    ]
    return relative_error(there, here)
