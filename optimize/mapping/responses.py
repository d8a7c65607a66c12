"""Tables of responses, such as motor evoked potentials, a row for each pulse."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...disk import read_table


#: Volts, by how a header or an option writes the unit.
UNITS = {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "µV": 1e-6, "μV": 1e-6}
_UNIT = re.compile(r"(.*?)[\s_]*[\[(_\s](V|mV|uV|µV|μV)[\])]?", re.IGNORECASE)
_KEYS = {
    "number": ("number", "pulse", "trial", "index", "nr", "no", "n"),
    "time": ("time", "onset", "time_s", "onset_s", "time (s)", "time [s]"),
    "trigger": ("trigger", "marker", "name", "event"),
}
# Of the largest tenth of a muscle's responses: peak to peak, at rest or not. [V]
_PLAUSIBLE = (2e-5, 4e-2)
FLOOR = 1e-6  # What amplifiers add to any response, from peak to peak. [V]
_MISSING = ("", "nan", "n/a", "na")


@dataclass(frozen=True, eq=False)
class Responses:
    """What a table says of each pulse.

    Attributes:
        names: Of the muscles, or of what else responds.
        values: A column for each; NaN where nothing is recorded. [V], or as it comes
        keys: `number`, `time` and `trigger` of each row, as far as the table has them.
    """

    names: tuple[str, ...]
    values: Float[ndarray, "row muscle"]
    keys: dict[str, tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.values)


def read_responses(
    path: str,
    wanted: Sequence[str] | None = None,
    unit: str | None = None,
    named: str = "unit",
) -> Responses:
    """Read motor evoked potentials.

    Args:
        path: A .csv, or a .tsv, with a header.
        wanted: Which columns; all that hold numbers by default.
        unit: Of columns whose header has none, one of `UNITS`.
        named: How messages call what gives `unit`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The table is malformed, a unit is missing, or sizes are implausible.
    """
    header, rows = _table(path)
    keys = {
        kind: tuple(row[number] for row in rows)
        for kind, words in _KEYS.items()
        for number, name in enumerate(header)
        if name.lower() in words
    }
    taken = {word for words in _KEYS.values() for word in words}
    columns = [
        (number, *_split(name))
        for number, name in enumerate(header)
        if name.lower() not in taken
    ]
    if wanted:
        columns = [_named(path, columns, each) for each in wanted]
    names, values = [], []
    for number, name, said in columns:
        found = _numbers(path, name, [row[number] for row in rows])
        if found is None and wanted is None:
            continue  # A remark of somebody.
        if found is None:
            raise ValueError(f"{path}: the column {name!r} holds words, not sizes.")
        names.append(name)
        values.append(_in_volts(path, name, found, said, (named, unit)))
    if not names:
        raise ValueError(f"{path}: no column holds responses; there are {header}.")
    return Responses(tuple(names), np.stack(values, axis=1), keys)


def read_columns(
    path: str, names: Sequence[str]
) -> tuple[tuple[str, ...], Float[ndarray, "row column"]]:
    """Read columns of numbers, without a unit.

    Args:
        path: A .csv, or a .tsv, with a header.
        names: Of the columns, with or without the unit that the header has.

    Returns:
        The names as the header has them, and the numbers; NaN where nothing is recorded.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The table is malformed, lacks a column, or has words in it.
    """
    header, rows = _table(path)
    columns = [(number, name) for number, name in enumerate(header)]
    columns += [
        (number, _bare(name)) for number, name in columns if _bare(name) != name
    ]
    found, values = [], []
    for wanted in names:
        number, _ = _named(path, columns, wanted)
        numbers = _numbers(path, header[number], [row[number] for row in rows])
        if numbers is None or np.isnan(numbers).all():
            raise ValueError(f"{path}: the column {wanted!r} holds no numbers.")
        found.append(header[number])
        values.append(numbers)
    return tuple(found), np.stack(values, axis=1)


def _bare(name: str) -> str:
    """Take a unit in brackets off a header: `intensity (V/m)`."""
    return re.sub(r"\s*[\[(][^\])]*[\])]$", "", name)


def _table(path: str) -> tuple[list[str], list[list[str]]]:
    delimiter = "\t" if Path(path).suffix.lower() in (".tsv", ".txt") else ","
    lines = [row for row in read_table(path, delimiter) if any(x.strip() for x in row)]
    if len(lines) < 2:
        raise ValueError(
            f"{path}: a table of responses has a header and a row for each pulse."
        )
    header = [word.strip().lstrip("#").strip() for word in lines[0]]
    if len(header) == 1 and re.search(r"[,;\t]", header[0]):
        raise ValueError(
            f"{path}: there is one column, {header[0]!r}: columns are separated by commas "
            "in a .csv and by tabs in a .tsv."
        )
    for number, row in enumerate(lines[1:], start=2):
        if len(row) != len(header):
            raise ValueError(
                f"{path}, row {number}: {len(row)} columns, but the header names "
                f"{len(header)}. Is it separated by commas (.csv) or tabs (.tsv)?"
            )
    if len(set(header)) < len(header):
        raise ValueError(f"{path}: a column's name is there twice: {header}.")
    return header, [[word.strip() for word in row] for row in lines[1:]]


def _split(name: str) -> tuple[str, str | None]:
    """Separate a muscle and the unit in its header: `FDI (mV)`, `FDI_uV`, `FDI [µV]`."""
    found = _UNIT.fullmatch(name)
    if found is None:
        return name, None
    known = {each.lower(): each for each in UNITS}
    return found[1].strip(), known[found[2].lower()]


def _named(path: str, columns: list, wanted: str):
    for each in columns:
        if each[1].lower() == wanted.lower():
            return each
    known = ", ".join(each[1] for each in columns)
    raise ValueError(f"{path}: no column is called {wanted!r}; there are {known}.")


def _numbers(path: str, name: str, words: list[str]) -> Float[ndarray, "row"] | None:
    """Read a column; None where it holds no numbers at all."""
    found, strange = [], []
    for number, word in enumerate(words, start=2):
        try:
            found.append(np.nan if word.lower() in _MISSING else float(word))
        except ValueError:
            found.append(np.nan)
            strange.append((number, word))
    if len(strange) == len([word for word in words if word.lower() not in _MISSING]):
        return None
    if strange:
        number, word = strange[0]
        raise ValueError(f"{path}, row {number}: {word!r} in {name!r} is no number.")
    return np.array(found)


def _in_volts(
    path: str,
    name: str,
    values: Float[ndarray, "row"],
    said: str | None,
    option: tuple[str, str | None],
) -> Float[ndarray, "row"]:
    named, given = option
    if said is not None and given is not None and UNITS[said] != UNITS[given]:
        raise ValueError(
            f"{path}: the header says {name} in {said}, but {named} is {given}."
        )
    unit = said or given
    if unit is None:
        raise ValueError(
            f"{path}: nothing says the unit of {name}: write `{name} (mV)` in the header, "
            f"or give {named} mV, uV or V."
        )
    if (values < 0).any():
        raise ValueError(f"{path}: {name} has sizes below zero; from peak to peak?")
    large = float(np.nanquantile(values, 0.9)) * UNITS[unit]
    low, high = _PLAUSIBLE
    if not low <= large <= high:
        fitting = [
            each
            for each in ("uV", "mV", "V")
            if low <= large / UNITS[unit] * UNITS[each] <= high
        ]
        meant = f" Did you mean {' or '.join(fitting)}?" if fitting else ""
        raise ValueError(
            f"{path}: a tenth of {name} is larger than {large * 1e3:.3g} mV, read in "
            f"{unit}; motor evoked potentials reach 0.05 to 10 mV.{meant}"
        )
    return np.maximum(values * UNITS[unit], FLOOR)
