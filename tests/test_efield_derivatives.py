"""Derivatives in the conductivity, by every solver, compiled or not.

Each is taken after another conductivity was solved for, so that what a solver has kept is
of another system.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from efield_examples import (
    figure_of_eight,
    layered_sphere,
    pose_above,
    random_tensors,
    several_poses,
)

from tmsgrad import efield, meshing
from tmsgrad.efield.linear import setups


POSE = pose_above([0.2, 0.3, 1.0])
SOLVERS = [efield.Direct(), efield.HostMultigrid(1e-12), efield.Multigrid(1e-12)]
by_solver = pytest.mark.parametrize(
    "solver", SOLVERS, ids=lambda solver: type(solver).__name__
)


class Case:
    """The field in a target as a function of one number, and its exact slope."""

    def __init__(self, order: int, kind: str):
        self.head = layered_sphere(0.04)
        self.target = meshing.ball(self.head, [0.01, 0.02, 0.05], 0.02)
        rng = np.random.default_rng(0)
        scalar = np.asarray(efield.isotropic(self.head))
        if kind == "scalar":
            self.sigma, self.change = scalar, scalar * rng.uniform(-1, 1, scalar.shape)
        else:
            self.sigma = random_tensors(rng, len(scalar))
            self.change = random_tensors(rng, len(scalar)) - 0.5 * np.eye(3)
        bone = np.where(self.head.tags == 4, 30.0, 1.0)
        self.other = self.sigma * bone.reshape(-1, *[1] * (self.sigma.ndim - 1))
        self.conductor = efield.assemble(
            self.head, jnp.asarray(self.other), order=order
        )
        self.rates = efield.rates(self.conductor, figure_of_eight(), POSE)[None]
        at = lambda t: float(self.value(jnp.asarray(t), SOLVERS[0]))
        self.expected = at(0.0)
        self.slope = (8 * (at(3e-3) - at(-3e-3)) - (at(6e-3) - at(-6e-3))) / 36e-3

    def value(self, amount, solver):
        """Solve at the conductivity and some of its change."""
        sigma = jnp.asarray(self.sigma) + amount * jnp.asarray(self.change)
        changed = self.conductor.with_conductivity(sigma)
        field = efield.solve_rate(changed, self.rates, solver=solver)
        return jnp.linalg.norm(field.mean(self.target))

    def solve_other(self, solver):
        """Let a solver keep the set-up of another conductivity."""
        efield.solve_rate(self.conductor, self.rates, solver=solver)


KINDS = [(1, "scalar"), (1, "tensor"), (2, "scalar"), (2, "tensor")]


@pytest.fixture(scope="module", params=KINDS, ids=str)
def case(request):
    return Case(*request.param)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
@by_solver
@pytest.mark.long
def test_both_ways_equal_finite_differences_after_another_solve(case, solver, compiled):
    function = lambda amount: case.value(amount, solver)
    both = lambda x: (
        jax.value_and_grad(function)(x),
        jax.jvp(function, (x,), (jnp.ones(()),)),
    )
    case.solve_other(solver)
    for value, slope in (jax.jit(both) if compiled else both)(jnp.zeros(())):
        np.testing.assert_allclose(value, case.expected, rtol=1e-10)
        np.testing.assert_allclose(slope, case.slope, rtol=1e-7)


@by_solver
@pytest.mark.long
def test_the_slope_of_a_slope_needs_no_compilation(solver):
    case = Case(1, "tensor")
    case.solve_other(solver)
    slope = jax.grad(lambda amount: case.value(amount, solver))
    second = jax.jvp(slope, (jnp.zeros(()),), (jnp.ones(()),))[1]
    at = lambda t: float(slope(jnp.asarray(t)))
    expected = (8 * (at(3e-3) - at(-3e-3)) - (at(6e-3) - at(-6e-3))) / 36e-3
    np.testing.assert_allclose(second, expected, rtol=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("mode", ["plain", "vmap"])
@by_solver
def test_slopes_of_many_poses_equal_those_of_each(solver, mode):
    case = Case(1, "scalar")
    poses, coil = several_poses(), figure_of_eight()
    sigma, change = jnp.asarray(case.sigma), jnp.asarray(case.change)

    def values(amount, poses):
        changed = case.conductor.with_conductivity(sigma + amount * change)
        one = lambda pose: efield.solve(changed, coil, pose, solver=solver).vectors
        return jax.vmap(one)(poses) if mode == "vmap" else one(poses)

    found = jax.jvp(lambda x: values(x, poses), (jnp.zeros(()),), (jnp.ones(()),))[1]
    for i in range(3):
        pose = jax.tree.map(lambda leaf, i=i: leaf[i], poses)
        single = lambda x, pose=pose: (
            efield.solve(
                case.conductor.with_conductivity(sigma + x * change),
                coil,
                pose,
                solver=efield.Direct(),
            ).vectors
        )
        expected = jax.jvp(single, (jnp.zeros(()),), (jnp.ones(()),))[1]
        size = float(jnp.max(jnp.abs(expected)))
        np.testing.assert_allclose(found[i], expected, atol=1e-9 * size)


def test_a_solve_with_another_systems_matrix_does_not_pass(monkeypatch):
    # The mistake that these tests are for: what preconditions is taken for the system.
    case = Case(1, "scalar")
    wrong = setups.HostSide.setup
    monkeypatch.setattr(
        setups.HostSide,
        "setup",
        lambda host, solver, conductivity: wrong(host, solver, np.asarray(case.other)),
    )
    with pytest.raises(Exception, match="did not reach a relative residual"):
        jax.block_until_ready(
            jax.value_and_grad(lambda x: case.value(x, SOLVERS[2]))(jnp.zeros(()))
        )
    value, slope = jax.value_and_grad(lambda x: case.value(x, SOLVERS[0]))(
        jnp.zeros(())
    )
    assert abs(float(value) / case.expected - 1) > 1e-2
    assert abs(float(slope) / case.slope - 1) > 1e-2


def test_what_preconditions_changes_the_work_and_not_the_result():
    case, solver = Case(1, "scalar"), SOLVERS[2]
    sigma = jnp.asarray(case.sigma)
    fields = []
    for reference in (case.other, case.sigma):
        conductor = efield.assemble(case.head, jnp.asarray(reference))
        run = jax.jit(
            lambda x, made=conductor: efield.solve_rate(
                made.with_conductivity(x), case.rates, solver=solver
            )
        )
        fields.append(run(sigma))
    far, near = fields
    assert int(far.report.iterations[0]) > int(near.report.iterations[0])
    np.testing.assert_allclose(
        far.vectors, near.vectors, atol=1e-10 * float(jnp.max(jnp.abs(near.vectors)))
    )


@pytest.mark.long
@by_solver
def test_iterations_do_not_depend_on_what_was_solved_before(solver):
    case = Case(1, "scalar")
    counts, fields = [], []
    for before in (None, case.sigma, 100 * case.other):
        conductor = efield.assemble(case.head, jnp.asarray(case.other))
        if before is not None:
            changed = conductor.with_conductivity(jnp.asarray(before))
            efield.solve_rate(changed, case.rates, solver=solver)
        run = jax.jit(
            lambda x, made=conductor: efield.solve_rate(
                made.with_conductivity(x), case.rates, solver=solver
            )
        )
        field = run(jnp.asarray(case.sigma))
        counts.append(int(field.report.iterations[0]))
        fields.append(np.asarray(field.vectors))
    assert len(set(counts)) == 1
    np.testing.assert_array_equal(fields[1], fields[0])
    np.testing.assert_array_equal(fields[2], fields[0])
