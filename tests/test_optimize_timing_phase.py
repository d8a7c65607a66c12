"""Pulses timed by phase, in simulated recordings whose phase is known."""

import numpy as np
import pytest
from benchmarks import simulated_eeg
from cli_examples import refused, run

from tmsgrad.optimize import timing


RATE = 500.0  # [Hz]
TRAINING = 20 * 500


@pytest.fixture(scope="module")
def band():
    return timing.BandPass(RATE, 8.0, 13.0)


@pytest.fixture(scope="module")
def person():
    return simulated_eeg.simulate(np.random.default_rng(1), 15, seconds=60)


def estimators(training, band):
    return [timing.Autoregressive(band), timing.educate(training, band)]


def tone(frequency, seconds=60.0):
    return np.cos(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("frequency", [9.1, 10.0, 11.3])
def test_a_tone_has_its_own_phase_and_frequency(band, which, frequency):
    signal = tone(frequency)
    estimator = estimators(signal, band)[which]
    ends = np.arange(5000, 25000, 997)
    found = [estimator(signal[end - estimator.samples : end]) for end in ends]
    planted = 2 * np.pi * frequency * (ends - 1) / RATE
    errors = np.angle(np.exp(1j * (np.array([each.phase for each in found]) - planted)))
    # The ends of a filtered window are not what a longer one would have there.
    assert np.abs(np.degrees(errors)).max() < 40
    assert np.abs(np.degrees(errors.mean())) < 15
    frequencies = [each.frequency for each in found]
    assert np.median(frequencies) == pytest.approx(frequency, rel=0.02)
    passed = np.median(timing.phase_afterwards(signal, band)[1])
    assert np.median([each.amplitude for each in found]) == pytest.approx(
        passed, rel=0.2
    )


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("target", [np.pi, 0.5 * np.pi])
def test_pulses_meet_their_phase(band, person, which, target):
    training = person.values[:TRAINING]
    estimator = estimators(training, band)[which]
    aim = timing.aim_for(training, band, estimator, target)
    pulses = timing.replay(person.values, band, estimator, target, aim=aim, start=20.0)
    assert len(pulses.times) > 25
    assert (np.diff(pulses.times) >= 1).all()
    assert pulses.times.min() >= 20
    assert np.degrees(pulses.spread) < 45
    assert np.abs(np.degrees(pulses.mean_error)) < 20
    assert pulses.hit_rate() > 0.7
    planted = np.interp(pulses.times, np.arange(len(person.phase)) / RATE, person.phase)
    error = np.angle(np.exp(1j * (planted - target)).mean())
    assert np.abs(np.degrees(error)) < 20


def test_decisions_depend_on_the_past_alone(band, person):
    later = person.values.copy()
    later[45 * 500 :] = np.random.default_rng(0).normal(size=len(later) - 45 * 500)
    estimator = timing.Autoregressive(band)
    first, second = (
        timing.replay(each, band, estimator, 0.0, start=20.0)
        for each in (person.values, later)
    )
    before = [each.times[each.times < 45] for each in (first, second)]
    np.testing.assert_array_equal(before[0], before[1])
    assert len(before[0]) > 15
    assert not np.array_equal(first.times, second.times)


def test_latency_is_made_up_for(band, person):
    estimator = timing.educate(person.values[:TRAINING], band)
    means = [
        timing.replay(
            person.values, band, estimator, np.pi, start=20.0, latency=latency
        ).mean_error
        for latency in (0.002, 0.022)
    ]
    # Uncompensated, 20 ms are 72° of 10 Hz.
    assert np.abs(np.degrees(means[1] - means[0])) < 20


def test_a_gate_leaves_out_what_is_weak(band, person):
    estimator = timing.Autoregressive(band)
    gate = timing.least_amplitude(person.values[:TRAINING], estimator, 0.4, 50)
    free, gated = (
        timing.replay(person.values, band, estimator, 0.0, start=20.0, gate=each)
        for each in (0.0, gate)
    )
    assert gated.amplitudes.min() >= gate > free.amplitudes.min()
    assert len(gated.times) < len(free.times)


def test_circular_statistics_of_known_errors():
    errors = np.array([-0.5, 0.5, -0.5, 0.5])
    pulses = timing.Pulses(
        np.arange(4.0), errors + 6 * np.pi + 0.1, np.ones(4), 0.0, np.zeros(1)
    )
    np.testing.assert_allclose(pulses.errors, errors + 0.1)
    assert pulses.mean_error == pytest.approx(0.1)
    assert pulses.spread == pytest.approx(np.sqrt(-2 * np.log(np.cos(0.5))))
    assert pulses.hit_rate(0.5) == 0.5


@pytest.mark.parametrize("decibels", [0, 10])
def test_the_ratio_to_noise_is_that_of_the_simulation(band, decibels):
    person = simulated_eeg.simulate(np.random.default_rng(4), decibels, seconds=120)
    whole = 10 * np.log10(1 + 10 ** (decibels / 10))
    assert timing.rhythm_above_noise(person.values, band) == pytest.approx(whole, abs=1)


def test_a_signal_of_zeros_has_no_phase(band):
    for estimator in (
        timing.Autoregressive(band),
        timing.EducatedPrediction(band, 0.1),
    ):
        assert estimator(np.zeros(estimator.samples)).amplitude == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: {"recorded": np.where(np.arange(len(x)) == 9, np.nan, x)}, "finite"),
        (lambda x: {"recorded": 0 * x}, "recording is flat"),
        (lambda x: {"recorded": x[:2000]}, r"has 4.0 s; at least 9.0 s"),
        (lambda x: {"latency": 0.5}, "`latency` below two"),
        (lambda x: {"hop": 0.1}, "`hop` must be positive and at most half"),
        (lambda x: {"refractory": -1.0}, "`refractory` must be zero or more"),
        (lambda x: {"gate": 1e9}, "decisions led to a pulse"),
    ],
)
def test_replays_that_cannot_be_are_refused(band, person, change, message):
    settings = {"recorded": person.values[:5000], **change(person.values[:5000])}
    with pytest.raises(ValueError, match=message):
        timing.replay(
            settings.pop("recorded"), band, timing.Autoregressive(band), 0.0, **settings
        )


def test_bands_windows_and_trainings_are_checked(band):
    with pytest.raises(ValueError, match=r"needs 130 Hz or more"):
        timing.BandPass(100.0, 8.0, 13.0)
    with pytest.raises(ValueError, match=r"must go upwards"):
        timing.BandPass(500.0, 13.0, 8.0)
    with pytest.raises(ValueError, match=r"`window` has 0\.2 s"):
        timing.Autoregressive(band, window=0.2)
    with pytest.raises(ValueError, match="none of a rhythm"):
        timing.EducatedPrediction(band, 1.0)
    with pytest.raises(ValueError, match="100 peaks are needed"):
        timing.educate(tone(10.0, 5.0), band)
    with pytest.raises(ValueError, match="8 s are needed"):
        timing.rhythm_above_noise(tone(10.0, 5.0), band)


def test_a_file_gives_a_schedule_of_pulses(tmp_path, person):
    mne = pytest.importorskip("mne")
    rng = np.random.default_rng(2)
    names = ["C3", "FC1", "CP1", "Fz", "F4"]
    common = rng.normal(size=len(person.values))
    flat = np.zeros(len(common))
    noise = simulated_eeg.simulate(rng, -40, seconds=60).values
    signals = np.stack([person.values + common, common, common, flat, noise]) * 1e-5
    file = tmp_path / "rest_raw.fif"
    mne.io.RawArray(signals, mne.create_info(names, RATE, "eeg"), verbose="error").save(
        file, verbose="error"
    )
    words = ["eeg", "pulses", file, "--training", "20", "--method", "etp"]
    out = ["--phase", "trough", "--out", tmp_path / "out", "--json"]
    result = run(*words, "--channels", "C3", "--minus", "FC1,CP1", *out)
    assert result.status == 0, result.err
    rows = np.genfromtxt(tmp_path / "out" / "pulses.csv", delimiter=",", names=True)
    assert len(rows) == result.json["pulses"] > 25
    turned = np.abs(np.angle(np.exp(1j * np.radians(rows["phase_degrees"] - 180))))
    np.testing.assert_allclose(
        turned, np.radians(np.abs(rows["error_degrees"])), atol=1e-4
    )
    assert np.mean(turned <= np.pi / 4) == pytest.approx(result.json["hit_rate"])
    assert result.json["hit_rate"] > 0.7
    three = ["--channels", "C3,FC1,CP1", "--filter-at", "C3", "--phase", "trough"]
    result = run(*words, *three, "--out", tmp_path / "filtered")
    assert result.status == 0, result.err
    path = tmp_path / "filtered" / "pulses.csv"
    rows = np.genfromtxt(path, delimiter=",", names=True)
    # Troughs of the rhythm as C3 has it.
    phases = timing.phase_at(
        person.values, timing.BandPass(RATE, 8.0, 13.0), rows["time_s"]
    )
    assert np.mean(np.cos(phases)) < -0.7
    for more, message in (
        (
            ["--channels", "C3,FC1", "--filter-at", "Oz"],
            "--filter-at Oz: it is none of",
        ),
        (["--channels", "Fz"], "Fz is flat"),
        (["--channels", "F4"], "there is no phase to meet"),
        (["--channels", "C3", "--minus", "c3"], "a channel is named twice"),
        (["--channels", "C3", "--training", "55"], "has 60 s"),
        ([], "name the channels of the rhythm"),
    ):
        last = ["--phase", "0", "--out", tmp_path / "two"]
        refused([*words, *more, *last], tmp_path, message)
