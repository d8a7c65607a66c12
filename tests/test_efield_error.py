import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from efield_examples import (
    figure_of_eight,
    layered_sphere,
    pose_above,
    relative_error,
    several_poses,
)

from tmsgrad import efield, meshing
from tmsgrad.efield.error import error_estimator, estimate_error
from tmsgrad.validation.quadrature import fifth_degree
from tmsgrad.validation.sphere import coil_field


RATE = 1e6


@functools.cache
def conductor_of(size):
    head = layered_sphere(size)
    return efield.assemble(head, efield.isotropic(head))


@functools.cache
def solved(size):
    coil, pose = figure_of_eight(), pose_above([0.2, 0.3, 1.0])
    conductor = conductor_of(size)
    rates = RATE * coil.potential_at(conductor.nodes, pose)
    return efield.solve(conductor, coil, pose, RATE), rates


@functools.cache
def true_errors(size):
    """Root mean square error and magnitude of each element, by quadrature of degree 2."""
    head, (field, _) = layered_sphere(size), solved(size)
    coil, pose = figure_of_eight(), pose_above([0.2, 0.3, 1.0])
    corners = head.nodes[head.tetrahedra]
    far = (5 - np.sqrt(5)) / 20
    error, square = np.zeros(len(head.tags)), np.zeros(len(head.tags))
    for corner in range(4):
        points = far * corners.sum(axis=1) + (1 - 4 * far) * corners[:, corner]
        field_there = np.asarray(coil_field(coil, pose, points, RATE))
        error += np.sum((field_there - field.vectors) ** 2, axis=1) / 4
        square += np.sum(field_there**2, axis=1) / 4
    return np.sqrt(error), np.sqrt(square)


def relative(errors, magnitudes, volumes):
    return np.sqrt(errors**2 @ volumes / (magnitudes**2 @ volumes))


def test_the_estimate_is_close_to_the_true_error():
    size = 0.009
    head, (field, rates) = layered_sphere(size), solved(size)
    estimate = estimate_error(conductor_of(size), head, field, rates)
    errors, magnitudes = true_errors(size)
    whole = relative(errors, magnitudes, head.volumes)
    effectivity = [float(estimate.relative) / whole]
    for tag in (2, 4, 5):
        part = meshing.region(head, head.tags == tag)
        true = relative(
            errors[part.tetrahedra], magnitudes[part.tetrahedra], part.weights
        )
        effectivity.append(float(estimate.in_region(part)) / true)
    of_each = estimate.elements / errors
    print(effectivity, np.quantile(of_each, [0.05, 0.5, 0.95]))
    np.testing.assert_allclose(effectivity, 1.0, atol=0.05)
    assert np.median(of_each) == pytest.approx(1.0, abs=0.03)
    low, high = np.quantile(of_each, [0.05, 0.95])
    assert low > 0.75
    assert high < 1.25


def test_the_estimate_is_zero_where_the_field_is_uniform():
    head, vector = layered_sphere(), np.array([3.0, -2.0, 5.0])
    rates = jnp.asarray(np.broadcast_to(vector, head.nodes.shape))
    conductor = conductor_of(0.02)
    report = efield.SolverReport(jnp.asarray(0), jnp.asarray(0.0))
    uniform = jnp.asarray(np.broadcast_to(-vector, head.centroids.shape))
    field = efield.ElectricField(uniform, jnp.zeros(len(head.nodes)), report)
    estimate = estimate_error(conductor, head, field, rates)
    assert float(jnp.max(estimate.elements)) < 1e-12


def test_the_estimate_integrates_a_linear_difference_exactly(rng):
    # The recovered field is the linear rate with its sign turned; the raw one is zero.
    head, slope = layered_sphere(), rng.normal(size=(3, 3))
    rates = head.nodes @ slope
    report = efield.SolverReport(jnp.asarray(0), jnp.asarray(0.0))
    field = efield.ElectricField(
        jnp.zeros((len(head.tags), 3)), jnp.zeros(len(head.nodes)), report
    )
    estimate = estimate_error(conductor_of(0.02), head, field, jnp.asarray(rates))
    corners, far = head.nodes[head.tetrahedra], (5 - np.sqrt(5)) / 20
    points = far * corners.sum(axis=1, keepdims=True) + (1 - 4 * far) * corners
    square = np.sum((points @ slope) ** 2, axis=2).mean(axis=1)
    assert relative_error(estimate.elements, np.sqrt(square)) < 1e-12


def test_poses_together_equal_one_by_one():
    head, coil, poses = layered_sphere(), figure_of_eight(), several_poses()
    conductor = conductor_of(0.02)
    rates = jax.vmap(lambda pose: RATE * coil.potential_at(conductor.nodes, pose))(
        poses
    )
    fields = efield.solve(conductor, coil, poses, RATE)
    estimator = error_estimator(conductor, head)
    target = meshing.ball(head, [0, 0, 0.06], 0.02)
    together = estimator(fields, rates)
    assert together.elements.shape == (3, len(head.tags))
    for i in range(3):
        one = estimator(jax.tree.map(lambda leaf: leaf[i], fields), rates[i])  # noqa: B023
        np.testing.assert_allclose(together.elements[i], one.elements, rtol=1e-10)
        np.testing.assert_allclose(together.relative[i], one.relative, rtol=1e-12)
        np.testing.assert_allclose(
            together.in_region(target)[i], one.in_region(target), rtol=1e-12
        )


def test_another_head_is_refused():
    field, rates = solved(0.02)
    with pytest.raises(ValueError, match="the head that it was assembled from"):
        estimate_error(conductor_of(0.02), layered_sphere(0.016), field, rates)


def test_of_second_order_it_is_somewhat_too_large():
    size = 0.014
    head, coil = layered_sphere(size), figure_of_eight()
    conductor = efield.assemble(head, efield.isotropic(head), order=2)
    pose = pose_above([0.2, 0.3, 1.0])
    rates = efield.rates(conductor, coil, pose, RATE)
    field = efield.solve(conductor, coil, pose, RATE)
    estimate = estimate_error(conductor, head, field, rates)
    rule, corners = fifth_degree(), head.nodes[head.tetrahedra]
    error, square = np.zeros(len(head.tags)), np.zeros(len(head.tags))
    for share, weight in zip(rule.barycentric, rule.weights, strict=True):
        points = np.einsum("k,ekc->ec", share, corners)
        there = np.asarray(coil_field(coil, pose, points, RATE))
        ours = np.einsum("k,ekc->ec", share, np.asarray(field.corners))
        error += weight * np.sum((there - ours) ** 2, axis=1)
        square += weight * np.sum(there**2, axis=1)
    true = relative(np.sqrt(error), np.sqrt(square), head.volumes)
    ratio = float(estimate.relative) / true
    of_each = np.median(estimate.elements / np.sqrt(error))
    print(true, ratio, of_each)
    assert 1.2 < ratio < 1.8
    assert 1.0 < of_each < 1.5


def test_of_second_order_it_is_zero_where_the_field_is_linear():
    head, slope = layered_sphere(), np.arange(9.0).reshape(3, 3)
    conductor = efield.assemble(head, efield.isotropic(head), order=2)
    corners = jnp.asarray(head.nodes[head.tetrahedra] @ slope)
    report = efield.SolverReport(jnp.asarray(0), jnp.asarray(0.0))
    nothing = jnp.zeros(len(conductor.nodes))
    field = efield.ElectricField(corners.mean(axis=1), nothing, report, corners)
    estimate = estimate_error(conductor, head, field, jnp.zeros_like(conductor.nodes))
    assert float(jnp.max(estimate.elements)) < 1e-12
    first = efield.ElectricField(field.vectors, nothing, report)
    with pytest.raises(ValueError, match="is of first order"):
        estimate_error(conductor, head, first, jnp.zeros_like(conductor.nodes))
