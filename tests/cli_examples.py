"""The program run within a test, and what its files hold."""

import io
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import h5py
import jax
import meshio
import numpy as np
from heads import five_layers, pose_over

from tmsgrad.cli.main import main
from tmsgrad.coils import Pose, read_poses


TARGET, RADIUS = [0.03, -0.02, 0.05], 8e-3
FILES = {
    "summary.json",
    "pose.txt",
    "field.h5",
    "field.msh",
    "overview.png",
    "rois.csv",
    "coil.geo",
}


class Run(NamedTuple):
    status: int | str | None
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out.splitlines()[-1])


def run(*words) -> Run:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main([str(word) for word in words])
        except SystemExit as stop:
            status = stop.code
    return Run(status, out.getvalue(), err.getvalue())


def process(*words) -> Run:
    done = subprocess.run(
        [sys.executable, "-m", "tmsgrad.cli.main", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


class Case(NamedTuple):
    folder: Path
    head: Path
    coil: Path
    pose: Path

    def simulate(self, out, **changes):
        named = {"head": self.head, "coil": self.coil, "pose": self.pose} | changes
        head = named.pop("head")
        options = [f"--{name}={value}" for name, value in named.items()]
        return ["simulate", head, *options, "--out", out]

    def optimize(self, out, **changes):
        named = {"head": self.head, "coil": self.coil, "target": "30,-20,50"} | changes
        head = named.pop("head")
        options = [f"--{name}={value}" for name, value in named.items()]
        return ["optimize", head, *options, "--radius", "8", "--out", out]


class Stored(NamedTuple):
    arrays: dict[str, np.ndarray]
    units: dict[str, str]
    didt: float


def stored(folder: Path) -> Stored:
    with h5py.File(folder / "field.h5") as file:
        return Stored(
            {str(name): np.asarray(file[name]) for name in file},
            {str(name): str(file[name].attrs["units"]) for name in file},
            float(file.attrs.get("dIdt", np.nan)),  # pyright: ignore[reportArgumentType]
        )


def assert_fields(arrays, field, matrices):
    for name, expected in (
        ("E", field.vectors),
        ("magnE", field.magnitude),
        ("v", field.potential),
        ("matsimnibs", matrices),
    ):
        scale = float(np.abs(np.asarray(expected)).max())
        np.testing.assert_allclose(arrays[name], expected, atol=1e-9 * scale)


def assert_mesh(path, field):
    """Check a .msh file with a reader that is not ours."""
    mesh = meshio.read(path)
    np.testing.assert_allclose(mesh.points, five_layers().nodes * 1e3, atol=1e-10)
    np.testing.assert_array_equal(mesh.cells_dict["tetra"], five_layers().tetrahedra)
    for values, expected in (
        (mesh.cell_data["E"][0], field.vectors),
        (mesh.cell_data["magnE"][0], field.magnitude),
        (mesh.point_data["v"], field.potential),
    ):
        scale = float(np.abs(np.asarray(expected)).max())
        np.testing.assert_allclose(values, expected, atol=1e-9 * scale)


def batch_of_one(tree):
    return jax.tree.map(lambda leaf: leaf[None], tree)


def as_written(folder) -> Pose:
    """Take the first pose of a run."""
    return jax.tree.map(lambda x: x[0], read_poses(folder / "pose.txt").poses)


def refused(words, folder, *needed):
    """Check that a command fails as it should, and leaves a folder as it was."""
    before = contents(folder)
    result = run(*words)
    assert result.status == 2, result
    assert result.out == ""
    for word in needed:
        assert word in result.err, result.err
    assert "Traceback" not in result.err
    assert contents(folder) == before
    return result.err


def one_line(message):
    lines = message.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("tmsgrad: error: ")


def matrix_with(rotation=None, centre=None):
    matrix = pose_over([0.2, 0.3, 1.0]).to_matsimnibs()
    if rotation is not None:
        matrix[:3, :3] = matrix[:3, :3] @ rotation
    if centre is not None:
        matrix[:3, 3] = centre
    return matrix


def nan_matrix():
    matrix = matrix_with()
    matrix[1, 2] = np.nan
    return matrix


SHEAR = np.array([[1.0, 0.3, 0], [0, np.sqrt(0.91), 0], [0, 0, 1]])
