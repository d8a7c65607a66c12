"""`tmsgrad eeg live`: pulses at a phase of an EEG that is streaming in."""

import argparse
import csv
import math
import time
from collections.abc import Iterable, Iterator
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
from ..results.pulses_result import LiveResult, Rhythm, draw_pulses
from ..runtime.interruption import ENDINGS
from ..runtime.naming import PICTURE
from ..runtime.notices import dispensable, warn
from ..runtime.outcome import Outcome
from ..runtime.outputs import write_json
from ..runtime.provenance import Provenance
from .eeg_pulses import checked_ratio, learned_rule, settings_of


_JUDGED = 2.0  # From a pulse to the end, for its phase to be reported. [s]
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

    @property
    def at_once(self) -> float:
        """How many samples arrived together, in the middle."""
        return float(np.median([len(each) for each in self.signal[1:]] or [0]))

    def met(self, band: BandPass, target: float) -> timing.Pulses | None:
        """Find the phase [rad] of the pulses afterwards, where no gap is between."""
        signal = np.concatenate(self.signal)
        last = len(signal) / band.rate - _JUDGED
        judged = [each for each in self.pulses if each.time < last]
        if not judged or self.gaps:
            return None
        times = np.array([each.time for each in judged])
        amplitudes = np.array([each.amplitude for each in judged])
        judged_by = timing.judged_phases(signal, band, times)
        return timing.Pulses(
            *(times, judged_by.phases, amplitudes, target, np.array(self.took)),
            judged_by.agreement,
        )


def eeg_live(options: argparse.Namespace) -> Outcome:
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
        return Outcome(_session(options, stream, markers, table).answer())
    finally:
        stream.close()


def _session(options, stream: LabStream, markers, table: Path) -> LiveResult:
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
    named = zip([stream.names[i] for i in places], weights.tolist(), strict=True)
    rhythm = Rhythm(
        *(ratio, dict(named), options.method, options.phase),
        settings_of(rule.estimator),
    )
    origin = Provenance.of(options)
    table.parent.mkdir(parents=True, exist_ok=True)
    stopped = None
    try:
        _follow(events, session, table, markers, options.pulses)
    except (*ENDINGS, ValueError) as stop:
        stopped = stop
    target = math.radians(options.phase)
    result = LiveResult(
        *(stream.name, stream.rate, count, rhythm, tuple(session.pulses)),
        *(session.met(band, target), np.array(session.took)),
        *(session.late, session.skipped, tuple(session.gaps)),
        *(session.at_once, rule.step, origin),
    )
    write_json(table.with_name("pulses.json"), result.to_json())
    if result.met is not None:
        with dispensable(PICTURE):
            draw_pulses(table.with_name(PICTURE), result.met, rhythm)
    if stopped is not None:
        kept = f"{len(session.pulses)} pulses are kept in {table.parent}."
        stopped.args = (f"{stopped} {kept}".strip(),)
        raise stopped
    result.describe()
    return result


def _follow(
    events: Iterable[LiveDecision | Gap],
    session: _Session,
    table: Path,
    markers: timing.MarkerStream | None,
    most: int | None,
) -> None:
    """Write each pulse as it is decided, and send its marker when it is due."""
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
            if len(session.pulses) == most:
                break


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
