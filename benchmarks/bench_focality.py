"""Focality over the whole cortex: a search for it against the pose of the largest |E|.

    python -m benchmarks focality --head=template:300000 --targets=20

Targets are balls of gray matter beneath places that are spread over the upper head. Both
searches have the same domain. Each pose is verified by a direct solve: the mean of |E| in
the target over that in all other gray matter. `--basis=FILE` takes a reduced field that was
made before.
"""

import argparse
import time

import jax
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of

from tmsgrad import coils, efield, meshing, optimize


_RADIUS = 10e-3  # Of targets. [m]


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks focality")
    parser.add_argument(
        "--head", default="template:300000", help="a mesh, or template:N"
    )
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--targets", type=int, default=20)
    parser.add_argument("--basis", help="a reduced field of the upper head")
    options = parser.parse_args(words)
    head, coil = head_of(options.head), coils.read(options.coil)
    conductor = efield.assemble(head, efield.isotropic(head))
    scalp, gray = meshing.scalp(head), meshing.region(head, head.of("gray matter"))
    if options.basis:
        reduced = efield.read_reduced(options.basis, conductor=conductor, coil=coil)
    else:
        domain = optimize.placements(scalp)
        reduced = efield.reduce(conductor, coil, domain, gray)
    rows = []
    for place in optimize.spread(scalp, 25e-3)[: options.targets]:
        ball = _beneath(head, gray, scalp, place)
        rows.append(_row(conductor, coil, scalp, gray, reduced, ball))
        print(rows[-1], flush=True)
    for name, value in summary(rows).items():
        print(f"{name}: {value}")
    print("written to", record.write(f"focality-{len(head.tags) / 1e6:.1f}M", rows))


def summary(rows: list[dict]) -> dict[str, object]:
    gains = np.array([row["focality"] / row["of the largest |E|"] - 1 for row in rows])
    return {
        "targets": len(rows),
        "more focal than the pose of the largest |E|": int((gains > 0).sum()),
        "gain, median": f"{np.median(gains):.1%}",
        "gain, from": f"{gains.min():.1%}",
        "gain, to": f"{gains.max():.1%}",
        "seconds of a search, median": _median(rows, "seconds"),
        "of all cores, median": _median(rows, "of all cores [s]"),
        "best poses outside of the basis": sum(row["outside"] for row in rows),
    }


def _median(rows: list[dict], name: str) -> str:
    known = [row[name] for row in rows if name in row]
    return f"{np.median(known):.1f}" if known else "not measured"


def _beneath(head, gray, scalp, place) -> meshing.Region:
    centroids = head.centroids[gray.tetrahedra]
    inwards = place - 15e-3 * scalp.normal(place[None])[0]
    nearest = np.argmin(np.linalg.norm(centroids - inwards, axis=1))
    return meshing.ball(head, centroids[nearest], _RADIUS)


def _row(conductor, coil, scalp, gray, reduced, ball) -> dict:
    target = np.isin(gray.tetrahedra, ball.tetrahedra)
    domain = optimize.Domain(radius=25e-3)
    begin, cpu = time.perf_counter(), time.process_time()
    objective = optimize.FocalityEverywhere(reduced, target)
    focal = optimize.find_pose(objective, coil, scalp, domain)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    strong = optimize.find_pose(
        optimize.MeanMagnitude(efield.reciprocal(conductor, ball)), coil, scalp, domain
    )

    def focality(pose) -> float:
        field = efield.solve(conductor, coil, pose)
        magnitude = np.asarray(field.magnitude)[gray.tetrahedra]
        inside, outside = (
            gray.weights[part] @ magnitude[part] / gray.weights[part].sum()
            for part in (target, ~target)
        )
        return float(inside / outside)

    return {
        "target [mm]": ", ".join(f"{x * 1e3:.0f}" for x in ball.centre),
        "focality": focality(focal.pose),
        "as the search says": focal.value,
        "of the largest |E|": focality(strong.pose),
        "seconds": seconds,
        "of all cores [s]": cpu,
        "outside": bool(reduced.outside(focal.pose)),
    }
