"""Minutes of `tmsgrad map motor` as a whole command, from files to the report.

    python -m benchmarks motor_command --head=template:1000000 --pulses=300 --draws=200

Pulses at random poses over the hand knob, and responses of two muscles whose places are
8 mm apart, each by a sigmoid of the mean |E| in 2 mm of gray matter there, with noise of a
factor of 1.5: made by reciprocity, so that they cost little. The command knows none of
that: it makes its own basis, fits both muscles and samples the pulses. How far its places
are from the planted ones is stated beside its time and memory.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of
from benchmarks.bench_motor import KNOB

from tmsgrad import coils, efield, meshing, optimize


APART, RADIUS = 8e-3, 2e-3  # Places of the two muscles; what responds. [m]
THRESHOLDS = (60.0, 70.0)  # [V/m]
NOISE = np.log(1.5)


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks motor_command")
    parser.add_argument("--head", default="template:1000000")
    parser.add_argument("--at", default=KNOB, help="the hand knob, mm")
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--pulses", type=int, default=300)
    parser.add_argument("--draws", type=int, default=200)
    options = parser.parse_args(words)
    knob = np.array([float(x) for x in options.at.split(",")]) * 1e-3
    head = head_of(options.head)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        meshing.write_npz(folder / "head.npz", head)
        places = _session(folder, head, knob, options)
        row = _run(folder, options)
    found = json.loads(row.pop("summary"))
    for place, muscle in zip(places, found["muscles"], strict=True):
        if not muscle["found"]:
            row[f"{muscle['name']}: off [mm]"] = "no place is stated"
            continue
        apart = np.linalg.norm(np.array(muscle["optimum_mm"]) - 1e3 * place)
        row[f"{muscle['name']}: off [mm]"] = round(float(apart), 1)
        threshold = muscle["threshold_V_per_m"]
        row[f"{muscle['name']}: threshold [V/m]"] = round(threshold, 1)
    row = {"tetrahedra": len(head.tags), "pulses": options.pulses, **row}
    print(record.table([row]))
    print(
        "written to", record.write(f"motor_command-{len(head.tags) / 1e6:.1f}M", [row])
    )


def _session(folder: Path, head, knob: np.ndarray, options) -> list[np.ndarray]:
    """Write pulses and responses; give the places that respond. [m]"""
    scalp = meshing.scalp(head)
    coil = coils.read(options.coil)
    poses = optimize.placements(scalp, knob, 20e-3, distances=(3e-3, 7e-3))(
        options.pulses, 7
    )
    conductor = efield.assemble(head, efield.isotropic(head))
    gray = head.centroids[head.of("gray matter")]
    first = gray[np.argmin(np.linalg.norm(gray - knob, axis=1))]
    away = np.linalg.norm(gray - first, axis=1)
    second = gray[np.argmin(np.abs(away - APART))]
    fields = [
        _magnitudes(efield.reciprocal(conductor, meshing.ball(head, x, RADIUS)))(
            coil, poses
        )
        for x in (first, second)
    ]
    rate = 1.5 * THRESHOLDS[0] / np.quantile(fields[0], 0.8)  # [A/µs]
    noise = np.random.default_rng(8).normal(size=(2, options.pulses))
    lines = ["number,FDI (mV),APB (mV)"]
    responses = [
        (1e-5 + 2e-3 / (1 + np.exp(-12 * (rate * each / threshold - 1.25))))
        * np.exp(NOISE * more)
        for each, threshold, more in zip(fields, THRESHOLDS, noise, strict=True)
    ]
    for number, each in enumerate(zip(*responses, strict=True), 1):
        lines.append(",".join([str(number), *(f"{1e3 * x:.6g}" for x in each)]))
    (folder / "meps.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    np.savez(
        folder / "pulses.npz",
        matsimnibs=poses.to_matsimnibs(),
        current_rates=np.full(options.pulses, rate * 1e6),
    )
    return [first, second]


def _magnitudes(reciprocal: efield.Reciprocal):
    """Give what makes |E| of the mean vector for many poses, one after the other."""
    return lambda coil, poses: np.linalg.norm(
        jax.lax.map(lambda pose: reciprocal.mean_field(coil, pose, 1e6), poses), axis=1
    )


def _run(folder: Path, options) -> dict:
    words = ["map", "motor", folder / "head.npz", "--coil", options.coil]
    words += ["--pulses", folder / "pulses.npz", "--mep", folder / "meps.csv"]
    words += ["--draws", options.draws, "--report", "--out", folder / "out", "--quiet"]
    command = [sys.executable, "-m", "tmsgrad.cli.main", *map(str, words)]
    begun = time.perf_counter()
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - begun
    peak = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    summary = (folder / "out" / "summary.json").read_text(encoding="utf-8")
    stages = json.loads(summary)["seconds"]
    return {
        "draws": options.draws,
        "whole command [s]": round(seconds, 1),
        **{f"{name} [s]": each for name, each in stages.items() if name != "total"},
        "peak memory [GB]": round(peak / 1e9, 2),
        "summary": summary,
    }
