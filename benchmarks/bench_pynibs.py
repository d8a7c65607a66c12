"""Whether maps of R² are those of pynibs, from the same fields and the same responses.

    python -m benchmarks pynibs --python=OTHER/bin/python --people=5 --keep=motor_people

pynibs (Weise, Numssen and others) is GPL and needs older packages than tmsgrad, so it runs
in an environment of its own: `python -m venv OTHER && OTHER/bin/pip install pynibs`. Its
`regress_data` fits a sigmoid to logarithms, without refits by neighbours; ours fits the
same family, with weak guesses of the parameters, and only curves that rise with the field:
places are compared where responses rank with the field (Spearman's correlation above 0.1).
Fields and simulated people are those of `python -m benchmarks motor`.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
from benchmarks import bench_motor, record
from benchmarks.bench_forward import head_of
from scipy.stats import rankdata, zscore

from tmsgrad.optimize import mapping


_THEIRS = """
import sys, time, warnings
warnings.simplefilter("ignore")
import numpy, pynibs
from pynibs.regression import regress_data
given = numpy.load(sys.argv[1])
begin, found = time.perf_counter(), []
count = given["fields"].shape[1]
# At once they take memory without end.
for part in numpy.array_split(numpy.arange(count), max(count // 100, 1)):
    found += [numpy.ravel(regress_data(
        e_matrix=given["fields"][:, part], mep=given["responses"],
        elm_idx_list=numpy.arange(len(part)),
        fun=pynibs.expio.fit_funs.sigmoid4_log, n_cpu=1, n_refit=20,
        refit_discontinuities=False, score_type="R2",
    ))]
took = time.perf_counter() - begin
numpy.savez(
    sys.argv[2], r2=numpy.concatenate(found), took=took, version=pynibs.__version__
)
"""
_GROWING = (
    0.1  # Rank correlation of field and response, above which a place is compared.
)
_RESPONDING = 0.1  # R², from which on a place says anything.


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks pynibs")
    parser.add_argument("--python", required=True, help="that has pynibs")
    parser.add_argument("--head", default="template:200000")
    parser.add_argument("--at", default=bench_motor.KNOB)
    parser.add_argument("--people", type=int, default=5)
    parser.add_argument("--pulses", type=int, default=180)
    parser.add_argument("--keep", default=None)
    options = parser.parse_args(words)
    knob = np.array([float(x) for x in options.at.split(",")]) * 1e-3
    head = head_of(options.head)
    name = f"{len(head.tags) / 1e6:.1f}M"
    folder = None if options.keep is None else Path(options.keep)
    world = bench_motor.make_world(head, knob, folder, name)
    rows = [
        _compared(options.python, world, number, options.pulses)
        for number in range(options.people)
    ]
    print(record.table(rows))
    record.write(f"pynibs-{name}", rows)


def _compared(python: str, world, number: int, count: int) -> dict:
    scene = next(x for x in bench_motor.SCENES if x.name == "published noise")
    fields, values = bench_motor.person_of(world, scene, number, count)
    begin = time.perf_counter()
    mine = mapping.fit(mapping.Sigmoid(), fields, values, bench_motor.CRITERION)
    took = time.perf_counter() - begin
    growing = _of_ranks(fields, values) > _GROWING
    theirs, seconds, version = _theirs(python, fields[growing], values)
    ours = mine.explained[growing]
    there = np.maximum(ours, theirs) > _RESPONDING
    places = world.patch.positions[growing]
    apart = places[[np.argmax(ours), np.argmax(theirs)]]
    related = lambda at: round(float(np.corrcoef(ours[at], theirs[at])[0, 1]), 5)
    return {
        "person": number,
        "places": len(growing),
        "compared": len(ours),
        "pulses": count,
        "correlation of R²": related(np.full(len(ours), True)),
        "of places above 0.1": related(there),
        "largest difference there": round(float(np.abs(ours - theirs)[there].max()), 4),
        "largest R²": f"{mine.explained.max():.4f}, {theirs.max():.4f}",
        "same vertex": bool(
            np.argmax(mine.explained) == np.flatnonzero(growing)[np.argmax(theirs)]
        ),
        "apart mm": round(1e3 * float(np.linalg.norm(apart[0] - apart[1])), 2),
        "seconds, ours": round(took, 1),
        "seconds, theirs": round(seconds, 1),
        "pynibs": version,
    }


def _of_ranks(fields: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Spearman's correlation of the field at each place with the responses."""
    ranks = zscore(rankdata(fields, axis=1), axis=1)
    return np.asarray(ranks @ zscore(rankdata(values))) / len(values)


def _theirs(python: str, fields: np.ndarray, values: np.ndarray):
    with tempfile.TemporaryDirectory() as name:
        given, found = Path(name) / "given.npz", Path(name) / "found.npz"
        # In mV, as their limits of parameters are meant.
        np.savez(given, fields=fields.T, responses=values * 1e3)
        words = [python, "-W", "ignore", "-c", _THEIRS, str(given), str(found)]
        subprocess.run(words, check=True, capture_output=True)
        with np.load(found) as stored:
            return stored["r2"], float(stored["took"]), str(stored["version"])


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
