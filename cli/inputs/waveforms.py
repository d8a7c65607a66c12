"""Pulses of stimulators, as the command line names them: a coil's own, a file, or ideal."""

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from ...coils import Coil, Discharge, Waveform, read_waveforms
from ...optimize import dosing


_IDEAL = re.compile(r"(biphasic|monophasic|half-sine):([\d.]+)")
_PERIODS = (50e-6, 2e-3)  # Of the oscillation that a pulse is a part of. [s]
_CAPACITANCE = 185e-6  # Any: the shape has the period alone.
_USUAL = dosing.TIME_CONSTANT


@dataclass(frozen=True)
class WaveformRequest:
    """Two pulses to compare, as the command line names them.

    Attributes:
        known: That the threshold was found with.
        other: That the target gets.
        constant: Of the membrane. [s]
    """

    known: str
    other: str
    constant: float

    @classmethod
    def of(cls, options: argparse.Namespace) -> "WaveformRequest | None":
        """Take it from the options; None where none is given.

        Raises:
            ValueError: One of the two is missing.
        """
        known, other = options.waveform, options.target_waveform
        constant = options.time_constant
        if known is None and other is None:
            if constant is not None:
                raise ValueError(
                    "--time-constant needs --waveform and --target-waveform."
                )
            return None
        if known is None or other is None:
            lacking = "--waveform" if known is None else "--target-waveform"
            raise ValueError(
                f"{lacking}: thresholds of two pulses are compared: give both, "
                "--waveform, that of the threshold, and --target-waveform."
            )
        return cls(known, other, _USUAL if constant is None else constant * 1e-6)

    def compare(self, coil: Coil, target_coil: Coil) -> "WaveformRatio":
        """Say how much stronger the target's pulse must be.

        Raises:
            ValueError: A pulse is not known, or is zero.
            FileNotFoundError: There is no such file.
        """
        known = waveform_of(self.known, coil, "--waveform")
        other = waveform_of(self.other, target_coil, "--target-waveform")
        ratio = dosing.threshold_ratio(known, other, self.constant)
        return WaveformRatio(self.known, self.other, self.constant, ratio)


@dataclass(frozen=True)
class WaveformRatio:
    """How much stronger the target's pulse must be, by its waveform.

    Attributes:
        known: The threshold's pulse, as the command line names it.
        other: The target's.
        constant: Of the membrane. [s]
        ratio: Peak of the target's over that of the threshold's, for the same effect.
    """

    known: str
    other: str
    constant: float
    ratio: float

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "threshold": self.known,
            "target": self.other,
            "time_constant_us": self.constant * 1e6,
            "ratio_of_peaks": self.ratio,
        }

    @property
    def words(self) -> str:
        """For people."""
        return (
            f"{self.other} takes {self.ratio:.1%} of the peak that {self.known} takes, for "
            f"a membrane of {self.constant * 1e6:g} µs"
        )


def of_waveforms(pulses: WaveformRatio | None, other_coil: bool) -> str:
    """Say what of the waveforms counts, or that they are ignored."""
    if pulses is not None:
        return pulses.words
    asked = "; give --waveform and --target-waveform" if other_coil else ""
    return f"ignored: peaks of fields are compared, as of pulses of one shape{asked}"


def waveform_of(word: str, coil: Coil | None, option: str) -> Waveform:
    """Find a pulse.

    Args:
        word: `KIND:PERIOD` of an ideal pulse, the period in µs; a .tsv file, or one of a
            name in it, `FILE:NAME`; or the name of one in the coil's file.
        coil: The coil, or None.
        option: For messages.

    Raises:
        ValueError: It is none of these.
        FileNotFoundError: There is no such file.
    """
    ideal = _IDEAL.fullmatch(word)
    if ideal is not None:
        return _ideal(ideal[1], float(ideal[2]) * 1e-6, option)
    file, dot, rest = word.rpartition(".tsv")
    if dot:
        found = read_waveforms(Path(file + dot))
        return _one(found, rest.removeprefix(":"), file + dot, option)
    driven = () if coil is None else coil.stimulators
    found = tuple(each for one in driven for each in one.waveforms)
    if not found:
        raise ValueError(
            f"{option} {word}: the coil's file has no waveforms. Give a .tsv file, or an "
            "ideal pulse such as biphasic:280, monophasic:330 or half-sine:280, with the "
            "period of the oscillation in µs."
        )
    return _one(found, word, "the coil's file", option)


def _one(found: tuple[Waveform, ...], name: str, source: str, option: str) -> Waveform:
    same = [each for each in found if each.name.casefold() == name.casefold()]
    if not name and len(found) == 1:
        return found[0]
    if len(same) != 1:
        names = ", ".join(repr(each.name) for each in found)
        raise ValueError(f"{option}: which of {source}: {names}?")
    return same[0]


def _ideal(kind: str, period: float, option: str) -> Waveform:
    low, high = _PERIODS
    if not low <= period <= high:
        raise ValueError(
            f"{option}: a period of {period * 1e6:g} µs; stimulators have some 300, from "
            f"{low * 1e6:g} to {high * 1e6:g}."
        )
    inductance = (period / 6.283185307179586) ** 2 / _CAPACITANCE
    pulse = Discharge(_CAPACITANCE, inductance, 0.0, 1000.0)
    shapes = {
        "biphasic": pulse.biphasic,
        "monophasic": pulse.monophasic,
        "half-sine": pulse.half_sine,
    }
    return shapes[kind]()
