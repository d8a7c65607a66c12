import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from heads import RADII, boxed_coil, pose_over, scalp_of_five_layers

from tmsgrad import optimize
from tmsgrad.coils import MagneticDipoles, Pose
from tmsgrad.optimize.constraints import clearance as smooth_clearance


RADIUS = RADII[-1]


def depth_of_box(pose):
    """How far samples of the casing get into the sphere, exactly."""
    placed = pose.to_head(jnp.asarray(optimize.casing_samples(boxed_coil(), 1e-3)))
    return RADIUS - float(jnp.linalg.norm(placed, axis=1).min())


@pytest.mark.parametrize("spacing", [4e-3, 10e-3])
def test_samples_lie_on_the_casing_and_leave_no_gap(spacing, rng):
    samples = optimize.casing_samples(boxed_coil(), spacing)
    box = np.asarray(boxed_coil().surface_points)
    low, high = box.min(axis=0), box.max(axis=0)
    on_side = np.isclose(samples, low) | np.isclose(samples, high)
    assert on_side.any(axis=1).all()
    others = rng.uniform(low[:2], high[:2], (200, 2))
    others = np.column_stack([others, np.zeros(200)])
    gap = np.linalg.norm(others[:, None] - samples[None], axis=-1).min(axis=1)
    assert gap.max() < spacing


def test_without_triangles_the_points_themselves_are_the_samples():
    coil = MagneticDipoles(np.eye(3), np.eye(3))
    np.testing.assert_array_equal(optimize.casing_samples(coil), np.eye(3))


def test_a_clear_coil_is_left_alone():
    pose = pose_over([0.2, 0.1, 1.0], distance=4e-3)
    samples = optimize.casing_samples(boxed_coil())
    moved, gap = optimize.lifted(pose, samples, scalp_of_five_layers(), 0.0)
    np.testing.assert_array_equal(moved.translation, pose.translation)
    # The scalp is made of facets within the sphere.
    assert 4e-3 - 1e-9 < gap < 5.3e-3


@pytest.mark.parametrize("wanted", [0.0, 3e-3])
def test_a_coil_that_cuts_is_moved_back_along_its_axis(wanted):
    pose = pose_over([0.2, 0.1, 1.0], distance=-6e-3)
    samples = optimize.casing_samples(boxed_coil())
    scalp = scalp_of_five_layers()
    moved, gap = optimize.lifted(pose, samples, scalp, wanted)
    assert wanted <= gap < wanted + 1e-5
    np.testing.assert_array_equal(moved.rotation, pose.rotation)
    way = moved.translation - pose.translation
    length = float(jnp.linalg.norm(way))
    np.testing.assert_allclose(way / length, -pose.rotation[:, 2], atol=1e-9)
    placed = np.asarray(moved.to_head(jnp.asarray(samples)))
    assert float(scalp.surface.signed_distance(placed).min()) >= wanted - 1e-12


def test_a_coil_deep_inside_is_refused():
    pose = pose_over([0.2, 0.1, 1.0], distance=-0.08)
    samples = optimize.casing_samples(boxed_coil())
    with pytest.raises(ValueError, match=r"cuts the scalp by .* mm"):
        optimize.lifted(pose, samples, scalp_of_five_layers(), 0.0)


def test_the_smooth_lift_clears_a_flat_coil():
    guard = smooth_clearance(
        optimize.casing_samples(boxed_coil()), scalp_of_five_layers(), 0.0
    )
    for distance, expected in ((10e-3, 0.0), (-3e-3, 3e-3), (-6e-3, 6e-3)):
        pose = pose_over([0.2, 0.1, 1.0], distance=distance)
        lift = float(guard.lift(pose))
        # The facets, the grid of the distances and the softness give 1.5 mm.
        assert abs(lift - expected) < 1.5e-3
        higher = Pose(pose.rotation, pose.translation - lift * pose.rotation[:, 2])
        assert depth_of_box(higher) < 1.2e-3


def test_the_lift_is_differentiable():
    guard = smooth_clearance(
        optimize.casing_samples(boxed_coil()), scalp_of_five_layers(), 1e-3
    )
    pose = pose_over([0.2, 0.1, 1.0], distance=-3e-3)

    def lift(move):
        return guard.lift(pose.moved(1e-3 * move[:3], move[3:]))

    found = jax.grad(lift)(jnp.zeros(6))
    for index, step in enumerate(1e-4 * np.eye(6)):
        expected = (lift(jnp.asarray(step)) - lift(jnp.asarray(-step))) / 2e-4
        np.testing.assert_allclose(found[index], expected, atol=2e-5 * 1e-3, rtol=1e-4)


def test_the_constraint_watches_the_side_that_faces_the_head():
    guard = smooth_clearance(
        optimize.casing_samples(boxed_coil()), scalp_of_five_layers(), 0.0, below=5e-3
    )
    assert float(guard.points[:, 2].min()) >= -5e-3
    assert {field.name for field in dataclasses.fields(guard)} >= {"points", "wanted"}
