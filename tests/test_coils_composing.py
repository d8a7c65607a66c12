"""Several coils as one."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from tmsgrad import coils
from tmsgrad.coils import (
    CircularTurns,
    Coil,
    Details,
    MagneticDipoles,
    Part,
    Pose,
    Range,
    Rotation,
    SampledPotential,
    Stimulator,
    StraightSegments,
    Translation,
)


def hinged(rng):
    """Dipoles that shift and turn, and wires at rest, on two stimulators."""
    turn = Rotation.through(np.array([0.01, 0, 0]), np.array([0.01, 0.1, 0.05]), 1)
    shift = Translation(direction=jnp.array([0.0, 0, 1]), setting=0)
    return Coil(
        (
            Part(MagneticDipoles(*rng.normal(scale=0.03, size=(2, 5, 3))), None,
                 (turn, shift), 1, "left"),
            StraightSegments(*rng.normal(scale=0.03, size=(2, 7, 3))),
        ),
        jnp.asarray(rng.normal(scale=0.05, size=(6, 3))),
        "hinged",
        settings=jnp.array([-0.002, 0.1]),
        rates=jnp.array([0.7, -0.3]),
        ranges=(Range(-0.002, -0.01, 0.0), Range(0.1, -0.3, 0.4)),
        stimulators=(Stimulator("S1", "", 1e8), Stimulator("S2", "", 2e8)),
        details=Details(apart=((0, 1),)),
    )  # fmt: skip


def grid(rng):
    affine = np.diag([0.1, 0.1, 0.1, 1.0])
    affine[:3, 3] = -0.2
    return SampledPotential(rng.normal(size=(5, 5, 5, 3)), affine)


def poses(key, count):
    rest = Pose(jnp.eye(3), jnp.zeros(3))
    moves = 0.1 * jr.normal(key, (count, 2, 3))
    return [rest.moved(shift, turn) for shift, turn in moves]


def test_the_field_is_the_sum_of_the_placed_coils(rng, key):
    given = [
        hinged(rng),
        hinged(rng),
        CircularTurns(np.array([0, 0, -0.01]), np.array([0.1, 0, 1]), np.array([0.03])),
        grid(rng),
    ]
    placed = poses(key, 4)
    whole = coils.compose(given, placed)
    points = 0.08 * jr.uniform(key, (40, 3)) + jnp.array([[0.0, 0, 0.05]])
    expected = sum(
        np.asarray(coil.potential_at(points, pose))
        for coil, pose in zip(given, placed, strict=True)
    )
    np.testing.assert_allclose(whole.vector_potential(points), expected, rtol=1e-9)
    assert whole.stimulator_count == 6
    assert [each.name for each in whole.stimulators[:4]] == ["S1", "S2", "S1", "S2"]
    assert whole.max_current_rate == 1e8
    assert whole.details.apart == ((2, 1), (4, 3))


def test_parts_move_and_stimulators_are_driven_apart(rng, key):
    first, second = hinged(rng), hinged(rng)
    placed = poses(key, 2)
    settings, rates = jnp.array([-0.005, -0.2, -0.001, 0.3]), jnp.array([1.0, 2, 3, 4])
    whole = coils.compose([first, second], placed).shaped(settings).driven(rates)
    points = 0.05 + 0.1 * jr.uniform(key, (20, 3))
    expected = first.shaped(settings[:2]).driven(rates[:2]).potential_at(
        points, placed[0]
    ) + second.shaped(settings[2:]).driven(rates[2:]).potential_at(points, placed[1])
    np.testing.assert_allclose(whole.vector_potential(points), expected, rtol=1e-10)
    hull = np.concatenate(
        [
            np.asarray(pose.to_head(coil.surface_points))
            for pose, coil in zip(placed, (first, second), strict=True)
        ]
    )
    np.testing.assert_allclose(whole.surface_points, hull, atol=1e-15)


def test_gradients_in_a_coils_pose_equal_finite_differences(rng, key):
    given, placed = [hinged(rng), hinged(rng)], poses(key, 2)
    points = 0.05 + 0.1 * jr.uniform(key, (10, 3))

    def energy(move):
        second = placed[1].moved(move[:3], move[3:])
        whole = coils.compose(given, [placed[0], second])
        return 1e10 * jnp.sum(whole.vector_potential(points) ** 2)

    step = 1e-6 * jr.normal(key, (6,))
    slope = (energy(step) - energy(-step)) / 2
    np.testing.assert_allclose(jax.grad(energy)(jnp.zeros(6)) @ step, slope, rtol=1e-6)


def test_a_coil_without_casing_keeps_off_the_head_beside_one_with(rng):
    bare = MagneticDipoles(np.array([[0.2, 0, 0]]), np.array([[0, 0, 1e-4]]))
    whole = coils.compose([hinged(rng), bare])
    assert (np.asarray(whole.surface_points) == [0.2, 0, 0]).all(axis=1).any()


def test_what_cannot_be_put_together_is_refused(rng):
    with pytest.raises(ValueError, match="got 0 coils"):
        coils.compose([])
    with pytest.raises(ValueError, match="1 coils and 2 poses"):
        coils.compose([hinged(rng)], [Pose(jnp.eye(3), jnp.zeros(3))] * 2)
