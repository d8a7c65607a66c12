"""Results that are there already, as `tmsgrad show` names them."""

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing
from ...meshing import HeadMesh, StoredField
from ..runtime.progress import Progress
from .heads import read_head
from .poses import poses_in


_MAGNITUDES = ("magnE", "normE")  # SimNIBS' older name is the second.

Ball = tuple[Float[ndarray, "3"], float]


@dataclass(frozen=True, eq=False)
class StoredRequest:
    """Which result is asked for, and what is said of it on the command line.

    Attributes:
        result: A folder, its `field.h5`, or a mesh with a field.
        number: Of the pose.
        head: As the command line names it, or None for that of the result.
        force: Checks of the head whose errors do not stop.
        pose: A file of the coil's poses, or None for those of the result.
        target: Centre and radius, or None for that of the result. [m]
    """

    result: str
    number: int
    head: str | None
    force: tuple[str, ...]
    pose: str | None
    target: Ball | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> "StoredRequest":
        """Take it from the options.

        Raises:
            ValueError: A target has no radius, or a radius no target.
        """
        target = None
        if options.target is not None:
            if options.radius is None:
                raise ValueError("--target needs a --radius.")
            target = np.asarray(options.target) * 1e-3, options.radius * 1e-3
        elif options.radius is not None:
            raise ValueError("--radius is of a --target, which is missing.")
        return cls(
            *(options.result, options.number, options.head, tuple(options.force)),
            *(options.pose, target),
        )


@dataclass(frozen=True, eq=False)
class StoredResult:
    """What is known of a result.

    Attributes:
        head: The head.
        magnitude: |E| in each tetrahedron. [V/m]
        pose: Coil to head, or None. [m]
        rate: dI/dt, or None. [A/s]
        coil: File or name of the coil, or None.
        target: Centre and radius, or None. [m]
        name: Of the head.
    """

    head: HeadMesh
    magnitude: Float[ndarray, "tet"]
    pose: Float[ndarray, "4 4"] | None
    rate: float | None
    coil: str | None
    target: Ball | None
    name: str


def read_stored(request: StoredRequest, progress: Progress) -> StoredResult:
    """Read a result's folder, its `field.h5`, or a `.msh` with a field.

    Raises:
        FileNotFoundError: It is not there, or has no field.
        ValueError: What it holds does not fit together.
    """
    path = Path(request.result)
    if not path.exists():
        raise FileNotFoundError(f"{path}: file or folder not found.")
    folder = path if path.is_dir() else path.parent
    ours = path.is_dir() or path.name in ("field.h5", "field.msh")
    mesh = path if path.suffix in (".msh", ".gz") else folder / "field.msh"
    store = folder / "field.h5"
    if not mesh.is_file() and not store.is_file():
        raise FileNotFoundError(f"{path}: {instead_of_fields(folder)}")
    head = _head(request, mesh, progress)
    summary = _read_summary(folder / "summary.json") if ours else {}
    magnitude, pose, rate = _field(request, mesh, store if ours else None)
    if magnitude.shape != head.tags.shape:
        raise ValueError(
            f"{path}: the field has {len(magnitude)} tetrahedra, but the head has "
            f"{len(head.tags)}: it belongs to another one."
        )
    if not head.of("gray matter").any():
        raise ValueError(f"{path}: the head has no gray matter (tag 2) to show.")
    source = request.head or summary.get("head", {}).get("source")
    if request.pose is not None:
        pose = _given_pose(request.pose, request.number, source)
    coil = summary.get("coil", {}).get("source")
    target = _known_target(summary) if request.target is None else request.target
    name = Path(source or path).name
    return StoredResult(head, magnitude, pose, rate, coil, target, name)


def read_all(
    request: StoredRequest, first: StoredResult
) -> list[tuple[str, StoredResult]]:
    """Read every pose of a result, with its name or "".

    Args:
        request: Which result.
        first: One pose of it.

    Raises:
        FileNotFoundError: There is no `field.h5`.
        ValueError: It has a single pose, or is damaged.
    """
    path = Path(request.result)
    store = path if path.name == "field.h5" else path / "field.h5"
    count = _count(store)
    names = _read_summary(store.with_name("summary.json")).get("names", [])
    found = []
    for number in range(count):
        field = meshing.read_field(store, number)
        here = replace(first, **vars(field))
        found.append((names[number] if len(names) == count else "", here))
    return found


def instead_of_fields(folder: Path) -> str:
    """Say what a folder without fields holds, and where its picture is."""
    none = "there is neither field.h5 nor field.msh."
    for file, what in (
        ("pulses.csv", "values in a target, in pulses.csv"),
        ("sweep.h5", "a map of a target's value, in sweep.h5"),
    ):
        if (folder / file).is_file():
            drawn = (folder / "overview.png").is_file()
            picture = "; its picture is overview.png" if drawn else ""
            none = f"the folder holds {what}{picture}, but no fields to draw."
    return f"{none} `tmsgrad simulate` without --target, or with --fields, leaves them."


def _head(request: StoredRequest, mesh: Path, progress: Progress) -> HeadMesh:
    if request.head is not None:
        return read_head(request.head, progress, forced=request.force)
    if mesh.is_file():
        return meshing.read_msh(mesh)
    raise FileNotFoundError(
        f"{mesh.parent}: there is no field.msh, so the head is not known: give --head."
    )


def _field(
    request: StoredRequest, mesh: Path, store: Path | None
) -> tuple[Float[ndarray, "tet"], Float[ndarray, "4 4"] | None, float | None]:
    """Take |E|, and what a `field.h5` says of the pose."""
    if store is not None and store.is_file():
        field = _stored(store, request.number)
        return field.magnitude, field.pose, field.rate
    if mesh.is_file() and request.number == 0:
        return _magnitude(mesh), None, None
    raise FileNotFoundError(
        f"{mesh.parent}: there is no field.h5 with the fields of poses."
    )


def _given_pose(path: str, number: int, head: str | None) -> Float[ndarray, "4 4"]:
    poses = poses_in(path, head)
    if number >= len(poses):
        raise ValueError(
            f"--pose {path}: there is no pose {number}; it has {len(poses)}, counted "
            "from 0."
        )
    pose = np.array(poses.matrices()[number])
    pose[:3, 3] *= 1e-3
    return pose


def _count(store: Path) -> int:
    """How many poses a `field.h5` has, at least two."""
    if not store.is_file():
        raise FileNotFoundError(
            f"{store}: file not found, and an animation needs the fields of several "
            "poses, such as those of `tmsgrad simulate --turns 24`."
        )
    count = meshing.count_fields(store)
    if count < 2:
        raise ValueError(
            f"{store}: an animation needs several poses, and this has {count}. "
            "`tmsgrad simulate --turns 24` turns the coil about its axis."
        )
    return count


def _stored(path: Path, number: int) -> StoredField:
    try:
        return meshing.read_field(path, number)
    except ValueError as error:
        raise ValueError(f"--number {number}: {error}") from None


def _magnitude(path: Path) -> Float[ndarray, "tet"]:
    fields = meshing.read_msh_data(path).in_tetrahedra
    for name in _MAGNITUDES:
        if name in fields:
            return np.asarray(fields[name])
    if "E" in fields:
        return np.linalg.norm(fields["E"], axis=1)
    raise ValueError(
        f"{path}: the mesh has no field E, magnE or normE; it has "
        f"{', '.join(fields) or 'none'}."
    )


def _read_summary(path: Path) -> dict:
    """What the summary beside a field says; nothing where there is none."""
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise ValueError(f"{path}: the summary is damaged; remove it.") from None


def _known_target(summary: dict) -> Ball | None:
    known = summary.get("target")
    if known is None:
        return None
    return np.asarray(known["centre_mm"]) * 1e-3, known["radius_mm"] * 1e-3
