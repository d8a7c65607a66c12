"""Draw the error of a target's field against time, from a result of `truth`.

    python -m benchmarks.plot_truth benchmarks/results/truth-template-0.1M-cpu.json

Small marks are targets, large ones medians; a PNG appears beside the result.
"""

import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from benchmarks import drawing


_WAYS = {"first order": "#4e79a7", "second order": "#e15759", "corrected": "#59a14f"}


def main(path: Path) -> Path:
    """Draw the result in a file, and return the picture's path."""
    content = json.loads(path.read_text(encoding="utf-8"))
    rows, machine = content["rows"], content["machine"]
    figure, axes = plt.subplots(figsize=(6, 4), layout="tight")
    for way, colour in _WAYS.items():
        # Of the first target the time holds compilations.
        seconds = np.array([row[f"{way} [CPU s]"] for row in rows[1:]])
        errors = 100 * np.abs([row[f"{way}, error"] for row in rows[1:]])
        axes.loglog(seconds, errors, "o", color=colour, ms=3, alpha=0.5)
        middle = np.median(seconds), np.median(errors)
        axes.loglog(*middle, "o", color=colour, ms=9, label=way)
    axes.set_xlabel("adjoint solutions of a target, CPU time [s]")
    axes.set_ylabel("error of the mean field in the target [%]")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend(frameon=False)
    axes.set_title(drawing.about(path.stem, machine), fontsize=9)
    return drawing.save(figure, path)


if __name__ == "__main__":
    print("written to", main(Path(sys.argv[1])))
