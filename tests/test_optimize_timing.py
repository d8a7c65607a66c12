"""Alpha frequencies of simulated recordings, whose rhythm is known."""

import json

import numpy as np
import pytest
from cli_examples import refused, run

from tmsgrad.optimize import timing


RATE = 250.0  # [Hz]


def pink(rng, channels, count):
    """Noise whose power falls as 1/f, of unit deviation."""
    frequencies = np.fft.rfftfreq(count, 1 / RATE)
    size = np.zeros(len(frequencies))
    size[1:] = 1 / np.sqrt(frequencies[1:])
    random = rng.normal(size=(2, channels, len(frequencies)))
    noise = np.fft.irfft((random[0] + 1j * random[1]) * size, count, axis=1)
    return noise / noise.std(axis=1, keepdims=True)


def recording(seed, frequency=10.0, strength=0.5, seconds=120, channels=3):
    """A rhythm that drifts and waxes on 1/f noise, with blinks. [arbitrary]"""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    time = np.arange(count) / RATE
    drift = 0.25 * np.sin(2 * np.pi * time / 40 + rng.uniform(0, 6))
    phase = 2 * np.pi * np.cumsum(frequency + drift) / RATE
    waxing = 1 + 0.5 * np.sin(2 * np.pi * time / 7)
    rhythm = np.sqrt(2) * strength * waxing * np.sin(phase)
    blinks = np.zeros(count)
    for start in rng.uniform(0, seconds - 1, seconds // 8):
        blinks += 3 * np.exp(-(((time - start) / 0.1) ** 2))
    share = np.linspace(1, 0.7, channels)[:, None]
    return share * rhythm + pink(rng, channels, count) + 0.2 * blinks


def test_the_peak_is_within_a_fifth_of_a_hertz():
    rng = np.random.default_rng(7)
    errors, gravities = [], []
    for seed in range(20):
        frequency = rng.uniform(8.5, 11.8)
        found = timing.individual_alpha(recording(seed, frequency), RATE)
        errors.append(found.peak - frequency)
        gravities.append(found.gravity - frequency)
        assert len(found.found) == 3
    assert np.abs(errors).max() < 0.2
    assert np.abs(np.mean(errors)) < 0.05
    # The fall of the spectrum draws the centre of gravity downwards.
    assert np.abs(gravities).max() < 1.0


def test_a_pure_tone_between_bins_is_found_between_them():
    time = np.arange(int(120 * RATE)) / RATE
    rng = np.random.default_rng(0)
    tone = np.sin(2 * np.pi * 10.1 * time) + 0.1 * rng.normal(size=(1, len(time)))
    found = timing.individual_alpha(tone, RATE, ["Oz"])
    assert found.peak == pytest.approx(10.1, abs=0.03)
    assert found.halves == pytest.approx((10.1, 10.1), abs=0.03)


def test_channels_count_by_their_quality():
    strong, weak = (
        recording(1, 9.0, 2.0, channels=1),
        recording(2, 11.0, 0.4, channels=1),
    )
    found = timing.individual_alpha(np.concatenate([strong, weak]), RATE)
    qualities = np.array([each.quality for each in found.channels])
    assert qualities[0] > 3 * qualities[1]
    peaks = [each.frequency for each in found.channels]
    np.testing.assert_allclose(found.peak, qualities @ peaks / qualities.sum())
    assert found.peak < 9.6


def test_a_spectrum_without_a_peak_is_refused():
    flat = pink(np.random.default_rng(3), 3, int(120 * RATE))
    with pytest.raises(ValueError, match=r"0 of 3 channels have a peak.*1: no peak"):
        timing.individual_alpha(flat, RATE)


def test_two_peaks_of_one_height_are_no_peak():
    signals = recording(4, 8.3) + recording(5, 11.7)
    with pytest.raises(ValueError, match="two peaks of about the same height"):
        timing.individual_alpha(signals, RATE)


def test_the_filter_finds_the_channels_with_the_rhythm():
    rng = np.random.default_rng(6)
    noise = pink(rng, 6, int(90 * RATE))
    pattern = np.array([0.0, 0.3, 1.0, 0.6, 0.0, 0.0])
    rhythm = np.sin(2 * np.pi * 10 * np.arange(noise.shape[1]) / RATE)
    mixed = noise + np.outer(pattern, rhythm)
    weights = timing.strongest_rhythm(mixed, RATE)
    assert np.linalg.norm(weights) == pytest.approx(1)
    ratio = lambda w: np.abs(w @ pattern) / (w @ noise).std()
    assert ratio(weights) > 1.1 * ratio(np.eye(6)[2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: (x[:, :1000], RATE), "has 4 s; at least 60 s"),
        (lambda x: (x, 80.0), "sampling rate is 80 Hz"),
        (
            lambda x: (np.where(np.arange(x.shape[1]) == 5, np.nan, x), RATE),
            "not finite",
        ),
        (lambda x: (np.concatenate([x, 0 * x[:1]]), RATE), "channel 4 is flat"),
    ],
)
def test_recordings_that_cannot_serve_are_refused(change, message):
    signals, rate = change(recording(0))
    with pytest.raises(ValueError, match=message):
        timing.individual_alpha(signals, rate)


@pytest.mark.parametrize(
    ("frequency", "step", "rate"),
    [(9.87, 0.1, 9.9), (10.26, 0.5, 10.5), (0.01, 0.1, 0.1)],
)
def test_the_rate_is_the_nearest_that_can_be_set(frequency, step, rate):
    assert timing.nearest_rate(frequency, step) == rate


def test_a_file_gives_its_frequency(tmp_path):
    mne = pytest.importorskip("mne")
    info = mne.create_info(["O1", "Oz", "O2", "EOG"], RATE, ["eeg"] * 3 + ["eog"])
    signals = np.concatenate([recording(8, 9.4), np.ones((1, int(120 * RATE)))]) * 1e-5
    file = tmp_path / "rest_raw.fif"
    mne.io.RawArray(signals, info, verbose="error").save(file, verbose="error")
    result = run("eeg", "alpha", file, "--out", tmp_path / "out", "--json")
    assert result.status == 0, result.err
    assert result.json["peak_hz"] == pytest.approx(9.4, abs=0.2)
    report = json.loads((tmp_path / "out" / "alpha.json").read_text("utf-8"))
    assert [each["name"] for each in report["channels"]] == ["O1", "Oz", "O2"]
    assert report["rate_from_10_hz"] == pytest.approx(report["rate_hz"] - 10)
    words = ["eeg", "alpha", file, "--channels", "Cz", "--out", tmp_path / "two"]
    refused(words, tmp_path, "no channel Cz", "O1, Oz, O2")
    (tmp_path / "no.edf").write_bytes(b"nothing")
    refused(
        ["eeg", "alpha", tmp_path / "no.edf", "--out", tmp_path / "two"],
        tmp_path,
        "no.edf",
    )
