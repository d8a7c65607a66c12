"""What heads, placements and pictures are called, in headings, captions and files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any


#: What a command draws of its answer; a plan's page shows it.
PICTURE = "overview.png"
_ENDINGS = (".gz", ".msh", ".npz", ".vtu")


def subject_name(source: str) -> str:
    """Shorten the name of a head's file or folder: `ernie` of `heads/m2m_ernie`."""
    name = Path(source).name
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name.removeprefix("m2m_") or source


def target_name(source: str, out: str) -> str:
    """Name a placement so that those of several heads have names of their own."""
    subject, folder = subject_name(source), Path(out).name
    return folder if subject in folder else f"{subject} {folder}"


def place(values: Iterable[Any]) -> str:
    """Write a place [mm]."""
    return "(" + ", ".join(f"{x:.1f}" for x in values) + ") mm"


def picture_path(out: str, endings: tuple[str, ...] = (".png",)) -> Path:
    """Check where a picture is to go.

    Raises:
        ValueError: The name has no ending of a picture.
        FileNotFoundError: There is no such folder.
    """
    path = Path(out)
    if path.suffix not in endings:
        known = " or ".join(endings)
        raise ValueError(f"--out {path}: a picture's name ends in {known}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"--out {path}: folder {path.parent} not found.")
    return path
