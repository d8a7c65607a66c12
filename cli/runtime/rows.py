"""`pulses.csv`: a row per pulse, written as it comes, so that a run can go on later."""

import csv
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from ...disk import write_whole
from ...disk.tables import row_of
from .interruption import ENDINGS


ROWS = "pulses.csv"
_STATE = ".pulses.unfinished.json"


class Rows:
    """A table on the disk that grows row by row, each with its number in the first column.

    While it is unfinished, a file beside it holds what it was made of; with the same
    input a later run computes the rows that it lacks. The folder must belong to this
    process, see `ownership`.
    """

    def __init__(self, folder: Path, columns: list[str], key: str, count: int):
        """Begin a table, or take up an unfinished one.

        Args:
            folder: Where it is.
            columns: Their names; the first is of the row's number, from 0.
            key: Of all input, as `fingerprint` makes it.
            count: Of the rows that it is to have.

        Raises:
            ValueError: There is an unfinished table of other input, or one with a row
                twice.
        """
        self._path, self._state = folder / ROWS, folder / _STATE
        self._columns, self._count = columns, count
        self.done: set[int] = set()
        if self._state.is_file() and self._path.is_file():
            if _key_in(self._state) != key:
                raise ValueError(
                    f"--out {folder}: an unfinished run with other input is there. Give "
                    f"another folder, repeat that command, or remove {self._state.name}."
                )
            self._take_up()
        else:
            write_whole(self._path, row_of(columns))
            write_whole(self._state, json.dumps({"key": key}) + "\n")
        self._file = self._path.open("a", encoding="utf-8", newline="")

    def missing(self) -> Int[ndarray, "row"]:
        """The numbers of the rows that are still to be written, in order."""
        return np.setdiff1d(np.arange(self._count), list(self.done))

    def write(self, rows: Iterable[dict]) -> None:
        """Append rows, which are safe when this returns."""
        for row in rows:
            number = row[self._columns[0]]
            assert number in range(self._count), number
            assert number not in self.done, number
            self._file.write(row_of(row[name] for name in self._columns))
            self.done.add(number)
        self._file.flush()
        os.fsync(self._file.fileno())

    def check(self) -> None:
        """Read the table back: it must have each row once. Put the rows in order.

        Raises:
            ValueError: It has not, as when another program wrote to it meanwhile.
        """
        self._file.flush()
        lines = self._lines()
        numbers = [number for number, _ in lines]
        if sorted(numbers) != list(range(self._count)):
            raise ValueError(
                f"{self._path}: the table should hold the rows 0 to {self._count - 1} once "
                f"each, and holds {len(numbers)}, {len(set(numbers))} of them different. "
                f"Did another program write to it? Remove it and {self._state.name}, and "
                "repeat the command."
            )
        if numbers != sorted(numbers):
            self._file.close()
            ordered = "".join(line for _, line in sorted(lines))
            write_whole(self._path, row_of(self._columns) + ordered)

    def finish(self) -> None:
        """Forget what the table was made of: it is whole."""
        self._state.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _take_up(self) -> None:
        """Keep the whole rows; cut off from the first that is not, as a kill leaves it."""
        lines = self._lines()
        numbers = [number for number, _ in lines]
        self.done = set(numbers)
        if len(self.done) < len(numbers):
            raise ValueError(
                f"{self._path}: {len(numbers) - len(self.done)} rows stand twice, so two "
                f"processes wrote to it. Remove it and {self._state.name}, and repeat the "
                "command."
            )
        kept = row_of(self._columns) + "".join(line for _, line in lines)
        if kept.encode() != self._path.read_bytes():
            write_whole(self._path, kept)

    def _lines(self) -> list[tuple[int, str]]:
        """Number and text of the whole rows up to the first that is not."""
        found = []
        for line in self._path.read_bytes().split(b"\n")[1:-1]:
            try:
                text = line.decode()
            except UnicodeDecodeError:
                break
            cells = next(csv.reader([text]), [""])
            number = int(cells[0]) if cells[0].isascii() and cells[0].isdigit() else -1
            if len(cells) != len(self._columns) or number not in range(self._count):
                break
            found.append((number, text + "\n"))
        return found


@contextmanager
def open_rows(folder: Path, columns: list[str], key: str, count: int) -> Iterator[Rows]:
    """Open a table that keeps its rows when a run is interrupted.

    Arguments and errors are those of `Rows`, and of `Rows.check` at the end.
    """
    rows = Rows(folder, columns, key, count)
    try:
        yield rows
        rows.check()
    except ENDINGS as stop:
        stop.args = (
            f"{len(rows.done)} pulses are kept in {folder / ROWS}; the same command goes "
            "on.",
        )
        raise
    finally:
        rows.close()


def read_rows(folder: Path) -> list[dict[str, str]]:
    """Read a table back."""
    with (folder / ROWS).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


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


def _key_in(state: Path) -> str | None:
    try:
        return json.loads(state.read_text(encoding="utf-8")).get("key")
    except (ValueError, AttributeError):
        return None  # Damaged: the message says what to do.
