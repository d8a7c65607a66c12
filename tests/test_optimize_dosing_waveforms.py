"""Thresholds of waveforms, against solutions in closed form."""

import numpy as np
import pytest

from tmsgrad.coils import Discharge, Waveform
from tmsgrad.optimize import dosing


CONSTANT = 196e-6


def rectangle(duration):
    return Waveform("rectangle", np.array([0.0, duration]), np.ones(2))


@pytest.mark.parametrize("duration", [30e-6, 60e-6, 120e-6])
def test_a_rectangle_has_lapicques_curve(duration):
    expected = 1 - np.exp(-duration / CONSTANT)
    assert dosing.effect(rectangle(duration), CONSTANT) == pytest.approx(expected)
    # Half as strong, or the other way round: what counts is relative to the peak.
    other = Waveform("other", np.array([0.0, duration]), np.full(2, -0.5))
    assert dosing.effect(other, CONSTANT) == pytest.approx(expected)


def test_a_cosine_has_the_largest_of_its_closed_form():
    """V' = (cos ωt - V) / τ from rest."""
    frequency = 2 * np.pi / 280e-6
    pulse = Discharge(185e-6, 280e-6**2 / (4 * np.pi**2 * 185e-6), 0.0, 1000.0)
    time = np.linspace(0, 280e-6, 200_001)
    turn = frequency * CONSTANT
    closed = np.cos(frequency * time) + turn * np.sin(frequency * time)
    closed = (closed - np.exp(-time / CONSTANT)) / (1 + turn**2)
    expected = np.abs(closed).max()
    found = dosing.effect(pulse.biphasic(samples=2000), CONSTANT)
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_longer_pulse_needs_less_and_back_again():
    short, long = rectangle(30e-6), rectangle(120e-6)
    ratio = dosing.threshold_ratio(short, long)
    expected = (1 - np.exp(-30e-6 / CONSTANT)) / (1 - np.exp(-120e-6 / CONSTANT))
    assert ratio == pytest.approx(expected)
    assert dosing.threshold_ratio(long, short) == pytest.approx(1 / ratio)


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="`time_constant`"):
        dosing.effect(rectangle(1e-4), 196.0)
    with pytest.raises(ValueError, match="is zero"):
        dosing.effect(Waveform("flat", np.arange(3.0), np.zeros(3)))
