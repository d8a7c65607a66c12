"""What `tmsgrad map response` finds, as one object."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...optimize.mapping import Recruitment
from ...optimize.pictures.recruitment_chart import Drawn, write_recruitment
from ..runtime.outcome import RESEARCH, StepWords
from ..runtime.provenance import Provenance


_STEPS = 61  # Of a curve in `curves.csv`.
_LINE = 0.01  # So much of R² that a sigmoid explains more, at least.


@dataclass(frozen=True, eq=False)
class Responded:
    """How one column of responses grows with intensity.

    Attributes:
        name: Of the column.
        intensities: Of the rows that have both.
        responses: Of these.
        found: The curve.
    """

    name: str
    intensities: Float[ndarray, "row"]
    responses: Float[ndarray, "row"]
    found: Recruitment

    @property
    def known(self) -> bool:
        """Whether there is a threshold to be stated."""
        return self.found.grows and bool(np.isfinite(self.found.threshold))

    @property
    def doubts(self) -> tuple[str, ...]:
        """What makes the threshold unsure, in words."""
        found, said = self.found, []
        if not found.grows:
            return (
                f"a curve explains shuffled responses as well in {found.chance:.0%} of "
                "draws: no threshold is stated",
            )
        if not np.isfinite(found.threshold):
            said.append("no intensity evokes the response that is asked for")
        low, high = found.interval
        if low == 0 or not np.isfinite(high):
            end = "below" if low == 0 else "above"
            said.append(
                f"the interval of the threshold has no end {end}: measure at more "
                f"intensities, on {'its plateau' if end == 'above' else 'its foot'} too"
            )
        if found.explained - found.of_line < _LINE:
            said.append("a straight line explains about as much as the curve")
        largest = float(self.intensities.max())
        if self.known and found.threshold > largest:
            said.append("the threshold is beyond the largest intensity that was tried")
        return tuple(said)

    def to_json(self) -> dict:
        """For a summary."""
        found, known = self.found, self.known
        low, high = found.interval
        return {
            "name": self.name,
            "rows": len(self.responses),
            "known": known,
            "doubts": list(self.doubts),
            "threshold": found.threshold if known else None,
            "interval": [low if low > 0 else None, high if np.isfinite(high) else None]
            if known
            else None,
            "noise": "log-normal" if found.logarithmic else "normal",
            "degrees_of_freedom": 1 / found.tail if found.tail else None,
            "noise_size": found.noise,
            "r2": found.explained,
            "r2_of_a_line": found.of_line,
            "chance": found.chance,
            "curve": {
                "base": found.base,
                "change": found.change,
                "middle": found.middle,
                "steepness": found.steepness,
                "of": "logarithms" if found.logarithmic else "responses",
            },
        }

    def describe(self, unit: str) -> None:
        """Print it."""
        found = self.found
        if self.known:
            low, high = found.interval
            ends = f"{low:.3g} to {high:.3g}"
            print(
                f"{self.name:16} threshold {found.threshold:.4g} ({ends}) {unit}; "
                f"R² {found.explained:.2f} of {len(self.responses)} rows"
            )
            tail = f", Student's t with {1 / found.tail:g}" if found.tail else ""
            noise = "log-normal" if found.logarithmic else "normal"
            print(f"                 noise {noise}{tail}, {found.noise:.3g}")
        for each in self.doubts:
            print(f"{self.name:16} {each}")


@dataclass(frozen=True, eq=False)
class ResponseResult:
    """What `tmsgrad map response` finds.

    Attributes:
        unit: The header of the column of intensities.
        curves: Of each column of responses.
        criterion: Of the threshold, in the responses' unit, or None.
        share: Of the change, where there is no criterion.
        table: As the command line names it.
        origin: Where the results come from.
        warnings: So far.
    """

    schema: ClassVar[int] = 1
    columns: ClassVar[tuple[str, ...]] = ("response", "intensity", "median")

    unit: str
    curves: tuple[Responded, ...]
    criterion: float | None
    share: float
    table: str
    origin: Provenance
    warnings: tuple[str, ...]

    @property
    def asked(self) -> str:
        """What has the threshold's intensity, in words."""
        if self.criterion is not None:
            return f"a response of {self.criterion:g}"
        return f"{self.share:.0%} of the way from base to plateau"

    def rows(self) -> list[dict]:
        """Rows of `curves.csv`: each curve at intensities from 0 to the largest."""
        table = []
        for each in self.curves:
            along = np.linspace(0, each.intensities.max(), _STEPS)
            for intensity, value in zip(along, each.found(along), strict=True):
                row = (each.name, float(intensity), float(value))
                table.append(dict(zip(self.columns, row, strict=True)))
        return table

    def to_json(self) -> dict:
        """What `summary.json` holds."""
        return self.answer()

    def answer(self) -> dict:
        """What `--json` prints."""
        return {
            "schema": self.schema,
            "note": RESEARCH,
            "table": self.table,
            "intensity": self.unit,
            "threshold_is": self.asked,
            "responses": [each.to_json() for each in self.curves],
            "provenance": self.origin.as_json(),
            "warnings": list(self.warnings),
        }

    def step(self) -> StepWords:
        """The curves in words, as a step of a plan."""
        chosen = [
            f"{each.name}: {each.found.threshold:.4g} {self.unit}"
            for each in self.curves
            if each.known
        ]
        evidence = [
            f"{each.name}: R² {each.found.explained:.2f} of {len(each.responses)} rows"
            for each in self.curves
        ]
        unsure = [
            "{}: {:.3g} to {:.3g}".format(each.name, *each.found.interval)
            for each in self.curves
            if each.known
        ] + [f"{each.name}: {doubt}" for each in self.curves for doubt in each.doubts]
        return StepWords(
            *("Dose", "; ".join(chosen) or "no threshold is known"),
            *("; ".join(evidence), "; ".join(unsure)),
        )

    def draw(self, path: Path) -> None:
        """Draw responses, curves and thresholds."""
        drawn = []
        for each in self.curves:
            along = np.linspace(0, 1.05 * each.intensities.max(), 4 * _STEPS)
            drawn.append(
                Drawn(
                    *(each.name, each.intensities, each.responses, along),
                    *(each.found(along), each.found.logarithmic),
                    each.found.threshold if each.known else None,
                    each.found.interval if each.known else None,
                )
            )
        title = f"Responses over {self.unit}; threshold: {self.asked}"
        write_recruitment(path, drawn, self.unit, title)

    def describe(self, out: str) -> None:
        """Print it."""
        print(f"threshold        of {self.asked}")
        for each in self.curves:
            each.describe(self.unit)
        print(f"files            {Path(out)}{os.sep} ({RESEARCH})")
