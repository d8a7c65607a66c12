"""`pulses.csv`: a row per pulse, written as it comes, so that a run can go on later."""

import csv
import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np


ROWS = "pulses.csv"
_STATE = ".pulses.unfinished.json"


class Rows:
    """A table on the disk that grows row by row.

    While it is unfinished, a file beside it holds what it was made of; with the same
    input a later run goes on after its last whole row.
    """

    def __init__(self, folder: Path, columns: list[str], key: str):
        """Begin a table, or take up an unfinished one.

        Args:
            folder: Where it is.
            columns: Their names.
            key: Of all input, as `fingerprint` makes it.

        Raises:
            ValueError: There is an unfinished table of other input.
        """
        self._path, self._state = folder / ROWS, folder / _STATE
        self.done = 0
        if self._state.is_file() and self._path.is_file():
            kept = json.loads(self._state.read_text(encoding="utf-8"))
            if kept.get("key") != key:
                raise ValueError(
                    f"--out {folder}: an unfinished run with other input is there. Give "
                    f"another folder, repeat that command, or remove {self._state.name}."
                )
            self.done = self._mend(columns)
        else:
            self._path.write_text(_line(columns), encoding="utf-8", newline="")
            self._state.write_text(json.dumps({"key": key}) + "\n", encoding="utf-8")
        self._columns = columns
        self._file = self._path.open("a", encoding="utf-8", newline="")

    def write(self, rows: Iterable[dict]) -> None:
        """Append rows, which are safe when this returns."""
        for row in rows:
            self._file.write(_line([_word(row[name]) for name in self._columns]))
            self.done += 1
        self._file.flush()
        os.fsync(self._file.fileno())

    def finish(self) -> None:
        """Tell that the table is whole."""
        self._state.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _mend(self, columns: list[str]) -> int:
        """Cut off a row that was not written to its end; count the whole ones."""
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self._path, len(whole))
        return max(sum(1 for _ in csv.reader(whole.decode().splitlines())) - 1, 0)


@contextmanager
def open_rows(folder: Path, columns: list[str], key: str) -> Iterator[Rows]:
    """Open a table that keeps its rows when a run is interrupted."""
    rows = Rows(folder, columns, key)
    try:
        yield rows
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"{rows.done} pulses are kept in {folder / ROWS}; the same command goes on."
        ) from None
    finally:
        rows.close()


def read_rows(folder: Path) -> list[dict[str, str]]:
    """Read a table back."""
    with (folder / ROWS).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_table(path: Path, columns: list[str], rows: Iterable[dict]) -> None:
    """Write a whole table at once."""
    lines = [_line([_word(row[name]) for name in columns]) for row in rows]
    content = _line(columns) + "".join(lines)
    path.write_text(content, encoding="utf-8", newline="")


def fingerprint(*parts) -> str:
    """Digest arrays, numbers and words to a key."""
    digest = hashlib.sha256()
    for part in parts:
        array = isinstance(part, np.ndarray)
        digest.update(
            np.ascontiguousarray(part).tobytes() if array else repr(part).encode()
        )
        digest.update(repr(np.shape(part) if array else None).encode())
    return digest.hexdigest()


def _word(value) -> str:
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else f"{value:.9g}"
    return str(value).replace("\r", " ").replace("\n", " ")


def _line(words: list[str]) -> str:
    """Format a row; a name may hold commas, quotes and letters of any kind."""
    quoted = (
        '"' + word.replace('"', '""') + '"' if set(word) & set(',"') else word
        for word in words
    )
    return ",".join(quoted) + "\n"
