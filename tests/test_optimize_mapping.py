"""Curves, their fits at many places, where it is that responds, and what to ask next."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from heads import five_layers
from scipy import stats
from scipy.optimize import least_squares, minimize_scalar

from tmsgrad import meshing
from tmsgrad.optimize import mapping
from tmsgrad.optimize.mapping import curves, design, evidence, fitting, noise


CURVES = (
    mapping.Linear(),
    mapping.Exponential(),
    mapping.Sigmoid(),
    mapping.LogSigmoid(),
)
PLANTED = {  # Baseline 10 µV; some 1 mV at a relative field of 1.
    "linear": np.log([1e-5, 2e-3, 0.6]),
    "exponential": np.log([1e-5, 1e-3, 6.0]),
    "sigmoid": np.log([1e-5, 2e-3, 1.0, 12.0]),
    "sigmoid of the logarithm": np.log([1e-5, 2e-3, 0.9, 8.0]),
}
PLACES, PULSES, SITE, CRITERION = 144, 80, 77, 50e-6
name_of = lambda curve: curve.name.replace(" ", "_")


@pytest.fixture(scope="module")
def plane():
    """A plane of places, and fields that fall off from where each pulse is."""
    rng = np.random.default_rng(3)
    x, y = np.meshgrid(np.linspace(-15e-3, 15e-3, 12), np.linspace(-15e-3, 15e-3, 12))
    positions = np.stack([x.ravel(), y.ravel(), np.zeros(PLACES)], axis=1)
    aims = rng.uniform(-20e-3, 20e-3, (PULSES, 2))
    turned = rng.uniform(0.6, 1.0, PULSES)
    apart = np.linalg.norm(positions[:, None, :2] - aims, axis=2)
    return positions, 100 * turned * np.exp(-((apart / 20e-3) ** 2))


def responses(curve, field, size, seed=0):
    relative = field / field.mean()
    logs = curve(jnp.asarray(PLANTED[curve.name]), jnp.asarray(relative))
    return np.exp(
        np.asarray(logs) + size * np.random.default_rng(seed).normal(size=PULSES)
    )


def mapped(plane, curve=CURVES[2], size=0.6, seed=0, **options):
    positions, fields = plane
    found = responses(curve, fields[SITE], size, seed)
    areas = np.ones(PLACES)
    options = {"response": CRITERION, "draws": 40} | options
    return evidence.respond(curve, fields, found, positions, areas, **options)


@pytest.mark.parametrize("curve", CURVES, ids=name_of)
def test_slopes_of_curves_equal_differences(curve):
    at = jnp.asarray(PLANTED[curve.name])
    field = jnp.linspace(0.1, 2.0, 9)
    slopes = jax.jacfwd(lambda p: curve(p, field))(at)
    step = 1e-6 * np.eye(len(at))
    for number, each in enumerate(step):
        expected = (curve(at + each, field) - curve(at - each, field)) / 2e-6
        np.testing.assert_allclose(slopes[:, number], expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("curve", CURVES, ids=name_of)
def test_the_field_of_a_response_evokes_it(curve):
    at = jnp.asarray(PLANTED[curve.name])
    field = curve.field_for(at, float(np.log(CRITERION)))
    np.testing.assert_allclose(curve(at, field), np.log(CRITERION), rtol=1e-12)
    assert np.isnan(curve.field_for(at, float(np.log(1e-6))))


@pytest.mark.long
@pytest.mark.parametrize("curve", CURVES, ids=name_of)
def test_the_planted_curve_explains_all_at_its_place_alone(curve, plane):
    _, fields = plane
    found = fitting.fit(curve, fields, responses(curve, fields[SITE], 0.0), CRITERION)
    assert np.argmax(found.explained) == SITE
    assert found.explained[SITE] > 0.999
    assert np.sort(found.explained)[-2] < 0.99
    planted = curve.field_for(
        jnp.asarray(PLANTED[curve.name]), float(np.log(CRITERION))
    )
    np.testing.assert_allclose(
        found.thresholds[SITE], float(planted) * fields[SITE].mean(), rtol=0.01
    )


@pytest.mark.parametrize("curve", CURVES, ids=name_of)
def test_fits_are_least_squares_with_the_guess(curve, plane):
    """The same as SciPy finds from there, which does not go down any further."""
    _, fields = plane
    given = responses(curve, fields[SITE], 0.6)
    found = fitting.fit(curve, fields, given, CRITERION)
    logs = np.log(given)
    guess = curve.guess(logs, found.guess_below)
    centre, width = np.float64(guess.centre), np.float64(guess.width)
    relative = jnp.asarray(fields[SITE] / fields[SITE].mean())

    def rest(parameters):
        off = fitting.NOISE * (parameters - centre) / width
        missed = curve(jnp.asarray(parameters), relative) - logs
        return np.concatenate([np.asarray(missed), np.asarray(off)])

    mine = found.parameters[SITE]
    theirs = least_squares(rest, mine)
    assert 0.5 * (rest(mine) ** 2).sum() <= theirs.cost * (1 + 1e-4)


def test_weights_are_pulses_given_several_times(plane):
    _, fields = plane
    curve = CURVES[2]
    given = responses(curve, fields[SITE], 0.6)
    found = fitting.fit(curve, fields, given, CRITERION)
    weights = np.ones((2, PULSES))
    weights[1, :20], weights[1, 20:40] = 2.0, 0.0
    _, errors = fitting.refit(found, fields, given, weights)
    likely = found.errors < 2 * found.errors.min()
    np.testing.assert_allclose(errors[0][likely], found.errors[likely], rtol=1e-4)
    kept = np.r_[:20, :20, 40:PULSES]
    # Relative to the same fields, as the guess is.
    double = fitting.refit(
        *(found, fields[:, kept], given[kept], np.ones((1, len(kept))))
    )[1][0]
    np.testing.assert_allclose(errors[1][likely], double[likely], rtol=1e-3)


@pytest.mark.long
def test_the_region_holds_the_planted_place_and_the_interval_its_threshold(plane):
    positions, fields = plane
    found = mapped(plane)
    assert found.region[SITE]
    assert found.probability.sum() == pytest.approx(1)
    apart = np.linalg.norm(positions[found.optimum] - positions[SITE])
    assert apart <= 3e-3
    planted = found.fit.curve.field_for(
        jnp.asarray(PLANTED["sigmoid"]), float(np.log(CRITERION))
    )
    low, high = found.threshold_interval()
    assert low < float(planted) * fields[SITE].mean() < high
    assert low < found.threshold < high
    assert found.fit.noise[SITE] == pytest.approx(0.6, rel=0.2)
    assert 0.4 < found.of_method <= found.cross_validated[SITE] + 0.1


def test_the_region_is_as_likely_as_samples_allow_and_closed(plane):
    positions, _ = plane
    sharp, closed = mapped(plane), mapped(plane, resolution=2e-3)
    likely, samples = sharp.fit.log_likelihood, sharp.samples
    best = int(np.argmax(likely))
    mine = samples.errors[:, list(samples.candidates).index(best)]
    lost = PULSES / 2 * np.log(mine / samples.errors.min(axis=1))
    trusting = (
        PULSES / 2 * np.log1p(2 / (PULSES - 6) * stats.f.ppf(0.95, 2, PULSES - 6))
    )
    expected = likely >= likely[best] - max(np.quantile(lost, 0.95), trusting)
    np.testing.assert_array_equal(sharp.region, expected)
    apart = positions[:, None] - positions[None, sharp.region]
    near = np.linalg.norm(apart, axis=2).min(axis=1) <= np.sqrt(3) * 2e-3
    np.testing.assert_array_equal(closed.region, near)
    assert closed.region.sum() > sharp.region.sum()


@pytest.mark.long
def test_the_region_holds_the_place_with_noise_that_the_fit_does_not_know(plane):
    """Noise of a standard deviation that grows with the field, in 16 sessions."""
    positions, fields = plane
    size = 0.3 + 0.9 * (fields[SITE] > np.median(fields[SITE]))
    clear = responses(CURVES[2], fields[SITE], 0.0)
    held = 0
    for seed in range(16):
        noise = size * np.random.default_rng(seed).normal(size=PULSES)
        found = evidence.respond(
            *(CURVES[2], fields, clear * np.exp(noise), positions, np.ones(PLACES)),
            **{"response": CRITERION, "draws": 20, "tail": 0.0},
        )
        held += bool(found.region[SITE])
    assert held >= 14


def test_probability_is_spread_over_what_fields_do_not_separate(plane):
    positions, _ = plane
    sharp, soft = mapped(plane, size=0.3), mapped(plane, size=0.3, resolution=3e-3)
    assert soft.probability.sum() == pytest.approx(1)
    assert soft.region.sum() > sharp.region.sum()
    assert soft.optimum == sharp.optimum == SITE
    apart = np.linalg.norm(positions - positions[SITE], axis=1)
    # Two standard deviations, of which each axis has its own.
    assert soft.probability @ apart**2 == pytest.approx(2 * 3e-3**2, rel=0.1)


@pytest.mark.long
def test_more_pulses_leave_fewer_places_probable(plane):
    positions, fields = plane
    few = 30
    given = responses(CURVES[2], fields[SITE], 1.2)
    less = evidence.respond(
        *(CURVES[2], fields[:, :few], given[:few], positions, np.ones(PLACES)),
        **{"response": CRITERION, "draws": 40},
    )
    more = mapped(plane, size=1.2)
    few, many = (
        int((np.cumsum(np.sort(each.probability)[::-1]) < 0.95).sum())
        for each in (more, less)
    )
    assert few < many


def test_responses_to_nothing_are_explained_by_no_place(plane):
    positions, fields = plane
    random = np.exp(np.random.default_rng(1).normal(size=PULSES)) * 1e-4
    found = evidence.respond(
        *(CURVES[2], fields, random, positions, np.ones(PLACES)),
        **{"response": CRITERION, "draws": 20},
    )
    assert found.of_method < 0.05
    assert found.region.sum() > PLACES / 4


def test_two_muscles_are_as_far_apart_as_their_places(plane):
    positions, fields = plane
    other = 22
    one = mapped(plane, size=0.3)
    given = responses(CURVES[2], fields[other], 0.3, seed=5)
    two = evidence.respond(
        *(CURVES[2], fields, given, positions, np.ones(PLACES)),
        **{"response": CRITERION, "draws": 40},
    )
    distance, low, high = mapping.distance_between(one, two, positions)
    planted = np.linalg.norm(positions[SITE] - positions[other])
    assert low <= planted <= high
    assert distance == pytest.approx(planted, abs=4e-3)
    with pytest.raises(ValueError, match="same pulses"):
        mapping.distance_between(one, mapped(plane, draws=20), positions)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda fields, given: (fields[:, :12], given[:12]), "12 pulses are too few"),
        (
            lambda fields, given: (fields, 0 * given + 1e-5),
            "all responses are the same",
        ),
        (lambda fields, given: (fields, given - 1e-3), "positive and finite"),
        (lambda fields, given: (fields[:, 1:], given), "a column for each response"),
        (lambda fields, given: (0 * fields, given), "zero for all pulses"),
        (lambda fields, given: (np.nan * fields, given), "must be finite"),
    ],
)
def test_what_makes_no_map_is_refused(plane, change, message):
    positions, fields = plane
    given = responses(CURVES[2], fields[SITE], 0.6)
    fields, given = change(fields, given)
    with pytest.raises(ValueError, match=message):
        evidence.respond(
            *(CURVES[2], fields, given, positions, np.ones(PLACES)), response=CRITERION
        )


def test_chosen_pulses_add_to_the_determinant_what_is_said(rng):
    scores = rng.normal(size=(30, 12))
    chosen, gains = design._pivots(scores, 5)
    covariance = scores.T @ scores / len(scores)
    for count in range(1, 6):
        part = covariance[np.ix_(chosen[:count], chosen[:count])]
        expected = 0.5 * np.linalg.slogdet(np.eye(count) + part)[1]
        assert gains[:count].sum() == pytest.approx(expected, rel=1e-10)
    assert len(set(chosen)) == 5
    assert (np.diff(gains) <= 1e-12).all()


def test_next_pulses_separate_the_places_that_are_left(plane):
    positions, fields = plane
    found = mapped(plane, draws=30)
    drawn = found.drawn(100)
    again = fields[drawn[0]]
    chosen, gains = mapping.next_pulses(found, again, drawn, 4, positions)
    assert len(set(chosen)) == 4
    assert (gains > 0).all()
    # A pulse that all places answer alike says nothing.
    alike = np.concatenate([again, np.full((100, 1), 1e-3)], axis=1)
    ranked, _ = mapping.next_pulses(found, alike, drawn, 4, positions)
    assert PULSES not in ranked
    with pytest.raises(ValueError, match="only 80"):
        mapping.next_pulses(found, again, drawn, PULSES + 1, positions)


def test_a_patch_is_cut_finer_with_the_same_area_and_lies_in_gray_matter():
    head = five_layers()
    whole, _ = meshing.gray_matter_surface(head)
    top = whole.vertices[:, 2] > 0.04
    coarse, fine = (mapping.cortex_patch(head, top, spacing=s) for s in (1.0, 5e-3))
    assert len(fine.areas) > 4 * len(coarse.areas)
    assert fine.areas.sum() == pytest.approx(coarse.areas.sum(), rel=1e-12)
    assert fine.surface.normals[:, 2].min() > 0  # Outwards, as before.
    radii = np.linalg.norm(fine.points, axis=1)
    assert (radii > 0.060).all()
    assert (radii < 0.0675).all()
    with pytest.raises(ValueError, match="no triangle"):
        mapping.cortex_patch(head, np.zeros(len(whole.vertices), bool))


def test_curves_have_different_names():
    assert len({each.name for each in CURVES}) == len(CURVES)
    assert all(len(each.names) == len(PLANTED[each.name]) for each in CURVES)
    assert issubclass(mapping.Sigmoid, curves.AbstractCurve)


@pytest.mark.parametrize("tail", noise.TAILS)
def test_what_is_left_is_stated_as_the_likelihood_has_it(tail, rng):
    """SciPy's own densities, at the scale that it finds to be the most likely."""
    rest = 0.7 * rng.standard_t(3, 200)
    found = noise.log_likelihood(noise.errors_alone(rest, tail), len(rest), tail)
    drawn = (
        stats.norm.logpdf
        if tail == 0
        else lambda x, scale: stats.t.logpdf(x, 1 / tail, scale=scale)
    )
    negative = lambda log: -drawn(rest, scale=np.exp(log)).sum()
    least: Any = minimize_scalar(negative, bounds=(-5, 5))
    assert found == pytest.approx(-least.fun, abs=1e-3)
    ones = jnp.ones(len(rest))
    scale = noise.scale_of(jnp.asarray(rest), ones, jnp.asarray(tail), jnp.asarray(1.0))
    again = noise.errors_of(jnp.asarray(rest), ones, jnp.asarray(tail), scale)
    assert float(again) == pytest.approx(
        float(noise.errors_alone(rest, tail)), rel=1e-4
    )


@pytest.mark.long
def test_heavy_tails_are_seen_and_do_not_move_the_place(plane):
    positions, fields = plane
    curve = CURVES[2]
    clean = responses(curve, fields[SITE], 0.0)
    apart = {None: [], 0.0: []}
    for seed in range(6):
        far = 1.3 * np.random.default_rng(seed).standard_t(2, PULSES)
        for tail, listed in apart.items():
            found = evidence.respond(
                *(curve, fields, clean * np.exp(far), positions, np.ones(PLACES)),
                **{"response": CRITERION, "draws": 20, "tail": tail},
            )
            listed.append(np.linalg.norm(positions[found.optimum] - positions[SITE]))
            if tail is None:
                assert found.fit.tail >= 0.125
    assert np.mean(apart[None]) < np.mean(apart[0.0])
    assert np.median(apart[None]) < 3e-3


@pytest.mark.long
def test_normal_noise_keeps_its_squares(plane):
    chosen = [mapped(plane, size=0.6, seed=seed).fit.tail for seed in range(4)]
    assert np.mean(np.array(chosen) == 0) >= 0.75


@pytest.mark.parametrize("tail", noise.TAILS[1:])
def test_fits_with_heavy_tails_are_the_most_likely(tail, plane):
    """No parameters nearby are more likely, with the guess that both have."""
    _, fields = plane
    curve = CURVES[2]
    given = responses(curve, fields[SITE], 0.6)
    found = fitting.fit(curve, fields, given, CRITERION, tail)
    logs = np.log(given)
    relative = jnp.asarray(fields[SITE] / fields[SITE].mean())
    guess = curve.guess(logs, found.guess_below)

    def rest(parameters):
        return np.asarray(curve(jnp.asarray(parameters), relative)) - logs

    mine = found.parameters[SITE]
    scale = found.errors[SITE] / PULSES
    weigh = lambda scale: (1 + tail) / (1 + tail * rest(mine) ** 2 / scale)
    for _ in range(60):
        scale = float(weigh(scale) @ rest(mine) ** 2 / PULSES)
    trusted = weigh(scale)
    slopes = np.asarray(jax.jacfwd(lambda p: curve(p, relative))(jnp.asarray(mine)))
    own = (fitting.NOISE / np.float64(guess.width)) ** 2
    downhill = slopes.T @ (trusted * rest(mine)) + own * (
        mine - np.float64(guess.centre)
    )
    matrix = slopes.T @ (trusted[:, None] * slopes) + np.diag(own)
    step = np.linalg.solve(matrix, downhill)
    assert downhill @ step < 1e-3 * scale * PULSES


def test_an_interval_allows_for_fields_that_jump_between_elements(plane):
    positions, fields = plane
    curve = CURVES[2]
    given = responses(curve, fields[SITE], 0.6)
    jumping = fields.copy()
    jumping[SITE] *= 1.3
    planted = fields[SITE].mean() * float(
        curve.field_for(jnp.asarray(PLANTED["sigmoid"]), float(np.log(CRITERION)))
    )
    sharp, closed = (
        evidence.respond(
            *(curve, jumping, given, positions, np.ones(PLACES)),
            **{"response": CRITERION, "draws": 40, "resolution": resolution},
        )
        for resolution in (0.0, 1.7e-3)
    )
    # The place itself is the likeliest, with a threshold as wrong as its field is.
    assert sharp.best == SITE
    assert sharp.threshold_interval()[0] > planted
    low, high = closed.threshold_interval()
    assert low < planted < high
    assert closed.threshold == sharp.threshold


def test_places_beside_others_are_within_reach_and_by_area():
    positions = np.array([[0.0, 0, 0], [1e-3, 0, 0], [0, 1e-3, 0], [5e-3, 0, 0]])
    around = evidence.Around(positions, np.array([1.0, 2, 1, 9]), reach=1.1e-3)
    places = np.repeat([0, 3], [4000, 10])
    chosen = around.one_of(places)
    shares = np.bincount(chosen[:4000], minlength=4) / 4000
    # Three standard deviations of 4000 draws.
    np.testing.assert_allclose(shares, [0.25, 0.5, 0.25, 0], atol=0.024)
    assert (chosen[4000:] == 3).all()
    alone = evidence.Around(positions, around.areas, reach=0.0)
    assert (alone.one_of(places) == places).all()
