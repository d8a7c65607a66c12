"""`tmsgrad eeg live`: pulses at a phase of an EEG that is streaming in."""

import argparse
import csv
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...optimize import timing
from ...optimize.timing import (
    BandPass,
    Chunk,
    Gap,
    LabStream,
    LiveDecision,
    LivePulse,
)
from ..inputs.recordings import (
    check_filter,
    check_names,
    check_signals,
    filter_channel,
    learned_weights,
)
from ..runtime.interruption import ENDINGS
from ..runtime.notices import warn
from ..runtime.outputs import write_json
from ..runtime.provenance import Provenance
from .eeg_pulses import (
    checked_ratio,
    decided,
    learned_rule,
    met,
)


_JUDGED = 2.0  # From a pulse to the end, for its phase to be reported. [s]
_MUCH = 1.5  # Of the samples between decisions, arriving at once.
_COLUMNS = (
    "time_s",
    "lsl_time_s",
    "samples",
    "amplitude",
    "frequency_hz",
    "spare_ms",
)


@dataclass
class _Session:
    """What has happened so far."""

    signal: list[Float[ndarray, "time"]]
    pulses: list[LivePulse] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    late: int = 0
    skipped: int = 0
    gaps: list[Gap] = field(default_factory=list)

    def add(self, event: LiveDecision | Gap) -> LivePulse | None:
        """Note an event, and give the pulse that it brings."""
        if isinstance(event, Gap):
            self.gaps.append(event)
            warn(f"a gap after {event.samples} samples: the window is filled anew.")
            return None
        self.took.append(event.took)
        self.late += event.late
        self.skipped += event.skipped
        return event.pulse


def eeg_live(options: argparse.Namespace) -> dict:
    """Decide on pulses while a stream arrives, and write each as it is decided."""
    folder = Path(options.out)
    table = folder / "pulses.csv"
    if table.exists():
        raise ValueError(
            f"--out {folder}: it holds pulses of an earlier session. Name another folder."
        )
    named = options.markers is not None
    markers = timing.MarkerStream(options.markers) if named else None
    stream = timing.open_stream(options.stream, options.wait)
    try:
        return _session(options, stream, markers, table)
    finally:
        stream.close()


def _session(options, stream: LabStream, markers, table: Path) -> dict:
    places, count = _places(options, stream), round(options.training * stream.rate)
    band = timing.BandPass(stream.rate, *options.band)
    print(f"training        {options.training:g} s of {stream.name}", flush=True)
    signals, stamps = stream.collect(count)
    names = (*options.channels, *options.minus)
    check_signals(f"stream {stream.name}", names, signals[places])
    weights = learned_weights(options, names, signals[places], stream.rate)
    training = weights @ signals[places]
    ratio = checked_ratio(options, training, band, f"stream {stream.name}")
    rule = learned_rule(options, training, band)
    print("ready           Ctrl-C ends the session", flush=True)
    session = _Session([training])
    chunks = _chunks(options, stream, session, rule.step, weights, places)
    events = timing.follow(chunks, rule, Chunk(training, stamps), timing.stream_clock)
    about = {
        "stream": stream.name,
        "rate_hz": stream.rate,
        "training_samples": count,
        "rhythm_above_noise_db": ratio,
        "weights": dict(
            zip([stream.names[i] for i in places], weights.tolist(), strict=True)
        ),
        "method": options.method,
        "phase_degrees": options.phase,
        "provenance": Provenance.of(options).as_json(),
    }
    table.parent.mkdir(parents=True, exist_ok=True)
    stopped = None
    try:
        with table.open("x", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(_COLUMNS)
            file.flush()
            for event in events:
                pulse = session.add(event)
                if pulse is None:
                    continue
                spare = pulse.stamp - timing.stream_clock()
                if markers is not None:
                    time.sleep(max(spare, 0.0))
                    markers.send("pulse", pulse.stamp)
                rows.writerow(_row(pulse, spare))
                file.flush()
                session.pulses.append(pulse)
                if len(session.pulses) == options.pulses:
                    break
    except (*ENDINGS, ValueError) as stop:
        stopped = stop
    report = _report(session, band, math.radians(options.phase)) | about
    write_json(table.with_name("pulses.json"), report)
    if stopped is not None:
        kept = f"{len(session.pulses)} pulses are kept in {table.parent}."
        stopped.args = (f"{stopped} {kept}".strip(),)
        raise stopped
    _print(session, report, rule.step, band)
    return {key: report[key] for key in ("pulses", "late", "gaps", "hit_rate")}


def _places(options: argparse.Namespace, stream: LabStream) -> list[int]:
    check_filter(options)
    wanted = (*options.channels, *options.minus)
    check_names(wanted)
    filter_channel(options, wanted)
    return stream.channels(wanted)


def _chunks(
    options: argparse.Namespace,
    stream: LabStream,
    session: _Session,
    step: int,
    weights: Float[ndarray, "channel"],
    places: list[int],
) -> Iterator[Chunk]:
    """The signal as it arrives, kept in the session, for as long as is wanted."""
    end = timing.stream_clock() + (options.duration or math.inf)
    for values, stamps in stream.chunks(step):
        if len(stamps):
            signal = weights @ values[places]
            session.signal.append(signal)
            yield Chunk(signal, stamps)
        if timing.stream_clock() >= end:
            return


def _row(pulse: LivePulse, spare: float) -> tuple[object, ...]:
    return (
        round(pulse.time, 6),
        round(pulse.stamp, 6),
        pulse.samples,
        pulse.amplitude,
        round(pulse.frequency, 3),
        round(1e3 * spare, 3),
    )


def _report(session: _Session, band: BandPass, target: float) -> dict:
    signal = np.concatenate(session.signal)
    last = len(signal) / band.rate - _JUDGED
    judged = [each for each in session.pulses if each.time < last]
    phases = {"mean_error_degrees": None, "spread_degrees": None, "hit_rate": None}
    took = np.array(session.took)
    if judged and not session.gaps:
        times = np.array([each.time for each in judged])
        amplitudes = np.array([each.amplitude for each in judged])
        found = timing.phase_at(signal, band, times)
        phases = met(timing.Pulses(times, found, amplitudes, target, took))
    return {
        "pulses": len(session.pulses),
        "judged": 0 if phases["hit_rate"] is None else len(judged),
        **phases,
        **(decided(took) if len(took) else {"decisions": 0}),
        "late": session.late,
        "skipped": session.skipped,
        "gaps": len(session.gaps),
        "samples_at_once_median": float(
            np.median([len(each) for each in session.signal[1:]] or [0])
        ),
    }


def _print(session: _Session, report: dict, step: int, band: BandPass) -> None:
    print(f"rhythm          {report['rhythm_above_noise_db']:.1f} dB above the noise")
    print(f"pulses          {report['pulses']} ({report['late']} more were late)")
    print(f"decisions       {report['decisions']} ({report['skipped']} were skipped)")
    print(f"gaps            {report['gaps']}")
    if report["hit_rate"] is not None:
        print(
            f"phase error     {report['mean_error_degrees']:+.1f}° mean, "
            f"{report['spread_degrees']:.1f}° spread (circular), as if pulses left the "
            "EEG alone"
        )
        print(f"within 45°      {100 * report['hit_rate']:.0f}%")
    print("for research use only; no medical device")
    at_once = report["samples_at_once_median"]
    if at_once > _MUCH * step:
        warn(
            f"samples come {at_once:g} at a time, and decisions every {step} samples meet "
            f"few phases: set --hop {1e3 * at_once / band.rate:g}."
        )
    if not session.pulses:
        warn("no pulse came: the gate is too high, or decisions were late (--latency).")
