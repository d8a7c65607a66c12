"""What `tmsgrad simulate` leaves, on a head of five spheres."""

import csv
import json
import re

import h5py
import jax
import jax.numpy as jnp
import meshio
import nibabel
import numpy as np
import pytest
from cli_examples import (
    FILES,
    assert_fields,
    assert_mesh,
    matrix_with,
    nan_matrix,
    one_line,
    refused,
    run,
    stored,
)
from heads import boxed_coil, five_layers, pose_over, scalp_of_five_layers
from nibabel.gifti.gifti import GiftiImage

from tmsgrad import efield, meshing
from tmsgrad.cli.arguments.parser import parser
from tmsgrad.cli.inputs.poses import PoseRequest, read_pose_list
from tmsgrad.coils import Pose, read_poses, stack_poses
from tmsgrad.efield.output.region_table import RegionTable


pytestmark = pytest.mark.usefixtures("program_settings")


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


@pytest.mark.long
def test_poses_are_turned_all_the_way_round(case, three):
    file = case.folder / "three.json"
    options = parser().parse_args(
        [*map(str, case.simulate("out", pose=file)), "--turns", "4"]
    )
    turned, given = read_pose_list(PoseRequest.of(options, options.pose)), three[0]
    assert turned.names[3] == "pose 1, 90°"
    matrices, before = turned.matrices(), given.to_matsimnibs()
    np.testing.assert_allclose(matrices[:3], before, atol=1e-9)
    np.testing.assert_allclose(matrices[3:6, :3, 0], before[:, :3, 1], atol=1e-9)
    np.testing.assert_allclose(matrices[9:, :3, 1], before[:, :3, 0], atol=1e-9)
    np.testing.assert_allclose(matrices[6:9, :3, 2:], before[:, :3, 2:], atol=1e-9)


def test_simulate_solves_every_pose(three, conductor):
    poses, folder, _ = three
    fields = efield.solve(conductor, boxed_coil(), poses, 2e7)
    assert {path.name for path in folder.iterdir()} == FILES | {"pulses.csv"}
    found = stored(folder)
    assert found.arrays["E"].shape == (3, len(five_layers().tags), 3)
    assert found.didt == 2e7
    assert_fields(found.arrays, fields, poses.to_matsimnibs())
    assert_mesh(folder / "field.msh", jax.tree.map(lambda leaf: leaf[0], fields))


def test_simulate_reports_each_pose(three, conductor):
    poses, folder, result = three
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary == result.json
    assert summary["schema"] == 1
    assert summary["poses"] == len(summary["fields"]) == 3
    shown = [line for line in result.out.splitlines() if line.startswith("pose ")]
    assert len(shown) == 3
    assert all("clearance" in line for line in shown)
    rates = efield.rates(conductor, boxed_coil(), poses, 2e7)
    fields = efield.solve_rate(conductor, rates)
    estimate = efield.estimate_error(conductor, five_layers(), fields, rates)
    for field, error, line in zip(
        summary["fields"], estimate.relative.tolist(), shown, strict=True
    ):
        missed = field["estimated_error"]
        assert set(missed) == {"relative_l2_head", "relative_l2_gray_matter"}
        assert missed["relative_l2_head"] == pytest.approx(error, rel=1e-6)
        assert f"estimated error {error:.1%}" in line
    gaps = [field["scalp_clearance_mm"] for field in summary["fields"]]
    np.testing.assert_allclose(gaps, [4, 12, 4], atol=0.35)  # Flat triangles.
    again = read_poses(folder / "pose.txt")
    assert again.names == tuple(summary["names"])
    np.testing.assert_allclose(again.matrices(), poses.to_matsimnibs(), atol=1e-12)
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


def test_another_run_replaces_the_files_of_the_first(case, tmp_path, undrawn):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "summary.json").write_text("old")
    assert run(*case.simulate(tmp_path)).status == 0
    assert {path.name for path in tmp_path.iterdir()} == FILES | {
        "pulses.csv",
        "notes.txt",
    }
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert json.loads((tmp_path / "summary.json").read_text())["poses"] == 1


def test_a_casing_that_cuts_the_scalp_is_warned_of(case, tmp_path, undrawn):
    leaning = pose_over([0, 0, 1]).moved(jnp.zeros(3), jnp.array([0.4, 0.0, 0.0]))
    np.savetxt(tmp_path / "pose.txt", leaning.to_matsimnibs())
    result = run(*case.simulate(tmp_path / "out", pose=tmp_path / "pose.txt"), "--json")
    assert result.status == 0
    gap = result.json["fields"][0]["scalp_clearance_mm"]
    assert gap < 0
    assert f"casing cuts the scalp by {-gap:.1f} mm" in result.err


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
        ("txt", "Dear all,\nhere is the pose\n", ["line 1", "no number"]),
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


def test_fields_are_written_for_other_programs(case, tmp_path, undrawn, conductor):
    affine = np.diag([6.0, 6.0, 6.0, 1.0])
    affine[:3, 3] = -84
    reference = nibabel.Nifti1Image(np.zeros((29, 29, 29), np.int16), affine)
    reference.set_sform(affine, code=1)
    nibabel.save(reference, tmp_path / "T1.nii.gz")
    words = case.simulate(tmp_path / "out", nifti=tmp_path / "T1.nii.gz")
    more = ["--vtu", "--thresholds", "0.1,0.5"]
    more += ["--target", "30,-20,50", "--radius", "8", "--fields"]
    surface, nodes = meshing.gray_matter_surface(five_layers())
    for name in ("pial.surf.gii", "sphere.gii"):
        meshing.write_surface(tmp_path / name, surface)
    more += ["--gifti", "--gifti", tmp_path / "pial.surf.gii"]
    more += ["--resample", tmp_path / "sphere.gii", tmp_path / "sphere.gii"]
    assert run(*words, *more).status == 0
    pose = Pose.from_matsimnibs(np.loadtxt(case.pose))
    field = efield.solve(conductor, boxed_coil(), pose)
    head, magnitude = five_layers(), np.asarray(field.magnitude)
    scale = float(magnitude.max())
    # NIfTI: the field at the voxels' centres, in the image's grid.
    image = nibabel.Nifti1Image.from_filename(tmp_path / "out" / "magnE.nii.gz")
    np.testing.assert_array_equal(np.asarray(image.affine), affine)
    grid = meshing.read_grid(tmp_path / "T1.nii.gz")
    elements = meshing.elements_on_grid(head, grid)
    expected = np.where(elements >= 0, magnitude[elements], 0)
    np.testing.assert_allclose(image.get_fdata(), expected, atol=1e-6 * scale)
    vectors = nibabel.Nifti1Image.from_filename(tmp_path / "out" / "E.nii.gz")
    norms = np.linalg.norm(vectors.get_fdata(), axis=3)
    np.testing.assert_allclose(norms, expected, atol=1e-5 * scale)
    # VTK, by another reader.
    mesh = meshio.read(tmp_path / "out" / "field.vtu")
    found = mesh.cell_data["magnE"][0]
    np.testing.assert_allclose(found, magnitude, atol=1e-9 * scale)
    # GIfTI: the field on gray matter, and the same resampled to itself.
    there = efield.on_nodes(head, field, surface, nodes)
    mine = GiftiImage.from_filename(tmp_path / "out" / "gray_matter.func.gii")
    names = [array.meta["Name"] for array in mine.darrays]
    assert names == ["magnE", "E_normal", "E_tangent", "E_x", "E_y", "E_z"]
    for array, expected in zip(
        mine.darrays, (there.magnitude, there.normal, there.tangential), strict=False
    ):
        np.testing.assert_allclose(array.data, expected, atol=1e-6 * scale)
    pial = GiftiImage.from_filename(tmp_path / "out" / "pial.func.gii")
    moved = GiftiImage.from_filename(tmp_path / "out" / "pial.resampled.func.gii")
    for one, other in zip(pial.darrays, moved.darrays, strict=True):
        np.testing.assert_allclose(one.data, other.data, atol=1e-5 * scale)
    # The coil, for Gmsh: its casing where the pose puts it.
    geo = (tmp_path / "out" / "coil.geo").read_text(encoding="utf-8")
    corners = np.array(re.findall(r"ST\(([^)]*)\)", geo)[0].split(","), float)
    coil = boxed_coil()
    assert coil.casing is not None
    assert coil.casing_triangles is not None
    placed = np.asarray(coil.casing)[np.asarray(coil.casing_triangles)[0]]
    expected = placed @ np.asarray(pose.rotation).T + np.asarray(pose.translation)
    np.testing.assert_allclose(corners.reshape(3, 3), 1e3 * expected, atol=1e-3)
    # The table of regions.
    with (tmp_path / "out" / "rois.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["region"] for row in rows] == ["target", "white matter", "gray matter"]
    gray = head.tags == 2
    row, volumes = rows[2], head.volumes[gray]
    mean = np.average(magnitude[gray], weights=volumes)
    assert float(row["E_mean"]) == pytest.approx(mean, rel=1e-6)
    assert float(row["E_max"]) == pytest.approx(magnitude[gray].max(), rel=1e-6)
    above = volumes[magnitude[gray] >= 0.1].sum() * 1e9
    assert float(row["volume_mm3_above_0.1"]) == pytest.approx(above, rel=1e-6)
    peak = head.centroids[np.flatnonzero(gray)[magnitude[gray].argmax()]] * 1e3
    assert [float(row[f"peak_{c}_mm"]) for c in "xyz"] == pytest.approx(peak, rel=1e-6)
    assert float(row["coil_to_cortex_mm"]) == pytest.approx(22, abs=3)
    assert float(row["scalp_to_cortex_mm"]) == pytest.approx(18, abs=3)
    # The cortex is a sphere: its normals are radial.
    aim = meshing.ball(head, np.array([0.03, -0.02, 0.05]), 8e-3)
    radial = head.centroids[aim.tetrahedra]
    radial = radial / np.linalg.norm(radial, axis=1, keepdims=True)
    outwards = np.sum(np.asarray(field.vectors)[aim.tetrahedra] * radial, axis=1)
    most = float(aim.weights @ np.asarray(field.magnitude)[aim.tetrahedra])
    normal = float(rows[0]["E_normal_mean"])
    assert normal == pytest.approx(float(aim.weights @ outwards), abs=0.05 * most)
    assert row["E_normal_mean"] == ""
    assert "peak_mni_x_mm" not in row
    # Where it comes from.
    summary = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    origin, kept = summary["provenance"], {}
    with h5py.File(tmp_path / "out" / "field.h5") as file:
        assert set(origin) <= set(file.attrs)
        kept = {name: str(file.attrs[name]) for name in origin}
    assert kept["command"].startswith("tmsgrad simulate")
    assert kept["started"] == origin["started"]
    for name in ("versions", "inputs", "settings"):
        assert json.loads(kept[name]) == origin[name]


def test_peaks_are_reported_in_mni_space_where_it_is_known(conductor, tmp_path):
    field = efield.solve(conductor, boxed_coil(), pose_over([0.2, 0.3, 1.0], 0.4))
    head = five_layers()
    for to_mni in (None, lambda point: 1.1 * point):
        table = RegionTable(head, scalp_of_five_layers(), None, (), to_mni)
        table.add(0, "one", field, pose_over([0.2, 0.3, 1.0], 0.4))
        table.write(tmp_path)
        with (tmp_path / "rois.csv").open(encoding="utf-8", newline="") as file:
            row = next(csv.DictReader(file))
        assert ("peak_mni_z_mm" in row) == (to_mni is not None)
        assert "E_normal_mean" not in row
    for axis in "xyz":
        there = 1.1 * float(row[f"peak_{axis}_mm"])
        assert float(row[f"peak_mni_{axis}_mm"]) == pytest.approx(there, rel=1e-6)


def test_a_reference_that_is_no_image_is_refused_at_once(case, tmp_path):
    (tmp_path / "T1.nii.gz").write_text("hello")
    words = case.simulate(tmp_path / "out", nifti=tmp_path / "T1.nii.gz")
    one_line(refused(words, tmp_path, "T1.nii.gz", "no NIfTI"))
