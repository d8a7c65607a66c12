"""What the commands of coils find and write."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...coils import Description, Motion
from ..runtime.notices import note, warn


@dataclass(frozen=True)
class CoilNames:
    """The coils of the catalogue.

    Attributes:
        names: Theirs.
    """

    schema: ClassVar[int] = 1

    names: tuple[str, ...]

    def to_json(self) -> dict:
        """For `--json`."""
        return {"schema": self.schema, "coils": list(self.names)}

    def describe(self) -> None:
        """Print them."""
        for name in self.names:
            print(name)


@dataclass(frozen=True)
class ConvertedCoil:
    """A coil in another format.

    Attributes:
        out: The file.
        lost: What the format cannot hold, in words.
    """

    schema: ClassVar[int] = 1

    out: str
    lost: tuple[str, ...]

    def to_json(self) -> dict:
        """For `--json`."""
        return {"schema": self.schema, "out": self.out, "lost": list(self.lost)}

    def describe(self) -> None:
        """Print it, and what is lost."""
        for each in self.lost:
            note(each)
        print(f"wrote {self.out}")


@dataclass(frozen=True)
class DrawnCoil:
    """A picture of a coil.

    Attributes:
        out: The file.
        field: What is drawn on a plane, A or B.
        depth: Of the plane, below the coil's origin. [m]
        peak: The largest there, at 1 A. [T m / A] or [T / A]
    """

    schema: ClassVar[int] = 1

    out: str
    field: str
    depth: float
    peak: float

    def to_json(self) -> dict:
        """For `--json`."""
        return {
            "schema": self.schema,
            "out": self.out,
            "field": self.field,
            "depth_mm": round(self.depth * 1e3, 9),
            "peak": self.peak,
        }

    def describe(self) -> None:
        """Print it."""
        unit = "T/A" if self.field == "B" else "T m/A"
        print(
            f"wrote {self.out}: |{self.field}| up to {self.peak:.3g} {unit} on the plane "
            f"{self.depth * 1e3:g} mm below"
        )


@dataclass(frozen=True)
class JoinedCoil:
    """Coils that were put together.

    Attributes:
        out: The file.
        name: Of the whole.
        stimulators: Names of those that drive it.
        lost: What the file cannot hold, in words.
    """

    schema: ClassVar[int] = 1

    out: str
    name: str
    stimulators: tuple[str, ...]
    lost: tuple[str, ...]

    def to_json(self) -> dict:
        """For `--json`."""
        return {
            "schema": self.schema,
            "out": self.out,
            "name": self.name,
            "stimulators": list(self.stimulators),
        }

    def describe(self) -> None:
        """Print it."""
        for each in self.lost:
            note(each)
        for number, name in enumerate(self.stimulators):
            print(f"stimulator {number + 1}     {name}")
        rates = ",".join("1" for _ in self.stimulators)
        print(f"wrote {self.out}: simulate it with --didt {rates}")


@dataclass(frozen=True, eq=False)
class CoilResult:
    """A coil in figures.

    Attributes:
        found: What it is.
    """

    schema: ClassVar[int] = 1

    found: Description

    def to_json(self) -> dict:
        """For `--json`."""
        return {"schema": self.schema, **dataclasses.asdict(self.found)}

    def describe(self) -> None:
        """Print it, and warn of what is odd about it."""
        found = self.found
        parts = ", ".join(f"{count} {kind}" for kind, count in found.elements.items())
        print(found.name + (f" ({found.brand})" if found.brand else ""))
        print(f"elements         {parts}")
        if found.has_sources:
            moment = ", ".join(f"{x:.4g}" for x in found.moment)
            sizes = (
                f"; sizes: {found.moment_magnitude:.4g}" if found.dipole_count else ""
            )
            print(
                f"point sources    {found.dipole_count} dipoles, {found.current_count} "
                "currents"
            )
            print(f"moment           ({moment}) A m² at 1 A{sizes}")
        else:
            print("point sources    none: the coil is known by samples of its field")
        for name, box in (("sources", found.source_box), ("casing", found.casing_box)):
            if box is not None:
                spans = (
                    f"{a * 1e3:.1f}…{b * 1e3:.1f}" for a, b in zip(*box, strict=True)
                )
                print(f"{name:<16} {' × '.join(spans)} mm")
        if not found.has_casing:
            print(
                "casing           none in the file: distances end at the windings' cover"
            )
        self._describe_drive()
        for peak in found.peaks:
            print(
                f"{peak.depth * 1e3:3.0f} mm below     |A| up to {peak.magnitude_a:.3g} "
                f"T m/A, |B| up to {peak.magnitude_b:.3g} T/A"
            )
        for warning in found.warnings:
            warn(warning)

    def _describe_drive(self) -> None:
        """Print what drives it, and how it moves."""
        found = self.found
        if found.max_current_rate is not None:
            print(f"largest dI/dt    {found.max_current_rate * 1e-6:.4g} A/µs")
        for each in found.drives if len(found.drives) > 1 else ():
            limit = each.max_current_rate
            rate = "" if limit is None else f", up to {limit * 1e-6:.4g} A/µs"
            print(f"stimulator       {each.name or 'unnamed'}{rate}")
        for setting, motion in enumerate(found.motions):
            print(f"moves            {_in_words(setting, motion)}")


def _in_words(setting: int, motion: Motion) -> str:
    """Say what a setting does, and within what range."""
    what, unit, name = ("turns", np.pi / 180, "°")
    if not motion.turns:
        what, unit, name = ("shifts", 1e-3, " mm")
    low, high = motion.lowest / unit, motion.highest / unit
    parts = ", ".join(motion.parts or ("nothing",))
    return f"setting {setting} {what} {parts}: {low:g}…{high:g}{name}"
