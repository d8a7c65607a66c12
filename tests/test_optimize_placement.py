import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from heads import RADII, scalp_of_five_layers

from tmsgrad import optimize


RADIUS = RADII[-1]


@functools.cache
def patch():
    return optimize.chart(scalp_of_five_layers(), [0.02, -0.01, 0.06], 30e-3)


def unknowns(count=20):
    rng = np.random.default_rng(4)
    positions = rng.uniform(-20e-3, 20e-3, (count, 2))
    return [
        (jnp.asarray(p), jnp.asarray(a))
        for p, a in zip(positions, rng.uniform(0, 6, count), strict=True)
    ]


def test_points_lie_on_the_scalp_and_normals_point_out():
    for position, _ in unknowns():
        point, normal = patch().scalp_point(position)
        # Facets of the coarse sphere lie up to 1.1 mm within.
        assert -1.2e-3 < float(jnp.linalg.norm(point)) - RADIUS < 1e-5
        assert float(normal @ point) / float(jnp.linalg.norm(point)) > np.cos(0.08)


def test_the_middle_is_nearest_to_the_target():
    point, _ = patch().scalp_point(jnp.zeros(2))
    nearest = scalp_of_five_layers().nearest([0.02, -0.01, 0.06])
    np.testing.assert_allclose(point, nearest, atol=2e-4)


@pytest.mark.parametrize("tilt", [None, jnp.array([0.1, -0.2])])
def test_a_pose_is_a_rotation_at_its_distance_along_its_axis(tilt):
    for position, angle in unknowns(5):
        pose = patch().pose(position, angle, 7e-3, tilt)
        np.testing.assert_allclose(
            pose.rotation @ pose.rotation.T, np.eye(3), atol=1e-12
        )
        np.testing.assert_allclose(jnp.linalg.det(pose.rotation), 1.0, atol=1e-12)
        point, _ = patch().scalp_point(position)
        axis = pose.rotation[:, 2]
        np.testing.assert_allclose(pose.translation + 7e-3 * axis, point, atol=1e-12)


def test_the_angle_turns_the_handle_about_the_axis():
    position = jnp.array([5e-3, -3e-3])
    before = patch().pose(position, jnp.array(0.3), 4e-3)
    after = patch().pose(position, jnp.array(0.3 + 0.7), 4e-3)
    turn = before.rotation.T @ after.rotation
    expected = [
        [np.cos(0.7), -np.sin(0.7), 0],
        [np.sin(0.7), np.cos(0.7), 0],
        [0, 0, 1],
    ]
    np.testing.assert_allclose(turn, expected, atol=1e-12)


def test_tilt_is_the_angle_between_axis_and_normal():
    tilt = jnp.array([0.12, 0.09])
    position, angle = jnp.array([4e-3, 8e-3]), jnp.array(2.0)
    straight = patch().pose(position, angle, 4e-3)
    tilted = patch().pose(position, angle, 4e-3, tilt)
    cosine = float(straight.rotation[:, 2] @ tilted.rotation[:, 2])
    np.testing.assert_allclose(np.arccos(cosine), 0.15, atol=1e-9)


def test_at_angle_nought_the_coil_points_to_the_front():
    pose = patch().pose(jnp.zeros(2), jnp.zeros(()), 4e-3)
    assert float(pose.rotation[1, 1]) > 0.9


def test_derivatives_equal_finite_differences():
    def flat(x):
        pose = patch().pose(x[:2], x[2], 4e-3, x[3:])
        return jnp.concatenate([pose.rotation.ravel(), 1e2 * pose.translation])

    x = jnp.array([3.3e-3, -7.1e-3, 1.2, 0.05, -0.02])
    found = jax.jacfwd(flat)(x)
    for index, step in enumerate([1e-7, 1e-7, 1e-5, 1e-5, 1e-5]):
        move = step * np.eye(5)[index]
        expected = (flat(x + move) - flat(x - move)) / (2 * step)
        scale = float(jnp.abs(expected).max())
        np.testing.assert_allclose(found[:, index], expected, atol=1e-6 * scale)


@pytest.mark.parametrize("radius", [0.0, -1.0, np.nan, 0.5])
def test_an_impossible_radius_is_refused(radius):
    with pytest.raises(ValueError, match="`radius` of the search"):
        optimize.chart(scalp_of_five_layers(), [0.02, -0.01, 0.06], radius)


def test_a_patch_larger_than_the_head_is_refused():
    with pytest.raises(ValueError, match="the head ends there"):
        optimize.chart(scalp_of_five_layers(), [0.0, 0.0, 0.06], 0.19)
