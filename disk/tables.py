"""Tables with commas, for people, programs and spreadsheets."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from .writing import write_whole


# A spreadsheet takes a text that begins with one of these for a formula, and computes it.
_FORMULA = ("=", "+", "-", "@", "\t")


def write_table(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]
) -> None:
    """Write a table whole or not at all.

    Args:
        path: The file.
        columns: Their names, the header.
        rows: Values by column; NaN leaves a cell empty.

    Raises:
        OSError: It cannot be written.
    """
    lines = [row_of(row[name] for name in columns) for row in rows]
    write_whole(path, row_of(columns) + "".join(lines))


def row_of(values: Iterable) -> str:
    """Format a row of a table, with its line end.

    Numbers have nine digits. A text that a spreadsheet would compute is quoted.
    """
    return _line([_word(each) for each in values])


def _word(value) -> str:
    """Write a cell: numbers as numbers, and texts so that they stay texts."""
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else f"{value:.9g}"
    word = str(value).replace("\r", " ").replace("\n", " ")
    formula = isinstance(value, str) and word.startswith(_FORMULA)
    return f"'{word}" if formula and not _is_number(word) else word


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _line(words: list[str]) -> str:
    """Format a row; a name may hold commas, quotes and letters of any kind."""
    quoted = (
        '"' + word.replace('"', '""') + '"' if set(word) & set(',"') else word
        for word in words
    )
    return ",".join(quoted) + "\n"
