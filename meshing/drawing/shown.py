"""A picture as an array: notebooks show it, and it can be written."""

import io
import os
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import UInt8
from numpy import ndarray

from ...disk import write_whole


@dataclass(frozen=True, eq=False)
class Drawing:
    """A picture; it is shown where it is the last line of a notebook's cell.

    Attributes:
        pixels: Red, green and blue.
        title: One line.
    """

    pixels: UInt8[ndarray, "row column 3"]
    title: str = ""

    def __repr__(self) -> str:
        rows, columns, _ = self.pixels.shape
        return f"Drawing({columns} × {rows} pixels, {self.title!r})"

    def _repr_png_(self) -> bytes:
        from PIL import Image, PngImagePlugin  # Only where a picture is wanted.

        about = PngImagePlugin.PngInfo()
        about.add_text("Title", self.title)
        about.add_text("Software", "tmsgrad")
        stream = io.BytesIO()
        Image.fromarray(self.pixels).save(stream, "PNG", pnginfo=about)
        return stream.getvalue()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture as PNG, whole or not at all.

        Raises:
            ValueError: The name does not end in .png.
            OSError: The file cannot be written.
        """
        file = Path(path)
        if file.suffix.lower() != ".png":
            raise ValueError(f"`path` is {path}: a picture's name ends in .png.")
        write_whole(file, self._repr_png_())
