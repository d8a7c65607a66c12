"""Stimulators and their pulses: what drives a coil, how fast, and with what energy.

A stimulator discharges a capacitor C, charged to V, through the coil's inductance L and a
resistance R [Barker, J. Clin. Neurophysiol. 8 (1991) 26]. At the switch dI/dt = V / L; the
energy stored is C V² / 2.
"""

import dataclasses
import os
import re
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..disk import read_text, write_whole


_LONGEST_PULSE = 0.1  # [s]
_TIME_UNITS = {
    "s": 1.0, "sec": 1.0, "ms": 1e-3, "msec": 1e-3, "us": 1e-6, "usec": 1e-6,
    "µs": 1e-6, "μs": 1e-6,
}  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class Waveform:
    """How dI/dt changes with time, relative to its peak.

    Attributes:
        name: How it is called.
        time: [s]
        signal: dI/dt as recorded or computed, relative to its peak.
        fit: A smooth version of it, or None.
    """

    name: str
    time: Float[np.ndarray, "sample"]
    signal: Float[np.ndarray, "sample"]
    fit: Float[np.ndarray, "sample"] | None = None

    def __post_init__(self):
        for what in (self.time, self.signal, self.fit):
            if what is not None and not np.isfinite(what).all():
                raise ValueError(f"the waveform {self.name!r} is not finite.")
        if self.time.ndim != 1 or len(self.time) < 2:
            raise ValueError(f"the waveform {self.name!r} needs two samples or more.")
        if not (np.diff(self.time) > 0).all():
            raise ValueError(f"the times of the waveform {self.name!r} do not ascend.")
        for what in (self.signal, self.fit):
            if what is not None and what.shape != self.time.shape:
                raise ValueError(
                    f"the waveform {self.name!r} has {len(self.time)} times and "
                    f"{what.shape} values."
                )

    def current(self, peak_rate: float) -> Float[np.ndarray, "sample"]:
        """Integrate to the coil's current, for a peak dI/dt [A/s]. [A]"""
        shape = self.signal if self.fit is None else self.fit
        steps = np.diff(self.time) * (shape[1:] + shape[:-1]) / 2
        return peak_rate * np.concatenate([[0.0], np.cumsum(steps)])


@dataclasses.dataclass(frozen=True, eq=False)
class Stimulator:
    """What drives a coil.

    Attributes:
        name: The model.
        brand: The maker.
        max_current_rate: Peak dI/dt at full output into the coil at hand, or None. [A/s]
        waveforms: Which it can make.
    """

    name: str = ""
    brand: str = ""
    max_current_rate: float | None = None
    waveforms: tuple[Waveform, ...] = ()

    def current_rate(self, output: float) -> float:
        """Peak dI/dt at a share of the maximum output.

        Args:
            output: From 0 to 1.

        Raises:
            ValueError: The maximum is not known, or `output` lies outside [0, 1].
        """
        if self.max_current_rate is None:
            raise ValueError(
                f"the largest dI/dt of {self.name or 'the stimulator'} is not known: "
                "give dI/dt in A/s instead of a share of the output."
            )
        if not 0 <= output <= 1:
            raise ValueError(
                f"the output is a share of the maximum, from 0 to 1, got {output:g}."
            )
        return output * self.max_current_rate

    def output_for(self, current_rate: float) -> float:
        """Share of the maximum output that makes a peak dI/dt [A/s]; may exceed 1."""
        return current_rate / self.current_rate(1.0)


@dataclasses.dataclass(frozen=True)
class Discharge:
    """A capacitor that is discharged through a coil.

    Attributes:
        capacitance: [F]
        inductance: Of coil and cable. [H]
        resistance: Of coil, cable and switch. [Ω]
        voltage: Of the charged capacitor. [V]
    """

    capacitance: float
    inductance: float
    resistance: float
    voltage: float

    def __post_init__(self):
        if not (self.capacitance > 0 and self.inductance > 0 and self.resistance >= 0):
            raise ValueError(
                "capacitance and inductance must be positive and the resistance not "
                f"negative, got {self.capacitance:g} F, {self.inductance:g} H, "
                f"{self.resistance:g} Ω."
            )
        if self._damping >= self._natural:
            raise ValueError(
                f"a resistance of {self.resistance:g} Ω damps the circuit so much that it "
                "does not oscillate; a stimulator's is far smaller."
            )

    @property
    def peak_rate(self) -> float:
        """dI/dt as the switch closes, V / L. [A/s]"""
        return self.voltage / self.inductance

    @property
    def energy(self) -> float:
        """Energy in the charged capacitor, C V² / 2. [J]"""
        return self.capacitance * self.voltage**2 / 2

    @property
    def period(self) -> float:
        """Of the damped oscillation. [s]"""
        return 2 * np.pi / self._frequency

    @property
    def peak_current(self) -> float:
        """Of the first quarter of the oscillation. [A]"""
        time = np.arctan2(self._frequency, self._damping) / self._frequency
        return float(self._current(np.array([time]))[0])

    def biphasic(self, samples: int = 1000) -> Waveform:
        """One whole period: the thyristor and its diode let the current swing back."""
        return self._until(self.period, samples, "biphasic")

    def half_sine(self, samples: int = 1000) -> Waveform:
        """Half a period: the current is cut at its first zero."""
        return self._until(self.period / 2, samples, "half-sine")

    def monophasic(self, samples: int = 1000, decay: float | None = None) -> Waveform:
        """A quarter of a period, then an exponential decay through a diode and resistor.

        Args:
            samples: How many.
            decay: Time constant L / R of the shunt; by default a quarter of the period.
                [s]
        """
        turn = float(np.arctan2(self._frequency, self._damping) / self._frequency)
        decay = self.period / 4 if decay is None else decay
        time = np.linspace(0, turn + 6 * decay, samples)
        falling = -self.peak_current / decay * np.exp(-(time - turn) / decay)
        rate = np.where(time < turn, self._rate(time), falling)
        return Waveform("monophasic", time, rate / self.peak_rate)

    def _until(self, end: float, samples: int, name: str) -> Waveform:
        time = np.linspace(0, end, samples)
        return Waveform(name, time, self._rate(time) / self.peak_rate)

    @property
    def _damping(self) -> float:
        return self.resistance / (2 * self.inductance)

    @property
    def _natural(self) -> float:
        return 1 / np.sqrt(self.inductance * self.capacitance)

    @property
    def _frequency(self) -> float:
        return float(np.sqrt(self._natural**2 - self._damping**2))

    def _current(self, time: np.ndarray) -> np.ndarray:
        swing = np.sin(self._frequency * time) * np.exp(-self._damping * time)
        return self.peak_rate / self._frequency * swing

    def _rate(self, time: np.ndarray) -> np.ndarray:
        phase = self._frequency * time
        swing = np.cos(phase) - self._damping / self._frequency * np.sin(phase)
        return self.peak_rate * np.exp(-self._damping * time) * swing


def read_waveforms(path: str | os.PathLike[str]) -> tuple[Waveform, ...]:
    """Read a .tsv of waveforms: time, then a column for each signal.

    Times are in s, or in the unit that the name of their column ends in: `time_us`,
    `Time[ms]`. A column NAME_fit is taken as the smooth version of the column NAME.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The table is malformed. The message names the line.
    """
    path = Path(path)
    if path.stat().st_size > 1 << 27:
        raise ValueError(f"{path}: too large for a waveform.")
    lines = read_text(path).splitlines()
    names = lines[0].lstrip("#").split() if lines else []
    if len(names) < 2:
        raise ValueError(
            f"{path}, line 1: a waveform needs a header with the names of its columns, "
            "the time first."
        )
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        try:
            rows.append([float(word) for word in line.split()])
        except ValueError:
            raise ValueError(f"{path}, line {number}: not numbers.") from None
        if len(rows[-1]) != len(names):
            raise ValueError(
                f"{path}, line {number}: {len(rows[-1])} columns, but the header names "
                f"{len(names)}."
            )
    table = np.array(rows).reshape(-1, len(names))
    table[:, 0] *= _time_unit(path, names[0])
    columns = dict(zip(names, table.T, strict=True))
    try:
        check_times(table[:, 0])
        return tuple(
            Waveform(name, table[:, 0], columns[name], columns.get(f"{name}_fit"))
            for name in names[1:]
            if not (name.endswith("_fit") and name[:-4] in columns)
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def check_times(time: Float[np.ndarray, "sample"]) -> None:
    """Check that times are those of a pulse, in seconds.

    Raises:
        ValueError: They span what no pulse does.
    """
    span = float(np.ptp(time)) if len(time) else 0.0
    if span > _LONGEST_PULSE:
        raise ValueError(
            f"the times span {span:.3g} s, but a pulse is over within "
            f"{_LONGEST_PULSE:g} s. Times must be in s: are these µs or ms?"
        )


def _time_unit(path: Path, name: str) -> float:
    """What a time of 1 is, by the name of its column. [s]"""
    found = re.search(r"[\[(_/]([a-zµμ]+)[\])]?$", name, re.IGNORECASE)
    unit = found.group(1).lower() if found else "s"
    if unit not in _TIME_UNITS:
        raise ValueError(
            f"{path}, line 1: times are in {unit!r}; known are "
            f"{', '.join(_TIME_UNITS)}."
        )
    return _TIME_UNITS[unit]


def write_waveforms(
    path: str | os.PathLike[str], waveforms: tuple[Waveform, ...]
) -> None:
    """Write waveforms as a .tsv that `read_waveforms` gives back exactly.

    Args:
        path: The file, replaced when it exists.
        waveforms: One or more, at the same times.

    Raises:
        ValueError: There are none, their times differ, or a name is no single word.
    """
    if not waveforms:
        raise ValueError(f"{path}: there are no waveforms to write.")
    columns = {"time": waveforms[0].time}
    for each in waveforms:
        if not np.array_equal(each.time, waveforms[0].time):
            raise ValueError(
                f"{path}: the waveforms {waveforms[0].name!r} and {each.name!r} are at "
                "other times; a .tsv has one column of times. Write a .tcd."
            )
        names = {each.name: each.signal}
        if each.fit is not None:
            names[f"{each.name}_fit"] = each.fit
        for name, values in names.items():
            if len(name.split()) != 1 or name in columns:
                raise ValueError(
                    f"{path}: {name!r} cannot head a column of a .tsv: it must be a word "
                    "of its own."
                )
            columns[name] = values
    rows = np.stack(list(columns.values()), axis=1).astype(float).tolist()
    lines = ["\t".join(columns), *("\t".join(map(repr, row)) for row in rows)]
    write_whole(path, "\n".join(lines) + "\n")
