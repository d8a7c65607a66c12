"""Figures that results share: of fields, errors, targets, heads and coils."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import efield, meshing
from ...efield import ElectricField, ErrorEstimate, GrayMatterField
from ...meshing import HeadMesh, Region
from ..inputs.frame import Frame
from ..inputs.maps import MapFigures
from ..inputs.targets import MniPlace, Point, Target


@dataclass(frozen=True)
class ErrorFigures:
    """Estimated errors of a field, relative in L2, where there is such a region.

    Attributes:
        head: In the whole head.
        gray_matter: In gray matter, or None.
        target: In the target, or None.
    """

    head: float
    gray_matter: float | None
    target: float | None

    @classmethod
    def of_each(
        cls, estimate: ErrorEstimate, head: HeadMesh, target: Region | None
    ) -> "list[ErrorFigures]":
        """Summarise an estimate, pose by pose."""
        gray = head.of("gray matter")
        whole = np.atleast_1d(np.asarray(estimate.relative)).tolist()
        regions = (meshing.region(head, gray) if gray.any() else None, target)
        columns = [
            [None] * len(whole)
            if region is None
            else np.atleast_1d(np.asarray(estimate.in_region(region))).tolist()
            for region in regions
        ]
        return [cls(*row) for row in zip(whole, *columns, strict=True)]

    def to_json(self) -> dict:
        """For a summary, without regions that there are not."""
        parts = {
            "relative_l2_head": self.head,
            "relative_l2_gray_matter": self.gray_matter,
            "relative_l2_target": self.target,
        }
        return {name: value for name, value in parts.items() if value is not None}


@dataclass(frozen=True)
class TargetError:
    """What the mesh leaves in the value of a target, that was corrected for it.

    Attributes:
        bar: That the value is unlikely to be off by more than. [V/m]
        direct: The value by a direct solution on this mesh. [V/m]
        order: Of the elements of that.
        of_search: How far the search's own value, of first order, lies from that of a
            direct solution of second, relative; None where both are of one order.
    """

    bar: float
    direct: float
    order: int
    of_search: float | None = None

    def to_json(self) -> dict:
        """For a summary."""
        search = {} if self.of_search is None else {"search_differs": self.of_search}
        return {
            "bar": self.bar,
            "direct_solution": self.direct,
            "direct_solution_order": self.order,
            "unit": "V/m",
            **search,
        }


@dataclass(frozen=True, eq=False)
class TargetField:
    """The field in a target.

    Attributes:
        vector: Its mean. [V/m]
        magnitude: The mean of its magnitude. [V/m]
    """

    vector: Float[ndarray, "3"]
    magnitude: float


@dataclass(frozen=True, eq=False)
class FieldFigures:
    """A field in figures.

    Attributes:
        target: In the target, if there is one.
        gray_matter: In gray matter, if the head has some.
    """

    target: TargetField | None
    gray_matter: GrayMatterField | None

    @classmethod
    def of(
        cls, head: HeadMesh, field: ElectricField, target: Region | None
    ) -> "FieldFigures":
        """Summarise a field: in the target, and over gray matter by volume."""
        aimed = None
        if target is not None:
            mean = np.asarray(field.mean(target))
            aimed = TargetField(mean, float(field.mean_magnitude(target)))
        return cls(aimed, efield.gray_matter_field(head, np.asarray(field.magnitude)))

    def to_json(self) -> dict:
        """For a summary, without regions that there are not. [V/m]"""
        figures: dict = {}
        if self.target is not None:
            figures["target_mean_vector"] = self.target.vector.tolist()
            figures["target_mean_magnitude"] = self.target.magnitude
        gray = self.gray_matter
        if gray is not None:
            figures["gray_matter_percentiles"] = {
                str(share): value for share, value in gray.percentiles.items()
            }
            figures["focality"] = {
                "reference": "99.9th percentile of |E| in gray matter",
                "volume_mm3_above_percent": {
                    str(share): volume * 1e9
                    for share, volume in gray.volumes_above.items()
                },
            }
            figures["gray_matter_maximum"] = gray.highest
            figures["gray_matter_maximum_at_mm"] = (gray.strongest * 1e3).tolist()
        return figures | {"unit": "V/m"}


@dataclass(frozen=True)
class TargetFigures:
    """A target in figures.

    Attributes:
        centre: As asked for; of a map its centre of gravity. [m]
        radius: Of the ball; of a map that of a ball which spreads as far. [m]
        tissue: By its full name.
        tetrahedra: How many.
        volume: Of them. [m³]
        mni: The place of MNI space that it comes from, or None.
        map: What of a map it is, or None.
    """

    centre: Point
    radius: float
    tissue: str
    tetrahedra: int
    volume: float
    mni: MniPlace | None
    map: MapFigures | None

    @classmethod
    def of(cls, head: HeadMesh, target: Target) -> "TargetFigures":
        """Count a target."""
        chosen = target.region.tetrahedra
        tissue = meshing.TISSUE_NAMES[meshing.tissue_tag(target.tissue)]
        volume = float(head.volumes[chosen].sum())
        return cls(
            *(target.centre, target.radius, tissue, len(chosen), volume),
            *(target.mni, target.map),
        )

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "centre_mm": [x * 1e3 for x in self.centre],
            "mni": None if self.mni is None else self.mni.to_json(),
            "radius_mm": self.radius * 1e3,
            "tissue": self.tissue,
            "tetrahedra": self.tetrahedra,
            "volume_mm3": self.volume * 1e9,
            "map": None if self.map is None else self.map.to_json(),
        }


@dataclass(frozen=True)
class Subject:
    """The head and the coil that a result is of.

    Attributes:
        head: As the command line names it.
        nodes: Of the head.
        tetrahedra: Of the head.
        coil: As the command line names it.
        coil_name: As its file names it.
    """

    head: str
    nodes: int
    tetrahedra: int
    coil: str
    coil_name: str

    @classmethod
    def of(cls, frame: Frame) -> "Subject":
        """Take it from what a command works with."""
        return cls(
            frame.source,
            len(frame.head.nodes),
            len(frame.head.tags),
            frame.coil_source,
            frame.coil.name,
        )
