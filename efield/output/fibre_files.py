"""The field along streamlines, as a table, a tractogram and a picture."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray

from ... import efield, meshing
from ...disk.tables import write_table
from ...meshing import HeadMesh, Tractogram
from ...meshing.pictures.tracts import write_tract_slices
from .. import Conductor, ElectricField, FibreField, Fibres


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


@dataclass(frozen=True, eq=False)
class FibreFigures:
    """The field along streamlines, in figures.

    Attributes:
        file: Of the streamlines.
        streamlines: How many.
        along: The largest component along one. [V/m]
        along_at: Where. [m]
        activating: The largest value of the activating function. [V/m²]
        activating_at: Where. [m]
    """

    file: str
    streamlines: int
    along: float
    along_at: Float[ndarray, "3"]
    activating: float
    activating_at: Float[ndarray, "3"]

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "file": self.file,
            "streamlines": self.streamlines,
            "E_along_max": self.along,
            "E_along_max_at_mm": (self.along_at * 1e3).tolist(),
            "activating_max": self.activating,
            "activating_max_at_mm": (self.activating_at * 1e3).tolist(),
            "units": {"E_along_max": "V/m", "activating_max": "V/m²"},
            "window_mm": 2e3 * efield.fibres.WINDOW,
        }


def fitted_fibres(head: HeadMesh, tracts: Tractogram) -> Fibres:
    """Check streamlines against a head, and take their longest parts in the brain.

    Raises:
        ValueError: They are in another frame.
    """
    meshing.check_tracts(head, tracts)
    found = efield.fibres_in_brain(head, tracts, _MOST)
    if found.taken < len(tracts):
        warnings.warn(
            f"{tracts.name}: {found.taken} of {len(tracts)} streamlines are taken.",
            stacklevel=1,
        )
    return found


def write_fibres(
    folder: Path,
    head: HeadMesh,
    conductor: Conductor,
    field: ElectricField,
    rates: Float[Array, "node 3"],
    fibres: Fibres,
) -> FibreFigures:
    """Write `fibres.csv`, `fibres.trk` and `fibres.png` of one field.

    Args:
        folder: Where to.
        head: The head.
        conductor: That the field was solved on.
        field: Of one placement.
        rates: ∂A/∂t at the nodes of the head, for the same dI/dt. [V/m]
        fibres: From `fitted_fibres`.
    """
    tracts = fibres.tracts
    vectors = efield.field_at(conductor, head, tracts.points, field, rates)
    found = efield.along_fibres(tracts, vectors)
    rows = _rows(found, fibres.numbers)
    write_table(folder / "fibres.csv", _COLUMNS, rows)
    grid = meshing.VoxelGrid(np.diag([1e-3, 1e-3, 1e-3, 1.0]), (256, 256, 256))
    values = {"E_along": found.along, "activating": found.activating}
    meshing.write_tracts(folder / "fibres.trk", tracts, grid, values)
    size = np.abs(found.along)
    at, top = int(np.argmax(size)), int(np.argmax(found.activating))
    _draw(folder / "fibres.png", head, tracts, size, at)
    return FibreFigures(
        *(tracts.name, len(tracts), float(found.along[at]), tracts.points[at]),
        *(float(found.activating[top]), tracts.points[top]),
    )


def _draw(
    path: Path,
    head: HeadMesh,
    tracts: Tractogram,
    values: Float[ndarray, "point"],
    at: int,
) -> None:
    write_tract_slices(
        path,
        head,
        tracts.points[at],
        tracts,
        values=values,
        title="The field along fibres",
        subtitle="tmsgrad · for research use only · white and gray matter only; slices "
        "through the largest component along a fibre",
    )


def _rows(found: FibreField, numbers: Int[ndarray, "line"]) -> list[dict]:
    tracts, outward = found.tracts, found.outward
    strongest, activated = found.strongest, found.most_activated
    columns = [
        numbers,
        tracts.lengths * 1e3,
        found.along[strongest],
        *(tracts.points[strongest] * 1e3).T,
        found.activating[activated],
        *(tracts.points[activated] * 1e3).T,
        *outward.T,
        np.maximum.reduceat(found.magnitude, tracts.starts[:-1]),
    ]
    return [dict(zip(_COLUMNS, row, strict=True)) for row in zip(*columns, strict=True)]
