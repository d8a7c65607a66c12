"""What `tmsgrad dose` finds: outputs by several rules, and what they rest on."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ...optimize import dosing
from ...optimize.dosing import safety
from ...optimize.pictures.dose_chart import write_dose_chart
from ..inputs.trains import Trains
from ..inputs.waveforms import WaveformRatio, of_waveforms
from ..runtime.notices import warn
from ..runtime.outcome import RESEARCH
from ..runtime.provenance import Provenance
from ..runtime.versions import versions
from .basis_check import FoundByBasis
from .dose_extras import MatchedInterval
from .figures import TargetError
from .plausible import ask_of_strength


@dataclass(frozen=True)
class TrainResult:
    """Trains of pulses at each output, compared with published tables.

    Attributes:
        asked: The trains.
        checks: What the tables say, in the order of the outputs.
    """

    asked: Trains
    checks: tuple[dosing.TrainCheck, ...]

    @classmethod
    def of(
        cls, asked: Trains | None, outputs: tuple[dosing.Output, ...]
    ) -> "TrainResult | None":
        """Compare trains with the tables at each output, where trains are given."""
        if asked is None:
            return None
        checks = (
            dosing.check_train(
                asked.frequency, asked.train, each.of_threshold, asked.intertrain
            )
            for each in outputs
        )
        return cls(asked, tuple(checks))

    def to_json(self) -> dict:
        """For `dose.json`."""
        return {
            "frequency_Hz": self.asked.frequency,
            "train_s": self.asked.train,
            "intertrain_s": self.asked.intertrain,
            "sources": [safety.SOURCE, safety.INTERVAL_SOURCE],
            "outputs": [
                {
                    "longest_train_s": each.limit,
                    "only_tried": each.tried_only,
                    "within": each.within,
                    "problems": list(each.problems),
                }
                for each in self.checks
            ],
        }

    def describe(self, outputs: tuple[dosing.Output, ...]) -> None:
        """Print where the tables end, and warn of what is beyond them."""
        within = sum(each.within for each in self.checks)
        print(
            f"trains           at {within} of {len(self.checks)} outputs within the tables "
            f"({safety.SOURCE})"
        )
        for output, each in zip(outputs, self.checks, strict=True):
            for problem in each.problems:
                warn(f"{output.rule}: {problem}. Check it with the guidelines.")


@dataclass(frozen=True)
class Activated:
    """The tissue in which the matched field reaches a share of M1's at threshold.

    Attributes:
        share: Of the field of M1.
        volume: Of the tissue. [m³]
        inside: Share of that volume which lies in the target.
        covered: Share of the target's volume which is activated.
        several: For other shares of M1's field: the share, the volume [m³] and the share of
            the target.
    """

    share: float
    volume: float
    inside: float
    covered: float
    several: tuple[tuple[float, float, float], ...]

    @classmethod
    def of(
        cls,
        share: float,
        found: dosing.Activation,
        several: tuple[dosing.Activation, ...],
    ) -> "Activated":
        """Take it from what was found at a share of M1's field, and at `SHARES`."""
        rows = (
            (at, each.volume, each.covered)
            for at, each in zip(dosing.SHARES, several, strict=True)
        )
        return cls(share, found.volume, found.inside, found.covered, tuple(rows))

    @property
    def subthreshold(self) -> float:
        """Share of the target that gets less than M1 at threshold."""
        return 1 - self.several[-1][2]

    def to_json(self) -> dict:
        """For `dose.json`."""
        return {
            "share_of_motor_field": self.share,
            "volume_mm3": self.volume * 1e9,
            "share_inside_target": self.inside,
            "share_of_target": self.covered,
            "subthreshold_share_of_target": self.subthreshold,
            "by_share_of_motor_field": [
                {
                    "share_of_motor_field": share,
                    "volume_mm3": volume * 1e9,
                    "share_of_target": covered,
                }
                for share, volume, covered in self.several
            ],
        }

    def describe(self) -> None:
        """Print it."""
        print(
            f"activated        {self.volume * 1e9:.0f} mm³ reach {self.share:.0%} of M1's "
            f"field at threshold, {self.inside:.0%} of it in the target"
        )
        (low, most, _), *_, (high, least, _) = self.several
        print(
            f"                 {least * 1e9:.0f} to {most * 1e9:.0f} mm³ for {high:.0%} to "
            f"{low:.0%}: which share activates is not known"
        )
        print(
            f"subthreshold     {self.subthreshold:.0%} of the target gets less than M1 at "
            "threshold"
        )


@dataclass(frozen=True)
class DoseResult:
    """What `tmsgrad dose` finds.

    Attributes:
        threshold: Resting motor threshold, a share of the maximum.
        metric: Of the fields, in words.
        fields: Of M1 and of the target, at 1e6 A/s. [V/m]
        mesh: What the mesh leaves in both; None where they are not corrected.
        depths: From scalp to cortex, there and there. [m]
        outputs: By rule; the last matches the fields.
        trains: Compared with tables, or None.
        interval: How sure the last output is, or None.
        activation: At the last output.
        origin: Where the result comes from.
        didt: At the last output; None where the stimulator is not known. [A/s]
        machine: Name of the stimulator over M1, or nothing.
        found: The basis by which placements were found, or None.
        pulses: How the waveforms of both pulses compare, or None.
        other_coil: Whether the target has a coil of its own.
    """

    schema: ClassVar[int] = 1

    threshold: float
    metric: str
    fields: tuple[float, float]
    mesh: tuple[TargetError, TargetError] | None
    depths: tuple[float, float]
    outputs: tuple[dosing.Output, ...]
    trains: TrainResult | None
    interval: MatchedInterval | None
    activation: Activated
    origin: Provenance
    didt: float | None
    machine: str = ""
    found: FoundByBasis | None = None
    pulses: WaveformRatio | None = None
    other_coil: bool = False

    @property
    def target_field(self) -> float | None:
        """The field in the target at the last output. [V/m]"""
        return None if self.didt is None else self.fields[1] * self.didt / 1e6

    @property
    def reason(self) -> str:
        """Why the target needs another output than M1, in a sentence."""
        return reason_of(self.fields, self.depths, self.outputs[-1].of_threshold)

    def share(self, output: dosing.Output) -> float:
        """The target's field in units of that of M1 at threshold."""
        return output.output / self.outputs[-1].output

    def to_json(self) -> dict:
        """What `dose.json` holds."""
        return {"schema": self.schema} | self.answer()

    def answer(self) -> dict:
        """What `--json` prints."""
        fields = dict(zip(("motor", "target"), self.fields, strict=True))
        report = {
            "note": RESEARCH,
            "threshold": self.threshold,
            "stimulator": self.machine or None,
            "metric": self.metric,
            "field_per_1e6_A_per_s": fields,
            "mesh_error": self._mesh_error(),
            "scalp_to_cortex_mm": [depth * 1e3 for depth in self.depths],
            "outputs": [
                {
                    "rule": each.rule,
                    "output": each.output,
                    "of_threshold": each.of_threshold,
                    "reachable": each.reachable,
                    "target_share_of_motor": self.share(each),
                }
                for each in self.outputs
            ],
            "trains": None if self.trains is None else self.trains.to_json(),
            "interval": None if self.interval is None else self.interval.to_json(),
            "activation": self.activation.to_json(),
            "reason": self.reason,
            "waveform": None if self.pulses is None else self.pulses.to_json(),
            "versions": versions(),
            "provenance": self.origin.as_json(),
        }
        if self.didt is not None:
            report |= {"didt": self.didt, "target_field": self.target_field}
        if self.found is not None:
            report |= {"reduced": self.found.to_json()}
        return report

    def _mesh_error(self) -> dict | None:
        if self.mesh is None:
            return None
        motor, target = self.mesh
        return {"motor": motor.to_json(), "target": target.to_json()}

    def describe(self, out: str) -> None:
        """Print it, and warn of outputs that cannot be reached."""
        if self.found is not None:
            self.found.describe()
        if self.mesh is not None:
            motor, target = (
                f"{value:.4g} ± {each.bar:.2g}"
                for value, each in zip(self.fields, self.mesh, strict=True)
            )
            print(
                f"fields           {motor} V/m in M1, {target} V/m in the target (mesh), "
                "at 1 A/µs"
            )
            print(
                "mesh             corrected; a finer mesh of the same surfaces would give "
                "values within ±"
            )
        if self.machine:
            print(f"stimulator       {self.machine}: outputs are % of its maximum")
        for each in self.outputs:
            print(
                f"{each.rule:<58} {each.statement}; the target gets "
                f"{self.share(each):.0%} of M1's field"
            )
            if not each.reachable:
                warn(f"{each.rule}: the output {each.statement}.")
        print(f"why              {self.reason}")
        print(f"waveform         {of_waveforms(self.pulses, self.other_coil)}")
        self.activation.describe()
        if self.didt is not None:
            print(
                f"field in target  {self.target_field:.1f} V/m ({self.metric}) at "
                f"{self.didt / 1e6:.4g} A/µs"
            )
            ask_of_strength([(self.didt, self.target_field or 0.0)], "in the target")
        print(f"files            {Path(out)}{os.sep} ({RESEARCH})")
        if self.interval is not None:
            self.interval.describe()
        if self.trains is not None:
            self.trains.describe(self.outputs)


def draw_dose(folder: Path, found: DoseResult) -> None:
    """Draw the outputs by rule as `dose.png`."""
    motor = found.fields[0]
    at = ""
    if found.didt is not None:
        rate = found.didt / found.outputs[-1].of_threshold
        at = f"; M1 gets {motor * rate / 1e6:.0f} V/m there"
    write_dose_chart(
        folder / "dose.png",
        [(each.rule, each.output) for each in found.outputs],
        None if found.interval is None else found.interval.ends,
        f"Outputs for a motor threshold of {found.threshold:.0%}{at}",
        found.machine or "the stimulator",
    )


def reason_of(
    fields: tuple[float, float], depths: tuple[float, float], ratio: float
) -> str:
    """Why a target needs another output than M1, in a sentence.

    Args:
        fields: Of M1 and of the target, at 1e6 A/s. [V/m]
        depths: From scalp to cortex, there and there. [m]
        ratio: Of the matched outputs.
    """
    motor, target = fields
    above, below = (depth * 1e3 for depth in depths)
    more = "more" if ratio > 1 else "less"
    apart = f"{abs(ratio - 1):.0%} {more} output than M1"
    if abs(ratio - 1) < 0.01:
        apart = "the same output as M1"
    of_depths = ""
    if np.isfinite(depths).all():
        of_depths = (
            f"; its cortex lies {below:.0f} mm below the scalp, that of M1 "
            f"{above:.0f} mm"
        )
    deeper = below > above
    despite = ", though it is deeper" if deeper and ratio < 1 else ""
    despite = ", though it is less deep" if not deeper and ratio > 1 else despite
    return (
        f"The target needs {apart}{despite}: at the same dI/dt it gets "
        f"{target / motor:.0%} of M1's field ({target:.2f} and {motor:.2f} V/m at 1 "
        f"A/µs){of_depths}. Folds and the directions of the field count besides depth."
    )
