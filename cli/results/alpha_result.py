"""What `tmsgrad eeg alpha` finds."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ...optimize import timing
from ...optimize.pictures.signals import write_spectrum
from ...optimize.timing import AlphaAverage, AlphaFrequency
from ..runtime.notices import warn
from ..runtime.outcome import RESEARCH, StepWords
from ..runtime.provenance import Provenance


_USUAL = 10.0  # The rate of the usual protocol. [Hz]
_APART = 0.5  # Halves that differ by more are reported. [Hz]


@dataclass(frozen=True, eq=False)
class RecordedAlpha:
    """The alpha frequency of one recording.

    Attributes:
        file: The recording.
        found: What it shows.
        weights: Of the channels in the filtered signal, or None.
        remarks: What was noticed while it was read.
    """

    file: str
    found: AlphaFrequency
    weights: dict[str, float] | None
    remarks: tuple[str, ...]

    @property
    def steady(self) -> bool:
        """Whether both halves agree."""
        first, second = self.found.halves
        return bool(self.found.refused) or abs(first - second) <= _APART

    def to_json(self) -> dict:
        """For a summary."""
        found = self.found
        return {
            "file": self.file,
            "peak_hz": _number(found.peak),
            "peak_between_bins_hz": _number(found.between),
            "gravity_hz": _number(found.gravity),
            "spread_hz": _number(found.spread),
            "gravity_spread_hz": _number(found.gravity_spread),
            "window_hz": [_number(each) for each in found.window],
            "halves_hz": [_number(each) for each in found.halves],
            "seconds": found.seconds,
            "refused": found.refused,
            "channels": [
                {
                    "name": each.name,
                    "peak_hz": _number(each.frequency),
                    "peak_between_bins_hz": _number(each.between),
                    "band_hz": [_number(end) for end in each.ends],
                    "quality": each.quality,
                    "reason": each.reason,
                }
                for each in found.channels
            ],
            "filter": self.weights,
            "remarks": list(self.remarks),
        }


@dataclass(frozen=True, eq=False)
class AlphaResult:
    """The individual alpha frequency of a person.

    Attributes:
        recordings: One or two.
        mean: Of them.
        apart: Between the rates that the stimulator can be set to. [Hz]
        origin: Where the result comes from.
    """

    schema: ClassVar[int] = 1

    recordings: tuple[RecordedAlpha, ...]
    mean: AlphaAverage
    apart: float
    origin: Provenance

    @property
    def rate(self) -> float:
        """To set; a stimulator's step is finer than a bin of the spectrum. [Hz]"""
        return timing.nearest_rate(self.mean.between, self.apart)

    def to_json(self) -> dict:
        """What `alpha.json` holds."""
        first, *others = (each.to_json() for each in self.recordings)
        both = {"recordings": [first, *others]} if others else {}
        mean = {
            "peak_hz": self.mean.peak,
            "peak_between_bins_hz": self.mean.between,
            "gravity_hz": _number(self.mean.gravity),
            "rate_hz": self.rate,
            "rate_from_10_hz": self.rate - _USUAL,
        }
        origin = {"provenance": self.origin.as_json()}
        return {"schema": self.schema, **first, **mean, **both, **origin}

    def answer(self) -> dict:
        """What `--json` prints."""
        gravity = _number(self.mean.gravity)
        return {"peak_hz": self.mean.peak, "gravity_hz": gravity, "rate_hz": self.rate}

    def draw(self, path: Path) -> None:
        """Draw the spectra with the peak."""
        found = [each.found for each in self.recordings]
        widest = max(found, key=lambda each: len(each.with_band))
        write_spectrum(
            path,
            [
                (Path(each.file).name, each.found.frequencies, each.found.spectrum)
                for each in self.recordings
            ],
            self.mean.between,
            widest.window,
            [half for each in found for half in each.halves],
            f"Individual alpha frequency {self.mean.between:.2f} Hz",
        )

    def step(self) -> StepWords:
        """As a step of a plan."""
        found = self.recordings[0].found
        spread = _number(found.spread)
        return StepWords(
            "Timing",
            f"{self.rate:g} Hz ({self.rate - _USUAL:+.1f} Hz from 10 Hz)",
            f"alpha peak {self.mean.peak:.2f} Hz in {len(found.found)} of "
            f"{len(found.channels)} channels",
            f"{'no spread' if spread is None else f'± {spread:.2f} Hz'} between channels; "
            f"halves {' and '.join(_in_words(each, '') for each in found.halves)} Hz",
        )

    def describe(self) -> None:
        """Print it, and warn where recordings disagree with themselves."""
        mean = self.mean
        print(
            f"alpha peak         {mean.peak:.2f} Hz ({mean.between:.2f} Hz between bins)"
        )
        print(f"centre of gravity  {_in_words(mean.gravity)}")
        for found in (each.found for each in self.recordings):
            first, second = (_in_words(half) for half in found.halves)
            print(
                f"channels           {len(found.found)} of {len(found.channels)} with a "
                f"peak, spread {_in_words(found.spread)}"
            )
            print(f"halves             {first} and {second}")
        print(
            f"rate to set        {self.rate:g} Hz, {self.rate - _USUAL:+.1f} Hz from 10 Hz"
        )
        print(RESEARCH)
        for _ in (each for each in self.recordings if not each.steady):
            warn(
                "the halves of the recording disagree: take a longer one, or look for "
                "drowsiness and artefacts."
            )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _in_words(value: float, unit: str = " Hz") -> str:
    return f"{value:.2f}{unit}" if math.isfinite(value) else "none"
