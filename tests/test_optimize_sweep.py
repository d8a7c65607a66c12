import functools

import jax.numpy as jnp
import numpy as np
import pytest
from heads import boxed_coil, five_layers, scalp_of_five_layers
from scipy.spatial import KDTree

from tmsgrad import efield, meshing, optimize
from tmsgrad.coils import Pose, rings


CENTRE = np.array([0.02, -0.015, 0.058])
SHOWN: list[tuple[float, str]] = []


@functools.cache
def objective():
    head = five_layers()
    conductor = efield.assemble(head, efield.isotropic(head))
    target = meshing.ball(head, CENTRE, 8e-3)
    return optimize.MeanMagnitude(efield.reciprocal(conductor, target))


@functools.cache
def swept():
    positions = optimize.spread(scalp_of_five_layers(), 14e-3)
    return optimize.sweep(
        *(objective(), boxed_coil(), scalp_of_five_layers(), positions),
        angles=90,
        progress=lambda share, what: SHOWN.append((share, what)),
    )


def test_positions_are_even_and_on_the_scalp():
    scalp = scalp_of_five_layers()
    points = optimize.spread(scalp, 8e-3)
    tree = KDTree(points)
    nearest = np.asarray(tree.query(points, 2)[0])[:, 1]
    assert nearest.min() >= 8e-3
    assert nearest.max() < 16e-3
    assert np.abs(scalp.surface.signed_distance(points)).max() < 1e-9
    corners = scalp.surface.vertices
    inner = corners[corners[:, 2] > corners[:, 2].max() - 0.09]
    assert np.asarray(tree.query(inner)[0]).max() < 10e-3


def test_positions_keep_to_their_region_and_out_of_forbidden_zones():
    zone = ([0.0, 0.03, 0.08], 20e-3)
    points = optimize.spread(
        scalp_of_five_layers(), 5e-3, centre=CENTRE, radius=45e-3, forbidden=[zone]
    )
    assert len(points) > 20
    assert np.linalg.norm(points - CENTRE, axis=1).max() <= 45e-3
    assert np.linalg.norm(points - np.array(zone[0]), axis=1).min() > zone[1]


@pytest.mark.parametrize("spacing", [0.0, np.nan, 1.0])
def test_an_impossible_spacing_is_refused(spacing):
    with pytest.raises(ValueError, match="`spacing` must lie between"):
        optimize.spread(scalp_of_five_layers(), spacing)


def test_a_region_without_scalp_is_refused():
    with pytest.raises(ValueError, match=r"no scalp within 10 mm of .*0.0, 0.0, 0.0"):
        optimize.spread(scalp_of_five_layers(), 5e-3, centre=[0, 0, 0], radius=10e-3)
    zone = ([0.0, 0.0, 0.0], 0.2)
    with pytest.raises(ValueError, match="outside the forbidden zones"):
        optimize.spread(scalp_of_five_layers(), 5e-3, forbidden=[zone])


def test_tangential_poses_are_placements_at_their_distance():
    scalp = scalp_of_five_layers()
    points = optimize.spread(scalp, 20e-3)
    poses = optimize.tangential(scalp, points, 6e-3)
    eye = poses.rotation @ jnp.swapaxes(poses.rotation, 1, 2)
    np.testing.assert_allclose(eye, np.broadcast_to(np.eye(3), eye.shape), atol=1e-12)
    np.testing.assert_allclose(jnp.linalg.det(poses.rotation), 1.0, atol=1e-12)
    np.testing.assert_allclose(
        poses.translation + 6e-3 * poses.rotation[:, :, 2], points, atol=1e-12
    )
    radial = points / np.linalg.norm(points, axis=1, keepdims=True)
    towards = jnp.sum(poses.rotation[:, :, 2] * jnp.asarray(radial), axis=1)
    assert float(towards.max()) < -np.cos(0.1)


def test_values_are_those_of_exact_reciprocity():
    rng = np.random.default_rng(6)
    largest = swept().values.max()
    for position in rng.choice(len(swept().values), 12, replace=False):
        angle = rng.integers(90)
        mean = objective().reciprocal.mean_field(
            boxed_coil(), swept().pose(position, angle)
        )
        expected = float(jnp.linalg.norm(mean))
        found = swept().values[position, angle]
        assert abs(found - expected) < 2e-3 * largest


def test_all_turns_of_a_pose_equal_each_turn_by_itself():
    few, _ = efield.equivalent(objective().reciprocal, scalp_of_five_layers())
    wheel = rings(boxed_coil())
    scalp = scalp_of_five_layers()
    poses = optimize.tangential(scalp, optimize.spread(scalp, 40e-3)[:2])
    found = optimize.mean_of_turns(few, wheel, poses, 120)
    sources = wheel.sources()
    for index in (0, 7, 100):
        turn = jnp.array([0.0, 0.0, 2 * np.pi * index / 120])
        pose = Pose(poses.rotation[1], poses.translation[1]).moved(jnp.zeros(3), turn)
        placed = sources.placed(pose)
        potential = few.vector_potential(placed.current_positions)
        expected = -1e6 * jnp.einsum("pdc,pc->d", potential, placed.current_vectors)
        scale = float(jnp.abs(found).max())
        np.testing.assert_allclose(found[1, :, index], expected, atol=1e-5 * scale)


def test_the_best_of_the_map_is_near_the_optimum_of_the_search():
    found = optimize.find_pose(objective(), boxed_coil(), scalp_of_five_layers())
    position, angle = swept().best
    assert swept().values[position, angle] == swept().values.max()
    assert 0.9 * found.value < swept().values.max() < 1.01 * found.value
    pose = swept().pose(position, angle)
    assert float(jnp.linalg.norm(pose.translation - found.pose.translation)) < 28e-3


def test_no_pose_of_the_map_cuts_the_scalp():
    scalp = scalp_of_five_layers()
    samples = optimize.casing_samples(boxed_coil())
    low = optimize.sweep(
        objective(),
        boxed_coil(),
        scalp,
        optimize.spread(scalp, 30e-3),
        optimize.Domain(distance=0.0),
        angles=90,
    )
    assert low.lifts.max() > 0
    for position in range(0, len(low.lifts), 3):
        pose = low.pose(position, 17)
        placed = pose.to_head(jnp.asarray(samples))
        # The smooth distance is right to a fraction of the facets' 1.1 mm.
        assert scalp.clearance(placed) > -0.5e-3


def test_progress_is_reported_in_order():
    count = len(swept().poses.translation)
    shares = [share for share, _ in SHOWN]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert (0.2, f"0 of {count} positions") in SHOWN
    assert SHOWN[-1] == (1.0, "done")


def test_too_few_angles_and_no_current_are_refused():
    scalp = scalp_of_five_layers()
    with pytest.raises(ValueError, match="`angles` must be at least"):
        optimize.sweep(objective(), boxed_coil(), scalp, angles=8)
    with pytest.raises(ValueError, match="`current_rate` must be a positive"):
        optimize.sweep(objective(), boxed_coil(), scalp, current_rate=0.0)
