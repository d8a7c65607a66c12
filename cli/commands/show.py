"""`tmsgrad show`: pictures of a result that is there already."""

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing
from ...coils import Coil
from ...meshing import HeadMesh
from ..inputs.coils import read_coil
from ..inputs.heads import read_head
from ..inputs.poses import poses_in
from ..pictures.animation import Frame, write_animation
from ..pictures.hull import CoilHull
from ..pictures.overview import write_overview
from ..pictures.paper import picture_path
from ..pictures.slices import write_field_slices
from ..runtime.outputs import open_h5
from ..runtime.progress import Progress
from ..runtime.setup import set_up


_MAGNITUDES = ("magnE", "normE")  # SimNIBS' older name is the second.


@dataclass(frozen=True, eq=False)
class Result:
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
    target: tuple[Float[ndarray, "3"], float] | None
    name: str


def show(options: argparse.Namespace) -> dict:
    """Draw a result."""
    set_up()
    out = picture_path(options.out, (".png", ".gif"))
    progress = Progress()
    progress.stage("result", f"result {options.result}")
    found = read_result(options, progress)
    source = options.coil or found.coil
    coil = None if source is None else _read_coil(options, source)
    progress.stage("picture", "drawing")
    facts = _facts(found) + ([("coil", coil.name)] if coil is not None else [])
    hull = None if coil is None else CoilHull.of(coil)
    words = {
        "title": f"{'|E|' if coil is None else coil.name} on {found.name}",
        "subtitle": f"{options.result} · tmsgrad · for research use only",
    }
    slices = options.slices or options.t1 is not None or options.at is not None
    at = None
    if out.suffix == ".gif":
        if hull is None:
            raise ValueError(
                f"{options.result} does not say which coil it was: give --coil."
            )
        frames = _frames(options, found)
        words |= {"target": found.target, "progress": progress}
        write_animation(out, found.head, frames, hull, **words)
    elif slices:
        at = _where(found) if options.at is None else np.asarray(options.at) * 1e-3
        _draw_slices(out, options, found, at, hull, words | {"facts": facts})
    else:
        _draw_surfaces(out, options, found, hull, words | {"facts": facts})
    progress.close()
    print(f"picture: {out}")
    return {
        "picture": str(out),
        "at_mm": None if at is None else (at * 1e3).tolist(),
        "facts": dict(facts),
    }


def _draw_slices(out, options, found, at, hull: CoilHull | None, words) -> None:
    image = None if options.t1 is None else meshing.load_nifti(Path(options.t1))
    placed = None if found.pose is None or hull is None else (found.pose, hull)
    of = found.head, found.magnitude, at
    write_field_slices(out, *of, coil=placed, target=found.target, image=image, **words)


def _draw_surfaces(out, options, found, hull: CoilHull | None, words) -> None:
    if found.pose is None or hull is None:
        lacking = "--pose FILE" if found.pose is None else "--coil C"
        raise ValueError(
            f"{options.result} does not say where the coil was: give {lacking}, or "
            "--slices for a picture without it."
        )
    centre, radius = found.target or (None, None)
    words |= {"target_centre": centre, "target_radius": radius}
    write_overview(out, found.head, found.magnitude, found.pose, hull, **words)


def _frames(options: argparse.Namespace, first: Result) -> list[Frame]:
    """Take every pose of a result."""
    for name in ("number", "slices", "t1", "at", "pose"):
        if getattr(options, name):
            raise ValueError(
                f"an animation has all poses of the result, on surfaces: leave --{name} "
                "out, or write a .png."
            )
    path = Path(options.result)
    store = path if path.name == "field.h5" else path / "field.h5"
    count = _count(store)
    names = _read_summary(store.with_name("summary.json")).get("names", [])
    frames = []
    for number in range(count):
        magnitude, pose, rate = _stored(store, number)
        pose = _in_metres(pose)
        name = names[number] if len(names) == count else ""
        facts = [(f"pose {number + 1} of {count}", name)]
        of_this = replace(first, magnitude=magnitude, pose=pose, rate=rate)
        facts += [fact for fact in _facts(of_this) if fact[0] != "target"]
        frames.append(Frame(magnitude, pose, facts))
    return frames


def _count(store: Path) -> int:
    """How many poses a `field.h5` has, at least two."""
    if not store.is_file():
        raise FileNotFoundError(
            f"{store}: file not found, and an animation needs the fields of several "
            "poses, such as those of `tmsgrad simulate --turns 24`."
        )
    with open_h5(store) as file:
        found = file.get("magnE")
        count = len(found) if isinstance(found, h5py.Dataset) else 0
    if count < 2:
        raise ValueError(
            f"{store}: an animation needs several poses, and this has {count}. "
            "`tmsgrad simulate --turns 24` turns the coil about its axis."
        )
    return count


def _read_coil(options: argparse.Namespace, source: str) -> Coil:
    try:
        return read_coil(source)
    except FileNotFoundError:
        if options.coil is not None:
            raise
        raise FileNotFoundError(
            f"{options.result}: the result was made with the coil {source}, which is not "
            "here: give --coil."
        ) from None


def read_result(options: argparse.Namespace, progress: Progress) -> Result:
    """Read a result's folder, its `field.h5`, or a `.msh` with a field.

    Raises:
        FileNotFoundError: It is not there, or has no field.
        ValueError: What it holds does not fit together.
    """
    path = Path(options.result)
    if not path.exists():
        raise FileNotFoundError(f"{path}: file or folder not found.")
    folder = path if path.is_dir() else path.parent
    ours = path.is_dir() or path.name in ("field.h5", "field.msh")
    mesh = path if path.suffix in (".msh", ".gz") else folder / "field.msh"
    store = folder / "field.h5"
    if not mesh.is_file() and not store.is_file():
        raise FileNotFoundError(f"{path}: {_instead(folder)}")
    head = _head(options, mesh, progress)
    summary = _read_summary(folder / "summary.json") if ours else {}
    pose, rate = None, None
    if ours and store.is_file():
        magnitude, pose, rate = _stored(store, options.number)
    elif mesh.is_file() and options.number == 0:
        magnitude = _magnitude(mesh)
    else:
        raise FileNotFoundError(
            f"{folder}: there is no field.h5 with the fields of poses."
        )
    if magnitude.shape != head.tags.shape:
        raise ValueError(
            f"{path}: the field has {len(magnitude)} tetrahedra, but the head has "
            f"{len(head.tags)}: it belongs to another one."
        )
    if not head.of("gray matter").any():
        raise ValueError(f"{path}: the head has no gray matter (tag 2) to show.")
    source = options.head or summary.get("head", {}).get("source")
    if options.pose is not None:
        pose = _given_pose(options, source)
    coil = summary.get("coil", {}).get("source")
    target = _target(options, summary)
    name = Path(source or path).name
    pose = None if pose is None else _in_metres(pose)
    return Result(head, magnitude, pose, rate, coil, target, name)


def _head(options: argparse.Namespace, mesh: Path, progress: Progress) -> HeadMesh:
    if options.head is not None:
        return read_head(options.head, progress, forced=options.force)
    if mesh.is_file():
        return meshing.read_msh(mesh)
    raise FileNotFoundError(
        f"{mesh.parent}: there is no field.msh, so the head is not known: give --head."
    )


def _given_pose(options: argparse.Namespace, head: str | None) -> Float[ndarray, "4 4"]:
    poses = poses_in(options.pose, head)
    if options.number >= len(poses):
        raise ValueError(
            f"--pose {options.pose}: there is no pose {options.number}; it has "
            f"{len(poses)}, counted from 0."
        )
    return poses.matrices()[options.number]


def _in_metres(pose: ndarray) -> Float[ndarray, "4 4"]:
    pose = np.array(pose, dtype=float)
    pose[:3, 3] *= 1e-3
    return pose


def _instead(folder: Path) -> str:
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


def _read_summary(path: Path) -> dict:
    """What the summary beside a field says; nothing where there is none."""
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise ValueError(f"{path}: the summary is damaged; remove it.") from None


def _stored(
    path: Path, number: int
) -> tuple[Float[ndarray, "tet"], Float[ndarray, "4 4"], float]:
    """Take |E|, the pose [mm] and dI/dt of one pose of `field.h5`."""
    try:
        with open_h5(path) as file:
            fields, matrices = file["magnE"], file["matsimnibs"]
            assert isinstance(fields, h5py.Dataset)
            assert isinstance(matrices, h5py.Dataset)
            if number >= len(fields):
                raise ValueError(
                    f"--number {number}: {path} holds {len(fields)} poses, counted from 0."
                )
            every = np.asarray(file.get("dIdt", file.attrs.get("dIdt", np.nan)))
            rate = float(every[number] if every.ndim else every)
            return np.asarray(fields[number]), np.asarray(matrices[number]), rate
    except (KeyError, OSError) as error:
        raise ValueError(f"{path}: this is no field.h5 of tmsgrad ({error}).") from None


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


def _target(
    options: argparse.Namespace, summary: dict
) -> tuple[Float[ndarray, "3"], float] | None:
    if options.target is not None:
        if options.radius is None:
            raise ValueError("--target needs a --radius.")
        return np.asarray(options.target) * 1e-3, options.radius * 1e-3
    if options.radius is not None:
        raise ValueError("--radius is of a --target, which is missing.")
    known = summary.get("target")
    if known is None:
        return None
    return np.asarray(known["centre_mm"]) * 1e-3, known["radius_mm"] * 1e-3


def _where(found: Result) -> Float[ndarray, "3"]:
    """The target, or else the strongest place of gray matter."""
    if found.target is not None:
        return found.target[0]
    gray = np.flatnonzero(found.head.of("gray matter"))
    return found.head.centroids[gray[np.argmax(found.magnitude[gray])]]


def _facts(found: Result) -> list[tuple[str, str]]:
    gray = found.head.of("gray matter")
    strongest = np.flatnonzero(gray)[np.argmax(found.magnitude[gray])]
    peak = found.head.centroids[strongest] * 1e3
    facts = []
    if found.target is not None:
        centre = ", ".join(f"{x * 1e3:.0f}" for x in found.target[0])
        near = np.linalg.norm(found.head.centroids - found.target[0], axis=1)
        inside = gray & (near <= found.target[1])
        facts.append(("target", f"({centre}) mm, radius {found.target[1] * 1e3:g} mm"))
        if inside.any():
            weights = found.head.volumes[inside]
            mean = np.average(found.magnitude[inside], weights=weights)
            facts.append(("mean |E| in it, gray matter", f"{mean:.3g} V/m"))
    facts.append(
        (
            "strongest in gray matter",
            f"{found.magnitude[strongest]:.3g} V/m at "
            f"({', '.join(f'{x:.0f}' for x in peak)}) mm",
        )
    )
    if found.rate is not None:
        facts.append(("dI/dt", f"{found.rate / 1e6:.4g} A/µs"))
    return facts
