"""Labels and values on surfaces of the cortex as targets: GIfTI and FreeSurfer files."""

import os
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float
from nibabel.freesurfer.io import read_annot
from numpy import ndarray
from scipy.spatial import KDTree

from ...disk import gifti
from ...meshing import Surface


_P_VALUES, _LABELS, _NODES = 22, 1002, 2002  # NIFTI_INTENT_PVAL, _LABEL, _NODE_INDEX.
CORTEX = 5e-3  # No point of the cortex is farther from its surface. [m]


def read_surface_map(
    path: str | os.PathLike[str], label: str | None = None
) -> Float[ndarray, "vertex"]:
    """Read a number per vertex: a label as a mask, or a statistic.

    Args:
        path: FreeSurfer's `.annot`, or GIfTI: `.label.gii`, `.func.gii`, `.shape.gii`.
        label: Which region of an annotation or of GIfTI labels; None for a statistic.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, or has no such label.
    """
    file = Path(path)
    keys, names = read_labelled(file)
    if label is None:
        if names:
            raise ValueError(
                f"{file}: the file holds labels; name one: {_some(names)}."
            )
        if np.isinf(keys).any():
            raise ValueError(f"{file}: the map holds infinite values.")
        if not np.nan_to_num(keys).any():
            raise ValueError(f"{file}: the map is zero or NaN everywhere.")
        return np.nan_to_num(keys)
    if label not in names:
        raise ValueError(
            f"{file}: there is no label {label!r}; known are {_some(names) or 'none'}."
        )
    if len(names[label]) > 1:
        raise ValueError(f"{file}: {len(names[label])} labels have the name {label!r}.")
    found = np.isin(keys, list(names[label])).astype(np.float64)
    if not found.any():
        raise ValueError(f"{file}: no vertex has the label {label!r}.")
    return found


def read_labelled(file: Path) -> tuple[ndarray, dict[str, set[int]]]:
    """Read what a file says at each vertex, and the keys of each name that it knows.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged.
    """
    if not file.is_file():
        raise FileNotFoundError(f"{file}: file not found.")
    try:
        return _annotation(file) if file.suffix == ".annot" else _gifti(file)
    except Exception as error:  # nibabel raises of every kind for an annotation.
        if isinstance(error, OSError) and error.filename is not None:
            raise
        raise ValueError(
            f"{file}: neither an annotation nor GIfTI values ({str(error)[:120]})."
        ) from None


def surface_weights(
    surface: Surface, values: Float[ndarray, "vertex"], within: float = CORTEX
) -> Callable[[Float[ndarray, "point 3"]], Float[ndarray, "point"]]:
    """Make a map of the cortex from values on its surface.

    Args:
        surface: White, middle or pial surface, in the head's coordinates.
        values: At its vertices.
        within: Points farther from every vertex than this get zero. [m]

    Returns:
        What `mapped_region` takes: the value of the nearest vertex.

    Raises:
        ValueError: There are not as many values as vertices.
    """
    if len(values) != len(surface.vertices):
        raise ValueError(
            f"there are {len(values)} values, but the surface has "
            f"{len(surface.vertices)} vertices: they belong to different surfaces."
        )
    tree = KDTree(surface.vertices)

    def weigh(points: Float[ndarray, "point 3"]) -> Float[ndarray, "point"]:
        apart, nearest = tree.query(points)
        return np.where(np.asarray(apart) <= within, values[np.asarray(nearest)], 0.0)

    return weigh


def _annotation(file: Path) -> tuple[ndarray, dict[str, set[int]]]:
    keys, _, names = read_annot(file)
    words = (n.decode() if isinstance(n, bytes) else str(n) for n in names)
    known = _by_name((word, number) for number, word in enumerate(words))
    return np.asarray(keys, dtype=np.float64), known


def _gifti(file: Path) -> tuple[ndarray, dict[str, set[int]]]:
    image = gifti.opened(file)
    first = image.darrays[0]
    values = np.asarray(first.data, dtype=np.float64)
    if first.intent == _P_VALUES:
        raise ValueError(
            "its values are p-values, which are small where an effect is strong: give z, "
            "t, or -log10 p"
        )
    if any(each.intent == _NODES for each in image.darrays):
        raise ValueError(
            "it has values at some vertices only (NODE_INDEX): write a dense file"
        )
    if values.ndim != 1:
        raise ValueError("its first array has not one number per vertex")
    if len(image.darrays) > 1:
        name = dict(first.meta).get("Name", "without a name")
        warnings.warn(
            f"{file}: of {len(image.darrays)} arrays the first is taken ({name}).",
            stacklevel=1,
        )
    if first.intent != _LABELS:
        return values, {}
    table = image.labeltable.get_labels_as_dict()
    return values, _by_name((str(name), int(key)) for key, name in table.items())


def _by_name(pairs: Iterable[tuple[str, int]]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for name, key in pairs:
        found.setdefault(name, set()).add(key)
    return found


def _some(names: dict[str, set[int]]) -> str:
    first = list(names)[:12]
    return ", ".join(first) + (", …" if len(names) > len(first) else "")
