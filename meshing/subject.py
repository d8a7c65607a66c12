"""A person's head as users have it: a mesh file or a SimNIBS folder."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .head import HeadMesh
from .msh.reader import read_msh
from .msh.writer import write_msh
from .npz import read_npz, write_npz
from .vtu import read_vtu, write_vtu


_PREFIX = "m2m_"
_MESH_ENDINGS = (".msh", ".msh.gz")


@dataclass(frozen=True)
class Subject:
    """The files of one person in an `m2m_NAME` folder of SimNIBS 4.

    Attributes:
        name: The NAME of the folder.
        folder: The folder.
        mesh: The head mesh.
        t1: The T1-weighted image in whose space the mesh is; None where absent.
        tensor: The diffusion tensor image; None where absent.
        labels: The tissue labels that the mesh was made of; None where absent.
        caps: Files of EEG positions, in the order of their names.
    """

    name: str
    folder: Path
    mesh: Path
    t1: Path | None
    tensor: Path | None
    labels: Path | None = None
    caps: tuple[Path, ...] = ()


def read_subject(folder: str | os.PathLike[str]) -> Subject:
    """Find the files of a person in a SimNIBS folder.

    Args:
        folder: Such as `m2m_ernie`.

    Returns:
        Where they are.

    Raises:
        OSError: There is no such folder, or no mesh in it.
        ValueError: It has several meshes, and none has the name of the folder.
    """
    home = Path(folder)
    mesh = find_mesh(home)
    return Subject(
        name=_name_of(home),
        folder=home,
        mesh=mesh,
        t1=_if_there(home / "T1.nii.gz"),
        tensor=_if_there(home / "DTI_coregT1_tensor.nii.gz"),
        labels=_if_there(home / "final_tissues.nii.gz"),
        caps=tuple(sorted((home / "eeg_positions").glob("*.csv"))),
    )


def subject_of(path: str | os.PathLike[str]) -> Subject | None:
    """Find the SimNIBS folder that a head belongs to.

    Args:
        path: The folder itself, or the mesh with its name in it.

    Returns:
        Its files; None where it is a head of its own.
    """
    source = Path(path)
    if source.is_dir():
        return read_subject(source)
    home = source.resolve().parent
    if source.is_file() and home.name.startswith(_PREFIX):
        found = read_subject(home)
        return found if found.mesh.resolve() == source.resolve() else None
    return None


def find_mesh(folder: str | os.PathLike[str]) -> Path:
    """Find the head mesh in a SimNIBS folder.

    It is `NAME.msh` in `m2m_NAME`. In a folder that was renamed, it is the only .msh.

    Args:
        folder: The folder.

    Returns:
        The mesh file.

    Raises:
        FileNotFoundError: There is no such folder, or no mesh in it.
        NotADirectoryError: It is a file.
        ValueError: It has several meshes, and none has the name of the folder.
    """
    home = Path(folder)
    if not home.exists():
        raise FileNotFoundError(
            f"{home}: folder not found. Check the name, or run charm of SimNIBS."
        )
    if not home.is_dir():
        raise NotADirectoryError(f"{home}: this is a file. Give the folder it is in.")
    name = _name_of(home)
    for ending in _MESH_ENDINGS:
        if (home / f"{name}{ending}").is_file():
            return home / f"{name}{ending}"
    meshes = sorted(p for p in home.iterdir() if p.name.endswith(_MESH_ENDINGS))
    if len(meshes) == 1:
        return meshes[0]
    if meshes:
        raise ValueError(
            f"{home}: the folder has {len(meshes)} meshes "
            f"({', '.join(p.name for p in meshes[:5])}), but no {name}.msh. Give the "
            "mesh file itself."
        )
    inside = sorted(p.name for p in home.iterdir() if p.name.startswith(_PREFIX))
    hint = (
        f"Did you mean {home / inside[0]}?" if inside else "Give the mesh file itself."
    )
    raise FileNotFoundError(f"{home}: the folder has no {name}.msh. {hint}")


def read_head(path: str | os.PathLike[str]) -> HeadMesh:
    """Read a head from whatever a user has.

    Args:
        path: A `.msh`, `.msh.gz`, `.npz` or `.vtu` file [mm], or a SimNIBS folder
            `m2m_NAME`. Files of the last kind need meshio.

    Returns:
        The head.

    Raises:
        OSError: There is no such file or folder, or it cannot be read.
        ValueError: It is none of these, or not a valid head (see `read_msh`).
    """
    source = Path(path)
    if source.is_dir():
        return read_msh(find_mesh(source))
    if source.name.lower().endswith(_MESH_ENDINGS):
        return read_msh(source)
    if source.suffix.lower() == ".npz":
        return read_npz(source)
    if source.suffix.lower() == ".vtu":
        return read_vtu(source)
    if not source.exists():
        raise FileNotFoundError(
            f"{source}: file or folder not found. Give a .msh, .msh.gz, .npz "
            "or .vtu file or a SimNIBS m2m_ folder."
        )
    raise ValueError(
        f"{source}: heads are read from .msh, .msh.gz, .npz and .vtu files and from "
        f"SimNIBS m2m_ folders, not from {source.suffix or 'files without an ending'}."
    )


def write_head(path: str | os.PathLike[str], head: HeadMesh) -> None:
    """Write a head in the format that the name of the file gives.

    Args:
        path: A name that ends in `.msh`, `.msh.gz`, `.npz` or `.vtu`.
        head: The head, which is written in mm.

    Raises:
        OSError: The file cannot be written.
        ValueError: The name ends otherwise.
    """
    head_writer(path)(head)


def head_writer(path: str | os.PathLike[str]) -> Callable[[HeadMesh], None]:
    """Say how `write_head` will write, before there is a head.

    Raises what can be known beforehand, so that no work is done in vain.

    Args:
        path: As for `write_head`.
    """
    target = Path(path)
    write = next(
        (w for ending, w in _WRITERS.items() if target.name.endswith(ending)), None
    )
    if write is None:
        raise ValueError(
            f"{target}: heads are written to {', '.join(_WRITERS)} files; give a name "
            "that ends so."
        )
    if target.is_dir():
        raise IsADirectoryError(f"{target}: this is a folder. Give the name of a file.")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"{target}: folder {target.parent} not found. Make it first."
        )
    return lambda head: write(target, head)


_WRITERS: dict[str, Callable[..., None]] = {
    ".msh": write_msh,
    ".msh.gz": write_msh,
    ".npz": write_npz,
    ".vtu": write_vtu,
}


def _name_of(folder: Path) -> str:
    return folder.resolve().name.removeprefix(_PREFIX)


def _if_there(path: Path) -> Path | None:
    return path if path.is_file() else None
