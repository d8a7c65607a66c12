"""EEG recordings, read by MNE."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray


@dataclass(frozen=True, eq=False)
class Recording:
    """Signals of EEG channels.

    Attributes:
        signals: [V]
        rate: Samples in a second. [Hz]
        names: Of the channels.
    """

    signals: Float[ndarray, "channel time"]
    rate: float
    names: tuple[str, ...]


def read_eeg(
    path: str | os.PathLike[str], channels: Sequence[str] | None = None
) -> Recording:
    """Read a recording of any format that MNE knows.

    Args:
        path: Such as .fif, .edf, .bdf, .vhdr, .set.
        channels: Names of those to read, of either case; by default all of the EEG that are
            not marked as bad.

    Raises:
        FileNotFoundError: There is no such file.
        ModuleNotFoundError: MNE is not installed.
        ValueError: MNE cannot read it, or a channel is missing.
    """
    file = Path(path)
    if not file.exists():
        raise FileNotFoundError(f"{file}: there is no such file.")
    try:
        import mne
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "EEG is read by MNE, which is not installed: pip install 'tmsgrad[eeg]'"
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Names of files, missing dates.
            raw = mne.io.read_raw(file, preload=True, verbose="error")
    except Exception as error:  # MNE's readers raise of every kind.
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{file}: MNE cannot read this recording ({first})."
        ) from error
    return Recording(*_chosen(file, raw, channels))


def _chosen(
    file: Path, raw, channels: Sequence[str] | None
) -> tuple[Float[ndarray, "channel time"], float, tuple[str, ...]]:
    rate = float(raw.info["sfreq"])
    if channels is None:
        import mne

        picks = mne.pick_types(raw.info, eeg=True)
        names = [raw.ch_names[i] for i in picks]
        if not names:
            raise ValueError(f"{file}: no channel is of the type EEG; name some.")
    else:
        known = {name.lower(): name for name in raw.ch_names}
        missing = [name for name in channels if name.lower() not in known]
        if missing:
            few = ", ".join(raw.ch_names[:12])
            raise ValueError(
                f"{file}: there is no channel {', '.join(missing)}; the first are {few}."
            )
        names = [known[name.lower()] for name in channels]
    return np.asarray(raw.get_data(picks=names), dtype=np.float64), rate, tuple(names)
