"""Draw the error of fields against edge length, unknowns and time, from a result's JSON.

    python -m benchmarks.plot_accuracy benchmarks/results/accuracy-cpu.json

A PNG appears beside it, and the table in Markdown is printed.
"""

import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt
from benchmarks import drawing, record


_COLOURS = {"P1": "#4e79a7", "P1 + recovery": "#59a14f", "P2": "#e15759"}
# Time of all cores is not disturbed by others on a shared machine.
_AXES = ("mean edge [mm]", "unknowns", "the same, of all cores [s]")
_LABELS = ("mean edge [mm]", "unknowns", "set-up and first field, CPU time [s]")
_COLUMNS = ("method", "mean edge [mm]", "tetrahedra", "unknowns", "relative error")
_TIMES = (
    "set-up and first field [s]",
    "the same, of all cores [s]",
    "further field [s]",
    "iterations",
)


def main(path: Path) -> Path:
    content = json.loads(path.read_text(encoding="utf-8"))
    rows = content["rows"]
    print(record.table([{k: row[k] for k in _COLUMNS + _TIMES} for row in rows]))
    figure, parts = plt.subplots(1, 3, figsize=(12, 4), sharey=True, layout="tight")
    for axes, name, label in zip(parts, _AXES, _LABELS, strict=True):
        for method, colour in _COLOURS.items():
            mine = [row for row in rows if row["method"] == method]
            mine.sort(key=lambda row: row["unknowns"])
            errors = [100 * row["relative error"] for row in mine]
            at = [row[name] for row in mine]
            axes.loglog(at, errors, "o-", color=colour, label=method)
        axes.set_xlabel(label)
        axes.grid(visible=True, which="both", alpha=0.3)
    parts[0].set_ylabel("error of E in the brain's shell [%], L2")
    parts[0].legend(frameon=False)
    what = "Layered spheres, figure-of-eight coil"
    title = drawing.about(what, content["machine"], device=True)
    figure.suptitle(title, fontsize=9)
    return drawing.save(figure, path)


if __name__ == "__main__":
    print("written to", main(Path(sys.argv[1])))
