import numpy as np
import pytest

from tmsgrad.validation.slab import Slab


HEIGHTS = (0.03, 0.02, 0.04)
LAYERS = ((0.1, 0.6, 0.2), (0.02, 0.02, 0.5), (0.5, 0.1, 0.7))
WAVES = (30.0, 47.0)
AXES = ((0, 1, 2), (1, 2, 0), (2, 0, 1))


@pytest.fixture
def slab():
    return Slab(HEIGHTS, LAYERS, WAVES, 5.0)


def inside(rng, count=30):
    """Points that are farther from interfaces than steps of differences."""
    points = rng.uniform(0.0, 0.09, (count, 3))
    gap = np.abs(points[:, 2:] - np.array([[0.0, 0.03, 0.05, 0.09]])).min(axis=1)
    return points[gap > 1e-3]


def jacobian(function, points, step=1e-4):
    """[point, component, axis] by differences of fourth order."""
    offsets = step * np.eye(3)
    at = lambda n: np.stack([function(points + n * d) for d in offsets], axis=-1)
    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)


def conductivities(points):
    return np.asarray(LAYERS)[np.searchsorted(np.cumsum(HEIGHTS)[:-1], points[:, 2])]


def test_the_source_is_that_of_coils_outside(slab, rng):
    points = inside(rng)
    slope = jacobian(slab.rate, points)
    size = np.abs(slope).max()
    np.testing.assert_allclose(np.trace(slope, axis1=1, axis2=2), 0, atol=1e-9 * size)
    # Both it and its curl are free of curl twice: ∇ × ∇ × A = 0, as no current flows.
    curl = lambda x: np.stack(
        [
            jacobian(slab.rate, x)[:, c, b] - jacobian(slab.rate, x)[:, b, c]
            for _, b, c in AXES
        ],
        axis=1,
    )
    twice = jacobian(curl, points)
    for _, b, c in AXES:
        np.testing.assert_allclose(
            twice[:, c, b], twice[:, b, c], atol=1e-6 * np.abs(twice).max()
        )


def test_currents_have_no_sources_and_the_field_obeys_faradays_law(slab, rng):
    points = inside(rng)
    assert len(points) > 20
    current = lambda x: conductivities(x) * slab.field(x)
    flow = jacobian(current, points)
    trace = np.trace(flow, axis1=1, axis2=2)
    np.testing.assert_allclose(trace, 0, atol=1e-8 * np.abs(flow).max())
    field, rate = jacobian(slab.field, points), jacobian(slab.rate, points)
    for _, b, c in AXES:
        np.testing.assert_allclose(
            field[:, c, b] - field[:, b, c],
            rate[:, b, c] - rate[:, c, b],
            atol=1e-8 * np.abs(field).max(),
        )


def test_current_crosses_interfaces_and_no_face(slab, rng):
    points = inside(rng)
    size = np.abs(slab.field(points)).max()

    def at(z):
        moved = points.copy()
        moved[:, 2] = z
        return slab.field(moved)

    for layer, z in enumerate((0.03, 0.05)):
        below, above = at(z - 1e-12), at(z + 1e-12)
        np.testing.assert_allclose(below[:, :2], above[:, :2], atol=1e-8 * size)
        np.testing.assert_allclose(
            LAYERS[layer][2] * below[:, 2],
            LAYERS[layer + 1][2] * above[:, 2],
            atol=1e-8 * size,
        )
    assert np.abs(at(0.03 - 1e-12)[:, 2]).max() > 1e-2 * size
    for z in (0.0, 0.09):
        np.testing.assert_allclose(at(z)[:, 2], 0, atol=1e-10 * size)
    # Nor the planes where bricks are cut.
    for axis, wave in enumerate(WAVES):
        moved = points.copy()
        moved[:, axis] = np.pi / wave
        np.testing.assert_allclose(slab.field(moved)[:, axis], 0, atol=1e-12 * size)


def test_layers_isotropic_across_z_have_no_charges(rng):
    slab = Slab(
        HEIGHTS, ((0.3, 0.3, 0.1), (0.02, 0.02, 2.0), (0.5, 0.5, 0.5)), WAVES, 5.0
    )
    points = inside(rng)
    np.testing.assert_allclose(slab.field(points), -slab.rate(points), atol=1e-12)


def test_layers_of_one_conductivity_are_one_slab(rng):
    points = inside(rng)
    several = Slab(HEIGHTS, (LAYERS[0],) * 3, WAVES, 5.0)
    one = Slab((sum(HEIGHTS),), LAYERS[:1], WAVES, 5.0)
    np.testing.assert_allclose(several.field(points), one.field(points), rtol=1e-9)


def test_a_thick_slab_is_a_half_space(rng):
    # There f = P (exp κz - κ/μ exp μz) with z from the face, by hand.
    (p, q), (sx, sy, sz) = WAVES, LAYERS[0]
    kappa, along = np.hypot(p, q), sx * p**2 + sy * q**2
    mu, own = np.sqrt(along / sz), -(sx - sy) * p * q / (sz * kappa**2 - along)
    points = inside(rng)
    points[:, 2] += 1.0
    slab = Slab((1.09,), LAYERS[:1], WAVES, 5.0)
    x, y, z = points[:, 0], points[:, 1], points[:, 2] - 1.09
    slope = own * kappa * (np.exp(kappa * z) - np.exp(mu * z))
    expected = -5.0 * np.cos(p * x) * np.cos(q * y) * slope
    np.testing.assert_allclose(
        slab.field(points)[:, 2], expected, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize(
    ("heights", "layers", "message"),
    [
        ((0.1, 0.1), LAYERS[:1], "three conductivities for each layer"),
        ((-0.1,), LAYERS[:1], "must be positive"),
        ((0.1,), ((0.5, 0.1, 0.3),), "resonance"),
    ],
)
def test_impossible_slabs_are_refused(heights, layers, message):
    with pytest.raises(ValueError, match=message):
        Slab(heights, layers, (30.0, 30.0), 1.0)
