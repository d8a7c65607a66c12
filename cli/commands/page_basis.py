"""The basis of a page that is made anew."""

from collections.abc import Sequence

from ... import efield, meshing, optimize
from ...coils import Coil
from ...optimize.page.surveying import reachable_distances
from ..inputs.bases import Basis
from ..inputs.frame import Frame
from ..inputs.targets import Target


_UNUSED = 45e-3  # A radius has no meaning over the upper head. [m]


def make_basis(
    source: str,
    frame: Frame,
    coils: Sequence[Coil],
    target: Target,
    searches: Sequence[optimize.Search],
    reach: float | None,
    tolerance: float,
) -> Basis:
    """Reduce the field of coils where they can be moved.

    Args:
        source: What the basis is called in messages.
        frame: Of the head.
        coils: All of them.
        target: In whose tissue the field is wanted.
        searches: Of the best placement of each coil.
        reach: Around the target's nearest point of the scalp; None for the upper
            head. [m]
        tolerance: Relative.
    """
    domain = optimize.placements(
        frame.scalp,
        None if reach is None else target.region.centre,
        _UNUSED if reach is None else reach,
        distances=reachable_distances(searches),
    )
    tag = meshing.tissue_tag(target.tissue)
    field = efield.reduce(
        frame.conductor,
        coils,
        domain,
        meshing.region(frame.head, frame.head.tags == tag),
        growth=efield.Growth(tolerance=tolerance),
        about={"head": frame.source, "tissue": meshing.TISSUE_NAMES[tag]},
        progress=frame.progress,
    )
    return Basis(source, field)
