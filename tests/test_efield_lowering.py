"""What runs on a GPU becomes a program for one, without a way back to the host in it."""

import functools
import re

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from heads import boxed_coil, five_layers, pose_over, scalp_of_five_layers

from tmsgrad import efield, meshing, optimize
from tmsgrad.efield.linear import multigrid
from tmsgrad.efield.linear.hierarchy import DEGREE


SOLVER = efield.Multigrid(rtol=1e-4, throw=False)  # What throws asks the host.


@functools.cache
def conductor():
    return efield.assemble(five_layers(), efield.isotropic(five_layers()))


@functools.cache
def target():
    return meshing.ball(five_layers(), [0.02, -0.015, 0.058], 8e-3)


def field(pose):
    return efield.solve(conductor(), boxed_coil(), pose, solver=SOLVER).vectors


def value(pose):
    solved = efield.solve(conductor(), boxed_coil(), pose, solver=SOLVER)
    return jnp.linalg.norm(solved.mean(target()))


def value_of(conductivity):
    """Prepared for one conductivity, of another that is not known yet."""
    made = conductor().with_conductivity(conductivity)
    solved = efield.solve(made, boxed_coil(), pose_over([0.2, 0.3, 1.0]), solver=SOLVER)
    return jnp.linalg.norm(solved.mean(target()))


@functools.cache
def problem():
    reciprocal = efield.reciprocal(conductor(), target())
    objective = optimize.MeanMagnitude(reciprocal)
    return optimize.problem(objective, boxed_coil(), scalp_of_five_layers())


@functools.cache
def reduced():
    domain = optimize.placements(
        scalp_of_five_layers(), np.array([0.02, -0.015, 0.08]), 20e-3
    )
    growth = efield.Growth(tolerance=0.2, unseen=4)
    gray = meshing.region(five_layers(), five_layers().tags == 2)
    return efield.reduce(conductor(), boxed_coil(), domain, gray, growth=growth)


def poses(count):
    return jax.tree.map(
        lambda *x: jnp.stack(x),
        *(pose_over([0.2, 0.1 * i, 1.0], 0.3) for i in range(count)),
    )


CASES = {
    "field": lambda: (field, pose_over([0.2, 0.3, 1.0])),
    "block": lambda: (field, poses(2)),
    "slopes by pose": lambda: (jax.grad(value), pose_over([0.2, 0.3, 1.0])),
    "slopes by conductivity": lambda: (jax.grad(value_of), conductor().conductivity),
    "search": lambda: (lambda x: problem().value_and_grad(x), problem().start),
    "second derivatives": lambda: (lambda x: problem().hvp(x, x), problem().start),
    "reduced": lambda: (lambda pose: reduced().magnitude(pose), poses(2)),
}


@pytest.fixture(scope="module", autouse=True)
def _made_before():
    """What is set up once is not part of the programs."""
    for make in (conductor, target, problem, reduced, boxed_coil):
        make()


@pytest.mark.parametrize("name", CASES)
def test_all_becomes_a_program_for_cuda_without_callbacks(name):
    function, example = CASES[name]()
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), example)
    made = jax.export.export(jax.jit(function), platforms=["cuda"])(shapes)
    assert made.platforms == ("cuda",)
    assert not re.findall(r"custom_call @\w*callback", made.mlir_module())


def test_a_solve_that_throws_is_the_one_that_asks_the_host():
    """So the test above can fail."""
    throwing = efield.Multigrid(rtol=1e-4)
    function = lambda pose: (
        efield.solve(conductor(), boxed_coil(), pose, solver=throwing).vectors
    )
    pose = pose_over([0.2, 0.3, 1.0])
    program = jax.jit(function).lower(pose).as_text()
    assert re.findall(r"custom_call @\w*callback", program)


def number_of(name, jaxpr):
    """How many operations of a kind a program has, with those of its parts."""
    found = 0
    for equation in jaxpr.eqns:
        found += equation.primitive.name == name
        for each in jax.tree.leaves(list(equation.params.values())):
            inner = getattr(each, "jaxpr", each)
            found += number_of(name, inner) if hasattr(inner, "eqns") else 0
    return found


def test_an_iteration_sums_each_bin_once():
    setup = SOLVER.prepare(conductor().host.mesh, np.asarray(conductor().conductivity))
    cost = setup.cost
    count = lambda rows: len(rows.values)
    assert cost.sums == count(setup.matrix) + sum(
        2 * DEGREE * count(level.matrix)
        + count(level.prolongation)
        + count(level.restriction)
        for level in setup.hierarchy.levels
    )
    b = jnp.ones((len(conductor().nodes), 1))
    run = lambda b: multigrid._solve(setup.matrix, setup.hierarchy, b, 1e-4, 9)
    gathers = number_of("gather", jax.make_jaxpr(run)(b).jaxpr)
    assert cost.products == 1 + sum(2 * DEGREE + 2 for _ in setup.hierarchy.levels)
    # The cycle stands twice in the program: before the loop, and in it.
    products = 1 + 2 * sum(2 * DEGREE + 2 for _ in setup.hierarchy.levels)
    assert gathers == products + cost.sums + (cost.sums - count(setup.matrix))
    assert cost.bytes_needed < cost.bytes_moved < 2 * cost.bytes_needed
