"""What is said of a coil in numbers; `description` finds it."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class FieldPeak:
    """The strongest field on a plane below the coil, at a current of 1 A.

    What lies nearer than 8 mm to a source does not count: a plane may cut a winding that
    wraps the head.

    Attributes:
        depth: Of the plane, from the coil's origin. [m]
        magnitude_a: Largest |A| on it. [T m / A]
        place_a: Where that is. [m]
        magnitude_b: Largest |B| on it. [T / A]
        place_b: Where that is. [m]
    """

    depth: float
    magnitude_a: float
    place_a: tuple[float, float, float]
    magnitude_b: float
    place_b: tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Drive:
    """A stimulator of a coil.

    Attributes:
        name: How it is called.
        max_current_rate: The largest dI/dt of it and the coil, or None. [A/s]
    """

    name: str
    max_current_rate: float | None


@dataclasses.dataclass(frozen=True)
class Motion:
    """What a setting of a coil does.

    Attributes:
        turns: Whether it turns parts about an axis; otherwise it shifts them.
        parts: The names of those that it moves.
        lowest: Of its range. [m] or [rad]
        highest: Likewise.
    """

    turns: bool
    parts: tuple[str, ...]
    lowest: float
    highest: float


@dataclasses.dataclass(frozen=True)
class Description:
    """A coil in numbers.

    Attributes:
        name: How it is called.
        brand: The maker, where known.
        elements: What it is made of, and how many of each.
        dipole_count: Magnetic dipoles among its point sources.
        current_count: Short currents among its point sources.
        has_sources: Whether it has point sources at all, which a sampled grid has not.
        moment: Total magnetic moment at 1 A. [A m² / A]
        moment_magnitude: Sum of the sizes of its dipoles' moments. [A m² / A]
        source_box: Lowest and highest corner around the sources, or None. [m]
        casing_box: The same for the casings, or None. [m]
        casing_points: How many.
        max_current_rate: The dI/dt limit, or None. [A/s]
        stimulators: Their names.
        settings: Of each motion: initial, lowest and highest. [m] or [rad]
        peaks: The strongest fields on planes below the coil.
        warnings: What looks wrong, in words.
        has_casing: Whether the coil or one of its parts has a casing.
        drives: What drives it, one for each stimulator that is known.
        motions: What each of the settings moves.
    """

    name: str
    brand: str
    elements: dict[str, int]
    dipole_count: int
    current_count: int
    has_sources: bool
    moment: tuple[float, float, float]
    moment_magnitude: float
    source_box: tuple[tuple[float, ...], tuple[float, ...]] | None
    casing_box: tuple[tuple[float, ...], tuple[float, ...]] | None
    casing_points: int
    max_current_rate: float | None
    stimulators: tuple[str, ...]
    settings: tuple[tuple[float, float, float], ...]
    peaks: tuple[FieldPeak, ...]
    warnings: tuple[str, ...]
    has_casing: bool
    drives: tuple[Drive, ...]
    motions: tuple[Motion, ...]
