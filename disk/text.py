"""Text files, in the encoding that their byte-order mark gives."""

import codecs
import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


_DIGITS = 18


def read_text(path: str | os.PathLike[str]) -> str:
    """Read a text file in UTF-8, or in what its byte-order mark says.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no such text.
    """
    return decoded(Path(path), Path(path).read_bytes())


def decoded(path: Path, data: bytes, encoding: str = "utf-8-sig") -> str:
    """Decode bytes of a text file.

    Args:
        path: The file, for messages.
        data: The bytes.
        encoding: Of a text without a mark.

    Raises:
        ValueError: They are no such text.
    """
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    utf8 = data.startswith(codecs.BOM_UTF8)
    name = "utf-16" if utf16 else "utf-8-sig" if utf8 else encoding
    try:
        text = data.decode(name)
    except (UnicodeDecodeError, LookupError) as error:
        wanted = "UTF-8" if name == "utf-8-sig" else name
        raise ValueError(
            f"{path}: this is no text in {wanted} ({error}). Is it the right file?"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_json(
    path: str | os.PathLike[str], constant: Callable[[str], Any] | None = None
) -> Any:
    """Read a JSON file.

    Args:
        path: The file.
        constant: Makes a value of `NaN`, `Infinity` and `-Infinity`, which JSON does not
            have; by default the numbers that they name.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no JSON, or gives a field twice.
    """
    text = read_text(path)
    try:
        return json.loads(
            text,
            parse_int=_whole,
            parse_constant=constant,
            object_pairs_hook=_fields,
        )
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: this is no JSON ({str(error)[:200]}).") from None


def read_table(path: str | os.PathLike[str], delimiter: str = ",") -> list[list[str]]:
    """Read the rows of a table.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no such text.
    """
    lines = read_text(path).splitlines(keepends=True)
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error as error:
        raise ValueError(f"{path}: this is no table ({error}).") from None


def _whole(word: str) -> int | float:
    """A whole number; one that no computer counts to is as good as infinite."""
    return int(word) if len(word) <= _DIGITS else float(word)


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of fields that are there twice, nobody knows which one is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {twice[:40]!r} is there twice")
    return found
