import jax
import jax.numpy as jnp
import numpy as np
import pytest
from efield_examples import relative_error
from heads import boxed_coil, pose_over

from tmsgrad import coils, efield
from tmsgrad.coils import Coil, MagneticDipoles, Sources
from tmsgrad.efield import Reciprocal


def currents_within(radius, count=40):
    """Currents anywhere in a ball: the field outside is smooth."""
    rng = np.random.default_rng(1)
    places = rng.normal(size=(count, 3))
    places *= (
        radius
        * rng.uniform(0, 1, (count, 1)) ** (1 / 3)
        / np.linalg.norm(places, axis=1, keepdims=True)
    )
    return Reciprocal(
        jnp.asarray(places),
        jnp.asarray(1e-3 * rng.normal(size=(3, count, 3))),
        jnp.array([0.03, -0.02, 0.05]),
    )


def octagons():
    """A figure of eight of straight wires."""
    angles = 2 * np.pi * np.arange(9) / 8
    ring = 0.035 * np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    wing = np.array([0.036, 0.0, 0.008])
    paths = [ring - wing, ring[::-1] - wing * [-1, 1, 1]]
    starts = np.concatenate([path[:-1] for path in paths])
    ends = np.concatenate([path[1:] for path in paths])
    return coils.StraightSegments.between(starts, ends)


def mixed():
    return Coil((boxed_coil().elements[0], octagons()))


COILS = {"dipoles": boxed_coil, "wires": octagons, "both": mixed}

POSES = [
    pose_over([0.5, -0.3, 0.8], 0.0),
    pose_over([0.3, -0.4, 0.9], 2.0, 12e-3),
    pose_over([0.6, -0.1, 0.7], 4.0).moved(jnp.zeros(3), jnp.array([0.1, -0.1, 0.0])),
]


def by_sum(reciprocal, sources, pose, current_rate=1e6):
    """-dI/dt (Σ m·B + Σ dl·a), each source on its own."""
    placed = sources.placed(pose)
    total = np.zeros(3)
    if len(placed.dipole_positions):
        field = reciprocal.magnetic_field(placed.dipole_positions)
        total += np.einsum("pdc,pc->d", field, placed.dipole_moments)
    if len(placed.current_positions):
        field = reciprocal.vector_potential(placed.current_positions)
        total += np.einsum("pdc,pc->d", field, placed.current_vectors)
    return -current_rate * total


def reach(sources):
    placed = [sources.placed(pose) for pose in POSES]
    points = np.concatenate(
        [np.concatenate([p.dipole_positions, p.current_positions]) for p in placed]
    )
    return points.min(axis=0), points.max(axis=0)


def table_of(reciprocal, sources, spacing=4e-3):
    return efield.tabulate(reciprocal, sources, *reach(sources), spacing)


@pytest.mark.parametrize("kind", COILS)
def test_the_sum_over_sources_is_the_mean_field(kind):
    # Dipoles exactly; wires but for the Gauss points that stand for them.
    coil, reciprocal = COILS[kind](), currents_within(0.06)
    for pose in POSES:
        expected = reciprocal.mean_field(coil, pose, 2e6)
        found = by_sum(reciprocal, coil.sources(), pose, 2e6)
        tolerance = 1e-12 if kind == "dipoles" else 1e-7
        assert relative_error(found, expected) < tolerance


@pytest.mark.parametrize("kind", COILS)
def test_the_tabulated_field_is_the_sum_over_sources(kind):
    sources, reciprocal = COILS[kind]().sources(), currents_within(0.06)
    field = table_of(reciprocal, sources)
    assert (field.magnetic is None) == (kind == "wires")
    assert (field.vector is None) == (kind == "dipoles")
    assert field.directions == 3
    for pose in POSES:
        expected = by_sum(reciprocal, sources, pose, 3e6)
        found = field.mean_field(sources, pose, 3e6)
        assert relative_error(found, expected) < 2e-4


@pytest.mark.parametrize("kind", ["dipoles", "wires"])
def test_the_error_falls_with_the_fourth_power_of_the_spacing(kind):
    sources, reciprocal = COILS[kind]().sources(), currents_within(0.06)
    expected = [by_sum(reciprocal, sources, pose) for pose in POSES]
    errors = []
    for spacing in (8e-3, 4e-3):
        field = table_of(reciprocal, sources, spacing)
        found = [field.mean_field(sources, pose) for pose in POSES]
        errors.append(relative_error(found, expected))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(4, abs=0.7)


def test_sources_at_the_corners_of_the_box_are_within_it(rng):
    reciprocal = currents_within(0.05)
    low, high = np.array([-0.02, -0.01, 0.09]), np.array([0.013, 0.03, 0.11])
    corners = np.array(
        [[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float
    )
    positions = jnp.asarray(low + (high - low) * corners)
    moments = jnp.asarray(rng.normal(size=(8, 3)))
    identity = coils.Pose(jnp.eye(3), jnp.zeros(3))
    for index in range(8):
        one = Sources.of_dipoles(positions[index][None], moments[index][None])
        field = efield.tabulate(reciprocal, one, low, high, 2e-3)
        expected = by_sum(reciprocal, one, identity)
        assert relative_error(field.mean_field(one, identity), expected) < 1e-4


def test_a_single_direction_is_tabulated_alone():
    whole = currents_within(0.06)
    one = Reciprocal(whole.positions, whole.currents[1:2], whole.centre)
    sources = boxed_coil().sources()
    found = table_of(one, sources).mean_field(sources, POSES[0])
    expected = table_of(whole, sources).mean_field(sources, POSES[0])
    np.testing.assert_allclose(found, expected[1:2], rtol=1e-10)


def test_derivatives_by_the_pose_equal_finite_differences(rng):
    sources = boxed_coil().sources()
    field = table_of(currents_within(0.06), sources)

    @jax.jit
    def strength(x):
        pose = POSES[0].moved(0.01 * x[:3], 0.1 * x[3:])
        return jnp.linalg.norm(field.mean_field(sources, pose))

    gradient, hessian = jax.grad(strength), jax.hessian(strength)
    start, step = jnp.asarray(0.1 * rng.normal(size=6)), jnp.asarray(rng.normal(size=6))
    h = 1e-5
    slope = (strength(start + h * step) - strength(start - h * step)) / (2 * h)
    assert float(gradient(start) @ step) == pytest.approx(float(slope), rel=1e-7)
    bend = (gradient(start + h * step) - gradient(start - h * step)) / (2 * h)
    np.testing.assert_allclose(hessian(start) @ step, bend, rtol=1e-5, atol=1e-6)


def test_one_dipole_reads_the_field_at_its_place():
    reciprocal = currents_within(0.06)
    coil = MagneticDipoles(np.zeros((1, 3)), np.array([[0.0, 0.0, 2.0]]))
    pose = pose_over([0.0, 0.0, 1.0])
    field = efield.tabulate(
        reciprocal,
        coil.sources(),
        np.asarray(pose.translation) - 0.01,
        np.asarray(pose.translation) + 0.01,
        1e-3,
    )
    expected = 1e6 * 2.0 * reciprocal.magnetic_field(pose.translation[None])[0, :, 2]
    np.testing.assert_allclose(
        field.mean_field(coil.sources(), pose), expected, rtol=4e-6
    )
