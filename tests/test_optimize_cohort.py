"""Maps and figures of many people, against their definitions written out."""

import numpy as np
import pytest

from tmsgrad.optimize import cohort


def people(count=6, vertices=40, seed=1):
    generator = np.random.default_rng(seed)
    values = generator.normal(10, 4, (count, vertices))
    values[generator.random(values.shape) < 0.2] = np.nan
    values[:, 3] = np.nan  # Nobody.
    values[1:, 5], values[0, 5] = np.nan, 7.0  # One only.
    return values


def test_maps_are_what_their_words_say():
    values, threshold = people(), 11.0
    found = cohort.group_map(values, threshold=threshold)
    for vertex, column in enumerate(values.T):
        known = [x for x in column if not np.isnan(x)]
        assert found.coverage[vertex] == len(known) / 6
        if not known:
            assert np.isnan(found.mean[vertex])
            assert np.isnan(found.prevalence[vertex])
            continue
        mean = sum(known) / len(known)
        assert found.mean[vertex] == pytest.approx(mean)
        above = sum(abs(x) >= threshold for x in known) / len(known)
        assert found.prevalence[vertex] == pytest.approx(above)
        if len(known) < 2:
            assert np.isnan(found.deviation[vertex])
            continue
        squares = sum((x - mean) ** 2 for x in known)
        expected = (squares / (len(known) - 1)) ** 0.5
        assert found.deviation[vertex] == pytest.approx(expected)


def test_a_share_is_of_each_persons_own_field():
    values = people()
    first = cohort.group_map(values, share=0.6)
    # Who gets ten times as much is above at the same places.
    scaled = values * np.array([1, 10, 0.1, 3, 7, 1])[:, None]
    np.testing.assert_array_equal(
        cohort.group_map(scaled, share=0.6).prevalence, first.prevalence
    )
    assert np.isfinite(first.prevalence).sum() == 39


@pytest.mark.parametrize(
    "words", [{}, {"threshold": 1.0, "share": 0.5}, {"threshold": 0.0}, {"share": -1.0}]
)
def test_one_limit_is_needed(words):
    with pytest.raises(ValueError, match="either a threshold or a share"):
        cohort.group_map(people(), **words)


def test_a_map_needs_somebody():
    with pytest.raises(ValueError, match="nobody"):
        cohort.group_map(np.empty((0, 3)), threshold=1.0)


def test_shares_of_networks_add_up():
    generator = np.random.default_rng(2)
    labels, areas = generator.integers(0, 4, 200), generator.uniform(1, 2, 200)
    above = generator.random(200) < 0.3
    found = cohort.network_overlap(
        above, labels, {0: "a", 1: "b", 2: "c", 3: "d"}, areas
    )
    assert sum(each.inside for each in found.values()) == pytest.approx(1.0)
    both = areas[above & (labels == 2)].sum()
    assert found["c"].covered == pytest.approx(both / areas[labels == 2].sum())
    nothing = cohort.network_overlap(np.zeros(200, bool), labels, {0: "a"}, areas)
    assert (nothing["a"].inside, nothing["a"].covered) == (0.0, 0.0)


def test_who_is_unlike_the_others_is_found_whatever_the_unit():
    values = np.random.default_rng(3).permutation(np.linspace(90, 110, 24))
    values[7] = 190.0
    for factor, shift in ((1.0, 0.0), (1e-3, 4.0), (-2.0, 0.0)):
        odd = cohort.outlying(factor * values + shift)
        assert np.flatnonzero(odd).tolist() == [7]
    median = np.median(values)
    deviation = 1.4826 * np.median(np.abs(values - median))
    scores = cohort.robust_scores(values)
    assert scores[7] == pytest.approx((190 - median) / deviation)


def test_equal_and_few_figures_are_unlike_nobody():
    assert not cohort.outlying(np.full(10, 3.0)).any()
    assert not cohort.outlying([1.0, 2.0, 900.0, np.nan]).any()
    # More than half are equal: the mean deviation says how far the last one is.
    values = [1.0] * 20 + [9.0]
    assert np.flatnonzero(cohort.outlying(values)).tolist() == [20]
    assert np.isnan(cohort.robust_scores([1.0, np.nan]))[1]


def test_a_spread_leaves_out_who_has_no_figure():
    found = cohort.spread_of([1.0, np.nan, 3.0, 8.0])
    assert (found.count, found.mean, found.median) == (3, 4.0, 3.0)
    assert found.deviation == pytest.approx(np.std([1, 3, 8], ddof=1))
    assert cohort.spread_of([np.nan]).to_json() == {
        "count": 0,
        "mean": None,
        "deviation": None,
        "median": None,
        "smallest": None,
        "largest": None,
    }
