"""The best placement in figures and words, its picture, and what to warn of."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...coils import Coil, Pose
from ...efield import ElectricField
from ...efield.pictures.hulls import hull_of
from ...meshing import HeadMesh
from ...meshing.pictures.overview import write_overview
from ..runtime.notices import warn
from .figures import (
    ErrorFigures,
    TargetError,
    TargetFigures,
)
from .handle_result import HandleResult
from .plausible import ask_of_strength


@dataclass(frozen=True, eq=False)
class Placement:
    """The best pose, and what it does.

    Attributes:
        pose: Of the coil.
        value: In the target at 1e6 A/s: corrected for the mesh, or else by a direct
            solution. [V/m]
        reciprocal_value: The same by the search. [V/m]
        didt: To drive the coil with. [A/s]
        max_didt: That the coil is made for, or None. [A/s]
        wanted: In the target, or None. [V/m]
        clearance: From the casing to the scalp, or from the windings where no casing is
            known. [m]
        cover: Assumed over windings without a casing; None where there is a casing. [m]
        distance: From the scalp to the coil's centre, along the coil's axis. [m]
        objective: In words.
        mesh: What the mesh leaves in the value, at 1e6 A/s; None where it was not
            corrected.
        machine: Name of the stimulator, or nothing.
    """

    pose: Pose
    value: float
    reciprocal_value: float
    didt: float
    max_didt: float | None
    wanted: float | None
    clearance: float
    cover: float | None
    distance: float
    objective: str
    mesh: TargetError | None
    machine: str = ""

    @property
    def matrix(self) -> Float[ndarray, "4 4"]:
        """Of the pose, as SimNIBS has it. [mm]"""
        return np.asarray(self.pose.to_matsimnibs())

    @property
    def face(self) -> float:
        """From the scalp to the coil's face: its casing, or its covered windings. [m]"""
        return self.clearance - (self.cover or 0.0)

    @property
    def face_words(self) -> str:
        """What the face is."""
        if self.cover is None:
            return "casing"
        return f"windings with {self.cover * 1e3:g} mm of cover assumed"

    @property
    def strength(self) -> float:
        """In the target, at the dI/dt. [V/m]"""
        return self.value * self.didt / 1e6

    @property
    def stated(self) -> str:
        """The field in the target at the dI/dt, with what the mesh leaves in it."""
        if self.mesh is None:
            return f"{self.strength:.3g} V/m"
        bar = self.mesh.bar * self.didt / 1e6
        # Two digits of the bar, at least one decimal, and four at most.
        places = min(max(1 - math.floor(math.log10(bar)), 1), 4) if bar > 0 else 4
        return f"{self.strength:.{places}f} ± {bar:.{places}f} V/m (mesh)"

    @property
    def share_of_max(self) -> float | None:
        """The dI/dt as a share of what the coil is made for, where that is known."""
        return None if self.max_didt is None else self.didt / self.max_didt

    @property
    def maximum(self) -> str:
        """Whose maximum outputs are per cent of."""
        return (
            f"the maximum of {self.machine}" if self.machine else "the coil's maximum"
        )

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "matsimnibs": self.matrix.tolist(),
            "value": self.value,
            "reciprocal_value": self.reciprocal_value,
            "value_unit": "V/m at dI/dt = 1e6 A/s",
            "didt": self.didt,
            "didt_unit": "A/s",
            "share_of_max_didt": self.share_of_max,
            "stimulator": self.machine or None,
            "wanted_efield": self.wanted,
            "scalp_clearance_mm": self.clearance * 1e3,
            "distance_mm": self.distance * 1e3,
            "distance_convention": "scalp to coil centre along the coil's z axis",
            "casing": self.cover is None,
            "face_distance_mm": self.face * 1e3,
            "face": self.face_words,
            "objective": self.objective,
            "mesh_error": None if self.mesh is None else self.mesh.to_json(),
        }


def print_placement(
    found: Placement, handle: HandleResult, error: ErrorFigures
) -> None:
    """Print where the coil is, and what it does there."""
    print(f"coil centre      {np.round(found.matrix[:3, 3], 1).tolist()} mm")
    price = f" ({handle.price})" if handle.price else ""
    print(f"handle           {handle.direction}{price}")
    print(f"handle towards   {np.round(-found.matrix[:3, 1], 3).tolist()}")
    _print_value(found)
    print(
        f"estimated error  {error.target:.1%} of the field in the target, "
        f"{error.head:.1%} in the whole head (of the mesh alone, in the field's files)"
    )
    share = found.share_of_max
    of_maximum = "" if share is None else f", {share:.0%} of {found.maximum}"
    if found.wanted is not None:
        print(
            f"drive it with    {found.didt / 1e6:.4g} A/µs for {found.wanted:g} V/m"
            f"{of_maximum}"
        )
    print(
        f"scalp            {found.face * 1e3:.2f} mm from the coil's face "
        f"({found.face_words}), {found.distance * 1e3:.2f} mm from its centre"
    )
    if found.cover is not None:
        print(
            "casing           none in the coil's file: not checked; its windings lie "
            f"{found.clearance * 1e3:.2f} mm from the scalp"
        )


def _print_value(found: Placement) -> None:
    mesh, value = found.mesh, found.value
    if mesh is None:
        print(
            f"field in target  {value:.4f} V/m at 1 A/µs ({found.objective}; "
            "by a direct solve)"
        )
        print("mesh             no ± is stated with --order or --reduced")
        return
    print(
        f"field in target  {value:.4f} ± {mesh.bar:.4f} V/m (mesh) at 1 A/µs "
        f"({found.objective})"
    )
    print(
        f"mesh             a finer mesh of the same surfaces would give a value within ±; "
        f"{mesh.direct:.4f} V/m by a direct solve of order {mesh.order} on this mesh"
    )


def warn_of_placement(
    found: Placement, handle: HandleResult, coil: Coil, at_edge: bool
) -> None:
    """Warn of too high a current, a handle over the face, and a pose at a border."""
    if handle.over_face:
        warn(
            f"the handle points {handle.direction}, over the face; --handle back turns it, "
            "where that costs little."
        )
    if found.max_didt is not None and found.didt > found.max_didt:
        warn(
            f"{found.didt / 1e6:.4g} A/µs is more than {coil.name} is made "
            f"for ({found.max_didt / 1e6:.4g} A/µs); there the target gets "
            f"{found.value * found.max_didt / 1e6:.1f} V/m."
        )
    ask_of_strength([(found.didt, abs(found.strength))], "in the target")
    if at_edge:
        warn(
            "the best pose lies at the border of what was searched; a "
            "better one may lie beyond. Take a larger --search-radius."
        )


def draw_placement(
    folder: Path,
    source: str,
    head: HeadMesh,
    coil: Coil,
    field: ElectricField,
    found: Placement,
    target: TargetFigures,
) -> None:
    """Draw the placement as `overview.png`.

    Args:
        folder: Where to.
        source: Of the head, as the command line names it.
        head: The head.
        coil: In its shape.
        field: At the dI/dt.
        found: The placement.
        target: Where the field is wanted.
    """
    at = ", ".join(f"{x * 1e3:.0f}" for x in target.centre)
    output = found.share_of_max
    of_maximum = "" if output is None else f" ({output:.0%} of {found.maximum})"
    facts = [
        (
            "target",
            f"({at}) mm, radius {target.radius * 1e3:g} mm, {target.tissue}",
        ),
        ("field in target", found.stated),
        ("dI/dt", f"{found.didt / 1e6:.1f} A/µs{of_maximum}"),
        ("coil", coil.name),
        ("scalp to the coil's face", f"{found.face * 1e3:.1f} mm"),
        ("scalp to the coil's centre", f"{found.distance * 1e3:.1f} mm"),
        *([] if found.cover is None else [("casing", "none known: windings drawn")]),
    ]
    write_overview(
        folder / "overview.png",
        head,
        np.asarray(field.magnitude),
        found.pose.matrix,
        hull_of(coil),
        target_centre=np.asarray(target.centre),
        target_radius=target.radius,
        title=f"Best placement of {coil.name} on {Path(source).name}",
        subtitle=f"{found.objective} in the target · tmsgrad · for research use only",
        facts=facts,
    )
