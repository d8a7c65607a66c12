"""What recordings say of their own numbers: pieces, units, filters and bad channels."""

import json
import math

import numpy as np
import pytest
from benchmarks import simulated_eeg
from cli_examples import refused, run

from tmsgrad.optimize import timing
from tmsgrad.optimize.timing.peaks import channel_peak


mne = pytest.importorskip("mne")
RATE = 250.0  # [Hz]
# PAF and channels with a peak [restingIAF, tutorial, table 2; PAF by recording as the
# table's footnotes and the audit of it have them]; gravity is given by person.
PUBLISHED = {
    "tute_01_1": (10.90, 5, 0.13372),
    "tute_02_1": (9.82, 6, 0.3245),
    "tute_03_1": (11.83, 4, 0.14095),
}


def alpha(seed=0, frequency=10.3, seconds=120, channels=("O1", "Oz", "O2")):
    """Alpha on 1/f noise. [V]"""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    power = np.fft.rfft(rng.standard_normal((len(channels), count)))
    power /= np.sqrt(np.maximum(np.fft.rfftfreq(count, 1 / RATE), 1))
    noise = np.fft.irfft(power, count)
    noise /= noise.std(axis=1, keepdims=True)
    drift = 0.2 * np.sin(2 * np.pi * np.arange(count) / RATE / 17)
    phase = 2 * np.pi * np.cumsum(frequency + drift) / RATE
    return 8e-6 * noise + 12e-6 * np.cos(phase)


def written(tmp_path, signals, edit=lambda raw: raw, name="rest"):
    """A recording as a file, after a change."""
    info = mne.create_info(["O1", "Oz", "O2"][: len(signals)], RATE, "eeg")
    raw = edit(mne.io.RawArray(signals, info, verbose="error"))
    path = tmp_path / f"{name}_raw.fif"
    raw.save(path, verbose="error", overwrite=True)
    return path


def annotated(onsets, durations, words, **more):
    marks = mne.Annotations(onsets, durations, words, **more)
    return lambda raw: raw.set_annotations(marks)


@pytest.mark.parametrize("word", ["BAD_artefact", "bad", "Bad muscle"])
def test_segments_annotated_as_bad_are_left_out_of_alpha(tmp_path, word):
    signals = alpha()
    times = np.arange(signals.shape[1]) / RATE
    inside = (times >= 60) & (times < 80)
    signals[:, inside] += 3e-4 * np.cos(2 * np.pi * 9 * times[inside])
    path = written(tmp_path, signals, annotated([60], [20], [word]))
    result = run("eeg", "alpha", path, "--out", tmp_path / "out", "--json")
    assert result.status == 0, result.err
    assert "20.0 s annotated as bad are left out" in result.err
    # A bin is 0.24 Hz.
    assert result.json["peak_hz"] == pytest.approx(10.3, abs=0.13)
    assert result.json["rate_hz"] == pytest.approx(10.3, abs=0.05)
    report = json.loads((tmp_path / "out" / "alpha.json").read_text())
    assert report["peak_between_bins_hz"] == pytest.approx(10.3, abs=0.03)
    assert report["seconds"] == pytest.approx(100, abs=0.01)


def test_pieces_are_what_mne_keeps(tmp_path):
    """MNE's own rejection is the oracle, with first samples and channels of annotations."""
    signals = alpha(seconds=30)

    def edit(raw):
        marks = mne.Annotations(
            [3.0, 9.5, 20.0, 25.0, 26.0],
            [2.0, 0.5, 0.0, 1.0, 0.0],
            ["BAD_a", "bad b", "boundary", "BAD_other", "Stimulus"],
            ch_names=[(), ("O1",), (), ("Cz",), ()],
        )
        raw.add_channels(
            [mne.io.RawArray(signals[:1] * 2, mne.create_info(["Cz"], RATE, "eeg"))],
            force_update_info=True,
        )
        return raw.set_annotations(marks).crop(1.0)

    path = written(tmp_path, signals, edit)
    raw = mne.io.read_raw(path, verbose="error")
    assert raw.first_samp == RATE
    found = timing.read_eeg(path, ["O1", "O2"])
    nan = raw.get_data(picks=["O1"], reject_by_annotation="NaN", verbose="error")[0]
    kept = np.zeros(raw.n_times, dtype=bool)
    for each in found.pieces:
        kept[each] = True
    others = np.isnan(nan)
    others[round(24 * RATE) : round(25 * RATE)] = False  # Of Cz alone.
    # MNE takes the sample at an annotation's end too, or not, by rounding.
    assert np.abs(np.diff(kept.astype(int) + others)).sum() <= 8
    assert kept.sum() == pytest.approx((~others).sum(), abs=2)
    assert round(19.0 * RATE) in {each.start for each in found.pieces}
    np.testing.assert_array_equal(found.signals[0], raw.get_data(["O1"])[0])


@pytest.mark.parametrize("word", ["edge", "EDGE boundary", "boundary", "BAD boundary"])
def test_no_decision_sees_a_seam(tmp_path, word):
    signals = alpha(seconds=60)
    joined = np.concatenate(
        [signals[:, : 40 * 250], signals[:, 42 * 250 + 13 :]], axis=1
    )
    path = written(tmp_path, joined, annotated([40], [0], [word]))
    recording = timing.read_eeg(path)
    assert [each.stop for each in recording.pieces] == [10000, joined.shape[1]]
    band = timing.BandPass(RATE, 8.0, 13.0)
    estimator = timing.Autoregressive(band)
    one = recording.signals[0]
    pulses = timing.replay(one, band, estimator, 0.0, pieces=recording.pieces)
    assert not ((pulses.times > 38.1) & (pulses.times < 42)).any()
    first = timing.replay(one[:10000], band, estimator, 0.0)
    before = pulses.times < 40
    np.testing.assert_array_equal(pulses.times[before], first.times)
    np.testing.assert_allclose(pulses.phases[before], first.phases, rtol=1e-12)
    with pytest.raises(ValueError, match="lies in no piece"):
        timing.phase_at(one, band, np.array([39.0]), (slice(0, 9000),))


def test_pulses_and_their_training_leave_out_what_is_bad(tmp_path):
    person = simulated_eeg.simulate(np.random.default_rng(1), 15, seconds=60)
    values = 1e-5 * person.values / person.values.std()
    info = mne.create_info(["C3"], 500.0, "eeg")
    times = np.arange(len(values)) / 500
    bad = ((times >= 5) & (times < 8)) | ((times >= 40) & (times < 45))
    spoiled = np.where(bad, 1e-3 * np.cos(2 * np.pi * 9 * times), values)
    raw = mne.io.RawArray(spoiled[None], info, verbose="error")
    raw.set_annotations(mne.Annotations([5, 40], [3, 5], ["BAD_x", "bad"]))
    raw.save(tmp_path / "rest_raw.fif", verbose="error")
    words = ["eeg", "pulses", tmp_path / "rest_raw.fif", "--channels", "C3"]
    words += ["--training", "20", "--method", "etp", "--phase", "trough"]
    result = run(*words, "--out", tmp_path / "out", "--json")
    assert result.status == 0, result.err
    report = json.loads((tmp_path / "out" / "pulses.json").read_text())
    assert (tmp_path / "out" / "overview.png").stat().st_size > 10_000
    assert report["training_s"] == 23
    assert result.json["hit_rate"] > 0.7
    rows = np.genfromtxt(tmp_path / "out" / "pulses.csv", delimiter=",", names=True)
    assert rows["time_s"].min() >= 23
    assert not ((rows["time_s"] >= 38.1) & (rows["time_s"] < 47)).any()
    assert (rows["time_s"] > 47).sum() > 5
    assert rows["amplitude_v"].max() < 1e-4


def test_bursts_leave_out_what_is_bad():
    rng = np.random.default_rng(4)
    times = np.arange(int(80 * RATE)) / RATE
    phase = 2 * np.pi * (5 * times + 0.3 * np.sin(times / 3))
    gamma = 0.4 * (1 + 0.8 * np.cos(phase)) * np.sin(2 * np.pi * 36 * times)
    values = np.sin(phase) + gamma + 0.5 * rng.standard_normal(len(times))
    spoiled = values.copy()
    spoiled[5000:7500] *= 50
    pieces = (slice(0, 5000), slice(7500, len(times)))
    clean = timing.theta_gamma(values, RATE, shifts=20, pieces=pieces)
    found = timing.theta_gamma(spoiled, RATE, shifts=20, pieces=pieces)
    np.testing.assert_array_equal(found.indices, clean.indices)
    assert found.theta == pytest.approx(5.0, abs=0.5)
    with pytest.raises(ValueError, match=r"has 30 s in pieces .*at least 60 s"):
        timing.theta_gamma(values, RATE, pieces=(slice(0, 7500),))
    with pytest.raises(ValueError, match=r"filtered before to 0\.1 to 40 Hz"):
        timing.theta_gamma(values, RATE, passband=(0.1, 40.0))


def test_a_bad_channel_that_is_named_is_used_and_said(tmp_path):
    def edit(raw):
        raw.info["bads"] = ["Oz"]
        return raw

    path = written(tmp_path, alpha(), edit)
    result = run("eeg", "alpha", path, "--channels", "oz", "--out", tmp_path / "a")
    assert result.status == 0, result.err
    assert "Oz: marked as bad in the file, and used" in result.err
    assert timing.read_eeg(path).names == ("O1", "O2")


def test_a_unit_that_cannot_be_is_refused_and_can_be_given(tmp_path):
    path = written(tmp_path, 1e6 * alpha())
    words = ["eeg", "alpha", path, "--out", tmp_path / "out"]
    refused(words, tmp_path, "the file's unit is not that of its numbers")
    result = run(*words, "--unit", "uV")
    assert result.status == 0, result.err
    np.testing.assert_allclose(
        timing.read_eeg(path, unit="uV").signals, alpha(), rtol=1e-6
    )
    with pytest.raises(ValueError, match="one of V, mV, uV, nV"):
        timing.read_eeg(path, unit="µV")


def test_the_unit_of_each_channel_is_obeyed(tmp_path):
    def micro(raw):
        for each in raw.info["chs"]:
            each["unit_mul"] = mne.io.constants.FIFF.FIFF_UNITM_MU
        return raw

    found = timing.read_eeg(written(tmp_path, 1e6 * alpha(), micro))
    np.testing.assert_allclose(found.signals, alpha(), rtol=1e-6)
    assert "units of 10^-6 V" in found.remarks[0]

    def tesla(raw):
        return raw.set_channel_types({"Oz": "mag"}, verbose="error")

    path = written(tmp_path, alpha(), tesla, "meg")
    with pytest.raises(ValueError, match="Oz: the file has no voltage there"):
        timing.read_eeg(path, ["Oz"])


@pytest.mark.parametrize(
    ("low", "high", "needed"),
    [(8, 60, "filtered before to 8"), (1, 12.5, "to 1 to 12")],
)
def test_a_band_that_was_filtered_away_is_refused(tmp_path, low, high, needed):
    path = written(
        tmp_path, alpha(), lambda raw: raw.filter(low, high, verbose="error")
    )
    refused(["eeg", "alpha", path, "--out", tmp_path / "out"], tmp_path, needed)
    words = ["eeg", "pulses", path, "--channels", "Oz", "--phase", "0"]
    words += ["--band", "7,13"]
    refused([*words, "--out", tmp_path / "out"], tmp_path, "was filtered before")


def test_all_of_it_bad_is_refused(tmp_path):
    path = written(tmp_path, alpha(), annotated([0], [120], ["bad"]))
    refused(
        ["eeg", "alpha", path, "--out", tmp_path / "o"],
        tmp_path,
        "all of the recording",
    )


def test_a_number_that_is_none_may_lie_in_what_is_bad(tmp_path):
    signals = alpha()
    signals[:, 5000:5100] = np.nan
    path = written(tmp_path, signals)
    refused(["eeg", "alpha", path, "--out", tmp_path / "o"], tmp_path, "not finite")
    path = written(tmp_path, signals, annotated([20], [0.4], ["BAD"]))
    assert run("eeg", "alpha", path, "--out", tmp_path / "o").status == 0


FREQUENCIES = np.arange(1, 40, 250 / 1024)


def spectrum_of(*bumps):
    """A fall as 1/f² and bumps: frequency, height and width."""
    power = 20 / FREQUENCIES**2
    for at, height, width in bumps:
        power = power + height * np.exp(-((FREQUENCIES - at) ** 2) / (2 * width**2))
    return power


def test_the_highest_peak_must_pass_and_the_second_stay_below():
    peak = lambda *bumps: channel_peak(
        "Oz", FREQUENCIES, spectrum_of(*bumps), (7.0, 13.0)
    )
    one = peak((10, 5, 0.7))
    assert one.frequency == pytest.approx(10, abs=0.13)
    assert one.between == pytest.approx(10, abs=0.02)
    # Heights on the fall: 8 + 0.31 against h + 0.14.
    assert peak((8, 8, 0.5), (12, 6.3, 0.5)).reason == ""
    both = peak((8, 8, 0.5), (12, 6.8, 0.5))
    assert both.reason == "two peaks of about the same height"
    # One band for both.
    low, high = both.ends
    assert low < 7
    assert high > 13
    assert peak().reason == "no peak"
    small = peak((7.6, 0.12, 0.4), (12.4, 0.1, 0.3))
    assert small.reason == "no peak above the fall of the spectrum"
    assert not small.has_band
    assert math.isnan(small.frequency)


def test_recordings_are_averaged_by_their_channels():
    strong = timing.individual_alpha(alpha(1, 9.5), RATE)
    none = np.random.default_rng(3).standard_normal((3, 30000))
    without = timing.individual_alpha(none, RATE, throw=False)
    assert without.refused
    assert math.isnan(without.peak)
    other = timing.individual_alpha(alpha(2, 10.5)[:2], RATE)
    mean = timing.average_alpha([strong, other, without])
    assert mean.peak == pytest.approx((3 * strong.peak + 2 * other.peak) / 5)
    assert mean.between == pytest.approx((3 * strong.between + 2 * other.between) / 5)
    peaks = [each.frequency for each in strong.channels]
    assert strong.spread == pytest.approx(np.std(peaks, ddof=1))
    with pytest.raises(ValueError, match="0 of 3 channels have a peak"):
        timing.average_alpha([without])


def published(test_data, name):
    file = test_data / "real" / "eeg" / f"{name}.set"
    if not file.is_file():
        pytest.skip(f"{file} is not at hand")
    return file


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_peaks_are_met(test_data, name):
    recording = timing.read_eeg(published(test_data, name))
    found = timing.individual_alpha(recording.signals, recording.rate, recording.names)
    peak, channels, spread = PUBLISHED[name]
    assert len(found.found) == channels
    assert found.peak == pytest.approx(peak, abs=0.02)
    assert found.spread == pytest.approx(spread, abs=5e-4)


def test_the_recording_that_they_refuse_is_refused(test_data, tmp_path):
    path, second = (published(test_data, f"tute_03_{i}") for i in (1, 2))
    refused(
        ["eeg", "alpha", second, "--out", tmp_path / "o"],
        tmp_path,
        "2 of 6 channels have a peak",
    )
    result = run(
        "eeg", "alpha", path, "--again", second, "--out", tmp_path / "a", "--json"
    )
    assert result.status == 0, result.err
    assert result.json["peak_hz"] == pytest.approx(11.832, abs=0.02)
    assert result.json["gravity_hz"] == pytest.approx(10.762, abs=0.1)
