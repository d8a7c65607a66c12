"""What is found out about coils and head for a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from numpy import ndarray

from ... import meshing, optimize
from ...coils import Coil, Pose, navigation
from ...efield import Reciprocal
from ...meshing import Fiducials, Scalp
from .scene import PlacedCoil, Spot


_NEARER, _FARTHER = 2e-3, 9e-3  # Than the best placement coils are moved. [m]
_USUAL_RATE = 70e6  # [A/s]
_LEAST, _MOST = 3e-3, 12e-3  # Distances that any basis should know. [m]


@dataclass(frozen=True, eq=False)
class Survey:
    """Where coils can be, and what for.

    Attributes:
        reciprocal: Of the target.
        scalp: Of the head.
        centre: Of the target. [m]
        domain: Where the best placement is looked for.
        named: Positions on the scalp, by name, or None. [m]
        fiducials: Or None.
    """

    reciprocal: Reciprocal
    scalp: Scalp
    centre: Float[ndarray, "3"]
    domain: optimize.Domain
    named: Mapping[str, Float[ndarray, "3"]] | None
    fiducials: Fiducials | None

    def place(self, coil: Coil) -> tuple[Spot, tuple[Spot, ...], optimize.Search]:
        """Find the best placement of a coil, and where rules would put it."""
        objective = optimize.MeanMagnitude(self.reciprocal)
        domain = optimize.Domain(
            distance=self.domain.distance,
            radius=self.domain.radius,
            handle=optimize.usual_handle(coil),
        )
        search = optimize.find_pose(objective, coil, self.scalp, domain)
        rules = optimize.clinical_rules(
            *(objective, coil, self.scalp, self.centre, search.value),
            *(self.fiducials, self.domain),
            named=self.named,
        )
        return best_spot(search.pose), spots_of(rules), search


def best_spot(pose: Pose) -> Spot:
    """The best placement, as one to jump to."""
    return Spot("best", pose.matrix)


def spots_of(rules: Sequence[optimize.Rule]) -> tuple[Spot, ...]:
    """Placements of rules, as ones to jump to."""
    usual = optimize.usual_rule(rules) if rules else None
    return tuple(Spot(rule.name, rule.pose.matrix, rule is usual) for rule in rules)


def lost_of(search: optimize.Search) -> tuple[float, float] | None:
    """How far a coil may be off [m] and turned [rad] to lose 5%."""
    found = search.sensitivity
    return None if found is None else (found.position, found.angle)


def reachable_distances(searches: Sequence[optimize.Search]) -> tuple[float, float]:
    """From the scalp to coils' centres, that a basis should know. [m]"""
    found = [search.best.distance for search in searches]
    return (
        max(min([_LEAST, *(x - _NEARER for x in found)]), 0.0),
        max([_MOST, *(x + _FARTHER for x in found)]),
    )


def usual_rate(coil: Coil) -> float:
    """A dI/dt to begin with: half of the coil's maximum, where that is known. [A/s]"""
    most = coil.max_current_rate
    return _USUAL_RATE if most is None else most / 2


def image_of(source: str) -> dict[str, list[float]] | None:
    """What ANT's file says of a person's T1, where its two forms agree."""
    subject = meshing.subject_of(source)
    if subject is None or subject.t1 is None:
        return None
    image = meshing.load_nifti(subject.t1)
    header = image.header
    if int(header["qform_code"]) == 0 or navigation.forms_differ(image):
        return None
    return {
        "quatern": [float(header[f"quatern_{c}"]) for c in "bcd"],
        "qoffset": [float(header[f"qoffset_{c}"]) for c in "xyz"],
        "pixdim": [float(x) for x in header["pixdim"][:4]],
    }


def placed_coil(
    source: str,
    coil: Coil,
    number: int,
    found: tuple[Spot, tuple[Spot, ...], optimize.Search],
) -> PlacedCoil:
    """Put together what is known of a coil."""
    best, rules, search = found
    return PlacedCoil(source, coil, number, best, rules, lost_of(search))
