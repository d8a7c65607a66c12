"""How far the targets of two days lie apart, and whether the intervals said so.

    python -m benchmarks retest --day1=p1/day1,p2/day1 --day2=p1/day2,p2/day2

Each folder is what `tmsgrad target functional` wrote for one person and day, with the same
options. The interval of the first day should hold the target of the second in 95% of
people, where its own error is as large and independent: so the radius that counts is the
root of the sum of both squares. A target of the first day that moves by more than 10 mm
should have been called not reliable, on that day. No choice is made by these figures.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks import record


FAR = 10.0  # [mm]
_SAME = ("space", "seed", "search_region", "global_signal", "normative", "blend")


@dataclass(frozen=True)
class Pair:
    """The targets of a person on two days.

    Attributes:
        name: Of the first folder.
        distance: Between both. [mm]
        radii: Of the intervals. [mm]
        reliable: Whether each was called so.
        minutes: Of data that were left.
    """

    name: str
    distance: float
    radii: tuple[float, float]
    reliable: tuple[bool, bool]
    minutes: tuple[float, float]

    @property
    def held(self) -> bool:
        """Whether the intervals hold the distance."""
        return bool(self.distance <= np.hypot(*self.radii))


def pair_of(first: Path, second: Path) -> Pair:
    """Read the targets of two days.

    Raises:
        OSError: `target.json` is missing.
        ValueError: They were not found in the same way.
    """
    days = [
        json.loads((folder / "target.json").read_text(encoding="utf-8"))
        for folder in (first, second)
    ]
    differing = [name for name in _SAME if days[0][name] != days[1][name]]
    if differing:
        raise ValueError(f"{first} and {second} differ in {', '.join(differing)}.")
    apart = np.subtract(days[0]["centre_mm"], days[1]["centre_mm"])
    both = lambda get: (get(days[0]), get(days[1]))
    return Pair(
        str(first),
        float(np.linalg.norm(apart)),
        both(lambda day: float(day["interval_95_radius_mm"])),
        both(lambda day: bool(day["reliable"])),
        both(lambda day: float(day["motion"]["minutes"])),
    )


def summed_up(pairs: list[Pair]) -> dict[str, float | int | None]:
    """Count what was held, and what of the large shifts was called not reliable."""
    apart = np.array([each.distance for each in pairs])
    far = [each for each in pairs if each.distance > FAR]
    near = [each for each in pairs if each.distance <= FAR]
    doubted = lambda group: sum(not each.reliable[0] for each in group)
    return {
        "people": len(pairs),
        "median distance mm": float(np.median(apart)),
        "largest distance mm": float(apart.max()),
        "held by the intervals": sum(each.held for each in pairs) / len(pairs),
        f"beyond {FAR:g} mm": len(far),
        "of these called not reliable": doubted(far),
        f"within {FAR:g} mm and called not reliable": doubted(near),
    }


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks retest")
    for day in ("day1", "day2"):
        parser.add_argument(
            f"--{day}", required=True, help="folders, a comma between people"
        )
    options = parser.parse_args(words)
    firsts, seconds = (
        [Path(word) for word in given.split(",")]
        for given in (options.day1, options.day2)
    )
    if len(firsts) != len(seconds):
        parser.error(
            f"--day1 has {len(firsts)} folders, and --day2 {len(seconds)}: a person needs "
            "both."
        )
    try:
        pairs = [pair_of(*each) for each in zip(firsts, seconds, strict=True)]
    except (OSError, ValueError, KeyError) as problem:
        parser.error(str(problem))
    rows = [
        {
            "person": number,
            "distance mm": each.distance,
            "interval day 1 mm": each.radii[0],
            "interval day 2 mm": each.radii[1],
            "held": each.held,
            "reliable day 1": each.reliable[0],
            "reliable day 2": each.reliable[1],
            "minutes": min(each.minutes),
        }
        for number, each in enumerate(pairs, 1)
    ]
    print(record.table(rows))
    for name, value in summed_up(pairs).items():
        print(f"{name}: {value:.3g}")
