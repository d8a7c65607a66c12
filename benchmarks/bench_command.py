"""Seconds of `tmsgrad simulate` of one pose as a whole command, stage by stage.

    python -m benchmarks command --heads=template:300000,template:1000000,template:3100000

Each in a process of its own, from a mesh file to all files and the picture, after a run
that fills the cache of compiled code. `start` is what passes before and after the stages:
mostly imports. Processor time is that of all threads, user and system.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of

from tmsgrad import meshing


_HEADS = "template:300000,template:1000000,template:3100000"


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks command")
    parser.add_argument("--heads", default=_HEADS, help="meshes, or template:N")
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--runs", type=int, default=3, help="the quickest is reported")
    options = parser.parse_args(words)
    rows = []
    for source in options.heads.split(","):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(_row(Path(folder), source, options))
            print(record.table(rows[-1:]), flush=True)
    print("written to", record.write("command", rows))


def _row(folder: Path, source: str, options: argparse.Namespace) -> dict:
    head = head_of(source)
    mesh, pose = folder / "head.npz", folder / "pose.txt"
    meshing.write_npz(mesh, head)
    np.savetxt(pose, _pose(head))
    words = ["simulate", mesh, "--coil", options.coil, "--pose", pose, "--quiet"]
    runs = [_run(words, folder / f"out-{i}") for i in range(options.runs + 1)][1:]
    quickest = min(runs, key=lambda run: run["whole command [s]"])
    return {"tetrahedra": len(head.tags), **quickest}


def _run(words: list, out: Path) -> dict:
    begin = time.perf_counter()
    command = [sys.executable, "-m", "tmsgrad.cli.main", *map(str, words)]
    # wait4 speaks of this child alone, getrusage of all that there were.
    child = subprocess.Popen([*command, "--out", str(out)])
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    whole = time.perf_counter() - begin
    if child.returncode:
        raise SystemExit(f"the command ended with the status {child.returncode}")
    seconds = json.loads((out / "summary.json").read_text("utf-8"))["seconds"]
    stages = {f"{name} [s]": s for name, s in seconds.items() if name != "total"}
    return {
        "whole command [s]": whole,
        "start [s]": whole - sum(stages.values()),
        **stages,
        "processor [s]": used.ru_utime + used.ru_stime,
        "peak memory [GB]": used.ru_maxrss / 1e6,
    }


def _pose(head: meshing.HeadMesh) -> np.ndarray:
    """A coil 6 mm over the left motor cortex, its handle backwards, lengths in mm."""
    scalp = meshing.scalp(head)
    low, high = scalp.surface.vertices.min(axis=0), scalp.surface.vertices.max(axis=0)
    place = scalp.nearest(low + (high - low) * [0.2, 0.5, 0.9])
    z = -scalp.normal(place[None])[0]
    y = np.array([1.0, 1.0, 0.0]) - (z[0] + z[1]) * z
    y /= np.linalg.norm(y)
    pose = np.eye(4)
    pose[:3] = np.stack([np.cross(y, z), y, z, 1e3 * (place - 6e-3 * z)], axis=1)
    return pose


if __name__ == "__main__":
    main(sys.argv[1:])
