"""Alpha frequencies of simulated recordings, whose rhythm is known."""

import json

import numpy as np
import pytest
from cli_examples import refused, run

from tmsgrad.optimize import timing
from tmsgrad.optimize.timing import coupling


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
    assert found.between == pytest.approx(10.1, abs=0.03)
    # As published, the peak is a bin of the padded spectrum: 250 Hz / 1024.
    assert found.peak == 41 * RATE / 1024
    assert found.halves == pytest.approx((10.1, 10.1), abs=0.03)


def test_channels_count_by_their_quality():
    strong, weak = (
        recording(1, 9.0, 2.0, channels=1),
        recording(2, 11.0, 0.4, channels=1),
    )
    found = timing.individual_alpha(np.concatenate([strong, weak]), RATE)
    qualities = np.array([each.quality for each in found.channels])
    assert qualities[0] > 2 * qualities[1]
    peaks = [each.frequency for each in found.channels]
    np.testing.assert_allclose(found.peak, qualities @ peaks / qualities.sum())
    assert found.peak < 9.7


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
    # Neither an average reference nor a channel twice adds or takes a signal.
    referenced = mixed - mixed.mean(axis=0)
    found = timing.strongest_rhythm(referenced, RATE) @ referenced
    without = timing.strongest_rhythm(referenced[1:], RATE) @ referenced[1:]
    twice = referenced[[1, 2, 2, 3, 4, 5]]
    again = timing.strongest_rhythm(twice, RATE) @ twice
    for other in (without, again):
        assert abs(np.corrcoef(found, other)[0, 1]) == pytest.approx(1, abs=1e-8)
    with pytest.raises(ValueError, match="no room for its flank"):
        timing.strongest_rhythm(mixed, RATE, (2.0, 9.0))


def test_the_filter_at_a_channel_takes_its_rhythm_with_its_sign():
    rng = np.random.default_rng(11)
    noise = 0.3 * pink(rng, 6, int(90 * RATE))
    times = np.arange(noise.shape[1]) / RATE
    # A strong rhythm over the back of the head; a weak one, with its turned end, in front.
    strong, weak = np.sin(2 * np.pi * 10 * times), np.sin(2 * np.pi * 10.9 * times)
    behind = np.array([0.0, 0.0, 0.0, 0.3, 2.0, -1.5])
    before = np.array([0.5, -0.7, 0.2, 0.0, 0.0, 0.0])
    mixed = noise + np.outer(behind, strong) + np.outer(before, weak)
    follows = lambda at, rhythm: np.corrcoef(
        timing.strongest_rhythm(mixed, RATE, at=at) @ mixed, rhythm
    )[0, 1]
    assert follows(None, strong) > 0.9
    assert follows(4, strong) > 0.9
    assert follows(5, strong) < -0.9
    assert follows(0, weak) > 0.8
    assert follows(1, weak) < -0.8
    beside = noise[:2] + np.sin(2 * np.pi * 6.5 * times)
    with pytest.raises(ValueError, match="stands out from its flanks in that channel"):
        timing.strongest_rhythm(beside, RATE, at=0)


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
    assert (tmp_path / "out" / "overview.png").stat().st_size > 10_000
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


def coupled(seed, theta, gamma, depth, size=0.3, seconds=60):
    """Theta, gamma whose amplitude follows its phase by `depth`, and 1/f noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(theta + 0.2 * np.sin(time / 3 + seed)) / RATE
    follows = size * (1 + depth * np.cos(phase)) * np.sin(2 * np.pi * gamma * time)
    return 0.7 * np.sin(phase) + follows + pink(rng, 1, len(time))[0]


def test_gamma_that_follows_theta_is_found():
    for seed, theta, gamma in ((0, 5.0, 36.0), (1, 6.3, 44.0)):
        values = coupled(seed, theta, gamma, 0.8)
        found = timing.theta_gamma(values, RATE, shifts=20)
        assert found.theta == pytest.approx(theta, abs=0.75)
        assert found.gamma == pytest.approx(gamma, abs=2.0)
        assert found.chance == pytest.approx(1 / 21)
        assert found.indices.max() == found.index
        for half in found.halves:
            np.testing.assert_allclose(half, (theta, gamma), atol=4)


def test_the_modulation_index_is_that_of_its_definition():
    # An amplitude 1 + cos of the phase has the distribution (1 + cos)/N over N bins.
    phase = np.linspace(-np.pi, np.pi, 18 * 50, endpoint=False)[None]
    middle = (np.arange(18) + 0.5) / 18 * 2 * np.pi - np.pi
    mean = np.sinc(1 / 18)  # Of a cosine over a bin, relative to its middle.
    share = (1 + mean * np.cos(middle)) / 18
    meant = 1 + np.sum(share * np.log(share)) / np.log(18)
    found = coupling._indices(phase, 1 + np.cos(phase + np.pi / 900))
    np.testing.assert_allclose(found, meant, rtol=1e-5)
    np.testing.assert_allclose(
        coupling._indices(phase, np.ones_like(phase)), 0, atol=1e-12
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": coupled(3, 6.0, 40.0, 0.0)}, "more than chance has it"),
        ({"rate": 100.0}, "at least 150 Hz are needed"),
        ({"values": np.zeros(20000)}, "is flat"),
        ({"values": np.full(20000, np.nan)}, "not finite"),
        ({"values": np.ones(2000)}, "has 8 s; at least 60 s"),
        ({"gamma": (50.0, 30.0)}, "`gamma` must be a range"),
        ({"theta": (4.0, 25.0)}, "farther from each other"),
        ({"shifts": 5}, "`shifts` must be at least 20"),
    ],
)
def test_what_has_no_pair_is_refused(change, message):
    given = {"values": coupled(3, 6.0, 40.0, 0.8), "rate": RATE, "shifts": 20}
    given |= change
    with pytest.raises(ValueError, match=message):
        timing.theta_gamma(given.pop("values"), given.pop("rate"), **given)


def test_the_command_shows_the_rates_of_bursts(tmp_path):
    mne = pytest.importorskip("mne")
    values = coupled(1, 6.3, 44.0, 0.8)
    noise = pink(np.random.default_rng(8), 1, len(values))[0]
    signals = np.stack([values + noise, noise, 0 * noise]) * 1e-5
    file = tmp_path / "task_raw.fif"
    info = mne.create_info(["F3", "Cz", "F4"], RATE, "eeg")
    mne.io.RawArray(signals, info, verbose="error").save(file, verbose="error")
    words = ["eeg", "burst", file, "--channels", "F3", "--shifts", "20"]
    result = run(*words, "--minus", "Cz", "--out", tmp_path / "out", "--json")
    assert result.status == 0, result.err
    assert result.json["theta_hz"] == pytest.approx(6.3, abs=0.75)
    assert result.json["gamma_hz"] == pytest.approx(44.0, abs=2.0)
    shown = json.loads((tmp_path / "out" / "burst.json").read_text())
    assert (tmp_path / "out" / "overview.png").stat().st_size > 10_000
    assert shown["schema"] == 1
    assert shown["burst_rate_hz"] == pytest.approx(shown["theta_hz"], abs=0.051)
    assert "evidence" in result.err
    for more, message in (
        (["--minus", "f3"], "a channel is named twice"),
        (["--minus", "F4"], "F4 is flat"),
        (["--theta", "8,4"], "no band"),
    ):
        refused([*words, *more, "--out", tmp_path / "no"], tmp_path, message)
