"""Pulses timed by phase, in simulated recordings whose phase is known."""

import numpy as np
import pytest
from benchmarks import simulated_eeg
from cli_examples import refused, run

from tmsgrad.optimize import timing


pytestmark = pytest.mark.long
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


def test_a_gate_has_two_bounds(band, person):
    estimator = timing.Autoregressive(band)
    training = person.values[:TRAINING]
    bounds = [timing.least_amplitude(training, estimator, x, 50) for x in (0.3, 0.8)]
    found = timing.replay(
        *(person.values, band, estimator, 0.0),
        **dict(zip(("gate", "ceiling"), bounds, strict=True)),
        start=20.0,
    )
    assert bounds[0] <= found.amplitudes.min() <= found.amplitudes.max() <= bounds[1]


def test_what_a_pulse_spoils_is_not_seen(band, person):
    rng = np.random.default_rng(0)
    estimator = timing.Autoregressive(band)

    def replayed(values, blanking=0.03):
        return timing.replay(
            *(values, band, estimator, 0.0),
            start=20.0,
            refractory=0.6,
            blanking=blanking,
        )

    clean = replayed(person.values)
    # The samples after each pulse may hold anything: decisions are the same.
    spoilt = person.values.copy()
    for time in clean.times:
        first = int(np.ceil(time * RATE))
        artefact = slice(first, first + round(0.03 * RATE))
        spoilt[artefact] = 1e3 * rng.normal(size=artefact.stop - first)
    again = replayed(spoilt)
    np.testing.assert_array_equal(again.times, clean.times)
    without = replayed(spoilt, blanking=0.0)
    assert len(without.times) != len(clean.times) or not np.allclose(
        without.times, clean.times
    )


def test_a_line_is_left_as_it_is_by_blanking():
    line = 3.0 + 2.0 * np.arange(100)
    spoilt = line.copy()
    spoilt[40:50] = (
        1e6  # A sample lies on the pulse, and one at the end of it is right.
    )
    np.testing.assert_allclose(timing.blanked(spoilt, 0.99, 0.4, 0.1, 100.0), line)
    for pulse in (-np.inf, -3.0, 2.0):
        assert timing.blanked(spoilt, 0.99, pulse, 0.1, 100.0) is spoilt


def test_many_filters_know_the_phase_of_a_tone(band):
    signal, times = tone(10.3), np.arange(5.0, 55.0, 0.37)
    found = timing.judged_phases(signal, band, times)
    planted = 2 * np.pi * 10.3 * times
    errors = np.angle(np.exp(1j * (found.phases - planted)))
    assert np.degrees(np.abs(errors)).max() < 0.5
    assert found.agreement.min() > 0.9999


def test_many_filters_are_nearer_to_what_was_planted_than_one(band):
    """Of noise as strong as the rhythm, one filter makes a rhythm of its own."""
    missed = []
    for number in range(4):
        person = simulated_eeg.simulate(np.random.default_rng(number), 3, seconds=60)
        times = np.arange(3.0, 57.0, 0.1)
        samples = np.arange(len(person.phase)) / RATE
        planted = np.interp(times, samples, np.unwrap(person.phase))
        many = timing.judged_phases(person.values, band, times)
        one = timing.phase_at(person.values, band, times)
        apart = [
            np.abs(np.angle(np.exp(1j * (each - planted))))
            for each in (many.phases, one)
        ]
        missed.append([each.mean() for each in apart])
        sure = many.agreement > 0.95
        assert apart[0][sure].mean() < apart[0][~sure].mean()
    first, second = np.mean(missed, axis=0)
    assert first < 0.97 * second


def test_phases_by_many_filters_respect_pieces(band, person):
    pieces = (slice(0, 9000), slice(12000, 30000))
    times = np.array([8.0, 30.0])
    found = timing.judged_phases(person.values, band, times, pieces)
    alone = timing.judged_phases(person.values[12000:], band, times[1:] - 24.0)
    np.testing.assert_allclose(found.phases[1], alone.phases[0], atol=1e-9)
    with pytest.raises(ValueError, match="20 s lies in no piece"):
        timing.judged_phases(person.values, band, np.array([20.0]), pieces)
    with pytest.raises(ValueError, match="`frequency` must lie in the band"):
        timing.judged_phases(person.values, band, times, frequency=20.0)


def test_a_tuned_model_scatters_less_than_the_usual_one():
    """In what comes after the training, of a rhythm amid noise."""
    person = simulated_eeg.simulate(np.random.default_rng(1), 5, seconds=120)
    band = timing.BandPass(RATE, 8.0, 13.0)
    training = person.values[: 40 * 500]
    spreads = []
    for estimator in (timing.tuned(training, band), timing.Autoregressive(band)):
        ends = np.arange(42 * 500, 117 * 500, 50)
        found = np.array(
            [
                estimator(person.values[end - estimator.samples : end]).phase
                for end in ends
            ]
        )
        spreads.append(-np.abs(np.exp(1j * (found - person.phase[ends - 1])).mean()))
    assert spreads[0] < spreads[1]
    with pytest.raises(ValueError, match="places with a phase that filters agree"):
        timing.tuned(training[:5000], band)


def test_circular_statistics_of_known_errors():
    errors = np.array([-0.5, 0.5, -0.5, 0.5])
    pulses = timing.Pulses(
        *(np.arange(4.0), errors + 6 * np.pi + 0.1, np.ones(4), 0.0),
        *(np.zeros(1), np.ones(4)),
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
