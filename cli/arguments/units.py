"""Options that have a unit: what a number means, and what is too small to be meant.

Stimulators show dI/dt in A/µs, and so do the words of the command line; files of results
have A/s. A number that can only be A/s is taken as such, and the reading is printed.
"""

import argparse
import math
import re
from collections.abc import Iterator, Sequence


_A_PER_US = 1e6  # In A/s.
#: No stimulator makes so many A/µs, and no pulse has so few A/s.
_EDGE = 1e4
_UNITS = {"": None, "A/us": _A_PER_US, "A/µs": _A_PER_US, "A/μs": _A_PER_US, "A/s": 1.0}
_LARGEST_RATE = 1e11  # As of coil files. [A/s]
#: Options that take a dI/dt, by the names that they have and had.
RATES = (
    *("--didt", "--max-didt", "--target-max-didt"),
    *("--stimulator", "--maximum", "--target-maximum"),
)
_LEAST_LENGTH = 0.1  # Smaller numbers of mm are metres. [mm]
_LEAST_PLACE = 0.3  # A place all of whose coordinates are smaller is in metres. [mm]


def rates(word: str) -> tuple[float, ...]:
    """Read one or several dI/dt, in A/µs unless their size or unit says A/s. [A/s]"""
    number, unit = _split(word)
    values = tuple(_finite(part) for part in number.split(","))
    found = tuple(value * _unit(values, unit) for value in values)
    largest = max(map(abs, found))
    if largest > _LARGEST_RATE:
        raise argparse.ArgumentTypeError(
            f"{word!r} is {largest / _A_PER_US:.4g} A/µs, but stimulators make some 100"
        )
    return found


def length(word: str) -> float:
    """Read a positive length in mm."""
    value = length_or_none(word)
    if value == 0:
        raise argparse.ArgumentTypeError(f"{word!r} must be positive")
    return value


def length_or_none(word: str) -> float:
    """Read a length in mm that is zero or more."""
    value = _finite(word)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{word!r} must not be negative")
    if 0 < value < _LEAST_LENGTH:
        raise argparse.ArgumentTypeError(
            f"{word!r} would be {value * 1e3:g} µm; lengths are in mm here: "
            f"did you mean {value * 1e3:g}?"
        )
    return value


def check_place(word: str, values: Sequence[float]) -> None:
    """Refuse coordinates that can only be metres: places are in mm."""
    if any(values) and max(map(abs, values)) < _LEAST_PLACE:
        meant = ",".join(f"{value * 1e3:g}" for value in values)
        raise argparse.ArgumentTypeError(
            f"{word!r} looks like metres; places are in mm here: did you mean {meant}?"
        )


def accuracy(word: str) -> float:
    """Read an accuracy in per cent, `0.5%`, as a share."""
    value = _finite(word.removesuffix("%").rstrip())
    if not word.endswith("%"):
        raise argparse.ArgumentTypeError(f"{word!r} needs its sign: write {value:g}%")
    if not 0.1 <= value <= 20:
        raise argparse.ArgumentTypeError(f"{word!r} must lie between 0.1% and 20%")
    return value / 100


def percent(word: str) -> float:
    """Read a positive number of per cent; a share such as 0.55 is refused."""
    value = _finite(word)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{word!r} must be positive")
    if value <= 1:
        raise argparse.ArgumentTypeError(
            f"{word!r} looks like a share; write per cent: did you mean "
            f"{value * 100:g}?"
        )
    return value


def microvolts(word: str) -> float:
    """Read a positive size of a response in µV; one in mV or V is refused."""
    value = _finite(word)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{word!r} must be positive")
    if value < 1:
        raise argparse.ArgumentTypeError(
            f"{word!r} looks like mV; it is in µV here: did you mean {value * 1e3:g}?"
        )
    return value


def readings(words: Sequence[str]) -> Iterator[str]:
    """Say how numbers were understood whose unit was taken from their size.

    Args:
        words: Of a command that was read already, each option joined to its value or not.
    """
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name not in RATES:
            continue
        if not equals:
            value = words[number + 1] if number + 1 < len(words) else ""
        named = name == "--stimulator" and not value[:1].isdigit()
        if named or value == "recorded" or _split(value)[1]:
            continue
        found = [part / _A_PER_US for part in rates(value)]
        if any(abs(float(part)) >= _EDGE for part in value.split(",")):
            shown = ",".join(f"{each:.6g}" for each in found)
            yield f"{name} {value} is taken as A/s by its size: {shown} A/µs."


def _split(word: str) -> tuple[str, str]:
    found = re.fullmatch(r"([^A-Z]*?)\s*(A/.*)?", word)
    number, unit = (word, "") if found is None else (found[1], found[2] or "")
    if unit not in _UNITS:
        raise argparse.ArgumentTypeError(f"{word!r}: dI/dt is in A/µs or A/s")
    return number, unit


def _unit(values: Sequence[float], unit: str) -> float:
    by_name = _UNITS[unit]
    if by_name is not None:
        return by_name
    return 1.0 if max(map(abs, values)) >= _EDGE else _A_PER_US


def _finite(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is no number") from None
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{word!r} is not finite")
    return value
