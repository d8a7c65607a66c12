import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from tmsgrad.coils import (
    CircularTurns,
    MagneticDipoles,
    StraightSegments,
    thick_wire,
    wire,
)


MU0 = 4e-7 * np.pi


def circle(radius, corners):
    """A polygon of the circle's area, which errs by less than one of its radius."""
    angle = 2 * np.pi * np.arange(corners) / corners
    r = radius * np.sqrt(2 * np.pi / corners / np.sin(2 * np.pi / corners))
    return np.stack([r * np.cos(angle), r * np.sin(angle), 0 * angle], axis=1)


def test_a_segment_agrees_with_the_finite_wire_formula(key):
    length = 0.1
    points = jr.uniform(key, (200, 3), minval=0.01, maxval=0.2)
    segment = StraightSegments.between(
        jnp.array([[0, 0, -length / 2]]), jnp.array([[0, 0, length / 2]])
    )
    rho, z = np.hypot(points[:, 0], points[:, 1]), np.asarray(points[:, 2])
    # ∫ dz' / √(ρ² + (z - z')²) [Griffiths, *Electrodynamics*, 4th ed., problem 5.23].
    expected = (
        MU0
        / (4 * np.pi)
        * (np.arcsinh((z + length / 2) / rho) - np.arcsinh((z - length / 2) / rho))
    )
    actual = segment.vector_potential(points)
    np.testing.assert_allclose(actual[:, 2], expected, rtol=1e-12)
    np.testing.assert_array_equal(actual[:, :2], 0)


def test_far_and_very_short_segments_are_points():
    place = jnp.array([[0.0, 0.0, 1.0]])
    for length in (0.0, 1e-9, 1e-5):
        vector = jnp.array([[length, 0.0, 0.0]])
        actual = StraightSegments(jnp.zeros((1, 3)), vector).vector_potential(place)
        np.testing.assert_allclose(actual[0, 0], 1e-7 * length, rtol=1e-10)
        assert np.isfinite(
            jax.grad(
                lambda v: jnp.sum(
                    StraightSegments(
                        jnp.zeros((1, 3)), v, points_per_segment=1
                    ).vector_potential(place)
                )
            )(vector)
        ).all()


def test_field_amid_a_square_coil():
    side = 0.08
    corners = side / 2 * np.array([[1.0, -1, 0], [1, 1, 0], [-1, 1, 0], [-1, -1, 0]])
    coil = wire(corners, closed=True)
    jacobian = jax.jacfwd(lambda x: coil.vector_potential(x[None])[0])(jnp.zeros(3))
    amid = 2 * np.sqrt(2) * MU0 / (np.pi * side)  # Griffiths, 4th ed., problem 5.8.
    np.testing.assert_allclose(jacobian[1, 0] - jacobian[0, 1], amid, rtol=1e-12)
    np.testing.assert_allclose(jnp.trace(jacobian), 0.0, atol=1e-20)


def test_polygons_converge_to_the_circle_by_the_square_of_the_side(key):
    points = jr.uniform(key, (50, 3), minval=0.02, maxval=0.1)
    exact = CircularTurns(np.zeros(3), np.array([0, 0, 1.0]), np.array([0.04]))
    expected = exact.vector_potential(points)
    errors = [
        np.linalg.norm(
            wire(circle(0.04, n), closed=True).vector_potential(points) - expected
        )
        for n in (40, 80, 160)
    ]
    rates = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert (rates > 1.9).all()


def test_a_thick_wire_is_the_mean_over_its_cross_section(key):
    points = jr.uniform(key, (30, 3), minval=0.03, maxval=0.1)
    path = circle(0.04, 64)

    def thick(filaments):
        return thick_wire(
            path,
            width=4e-3,
            height=8e-3,
            up=np.array([0.0, 0, 1]),
            filaments=filaments,
            closed=True,
        ).vector_potential(points)

    fine = thick((8, 8))
    error = lambda n: np.linalg.norm(thick((n, n)) - fine) / np.linalg.norm(fine)
    assert error(1) > 1e-4
    assert error(2) < 1e-5
    assert error(3) < 1e-7


def test_point_sources_stand_for_the_wire(key):
    coil = wire(circle(0.04, 48), closed=True)
    sources = coil.sources()
    assert len(sources.dipole_positions) == 0
    points = jr.uniform(key, (50, 3), minval=-0.05, maxval=0.05)
    points = points.at[:, 2].set(0.01)
    r = np.asarray(points)[:, None] - np.asarray(sources.current_positions)[None]
    direct = 1e-7 * np.sum(
        np.asarray(sources.current_vectors)[None]
        / np.linalg.norm(r, axis=2, keepdims=True),
        axis=1,
    )
    expected = np.asarray(coil.vector_potential(points))
    assert np.linalg.norm(direct - expected) < 3e-4 * np.linalg.norm(expected)


def test_gradients_in_shape_equal_finite_differences(key):
    points = 0.05 + 0.05 * jr.uniform(key, (5, 3))
    direction = jr.normal(jr.fold_in(key, 1), (12, 3))

    def energy(path):
        return 1e14 * jnp.sum(wire(path, closed=True).vector_potential(points) ** 2)

    path = jnp.asarray(circle(0.03, 12))
    step = 1e-7 * direction
    slope = energy(path + step) - energy(path - step)
    np.testing.assert_allclose(
        jnp.sum(jax.grad(energy)(path) * step), slope / 2, rtol=1e-6
    )


def test_dipoles_far_away_equal_a_small_square():
    side = 1e-3
    corners = side / 2 * np.array([[1.0, -1, 0], [1, 1, 0], [-1, 1, 0], [-1, -1, 0]])
    points = jnp.array([[0.3, 0.1, 0.2]])
    dipole = MagneticDipoles(np.zeros((1, 3)), np.array([[0, 0, side**2]]))
    np.testing.assert_allclose(
        wire(corners, closed=True).vector_potential(points),
        dipole.vector_potential(points),
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((2, 2)), np.zeros((2, 2))), "`midpoints` must have"),
        ((np.zeros((2, 3)), np.zeros((3, 3))), "one vector for each"),
        ((np.zeros((2, 3)), np.zeros((2, 3)), np.ones(3)), "`currents` must be"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        StraightSegments(*arguments)
