"""What pictures of results share: the machine they are of, and where they go."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib


matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.figure import Figure


def about(what: str, machine: Mapping[str, Any], *, device: bool = False) -> str:
    """A title: what is shown, and on which machine it was measured, when."""
    where = f"{machine['processor']}, {machine['cores']} cores"
    where += f", {machine['device']}" if device else ""
    return f"{what} · {where} · {machine['date']}"


def save(figure: Figure, result: Path) -> Path:
    """Save a picture beside the result that it shows, and return its path."""
    target = result.with_suffix(".png")
    figure.savefig(target, dpi=120)
    plt.close(figure)
    return target
