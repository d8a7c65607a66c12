"""The picture of a placement's first page: target, strongest field, and two coils."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ... import meshing, optimize
from ...coils import Coil
from ...efield import ElectricField
from ...efield.pictures.hulls import hull_of
from ...optimize.pictures.target_picture import NamedPose, Peak, write_target_picture
from ..report.reporting import TARGET_PICTURE
from ..results.figures import FieldFigures
from ..results.gyri import Strongest
from ..results.placement import Placement
from ..runtime.notices import dispensable
from .optimize_prepare import Prepared


def draw_target(
    folder: Path,
    prepared: Prepared,
    coil: Coil,
    found: tuple[Placement, ElectricField, FieldFigures],
    rules: Sequence[optimize.Rule] | None,
) -> None:
    """Draw it beside the page; a warning where that fails.

    Args:
        folder: Where to.
        prepared: For the search.
        coil: In its best shape.
        found: The placement, its field at its dI/dt, and that in figures.
        rules: To compare with, or None.
    """
    placement, field, figures = found
    gray, target = figures.gray_matter, prepared.target
    if gray is None:
        return
    centre = np.asarray(target.centre)
    peak = Strongest.of(gray.strongest, gray.highest, centre, target.radius)
    shown = [NamedPose("this plan", placement.pose.matrix)]
    if rules:
        usual = optimize.usual_rule(rules)
        shown.append(NamedPose(usual.name, usual.pose.matrix))
    subject = meshing.subject_of(prepared.frame.source)
    t1 = None if subject is None else subject.t1
    with dispensable(TARGET_PICTURE):
        write_target_picture(
            folder / TARGET_PICTURE,
            prepared.frame.head,
            np.asarray(field.magnitude),
            shown,
            hull_of(coil),
            (centre, target.radius),
            Peak(peak.place, f"strongest field, {peak.value:.3g} V/m", peak.inside),
            None if t1 is None else meshing.load_nifti(t1),
        )
