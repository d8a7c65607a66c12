"""What an interactive page is of."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float, Int
from numpy import ndarray

from ...coils import Coil
from ...efield import ReducedField
from ...efield.verdict import Verdict
from ...meshing import HeadMesh, Region, Scalp
from ..targeting.naming import GyrusNames


@dataclass(frozen=True, eq=False)
class Spot:
    """A placement that the page can jump to.

    Attributes:
        name: Shown.
        pose: Coil to head. [m]
        usual: Whether it is what a clinic would do without a computation.
    """

    name: str
    pose: Float[ndarray, "4 4"]
    usual: bool = False


@dataclass(frozen=True, eq=False)
class PlacedCoil:
    """A coil that can be moved on the page.

    Attributes:
        source: As the command line names it.
        coil: The coil.
        number: Of it, in the basis.
        best: The best placement known.
        rules: Placements of clinical rules.
        lost: How far it may be off the best place [m], and turned from the best angle
            [rad], to lose 5%; None where that is not known.
    """

    source: str
    coil: Coil
    number: int
    best: Spot
    rules: tuple[Spot, ...]
    lost: tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class Scene:
    """Head, coils, field and target of a page.

    Attributes:
        source: Of the head, as the command line names it.
        head: The head.
        scalp: Its scalp.
        field: E in a tissue, for any placement.
        elements: The tetrahedra that it is of.
        in_target: Its mean in the target: one place.
        region: Where the field is wanted.
        radius: Of the ring that marks it. [m]
        coils: That can be moved.
        named: Positions on the scalp, by name. [m]
        error: Of the mesh in the target, relative; None where it was not estimated.
        verdict: On that.
        cover: Assumed over windings without a casing. [m]
        didt: At first. [A/s]
        image: What ANT's file says of the T1, or None.
        gyri: What names places of the cortex, or None.
        solved: Options of a command that solves as the field was solved, for its user.
    """

    source: str
    head: HeadMesh
    scalp: Scalp
    field: ReducedField
    elements: Int[ndarray, "point"]
    in_target: ReducedField
    region: Region
    radius: float
    coils: tuple[PlacedCoil, ...]
    named: Mapping[str, Float[ndarray, "3"]]
    error: float | None
    verdict: Verdict
    cover: float
    didt: float
    image: Mapping[str, list[float]] | None = None
    gyri: GyrusNames | None = None
    solved: tuple[str, ...] = ()

    @property
    def head_name(self) -> str:
        """Shown."""
        return Path(self.source).name
