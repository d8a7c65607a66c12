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

from ...disk.as_json import write_json
from ...optimize import timing
from ...optimize.timing import (
    BandPass,
    Chunk,
    Gap,
    LabStream,
    LiveDecision,
    LivePulse,
    PulseRule,
)
from ..inputs.recordings import Channels, check_signals
from ..inputs.rhythms import PhaseRequest, checked_ratio
from ..results.pulses_result import LiveResult, Rhythm, draw_pulses
from ..runtime.interruption import ENDINGS
from ..runtime.naming import PICTURE
from ..runtime.notices import dispensable, warn
from ..runtime.outcome import Outcome
from ..runtime.provenance import Provenance


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


@dataclass(frozen=True)
class LiveRequest:
    """What `tmsgrad eeg live` is asked for.

    Attributes:
        stream: Its name.
        channels: That become the signal.
        phase: To meet.
        markers: The name of a stream of markers, or None.
        pulses: After how many it ends, or None.
        duration: How long after the training it ends; infinite for never. [s]
        wait: How long the stream is looked for. [s]
        table: The file of the pulses.
    """

    stream: str
    channels: Channels
    phase: PhaseRequest
    markers: str | None
    pulses: int | None
    duration: float
    wait: float
    table: Path

    @classmethod
    def of(cls, options: argparse.Namespace) -> "LiveRequest":
        """Take it from the options.

        Raises:
            ValueError: Channels do not fit each other, or the folder holds a session.
        """
        folder = Path(options.out)
        if (folder / "pulses.csv").exists():
            raise ValueError(
                f"--out {folder}: it holds pulses of an earlier session. Name another "
                "folder."
            )
        return cls(
            *(options.stream, Channels.of(options), PhaseRequest.of(options)),
            *(options.markers, options.pulses, options.duration or math.inf),
            *(options.wait, folder / "pulses.csv"),
        )


def eeg_live(options: argparse.Namespace) -> Outcome:
    """Decide on pulses while a stream arrives, and write each as it is decided."""
    request, origin = LiveRequest.of(options), Provenance.of(options)
    name = request.markers
    markers = None if name is None else timing.MarkerStream(name)
    stream = timing.open_stream(request.stream, request.wait)
    try:
        return Outcome(_session(request, origin, stream, markers).answer())
    finally:
        stream.close()


@dataclass(frozen=True, eq=False)
class _Learned:
    """What a training taught.

    Attributes:
        signal: Of it.
        stamps: When its samples were taken. [s]
        places: Of the channels in the stream.
        weights: Of these channels.
        rule: For pulses.
        rhythm: As results have it.
    """

    signal: Float[ndarray, "time"]
    stamps: Float[ndarray, "time"]
    places: list[int]
    weights: Float[ndarray, "channel"]
    rule: PulseRule
    rhythm: Rhythm


def _learn(request: LiveRequest, stream: LabStream) -> _Learned:
    channels, phase = request.channels, request.phase
    channels.find(channels.names)
    places = stream.channels(channels.names)
    band = BandPass(stream.rate, *phase.band)
    print(f"training        {phase.training:g} s of {stream.name}", flush=True)
    signals, stamps = stream.collect(round(phase.training * stream.rate))
    used = signals[places]
    check_signals(f"stream {stream.name}", channels.names, used)
    weights = channels.weights(channels.names, used, stream.rate, phase.band)
    training = weights @ used
    ratio = checked_ratio(training, band, f"stream {stream.name}")
    rule = phase.learn(training, band)
    named = zip([stream.names[i] for i in places], weights.tolist(), strict=True)
    of_rhythm = (ratio, dict(named), phase.method, phase.degrees)
    rhythm = Rhythm(*of_rhythm, rule.estimator.settings)
    return _Learned(training, stamps, places, weights, rule, rhythm)


def _session(
    request: LiveRequest,
    origin: Provenance,
    stream: LabStream,
    markers: timing.MarkerStream | None,
) -> LiveResult:
    learned = _learn(request, stream)
    rule, table = learned.rule, request.table
    print("ready           Ctrl-C ends the session", flush=True)
    session = _Session([learned.signal])
    first = Chunk(learned.signal, learned.stamps)
    chunks = _chunks(request.duration, stream, session, learned)
    events = timing.follow(chunks, rule, first, timing.stream_clock)
    table.parent.mkdir(parents=True, exist_ok=True)
    stopped = None
    try:
        _follow(events, session, table, markers, request.pulses)
    except (*ENDINGS, ValueError) as stop:
        stopped = stop
    result = LiveResult(
        *(stream.name, stream.rate, len(learned.signal), learned.rhythm),
        *(tuple(session.pulses), session.met(rule.band, request.phase.phase)),
        *(np.array(session.took), session.late, session.skipped),
        *(tuple(session.gaps), session.at_once, rule.step, origin),
    )
    write_json(table.with_name("pulses.json"), result.to_json())
    if result.met is not None:
        with dispensable(PICTURE):
            draw_pulses(table.with_name(PICTURE), result.met, learned.rhythm)
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


def _chunks(
    duration: float, stream: LabStream, session: _Session, learned: _Learned
) -> Iterator[Chunk]:
    """The signal as it arrives, kept in the session, for as long as is wanted."""
    end = timing.stream_clock() + duration
    for values, stamps in stream.chunks(learned.rule.step):
        if len(stamps):
            signal = learned.weights @ values[learned.places]
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
