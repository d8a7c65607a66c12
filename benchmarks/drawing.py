"""What pictures of results share: the machine they are of, and where they go."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib


matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image


def about(what: str, machine: Mapping[str, Any], *, device: bool = False) -> str:
    """A title: what is shown, and on which machine it was measured, when."""
    where = f"{machine['processor']}, {machine['cores']} cores"
    where += f", {machine['device']}" if device else ""
    return f"{what} · {where} · {machine['date']}"


def save(figure: Figure, result: Path, mark: str | None = None) -> Path:
    """Save a picture beside the result that it shows, and return its path.

    Slices of a T1 take much room: given the colour of the marks on them, the file has 40
    grays and 8 shades of it alone.
    """
    target = result.with_suffix(".png")
    figure.savefig(target, dpi=120)
    plt.close(figure)
    if mark is not None:
        grays = np.repeat(np.linspace(0, 255, 40), 3).reshape(-1, 3)
        shades = np.linspace(0.3, 1, 8)[:, None]
        middle, whole = np.full(3, 110.0), 255 * np.array(to_rgb(mark))
        colours = np.concatenate([grays, middle + shades * (whole - middle)])
        palette = Image.new("P", (1, 1))
        palette.putpalette(colours.round().astype(int).ravel().tolist())
        with Image.open(target) as picture:
            few = picture.convert("RGB").quantize(
                palette=palette, dither=Image.Dither.NONE
            )
        few.save(target, optimize=True)
    return target
