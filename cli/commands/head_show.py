"""`tmsgrad head show`: slices through a head, with its tissues and their surfaces."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...meshing import HeadMesh
from ...meshing.pictures.tissues import write_slices
from ..inputs.heads import HeadRequest
from ..results.head_results import DrawnHead
from ..runtime.naming import picture_path
from ..runtime.progress import Progress


@dataclass(frozen=True, eq=False)
class DrawRequest:
    """What `tmsgrad head show` is asked for.

    Attributes:
        head: The head.
        out: The picture.
        at: Where the slices meet, or None for the middle of the brain. [m]
    """

    head: HeadRequest
    out: Path
    at: Float[ndarray, "3"] | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> "DrawRequest":
        """Take it from the options.

        Raises:
            ValueError: The picture has another ending, or no folder.
        """
        at = None if options.at is None else np.asarray(options.at) * 1e-3
        return cls(HeadRequest.of(options), picture_path(options.out), at)


def head_show(options: argparse.Namespace) -> DrawnHead:
    """Draw slices through a head."""
    request, progress = DrawRequest.of(options), Progress()
    head = request.head.read(progress)
    progress.stage("picture", "drawing")
    at = _middle(head) if request.at is None else request.at
    _check_place(head, at)
    write_slices(request.out, head, at, Path(request.head.source).name)
    progress.close()
    return DrawnHead(str(request.out), at)


def _middle(head: HeadMesh) -> Float[ndarray, "3"]:
    """The middle of the brain, or of the head where there is none."""
    brain = head.of("white matter", "gray matter")
    chosen = brain if brain.any() else np.ones(len(head.tags), bool)
    return np.average(head.centroids[chosen], axis=0, weights=head.volumes[chosen])


def _check_place(head: HeadMesh, at: Float[ndarray, "3"]) -> None:
    low, high = head.nodes.min(axis=0), head.nodes.max(axis=0)
    if not ((at >= low) & (at <= high)).all():
        spans = " × ".join(
            f"{a * 1e3:.0f}…{b * 1e3:.0f}" for a, b in zip(low, high, strict=True)
        )
        place = ", ".join(f"{x * 1e3:g}" for x in at)
        raise ValueError(
            f"--at ({place}) mm lies outside the head, which spans {spans} mm."
        )
