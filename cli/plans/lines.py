"""The lines at which the tables and keys of a TOML text begin, for messages."""

import re
import tomllib
from collections.abc import Iterator


At = tuple[str | int, ...]  # Keys and numbers that lead to a table or key.

# Strings, in which nothing else counts, comments, brackets, and ends of keys and lines.
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[\[\]{}=\n]",
    re.DOTALL,
)


def lines_of(text: str) -> dict[At, int]:
    """Find the line of every table and key of a text that is valid TOML.

    Args:
        text: Of the file; lines end in a line feed.

    Returns:
        The line, from 1, by the keys that lead there. What is inside of a value, such as
        the keys of an inline table, has no line of its own.
    """
    lines: dict[At, int] = {(): 1}
    sizes: dict[At, int] = {}  # How many tables each array of tables has so far.
    table: At = ()
    for line, begin in _statements(text):
        is_table = begin.startswith("[")
        names, is_array = _names(begin if is_table else f"{begin}= 0")
        at: At = () if is_table else table
        for number, name in enumerate(names):
            at = (*at, name)
            lines.setdefault(at, line)
            if is_array and number == len(names) - 1:
                sizes[at] = sizes.get(at, 0) + 1
            if is_table and at in sizes:
                at = (*at, sizes[at] - 1)
                lines.setdefault(at, line)
        table = at if is_table else table
    return lines


def line_of(lines: dict[At, int], at: At) -> int:
    """Look up the line of a key or table, or else of the nearest that it is inside of.

    Args:
        lines: As `lines_of` gives them.
        at: The keys that lead there.
    """
    while at not in lines:
        at = at[:-1]
    return lines[at]


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Cut a text into heads of tables and keys of values, each with its line."""
    line, start, depth, key_end = 1, 0, 0, None
    text += "\n"
    for token in _TOKEN.finditer(text):
        found = token[0]
        if found in "[{":
            depth += 1
        elif found in "]}":
            depth -= 1
        elif found == "=" and key_end is None:
            key_end = token.start()
        elif found == "\n" and depth == 0:
            begin = text[start : key_end or token.start()].strip()
            if begin and not begin.startswith("#"):
                yield line, begin
            line += text.count("\n", start, token.end())
            start, key_end = token.end(), None


def _names(statement: str) -> tuple[list[str], bool]:
    """The keys that a statement names, one in the other, and if it adds to an array."""
    names, there = [], tomllib.loads(statement)
    while isinstance(there, dict) and there:
        ((name, there),) = there.items()
        names.append(name)
    return names, isinstance(there, list)
