"""A search as one object: derivatives, bounds, poses, and what else an optimizer wants."""

import dataclasses
import functools
import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from heads import boxed_coil, five_layers, scalp_of_five_layers
from moving_coils import hinged

from tmsgrad import coils, efield, meshing, optimize


ASIDE = np.array([0.02, -0.015, 0.058])
VERTEX = np.array([0.0, 0.0, 0.062])  # Beneath Cz.
TILTED = optimize.Domain(tilt=0.15, radius=25e-3)


@functools.cache
def objective(place=tuple(ASIDE)):
    head = five_layers()
    conductor = efield.assemble(head, efield.isotropic(head))
    target = meshing.ball(head, np.array(place), 8e-3)
    return optimize.MeanMagnitude(efield.reciprocal(conductor, target))


@functools.cache
def exact(place=tuple(ASIDE), domain=TILTED):
    scalp = scalp_of_five_layers()
    return optimize.problem(objective(place), boxed_coil(), scalp, domain)


@functools.cache
def quick(place=tuple(ASIDE), domain=TILTED):
    return exact(place, domain).simplified(scalp_of_five_layers())


@functools.cache
def everything_free():
    """Pose, distance, shape and currents of a coil with two wings, each with its own."""
    left, right = hinged().elements
    wings = (left, dataclasses.replace(right, stimulator=1))
    coil = dataclasses.replace(hinged(), elements=wings)
    return optimize.problem(
        objective(tuple(VERTEX)),
        coil,
        scalp_of_five_layers(),
        optimize.Domain(tilt=0.1, clearance=1e-3),
        free=optimize.Free(distance=(2e-3, 9e-3), settings=True, currents=2e6),
    )


def slopes(function, x, step=1e-4):
    """By differences of fourth order."""
    found = []
    for e in step * np.eye(len(x)):
        a, b, c, d = (function(jnp.asarray(x + n * e)) for n in (-2, -1, 1, 2))
        found.append((8 * (c - b) - (d - a)) / (12 * step))
    return np.array(found)


def places(problem):
    """In the middle, near the bounds, and at the largest tilt; not at knots of splines."""
    high = problem.bounds[1]
    middle = 0.1 * np.arange(1, len(high) + 1)
    edge = np.array([0.97 * high[0], 0.05, 0.98 * high[2], *(0.0 * high[3:])])
    tilted = middle.copy()
    tilted[3:5] = np.array([0.6, -0.79]) * high[3:5]
    return {"middle": middle, "edge": edge, "tilt": tilted}


@pytest.mark.long
@pytest.mark.parametrize("place", ["middle", "edge", "tilt"])
@pytest.mark.parametrize("where", [ASIDE, VERTEX], ids=["aside", "Cz"])
def test_derivatives_equal_finite_differences(where, place):
    problem = quick(tuple(where))
    x = places(problem)[place]
    value, gradient = problem.value_and_grad(jnp.asarray(x))
    np.testing.assert_allclose(value, problem.value(jnp.asarray(x)), rtol=1e-11)
    expected = slopes(problem.value, x)
    size = np.linalg.norm(expected)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-6 * size)
    v = np.cos(np.arange(len(x)))
    along = slopes(lambda t: problem.value_and_grad(x + t[0] * v)[1], np.zeros(1))[0]
    product = problem.hvp(jnp.asarray(x), jnp.asarray(v))
    size = np.linalg.norm(along)
    np.testing.assert_allclose(product, along, rtol=0, atol=1e-6 * size)


@pytest.mark.long
def test_pose_currents_and_shape_are_differentiated_together():
    problem = everything_free()
    names = ("place", "angle", "tilt", "distance", "settings", "currents")
    assert problem.unknowns.free == names
    x = np.asarray(problem.start) * 0.7 + 0.1
    size = np.linalg.norm(expected := slopes(problem.value, x))
    _, gradient = problem.value_and_grad(jnp.asarray(x))
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-6 * size)
    for constraint in (problem.clearance, problem.self_clearance):
        constraint = eqx.filter_jit(constraint)
        size = np.linalg.norm(expected := slopes(constraint, x))
        gradient = jax.grad(constraint)(jnp.asarray(x))
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-6 * size)
    coil = problem.coil_at(jnp.asarray(x))
    now = problem.variables(jnp.asarray(x))
    assert isinstance(coil, coils.Coil)
    assert coil.rates is not None
    np.testing.assert_allclose(coil.rates, now.currents / 1e6)
    mean = problem.objective.reciprocal.mean_field(coil, problem.pose(jnp.asarray(x)))
    np.testing.assert_allclose(
        problem.objective.value(mean), problem.value(jnp.asarray(x)), rtol=1e-12
    )


def test_the_shape_that_cuts_itself_has_no_clearance():
    problem = everything_free()
    parts = problem.unknowns.split(jnp.arange(len(problem), dtype=float))
    folded = [
        problem.start.at[parts["settings"].astype(int)].set(jnp.array([sign, -sign]))
        for sign in (1.0, -1.0)
    ]
    apart, cut = sorted(float(problem.self_clearance(x)) for x in folded)[::-1]
    assert cut < -1e-3
    assert apart > -0.5e-3
    assert jnp.isinf(exact().self_clearance(exact().start))


def test_the_simplified_problem_is_the_exact_one_with_its_error():
    problem, few = exact(), quick()
    xs = few.draw(jax.random.key(1), 5)
    wanted = problem.values(xs)
    np.testing.assert_allclose(few.values(xs), wanted, rtol=1e-3)
    assert not np.array_equal(few.values(xs), wanted)
    # The bound is for a surface near the scalp; coils are farther away.
    assert 1e-3 < float(few.simplification_error) < 2e-2
    assert problem.simplification_error == 0
    with pytest.raises(ValueError, match="ask the problem that it was made of"):
        few.coil_at(few.start)


def test_the_exact_value_is_that_of_a_solve():
    head = five_layers()
    conductor = efield.assemble(head, efield.isotropic(head))
    x = jnp.array([0.4, -0.2, 1.0, 0.1, 0.2])
    field = efield.solve(conductor, boxed_coil(), exact().pose(x))
    expected = jnp.linalg.norm(field.mean(meshing.ball(head, ASIDE, 8e-3)))
    np.testing.assert_allclose(exact().value(x), expected, rtol=1e-12)


def test_batches_maps_and_loops_give_the_same():
    problem = quick()
    xs = problem.draw(jax.random.key(0), 4)
    alone = np.array([problem.value(x) for x in xs])
    np.testing.assert_allclose(problem.values(xs), alone, rtol=3e-12)
    mapped, gradients = jax.vmap(problem.value_and_grad)(xs)
    np.testing.assert_allclose(mapped, alone, rtol=3e-12)
    expected = np.stack([problem.value_and_grad(x)[1] for x in xs])
    np.testing.assert_allclose(gradients, expected, rtol=1e-9, atol=1e-12)


def test_a_problem_is_a_tree_that_can_be_pickled():
    problem = quick()
    leaves, structure = jax.tree.flatten(problem)
    assert all(isinstance(leaf, jax.Array) for leaf in leaves)
    again = jax.tree.unflatten(structure, leaves)
    copy = pickle.loads(pickle.dumps(problem))
    x = jnp.array([0.4, -0.2, 1.0, 0.1, 0.2])
    assert problem.value(x) == again.value(x) == copy.value(x)
    assert jax.tree.structure(copy) == structure


@pytest.mark.long
def test_heads_of_one_topology_are_mapped_over():
    """Two heads whose tissues lie elsewhere, beneath one scalp."""
    head = five_layers()
    radius = np.linalg.norm(head.nodes, axis=1, keepdims=True)
    inward = 1 - 0.2 * (radius / radius.max() - 1) * (radius / radius.max())
    other = dataclasses.replace(head, nodes=head.nodes / inward)
    conductor = efield.assemble(other, efield.isotropic(other))
    target = meshing.ball(other, ASIDE, 8e-3)
    there = dataclasses.replace(
        exact(),
        objective=optimize.MeanMagnitude(efield.reciprocal(conductor, target)),
    )
    x = jnp.array([0.4, -0.2, 1.0, 0.1, 0.2])
    both = jax.tree.map(lambda *leaves: jnp.stack(leaves), exact(), there)
    values, gradients = jax.jit(jax.vmap(lambda each: each.value_and_grad(x)))(both)
    assert abs(values[1] / values[0] - 1) > 0.01
    for i, each in enumerate((exact(), there)):
        value, gradient = each.value_and_grad(x)
        np.testing.assert_allclose(values[i], value, rtol=1e-11)
        np.testing.assert_allclose(gradients[i], gradient, rtol=1e-8, atol=1e-10)


def test_the_unknowns_of_a_pose_give_the_pose():
    problem = everything_free()
    for x in problem.draw(jax.random.key(2), 5):
        again = problem.at(problem.near(x))
        count = 6  # Settings and currents are no part of a pose.
        np.testing.assert_allclose(again[:count], x[:count], atol=1e-9)
    start = problem.near(problem.draw(jax.random.key(3), 1)[0])
    only = optimize.Free(place=False, angle=False, current_rate=(0.0, 2e6))
    scalp = scalp_of_five_layers()
    flat = optimize.Domain(distance=5e-3)
    make = functools.partial(
        optimize.problem, objective(tuple(VERTEX)), boxed_coil(), scalp, flat
    )
    held = make(free=only, start=start)
    assert held.bounds[1].tolist() == [1.0]
    values = held.values(jnp.array([[-1.0], [0.0], [1.0]]))
    np.testing.assert_allclose(values / values[1], [0, 1, 2], atol=1e-12)
    moved = make(start=start)
    expected = moved.near(moved.start)
    np.testing.assert_allclose(
        held.near(held.start).rotation, expected.rotation, atol=1e-12
    )
    # The tilt is not free: the rest is as it was.
    foot = start.translation + 5e-3 * start.rotation[:, 2]
    assert np.linalg.norm(expected.translation - foot) < 7e-3


def test_a_start_must_lie_in_what_is_searched():
    start = exact(tuple(VERTEX)).near(exact(tuple(VERTEX)).start)
    with pytest.raises(ValueError, match="from the middle of what is searched"):
        optimize.problem(objective(), boxed_coil(), scalp_of_five_layers(), start=start)


def test_steps_stay_on_the_scalp_and_frames_turn_with_it():
    domain = optimize.Domain(radius=50e-3)
    problem = exact(tuple(VERTEX), domain)
    scalp = scalp_of_five_layers()
    reach = problem.bounds[1][0]
    ring = [[reach * np.cos(t), reach * np.sin(t), 0.0] for t in np.arange(0, 6.3, 0.3)]
    poses = jax.vmap(problem.near)(jnp.array(ring))
    for rotation, centre in zip(poses.rotation, poses.translation, strict=True):
        np.testing.assert_allclose(
            scalp.distance_along(centre, rotation[:, 2]), 4e-3, atol=2e-4
        )
        np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)
    # A gimbal would turn by half a circle from one step to the next.
    turns = np.einsum("nij,nij->n", poses.rotation[1:], poses.rotation[:-1])
    assert np.arccos((turns.min() - 1) / 2) < np.radians(25)


def test_projection_keeps_to_disc_tilt_ranges_and_zones():
    problem = everything_free()
    high = problem.bounds[1]
    far = jax.random.uniform(
        jax.random.key(0), (20, len(problem)), minval=-9.0, maxval=9.0
    )
    inside = np.asarray(jax.vmap(problem.project)(far))
    assert (np.hypot(*inside[:, :2].T) <= high[0] * (1 + 1e-12)).all()
    assert (np.hypot(*inside[:, 3:5].T) <= high[3] * (1 + 1e-12)).all()
    np.testing.assert_array_equal(inside[:, 2], far[:, 2])  # Angles come round again.
    assert (np.abs(inside[:, 5:]) <= 1).all()
    again = jax.vmap(problem.project)(jnp.asarray(inside))
    np.testing.assert_allclose(again, inside, rtol=1e-15, atol=1e-15)
    zone = (np.asarray(problem.near(problem.start).translation), 12e-3)
    forbidden = exact(tuple(VERTEX), optimize.Domain(forbidden=[zone]))
    moved = forbidden.project(jnp.array([0.1, 0.2, 0.0]))
    point = forbidden.chart.scalp_point(forbidden.variables(moved).place)[0]
    assert np.linalg.norm(point - zone[0]) > 12e-3 - 1e-5
    drawn = problem.draw(jax.random.key(5), 50)
    np.testing.assert_allclose(jax.vmap(problem.project)(drawn), drawn, rtol=1e-15)


def test_what_cannot_be_free_is_named():
    make = functools.partial(
        optimize.problem, objective(), boxed_coil(), scalp_of_five_layers()
    )
    with pytest.raises(ValueError, match="`settings` are free"):
        make(free=optimize.Free(settings=True))
    with pytest.raises(ValueError, match="one for each stimulator"):
        make(free=optimize.Free(currents=[1e6, 2e6, 3e6]))
    with pytest.raises(ValueError, match="nothing is free"):
        make(free=optimize.Free(place=False, angle=False))
    with pytest.raises(ValueError, match="`distance` must be a lowest"):
        optimize.Free(distance=(5e-3, 2e-3))
    with pytest.raises(ValueError, match="`currents` must be positive"):
        optimize.Free(currents=-1.0)
    with pytest.raises(ValueError, match="let one of them be free"):
        optimize.Free(currents=1e6, current_rate=(0.0, 1e6))


def test_places_around_are_tried_where_only_the_pose_is_free():
    problem, scalp = everything_free(), scalp_of_five_layers()
    with pytest.raises(ValueError, match="leave `simplified` out"):
        optimize.settle(problem, problem.start, scalp, simplified=problem)


@pytest.mark.long
def test_a_settled_optimum_is_that_of_the_search():
    """From the same place the same end: on the true scalp, rated exactly."""
    domain = optimize.Domain()
    scalp = scalp_of_five_layers()
    found = optimize.find_pose(objective(), boxed_coil(), scalp, domain)
    problem = exact(tuple(ASIDE), domain)
    end = optimize.settle(problem, problem.at(found.pose), scalp)
    np.testing.assert_allclose(end.value, found.value, rtol=1e-9)
    np.testing.assert_allclose(end.pose.rotation, found.pose.rotation, atol=1e-9)
    np.testing.assert_allclose(end.distance, found.best.distance, atol=1e-9)
    np.testing.assert_allclose(end.clearance, found.best.clearance, atol=1e-7)
