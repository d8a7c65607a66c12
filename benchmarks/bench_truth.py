"""The error that a mesh leaves in the field, against a reference on finer elements.

    python -m benchmarks truth --head=template:100000 --count=20

Of twenty targets, each with the coil where first order finds it best: the mean in the
target by first order, with recovery, by second order on the same mesh, and as `optimize`
states it, with its bar. The reference has the same surfaces: second order on the mesh cut
in eight, plus what two further halvings near the target bring; it is kept in the cache.
Half of the last halving, for those to come, says how sure the reference is.

A mesh that is too large to be cut in eight (`--whole=no`) has second order on itself and
three halvings near the target in the place of that: what second order leaves far from the
target, about 0.1 %, is in the reference too then. In between (`--whole=near`), what is
within 45 mm of the target, where coil and target are, is cut in eight for the reference.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of
from benchmarks.bench_targets import RADIUS, centres_of
from scipy.spatial import KDTree

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.coils import Pose
from tmsgrad.efield.cut_in_eight import cut_in_eight
from tmsgrad.efield.locally_refined import Dipoles, currents, refined, unrefined
from tmsgrad.efield.patches import base_level, patch
from tmsgrad.meshing.template import cache_folder


_DOMAIN = optimize.Domain(distance=4e-3)
_MARGINS = (20e-3, 7e-3, 3e-3, 0.5e-3)  # Of second order, then of each halving. [m]
_NEARBY = (60e-3, 45e-3)  # The same of `--whole=near`. [m]
_LOOSE = efield.HostMultigrid(rtol=1e-4)


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks truth")
    parser.add_argument("--head", default="template:100000")
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--whole", choices=("yes", "near", "no"), default="yes")
    options = parser.parse_args(words)
    head, coil = head_of(options.head), coils.read(options.coil)
    scalp = meshing.scalp(head)
    centres = centres_of(options.head, head, scalp)
    centres = centres[:: max(1, len(centres) // options.count)][: options.count]
    study = _Study(head, coil, scalp)
    rows = [study.row(number, centre) for number, centre in enumerate(centres)]
    name = (
        f"truth-{Path(options.head.partition(':')[0]).stem}-{len(head.tags) / 1e6:.1f}M"
    )
    name += "-near" if options.whole == "near" else ""
    kept = cache_folder() / f"{name}-{options.coil}-{options.whole}-vectors.json"
    _compare(study, rows, _references(study, rows, kept, options.whole))
    print(record.table(rows))
    for key, value in summary(rows).items():
        print(f"{key}: {value}")
    print("written to", record.write(name, rows))


def summary(rows: list[dict]) -> dict:
    """What a study comes to."""
    of = lambda name: np.abs([row[name] for row in rows])
    error, bar = of("corrected, error"), of("bar")
    return {
        "targets": len(rows),
        **{
            f"{name}: median, worst": [
                float(np.median(of(name))),
                float(of(name).max()),
            ]
            for name in rows[0]
            if name.endswith("error")
        },
        "within 1 %": int((error <= 0.01).sum()),
        "the bar holds the reference": int((error <= bar).sum()),
        "bar over error, median": float(np.median(bar / np.maximum(error, 1e-12))),
        "what was taken off first order, within 0.5 to 2 times its error": sum(
            0.5 <= row["effectivity"] <= 2 for row in rows
        ),
        "the same of the mean vector": sum(
            0.5 <= row["effectivity of the vector"] <= 2 for row in rows
        ),
        "references agree to, worst": float(of("reference, left").max()),
    }


class _Study:
    """What is compared, on one head with one coil."""

    def __init__(self, head, coil, scalp):
        self.head, self.coil, self.scalp = head, coil, scalp
        self.conductor = efield.assemble(head, efield.isotropic(head))
        self.second = efield.enriched(self.conductor, head)
        self._recovery = efield.patch_recovery(self.conductor, head)
        self.poses: list[Pose] = []
        self.targets: list[meshing.Region] = []
        self.directions: list[np.ndarray] = []
        self.halvings: list[np.ndarray] = []
        self.means: list[dict[str, np.ndarray]] = []

    def forget(self) -> None:
        """Drop what takes memory and is no longer needed."""
        del self.conductor, self.second, self._recovery

    def row(self, number: int, centre: np.ndarray) -> dict:
        """Compute the values of a target by all ways, along the field of first order."""
        target = meshing.ball(self.head, centre, RADIUS)
        self.targets.append(target)
        row: dict = {"target": number}
        first = self._timed(row, "first order", self._first, target)
        objective = optimize.MeanMagnitude(first)
        pose = optimize.find_pose(objective, self.coil, self.scalp, _DOMAIN).pose
        self.poses.append(pose)
        mean = np.asarray(first.mean_field(self.coil, pose))
        along = mean / np.linalg.norm(mean)
        self.directions.append(along)
        row["first order"] = float(mean @ along)
        rates = efield.rates(self.conductor, self.coil, pose)
        field = efield.solve_rate(self.conductor, rates[None])
        vectors = np.asarray(self._recovery(field, rates[None]))[0]
        recovered = target.weights @ vectors[target.tetrahedra]
        row["recovered"] = float(recovered @ along)
        second = self._timed(row, "second order", self._second, target)
        middle = np.asarray(second.mean_field(self.coil, pose))
        row["second order"] = float(middle @ along)
        found = self._timed(row, "corrected", self._corrected, target)
        last = np.asarray(found.mean_field(self.coil, pose))
        means = {"first order": mean, "second order": middle, "corrected": last}
        self.means.append(means)
        value = found.mesh_error(lambda v: v @ jnp.asarray(along), self.coil, pose)
        row["corrected"], row["bar"] = value
        row["bar"] /= value.value
        row["peak [GB]"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        self.halvings.append(self._halvings(target, pose))
        brought = self.halvings[-1] @ along / row["corrected"]
        row["halvings bring"] = brought.round(5).tolist()
        print(json.dumps(row), flush=True)
        return row

    def _timed(self, row: dict, name: str, solve, target):
        begin = time.process_time()
        found = jax.block_until_ready(solve(target))
        row[f"{name} [CPU s]"] = time.process_time() - begin
        return found

    def _first(self, target):
        return efield.reciprocal(self.conductor, target)

    def _second(self, target):
        return efield.reciprocal(self.second, target, solver=_LOOSE)

    def _corrected(self, target):
        return efield.target_field(
            self.conductor, self.head, target, second=self.second
        )

    def nearby(self) -> np.ndarray:
        """What halving all within 45 mm of each target brings, (target, 3). [V/m]"""
        found = []
        for target, pose in zip(self.targets, self.poses, strict=True):
            found.append(self._halvings(target, pose, _NEARBY)[0])
            print(f"reference {len(found)}: {found[-1]} V/m more", flush=True)
        return np.array(found)

    def _halvings(self, target, pose, margins=_MARGINS) -> np.ndarray:
        """What each halving near the target brings, (halving, 3). [V/m]"""
        distance = KDTree(self.head.centroids[target.tetrahedra]).query
        level, patches, values = base_level(self.conductor, self.head), [], []
        dipoles = Dipoles(
            target.tetrahedra, np.eye(3)[:, None] * target.weights[None, :, None]
        )
        found = unrefined(self.conductor, dipoles, _LOOSE)
        for step, margin in enumerate(margins):
            selected = distance(level.mesh.centroids)[0] <= margin
            selected |= np.isin(level.origin, target.tetrahedra)
            patches.append(patch(level, selected, refined=step > 0))
            level = patches[-1].level
            found = refined(self.conductor, patches, dipoles, found, _LOOSE, sweeps=2)
            parts = currents(self.conductor, patches, dipoles, found)
            places = [self.conductor.nodes, *(p.elements.nodes for p in patches)]
            whole = efield.Reciprocal(
                jnp.concatenate(places),
                jnp.asarray(np.concatenate(parts, axis=1)),
                jnp.asarray(target.centre),
            )
            values.append(np.asarray(whole.mean_field(self.coil, pose)))
        return np.diff(values, axis=0)


def _references(study: _Study, rows: list[dict], kept: Path, whole: str) -> np.ndarray:
    """The mean vector of each target by the finest elements, and what was reckoned."""
    if kept.is_file():
        stored = np.array(json.loads(kept.read_text(encoding="utf-8")))
        if stored.shape == (len(rows), 2, 3):
            return stored
    halvings = np.array(study.halvings)
    base = second = np.array([each["second order"] for each in study.means])
    elsewhere = np.zeros_like(base)
    if whole != "no":
        base = _on_pieces(study) if whole == "yes" else second + study.nearby()
        elsewhere = base - second - halvings[:, 0]
        halvings = halvings[:, 1:]
    reckoned = (halvings[:, -1] + elsewhere) / 2
    found = np.stack([base + halvings.sum(axis=1) + reckoned, reckoned], axis=1)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(found.tolist()) + "\n", encoding="utf-8")
    return found


def _on_pieces(study: _Study) -> np.ndarray:
    """The mean vectors by second order on the mesh cut in eight."""
    fine, _ = cut_in_eight(study.head)
    sigma = np.repeat(np.asarray(study.conductor.conductivity), 8)
    study.forget()
    conductor = efield.assemble(fine, sigma, order=2)
    values = []
    for target, pose in zip(study.targets, study.poses, strict=True):
        pieces = (8 * target.tetrahedra[:, None] + np.arange(8)).ravel()
        vectors = np.repeat(target.weights / 8, 8)[None, :, None] * np.eye(3)[:, None]
        found = efield.reciprocal_of(
            *(conductor, pieces, jnp.asarray(vectors), target.centre), solver=_LOOSE
        )
        values.append(np.asarray(found.mean_field(study.coil, pose)))
        print(f"reference {len(values)}: {values[-1]} V/m", flush=True)
    return np.array(values)


def _compare(study: _Study, rows: list[dict], references: np.ndarray) -> None:
    names = ("first order", "recovered", "second order", "corrected")
    parts = (rows, study.directions, study.means, references)
    for row, along, means, (vector, reckoned) in zip(*parts, strict=True):
        truth = float(vector @ along)
        row["reference"], row["reference, left"] = (
            truth,
            float(reckoned @ along / truth),
        )
        for name in names:
            row[f"{name}, error"] = row[name] / truth - 1
        taken = row["first order"] - row["corrected"]
        row["effectivity"] = taken / (row["first order"] - truth)
        row["effectivity of the vector"] = float(
            np.linalg.norm(means["first order"] - means["corrected"])
            / np.linalg.norm(means["first order"] - vector)
        )
