import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from tmsgrad.coils import CircularTurns, Interpolant, SampledPotential, interpolate
from tmsgrad.coils.splines import cubic, linear, spline_coefficients


LOWEST, HIGHEST = (-0.06, -0.06, 0.004), (0.06, 0.06, 0.1)


@pytest.fixture(scope="module")
def coil():
    up = np.array([0.1, 0.0, 1.0])
    return CircularTurns(np.array([0, 0, -0.008]), up, np.array([0.03, 0.04]))


def cloud(key, count):
    low, high = np.array(LOWEST), np.array(HIGHEST)
    return jnp.asarray(low + (high - low) * np.asarray(jr.uniform(key, (count, 3))))


def test_splines_reproduce_cubics_up_to_the_faces(key):
    weights = jr.normal(key, (4, 4, 4, 2))
    cube = lambda x: jnp.einsum("pi,pj,pk,ijkc->pc", *powers(x), weights)
    powers = lambda x: [x[:, a, None] ** jnp.arange(4.0)[None] for a in range(3)]
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in (6, 7, 8)], indexing="ij"), -1)
    samples = np.asarray(cube(jnp.asarray(grid.reshape(-1, 3) * 0.1)))
    table = jnp.asarray(spline_coefficients(samples.reshape(6, 7, 8, 2)))
    places = jr.uniform(key, (100, 3)) * jnp.array([[5.0, 6.0, 7.0]])
    np.testing.assert_allclose(cubic(table, places), cube(0.1 * places), rtol=1e-10)


def test_linear_interpolation_agrees_with_scipy(rng):
    from scipy.ndimage import map_coordinates

    samples = rng.normal(size=(5, 6, 7, 3))
    places = rng.uniform(size=(50, 3)) * [4, 5, 6]
    expected = np.stack(
        [map_coordinates(samples[..., c], places.T, order=1) for c in range(3)], axis=1
    )
    actual = linear(jnp.asarray(samples), jnp.asarray(places))
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.long
def test_a_table_keeps_its_tolerance(coil, key):
    points = cloud(key, 3000)
    expected = coil.vector_potential(points)
    for tolerance in (1e-3, 1e-5):
        table = interpolate(coil, tolerance=tolerance, lowest=LOWEST, highest=HIGHEST)
        assert table.error <= tolerance
        worst = np.linalg.norm(table.vector_potential(points) - expected, axis=1).max()
        assert worst <= tolerance * np.linalg.norm(expected, axis=1).max()


def test_points_outside_the_box_are_summed_directly(coil, key):
    table = interpolate(coil, tolerance=1e-3, lowest=LOWEST, highest=HIGHEST)
    inside = cloud(key, 10)
    below = inside + jnp.array([[0.0, 0.0, 0.2]])
    np.testing.assert_allclose(
        table.vector_potential(jnp.concatenate([inside, below]))[10:],
        coil.vector_potential(below),
        rtol=1e-12,
    )
    many = jnp.concatenate([inside, jnp.tile(below, (500, 1))])
    np.testing.assert_allclose(
        table.vector_potential(many)[10:],
        coil.vector_potential(many[10:]),
        rtol=1e-12,
    )


@pytest.mark.long
def test_gradients_are_those_of_the_spline_and_close_to_the_coils(coil, key):
    table = interpolate(coil, tolerance=1e-6, lowest=LOWEST, highest=HIGHEST)
    points = cloud(key, 20)
    step = 1e-6 * jr.normal(key, points.shape)
    energy = lambda of: lambda x: 1e12 * jnp.sum(of.vector_potential(x) ** 2)
    gradient = jax.grad(energy(table))(points)
    slope = (energy(table)(points + step) - energy(table)(points - step)) / 2
    np.testing.assert_allclose(jnp.sum(gradient * step), slope, rtol=1e-6)
    np.testing.assert_allclose(
        gradient, jax.grad(energy(coil))(points), rtol=1e-2, atol=1e-2
    )


def test_tables_are_cached_and_damaged_ones_built_anew(coil, tmp_path):
    first = interpolate(
        coil, tolerance=1e-3, cache=tmp_path, lowest=LOWEST, highest=HIGHEST
    )
    (file,) = tmp_path.iterdir()
    made = file.stat().st_mtime_ns
    again = interpolate(
        coil, tolerance=1e-3, cache=tmp_path, lowest=LOWEST, highest=HIGHEST
    )
    assert file.stat().st_mtime_ns == made
    np.testing.assert_array_equal(first.coefficients, again.coefficients)
    file.write_bytes(file.read_bytes()[:5000])
    repaired = interpolate(
        coil, tolerance=1e-3, cache=tmp_path, lowest=LOWEST, highest=HIGHEST
    )
    np.testing.assert_array_equal(first.coefficients, repaired.coefficients)
    assert isinstance(repaired, Interpolant)


def test_a_box_among_the_windings_is_refused(coil):
    with pytest.raises(ValueError, match="inside the box"):
        interpolate(coil, lowest=(-0.1, -0.1, -0.1), highest=(0.1, 0.1, 0.1))


def test_a_sampled_potential_is_zero_outside_and_smooth_inside(coil, key):
    axes = [np.linspace(-0.06, 0.06, 25)] * 2 + [np.linspace(0.004, 0.1, 21)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    values = np.asarray(coil.vector_potential(jnp.asarray(grid.reshape(-1, 3))))
    affine = np.diag([0.005, 0.005, 0.0048, 1.0])
    affine[:3, 3] = [-0.06, -0.06, 0.004]
    points = cloud(key, 300)
    expected = coil.vector_potential(points)
    size = np.linalg.norm(expected)
    for smooth, rtol in ((False, 2e-2), (True, 2e-3)):
        sampled = SampledPotential(values.reshape(grid.shape), affine, smooth=smooth)
        error = np.linalg.norm(sampled.vector_potential(points) - expected)
        assert error < rtol * size
        corner = sampled.vector_potential(jnp.array([[0.06, 0.06, 0.1]]))
        np.testing.assert_allclose(corner[0], values[-1], rtol=1e-10)
        assert not sampled.vector_potential(jnp.array([[0.0, 0.0, 0.11]])).any()
    with pytest.raises(ValueError, match="no point sources"):
        sampled.sources()
