import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tmsgrad.coils import MagneticDipoles
from tmsgrad.validation.electric_dipole import field_outside, layered_potential
from tmsgrad.validation.sphere import sphere_field


RADII = (0.07, 0.08, 0.092)
ALONG, ACROSS = (0.275, 0.008, 0.465), (0.275, 0.04, 0.3)
PLACE = np.array([0.02, -0.03, 0.035])
MOMENT = np.array([1e-8, 2e-8, -1.5e-8])


def beyond(rng, low=0.055, high=0.092, count=40):
    unit = rng.normal(size=(count, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    return unit * rng.uniform(low, high, (count, 1))


def closed_form(points, place, moment, radius, sigma):
    """By Neumann's function of a ball [Kellogg 1929, *Foundations*, ch. IX, ex. 4]."""

    def neumann(point, source):
        away = jnp.linalg.norm(point - source)
        dot, squares = point @ source, (point @ point) * (source @ source)
        image = jnp.sqrt(radius**4 - 2 * radius**2 * dot + squares) / radius
        total = jnp.log(2 * radius**2 / (radius**2 - dot + radius * image))
        return 1 / away + 1 / image + total / radius

    slope = jax.vmap(jax.grad(neumann, argnums=1), (0, None))
    vectors = slope(jnp.asarray(points), jnp.asarray(place))
    return np.asarray(vectors) @ moment / (4 * np.pi * sigma)


def test_one_layer_has_the_closed_form_of_a_ball(rng):
    points = beyond(rng)
    found = layered_potential(points, PLACE, MOMENT, [0.092], [0.3])
    expected = closed_form(points, PLACE, MOMENT, 0.092, 0.3)
    np.testing.assert_allclose(found, expected, rtol=1e-11)


def test_layers_of_one_conductivity_are_one_sphere(rng):
    points = beyond(rng)
    one = layered_potential(points, PLACE, MOMENT, [0.092], [0.3])
    three = layered_potential(points, PLACE, MOMENT, RADII, [0.3] * 3)
    np.testing.assert_allclose(three, one, rtol=1e-10)


def test_in_a_large_sphere_it_is_that_of_an_endless_conductor(rng):
    points = beyond(rng)
    away = points - PLACE
    distance = np.linalg.norm(away, axis=1)
    expected = away @ MOMENT / (4 * np.pi * 0.3 * distance**3)
    found = layered_potential(points, PLACE, MOMENT, [50.0], [0.3])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def potential(points):
    return layered_potential(points, PLACE, MOMENT, RADII, ALONG, ACROSS)


def gradient(points, step=2e-5):
    offsets = step * np.eye(3)
    at = lambda n: np.stack([potential(points + n * d) for d in offsets], axis=-1)
    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)


def current(points):
    slope, unit = gradient(points), points / np.linalg.norm(points, axis=1)[:, None]
    layer = np.searchsorted(RADII, np.linalg.norm(points, axis=1))
    inward = np.sum(unit * slope, axis=1, keepdims=True) * unit
    along, across = np.array(ALONG)[layer, None], np.array(ACROSS)[layer, None]
    return along * inward + across * (slope - inward)


def test_currents_have_no_sources_beyond_the_dipole(rng):
    for low, high in ((0.055, 0.069), (0.071, 0.079), (0.081, 0.0915)):
        points, step = beyond(rng, low, high, 10), 1e-4
        columns = [
            (current(points + step * u) - current(points - step * u)) / 2 / step
            for u in np.eye(3)
        ]
        slopes = np.stack(columns, axis=2)
        divergence = np.trace(slopes, axis1=1, axis2=2)
        assert np.abs(divergence).max() < 2e-4 * np.abs(slopes).max()


def test_potential_and_current_cross_interfaces_and_not_the_outside(rng):
    unit = beyond(rng, 1.0, 1.0, 20)
    radially = lambda at: np.sum(unit * gradient(at * unit), axis=1)
    for layer in (0, 1):
        jump = potential(RADII[layer] * (1 + 1e-12) * unit)
        np.testing.assert_allclose(potential(RADII[layer] * unit), jump, rtol=1e-9)
        # To the interface from values beside it.
        inner, outer = (
            sigma
            * (1.5 * radially(at + side * 5e-5) - 0.5 * radially(at + side * 15e-5))
            for sigma, at, side in (
                (ALONG[layer], RADII[layer], -1),
                (ALONG[layer + 1], RADII[layer], 1),
            )
        )
        assert np.abs(inner - outer).max() < 1e-3 * np.abs(inner).max()
    outermost = ALONG[2] * radially(RADII[2] - 5e-5)
    assert (
        np.abs(outermost).max()
        < 1e-2 * np.abs(ALONG[2] * gradient(0.0918 * unit)).max()
    )


def test_the_field_outside_is_reciprocal_to_that_of_a_coil(rng):
    # q·E of a magnetic dipole m that grows is -m·B of the current dipole q.
    points = beyond(rng, 0.1, 0.15, 10)
    moments = rng.normal(size=points.shape)
    field = field_outside(points, PLACE, MOMENT)
    for point, moment, b in zip(points, moments, field, strict=True):
        coil = MagneticDipoles(point[None], moment[None])
        induced = sphere_field(coil.sources(), jnp.asarray(PLACE[None]))[0]
        np.testing.assert_allclose(MOMENT @ induced, -moment @ b, rtol=1e-10)


def test_the_field_outside_has_neither_curl_nor_divergence(rng):
    points, step = beyond(rng, 0.1, 0.15, 10), 1e-4
    field = lambda x: field_outside(x, PLACE, MOMENT)
    at = lambda n: np.stack([field(points + n * step * u) for u in np.eye(3)], axis=-1)
    slopes = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
    size = np.abs(slopes).max()
    np.testing.assert_allclose(np.trace(slopes, axis1=1, axis2=2), 0, atol=1e-8 * size)
    np.testing.assert_allclose(slopes, np.swapaxes(slopes, 1, 2), atol=1e-8 * size)


def test_a_radial_dipole_has_no_field_outside(rng):
    field = field_outside(beyond(rng, 0.1, 0.15), PLACE, 3 * PLACE)
    np.testing.assert_array_equal(field, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"radii": (0.08, 0.07, 0.092)}, "must grow"),
        ({"radial": (0.3, 0.3)}, "must grow"),
        ({"tangential": (0.3, 0.04, 0.3)}, "innermost layer must be isotropic"),
        ({"position": np.array([0, 0, 0.075])}, "innermost layer and not"),
        ({"points": np.array([[0, 0, 0.04]])}, "all points must be farther"),
    ],
)
def test_impossible_dipoles_are_refused(change, message):
    given = {
        "points": np.array([[0, 0, 0.09]]),
        "position": PLACE,
        "moment": MOMENT,
        "radii": RADII,
        "radial": ALONG,
        "tangential": ACROSS,
    }
    with pytest.raises(ValueError, match=message):
        layered_potential(**(given | change))
