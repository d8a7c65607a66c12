"""The field along streamlines, as a table, a tractogram and a picture."""

from pathlib import Path

import numpy as np
from jaxtyping import Array, Float

from .. import efield, meshing
from ..efield import Conductor, ElectricField, FibreField
from ..meshing import HeadMesh, Tractogram
from .notices import warn
from .rows import write_table
from .tract_picture import write_tract_slices


_STEP = 1e-3  # Between points of streamlines. [m]
_MOST = 20_000  # Streamlines.
_COLUMNS = [
    *("streamline", "length_mm", "E_along_max", "x_mm", "y_mm", "z_mm"),
    *("activating_max", "activating_x_mm", "activating_y_mm", "activating_z_mm"),
    *("E_outward_first", "E_outward_last", "magnE_max"),
]


def read_fibres(path: str | None) -> Tractogram | None:
    """Read streamlines along which a field is wanted, before anything takes long.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no tractogram.
    """
    return None if path is None else meshing.read_tracts(path)


def fitted_fibres(head: HeadMesh, tracts: Tractogram) -> Tractogram:
    """Check streamlines against a head, and put points 1 mm apart.

    Raises:
        ValueError: They are in another frame.
    """
    meshing.check_tracts(head, tracts)
    if len(tracts) > _MOST:
        step = -(-len(tracts) // _MOST)
        warn(f"{tracts.name}: each {step}th of {len(tracts)} streamlines is taken.")
        tracts = tracts.chosen(np.arange(0, len(tracts), step))
    return tracts.resampled(_STEP)


def write_fibres(
    folder: Path,
    head: HeadMesh,
    conductor: Conductor,
    field: ElectricField,
    rates: Float[Array, "node 3"],
    tracts: Tractogram,
) -> dict:
    """Write `fibres.csv`, `fibres.trk` and `fibres.png` of one field.

    Args:
        folder: Where to.
        head: The head.
        conductor: That the field was solved on.
        field: Of one placement.
        rates: ∂A/∂t at the nodes of the head, for the same dI/dt. [V/m]
        tracts: From `fitted_fibres`.

    Returns:
        What to tell of it, for JSON.
    """
    if conductor.elements.order == 1:
        vectors = efield.patch_recovery(conductor, head, tracts.points)(field, rates)
    else:
        vectors = efield.sampler(head, tracts.points)(field)
    found = efield.along_fibres(tracts, np.asarray(vectors))
    rows = _rows(found)
    write_table(folder / "fibres.csv", _COLUMNS, rows)
    grid = meshing.VoxelGrid(np.diag([1e-3, 1e-3, 1e-3, 1.0]), (256, 256, 256))
    values = {"E_along": found.along, "activating": found.activating}
    meshing.write_tracts(folder / "fibres.trk", tracts, grid, values)
    size = np.abs(found.along)
    at = int(np.argmax(size))
    top = int(np.argmax(found.activating))
    write_tract_slices(
        folder / "fibres.png",
        head,
        tracts.points[at],
        tracts,
        values=size,
        title="The field along fibres",
        subtitle="tmsgrad · for research use only · |E along the fibre|; slices through "
        "its largest",
    )
    return {
        "file": tracts.name,
        "streamlines": len(tracts),
        "E_along_max": float(found.along[at]),
        "E_along_max_at_mm": (tracts.points[at] * 1e3).tolist(),
        "activating_max": float(found.activating[top]),
        "activating_max_at_mm": (tracts.points[top] * 1e3).tolist(),
        "units": {"E_along_max": "V/m", "activating_max": "V/m²"},
        "window_mm": 2e3 * efield.fibres.WINDOW,
    }


def _rows(found: FibreField) -> list[dict]:
    tracts, outward = found.tracts, found.outward
    strongest, activated = found.strongest, found.most_activated
    columns = [
        np.arange(len(tracts)),
        tracts.lengths * 1e3,
        found.along[strongest],
        *(tracts.points[strongest] * 1e3).T,
        found.activating[activated],
        *(tracts.points[activated] * 1e3).T,
        *outward.T,
        np.maximum.reduceat(found.magnitude, tracts.starts[:-1]),
    ]
    return [dict(zip(_COLUMNS, row, strict=True)) for row in zip(*columns, strict=True)]
