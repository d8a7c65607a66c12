"""HDF5 files that hold all of their arrays themselves."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading that leads to no other file.

    Raises:
        ValueError: A name in it leads elsewhere, maybe to another file.
        OSError: It cannot be read.
    """
    sys.audit("open", str(path), "rb", os.O_RDONLY)  # HDF5 opens it unseen.
    with h5py.File(path, "r") as file:
        elsewhere: list[str] = []

        def look_at_link(name: str, link: object) -> None:
            if not isinstance(link, h5py.HardLink):
                elsewhere.append(name)

        def look_at(name: str, found: object) -> None:
            if isinstance(found, h5py.Dataset) and (found.external or found.is_virtual):
                elsewhere.append(name)

        file.visititems_links(look_at_link)
        file.visititems(look_at)
        if elsewhere:
            raise ValueError(
                f"{path}: {elsewhere[0]} is no array in this file: it may lead to another "
                "file, which is not followed. Copy the data into this one."
            )
        yield file
