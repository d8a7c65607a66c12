"""Solved fields kept on disk, so that an interrupted set-up goes on where it was."""

import os
import shutil
from pathlib import Path

import numpy as np
from jaxtyping import Shaped
from numpy import ndarray

from ...coils import Pose
from ...disk import replacing
from ...disk.arrays import open_archive


class Blocks:
    """A folder of solved blocks, one file each; or none, where nothing is kept."""

    def __init__(self, folder: str | os.PathLike[str] | None, key: str):
        """Open or make the folder.

        Raises:
            ValueError: It holds the blocks of something else.
        """
        self._folder = None if folder is None else Path(folder)
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        stamp = self._folder / "key"
        if stamp.exists():
            if stamp.read_text("utf-8") != key:
                raise ValueError(
                    f"{self._folder} holds solved fields of another head, coil, domain or "
                    "choice of places. Delete it, or keep these in another folder."
                )
        elif any(self._folder.iterdir()):
            raise ValueError(
                f"{self._folder} holds other files. Give a folder of its own to keep "
                "solved fields in."
            )
        else:
            stamp.write_text(key, "utf-8")

    def load(self, number: int, poses: Pose) -> Shaped[ndarray, "pose column"] | None:
        """Read a block, if it is there, whole and of these poses."""
        path = self._path(number)
        if path is None or not path.exists():
            return None
        try:
            with open_archive(path) as stored:
                fields, matrices = stored["fields"], stored["poses"]
        except (OSError, ValueError):
            return None
        same = np.array_equal(matrices, poses.to_matsimnibs())
        return fields if same else None

    def save(
        self, number: int, poses: Pose, fields: Shaped[ndarray, "pose column"]
    ) -> None:
        """Write a block; it is there as a whole or not at all."""
        path = self._path(number)
        if path is None:
            return
        with replacing(path, durable=False) as file:
            np.savez(file, fields=fields, poses=poses.to_matsimnibs())

    def clear(self) -> None:
        """Delete the folder."""
        if self._folder is not None:
            shutil.rmtree(self._folder)

    def _path(self, number: int) -> Path | None:
        return None if self._folder is None else self._folder / f"{number:04d}.npz"
