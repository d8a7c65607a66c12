"""The frame of a .msh file: its header, its sections, and numbers within them.

Written from the description of the formats 2.2 and 4.1 in the reference manual of Gmsh
[https://gmsh.info/doc/texinfo/gmsh.html#Gmsh-file-formats].
"""

import gzip
import warnings
import zlib
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray


_LARGEST_EXACT = 2.0**53  # Integers beyond it are not exact in float64.


class MshSource:
    """The bytes of a .msh file, read from front to back.

    Attributes:
        path: The file, for messages.
        version: `"2.2"` or `"4.1"`.
        binary: Whether numbers are binary rather than text.
    """

    def __init__(self, path: Path):
        """Read the file, unpack it if it is gzipped, and check its header.

        Raises:
            ValueError: It is not a .msh file, of a version or byte order that cannot be
                read, or damaged.
        """
        self.path = path
        self._data = _unpacked(path)
        self._at = 0
        self.version, self.binary = "", False
        self._read_header()

    def refusal(self, what: str) -> ValueError:
        """Make the exception that says the file is damaged."""
        return ValueError(
            f"{self.path}: {what}. The file is damaged or was cut off; copy or export it "
            "anew."
        )

    def next_section(self) -> str | None:
        """Go to the next section and return its name; at the end of the file, None."""
        self._skip_space()
        if self._at == len(self._data):
            return None
        line = self.line()
        if not line.startswith("$") or line.startswith("$End") or len(line) < 2:
            raise self.refusal(f"expected a section, found {line[:40]!r}")
        return line[1:]

    def skip_section(self, name: str) -> None:
        """Go behind the end of the section."""
        self._at = self._end_of(name)
        self.end_section(name)

    def end_section(self, name: str) -> None:
        """Check that the section ends here, and go behind it."""
        self._skip_space()
        mark = b"$End" + name.encode()
        if not self._data.startswith(mark, self._at):
            found = self._data[self._at : self._at + 24]
            raise self.refusal(
                f"${name} does not end where its counts say, but with {found!r}"
                if found
                else f"it ends within ${name}"
            )
        self._at += len(mark)

    def line(self) -> str:
        """Read the rest of the line."""
        if self._at == len(self._data):
            raise self.refusal("it ends where a line should follow")
        end = self._data.find(b"\n", self._at)
        if end < 0:
            end = len(self._data)
        text = self._data[self._at : end].decode("utf-8", "replace").strip()
        self._at = end + 1 if end < len(self._data) else end
        return text

    def count_line(self) -> int:
        """Read a line with one whole number that is not negative."""
        line = self.line()
        if not (line.isascii() and line.isdigit()) or len(line) > 18:
            raise self.refusal(f"expected a count, found {line[:40]!r}")
        return int(line)

    def array(self, dtype: str | np.dtype, count: int) -> ndarray:
        """Read `count` binary values, without copying them."""
        kind = np.dtype(dtype)
        if count * kind.itemsize > self.bytes_left():
            raise self.refusal(
                f"{count} values of {kind.itemsize} bytes should follow byte {self._at}, "
                f"but only {self.bytes_left()} bytes are left"
            )
        values = np.frombuffer(self._data, kind, count, self._at)
        self._at += values.nbytes
        return values

    def rest(self, dtype: str) -> ndarray:
        """Look at the rest of the file as binary values, without reading on."""
        kind = np.dtype(dtype)
        return np.frombuffer(
            self._data, kind, self.bytes_left() // kind.itemsize, self._at
        )

    def bytes_left(self) -> int:
        """The number of bytes not yet read."""
        return len(self._data) - self._at

    def numbers(self, name: str, *, whole: bool = False) -> "Numbers":
        """Read the numbers of a section, in whichever way the file keeps them.

        Args:
            name: The section that the source is in.
            whole: Whether all numbers of the section are integers.
        """
        return BinaryNumbers(self) if self.binary else self.text_numbers(name, whole)

    def text_numbers(self, name: str, whole: bool = False) -> "TextNumbers":
        """Read all numbers up to the end of the section, which are text."""
        end = self._end_of(name)
        text = self._data[self._at : end]
        dtype = np.dtype(np.int64 if whole else np.float64)
        try:
            with warnings.catch_warnings():
                # NumPy is on its way from this warning to an error.
                warnings.simplefilter("error", DeprecationWarning)
                parsed = (
                    np.fromstring(text, dtype, sep=" ")
                    if text.strip()
                    else np.empty(0, dtype)
                )
        except (DeprecationWarning, ValueError):
            raise self.refusal(f"${name} holds something that is no number") from None
        self._at = end
        return TextNumbers(self, name, parsed)

    def _end_of(self, name: str) -> int:
        end = self._data.find(b"$End" + name.encode(), self._at)
        if end < 0:
            raise self.refusal(f"it ends within ${name}")
        return end

    def _skip_space(self) -> None:
        data, at = self._data, self._at
        while at < len(data) and data[at] in b" \t\r\n":
            at += 1
        self._at = at

    def _read_header(self) -> None:
        if not self._data.startswith(b"$MeshFormat"):
            raise ValueError(
                f"{self.path}: this is not a Gmsh .msh file, which begins with "
                "$MeshFormat. Export the mesh as .msh."
            )
        self.line()
        words = self.line().split()
        if len(words) != 3 or words[1] not in ("0", "1"):
            raise self.refusal(f"its format line is {' '.join(words)[:40]!r}")
        self.version, self.binary = words[0], words[1] == "1"
        if self.version not in ("2.2", "4.1") or words[2] != "8":
            raise ValueError(
                f"{self.path}: the format is .msh {self.version} with numbers of "
                f"{words[2]} bytes; 2.2 and 4.1 with 8 bytes can be read. Convert it, "
                "such as with: gmsh IN.msh -save -format msh22 -o OUT.msh"
            )
        if self.binary:
            self._check_byte_order()
        self.end_section("MeshFormat")

    def _check_byte_order(self) -> None:
        one = self.array("V4", 1).tobytes()
        if one == b"\0\0\0\1":
            raise ValueError(
                f"{self.path}: the file is binary with the most significant byte first "
                "(big-endian). Save it in Gmsh on a common computer, or as text "
                "(Mesh.Binary = 0)."
            )
        if one != b"\1\0\0\0":
            raise self.refusal(f"its byte-order mark is {one!r}")


class Numbers(Protocol):
    """A row of numbers, taken from its front, that is text or binary."""

    def ints(self, count: int) -> Int[ndarray, "number"]:
        """Take numbers that format 4.1 calls `int`."""
        ...

    def sizes(self, count: int) -> Int[ndarray, "number"]:
        """Take numbers that format 4.1 calls `size_t`."""
        ...

    def floats(self, count: int) -> Float[ndarray, "number"]:
        """Take numbers that format 4.1 calls `double`."""
        ...

    def finish(self) -> None:
        """Check that nothing is left."""
        ...


class BinaryNumbers:
    """Numbers that follow in a binary file."""

    def __init__(self, source: MshSource):
        self._source = source

    def ints(self, count: int) -> Int[ndarray, "number"]:
        """Take integers of 4 bytes."""
        return self._source.array("<i4", count)

    def sizes(self, count: int) -> Int[ndarray, "number"]:
        """Take integers of 8 bytes."""
        # Signed, as damaged numbers beyond 2⁶³ are then refused as negative.
        values = self._source.array("<i8", count)
        if count and values.min() < 0:
            raise self._source.refusal(f"a count or number is {values.min()}")
        return values

    def floats(self, count: int) -> Float[ndarray, "number"]:
        """Take floating-point numbers."""
        return self._source.array("<f8", count)

    def finish(self) -> None:
        """Leave the check to the section, which must end here."""


class TextNumbers:
    """Numbers of one section of a text file."""

    def __init__(self, source: MshSource, name: str, values: ndarray):
        self._source = source
        self._name = name
        self._values = values
        self._at = 0

    def ints(self, count: int) -> Int[ndarray, "number"]:
        """Take integers."""
        values = self._take(count)
        if values.dtype == np.int64:
            return values
        if not ((np.abs(values) < _LARGEST_EXACT) & (values == np.floor(values))).all():
            raise self._source.refusal(
                f"${self._name} has a fraction where a whole number belongs"
            )
        return values.astype(np.int64)

    def sizes(self, count: int) -> Int[ndarray, "number"]:
        """Take integers that are not negative."""
        values = self.ints(count)
        if count and values.min() < 0:
            raise self._source.refusal(f"a count or number is {values.min()}")
        return values

    def floats(self, count: int) -> Float[ndarray, "number"]:
        """Take floating-point numbers."""
        return self._take(count)

    def rest(self) -> ndarray:
        """Take all that is left."""
        return self._take(len(self._values) - self._at)

    def finish(self) -> None:
        """Check that nothing is left."""
        if self._at < len(self._values):
            raise self._source.refusal(
                f"${self._name} holds {len(self._values)} numbers, but its counts speak "
                f"of {self._at}"
            )

    def _take(self, count: int) -> ndarray:
        if count > len(self._values) - self._at:
            raise self._source.refusal(
                f"${self._name} holds {len(self._values)} numbers, fewer than its counts "
                "say"
            )
        values = self._values[self._at : self._at + count]
        self._at += count
        return values


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{path}: the gzip file cannot be unpacked ({error}). It is damaged or was "
            "cut off; copy or export it anew."
        ) from error
