"""Named positions on the scalp, such as C3 of the 10-10 system, from SimNIBS' CSV files.

A line holds what it is (`Electrode`, `Fiducial`, `ReferenceElectrode`, …), x, y, z in mm,
and a name. Lines of other kinds are comments.
"""

import os
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..disk import read_table
from .files import MM_PER_M
from .subject import Subject, read_subject


_POSITIONS = ("electrode", "referenceelectrode", "fiducial", "generic")
# SimNIBS takes the first of these where no cap is named.
_USUAL = ("EEG10-10_UI_Jurak_2007.csv", "EEG10-10_Cutini_2011.csv")
_FARTHEST = 1000.0  # From the origin. [mm]


def read_electrodes(
    subject: Subject | str | os.PathLike[str], cap: str | None = None
) -> dict[str, Float[ndarray, "3"]]:
    """Read the positions of a cap on a person's scalp.

    Args:
        subject: An `m2m_` folder, what `read_subject` found in it, or a CSV file.
        cap: A file in `eeg_positions`; by default the 10-10 system by Jurak et al. 2007,
            or that by Cutini et al. 2011, or the only file there is.

    Returns:
        Positions by name, in the order of the file. [m]

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no positions, or a line is malformed.
    """
    if not isinstance(subject, Subject) and Path(subject).is_file():
        return read_eeg_positions(Path(subject))
    found = subject if isinstance(subject, Subject) else read_subject(subject)
    there = {file.name: file for file in found.caps}
    for name in _USUAL if cap is None else (cap, f"{cap}.csv"):
        if name in there:
            return read_eeg_positions(there[name])
    if cap is None and len(there) == 1:
        return read_eeg_positions(next(iter(there.values())))
    has = f"; it has {', '.join(there)}" if there else ""
    raise FileNotFoundError(
        f"{found.folder / 'eeg_positions'}: there is no "
        f"{cap or ' or '.join(_USUAL)} in this folder{has}."
    )


def electrode(
    positions: dict[str, Float[ndarray, "3"]], name: str
) -> Float[ndarray, "3"]:
    """Look a position up, whatever the case of its letters.

    Raises:
        ValueError: There is none of that name.
    """
    folded = {key.casefold(): value for key, value in positions.items()}
    if name.casefold() not in folded:
        raise ValueError(
            f"there is no EEG position {name!r}; there are {', '.join(positions)}."
        )
    return folded[name.casefold()]


def read_eeg_positions(
    path: str | os.PathLike[str],
) -> dict[str, Float[ndarray, "3"]]:
    """Read the electrodes and fiducials of a CSV file, as SimNIBS writes for a person.

    Lines hold what it is, x, y, z [mm], maybe three numbers more, and a name.

    Returns:
        Positions by name, in the order of the file. [m]

    Raises:
        OSError: The file cannot be read.
        ValueError: A line is malformed, there are no positions, or they are in m.
    """
    file = Path(path)
    positions: dict[str, Float[ndarray, 3]] = {}
    for number, row in enumerate(read_table(file), start=1):
        words = [word.strip() for word in row]
        if not words or words[0].casefold() not in _POSITIONS:
            continue
        try:
            place = np.array([float(word) for word in words[1:4]])
        except ValueError:
            place = np.empty(0)
        if len(place) != 3 or not (np.abs(place) < _FARTHEST).all():
            raise ValueError(
                f"{file}: line {number} must hold x, y and z in mm after {words[0]!r}."
            )
        name = _name(words)
        if name and name not in positions:
            positions[name] = place / MM_PER_M
    if not positions:
        raise ValueError(
            f"{file}: there are no named positions in it. A line is such as "
            "Electrode,-52.1,-11.8,78.2,C3."
        )
    if len(positions) > 1 and np.abs(list(positions.values())).max() * MM_PER_M < 1.0:
        raise ValueError(
            f"{file}: all positions lie within 1 mm of the origin, so they are probably in "
            "m. Multiply them by 1000: such files are in mm."
        )
    return positions


def _name(words: list[str]) -> str:
    """The name in a line: behind the place, or behind the direction of an electrode."""
    try:
        direction = [float(word) for word in words[4:7]]
    except ValueError:
        direction = []
    at = 7 if len(direction) == 3 else 4
    return words[at] if len(words) > at else ""
