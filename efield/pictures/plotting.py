"""A field as `ElectricField.plot` draws it."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...coils import AbstractCoil, Pose
from ...coils.pose import require_pose
from ...efield.pictures.hulls import hull_of
from ...meshing import HeadMesh, Region, extent
from ...meshing.drawing.paper import pixels
from ...meshing.drawing.shown import Drawing
from ...meshing.pictures.cortex import draw_cortex
from ...meshing.pictures.overview import draw_overview


def drawn_field(
    head: HeadMesh,
    magnitude: Float[ndarray, "tet"],
    coil: AbstractCoil | None,
    pose: Pose | None,
    target: Region | None,
    title: str,
) -> Drawing:
    """Draw |E| on the cortex, with the coil and the target, where they are given.

    Arguments and errors are those of `ElectricField.plot`.
    """
    ring = None if target is None else extent(head, target)
    facts = [] if target is None else _facts(magnitude, target)
    subtitle = "|E| on the cortex · tmsgrad · for research use only"
    if (coil is None) != (pose is None):
        raise ValueError("`coil` and `pose` come together or not at all.")
    if coil is None or pose is None:
        figure = draw_cortex(
            head, magnitude, target=ring, title=title, subtitle=subtitle
        )
        return Drawing(pixels(figure), title)
    figure = draw_overview(
        *(head, magnitude, require_pose(pose).matrix, hull_of(coil)),
        target=ring,
        title=title,
        subtitle=subtitle,
        facts=facts,
    )
    return Drawing(pixels(figure), title)


def _facts(magnitude: Float[ndarray, "tet"], target: Region) -> list[tuple[str, str]]:
    mean = float(magnitude[target.tetrahedra] @ np.asarray(target.weights))
    at = ", ".join(f"{x * 1e3:.1f}" for x in target.centre)
    return [("target", f"({at}) mm"), ("mean |E| in target", f"{mean:.4g} V/m")]
