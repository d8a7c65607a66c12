"""What `tmsgrad bids … group` finds."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ...optimize.cohort import Spread, spread_of
from ..runtime.provenance import Provenance


OUTLYING = "unlike the others"


@dataclass(frozen=True)
class SpreadRow:
    """How a measure of a run spreads over people."""

    target: str
    measure: str
    unit: str
    spread: Spread


@dataclass(frozen=True)
class TargetDistance:
    """How far apart two runs put target or coil, person by person. [mm]"""

    first: str
    second: str
    what: str
    apart: tuple[float, ...]

    @property
    def spread(self) -> Spread:
        """Over people."""
        return spread_of(self.apart)


@dataclass(frozen=True)
class NetworkShare:
    """How the place that most people's field reaches lies in a network."""

    run: str
    network: str
    inside: float
    covered: float


@dataclass(frozen=True)
class OutlierCell:
    """A figure of a person beside those of the others.

    Attributes:
        score: Robust deviations from the median.
        words: What is odd, or nothing.
    """

    person: str
    target: str
    measure: str
    unit: str
    value: float
    score: float
    words: str


@dataclass(frozen=True)
class GroupResult:
    """What people have in common, and who is unlike the others.

    Attributes:
        people: Their names.
        runs: Of the plan, that have maps.
        above: What a person's field has to reach to be counted, in words.
        spreads: Of measures.
        distances: Between the runs' targets and coils.
        networks: Of the place that most people's field reaches.
        cells: Figures that speak of mistakes.
        out: Folder.
        origin: Where the result comes from.
    """

    schema: ClassVar[int] = 1

    people: tuple[str, ...]
    runs: tuple[str, ...]
    above: str
    spreads: tuple[SpreadRow, ...]
    distances: tuple[TargetDistance, ...]
    networks: tuple[NetworkShare, ...]
    cells: tuple[OutlierCell, ...]
    out: str
    origin: Provenance

    @property
    def odd(self) -> list[OutlierCell]:
        """Figures to look at."""
        return [each for each in self.cells if each.words]

    def tables(self) -> dict[str, list[tuple]]:
        """Files of tables, by name."""
        distances = [("first", "second", "of", "person", "distance_mm")]
        distances += [
            (each.first, each.second, each.what, person, _known(value, "n/a"))
            for each in self.distances
            for person, value in zip(self.people, each.apart, strict=True)
        ]
        outliers = [("person", "target", "measure", "value", "unit", "score", "words")]
        outliers += [
            (
                *(each.person, each.target, each.measure, _known(each.value, "n/a")),
                *(each.unit or "n/a", _known(each.score, "n/a"), each.words or "n/a"),
            )
            for each in self.cells
        ]
        return {"distances.tsv": distances, "outliers.tsv": outliers}

    def to_json(self) -> dict:
        """What `group.json` holds and `--json` prints."""
        return {
            "schema": self.schema,
            "people": list(self.people),
            "runs": list(self.runs),
            "prevalence_above": self.above,
            "spread": [
                {
                    "target": each.target,
                    "measure": each.measure,
                    "unit": each.unit,
                    **each.spread.to_json(),
                }
                for each in self.spreads
            ],
            "distances_mm": [
                {
                    "first": each.first,
                    "second": each.second,
                    "of": each.what,
                    **each.spread.to_json(),
                }
                for each in self.distances
            ],
            "networks": [
                {
                    "run": each.run,
                    "network": each.network,
                    "share_inside": each.inside,
                    "share_of_network": each.covered,
                }
                for each in self.networks
            ],
            "odd": [
                {
                    "person": each.person,
                    "target": each.target,
                    "measure": each.measure,
                    "value": each.value,
                    "score": each.score,
                    "what": each.words,
                }
                for each in self.odd
            ],
            "provenance": self.origin.as_json(),
        }

    def describe(self) -> None:
        """Print it."""
        print(
            f"people           {len(self.people)}, runs {', '.join(self.runs) or 'none'}"
        )
        for each in self.spreads:
            found = each.spread
            unit = f" {each.unit}" if each.unit else ""
            spread = "" if math.isnan(found.deviation) else f" ± {found.deviation:.3g}"
            print(
                f"{each.target} {each.measure}: {found.mean:.4g}{spread}{unit} "
                f"({found.low:.4g} to {found.high:.4g}, {found.count} people)"
            )
        for each in self.distances:
            found = each.spread
            print(
                f"{each.what} of {each.first} and {each.second}: {found.mean:.1f} mm apart "
                f"({found.low:.1f} to {found.high:.1f})"
            )
        for each in self.odd:
            print(
                f"{each.person}: {each.target} {each.measure} is {each.value:.4g} "
                f"{each.unit}: {each.words}"
            )
        print(f"page             {Path(self.out) / 'group' / 'group.html'}")


def _known(value: float, otherwise: str) -> str:
    return f"{value:.6g}" if math.isfinite(value) else otherwise
