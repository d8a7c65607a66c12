"""How near to a planted target connectivity comes, and how often its interval holds it.

    python -m benchmarks targeting --runs=50

Each run simulates a person for the longest time, and shorter series are its beginning. The
seed is either the subgenual ball alone, or a group's map that weighs all voxels.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from benchmarks import record, simulated_bold
from matplotlib.figure import Figure

from tmsgrad.optimize import targeting


MINUTES = (7, 10, 15, 20)
SEEDS = ("ball", "weighted map")


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks targeting")
    parser.add_argument("--runs", type=int, default=50)
    options = parser.parse_args(words)
    begin = time.process_time()
    found = {(seed, minutes): [] for seed in SEEDS for minutes in MINUTES}
    for number in range(options.runs):
        person = simulated_bold.simulate(np.random.default_rng(number), max(MINUTES))
        for minutes in MINUTES:
            for seed, figures in _targets(person, minutes).items():
                found[seed, minutes].append(figures)
        print(f"{number + 1} of {options.runs}", flush=True)
    rows = []
    for (seed, minutes), figures in found.items():
        error, radius, half = np.array(figures).T
        rows.append(
            {
                "seed": seed,
                "minutes": minutes,
                "runs": len(error),
                "median error mm": round(float(np.median(error)), 2),
                "95 % of errors mm": round(float(np.percentile(error, 95)), 2),
                "interval holds truth": round(float(np.mean(error <= radius)), 3),
                "median interval mm": round(float(np.median(radius)), 2),
                "median split-half mm": round(float(np.median(half)), 2),
            }
        )
    print(record.table(rows))
    print(f"{time.process_time() - begin:.0f} s of CPU")
    _draw(rows, record.write("targeting", rows).with_suffix(".png"))


def _targets(
    person: simulated_bold.Simulated, minutes: float
) -> dict[str, tuple[float, float, float]]:
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
    cleaned = targeting.clean(series, confounds, minutes=1)
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
        error = float(np.linalg.norm(target.centre * 1e3 - person.truth))
        figures[name] = (error, trust.radius * 1e3, trust.split_half * 1e3)
    return figures


def _draw(rows: list[dict], path: Path) -> None:
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for seed, colour in zip(SEEDS, ("#b45f06", "#0b5394"), strict=True):
        chosen = [row for row in rows if row["seed"] == seed]
        times = [row["minutes"] for row in chosen]
        for name, style in (("median error mm", "-"), ("median interval mm", ":")):
            values = [row[name] for row in chosen]
            label = f"{seed}: {name.removesuffix(' mm')}"
            axes.plot(times, values, style, marker="o", color=colour, label=label)
    axes.axhline(2.5, color="#888888", linewidth=0.8)
    axes.set(xlabel="minutes of data", ylabel="mm", ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
