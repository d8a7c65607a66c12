"""Pulses decided on while a signal arrives: the same as those of a replay."""

import contextlib
import dataclasses
import math
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from benchmarks import simulated_eeg
from cli_examples import refused, run

from tmsgrad.cli.commands import eeg_live
from tmsgrad.optimize import timing
from tmsgrad.optimize.timing import streams


RATE = 500.0  # [Hz]
TRAINING = 12 * 500
NEVER = lambda: -math.inf


@pytest.fixture(scope="module")
def person():
    return simulated_eeg.simulate(np.random.default_rng(1), 15, seconds=24).values


@pytest.fixture(scope="module")
def rule(person):
    band = timing.BandPass(RATE, 8.0, 13.0)
    estimator = timing.educate(person[:TRAINING], band)
    return timing.PulseRule(band, estimator, np.pi, hop=0.01, refractory=0.3)


def replayed(signal, rule, start=TRAINING):
    return timing.replay(
        signal,
        rule.band,
        rule.estimator,
        np.pi,
        aim=rule.aim,
        start=start / RATE,
        hop=rule.hop,
        latency=rule.latency,
        refractory=rule.refractory,
        gate=rule.gate,
        ceiling=rule.ceiling,
        blanking=rule.blanking,
    )


def chunks(signal, stamps, sizes):
    cuts = np.cumsum(sizes)
    cuts = cuts[cuts < len(signal)]
    return map(timing.Chunk, np.split(signal, cuts), np.split(stamps, cuts))


def followed(signal, stamps, rule, clock=NEVER, sizes=None):
    sizes = np.full(len(signal), 7) if sizes is None else sizes
    training = timing.Chunk(signal[:TRAINING], stamps[:TRAINING])
    rest = chunks(signal[TRAINING:], stamps[TRAINING:], sizes)
    return list(timing.follow(rest, rule, training, clock))


def pulses(events):
    kept = [each.pulse for each in events if isinstance(each, timing.LiveDecision)]
    return [each for each in kept if each is not None]


def test_chunks_of_any_size_give_the_pulses_of_the_replay(person, rule):
    rule = dataclasses.replace(rule, blanking=0.02)
    rng = np.random.default_rng(0)
    sizes = rng.integers(0, 60, len(person))
    # Stamps are late by chance, on a clock that began elsewhere.
    stamps = 100 + np.arange(len(person)) / RATE + rng.uniform(0, 2e-3, len(person))
    found = pulses(followed(person, stamps, rule, sizes=sizes))
    meant = replayed(person, rule)
    times = np.array([each.time for each in found])
    judged = times < len(person) / RATE - 2
    np.testing.assert_allclose(times[judged], meant.times, rtol=0, atol=1e-12)
    assert len(meant.times) > 20
    for each in found:
        assert each.stamp == pytest.approx(100.001 + each.time, abs=5e-4)
        assert (each.samples - 1) / RATE + rule.latency <= each.time
    amplitudes = np.array([each.amplitude for each in found])
    np.testing.assert_array_equal(amplitudes[judged], meant.amplitudes)


@pytest.mark.parametrize("missing", [30, 0])
def test_after_a_gap_the_window_is_filled_anew(person, rule, missing):
    stamps = np.arange(len(person)) / RATE
    first = TRAINING + 1003
    if missing:
        kept = np.delete(np.arange(len(person)), np.arange(first, first + missing))
        signal, stamps = person[kept], stamps[kept]
    else:
        signal = person.copy()
        signal[first] = np.nan
    events = followed(signal, stamps, rule)
    (gap,) = [each for each in events if isinstance(each, timing.Gap)]
    assert gap.samples == first
    np.testing.assert_allclose(gap.seconds, missing / RATE if missing else np.nan)
    before = [each for each in pulses(events) if each.samples < first]
    after = [each for each in pulses(events) if each.samples >= first]
    assert len(before) > 3
    assert len(after) > 15
    np.testing.assert_array_equal(
        [each.time for each in before], replayed(person, rule).times[: len(before)]
    )
    size = rule.estimator.samples
    assert after[0].samples >= first + size
    for each in after:
        window = signal[each.samples - size : each.samples]
        assert rule(window, (each.samples - 1) / RATE).time == each.time
        # The clock goes on over what is missing.
        assert each.stamp == pytest.approx(each.time + missing / RATE, abs=1e-9)


def test_what_comes_too_late_is_left_out(person, rule):
    stamps = np.arange(len(person)) / RATE
    half = 18.0
    events = followed(person, stamps, rule, clock=lambda: half)
    made = [each for each in events if isinstance(each, timing.LiveDecision)]
    assert made[0].skipped > 500
    assert sum(each.skipped for each in made[1:]) == 0
    assert min(each.stamp for each in pulses(events)) > half
    # Between the decision and its pulse the clock has gone on.
    ticks = iter(np.arange(1e6))
    events = followed(person, stamps, rule, clock=lambda: 1e3 * (next(ticks) % 2))
    late = [each.late for each in events if isinstance(each, timing.LiveDecision)]
    assert sum(late) > 20
    assert not pulses(events)


def test_rules_are_checked(rule):
    for change, message in (
        ({"hop": 0.1}, "`hop` must be positive"),
        ({"latency": 0.5}, "`latency` below two"),
        ({"gate": -1.0}, "`gate` must be zero or more"),
        ({"gate": 2.0, "ceiling": 1.0}, "`ceiling` must be above `gate`"),
        ({"blanking": 0.9}, "`blanking` must leave half of the estimator's window"),
    ):
        with pytest.raises(ValueError, match=message):
            timing.PulseRule(rule.band, rule.estimator, 0.0, **change)


class Sender(threading.Thread):
    """Sends a signal and what it lies on as a stream, all at once."""

    def __init__(self, pylsl, name, signals, stamps, listen=None):
        super().__init__(daemon=True)
        self._pylsl, self._signals, self.stamps = pylsl, signals, stamps
        about = pylsl.StreamInfo(name, "EEG", len(signals), RATE, "double64", name)
        about.set_channel_labels(["C3", "Cz", "Aux"])
        self._outlet = pylsl.StreamOutlet(about)
        self._listen, self.markers = listen, []

    def run(self):
        assert self._outlet.wait_for_consumers(10.0)
        inlet = None
        if self._listen:
            (found,) = self._pylsl.resolve_byprop("name", self._listen, 1, 10.0)
            inlet = self._pylsl.StreamInlet(found)
            inlet.open_stream(10.0)
        # Nothing is late whose time stamps are ahead of the clock.
        stamps = self._pylsl.local_clock() + self.stamps
        self._outlet.push_chunk(np.ascontiguousarray(self._signals.T), stamps.tolist())
        while inlet is not None and len(self.markers) < 2:
            word, stamp = inlet.pull_sample(10.0)
            if word is None:
                break
            self.markers.append((word, stamp - stamps[0]))


@pytest.fixture(scope="module")
def pylsl():
    pylsl = pytest.importorskip("pylsl")
    about = pylsl.StreamInfo("tmsgrad words", "Markers", 1, 0, "string", "words")
    outlet = pylsl.StreamOutlet(about)
    if not pylsl.resolve_byprop("name", "tmsgrad words", 1, 3.0):
        pytest.skip("liblsl finds no stream of this machine: the network forbids it")
    yield pylsl
    del outlet


def stream(pylsl, name, person, ahead=0.0, listen=None):
    common = np.random.default_rng(3).normal(size=len(person))
    signals = np.stack([person + common, common, 0 * common])
    stamps = ahead + np.arange(len(person)) / RATE - TRAINING / RATE
    return Sender(pylsl, name, signals, stamps, listen)


WORDS = ["--channels", "c3", "--minus", "Cz", "--training", "12", "--method", "etp"]
AIM = ["--phase", "trough", "--refractory", "0.3", "--hop", "10"]


def test_a_stream_gives_the_pulses_of_the_replay(pylsl, person, tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "SILENCE", 0.5)
    sender = stream(pylsl, "tmsgrad eeg", person, ahead=60.0)
    sender.start()
    out = tmp_path / "out"
    result = run("eeg", "live", "tmsgrad eeg", *WORDS, *AIM, "--out", out)
    # Nothing follows, which ends it, and what there is stays.
    assert result.status == 2, result.out
    assert "no sample came for 0.5 s" in result.err
    rows = np.genfromtxt(out / "pulses.csv", delimiter=",", names=True)
    assert f"{len(rows)} pulses are kept in" in result.err
    band = timing.BandPass(RATE, 8.0, 13.0)
    training = person[:TRAINING]
    estimator = timing.educate(training, band)
    aim = timing.aim_for(training, band, estimator, np.pi, hop=0.01)
    rule = timing.PulseRule(band, estimator, aim, hop=0.01, refractory=0.3)
    meant = replayed(person, rule)
    judged = rows["time_s"] < len(person) / RATE - 2
    np.testing.assert_allclose(rows["time_s"][judged], meant.times, atol=2e-6)
    np.testing.assert_allclose(rows["amplitude"][judged], meant.amplitudes)
    np.testing.assert_allclose(
        np.ptp(rows["lsl_time_s"] - rows["time_s"]), 0, atol=1e-3
    )
    assert rows["spare_ms"].min() > 0
    refused(
        ["eeg", "live", "tmsgrad eeg", *WORDS, *AIM, "--out", out],
        tmp_path,
        "pulses of an earlier session",
    )


def test_an_interruption_keeps_what_was_decided(pylsl, person, tmp_path, monkeypatch):
    real, sent, slept = timing.MarkerStream.send, [], [0.0]
    clock = lambda: pylsl.local_clock() + sum(slept)

    def send(self, word, stamp):
        if len(sent) == 2:
            raise KeyboardInterrupt
        real(self, word, stamp)
        sent.append(clock() - stamp)

    monkeypatch.setattr(timing.MarkerStream, "send", send)
    # To sleep is to put the clock forward.
    monkeypatch.setattr(timing, "stream_clock", clock)
    monkeypatch.setattr(eeg_live, "time", SimpleNamespace(sleep=slept.append))
    sender = stream(pylsl, "tmsgrad more", person, 2.0, "tmsgrad pulses")
    sender.start()
    out = tmp_path / "out"
    more = ["--markers", "tmsgrad pulses", "--out", out]
    result = run("eeg", "live", "tmsgrad more", *WORDS, *AIM, *more)
    assert result.status == 130, result.err
    assert "2 pulses are kept in" in result.err
    rows = np.genfromtxt(out / "pulses.csv", delimiter=",", names=True)
    assert len(rows) == 2
    report = (out / "pulses.json").read_text("utf-8")
    assert '"pulses": 2' in report
    assert max(slept) > 0
    assert min(sent) >= 0  # Not before it is due.
    sender.join(10.0)
    for (word, stamp), row in zip(sender.markers, rows, strict=True):
        assert word == ["pulse"]
        assert stamp == pytest.approx(row["time_s"], abs=2e-3)


def test_streams_that_cannot_serve_are_refused(pylsl, person, tmp_path):
    words = lambda name, *more: ["eeg", "live", name, *more, *AIM, "--wait", "1"]
    out = ["--out", tmp_path / "out"]
    refused(
        [*words("nobody", *WORDS), *out],
        tmp_path,
        "no stream of the Lab Streaming Layer is named 'nobody'",
        "tmsgrad words",
    )
    refused([*words("tmsgrad words", *WORDS), *out], tmp_path, "words, not numbers")
    about = pylsl.StreamInfo("tmsgrad odd", "EEG", 1, 0, "float32", "odd")
    outlet = pylsl.StreamOutlet(about)
    refused([*words("tmsgrad odd", *WORDS), *out], tmp_path, "no regular rate")
    del outlet
    bad = stream(pylsl, "tmsgrad bad", person)
    for more, message in (
        (["--channels", "C4"], "no channel C4; the first of 3 are C3, Cz, Aux"),
        (["--channels", "C3", "--minus", "c3"], "a channel is named twice"),
        (["--channels", "C3", "--minus", "Cz", "--filter"], "leave --minus out"),
        (["--channels", "C3", "--filter-at", "Oz"], "that are weighed: C3"),
    ):
        refused([*words("tmsgrad bad", *more), *out], tmp_path, message)
    del bad
    sender = stream(pylsl, "tmsgrad gap", person)
    sender.stamps += 0.5 * (np.arange(len(person)) > 4000)
    sender.start()
    result = run(*words("tmsgrad gap", *WORDS), *out)
    assert result.status == 2
    assert "8.0 s after the beginning the time stamps jump by 0.500 s" in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "name",
    ["it's", "a' or name!='", 'say "x"', "a\x1b[31m", "a\nb", "ü <&>", "x" * 5000],
)
def test_streams_of_any_name_are_found(pylsl, name):
    about = pylsl.StreamInfo(name, "EEG", 1, RATE, "float32", "strange")
    outlet = pylsl.StreamOutlet(about)
    found = timing.open_stream(name)
    assert found.name == name
    found.close()
    del outlet


def test_names_that_no_stream_can_have_are_refused(tmp_path):
    words = [*WORDS, *AIM, "--out", tmp_path / "out"]
    for name in ("", "  "):
        refused(["eeg", "live", name, *words], tmp_path, "the stream is empty")
    for name in ("", " ", "a\nb"):
        with pytest.raises(ValueError, match="markers cannot be named"):
            timing.MarkerStream(name)
    words += ["--markers", ""]
    refused(["eeg", "live", "EEG", *words], tmp_path, "markers cannot be named")


def test_two_streams_of_a_name_are_refused(pylsl):
    with contextlib.ExitStack() as stack:
        for each in ("a", "b"):
            about = pylsl.StreamInfo("tmsgrad twin", "EEG", 1, RATE, "float32", each)
            stack.callback(lambda outlet: None, pylsl.StreamOutlet(about))
        with pytest.raises(ValueError, match="2 streams are named 'tmsgrad twin'"):
            timing.open_stream("tmsgrad twin")


def test_the_extra_is_named_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pylsl", None)
    refused(
        ["eeg", "live", "EEG", *WORDS, *AIM, "--out", tmp_path / "out"],
        tmp_path,
        "pip install 'tmsgrad[lsl]'",
    )
