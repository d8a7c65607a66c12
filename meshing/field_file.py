"""Files of fields, `field.h5`: pose by pose, so that many need not fit the memory.

Datasets are `E` [pose, tetrahedron, 3] in V/m, `magnE` [pose, tetrahedron] in V/m, `v`
[pose, node] in V and `matsimnibs` [pose, 4, 4] in mm, each with its unit as an attribute.
dI/dt is an attribute, or a dataset where it differs from pose to pose.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..disk.hdf5 import open_hdf5


class FieldFile:
    """Writes such a file, block by block."""

    def __init__(
        self,
        path: Path,
        poses: int,
        tetrahedra: int,
        nodes: int,
        didt: Float[ndarray, "pose"],
        origin: Mapping[str, object],
    ):
        """Make the file.

        Args:
            path: Of it.
            poses: How many.
            tetrahedra: Of the head.
            nodes: Of the head.
            didt: Of each pose. [A/s]
            origin: Where the fields come from: attributes, as text or as JSON.
        """
        self._file = h5py.File(path, "w")
        write_origin(self._file, origin)
        self._file.attrs["software"] = f"tmsgrad {version('tmsgrad')}"
        if (didt == didt[0]).all():
            self._file.attrs["dIdt"] = float(didt[0])
            self._file.attrs["dIdt_units"] = "A/s"
        else:
            self._file.create_dataset("dIdt", data=didt).attrs["units"] = "A/s"
        for name, shape, unit, meaning in (
            ("E", (poses, tetrahedra, 3), "V/m", "electric field in each tetrahedron"),
            ("magnE", (poses, tetrahedra), "V/m", "magnitude of the electric field"),
            ("v", (poses, nodes), "V", "electric potential at the nodes"),
            ("matsimnibs", (poses, 4, 4), "mm", "coil to head, SimNIBS convention"),
        ):
            data = self._file.create_dataset(name, shape, dtype="f8")
            data.attrs["units"] = unit
            data.attrs["description"] = meaning

    def write(
        self,
        start: int,
        vectors: Float[ndarray, "pose tet 3"],
        magnitude: Float[ndarray, "pose tet"],
        potential: Float[ndarray, "pose node"],
        matrices: Float[ndarray, "pose 4 4"],
    ) -> None:
        """Write a block of poses.

        Args:
            start: The number of the first.
            vectors: E in the tetrahedra. [V/m]
            magnitude: |E|. [V/m]
            potential: At the nodes, of which those of the file come first. [V]
            matrices: Coil to head, as SimNIBS has them. [mm]
        """
        block = slice(start, start + len(vectors))
        nodes = self._data("v").shape[1]
        self._data("E")[block] = vectors
        self._data("magnE")[block] = magnitude
        self._data("v")[block] = potential[:, :nodes]
        self._data("matsimnibs")[block] = matrices

    def _data(self, name: str) -> h5py.Dataset:
        found = self._file[name]
        assert isinstance(found, h5py.Dataset)
        return found

    def __enter__(self) -> "FieldFile":
        return self

    def __exit__(self, *_) -> None:
        self._file.close()


def write_origin(file: h5py.File, origin: Mapping[str, object]) -> None:
    """Put where a result comes from into a file's attributes; what is no text as JSON."""
    for name, value in origin.items():
        text = value if isinstance(value, str) else json.dumps(value)
        file.attrs[name] = text


@dataclass(frozen=True, eq=False)
class StoredField:
    """The field of one pose in a file.

    Attributes:
        magnitude: |E| in each tetrahedron. [V/m]
        pose: Coil to head. [m]
        rate: dI/dt. [A/s]
    """

    magnitude: Float[ndarray, "tet"]
    pose: Float[ndarray, "4 4"]
    rate: float


def count_fields(path: Path) -> int:
    """How many poses a file of fields has; none where it is no such file.

    Raises:
        ValueError: A name in it is no array, or one of another file.
        OSError: It cannot be read.
    """
    with open_fields(path) as file:
        found = file.get("magnE")
        return len(found) if isinstance(found, h5py.Dataset) else 0


def read_field(path: Path, number: int) -> StoredField:
    """Read the field of one pose.

    Args:
        path: The file.
        number: Of the pose, from 0.

    Raises:
        ValueError: It is no file of fields, or has fewer poses.
    """
    try:
        with open_fields(path) as file:
            fields, matrices = file["magnE"], file["matsimnibs"]
            assert isinstance(fields, h5py.Dataset)
            assert isinstance(matrices, h5py.Dataset)
            if number >= len(fields):
                raise ValueError(f"{path} holds {len(fields)} poses, counted from 0.")
            every = np.asarray(file.get("dIdt", file.attrs.get("dIdt", np.nan)))
            pose = np.array(matrices[number], dtype=float)
            pose[:3, 3] *= 1e-3
            return StoredField(
                np.asarray(fields[number]),
                pose,
                float(every[number] if every.ndim else every),
            )
    except (KeyError, OSError) as error:
        raise ValueError(f"{path}: this is no field.h5 of tmsgrad ({error}).") from None


@contextmanager
def open_fields(path: Path) -> Iterator[h5py.File]:
    """Open a file of fields for reading.

    Raises:
        ValueError: A name in it is no array, or one of another file.
        OSError: It cannot be read.
    """
    with open_hdf5(path) as file:
        for name in file:
            if not isinstance(file[name], h5py.Dataset):
                raise ValueError(
                    f"{path}: {name} is no array in this file, but fields are arrays."
                )
        yield file
