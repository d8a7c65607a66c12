"""|E| on the cortex's mid-surface under the coil, against second order on a finer mesh.

    python -m benchmarks midsurface --head=template:100000 --count=4

Points halfway between the outer surface of gray matter and the nearest of white matter,
within 4 cm of the cortex's nearest point to the coil, as Makaroff et al. (2023) compare.
For each of some targets, with the coil where the search finds it best: first order as it
stands in its elements, as SimNIBS recovers it, by harmonic patches, and second order on the
same mesh. The reference is second order on the mesh whose tetrahedra are cut in eight;
surfaces are the same. A mesh that is too large for that (`--whole=no`) is cut within 60 mm
of that point only, anew for each target.

With `--keep=FILE` what is found of each target is left there, and not computed again: a run
that was interrupted goes on.
"""

import argparse
import json
import time
from functools import cache
from pathlib import Path

import jax
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of
from benchmarks.bench_targets import RADIUS, centres_of
from scipy.spatial import KDTree

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.disk import write_whole
from tmsgrad.efield.cut_in_eight import cut_in_eight
from tmsgrad.meshing.bisection import bisected
from tmsgrad.meshing.quality import dihedral_angles


_DOMAIN = optimize.Domain(distance=4e-3)
_WITHIN = 40e-3  # Of the cortex under the coil. [m]
_RATE = 1e6  # [A/s]
_CUT = 60e-3  # About the cortex under the coil, where not all of a mesh is cut. [m]
_WORST = 0.5  # Of the least dihedral angle, that cutting keeps.
_SOLVER = efield.HostMultigrid(rtol=1e-6)


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks midsurface")
    parser.add_argument("--head", default="template:100000")
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--whole", choices=("yes", "no"), default="yes")
    parser.add_argument("--keep", type=Path, help="file to go on from")
    options = parser.parse_args(words)
    head, coil = head_of(options.head), coils.read(options.coil)
    scalp = meshing.scalp(head)
    study = cache(lambda: _Study(head, coil, scalp, options.whole == "yes"))
    centres = centres_of(options.head, head, scalp)
    centres = centres[:: max(1, len(centres) // options.count)][: options.count]
    kept = _Kept(options.keep, [options.head, options.coil, options.whole])
    for centre in centres:
        if kept.lacks(centre):
            kept.add(centre, study().rows(centre))
    rows = [row for centre in centres for row in kept.rows[kept.name(centre)]]
    print(record.table(summary(rows)))
    name = Path(options.head.partition(":")[0]).stem
    size = f"{len(head.tags) / 1e6:.1f}M"
    print("written to", record.write(f"midsurface-{name}-{size}", rows))


class _Kept:
    """Rows of each target, in a file or in memory alone."""

    def __init__(self, path: Path | None, options: list[str]):
        self._path, self._options = path, " ".join(options)
        self.rows: dict[str, list[dict]] = {}
        if path is not None and path.is_file():
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["options"] != self._options:
                raise SystemExit(
                    f"--keep={path}: of a run with {found['options']}, not "
                    f"{self._options}; name another file."
                )
            self.rows = found["rows"]

    def name(self, centre: np.ndarray) -> str:
        return ", ".join(f"{x * 1e3:.1f}" for x in centre)

    def lacks(self, centre: np.ndarray) -> bool:
        return self.name(centre) not in self.rows

    def add(self, centre: np.ndarray, rows: list[dict]) -> None:
        self.rows[self.name(centre)] = rows
        if self._path is not None:
            content = {"options": self._options, "rows": self.rows}
            write_whole(self._path, json.dumps(content, indent=1) + "\n")


def summary(rows: list[dict]) -> list[dict]:
    """For each way, over the targets: medians of the errors, and the worst."""
    found = []
    for way in dict.fromkeys(row["way"] for row in rows):
        of = lambda name, way=way: [row[name] for row in rows if row["way"] == way]
        found.append(
            {
                "way": way,
                "targets": len(of("way")),
                "|E|: median error [%]": float(np.median(of("median [%]"))),
                "worst of targets [%]": float(max(of("median [%]"))),
                "E, L2 [%]": float(np.median(of("L2 [%]"))),
                "seconds": float(np.median(of("seconds"))),
            }
        )
    return found


def midsurface(head: meshing.HeadMesh) -> np.ndarray:
    """Take points halfway between the outer surface of gray matter and white matter. [m]"""
    outer = meshing.gray_matter_surface(head)[0].vertices
    white = head.nodes[np.unique(head.boundary(head.of("white matter")))]
    points = (outer + white[KDTree(white).query(outer)[1]]) / 2
    inside = efield.sampler(head, points, "gray matter").inside
    return points[np.asarray(inside)]


class _Study:
    """Ways to a field at the points, and the reference."""

    def __init__(self, head, coil, scalp, whole: bool):
        self.head, self.coil, self.scalp = head, coil, scalp
        self.sigma = np.asarray(efield.isotropic(head))
        self.first = efield.assemble(head, self.sigma)
        self.second = efield.enriched(self.first, head)
        self.whole = None
        if whole:
            fine, _ = cut_in_eight(head)
            sigma = np.repeat(self.sigma, 8)
            self.whole = fine, efield.assemble(fine, sigma, order=2)
        self.points = midsurface(head)

    def rows(self, centre: np.ndarray) -> list[dict]:
        """Compare all ways with the reference for the best placement over a target."""
        pose = self._pose(centre)
        nearest = self.points[KDTree(self.points).query(pose.translation)[1]]
        near = np.linalg.norm(self.points - nearest, axis=1) <= _WITHIN
        points = self.points[near]
        fine, finest = self.whole or self._cut(nearest)
        there = efield.sampler(fine, points, "gray matter")
        reference, seconds = self._solved(finest, pose, there)
        print(
            f"reference of {len(fine.tags):,} tetrahedra: {seconds:.1f} s", flush=True
        )
        ways = {
            "first order": (self.first, self._at(points)),
            "as SimNIBS recovers it": (
                self.first,
                efield.simnibs_recovery(self.head, points),
            ),
            "harmonic patches": (self.first, self._patches(points, pose)),
            "second order": (self.second, self._at(points)),
        }
        rows = []
        for way, (conductor, sampled) in ways.items():
            found, seconds = self._solved(conductor, pose, sampled)
            rows.append({"way": way, **_errors(found, reference), "seconds": seconds})
            rows[-1]["points"] = len(points)
            print(json.dumps(rows[-1]), flush=True)
        return rows

    def _pose(self, centre):
        target = meshing.ball(self.head, centre, RADIUS)
        objective = optimize.MeanMagnitude(efield.reciprocal(self.first, target))
        return optimize.find_pose(objective, self.coil, self.scalp, _DOMAIN).pose

    def _at(self, points):
        return efield.sampler(self.head, points, "gray matter")

    def _cut(self, place):
        """Cut the elements near a place in about eight."""
        near = np.linalg.norm(self.head.centroids - place, axis=1) <= _CUT
        least = _WORST * dihedral_angles(self.head.nodes[self.head.tetrahedra]).min()
        fine, parents = bisected(self.head, near, least)
        return fine, efield.assemble(fine, self.sigma[parents], order=2)

    def _patches(self, points, pose):
        recovery = efield.patch_recovery(self.first, self.head, points, "gray matter")
        rates = efield.rates(self.first, self.coil, pose, _RATE)
        return lambda field: recovery(field, rates)

    def _solved(self, conductor, pose, sampled):
        begin = time.process_time()
        field = efield.solve(conductor, self.coil, pose, _RATE, solver=_SOLVER)
        vectors = np.asarray(sampled(field))
        return vectors, time.process_time() - begin


def _errors(found: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    sizes = [np.linalg.norm(x, axis=-1) for x in (found, reference)]
    off = np.linalg.norm(found - reference) / np.linalg.norm(reference)
    return {
        "median [%]": float(100 * np.median(abs(sizes[0] / sizes[1] - 1))),
        "largest of 95% [%]": float(
            100 * np.quantile(abs(sizes[0] / sizes[1] - 1), 0.95)
        ),
        "L2 [%]": float(100 * off),
    }
