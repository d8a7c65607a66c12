"""Trains of pulses against published safety tables."""

import argparse

import pytest

from tmsgrad.cli.inputs.trains import Trains
from tmsgrad.cli.results.dose_result import TrainResult
from tmsgrad.optimize import dosing
from tmsgrad.optimize.dosing import safety


@pytest.mark.parametrize(
    ("frequency", "intensity", "limit", "tried"),
    [
        (10, 1.2, 4.2, False),
        (20, 1.1, 1.6, False),
        (25, 1.3, 0.24, False),
        (1, 1.0, 1800, True),
        (5, 1.3, 10, True),
        # The next higher frequency and intensity hold between entries, and below all.
        (10, 1.12, 4.2, False),
        (12, 1.2, 1.0, False),
        (0.5, 0.6, 1800, True),
        (10, 0.3 * 4, 4.2, False),  # 1.2 but for rounding.
    ],
)
def test_a_train_is_as_long_as_the_table_allows(frequency, intensity, limit, tried):
    at = dosing.check_train(float(frequency), float(limit), intensity)
    assert (at.limit, at.tried_only, at.within) == (limit, tried, True)
    longer = dosing.check_train(float(frequency), 1.01 * limit, intensity)
    assert not longer.within
    words = "the longest that was tried" if tried else "the limit"
    assert f"longer than {limit:g} s, {words}" in longer.problems[0]


def test_the_table_never_allows_more_for_faster_or_stronger_pulses():
    table = safety.LONGEST_TRAINS
    assert table.shape == safety.ONLY_TRIED.shape
    assert (table[1:] <= table[:-1]).all()
    assert (table[:, 1:] <= table[:, :-1]).all()
    assert not (safety.ONLY_TRIED[:, 1:] & ~safety.ONLY_TRIED[:, :-1]).any()


def test_trains_that_are_repeated_keep_a_quarter_below_the_limit():
    once = dosing.check_train(10.0, 4.0, 1.2)
    again = dosing.check_train(10.0, 4.0, 1.2, 26.0)
    assert once.within
    assert "longer than 3.15 s" in again.problems[0]
    assert dosing.check_train(10.0, 3.15, 1.2, 26.0).within
    # What was only tried, without harm, is no limit.
    assert dosing.check_train(5.0, 10.0, 1.2, 26.0).within


def test_what_the_table_lacks_is_reported():
    found = dosing.check_train(50.0, 0.1, 1.4)
    assert found.limit is None
    assert len(found.problems) == 2
    assert "50 Hz" in found.problems[0]
    assert "140%" in found.problems[1]


def test_short_pauses_between_trains_are_reported():
    def problems(pause, intensity=1.1, frequency=20.0):
        return dosing.check_train(frequency, 1.0, intensity, pause).problems

    assert problems(5.0) == ()
    assert "shorter than the 5 s" in problems(4.9)[0]
    assert "unsafe above 100%" in problems(1.0)[0]
    assert "shorter than the 5 s" in problems(1.0, 1.0)[0]
    assert problems(0.5, frequency=1.0) == ()


def test_what_is_no_train_is_refused():
    for numbers, name in (
        ((0.0, 1.0, 1.0), "frequency"),
        ((10.0, float("nan"), 1.0), "train"),
        ((10.0, 1.0, -1.0), "of_threshold"),
        ((10.0, 1.0, 1.0, 0.0), "intertrain"),
    ):
        with pytest.raises(ValueError, match=f"`{name}` must be a positive"):
            dosing.check_train(*numbers)


def options(**given):
    none = dict.fromkeys(("frequency", "train", "intertrain", "target_coil"))
    return argparse.Namespace(**none | given)


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({"frequency": 10}, "go together"),
        ({"intertrain": 10}, "needs --frequency"),
        ({"frequency": 10, "train": 0.05}, "no pulse"),
        ({"frequency": 10, "train": 4, "target_coil": "x"}, "--target-coil"),
    ],
)
def test_options_that_do_not_fit_are_refused(given, needed):
    with pytest.raises(ValueError, match=needed):
        Trains.of(options(**given))


def test_each_output_is_compared_and_reported(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr("tmsgrad.cli.results.dose_result.warn", shown.append)
    outputs = (dosing.fixed(0.5, 1.2), dosing.fixed(0.5, 1.335))
    asked = Trains.of(options(frequency=10.0, train=3.0, intertrain=26.0))
    trains = TrainResult.of(asked, outputs)
    assert trains is not None
    assert [each.within for each in trains.checks] == [True, False]
    report = trains.to_json()
    assert [each["longest_train_s"] for each in report["outputs"]] == [4.2, None]
    assert any("not checked" in source for source in report["sources"])
    trains.describe(outputs)
    assert "1 of 2 outputs within" in capsys.readouterr().out
    (warning,) = shown
    assert warning.startswith("133.5 % of the motor threshold: 134%")
    assert TrainResult.of(Trains.of(options()), outputs) is None
