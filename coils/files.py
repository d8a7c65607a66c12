"""Where coils come from: files of any kind, or the catalogue."""

import os
from pathlib import Path

from . import catalogue
from .ccd import read_ccd
from .coil import Coil


_READERS = {".ccd": read_ccd}


def read(source: str | os.PathLike[str]) -> Coil:
    """Read a coil from a file, or build one of the catalogue.

    Args:
        source: A path (.ccd), or a name such as "magstim-70mm-double"; see
            `catalogue.names`.

    Raises:
        FileNotFoundError: A path leads nowhere.
        ValueError: The file is malformed or of an unknown kind, or the name is unknown.
    """
    path = Path(source)
    looks_like_path = (
        isinstance(source, os.PathLike)
        or path.suffix.lower() in _READERS
        or len(path.parts) > 1
        or path.is_file()
    )
    if not looks_like_path:
        return catalogue.design(str(source)).build()
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(
            f"{path}: unknown kind of coil file. Known are {', '.join(_READERS)}, and the "
            f"names {', '.join(catalogue.names())}."
        )
    if not path.exists():
        raise FileNotFoundError(
            f"{path}: there is no such coil file. Check the path, or take a coil of the "
            f"catalogue: {', '.join(catalogue.names())}."
        )
    return reader(path)
