"""What `tmsgrad optimize` writes."""

from pathlib import Path

import jax
import numpy as np

from ... import coils
from ...coils import Pose, PoseList, navigation
from ...efield import ElectricField
from ...efield.output.field_files import write_block, write_field_msh
from ...efield.output.forms import export_fields
from ...efield.output.region_table import RegionTable
from ...meshing import FieldFile
from ..inputs.frame import Frame
from ..results.placement import draw_placement
from ..runtime.naming import target_name
from ..runtime.notices import dispensable
from .optimize_found import Found, Verified
from .optimize_prepare import Prepared
from .optimize_request import OptimizeRequest


def write_placement(
    folder: Path,
    request: OptimizeRequest,
    prepared: Prepared,
    found: Found,
    verified: Verified,
) -> None:
    """Write the field, the pose and the picture."""
    frame, field = prepared.frame, verified.field
    _write_fields(folder, frame, field, found.pose, verified.placement.didt)
    export_fields(folder, frame.head, field, prepared.exports)
    coils.write_geo(folder / "coil.geo", found.coil, found.pose)
    table = RegionTable(
        *(frame.head, frame.scalp, prepared.target.region, request.forms.thresholds),
        prepared.to_mni,
    )
    table.add(0, "best", field, found.pose)
    table.write(folder)
    name = target_name(request.head, request.out)
    best = PoseList.of_matrices(found.pose.to_matsimnibs(), [name])
    navigation.write_matsimnibs(folder / "pose.txt", best)
    with dispensable("overview.png"):
        draw_placement(
            *(folder, frame.source, frame.head, found.coil, field),
            *(verified.placement, verified.target),
        )


def _write_fields(
    folder: Path, frame: Frame, field: ElectricField, pose: Pose, didt: float
) -> None:
    every = jax.tree.map(lambda x: x[None], (field, pose))
    with FieldFile(
        folder / "field.h5",
        1,
        len(frame.head.tags),
        len(frame.head.nodes),
        np.array([didt]),
        frame.origin.as_json(),
    ) as file:
        write_block(file, 0, *every)
    write_field_msh(folder, frame.head, field)
