"""Where coils come from: files of any kind, or the catalogue."""

import os
from pathlib import Path

from . import catalogue
from .ccd import read_ccd, write_ccd
from .coil import AbstractCoil, Coil
from .nifti import read_nifti, write_nifti
from .tcd import read_tcd
from .tcd_writer import write_tcd


_READERS = {
    ".ccd": read_ccd,
    ".tcd": read_tcd,
    ".nii": read_nifti,
    ".nii.gz": read_nifti,
}
_WRITERS = {
    ".ccd": write_ccd,
    ".tcd": write_tcd,
    ".nii": write_nifti,
    ".nii.gz": write_nifti,
}


def read(source: str | os.PathLike[str]) -> Coil:
    """Read a coil from a file, or build one of the catalogue.

    Args:
        source: A path (.ccd, .tcd, .nii or .nii.gz), or a name such as
            "magstim-70mm-double"; see `catalogue.names`.

    Raises:
        FileNotFoundError: A path leads nowhere.
        ValueError: The file is malformed or of an unknown kind, or the name is unknown.
    """
    path = Path(source)
    looks_like_path = (
        isinstance(source, os.PathLike)
        or _kind(path) in _READERS
        or len(path.parts) > 1
        or path.is_file()
    )
    if not looks_like_path:
        return catalogue.design(str(source)).build()
    reader = _READERS.get(_kind(path))
    if reader is None:
        raise ValueError(
            f"{path}: unknown kind of coil file. Known are {', '.join(_READERS)}, and the "
            f"names {', '.join(catalogue.names())}."
        )
    if not path.exists():
        raise FileNotFoundError(
            f"{path}: coil file not found. Check the path, or take a coil of the "
            f"catalogue: {', '.join(catalogue.names())}."
        )
    return reader(path)


def write(path: str | os.PathLike[str], coil: AbstractCoil) -> None:
    """Write a coil, in the format that the name ends in; `lost_in` lists what is lost.

    Args:
        path: The file (.ccd, .tcd, .nii or .nii.gz), replaced when it exists.
        coil: What to write.

    Raises:
        ValueError: The format is unknown, or cannot hold the coil.
    """
    _WRITERS[kind_of(path)](path, coil)


def kind_of(path: str | os.PathLike[str]) -> str:
    """The kind of coil file that a name stands for, as its ending: .ccd, .nii.gz.

    Raises:
        ValueError: The ending is unknown.
    """
    kind = _kind(Path(path))
    if kind not in _WRITERS:
        raise ValueError(
            f"{path}: unknown kind of coil file. Known are {', '.join(_WRITERS)}."
        )
    return kind


def _kind(path: Path) -> str:
    suffixes = [each.lower() for each in path.suffixes]
    return "".join(suffixes[-2:] if suffixes[-1:] == [".gz"] else suffixes[-1:])
