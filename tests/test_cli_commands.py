"""The command line from end to end, on a head of five spheres."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import h5py
import jax
import jax.numpy as jnp
import meshio
import numpy as np
import pytest
from heads import boxed_coil, five_layers, pose_over, scalp_of_five_layers, write_coil
from PIL import Image

from tmsgrad import coils, efield, meshing
from tmsgrad.cli import optimization, simulation
from tmsgrad.cli.inputs import read_poses
from tmsgrad.cli.main import main
from tmsgrad.coils import Pose, stack_poses


TARGET, RADIUS = [0.03, -0.02, 0.05], 8e-3
FILES = {"summary.json", "pose.txt", "field.h5", "field.msh", "overview.png"}


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


def no_picture(path, *_, **__):
    path.touch()


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


@pytest.fixture(scope="module", autouse=True)
def _configuration():
    """Put back what the program sets for itself."""
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture(scope="module", autouse=True)
def _cache_of_module(tmp_path_factory):
    if "TMSGRAD_CACHE" in os.environ:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMSGRAD_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("case")
    meshing.write_msh(folder / "spheres.msh", five_layers())
    pose = pose_over([0.2, 0.3, 1.0], 0.4)
    np.savetxt(folder / "pose.txt", pose.to_matsimnibs())
    return Case(folder, folder / "spheres.msh", write_coil(folder), folder / "pose.txt")


@pytest.fixture(scope="module")
def conductor():
    return efield.assemble(five_layers(), efield.isotropic(five_layers()))


@pytest.fixture(scope="module")
def target():
    return meshing.ball(five_layers(), TARGET, RADIUS)


@pytest.fixture(scope="module")
def plan(case, tmp_path_factory):
    """The main job, once."""
    folder = tmp_path_factory.mktemp("plan") / "new" / "folder"
    result = run(*case.optimize(folder), "--json")
    assert result.status == 0, result.err
    return folder, result


@pytest.fixture(scope="module")
def dosed(case, tmp_path_factory):
    """A second time, for a component and a dose."""
    folder = tmp_path_factory.mktemp("dosed")
    words = case.optimize(folder, direction="-1,1,0.5", efield="80")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimization, "write_overview", no_picture)
        result = run(*words, "--json")
    assert result.status == 0, result.err
    return folder, result


class Stored(NamedTuple):
    arrays: dict[str, np.ndarray]
    units: dict[str, str]
    didt: float


def stored(folder: Path) -> Stored:
    with h5py.File(folder / "field.h5") as file:
        return Stored(
            {str(name): np.asarray(file[name]) for name in file},
            {str(name): str(file[name].attrs["units"]) for name in file},
            float(file.attrs["dIdt"]),  # pyright: ignore[reportArgumentType]
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


def as_written(folder):
    return Pose.from_matsimnibs(
        read_poses(str(folder / "pose.txt"))[0].to_matsimnibs()[0]
    )


# What optimize leaves.


def test_optimize_prints_what_was_promised_as_json(plan):
    folder, result = plan
    assert list(result.json) == [
        "matsimnibs",
        "value",
        "reciprocal_value",
        "didt",
        "scalp_clearance_mm",
        "seconds",
    ]
    assert {path.name for path in folder.iterdir()} == FILES
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    for key, value in result.json.items():
        assert summary[key] == value
    stages = result.json["seconds"]
    total = stages.pop("total")
    assert sum(stages.values()) == pytest.approx(total, abs=1.0)
    assert {"head", "adjoint", "search", "verification", "output"} <= set(stages)


def test_the_value_is_that_of_a_direct_solve_of_the_written_pose(
    case, plan, conductor, target
):
    folder, result = plan
    pose = as_written(folder)
    np.testing.assert_allclose(
        pose.to_matsimnibs(), result.json["matsimnibs"], atol=1e-12
    )
    coil = coils.read(case.coil)
    mean = efield.solve(conductor, coil, pose).mean(target)
    assert result.json["value"] == pytest.approx(float(np.linalg.norm(mean)), rel=1e-10)
    assert result.json["reciprocal_value"] == pytest.approx(
        result.json["value"], rel=1e-10
    )
    assert result.json["didt"] == 1e6


def test_the_clearance_is_that_of_the_casing_on_the_true_scalp(plan):
    _, result = plan
    pose = Pose.from_matsimnibs(result.json["matsimnibs"])
    scalp = scalp_of_five_layers()
    # The box lies in the coil's plane, which touches the sphere nearest at its centre.
    nearest = -np.max(
        (scalp.surface.vertices - np.asarray(pose.translation))
        @ -np.asarray(pose.rotation)[:, 2]
    )
    assert result.json["scalp_clearance_mm"] == pytest.approx(nearest * 1e3, abs=0.3)
    assert result.json["scalp_clearance_mm"] > 0


def test_the_field_of_the_best_pose_is_written_in_all_forms(plan, conductor):
    folder, _ = plan
    pose = as_written(folder)
    field = efield.solve(conductor, boxed_coil(), pose)
    found = stored(folder)
    units = {"E": "V/m", "magnE": "V/m", "v": "V", "matsimnibs": "mm"}
    assert found.units == units
    assert found.didt == 1e6
    assert_fields(found.arrays, batch_of_one(field), pose.to_matsimnibs()[None])
    assert_mesh(folder / "field.msh", field)


def test_the_picture_is_one(plan):
    folder, _ = plan
    with Image.open(folder / "overview.png") as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=float)
    assert pixels.shape == (1000, 2000, 3)
    # More than paper and ink: colours of the palette fill a good part of it.
    coloured = np.ptp(pixels, axis=2) > 60
    assert 0.05 < coloured.mean() < 0.8


def test_optimize_says_in_words_where_the_coil_goes(plan):
    _, result = plan
    text = result.out
    for words in ("coil centre", "handle towards", "V/m at 1e6 A/s", "direct solve"):
        assert words in text
    assert result.err == ""


def test_a_direction_and_a_dose_are_obeyed(dosed, plan, conductor, target):
    folder, result = dosed
    pose = as_written(folder)
    direction = np.array([-1.0, 1.0, 0.5]) / 1.5
    mean = efield.solve(conductor, boxed_coil(), pose).mean(target)
    assert result.json["value"] == pytest.approx(float(direction @ mean), rel=1e-9)
    assert result.json["value"] <= plan[1].json["value"]
    # didt · value is what was wanted, and the files hold the field at that didt.
    didt = result.json["didt"]
    assert result.json["value"] * didt / 1e6 == pytest.approx(80, rel=1e-12)
    found = stored(folder)
    assert found.didt == didt
    inside = target.weights @ found.arrays["E"][0, target.tetrahedra]
    assert inside @ direction == pytest.approx(80, rel=1e-9)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["share_of_max_didt"] == pytest.approx(didt / 100e6)
    assert "drive it with" in result.out


# What simulate leaves.


@pytest.fixture(scope="module")
def three(case, tmp_path_factory):
    poses = stack_poses(
        [
            pose_over([0.2, 0.3, 1.0]),
            pose_over([1.0, 0.1, 0.2], 1.0, 12e-3),
            pose_over([-0.5, 0.6, 0.3], 2.0),
        ]
    )
    file = case.folder / "three.json"
    file.write_text(json.dumps({"matsimnibs": poses.to_matsimnibs().tolist()}))
    folder = tmp_path_factory.mktemp("three") / "out"
    result = run(*case.simulate(folder, pose=file, didt="2e7"), "--json")
    assert result.status == 0, result.err
    return poses, folder, result


def test_simulate_solves_every_pose(three, conductor):
    poses, folder, _ = three
    fields = efield.solve(conductor, boxed_coil(), poses, 2e7)
    assert {path.name for path in folder.iterdir()} == FILES
    found = stored(folder)
    assert found.arrays["E"].shape == (3, len(five_layers().tags), 3)
    assert found.didt == 2e7
    assert_fields(found.arrays, fields, poses.to_matsimnibs())
    assert_mesh(folder / "field.msh", jax.tree.map(lambda leaf: leaf[0], fields))


def test_simulate_reports_each_pose(three, conductor):
    poses, folder, result = three
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary == result.json
    assert summary["poses"] == len(summary["fields"]) == 3
    told = [line for line in result.out.splitlines() if line.startswith("pose ")]
    assert len(told) == 3
    assert all("clearance" in line for line in told)
    gaps = [field["scalp_clearance_mm"] for field in summary["fields"]]
    np.testing.assert_allclose(gaps, [4, 12, 4], atol=0.35)  # Flat triangles.
    again, count = read_poses(str(folder / "pose.txt"))
    assert count == 3
    np.testing.assert_allclose(again.to_matsimnibs(), poses.to_matsimnibs(), atol=1e-12)
    head = five_layers()
    gray = head.tags == 2
    magnitude = np.asarray(
        efield.solve(conductor, boxed_coil(), poses, 2e7).magnitude[1]
    )
    median = summary["fields"][1]["gray_matter_percentiles"]["50.0"]
    below = gray & (magnitude <= median * (1 + 1e-9))
    share = head.volumes[below].sum() / head.volumes[gray].sum()
    largest = head.volumes[gray].max() / head.volumes[gray].sum()
    assert 0.5 <= share <= 0.5 + largest


def test_another_run_replaces_the_files_of_the_first(case, tmp_path, monkeypatch):
    monkeypatch.setattr(simulation, "write_overview", no_picture)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "summary.json").write_text("old")
    assert run(*case.simulate(tmp_path)).status == 0
    assert {path.name for path in tmp_path.iterdir()} == FILES | {"notes.txt"}
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert json.loads((tmp_path / "summary.json").read_text())["poses"] == 1


def test_a_casing_that_cuts_the_scalp_is_warned_of(case, tmp_path, monkeypatch):
    monkeypatch.setattr(simulation, "write_overview", no_picture)
    leaning = pose_over([0, 0, 1]).moved(jnp.zeros(3), jnp.array([0.4, 0.0, 0.0]))
    np.savetxt(tmp_path / "pose.txt", leaning.to_matsimnibs())
    result = run(*case.simulate(tmp_path / "out", pose=tmp_path / "pose.txt"), "--json")
    assert result.status == 0
    gap = result.json["fields"][0]["scalp_clearance_mm"]
    assert gap < 0
    assert f"casing cuts the scalp by {-gap:.1f} mm" in result.err


def save_txt(path, matrices):
    blocks = [
        "\n".join(" ".join(map(repr, row)) for row in matrix)
        for matrix in matrices.reshape(-1, 4, 4).tolist()
    ]
    path.write_text("# a comment\n" + "\n\n".join(blocks))


def save_csv(path, matrices):
    np.savetxt(path, matrices.reshape(-1, 16), delimiter=", ", fmt="%.17g")


POSE_FILES = {
    "poses.txt": save_txt,
    "poses.csv": save_csv,
    "poses.npy": np.save,
    "poses.npz": lambda path, m: np.savez(path, matsimnibs=m, other=np.zeros(2)),
    "single.npz": lambda path, m: np.savez(path, anything=m),
    "poses.json": lambda path, m: path.write_text(json.dumps(m.tolist())),
    "POSES.JSON": lambda path, m: path.write_text(
        json.dumps({"matsimnibs": m.tolist(), "x": 1})
    ),
}


@pytest.mark.parametrize("name", POSE_FILES)
@pytest.mark.parametrize("count", [1, 3])
def test_poses_are_read_from_every_kind_of_file(tmp_path, name, count):
    poses = [pose_over([0.2, 0.3, 1.0], angle) for angle in range(count)]
    matrices = stack_poses(poses).to_matsimnibs()
    POSE_FILES[name](tmp_path / name, matrices if count > 1 else matrices[0])
    found, found_count = read_poses(str(tmp_path / name))
    assert found_count == count
    np.testing.assert_allclose(found.to_matsimnibs(), matrices, atol=1e-12)


def test_three_decimals_are_enough_for_a_pose(tmp_path):
    pose = pose_over([0.2, 0.3, 1.0], 0.3)
    np.savetxt(tmp_path / "pose.csv", pose.to_matsimnibs(), fmt="%.3f", delimiter=",")
    found, _ = read_poses(str(tmp_path / "pose.csv"))
    rotation = np.asarray(found.rotation[0])
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(rotation, pose.rotation, atol=1e-3)


# The program in a process of its own.


def test_a_process_computes_in_double_precision_what_the_library_does(
    case, conductor, tmp_path
):
    result = process(*case.simulate(tmp_path / "out"), "--json")
    assert result.status == 0, result.err
    assert result.err == ""
    assert result.json["poses"] == 1
    pose = Pose.from_matsimnibs(np.loadtxt(case.pose))
    field = efield.solve(conductor, boxed_coil(), pose)
    found = stored(tmp_path / "out").arrays
    assert_fields(found, batch_of_one(field), pose.to_matsimnibs()[None])


def test_a_process_ends_with_status_2_and_one_line_for_bad_input(case, tmp_path):
    result = process(*case.simulate(tmp_path / "out", coil="no.ccd"))
    assert result.status == 2
    assert result.out == ""
    assert len(result.err.splitlines()) == 1
    assert "no.ccd" in result.err
    assert list(tmp_path.iterdir()) == []


# Information.


def test_head_info_describes_the_mesh(case):
    result = run("head", "info", case.head, "--json")
    assert result.status == 0
    head = five_layers()
    told = result.json
    assert (told["nodes"], told["tetrahedra"]) == (len(head.nodes), len(head.tags))
    low, high = told["bounds_mm"]
    np.testing.assert_allclose(low, -86, atol=2)
    np.testing.assert_allclose(high, 86, atol=2)
    assert set(told["volumes_ml"]) == {
        "white matter",
        "gray matter",
        "csf",
        "bone",
        "scalp",
    }
    assert sum(told["volumes_ml"].values()) == pytest.approx(head.volumes.sum() * 1e6)
    assert 0 < told["radius_ratio_min"] < told["radius_ratio_mean"] < 1
    assert 0 < told["dihedral_min_degrees"] < told["dihedral_1_percent_degrees"] < 70
    assert f"{len(head.tags)} tetrahedra" in result.out


def test_heads_are_given_as_mesh_archive_or_folder(case, tmp_path):
    meshing.write_npz(tmp_path / "head.npz", five_layers())
    folder = tmp_path / "m2m_anna"
    folder.mkdir()
    (folder / "anna.msh").write_bytes(case.head.read_bytes())
    told = [
        run("head", "info", source, "--json").json
        for source in (case.head, tmp_path / "head.npz", folder)
    ]
    for other in told[1:]:
        assert other["tetrahedra"] == told[0]["tetrahedra"]
        assert other["volumes_ml"] == pytest.approx(told[0]["volumes_ml"])


def test_help_and_version_are_no_errors():
    for words in (["--help"], ["simulate", "--help"], ["--version"]):
        result = run(*words)
        assert result.status == 0
        assert "tmsgrad" in result.out


# Bad input.


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


TETS = """$MeshFormat
2.2 0 8
$EndMeshFormat
$Nodes
5
1 0 0 0
2 40 0 0
3 0 40 0
4 0 0 40
5 40 40 40
$EndNodes
$Elements
{}
$EndElements
"""

BAD_HEADS = {
    "without tetrahedra": ("1\n1 2 2 1005 1 1 2 3", ["no tetrahedra"]),
    "unknown tag": (
        "2\n1 4 2 2 1 1 2 3 4\n2 4 2 77 1 2 3 4 5",
        ["77 (1 tetrahedra)", "Relabel"],
    ),
    "inverted": (
        "2\n1 4 2 2 1 1 2 3 4\n2 4 2 2 1 2 3 5 4",
        ["inverted", "number 1"],
    ),
    "zero volume": (
        "2\n1 4 2 2 1 1 2 3 4\n2 4 2 2 1 1 2 2 4",
        ["zero volume", "number 1"],
    ),
}


@pytest.mark.parametrize("kind", BAD_HEADS)
def test_a_bad_mesh_is_refused(case, tmp_path, kind):
    elements, needed = BAD_HEADS[kind]
    head = tmp_path / "head.msh"
    head.write_text(TETS.format(elements))
    for words in (
        case.simulate(tmp_path / "out", head=head),
        case.optimize(tmp_path / "out", head=head),
        ["head", "info", head],
    ):
        one_line(refused(words, tmp_path, str(head), *needed))


@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_a_truncated_mesh_is_refused(case, tmp_path, share):
    content = case.head.read_bytes()
    head = tmp_path / "head.msh"
    head.write_bytes(content[: int(share * len(content))])
    message = refused(case.simulate(tmp_path / "out", head=head), tmp_path, str(head))
    one_line(message)


@pytest.mark.parametrize("what", ["head", "coil", "pose"])
@pytest.mark.parametrize("name", ["absent.{}", "absent", "no/such/folder/file.{}"])
def test_a_missing_file_is_named(case, tmp_path, what, name):
    ending = {"head": "msh", "coil": "ccd", "pose": "txt"}[what]
    path = name.format(ending)
    words = case.simulate(tmp_path / "out", **{what: path})
    one_line(refused(words, tmp_path, path))


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

BAD_POSES = {
    "shear": (matrix_with(SHEAR), ["shear"]),
    "reflection": (matrix_with(np.diag([-1.0, 1, 1])), ["reflection"]),
    "scale": (matrix_with(1.1 * np.eye(3)), ["scale"]),
    "transposed": (matrix_with().T, ["last row", "transposed"]),
    "nan": (nan_matrix(), ["not finite"]),
    "3x4": (matrix_with()[:3], ["(3, 4)", "4×4"]),
    "inside": (matrix_with(centre=[0, 0, 60]), ["inside the head", "mm beneath"]),
    "micrometres": (matrix_with(centre=[0, 0, 90e3]), ["mm"]),
}


@pytest.mark.parametrize("kind", BAD_POSES)
@pytest.mark.parametrize("ending", ["txt", "npy", "json"])
def test_a_bad_pose_is_refused(case, tmp_path, kind, ending):
    matrix, needed = BAD_POSES[kind]
    file = tmp_path / f"pose.{ending}"
    if ending == "npy":
        np.save(file, matrix)
    elif ending == "json":
        file.write_text(json.dumps(matrix.tolist()))
    else:
        np.savetxt(file, matrix)
    words = case.simulate(tmp_path / "out", pose=file)
    one_line(refused(words, tmp_path, str(file), *needed))


@pytest.mark.parametrize(
    ("ending", "content", "needed"),
    [
        ("txt", "", ["empty", "4×4"]),
        ("txt", "# only a comment\n", ["empty"]),
        ("txt", "Dear all,\nhere is the pose\n", ["Dear"]),
        ("txt", "1 0 0 0\n0 1 0 0\n0 0 1\n0 0 0 1\n", ["3, 4 numbers"]),
        ("csv", "x,y,z\n1,2,3\n", ["x"]),
        ("json", "", ["line 1", "4×4"]),
        ("json", "{", ["line 1", "4×4"]),
        ("json", '{"a": 1, "b": 2}', ["matsimnibs", "a, b"]),
        ("json", '"hello"', ["hello"]),
        ("json", "[]", ["4×4"]),
        ("json", "[[1, 2], [3]]", ["inhomogeneous", "4×4"]),
        ("npy", "", ["No data", "4×4"]),
        ("npy", "hello", ["cannot be read as poses"]),
        ("npz", "hello", ["cannot be read as poses"]),
        ("npz", "PK\3\4hello", ["cannot be read as poses"]),
        ("mat", "hello", [".mat", ".npz"]),
    ],
)
def test_a_file_that_holds_no_pose_is_refused(case, tmp_path, ending, content, needed):
    file = tmp_path / f"pose.{ending}"
    file.write_text(content)
    words = case.simulate(tmp_path / "out", pose=file)
    one_line(refused(words, tmp_path, str(file), *needed))


def test_the_pose_inside_the_head_is_counted_from_0(case, tmp_path):
    good, bad = matrix_with(), matrix_with(centre=[0, 0, 60])
    np.save(tmp_path / "poses.npy", np.stack([good, good, bad]))
    words = case.simulate(tmp_path / "out", pose=tmp_path / "poses.npy")
    refused(words, tmp_path, "pose 2 puts the coil inside the head")


BAD_COILS = {
    "five columns": ("1\n0 0 0 0 0\n", ["line 2", "columns"]),
    "nan": ("1\n0 0 0 0 0 nan\n", ["line 2", "not finite"]),
    "millimetres": ("1\n35 0 0 0 0 1\n", ["line 2", "millimetres"]),
    "a small coil in millimetres": ("1\n-0.7 0 -7 0 0 1\n", ["millimetres"]),
    "words": ("1\n0 0 0 0 0 one\n", ["line 2", "six numbers"]),
    "nothing": ("", ["no dipoles"]),
    "cut short": ("3\n0 0 0 0 0 1\n", ["cut short"]),
}


@pytest.mark.parametrize("kind", BAD_COILS)
def test_a_bad_coil_file_is_refused(case, tmp_path, kind):
    content, needed = BAD_COILS[kind]
    coil = tmp_path / "coil.ccd"
    coil.write_text(content)
    for words in (
        case.simulate(tmp_path / "out", coil=coil),
        case.optimize(tmp_path / "out", coil=coil),
    ):
        one_line(refused(words, tmp_path, str(coil), *needed))


def test_an_unknown_coil_name_is_answered_by_the_nearest(case, tmp_path):
    words = case.simulate(tmp_path / "out", coil="magstim-70")
    message = refused(words, tmp_path, "magstim-70", "Did you mean")
    one_line(message)


@pytest.mark.parametrize(
    ("options", "needed"),
    [
        ({"target": "0,0,200"}, ["(0, 0, 200) mm", "head spans"]),
        ({"target": "0,0,0"}, ["no gray matter", "nearest is"]),
        ({"target": "0,0,75", "tissue": "eyes"}, ["no eyes", "its tissues are"]),
        ({"target": "0,0,75", "tissue": "stone"}, ["stone", "not known"]),
        ({"target": "0,0,90", "tissue": "scalp"}, ["--target", "outside the head"]),
        ({"direction": "0,0,0"}, ["direction", "zero"]),
        ({"search-radius": "300"}, ["radius"]),
        ({"distance": "300"}, ["distance"]),
    ],
)
def test_an_impossible_plan_is_refused(case, tmp_path, options, needed):
    words = case.optimize(tmp_path / "out", **options)
    one_line(refused(words, tmp_path, *needed))


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        ([], ["COMMAND"]),
        (["simulte"], ["simulte"]),
        (["head"], ["ACTION"]),
        (["simulate", "head.msh", "--coil", "c", "--out", "o"], ["--pose"]),
        (["simulate", "h", "--coil", "c", "--pose", "p", "--ou", "o"], ["--ou"]),
        (
            [
                *["simulate", "h", "--coil", "c", "--pose", "p", "--out", "o"],
                *["--didt", "-1"],
            ],
            ["--didt", "positive"],
        ),
        (
            ["optimize", "h", "--coil", "c", "--target", "1,2", "--radius", "5"],
            ["--target", "three numbers"],
        ),
        (
            ["optimize", "h", "--coil", "c", "--target", "1,2,x", "--radius", "5"],
            ["--target", "'x' is no number"],
        ),
        (
            ["optimize", "h", "--coil", "c", "--target", "1,2,nan", "--radius", "5"],
            ["--target", "not finite"],
        ),
        (
            ["optimize", "h", "--coil", "c", "--target", "1,2,3", "--radius", "0"],
            ["--radius", "positive"],
        ),
    ],
)
def test_wrong_words_are_refused(tmp_path, monkeypatch, words, needed):
    monkeypatch.chdir(tmp_path)
    refused(words, tmp_path, "tmsgrad", *needed)


def test_negative_coordinates_are_no_options(case, tmp_path):
    # The target is far outside: the numbers have been understood before that is said.
    words = ["optimize", case.head, "--coil", case.coil, "--radius", "5"]
    for given in (["--target", "-40,30,-380"], ["--target=-40,30,-380"]):
        out = ["--out", tmp_path / "out"]
        refused([*words, *given, *out], tmp_path, "(-40, 30, -380) mm")


def test_an_output_folder_that_is_a_file_is_refused(case, tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    refused(case.simulate(file), tmp_path, "--out", str(file), "a file")
    # Below a file nobody can write, not even root.
    message = refused(
        case.simulate(file / "a" / "b"), tmp_path, "--out", str(file), "cannot"
    )
    one_line(message)


def test_an_output_name_too_long_leaves_no_parents(case, tmp_path):
    refused(case.simulate(tmp_path / "new" / ("x" * 300)), tmp_path, "too long")


# Interruptions and failures of ours.


@pytest.mark.parametrize(
    ("moment", "exists"),
    [
        *[("read_coil", True), ("read_coil", False), ("write_json", True)],
        *[("write_overview", True), ("write_overview", False)],
    ],
)
def test_an_interruption_leaves_nothing(case, tmp_path, monkeypatch, moment, exists):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(simulation, "write_overview", no_picture)
    monkeypatch.setattr(simulation, moment, interrupt)
    out = tmp_path / "out"
    if exists:
        out.mkdir()
        (out / "pose.txt").write_text("old")
    before = contents(tmp_path)
    result = run(*case.simulate(out))
    assert result.status == 130
    assert "interrupted" in result.err
    assert contents(tmp_path) == before


def test_an_error_of_ours_is_called_one(case, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("the solver gave up")

    monkeypatch.setattr(simulation, "read_coil", fail)
    monkeypatch.delenv("TMSGRAD_DEBUG", raising=False)
    result = run(*case.simulate(tmp_path / "out"))
    assert result.status == 1
    assert "the solver gave up" in result.err
    assert "TMSGRAD_DEBUG" in result.err
    assert "Traceback" not in result.err
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("TMSGRAD_DEBUG", "1")
    assert "Traceback" in run(*case.simulate(tmp_path / "out")).err
