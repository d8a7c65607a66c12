"""What is drawn of a coil, sampled from it."""

from ...coils import AbstractCoil, casing_samples
from ...meshing.pictures.hull import CoilHull


def hull_of(coil: AbstractCoil) -> CoilHull:
    """Sample the casing of a coil, or its windings where no casing is known."""
    return CoilHull(casing_samples(coil), coil.has_casing)
