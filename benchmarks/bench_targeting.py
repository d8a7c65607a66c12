"""How near to a planted target connectivity comes, and how often its interval holds it.

    python -m benchmarks targeting --runs=50
    python -m benchmarks targeting --runs=20 --rival=0.9 --doubt=1

Each run simulates a person on the template's gray matter for the longest time, and shorter
series are its beginning. The seed is either the subgenual ball alone, or a group's map that
weighs all voxels. The truth is the middle of the planted patch, a place of gray matter; the
centre of gravity of that patch, which folds bring off it, is reported beside. With
`--rival` there is a second patch in the search region, and with `--doubt` the group's map
has noise: a target that is far off must then be called unreliable.
"""

import argparse
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from benchmarks import record, simulated_bold, simulated_brain
from matplotlib.figure import Figure

from tmsgrad.optimize import targeting


OTHERS = {
    "targeting-rivals": (
        "The same with a rival patch and noise in the group's map.",
        "python -m benchmarks targeting --runs=20 --rival=0.9 --doubt=1",
    )
}
MINUTES = (7, 10, 15, 20)
SEEDS = ("ball", "weighted map")
BRAINS = {"folded": simulated_brain.folded, "ellipsoid": simulated_brain.ellipsoid}
_FIRST = 3000  # Method and simulation were chosen on people of lower numbers.
_SHIFT = 3.0  # How far networks lie from the group's, deviation along each axis. [mm]
_GOAL = 2.5  # [mm]
_FAR = 10.0  # A target that is off by more should be called unreliable. [mm]


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks targeting")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument(
        "--first", type=int, default=_FIRST, help="of the people's numbers"
    )
    parser.add_argument("--brain", choices=sorted(BRAINS), default="folded")
    parser.add_argument("--spacing", type=float, default=3.0, help="of voxels, mm")
    parser.add_argument(
        "--rival", type=float, default=0.0, help="strength of a second patch"
    )
    parser.add_argument(
        "--doubt", type=float, default=0.0, help="noise of the group's map"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args(words)
    found = {(seed, minutes): [] for seed in SEEDS for minutes in MINUTES}
    numbers = range(options.first, options.first + options.runs)
    each = partial(
        *(_of_person, options.brain, options.spacing, options.rival, options.doubt)
    )
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        for done, person in enumerate(pool.map(each, numbers), 1):
            for case, figures in person.items():
                found[case].append(figures)
            print(f"{done} of {options.runs}", flush=True)
    rows = summed_up(found, options.brain, options.runs)
    more = {"voxel mm": options.spacing, "rival": options.rival, "doubt": options.doubt}
    rows = [{**row, **more} for row in rows]
    print(record.table(rows))
    harder = options.rival or options.doubt
    written = record.write("targeting-rivals" if harder else "targeting", rows)
    if not harder:
        _draw(rows, written.with_suffix(".png"))


def _of_person(
    brain: str, spacing: float, rival: float, doubt: float, number: int
) -> dict[tuple[str, int], tuple[float, ...]]:
    rng = np.random.default_rng(number)
    whole = BRAINS[brain](spacing)
    person = simulated_bold.simulate(
        rng, max(MINUTES), whole, shift=_SHIFT, rival=rival, doubt=doubt
    )
    return {
        (seed, minutes): figures
        for minutes in MINUTES
        for seed, figures in _targets(person, minutes).items()
    }


def summed_up(found: dict[tuple[str, int], list], brain: str, runs: int) -> list[dict]:
    """Make a row for each seed and time of what each person gave that was not refused."""
    rows = []
    for (seed, minutes), figures in found.items():
        error, of_gravity, radius, half, doubted = np.array(figures).T
        far = error > _FAR
        rows.append(
            {
                "brain": brain,
                "seed": seed,
                "minutes": minutes,
                "runs": runs,
                "refused": runs - len(error),
                "median error mm": round(float(np.median(error)), 2),
                "95 % of errors mm": round(float(np.percentile(error, 95)), 2),
                "interval holds truth": round(float(np.mean(error <= radius)), 3),
                "median interval mm": round(float(np.median(radius)), 2),
                "median split-half mm": round(float(np.median(half)), 2),
                "called unreliable": int(doubted.sum()),
                "off by more than 10 mm": int(far.sum()),
                "of these called unreliable": int((far & (doubted > 0)).sum()),
                "median error to centre of gravity mm": round(
                    float(np.median(of_gravity)), 2
                ),
                "interval holds centre of gravity": round(
                    float(np.mean(of_gravity <= radius)), 3
                ),
            }
        )
    return rows


def _targets(
    person: simulated_bold.Simulated, minutes: float
) -> dict[str, tuple[float, ...]]:
    mask = np.asarray(person.mask.dataobj) > 0
    affine = np.array(person.image.affine)
    affine[:3] *= 1e-3
    time_step = float(np.asarray(person.image.header.get_zooms())[3])
    count = round(60 * minutes / time_step)
    signals = np.asarray(person.image.dataobj)[mask].T[:count].astype(np.float64)
    series = targeting.BoldSeries(signals, mask, affine, time_step)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "confounds.tsv"
        columns = {name: column[:count] for name, column in person.confounds.items()}
        simulated_bold.write_confounds(path, columns)
        confounds = targeting.read_confounds(path, count)
    try:
        cleaned = targeting.clean(series, confounds, minutes=1)
    except ValueError as error:  # Too much motion in too short a time.
        print(error)
        return {}
    positions = series.positions
    region = targeting.SEARCH_REGIONS["left-dlpfc"].inside(positions)
    ball = targeting.SEEDS["sgACC"].inside(positions).astype(np.float64)
    group = np.asarray(person.group.dataobj)[mask].astype(np.float64)
    group[region] = 0.0
    grid = targeting.search_grid(cleaned, region)
    figures = {}
    for name, weights in zip(SEEDS, (ball, group), strict=True):
        course = targeting.seed_course(cleaned, weights)
        target = targeting.find_target(targeting.connectivity(cleaned, course), grid)
        trust = targeting.reliability(cleaned, course, target, grid, draws=200)
        errors = [
            float(np.linalg.norm(target.centre * 1e3 - place))
            for place in (person.truth, person.gravity)
        ]
        figures[name] = (
            *(*errors, trust.radius * 1e3, trust.split_half * 1e3),
            float(bool(trust.doubts)),
        )
    return figures


def _draw(rows: list[dict], path: Path) -> None:
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    styles = {
        "median error mm": ("-", "o", "median error"),
        "95 % of errors mm": ("--", "v", "95 % of errors below"),
        "median interval mm": (":", "s", "median interval"),
    }
    for seed, colour in zip(SEEDS, ("#b45f06", "#0b5394"), strict=True):
        chosen = [row for row in rows if row["seed"] == seed]
        times = [row["minutes"] for row in chosen]
        for name, (line, marker, words) in styles.items():
            values = [row[name] for row in chosen]
            label = f"{seed}: {words}"
            axes.plot(
                times, values, line, marker=marker, ms=4, color=colour, label=label
            )
    axes.axhline(_GOAL, color="#888888", linewidth=0.8)
    axes.text(MINUTES[-1], _GOAL, f"{_GOAL:g} mm", fontsize=8, va="top", ha="right")
    axes.set(xlabel="minutes of data", ylabel="mm (logarithmic)", yscale="log")
    axes.set_xticks(MINUTES)
    ticks = [1, 2, 5, 10, 20, 50]
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=8, ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
