"""How far the targets of two days lie apart, and whether the intervals said so.

    python -m benchmarks retest --day1=p1/day1,p2/day1 --day2=p1/day2,p2/day2
    python -m benchmarks retest --person
    python -m benchmarks retest --simulated=20

Each folder is what `tmsgrad target functional` wrote for one person and day, with the same
options. The interval of the first day should hold the target of the second in 95% of
people, where its own error is as large and independent: so the radius that counts is the
root of the sum of both squares. A target of the first day that moves by more than 10 mm
should have been called not reliable, on that day. No choice is made by these figures.

`--person` takes the halves of a real person's series as two days, that of the pip package
`brainspace` (`pip install --no-deps brainspace`, or `--person=FOLDER` of its `datasets`):
one person, but a hundred seeds all over the cortex. `--simulated` takes the halves of 20
min of simulated people with a rival patch and noise in the group's map.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from benchmarks import real_person, record, two_days
from benchmarks.two_days import Pair


OTHERS = {
    "retest-person": (
        "Functional targets of the halves of one real person's series.",
        "python -m benchmarks retest --person",
    ),
    "retest-simulated": (
        "Functional targets of the halves of simulated people's series, with a rival.",
        "python -m benchmarks retest --simulated=20",
    ),
}
_HERE = "here"
_SAME = ("space", "seed", "search_region", "global_signal", "normative", "blend")


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
    differing += ["network"] * (_network(days[0]) != _network(days[1]))
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


def _network(day: dict) -> tuple[str, str | None] | None:
    """What weighed the search of a day: file and label."""
    found = day.get("network")
    return None if found is None else (found["file"], found["label"])


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks retest")
    for day in ("day1", "day2"):
        parser.add_argument(f"--{day}", help="folders, a comma between people")
    parser.add_argument("--person", nargs="?", const=_HERE, metavar="FOLDER")
    parser.add_argument("--simulated", type=int, metavar="PEOPLE")
    options = parser.parse_args(words)
    if options.person is not None:
        _real(parser, options.person)
    elif options.simulated is not None:
        _simulated(options.simulated)
    elif options.day1 is None or options.day2 is None:
        parser.error("give --day1 and --day2, --person or --simulated.")
    else:
        _of_folders(parser, options.day1, options.day2)


def _real(parser: argparse.ArgumentParser, folder: str) -> None:
    data = real_person.package() if folder == _HERE else Path(folder)
    if data is None or not (data / "preprocessing").is_dir():
        parser.error(
            "the data of brainspace are not there: pip install --no-deps brainspace, or "
            "name its folder datasets by --person=FOLDER."
        )
    rows = []
    for seed, signal, pairs, refused in two_days.real(data):
        between = {
            "median interval mm": float(np.median([each.radii[0] for each in pairs]))
        }
        rows.append(
            {"seed": seed, "global signal": signal, "refused": refused}
            | two_days.counts(pairs)
            | (between if pairs else {})
        )
        print(rows[-1], flush=True)
    print(record.table(rows))
    record.write("retest-person", rows)


def _simulated(people: int) -> None:
    found: dict[str, list[Pair]] = {}
    errors: dict[str, list[float]] = {}
    refused: dict[str, int] = {}
    for way, pair, off in two_days.simulated(people):
        errors.setdefault(way, []).extend(off)
        refused[way] = refused.get(way, 0) + (pair is None)
        found.setdefault(way, []).extend([] if pair is None else [pair])
        print(way, pair, off, flush=True)
    rows = [
        {"seed": way, "people": people, "refused": refused[way]}
        | two_days.counts(pairs)
        | {"median error mm": float(np.median(errors[way]))}
        for way, pairs in found.items()
    ]
    print(record.table(rows))
    record.write("retest-simulated", rows)


def _of_folders(parser: argparse.ArgumentParser, day1: str, day2: str) -> None:
    firsts, seconds = (
        [Path(word) for word in given.split(",")] for given in (day1, day2)
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
    for name, value in two_days.counts(pairs).items():
        print(f"{name}: {value:.3g}")
