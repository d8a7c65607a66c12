"""A person's own network as a prior of the search for a target.

A parcellation of the person, by whatever program, says which places belong to a network, or
how probable that is. It weighs the map that is searched: where it is zero no target can be,
and of two clusters as strong that is the weightier which is in the network. Such
parcellations are of one person, from long series, and steadier than the map of a single
seed [Lynch et al. 2022, doi:10.1016/j.neuron.2022.08.012, target networks so].
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial import KDTree

from .bold import BoldSeries
from .labels import CORTEX, read_surface_map
from .maps import read_map
from .surface_series import CIFTI_CORTEX, cifti_vertices, side_of, surfaces_by_side


_ON_VERTICES = (".gii", ".annot")
_CIFTI = (".dlabel.nii", ".dscalar.nii")
_SAME = 1e-6


@dataclass(frozen=True, eq=False)
class Network:
    """How probable it is that a place belongs to a network.

    Attributes:
        at: From points in the space of the images [m] to probabilities.
        name: For messages.
    """

    at: Callable[[Float[ndarray, "point 3"]], Float[ndarray, "point"]]
    name: str

    def within(self, series: BoldSeries) -> Float[ndarray, "voxel"]:
        """The probability at each voxel of the images' mask.

        Raises:
            ValueError: Nothing of the network lies in the brain.
        """
        found = np.asarray(self.at(series.positions))
        # Rounding of places lets a little of a neighbour in, where a label ends.
        found = np.where(found > _SAME, found, 0.0)
        if not found.any():
            raise ValueError(
                f"{self.name}: nothing of the network lies in the brain of {series.name}: "
                "they are in different spaces."
            )
        return found


def is_network_on_surface(path: str | os.PathLike[str]) -> bool:
    """Whether a name is that of a parcellation on surfaces."""
    return os.fspath(path).lower().endswith((*_ON_VERTICES, *_CIFTI))


def read_network(
    path: str | os.PathLike[str],
    label: str | None = None,
    surfaces: Sequence[str | os.PathLike[str]] = (),
) -> Network:
    """Read a network of a parcellation, or the probabilities of one.

    Args:
        path: NIfTI image in the space of the functional images; on surfaces
            `.label.gii`, `.shape.gii`, `.func.gii` or `.annot` of one hemisphere, or
            `.dlabel.nii` or `.dscalar.nii` (CIFTI).
        label: Which network of a parcellation: its number in an image, its name on a
            surface; None for probabilities from 0 to 1.
        surfaces: That vertices are of, as for `read_surface_bold`.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is damaged or lacks its surface, has no such label, or values
            are no probabilities.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"{file}: file not found.")
    name = str(file) if label is None else f"{label} of {file}"
    if not is_network_on_surface(file):
        return Network(_of_image(file, label), name)
    sides = surfaces_by_side(surfaces)
    if file.name.lower().endswith(_CIFTI):
        values, places = _of_cifti(file, label, sides)
    else:
        values = read_surface_map(file, label)
        side = side_of(file)
        if side not in sides:
            raise ValueError(f"{file}: a surface of the {side} hemisphere is needed.")
        surface, places = sides[side]
        if len(values) != len(places):
            raise ValueError(
                f"{file}: {len(values)} vertices, but {surface} has {len(places)}: they "
                "belong to different surfaces."
            )
    _check_probabilities(file, values)
    return Network(_nearest(values, places), name)


def _of_image(file: Path, label: str | None) -> Callable:
    image = read_map(file)
    if label is None:
        _check_probabilities(file, image.values)
        return image.at
    try:
        number = int(label)
    except ValueError:
        raise ValueError(
            f"{file}: networks of an image have numbers, got {label!r}; names are of "
            "surfaces (.label.gii, .annot, .dlabel.nii)."
        ) from None
    return image.labelled(number).at


def _check_probabilities(file: Path, values: ndarray) -> None:
    low, high = float(values.min()), float(values.max())
    if low >= -_SAME and high <= 1 + _SAME:
        return
    if low >= 0 and (values == np.round(values)).all():
        count = len(np.unique(values[values != 0]))
        raise ValueError(
            f"{file}: values are whole numbers up to {high:g}, {count} of them, as of a "
            "parcellation: name one network."
        )
    raise ValueError(
        f"{file}: probabilities of a network lie between 0 and 1, and these from {low:.4g} "
        f"to {high:.4g}."
    )


def _of_cifti(
    file: Path, label: str | None, surfaces: dict
) -> tuple[Float[ndarray, "place"], Float[ndarray, "place 3"]]:
    try:
        image: Any = nibabel.load(file)
        rows, brain = (image.header.get_axis(n) for n in (0, 1))
        values = np.asarray(image.dataobj, np.float64)
        structures = list(brain.iter_structures())
        tables = list(getattr(rows, "label", ()))
    except Exception as error:  # nibabel raises of every kind for damaged files.
        raise ValueError(
            f"{file}: it is no CIFTI parcellation (.dlabel.nii, .dscalar.nii): "
            f"{str(error)[:120]}."
        ) from None
    if len(values) != 1:
        raise ValueError(
            f"{file}: it has {len(values)} maps; write the one that is meant to a file of "
            "its own."
        )
    chosen = _labelled(file, values[0], label, tables[0] if tables else None)
    parts = [
        (chosen[here], cifti_vertices(file, model.vertex, surfaces[CIFTI_CORTEX[name]]))
        for name, here, model in structures
        if CIFTI_CORTEX.get(name) in surfaces
    ]
    if not parts:
        raise ValueError(f"{file}: it has no cortex of the surfaces that are given.")
    return np.concatenate([one for one, _ in parts]), np.concatenate(
        [places for _, places in parts]
    )


def _labelled(
    file: Path, values: Float[ndarray, "place"], label: str | None, table: dict | None
) -> Float[ndarray, "place"]:
    """Probabilities, or where a label is, by the file's table of names."""
    names: dict[str, list[int]] = {}
    for key, (word, _) in (table or {}).items():
        names.setdefault(str(word), []).append(key)
    first = ", ".join(list(names)[:12]) or "none"
    if label is None:
        if names:
            raise ValueError(
                f"{file}: the file holds labels; name one network: {first}."
            )
        return np.nan_to_num(values)
    if label not in names:
        raise ValueError(f"{file}: there is no label {label!r}; known are {first}.")
    if len(names[label]) > 1:
        raise ValueError(f"{file}: {len(names[label])} labels have the name {label!r}.")
    return (values == names[label][0]).astype(np.float64)


def _nearest(
    values: Float[ndarray, "place"], places: Float[ndarray, "place 3"]
) -> Callable[[Float[ndarray, "point 3"]], Float[ndarray, "point"]]:
    tree = KDTree(places)

    def weigh(points: Float[ndarray, "point 3"]) -> Float[ndarray, "point"]:
        apart, nearest = tree.query(points)
        return np.where(np.asarray(apart) <= CORTEX, values[np.asarray(nearest)], 0.0)

    return weigh
