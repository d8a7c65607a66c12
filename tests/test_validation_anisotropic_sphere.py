import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tmsgrad import efield
from tmsgrad.meshing import spheres
from tmsgrad.validation.anisotropic_sphere import (
    anisotropic_sphere_field,
    impressed_rate,
    radial_tensors,
)


RADII = (0.06, 0.07, 0.08)
ALONG, ACROSS = (0.3, 0.005, 0.4), (0.3, 0.05, 0.4)  # A skull of 1 to 10.


def points_in(rng, count=200):
    unit = rng.normal(size=(count, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    return unit * (0.08 * rng.uniform(0.05, 0.99, (count, 1)) ** (1 / 3))


def test_one_isotropic_sphere_has_the_solution_by_hand(rng):
    # f = -2/5 r³ + c r with 1 + f'/r² = 0 at R: c = R²/5.
    points = points_in(rng)
    r2 = np.sum(points**2, axis=1, keepdims=True)
    z, up = points[:, 2:], np.array([0.0, 0.0, 1.0])
    gradient = -0.4 * (r2 * up + 2 * z * points) + 0.08**2 / 5 * up
    found = anisotropic_sphere_field(points, [0.08], [0.3], [0.3])
    np.testing.assert_allclose(found, -z * points - gradient, atol=1e-15)


def test_layers_of_one_conductivity_are_one_sphere(rng):
    points = points_in(rng)
    one = anisotropic_sphere_field(points, [0.08], [0.3], [0.9])
    three = anisotropic_sphere_field(points, RADII, [0.3] * 3, [0.9] * 3)
    np.testing.assert_allclose(three, one, rtol=1e-10)


def test_the_field_is_induced_and_its_current_has_no_sources(rng):
    at = points_in(rng, 20)
    field = lambda x: anisotropic_sphere_field(x, RADII, ALONG, ACROSS)

    def current(x):
        r = np.linalg.norm(x, axis=1)
        layer = np.searchsorted(RADII, r)
        unit, e = x / r[:, None], field(x)
        inward = np.sum(unit * e, axis=1, keepdims=True) * unit
        along, across = np.array(ALONG)[layer, None], np.array(ACROSS)[layer, None]
        return along * inward + across * (e - inward)

    def jacobian(of, step=1e-6):
        columns = [
            (of(at + step * u) - of(at - step * u)) / 2 / step for u in np.eye(3)
        ]
        return np.stack(columns, axis=2)

    divergence = np.trace(jacobian(current), axis1=1, axis2=2)
    scale = np.abs(jacobian(current)).max()
    np.testing.assert_allclose(divergence, 0, atol=1e-7 * scale)
    turn, driven = jacobian(field), -jacobian(impressed_rate)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        curl = (turn - driven)[:, i, j] - (turn - driven)[:, j, i]
        np.testing.assert_allclose(curl, 0, atol=1e-7)


def test_current_crosses_interfaces_and_not_the_outside(rng):
    unit = points_in(rng, 20)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    field = lambda r: anisotropic_sphere_field(r * unit, RADII, ALONG, ACROSS)
    for layer in (0, 1):
        inside, outside = (field(RADII[layer] * (1 + s * 1e-9)) for s in (-1, 1))
        normal = [np.sum(unit * e, axis=1) for e in (inside, outside)]
        np.testing.assert_allclose(
            ALONG[layer] * normal[0], ALONG[layer + 1] * normal[1], atol=1e-9
        )
        tangent = [
            e - n[:, None] * unit
            for e, n in zip((inside, outside), normal, strict=True)
        ]
        np.testing.assert_allclose(tangent[0], tangent[1], atol=1e-9)
    out = np.sum(unit * field(RADII[2] * (1 - 1e-12)), axis=1)
    np.testing.assert_allclose(out, 0, atol=1e-9)


def solved_error(size: float, order: int) -> tuple[float, float]:
    """Mean edge and relative L2 error in the innermost sphere, at centroids."""
    head = spheres(list(RADII), [1, 2, 3], size)
    tensors = radial_tensors(head, ALONG, ACROSS)
    conductor = efield.assemble(head, tensors, order=order)
    rate = jnp.asarray(impressed_rate(np.asarray(conductor.nodes)))
    field = jax.tree.map(lambda x: x[0], efield.solve_rate(conductor, rate[None]))
    inner = np.linalg.norm(head.centroids, axis=1) < 0.055
    weight = np.sqrt(head.volumes[inner])[:, None]
    exact = anisotropic_sphere_field(head.centroids[inner], RADII, ALONG, ACROSS)
    missed = weight * (np.asarray(field.vectors)[inner] - exact)
    edge = np.cbrt(6 * np.sqrt(2) * head.volumes[inner].mean())
    return float(edge), float(np.linalg.norm(missed) / np.linalg.norm(weight * exact))


@pytest.mark.long
@pytest.mark.parametrize(("order", "rate", "finest"), [(1, 0.9, 0.65), (2, 1.7, 0.05)])
def test_finite_elements_converge_to_the_anisotropic_field(order, rate, finest):
    sizes = (0.02, 0.012)
    (coarse, first), (fine, last) = (solved_error(size, order) for size in sizes)
    assert last < finest
    assert np.log(first / last) / np.log(coarse / fine) > rate


def test_anisotropy_matters_in_this_problem(rng):
    points = points_in(rng)
    with_it = anisotropic_sphere_field(points, RADII, ALONG, ACROSS)
    mean = (ALONG[1] * ACROSS[1] ** 2) ** (1 / 3)
    without = anisotropic_sphere_field(points, RADII, *[(0.3, mean, 0.4)] * 2)
    assert np.linalg.norm(with_it - without) > 0.1 * np.linalg.norm(with_it)


@pytest.mark.parametrize(
    ("radii", "across", "message"),
    [
        ((0.07, 0.06, 0.08), ACROSS, "must grow"),
        (RADII, (0.3, 0.05), "two conductivities for each layer"),
        (RADII, (1.8, 0.05, 0.4), "resonance"),
    ],
)
def test_impossible_layers_are_refused(radii, across, message):
    with pytest.raises(ValueError, match=message):
        anisotropic_sphere_field(np.ones((1, 3)) * 0.01, radii, ALONG, across)
