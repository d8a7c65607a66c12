"""What an option's word means: numbers, lists of them, and names."""

import argparse
import contextlib
import os
import re
import stat

from . import units


#: The checks of a head that find errors: `about` of such findings.
CHECKS = ("sliver", "overlap", "parts", "rough")
#: The same of what `head segment` makes, and of its T1.
HEAD_CHECKS = (*CHECKS, "voxels", "size", "stripped", "defaced", "contrast")


def path(word: str) -> str:
    """Take the name of a file or folder to read.

    Devices and pipes are refused: some never end.
    """
    with contextlib.suppress(OSError, ValueError):
        kind = os.stat(word).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            raise argparse.ArgumentTypeError(
                f"{word!r} is neither a file nor a folder, but a device or a pipe"
            )
    return word


def source(word: str) -> str:
    """Take the name of a file or folder to read, or of something that tmsgrad knows."""
    return path(word)


def seed(word: str) -> str:
    """Take the name of a file, of something that tmsgrad knows, or a place in mm."""
    if re.fullmatch(r"[-+\d.eE, ]+", word) and word.count(",") == 2:
        point(word)
    return path(word)


def output(word: str) -> str:
    """Take the name of a file or folder to write."""
    return word


def number(word: str) -> float:
    """Read a finite number."""
    try:
        value = float(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is no number") from None
    if value != value or value in (float("inf"), float("-inf")):
        raise argparse.ArgumentTypeError(f"{word!r} is not finite")
    return value


def positive(word: str) -> float:
    """Read a positive number."""
    value = number(word)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{word!r} must be positive")
    return value


def current_rate(word: str) -> float | tuple[float, ...] | str:
    """Read a dI/dt, one for each stimulator [A/s], or `recorded`."""
    if word == "recorded":
        return word
    found = units.rates(word)
    if len(found) == 1:
        if found[0] <= 0:
            raise argparse.ArgumentTypeError(f"{word!r} must be positive")
        return found[0]
    if not any(found):
        raise argparse.ArgumentTypeError(f"{word!r} drives no stimulator")
    return found


def full_output(word: str) -> float:
    """Read a positive dI/dt. [A/s]"""
    found = current_rate(word)
    if not isinstance(found, float):
        raise argparse.ArgumentTypeError(f"{word!r} must be one number in A/µs")
    return found


def not_negative(word: str) -> float:
    """Read a number that is zero or more."""
    value = number(word)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{word!r} must not be negative")
    return value


def count(word: str) -> int:
    """Read a positive whole number."""
    value = positive(word)
    if value != int(value):
        raise argparse.ArgumentTypeError(f"{word!r} is no whole number")
    return int(value)


def index(word: str) -> int:
    """Read a whole number from 0 on."""
    value = not_negative(word)
    if value != int(value):
        raise argparse.ArgumentTypeError(f"{word!r} is no whole number")
    return int(value)


def random_seed(word: str) -> int:
    """Read a seed: a whole number of any length."""
    if not re.fullmatch(r"[0-9]{1,200}", word):
        raise argparse.ArgumentTypeError(f"{word!r} must be a whole number, 0 or more")
    return int(word)


def sizes(word: str) -> dict[str, float]:
    """Read tissue=mm pairs, and give them in metres."""
    sizes = {}
    for part in word.split(","):
        tissue, equals, size = part.partition("=")
        if not equals or not tissue.strip():
            raise argparse.ArgumentTypeError(f"{part!r} must be TISSUE=MM")
        sizes[tissue.strip()] = positive(size) * 1e-3
    return sizes


def tilt(word: str) -> float:
    """Read an angle from 0 to 45 degrees."""
    value = number(word)
    if not 0 <= value <= 45:
        raise argparse.ArgumentTypeError(f"{word!r} must lie between 0 and 45")
    return value


def share(word: str) -> float:
    """Read a number from 0 to 1."""
    value = number(word)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{word!r} must lie between 0 and 1")
    return value


def spread(word: str) -> str:
    """Read a relative deviation, or `literature`."""
    if word != "literature" and not 0 < number(word) <= 2:
        raise argparse.ArgumentTypeError(
            f"{word!r} must be `literature` or a share above 0, such as 0.1"
        )
    return word


def four(word: str) -> tuple[float, ...]:
    """Read four numbers that are zero or more."""
    values = tuple(not_negative(part) for part in word.split(","))
    if len(values) != 4:
        raise argparse.ArgumentTypeError(
            f"{word!r} must be four numbers: MM,MM,DEG,DEG"
        )
    return values


def handle(word: str) -> str | tuple[float, float]:
    """Read `back`, `free`, or an angle and how far a handle may be off it. [°]"""
    if word in ("back", "free"):
        return word
    found = re.fullmatch(r"(-?[\d.]+)(?:±|\+-|\+/-)([\d.]+)", word.replace(" ", ""))
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{word!r} must be back, free, or degrees such as 45±30 (also 45+-30)"
        )
    angle, within = number(found[1]), number(found[2])
    if not (-180 <= angle <= 180 and within <= 180):
        raise argparse.ArgumentTypeError(f"{word!r}: angles go from -180 to 180")
    return angle, within


def names(word: str) -> tuple[str, str]:
    """Read two names."""
    first, comma, second = (part.strip() for part in word.partition(","))
    if not (first and comma and second) or "," in second:
        raise argparse.ArgumentTypeError(f"{word!r} must be two names: NAME,NAME")
    return first, second


def several(word: str) -> tuple[str, ...]:
    """Read names with commas between them."""
    found = tuple(part.strip() for part in word.split(","))
    if not all(found):
        raise argparse.ArgumentTypeError(f"{word!r} has an empty name")
    return found


def checks(word: str, known: tuple[str, ...] = CHECKS) -> tuple[str, ...]:
    """Read names of checks whose errors can be passed."""
    found = several(word)
    for name in found:
        if name not in known:
            raise argparse.ArgumentTypeError(
                f"{name!r} is no check that stops; these are {', '.join(known)}"
            )
    return found


def head_checks(word: str) -> tuple[str, ...]:
    """Read the same names, of `head segment`."""
    return checks(word, HEAD_CHECKS)


def positives(word: str) -> tuple[float, ...]:
    """Read positive numbers."""
    return tuple(positive(part) for part in word.replace(",", " ").split())


def triple(word: str) -> tuple[float, float, float]:
    """Read three numbers."""
    parts = word.replace(",", " ").split()
    if len(parts) != 3:
        raise argparse.ArgumentTypeError(f"{word!r} must be three numbers: X,Y,Z")
    x, y, z = (number(part) for part in parts)
    return x, y, z


def point(word: str) -> tuple[float, float, float]:
    """Read a place in mm."""
    found = triple(word)
    units.check_place(word, found)
    return found


def ball(word: str) -> tuple[tuple[float, float, float], float]:
    """Read four numbers X,Y,Z,R of a ball in mm, in metres."""
    centre, radius, *more = _mixed(word, (4,))
    assert not more
    return centre, radius


def region(word: str) -> tuple[tuple[float, float, float], float] | str:
    """Read a ball X,Y,Z,R in mm, in metres, or the name of a gyrus or of a file."""
    if re.fullmatch(r"[-+\d.eE, ]+", word):
        return ball(word)
    file = region_file(word)
    if file is not None:
        path(file)
    return word


def region_file(word: str) -> str | None:
    """Take the file of `FILE` or `FILE:NAME`, of labels or of a mask; None of a name."""
    found = re.fullmatch(
        r"(.+\.(?:annot|gii|nii|nii\.gz))(?::.+)?", word, re.IGNORECASE
    )
    return None if found is None else found[1]


def avoided(word: str) -> tuple[tuple[float, float, float], float, float | None]:
    """Read a ball in mm, in metres, and a limit in V/m or none."""
    centre, radius, *limit = _mixed(word, (4, 5))
    return centre, radius, limit[0] if limit else None


def place(word: str) -> tuple[float, float, float] | str:
    """Read three numbers in mm, in metres, or a name."""
    if any(letter.isalpha() for letter in word):
        return word
    x, y, z = point(word)
    return x * 1e-3, y * 1e-3, z * 1e-3


def mni(word: str) -> tuple[float, float, float] | str:
    """Read three numbers in mm, or the name of a symptom."""
    return word if any(letter.isalpha() for letter in word) else point(word)


def score(word: str) -> tuple[str, float]:
    """Read a symptom and how strong it is."""
    name, _, value = word.partition("=")
    if not (name and value):
        raise argparse.ArgumentTypeError(f"{word!r} is no score such as dysphoric=18")
    return name, not_negative(value)


def _mixed(word: str, counts: tuple[int, ...]):
    parts = [number(part) for part in word.replace(",", " ").split()]
    if len(parts) not in counts or min(parts[3:]) <= 0:
        needed = "X,Y,Z,R" + (" or X,Y,Z,R,V/M" if 5 in counts else "")
        raise argparse.ArgumentTypeError(
            f"{word!r} must be {needed}, with a positive radius and limit"
        )
    units.check_place(word, parts[:3])
    x, y, z = (value * 1e-3 for value in parts[:3])
    radius = units.length(str(parts[3])) * 1e-3
    return (x, y, z), radius, *parts[4:]


def avoided_map(word: str) -> tuple[str, float | None]:
    """Read a file, and a limit in V/m after a colon or none."""
    file, _, limit = word.rpartition(":")
    try:
        value = float(limit) if file else None
    except ValueError:
        value = None
    if value is None:
        return word, None
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{word!r} needs a positive limit in V/m")
    return file, value


def band(word: str) -> tuple[float, float]:
    """Read two frequencies, the lower one first."""
    found = positives(word)
    if len(found) != 2 or found[0] >= found[1]:
        raise argparse.ArgumentTypeError(f"{word!r} is no band such as 8,13")
    return found[0], found[1]


def device(word: str) -> str:
    """Read `cpu`, `gpu` or `gpu:N`."""
    if not re.fullmatch(r"cpu|gpu(:\d+)?", word):
        raise argparse.ArgumentTypeError(f"{word!r} must be cpu, gpu or gpu:N")
    return word
