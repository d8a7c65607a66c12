"""EEG recordings, read by MNE, with what they say about their own numbers."""

import contextlib
import io
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .edf import first_gap
from .pieces import Pieces, pieces_of, samples_in


UNITS = {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "nV": 1e-9}  # [V]
# How much an EEG changes within 50 ms: the median of its channels lies between. [V]
_PLAUSIBLE = (5e-8, 1e-2)
_CHANGE = 0.05  # [s]
_VOLT = 107  # FIFF's number for the unit.
_OF_NO_WEIGHT = re.compile(
    "naming convention|meas(urement)?[ _]date|subject_info", re.I
)


@dataclass(frozen=True, eq=False)
class Recording:
    """Signals of EEG channels.

    Attributes:
        signals: [V]
        rate: Samples in a second. [Hz]
        names: Of the channels.
        pieces: Without what is annotated as bad, and without a seam inside.
        passband: Frequencies that the filters of the file have left. [Hz]
        remarks: What was assumed or left out, a sentence each.
    """

    signals: Float[ndarray, "channel time"]
    rate: float
    names: tuple[str, ...]
    pieces: Pieces
    passband: tuple[float, float]
    remarks: tuple[str, ...] = ()


def read_eeg(
    path: str | os.PathLike[str],
    channels: Sequence[str] | None = None,
    unit: str | None = None,
) -> Recording:
    """Read a recording of any format that MNE knows.

    What is annotated with a description that begins with `bad`, in either case, is left
    out, as MNE does. Where one begins with `edge` or `New Segment` or holds `boundary`, the
    recording was cut and joined.

    Args:
        path: Such as .fif, .edf, .bdf, .vhdr, .set.
        channels: Names of those to read, of either case; by default all of the EEG that are
            not marked as bad. One that is marked is used, with a remark.
        unit: Of the numbers, one of `UNITS`, where the file has a wrong one.

    Raises:
        FileNotFoundError: There is no such file.
        ModuleNotFoundError: MNE is not installed.
        ValueError: MNE cannot read it, a channel is missing or no voltage, the amplitude
            is none of an EEG, or all is annotated as bad; or records of EDF+D have gaps.
    """
    file = Path(path)
    if not file.exists():
        raise FileNotFoundError(f"{file}: file not found.")
    if unit is not None and unit not in UNITS:
        raise ValueError(f"`unit` must be one of {', '.join(UNITS)}, got {unit!r}.")
    gap = first_gap(file)
    if gap is not None:
        words = "are missing" if gap.missing > 0 else "are twice"
        raise ValueError(
            f"{file}: {abs(gap.missing):.4g} s {words} after {gap.after:.4g} s: records "
            "are pieces (EDF+D), which MNE would join. Export the pieces one by one, or as "
            "FIF with annotations."
        )
    raw, remarks = open_recording(file)
    picks = channel_numbers(file, raw, channels)
    names = tuple(raw.ch_names[i] for i in picks)
    bad = [name for name in names if name in raw.info["bads"]]
    if bad:
        remarks.append(f"{', '.join(bad)}: marked as bad in the file, and used.")
    if any(not each["active"] for each in raw.info["projs"]):
        remarks.append("projections that the file holds are not applied.")
    scales, about = channel_scales(file, raw, picks, unit)
    signals = np.asarray(raw.get_data(picks=picks), dtype=np.float64) * scales[:, None]
    rate = float(raw.info["sfreq"])
    pieces, cut = _pieces(file, raw, names)
    _check_amplitude(file, signals, rate, pieces)
    passband = (float(raw.info["highpass"]), float(raw.info["lowpass"]))
    return Recording(signals, rate, names, pieces, passband, (*remarks, *about, *cut))


def open_recording(file: Path) -> tuple[Any, list[str]]:
    """Open a recording of any format that MNE knows.

    Returns:
        MNE's object, with all signals, and what MNE warns of.

    Raises:
        ModuleNotFoundError: MNE is not installed.
        ValueError: MNE cannot read it.
    """
    try:
        import mne
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "EEG is read by MNE, which is not installed: pip install 'tmsgrad[eeg]'"
        ) from None
    try:
        # MNE prints what it logs, and at a higher level it would not warn.
        with (
            warnings.catch_warnings(record=True) as heard,
            contextlib.redirect_stdout(io.StringIO()),
        ):
            warnings.simplefilter("always")
            raw = mne.io.read_raw(file, preload=True, verbose="warning")
    except Exception as error:  # MNE's readers raise of every kind.
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{file}: MNE cannot read this recording ({first})."
        ) from error
    words = [" ".join(str(each.message).split()) for each in heard]
    about = [f"MNE: {each}" for each in words if not _OF_NO_WEIGHT.search(each)]
    return raw, list(dict.fromkeys(about))


def channel_numbers(file: Path, raw: Any, channels: Sequence[str] | None) -> list[int]:
    """Find channels by their names, in either case; all of the EEG by default.

    Raises:
        ValueError: There is no such channel.
    """
    if channels is None:
        import mne

        try:
            picks = [int(i) for i in mne.pick_types(raw.info, eeg=True)]
        except ValueError as error:
            raise ValueError(
                f"{file}: a channel is of no known type ({error})."
            ) from None
        if not picks:
            raise ValueError(f"{file}: no channel is of the type EEG; name some.")
        return picks
    exact = {name: i for i, name in enumerate(raw.ch_names)}
    known = {name.lower(): i for i, name in reversed(list(enumerate(raw.ch_names)))}
    missing = [name for name in channels if name.lower() not in known]
    if missing:
        few = ", ".join(raw.ch_names[:12])
        raise ValueError(
            f"{file}: there is no channel {', '.join(missing)}; the first are {few}."
        )
    return [exact.get(name, known[name.lower()]) for name in channels]


def channel_scales(
    file: Path, raw: Any, picks: list[int], unit: str | None
) -> tuple[Float[ndarray, "channel"], list[str]]:
    """Find what numbers are to be multiplied with for volts, and remarks.

    Raises:
        ValueError: A channel is no voltage.
    """
    if unit is not None:
        return np.full(len(picks), UNITS[unit]), [f"numbers are taken as {unit}."]
    channels = [raw.info["chs"][i] for i in picks]
    wrong = [each["ch_name"] for each in channels if int(each["unit"]) != _VOLT]
    if wrong:
        raise ValueError(
            f"{file}: {', '.join(wrong)}: the file has no voltage there. Take channels of "
            "the EEG, or give the unit of the numbers."
        )
    powers = np.array([int(each["unit_mul"]) for each in channels])
    named = [each["ch_name"] for each, n in zip(channels, powers, strict=True) if n]
    if not named:
        return np.ones(len(picks)), []
    return 10.0**powers, [
        f"{', '.join(named)}: numbers are in units of 10^{powers[powers != 0][0]} V, as "
        "the file says (unit_mul)."
    ]


def _pieces(
    file: Path, raw: Any, names: tuple[str, ...]
) -> tuple[Pieces, tuple[str, ...]]:
    kept, seams = np.ones(raw.n_times, dtype=bool), []
    for words, begin, end in _annotations(raw, names):
        if words.startswith("bad"):
            kept[begin:end] = False
            seams.append(begin)  # One without a duration is a seam.
        elif words.startswith(("edge", "new segment")) or "boundary" in words:
            seams.append(begin)
    pieces = pieces_of(kept, seams)
    left = samples_in(pieces) / raw.info["sfreq"]
    if left == 0:
        raise ValueError(f"{file}: all of the recording is annotated as bad.")
    lost = raw.n_times / raw.info["sfreq"] - left
    about = [f"{lost:.1f} s annotated as bad are left out."] if lost > 0 else []
    inner = {each for each in seams if 0 < each < raw.n_times and kept[each - 1]}
    inner = {each for each in inner if kept[each]}
    if inner:
        about.append(f"the recording is cut at {len(inner)} seams between segments.")
    return pieces, tuple(about)


def _annotations(raw: Any, names: tuple[str, ...]) -> Iterator[tuple[str, int, int]]:
    """Descriptions in small letters, and from which to before which sample."""
    rate, found = raw.info["sfreq"], raw.annotations
    rows = zip(
        *(found.description, found.onset, found.duration, found.ch_names), strict=True
    )
    for words, onset, duration, only in rows:
        if only and not set(only) & set(names):
            continue  # Of other channels.
        begin = (onset - raw.first_time) * rate
        first, last = round(begin), int(np.ceil(begin + duration * rate - 1e-6))
        if last >= 0 and first < raw.n_times:
            yield str(words).lower(), max(first, 0), max(last, 0)


def _check_amplitude(
    file: Path, signals: Float[ndarray, "channel time"], rate: float, pieces: Pieces
) -> None:
    """Refuse an amplitude that is none of an EEG: its unit is another."""
    lag = max(round(_CHANGE * rate), 1)
    steps = [signals[:, p][:, lag:] - signals[:, p][:, :-lag] for p in pieces]
    change = np.concatenate(steps, axis=1)
    if change.shape[1] == 0 or not np.isfinite(change).any():
        return  # Too short, or not finite: refused where it is used.
    typical = np.nanmedian(np.abs(change), axis=1)
    typical = typical[typical > 0]
    low, high = _PLAUSIBLE
    if len(typical) and not low <= np.median(typical) <= high:
        raise ValueError(
            f"{file}: the channels change by {np.median(typical) * 1e6:.3g} µV within "
            f"50 ms, where an EEG has {low * 1e6:g} to {high * 1e6:g} µV: the file's unit "
            "is not that of its numbers. Give their true unit, or repair the file."
        )
