import jax.numpy as jnp
import numpy as np
import pytest

from tmsgrad.coils import Pose
from tmsgrad.validation import metrics


@pytest.fixture
def pair(rng):
    reference = rng.normal(size=(500, 3))
    field = reference + 0.1 * rng.normal(size=(500, 3))
    return field, reference, rng.uniform(1, 2, 500)


def norm(values, volumes):
    return np.sqrt(np.sum(volumes[:, None] * values**2))


def test_the_relative_error_is_weighted_by_volume(pair):
    field, reference, volumes = pair
    expected = norm(field - reference, volumes) / norm(reference, volumes)
    np.testing.assert_allclose(metrics.relative_error(*pair), expected, rtol=1e-13)
    # One element of twice the volume counts like two of the same value.
    twice = [np.concatenate([x, x[:1]]) for x in pair]
    heavier = volumes.copy()
    heavier[0] *= 2
    np.testing.assert_allclose(
        metrics.relative_error(*twice),
        metrics.relative_error(field, reference, heavier),
        rtol=1e-13,
    )


def test_rdm_and_mag_tell_shape_from_size(pair):
    _, reference, volumes = pair
    scaled = (3.0 * reference, reference, volumes)
    assert metrics.rdm(*scaled) < 1e-15
    np.testing.assert_allclose(metrics.mag(*scaled), 3.0, rtol=1e-14)
    np.testing.assert_allclose(metrics.relative_error(*scaled), 2.0, rtol=1e-14)
    np.testing.assert_allclose(metrics.rdm(-2 * reference, reference), 2, rtol=1e-14)
    # |a-b|² = (|a|-|b|)² + |a||b| RDM²: error is size and shape, and nothing else.
    rdm, mag = metrics.rdm(*pair), metrics.mag(*pair)
    np.testing.assert_allclose(
        metrics.relative_error(*pair) ** 2, (mag - 1) ** 2 + mag * rdm**2, rtol=1e-12
    )
    assert rdm > 0.05


def test_rdm_resolves_differences_near_rounding():
    reference = np.arange(1.0, 101.0)
    field = reference.copy()
    field[0] += 1e-9
    expected = 1e-9 / np.linalg.norm(reference)
    np.testing.assert_allclose(metrics.rdm(field, reference), expected, rtol=1e-2)


def test_fields_of_orthogonal_shape_are_the_root_of_two_apart():
    one, other = np.array([[1.0, 0, 0]]), np.array([[0, 5.0, 0]])
    np.testing.assert_allclose(metrics.rdm(one, other), np.sqrt(2))
    np.testing.assert_allclose(metrics.mag(one, other), 0.2)


@pytest.mark.parametrize(
    ("percentile", "expected"), [(0.0, 1), (10.0, 1), (10.1, 2), (50.0, 3), (100.0, 4)]
)
def test_the_peak_is_a_percentile_of_volume(percentile, expected):
    # Of 10 m³, the magnitudes 1 to 4 have 1, 2, 3 and 4.
    magnitude, volumes = np.array([3.0, 1, 4, 2]), np.array([3.0, 1, 4, 2])
    assert metrics.peak(magnitude, volumes, percentile) == expected


def test_places_of_peaks_are_found_by_what_reaches_them(rng):
    positions = rng.uniform(-1, 1, (2000, 3))
    volumes = rng.uniform(1, 2, 2000)
    middle = np.array([0.3, -0.2, 0.1])
    magnitude = np.exp(-np.sum((positions - middle) ** 2, axis=1))
    place = metrics.peak_place(magnitude, volumes, positions, 98.0)
    assert np.linalg.norm(place - middle) < 0.1
    far = np.linalg.norm(positions - middle, axis=1) > 0.5
    changed = np.where(far, 0, magnitude)
    np.testing.assert_array_equal(
        metrics.peak_place(changed, volumes, positions, 98.0), place
    )


def test_dice_measures_overlap_by_volume():
    one, other = np.array([True, True, False]), np.array([False, True, True])
    assert metrics.dice(one, other, np.array([1.0, 2.0, 3.0])) == 4 / 8
    assert metrics.dice(one, one, np.ones(3)) == 1
    assert metrics.dice(one, ~one, np.ones(3)) == 0
    assert metrics.dice(one & False, one & False, np.ones(3)) == 1


def test_the_region_above_half_is_that_of_the_peak():
    magnitude = np.linspace(0, 1, 101)
    above = metrics.above_half(magnitude, np.ones(101))
    np.testing.assert_array_equal(above, magnitude >= 0.5)


def test_a_comparison_holds_all_measures(pair, rng):
    field, reference, volumes = pair
    positions = rng.normal(size=(500, 3))
    found = metrics.compare(field, reference, volumes, positions)
    assert found.relative_error == metrics.relative_error(*pair)
    assert found.rdm == metrics.rdm(*pair)
    assert found.mag == metrics.mag(*pair)
    sizes = np.linalg.norm(field, axis=1), np.linalg.norm(reference, axis=1)
    peaks = [metrics.peak(size, volumes) for size in sizes]
    np.testing.assert_allclose(found.peak_difference, peaks[0] / peaks[1] - 1)
    assert 0.5 < found.dice < 1
    same = metrics.compare(reference, reference, volumes, positions)
    assert same == metrics.Comparison(0.0, 0.0, 1.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-3, 1.0, 3.0, np.pi])
def test_poses_are_apart_by_a_shift_and_a_turn(angle):
    axis = np.array([0.48, -0.6, 0.64])
    start = Pose(jnp.eye(3), jnp.zeros(3)).moved(
        jnp.array([0.1, 0.0, 0.05]), jnp.array([0.3, 1.0, -0.4])
    )
    moved = start.moved(jnp.array([3e-3, 0.0, 4e-3]), jnp.asarray(angle * axis))
    apart = metrics.pose_distance(start, moved)
    np.testing.assert_allclose(apart.shift_mm, 5.0, rtol=1e-12)
    np.testing.assert_allclose(apart.turn, angle, rtol=1e-6, atol=1e-14)
    np.testing.assert_allclose(apart.turn_degrees, np.degrees(apart.turn))
    back = metrics.pose_distance(moved, start)
    np.testing.assert_allclose(back.turn, apart.turn, atol=1e-14)


@pytest.mark.parametrize(
    ("field", "reference", "volumes", "message"),
    [
        (np.ones(3), np.ones(4), None, r"one shape, .* got \(3,\), \(4,\) and \(4,\)"),
        (np.ones((3, 3)), np.ones((3, 3)), np.ones(4), r"and \(4,\)"),
        (np.ones(()), np.ones(()), None, "one shape"),
        (np.array([1, np.nan]), np.ones(2), None, "`field` holds a value"),
        (np.ones(2), np.array([1, np.inf]), None, "`reference` holds a value"),
        (np.ones(2), np.ones(2), np.array([1, -1]), "`volumes` holds a negative"),
        (np.ones(2), np.zeros(2), None, "`reference` is zero everywhere"),
        (np.ones(2), np.array([1, 0]), np.array([0, 1]), "`reference` is zero"),
        (np.zeros(2), np.ones(2), None, "`field` is zero everywhere"),
    ],
)
def test_fields_that_cannot_be_compared_are_refused(field, reference, volumes, message):
    with pytest.raises(ValueError, match=message):
        metrics.rdm(field, reference, volumes)


@pytest.mark.parametrize(
    ("magnitude", "percentile", "message"),
    [
        (np.ones(2), 101.0, "within 0 to 100, got 101"),
        (np.ones(2), np.nan, "within 0 to 100, got nan"),
        (np.ones(0), 50.0, "is empty"),
    ],
)
def test_peaks_that_cannot_be_are_refused(magnitude, percentile, message):
    with pytest.raises(ValueError, match=message):
        metrics.peak(magnitude, np.ones(len(magnitude)), percentile)
