"""A reduced field as one HDF5 file."""

import json
import os
from importlib.metadata import version
from pathlib import Path

import h5py
import jax.numpy as jnp
import numpy as np

from ...coils import AbstractCoil, Pose, Sources
from ...disk import whole_file
from ...disk.hdf5 import open_hdf5
from ..conductor import Conductor
from .accuracy import Accuracy, Origin
from .drives import Drives
from .field import ReducedField
from .modes import Modes, Table


_FORMAT = "tmsgrad reduced field 1"
_ARRAYS = ("points", "directions", "to_modes", "positions", "weights")
_SOURCES = (
    "dipole_positions",
    "dipole_moments",
    "current_positions",
    "current_vectors",
)
_UNSEEN = ("coils", "relative", "at_hot_spots", "misfit")
_NUMBERS = ("tolerance", "limit", "storage")
# What reading a damaged file may raise, whatever part of it is damaged.
_DAMAGE = (OSError, KeyError, TypeError, ValueError, IndexError, AttributeError)


def write_reduced(path: str | os.PathLike[str], reduced: ReducedField) -> None:
    """Write a reduced field, with what it is of and how accurate it is.

    Args:
        path: Of the file, `.h5`; it is there as a whole or not at all.
        reduced: The field.
    """
    with whole_file(Path(path)) as draft, h5py.File(draft, "w", locking=False) as file:
        _write(file, reduced)


def _write(file: h5py.File, reduced: ReducedField) -> None:
    origin, accuracy = reduced.origin, reduced.accuracy
    file.attrs["format"] = _FORMAT
    file.attrs["software"] = f"tmsgrad {version('tmsgrad')}"
    file.attrs["head"] = origin.head
    file.attrs["order"] = origin.order
    file.attrs["about"] = json.dumps(dict(origin.about))
    for name in _ARRAYS:
        file[name] = np.asarray(getattr(reduced, name))
    file["modes"] = np.arange(len(reduced.modes.tables))
    for number, table in enumerate(reduced.modes.tables):
        group = file.create_group(f"table{number}")
        group["values"] = np.asarray(table.values)
        if table.scale is not None:
            group["scale"] = np.asarray(table.scale)
    for number, coil in enumerate(reduced.coils):
        group = file.create_group(f"coil{number}")
        group.attrs["name"], group.attrs["digest"] = coil.name, coil.digest
        group.attrs["stands_apart"] = coil.stands_apart
        group.attrs["strengths"] = coil.strengths
        group["rates"] = np.asarray(coil.rates)
        for stimulator, sources in enumerate(coil.sources):
            for name in _SOURCES:
                group[f"stimulator{stimulator}/{name}"] = np.asarray(
                    getattr(sources, name)
                )
    group = file.create_group("accuracy")
    group["matsimnibs"] = accuracy.poses.to_matsimnibs()
    for name in (*_UNSEEN, "coefficients"):
        group[name] = np.asarray(getattr(accuracy, name))
    for name in (*_NUMBERS, "solves"):
        group.attrs[name] = getattr(accuracy, name)


def read_reduced(
    path: str | os.PathLike[str],
    *,
    conductor: Conductor | None = None,
    coil: AbstractCoil | None = None,
) -> ReducedField:
    """Read a reduced field.

    Args:
        path: What `write_reduced` wrote.
        conductor: The head that it must be of, or None to take it as it is.
        coil: The coil that it must know, or None.

    Raises:
        ValueError: The file is no reduced field, is damaged, or is of another head or
            coil; the message names these.
        OSError: It cannot be read.
    """
    target = Path(path)
    if not target.exists():
        raise FileNotFoundError(f"{target}: file not found.")
    try:
        with open_hdf5(target) as file:
            found = _read(file)
    except _DAMAGE as error:
        raise ValueError(
            f"{target} is no reduced field, or is damaged ({error}). `write_reduced` "
            "makes such files."
        ) from error
    try:
        found.check_made_for(conductor, coil)
    except ValueError as error:
        raise ValueError(f"{target}: {error}") from error
    return found


def _read(file: h5py.File) -> ReducedField:
    if file.attrs.get("format") != _FORMAT:
        raise KeyError(f"its format is {file.attrs.get('format')!r}, not {_FORMAT!r}")
    real = lambda group, name: jnp.asarray(_array(group, name), dtype=float)
    tables = []
    for number in range(len(_array(file, "modes"))):
        group = _group(file, f"table{number}")
        scale = jnp.asarray(_array(group, "scale")) if "scale" in group else None
        tables.append(Table(jnp.asarray(_array(group, "values")), scale))
    coils = []
    while f"coil{len(coils)}" in file:
        group = _group(file, f"coil{len(coils)}")
        rates = real(group, "rates")
        sources = tuple(
            Sources(*(real(group, f"stimulator{i}/{name}") for name in _SOURCES))
            for i in range(len(rates))
        )
        attrs = group.attrs
        coils.append(
            Drives(
                sources,
                rates,
                str(attrs["name"]),
                str(attrs["digest"]),
                _number(group, "stands_apart"),
                tuple(map(float, attrs["strengths"])),  # pyright: ignore[reportArgumentType]
            )
        )
    group = _group(file, "accuracy")
    arrays = {name: _array(group, name) for name in _UNSEEN}
    numbers = {name: _number(group, name) for name in _NUMBERS}
    accuracy = Accuracy(
        poses=Pose.from_matsimnibs(_array(group, "matsimnibs")),
        coefficients=real(group, "coefficients"),
        solves=int(_number(group, "solves")),
        coils=arrays["coils"],
        relative=arrays["relative"],
        at_hot_spots=arrays["at_hot_spots"],
        misfit=arrays["misfit"],
        tolerance=numbers["tolerance"],
        limit=numbers["limit"],
        storage=numbers["storage"],
    )
    places = _array(file, "positions")
    about = json.loads(str(file.attrs["about"]))
    return ReducedField(
        Modes(tuple(tables), len(places)),
        real(file, "points"),
        real(file, "directions"),
        real(file, "to_modes"),
        tuple(coils),
        places,
        real(file, "weights"),
        accuracy,
        Origin(str(file.attrs["head"]), int(file.attrs["order"]), tuple(about.items())),  # pyright: ignore[reportArgumentType]
    )


def _number(group: h5py.Group, name: str) -> float:
    return float(group.attrs[name])  # pyright: ignore[reportArgumentType]


def _array(group: h5py.Group, name: str) -> np.ndarray:
    found = group[name]
    if not isinstance(found, h5py.Dataset):
        raise TypeError(f"{name} is no array")
    return np.asarray(found)


def _group(file: h5py.File, name: str) -> h5py.Group:
    found = file[name]
    if not isinstance(found, h5py.Group):
        raise TypeError(f"{name} is no group")
    return found
