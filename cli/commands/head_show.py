"""`tmsgrad head show`: slices through a head, with its tissues and their surfaces."""

import argparse
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...meshing import HeadMesh
from ..inputs.heads import read_head
from ..pictures.paper import picture_path
from ..pictures.tissues import write_slices
from ..runtime.progress import Progress


def head_show(options: argparse.Namespace) -> dict:
    """Draw slices through a head."""
    out = picture_path(options.out)
    progress = Progress()
    progress.stage("head", f"head {options.head}")
    head = read_head(options.head, progress, forced=options.force)
    progress.stage("picture", "drawing")
    at = _middle(head) if options.at is None else np.asarray(options.at) * 1e-3
    _check_place(head, at)
    write_slices(out, head, at, Path(options.head).name)
    progress.close()
    place = ", ".join(f"{x * 1e3:.1f}" for x in at)
    print(f"slices at ({place}) mm: {out}")
    return {"picture": str(out), "at_mm": (at * 1e3).tolist()}


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
