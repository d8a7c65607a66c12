"""Names of physical groups, which name the tissues where numbers do not.

Gmsh numbers physical groups as its user likes, and writes the names that the user gave
them to $PhysicalNames. SimNIBS goes by the numbers alone. A file whose names are those of
tissues, but under other numbers than SimNIBS', would be read with its tissues exchanged.
"""

import re
import warnings
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from ..head import TISSUE_NAMES, tissue_named
from .sections import MshSource


_VOLUME = 3  # The dimension of groups of tetrahedra.


def read_volume_names(source: MshSource) -> dict[int, str]:
    """Read $PhysicalNames: the names of groups of volumes, by their numbers."""
    names: dict[int, str] = {}
    for _ in range(source.count_line()):
        line = source.line()
        found = re.fullmatch(r'(\d)\s+(-?\d+)\s+"?(.*?)"?', line)
        if found is None:
            raise source.refusal(f"$PhysicalNames has the line {line[:40]!r}")
        if int(found[1]) == _VOLUME:
            names[abs(int(found[2]))] = found[3]
    return names


def named_tags(
    path: Path,
    names: dict[int, str],
    tags: Int[ndarray, "tet"],
    grouped: Bool[ndarray, "tet"],
) -> Int[ndarray, "tet"]:
    """Give tetrahedra the tissues that the names of their groups mean.

    Names in agreement with SimNIBS' numbers change nothing. Where a name contradicts its
    number, names decide; groups whose names are no tissues are then refused, as their
    numbers mean nothing either. Where only unknown names stand at numbers of SimNIBS, the
    numbers decide. Both of the latter are warned of.

    Args:
        path: The file, for messages.
        names: Of the groups of volumes, by number.
        tags: The number of each tetrahedron's group, or of its entity.
        grouped: Which of the two.

    Raises:
        ValueError: Names contradict SimNIBS' numbers, and some group has no such name.
    """
    if not names:
        return tags
    present = np.unique(tags[grouped]).tolist()
    known = {number: tissue_named(names.get(number, "")) for number in present}
    meant = {number: tag for number, tag in known.items() if tag is not None}
    unknown = [number for number in present if number not in meant]
    if all(number == tag for number, tag in meant.items()):
        _warn_of_assumed(path, names, unknown)
        return tags
    contradicting = ", ".join(
        f"{number} is {names[number]!r}"
        + (f" rather than {TISSUE_NAMES[number]}" if number in TISSUE_NAMES else "")
        for number, tag in meant.items()
        if number != tag
    )
    if unknown or not grouped.all():
        nameless = [f"{number} ({names.get(number, 'no name')})" for number in unknown]
        if not grouped.all():
            nameless.append("tetrahedra in no physical group")
        raise ValueError(
            f"{path}: the physical groups are not numbered as in SimNIBS ({contradicting}"
            "), so names must show the tissues, but these do not: "
            f"{', '.join(nameless)}. Name each group after one of "
            f"{', '.join(TISSUE_NAMES.values())}."
        )
    warnings.warn(
        f"{path}: the names of the physical groups contradict SimNIBS' numbers "
        f"({contradicting}): the names decide, "
        + ", ".join(f"{names[n]!r} is {TISSUE_NAMES[tag]}" for n, tag in meant.items())
        + ".",
        stacklevel=3,
    )
    numbers = np.array(sorted(meant))
    tissues = np.array([meant[number] for number in numbers.tolist()], tags.dtype)
    return tissues[np.searchsorted(numbers, tags)]


def _warn_of_assumed(path: Path, names: dict[int, str], unknown: list[int]) -> None:
    assumed = [
        f"{number} ({names[number]!r}) is {TISSUE_NAMES[number]}"
        for number in unknown
        if number in names and number in TISSUE_NAMES
    ]
    if assumed:
        warnings.warn(
            f"{path}: physical groups have names that are no tissues; their numbers are "
            f"taken as SimNIBS': {', '.join(assumed)}.",
            stacklevel=4,
        )
