"""Where a basis knows the field: a tissue of the head, or a surface of its cortex."""

import abc
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from ... import meshing
from ...meshing import HeadMesh, SurfaceFrame
from ..field import ElectricField
from ..sampling import sampler
from .field import ReducedField
from .readouts import AbstractReadout, at_points, at_surface, vertex_areas


MESH = "mesh"  # The head's own cortical surface, beside files.
_NEAR = 1e-6  # Between places that are the same. [m]


class AbstractPlaces(abc.ABC):
    """The places of a basis, on the head that it is of.

    Attributes:
        name: In words.
        measure: How much of the tissue, or of the surface, each place stands for. [m³, m²]
        unit: Of that, mm3 or mm2, as names of columns have it.
        per_unit: So many of them are in 1 m³ or 1 m².
        kind: volume or area.
    """

    name: str
    measure: Float[ndarray, "place"]
    unit: str
    per_unit: float
    kind: str

    @property
    def key(self) -> str:
        """The name as a part of columns' names."""
        return self.name.split(":")[0].replace(" ", "_")

    @abc.abstractmethod
    def magnitude(self, field: ElectricField) -> Float[ndarray, "place"]:
        """Take |E| of a direct solution at the places. [V/m]"""


@dataclass(frozen=True, eq=False)
class TissuePlaces(AbstractPlaces):
    """All tetrahedra of a tissue.

    Attributes:
        name: Of the tissue.
        measure: Volumes. [m³]
        tetrahedra: Of the head.
    """

    name: str
    measure: Float[ndarray, "place"]
    tetrahedra: Int[ndarray, "place"]
    unit, per_unit, kind = "mm3", 1e9, "volume"

    def magnitude(self, field: ElectricField) -> Float[ndarray, "place"]:
        """Take |E| of a direct solution at the places. [V/m]"""
        return np.asarray(field.magnitude)[self.tetrahedra]


@dataclass(frozen=True, eq=False)
class SurfacePlaces(AbstractPlaces):
    """The vertices of a surface of the cortex.

    Attributes:
        name: `surface: ` and its file, or mesh.
        measure: Areas. [m²]
        readout: That takes the field there.
    """

    name: str
    measure: Float[ndarray, "place"]
    readout: AbstractReadout
    unit, per_unit, kind = "mm2", 1e6, "area"

    def magnitude(self, field: ElectricField) -> Float[ndarray, "place"]:
        """Take |E| of a direct solution at the places. [V/m]"""
        unused = jnp.zeros((*field.potential.shape, 3), field.potential.dtype)
        vectors = self.readout(field, unused)
        return np.linalg.norm(np.asarray(vectors), axis=-1)


def surface_places(
    head: HeadMesh, source: str, frame: SurfaceFrame | None
) -> tuple[AbstractReadout, dict[str, str]]:
    """Read a surface to reduce the field on.

    Args:
        head: The head.
        source: A GIfTI or FreeSurfer file, or `mesh` for the head's own.
        frame: Of the file, or None where it says so itself.

    Returns:
        What takes the field there, and what a basis is to write down of it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no surface, or one that is not in the head's gray matter.
    """
    nodes = None
    if source == MESH:
        surface, nodes = meshing.gray_matter_surface(head)
    else:
        surface = meshing.read_surface(source, head, frame)
    readout = at_surface(head, surface, nodes)
    area = float(vertex_areas(surface).sum())
    about = {"surface": source, "area_m2": repr(area)}
    if source != MESH:
        digest = hashlib.sha256(Path(source).read_bytes()).hexdigest()
        about |= {"surface": Path(source).name, "surface_sha256": digest}
    return readout, about


def places_of(field: ReducedField, head: HeadMesh) -> AbstractPlaces:
    """Find the places of a basis on its head.

    Raises:
        ValueError: They are none of this head.
    """
    about = dict(field.origin.about)
    found = (
        _on_surface(field, head, about)
        if "surface" in about
        else _in_tissue(field, head, about)
    )
    if found is None:
        raise ValueError(
            "the basis is of other places than a tissue or a surface of this head."
        )
    return found


def _in_tissue(
    field: ReducedField, head: HeadMesh, about: Mapping[str, str]
) -> TissuePlaces | None:
    inside = np.flatnonzero(head.of(about.get("tissue", "") or "gm"))
    if not _same(head.centroids[inside], field.positions):
        return None
    name = meshing.TISSUE_NAMES[int(head.tags[inside[0]])]
    return TissuePlaces(name, head.volumes[inside], inside)


def _on_surface(
    field: ReducedField, head: HeadMesh, about: Mapping[str, str]
) -> SurfacePlaces | None:
    weights = np.asarray(field.weights)
    if about["surface"] == MESH:
        surface, nodes = meshing.gray_matter_surface(head)
        if not _same(surface.vertices, field.positions):
            return None
        readout = at_surface(head, surface, nodes)
    else:
        places = field.positions
        taken = sampler(head, places, "gray matter")
        readout = at_points(taken, places, weights)
    area = float(about["area_m2"])
    return SurfacePlaces(f"surface: {about['surface']}", weights * area, readout)


def _same(places: Float[ndarray, "a 3"], others: Float[ndarray, "b 3"]) -> bool:
    return len(places) == len(others) and np.allclose(
        places, others, rtol=0, atol=_NEAR
    )
