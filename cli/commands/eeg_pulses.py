"""`tmsgrad eeg pulses`: pulses at a phase, in a recording played again."""

import argparse
import dataclasses

from numpy import ndarray

from ...disk.as_json import write_json
from ...optimize import timing
from ...optimize.timing import BandPass, Pieces, Recording
from ..inputs.recordings import Channels, check_passband, checked_recording
from ..inputs.rhythms import PhaseRequest, checked_ratio
from ..results.pulses_result import ReplayResult, Rhythm, draw_pulses
from ..runtime.naming import PICTURE
from ..runtime.notices import dispensable
from ..runtime.outcome import Outcome
from ..runtime.ownership import output_folder
from ..runtime.provenance import Provenance


_AFTER = 10.0  # Left after the training, at least. [s]


@dataclasses.dataclass(frozen=True)
class ReplayRequest:
    """What `tmsgrad eeg pulses` is asked for.

    Attributes:
        recording: The file.
        channels: That become the signal.
        unit: Of the file's numbers, or None for what it says.
        phase: To meet.
        out: Folder.
    """

    recording: str
    channels: Channels
    unit: str | None
    phase: PhaseRequest
    out: str

    @classmethod
    def of(cls, options: argparse.Namespace) -> "ReplayRequest":
        """Take it from the options.

        Raises:
            ValueError: No channels are named, or they do not fit each other.
        """
        channels = Channels.of(options)
        if not (channels.weighed or channels.plus):
            raise ValueError(
                "name the channels of the rhythm (--channels), or --filter."
            )
        return cls(
            *(options.recording, channels, options.unit),
            *(PhaseRequest.of(options), options.out),
        )


@dataclasses.dataclass(frozen=True, eq=False)
class _Played:
    """One signal of a recording, to be played again.

    Attributes:
        recording: Where it is from.
        signal: Of weighed channels. [V]
        training: Up to which sample the training reaches.
        weights: Of each channel.
    """

    recording: Recording
    signal: ndarray
    training: int
    weights: dict[str, float]

    @property
    def learned_from(self) -> tuple[ndarray, Pieces]:
        """The training, and its pieces."""
        pieces = timing.until(self.recording.pieces, self.training)
        return self.signal[: self.training], pieces


def eeg_pulses(options: argparse.Namespace) -> Outcome:
    """Decide on pulses while a recording is played again, and judge them."""
    with output_folder(options.out) as folder:
        request, origin = ReplayRequest.of(options), Provenance.of(options)
        result = _replay(request, _signal(request), origin)
        result.write_table(folder / "pulses.csv")
        write_json(folder / "pulses.json", result.to_json())
        with dispensable(PICTURE):
            draw_pulses(folder / PICTURE, result.pulses, result.rhythm)
    result.describe()
    return Outcome(result.answer(), result.step())


def _replay(
    request: ReplayRequest, played: _Played, origin: Provenance
) -> ReplayResult:
    phase, recording = request.phase, played.recording
    band = BandPass(recording.rate, *phase.band)
    training, pieces = played.learned_from
    ratio = checked_ratio(training, band, request.recording, pieces)
    rule = phase.learn(training, band, pieces)
    start = played.training / recording.rate
    pulses = timing.replay(
        *(played.signal, band, rule.estimator, phase.phase),
        aim=rule.aim,
        start=start,
        hop=rule.hop,
        latency=rule.latency,
        refractory=rule.refractory,
        gate=rule.gate,
        ceiling=rule.ceiling,
        blanking=rule.blanking,
        pieces=recording.pieces,
    )
    of_rhythm = (ratio, played.weights, phase.method, phase.degrees)
    rhythm = Rhythm(*of_rhythm, rule.estimator.settings)
    hop = rule.step / recording.rate
    return ReplayResult(pulses, rhythm, start, hop, tuple(recording.remarks), origin)


def _signal(request: ReplayRequest) -> _Played:
    channels, phase, file = request.channels, request.phase, request.recording
    recording = checked_recording(file, channels, request.unit)
    check_passband(file, recording, phase.band, channels.weighed)
    end = timing.end_of(recording.pieces, round(phase.training * recording.rate))
    left = 0 if end is None else timing.samples_in(timing.after(recording.pieces, end))
    if end is None or left < _AFTER * recording.rate:
        whole = timing.samples_in(recording.pieces) / recording.rate
        raise ValueError(
            f"{file}: the recording has {whole:.0f} s that can be used; the "
            f"training and ten seconds after it need {phase.training + _AFTER:g} s."
        )
    weights = channels.weights(
        *(recording.names, recording.signals[:, :end], recording.rate, phase.band),
        timing.until(recording.pieces, end),
    )
    named = dict(zip(recording.names, weights.tolist(), strict=True))
    return _Played(recording, weights @ recording.signals, end, named)
