"""What names places of the cortex: an atlas of one's own, or one in MNI space."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing
from .. import targeting
from . import Gyri


Way = Callable[[Float[ndarray, "*place 3"]], Float[ndarray, "*place 3"]]
_SIDES = {"lh": "left", "rh": "right"}


@dataclass(frozen=True, eq=False)
class GyrusNames:
    """Names of places in a head.

    Attributes:
        gyri: What knows them.
        way: From the head to where it knows them. [m]
    """

    gyri: Gyri
    way: Way

    @property
    def source(self) -> str:
        """What names them, in words."""
        return self.gyri.source

    def __call__(self, place: Float[ndarray, "3"]) -> str | None:
        """Name a place of the head; None where nothing is known of it. [m]"""
        try:
            return self.gyri.name_at(self.way(np.asarray(place)))
        except ValueError:  # Outside of the map to MNI space.
            return None

    def of_all(self, places: Float[ndarray, "place 3"]) -> list[str | None]:
        """Name places of the head, as one by one. [m]"""
        try:
            return self.gyri.names_at(self.way(np.asarray(places)))
        except ValueError:  # Some are outside of the map to MNI space.
            return [self(place) for place in places]


def find_gyri(atlas: str | None, source: str, to_mni: Way | None) -> GyrusNames | None:
    """Find what names places of a head; None where nothing does.

    Args:
        atlas: A file in the head's space, or None for the atlas in MNI space.
        source: Of the head.
        to_mni: From the head to MNI space, where that is known. [m]

    Raises:
        ValueError: The file is malformed, or does not fit the head.
        FileNotFoundError: There is no such file.
    """
    if atlas is not None:
        return GyrusNames(_own(Path(atlas), source), np.asarray)
    gyri = None if to_mni is None else targeting.mni_gyri()
    return None if to_mni is None or gyri is None else GyrusNames(gyri, to_mni)


def _own(file: Path, source: str) -> Gyri:
    if file.suffix not in (".annot", ".gii"):
        return targeting.gyri_of_image(file)
    side, dot, rest = file.name.partition(".")
    if side not in _SIDES or not dot:
        raise ValueError(
            f"{file}: the name of a file with labels of one hemisphere begins with "
            "lh. or rh."
        )
    found = _hemisphere(file, side, source)
    other = "rh" if side == "lh" else "lh"
    beside = file.with_name(f"{other}.{rest}")
    return found + _hemisphere(beside, other, source) if beside.is_file() else found


def _hemisphere(file: Path, side: str, source: str) -> Gyri:
    subject = meshing.subject_of(source)
    surface = None
    if subject is not None:
        surface = subject.folder / "surfaces" / f"{side}.central.gii"
    if surface is None or not surface.is_file():
        raise ValueError(
            f"{file}: its labels are of surfaces/{side}.central.gii in an m2m_ "
            f"folder, which {source} does not have. Give a label image in the head's space."
        )
    found = meshing.read_surface(surface)
    return targeting.gyri_on_surface(file, found, _SIDES[side])
