"""What a run leaves in its output folder: all of it, or nothing."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import h5py
import jax
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...coils import Pose
from ...efield import ElectricField
from .plain import finite


@contextmanager
def output_folder(path: str) -> Iterator[Path]:
    """Give a folder to write to, whose files appear under `path` when all is done.

    Where an exception passes, nothing is left behind. Files of an earlier run are
    replaced one by one, each at once.

    Raises:
        ValueError: The path is a file, or cannot be written.
    """
    target = Path(path)
    if target.exists() and not target.is_dir():
        raise ValueError(f"--out {target}: this is a file. Name a folder.")
    made = [p for p in (target, *target.parents) if not p.exists()]
    try:
        target.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".tmsgrad-", dir=target))
    except OSError as error:
        _remove_empty(made)
        raise ValueError(
            f"--out {target}: the folder cannot be written ({error.strerror}). Name "
            "another one."
        ) from error
    try:
        yield staging
        for file in sorted(staging.iterdir()):
            os.replace(file, target / file.name)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        _remove_empty(made)
        raise
    shutil.rmtree(staging, ignore_errors=True)


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


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
    path.write_text(
        json.dumps(finite(content), indent=2, ensure_ascii=False, allow_nan=False)
        + "\n",
        encoding="utf-8",
    )


def versions() -> dict[str, str]:
    """Name the versions that a result depends on."""
    chosen = getattr(jax.config, "jax_default_device", None)
    return {
        "tmsgrad": version("tmsgrad"),
        "jax": jax.__version__,
        "numpy": np.__version__,
        "device": str(chosen or jax.devices()[0]),
    }
