"""What `tmsgrad eeg pulses` and `eeg live` find: when pulses come, and how well."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...optimize.pictures.signals import write_rose
from ...optimize.timing import FILTERS, Gap, LivePulse, Pulses
from ..runtime.notices import warn
from ..runtime.outcome import RESEARCH, StepWords
from ..runtime.provenance import Provenance


_SLOW = 2e-3  # A decision that takes longer. [s]
_MUCH = 1.5  # Of the samples between decisions, arriving at once.


@dataclass(frozen=True, eq=False)
class Rhythm:
    """The rhythm whose phase is met.

    Attributes:
        ratio: Of its band over the noise. [dB]
        weights: Of the channels.
        method: By which its phase is found.
        phase: To meet. [degrees]
        settings: Of what finds the phase, in seconds: window, edge and span of the model,
            or the interval between peaks.
    """

    ratio: float
    weights: dict[str, float]
    method: str
    phase: float
    settings: dict[str, float]

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "rhythm_above_noise_db": self.ratio,
            "weights": self.weights,
            "method": self.method,
            "phase_degrees": self.phase,
            "settings_s": self.settings,
        }

    def describe(self) -> None:
        """Print how clear it is."""
        print(f"rhythm          {self.ratio:.1f} dB above the noise")


@dataclass(frozen=True, eq=False)
class ReplayResult:
    """Pulses in a recording that was played again.

    Attributes:
        pulses: Which came.
        rhythm: Whose phase they were to meet.
        training: How long it was learned from. [s]
        hop: From decision to decision. [s]
        remarks: What was noticed while the recording was read.
        origin: Where the result comes from.
    """

    schema: ClassVar[int] = 1

    pulses: Pulses
    rhythm: Rhythm
    training: float
    hop: float
    remarks: tuple[str, ...]
    origin: Provenance

    def to_json(self) -> dict:
        """What `pulses.json` holds."""
        return {
            "schema": self.schema,
            "pulses": len(self.pulses.times),
            **_met(self.pulses),
            **_decided(self.pulses.decision_times, self.hop),
            **self.rhythm.to_json(),
            "training_s": self.training,
            "remarks": list(self.remarks),
            "provenance": self.origin.as_json(),
        }

    def answer(self) -> dict:
        """What `--json` prints."""
        return {"pulses": len(self.pulses.times), **_met(self.pulses)}

    def step(self) -> StepWords:
        """As a step of a plan."""
        error, spread = (
            math.degrees(x) for x in (self.pulses.mean_error, self.pulses.spread)
        )
        return StepWords(
            "Timing",
            f"pulses at {self.rhythm.phase:g}° of the rhythm, by {self.rhythm.method}",
            f"{len(self.pulses.times)} pulses in the recording played again",
            f"{error:+.1f}° ± {spread:.1f}° off; {self.pulses.hit_rate():.0%} within 45°",
        )

    def write_table(self, path: Path) -> None:
        """Write a row for each pulse."""
        pulses = self.pulses
        columns = (
            np.round(pulses.times, 6),
            np.round(np.degrees(pulses.phases), 3),
            np.round(np.degrees(pulses.errors), 3),
            pulses.amplitudes,
        )
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("time_s", "phase_degrees", "error_degrees", "amplitude_v"))
            rows.writerows(zip(*(column.tolist() for column in columns), strict=True))

    def describe(self) -> None:
        """Print it, and warn of slow decisions."""
        self.rhythm.describe()
        print(f"pulses          {len(self.pulses.times)}")
        _print_met(self.pulses)
        took = 1e3 * np.percentile(self.pulses.decision_times, [50, 99, 100])
        print(
            f"decision        {took[0]:.2f} ms median, {took[1]:.2f} ms for 99%, "
            f"{took[2]:.2f} ms the longest"
        )
        print(RESEARCH)
        if took[0] > _SLOW * 1e3:
            warn("decisions take longer than 2 ms on this machine.")


@dataclass(frozen=True, eq=False)
class LiveResult:
    """Pulses while an EEG streamed in.

    Attributes:
        stream: Its name.
        rate: Of its samples. [Hz]
        training: How many samples were learned from.
        rhythm: Whose phase pulses were to meet.
        pulses: Which came.
        met: Those whose phase can be found afterwards, or None.
        took: By decisions. [s]
        late: Pulses that were too late to be sent.
        skipped: Decisions.
        gaps: In the stream.
        at_once: How many samples arrived together, in the middle.
        step: Samples from decision to decision.
        origin: Where the result comes from.
    """

    schema: ClassVar[int] = 1

    stream: str
    rate: float
    training: int
    rhythm: Rhythm
    pulses: tuple[LivePulse, ...]
    met: Pulses | None
    took: Float[ndarray, "decision"]
    late: int
    skipped: int
    gaps: tuple[Gap, ...]
    at_once: float
    step: int
    origin: Provenance

    def to_json(self) -> dict:
        """What `pulses.json` holds."""
        return {
            "schema": self.schema,
            "pulses": len(self.pulses),
            "judged": 0 if self.met is None else len(self.met.times),
            **_met(self.met),
            **_decided(self.took, self.step / self.rate),
            "late": self.late,
            "skipped": self.skipped,
            "gaps": len(self.gaps),
            "samples_at_once_median": self.at_once,
            "stream": self.stream,
            "rate_hz": self.rate,
            "training_samples": self.training,
            **self.rhythm.to_json(),
            "provenance": self.origin.as_json(),
        }

    def answer(self) -> dict:
        """What `--json` prints."""
        return {
            "pulses": len(self.pulses),
            "late": self.late,
            "gaps": len(self.gaps),
            "hit_rate": None if self.met is None else self.met.hit_rate(),
        }

    def describe(self) -> None:
        """Print it, and warn of what kept pulses from their phase."""
        self.rhythm.describe()
        print(f"pulses          {len(self.pulses)} ({self.late} more were late)")
        print(f"decisions       {len(self.took)} ({self.skipped} were skipped)")
        print(f"gaps            {len(self.gaps)}")
        if self.met is not None:
            _print_met(self.met, ", as if pulses left the EEG alone")
        print(RESEARCH)
        if self.at_once > _MUCH * self.step:
            warn(
                f"samples come {self.at_once:g} at a time, and decisions every "
                f"{self.step} samples meet few phases: set --hop "
                f"{1e3 * self.at_once / self.rate:g}."
            )
        if not self.pulses:
            warn(
                "no pulse came: the gate is too high, or decisions were late (--latency)."
            )


def draw_pulses(path: Path, pulses: Pulses, rhythm: Rhythm) -> None:
    """Draw at which phases pulses came."""
    write_rose(
        path,
        pulses.phases,
        math.radians(rhythm.phase),
        pulses.mean_error,
        pulses.hit_rate(),
        f"Phase of the rhythm at {len(pulses.times)} pulses, {rhythm.method}",
    )


def _met(pulses: Pulses | None) -> dict:
    """How well pulses met their phase."""
    known = pulses is not None
    return {
        "mean_error_degrees": math.degrees(pulses.mean_error) if known else None,
        "spread_degrees": math.degrees(pulses.spread) if known else None,
        "hit_rate": pulses.hit_rate() if known else None,
        "filters_agree": float(np.mean(pulses.agreement)) if known else None,
    }


def _print_met(pulses: Pulses, how: str = "") -> None:
    error, spread = math.degrees(pulses.mean_error), math.degrees(pulses.spread)
    print(f"phase error     {error:+.1f}° mean, {spread:.1f}° spread (circular){how}")
    print(f"judged by       {FILTERS} filters, agreement {pulses.agreement.mean():.2f}")
    print(f"within 45°      {100 * pulses.hit_rate():.0f}%")


def _decided(took: Float[ndarray, "decision"], hop: float) -> dict:
    """How long decisions took, and how many longer than half of what is between them."""
    if not len(took):
        return {"decisions": 0}
    return {
        "decisions": len(took),
        "decision_ms_median": 1e3 * float(np.median(took)),
        "decision_ms_99_percent": 1e3 * float(np.percentile(took, 99)),
        "decision_ms_longest": 1e3 * float(took.max()),
        "decisions_over_half_a_hop": int(np.count_nonzero(took > hop / 2)),
    }
