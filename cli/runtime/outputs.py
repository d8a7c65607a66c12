"""What a run writes: fields, summaries, and the versions that they depend on."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...coils import Pose
from ...disk import write_whole
from ...efield import ElectricField
from .plain import finite


class FieldFile:
    """`field.h5`: fields pose by pose, so that many poses need not fit the memory.

    Datasets are `E` [pose, tetrahedron, 3] in V/m, `magnE` [pose, tetrahedron] in V/m, `v`
    [pose, node] in V and `matsimnibs` [pose, 4, 4] in mm, each with its unit as an
    attribute. dI/dt is an attribute, or a dataset where it differs from pose to pose.
    """

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

    def write(self, start: int, field: ElectricField, poses: Pose) -> None:
        """Write a block of poses, from number `start` on."""
        block = slice(start, start + len(field.potential))
        self._file["E"][block] = np.asarray(field.vectors)  # pyright: ignore[reportIndexIssue]
        self._file["magnE"][block] = np.asarray(field.magnitude)  # pyright: ignore[reportIndexIssue]
        nodes = self._file["v"].shape[1]  # pyright: ignore[reportAttributeAccessIssue]
        potential = np.asarray(field.potential)[:, :nodes]
        self._file["v"][block] = potential  # pyright: ignore[reportIndexIssue]
        self._file["matsimnibs"][block] = poses.to_matsimnibs()  # pyright: ignore[reportIndexIssue]

    def __enter__(self) -> "FieldFile":
        return self

    def __exit__(self, *_) -> None:
        self._file.close()


def write_origin(file: h5py.File, origin: Mapping[str, object]) -> None:
    """Put where a result comes from into a file's attributes; what is no text as JSON."""
    for name, value in origin.items():
        text = value if isinstance(value, str) else json.dumps(value)
        file.attrs[name] = text


def write_json(path: Path, content: dict) -> None:
    """Write a summary, readable by people and programs."""
    text = json.dumps(finite(content), indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(path, text + "\n")
