"""What `tmsgrad coil info` finds."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...coils import Coil, Description, Part, Rotation
from ..runtime.notices import warn


@dataclass(frozen=True, eq=False)
class CoilResult:
    """A coil in figures.

    Attributes:
        coil: The coil.
        found: What it is.
    """

    schema: ClassVar[int] = 1

    coil: Coil
    found: Description

    def to_json(self) -> dict:
        """For `--json`."""
        return {"schema": self.schema, **dataclasses.asdict(self.found)}

    def describe(self) -> None:
        """Print it, and warn of what is odd about it."""
        coil, found = self.coil, self.found
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
        if not coil.has_casing:
            print(
                "casing           none in the file: distances end at the windings' cover"
            )
        if found.max_current_rate is not None:
            print(f"largest dI/dt    {found.max_current_rate * 1e-6:.4g} A/µs")
        for each in coil.stimulators if len(coil.stimulators) > 1 else ():
            limit = each.max_current_rate
            rate = "" if limit is None else f", up to {limit * 1e-6:.4g} A/µs"
            print(f"stimulator       {each.name or 'unnamed'}{rate}")
        for words in _motions(coil):
            print(f"moves            {words}")
        for peak in found.peaks:
            print(
                f"{peak.depth * 1e3:3.0f} mm below     |A| up to {peak.magnitude_a:.3g} "
                f"T m/A, |B| up to {peak.magnitude_b:.3g} T/A"
            )
        for warning in found.warnings:
            warn(warning)


def _motions(coil: Coil) -> list[str]:
    """Say what each setting of a coil does, and within what range."""
    moved: dict[int, list[str]] = {}
    turning = set()
    for part in (each for each in coil.elements if isinstance(each, Part)):
        for motion in part.motions:
            moved.setdefault(motion.setting, []).append(part.name or "a part")
            if isinstance(motion, Rotation):
                turning.add(motion.setting)
    found = []
    for setting, span in enumerate(coil.ranges):
        what, unit, name = ("turns", np.pi / 180, "°")
        if setting not in turning:
            what, unit, name = ("shifts", 1e-3, " mm")
        parts = list(dict.fromkeys(moved.get(setting, ["nothing"])))
        low, high = span.lowest / unit, span.highest / unit
        found.append(
            f"setting {setting} {what} {', '.join(parts)}: {low:g}…{high:g}{name}"
        )
    return found
