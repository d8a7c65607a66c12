"""`tmsgrad reduce` and `simulate --reduced`: a basis made, used, resumed, and refused."""

import csv
import json

import h5py
import numpy as np
import pytest
from cli_examples import refused, run
from heads import boxed_coil, five_layers, pose_over

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.cli.commands import simulate_reduced
from tmsgrad.cli.runtime.progress import Progress


pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def made(case, program_settings, tmp_path_factory):
    out = tmp_path_factory.mktemp("basis") / "top.h5"
    result = run(*words(case, out), "--json")
    assert result.status == 0, result.err
    return out, result


def words(case, out, *more):
    return [
        *("reduce", case.head, f"--coil={case.coil}", "--around=0,0,90"),
        *("--radius=20", "--tolerance=5", "--modes=40", "--order=1", "--out", out),
        *more,
    ]


def two_poses(folder):
    """One within the domain, and one far outside of it."""
    poses = [pose_over([0.1, 0.05, 1.0], 0.4), pose_over([-1.0, 0.2, 0.3], 0.0)]
    path = folder / "poses.npy"
    np.save(path, np.stack([pose.to_matsimnibs() for pose in poses]))
    return path, poses


def test_the_basis_states_its_error_and_leaves_nothing_else(made):
    out, result = made
    answer = result.json
    assert answer["error"]["reached"]
    assert answer["error"]["worst_relative_l2"] <= 0.05
    assert answer["modes"] == efield.read_reduced(out).modes.count <= 40
    assert f"written to {out}" in result.out
    assert "unseen placements" in result.out
    assert not [each for each in out.parent.iterdir() if each.is_dir()]


def test_poses_are_taken_from_the_basis_and_solved_outside_of_it(
    case, made, conductor, tmp_path
):
    path, poses = two_poses(tmp_path)
    out = tmp_path / "out"
    result = run(*case.simulate(out, pose=path, didt="2e6"), "--reduced", made[0])
    assert result.status == 0, result.err
    assert "1 of 2 poses are outside of what the basis has seen and are solved: 1" in (
        result.err
    )
    summary = json.loads((out / "summary.json").read_text())
    assert [each["solved"] for each in summary["fields"]] == [False, True]
    gray = five_layers().tags == 2
    worst = efield.read_reduced(made[0]).accuracy.worst
    for pose, found in zip(poses, summary["fields"], strict=True):
        field = efield.solve(conductor, coils.read(case.coil), pose, 2e6)
        top = efield.volume_percentiles(
            np.asarray(field.magnitude)[gray], five_layers().volumes[gray], [99.9]
        )
        error = 1e-9 if found["solved"] else 2 * worst
        np.testing.assert_allclose(found["percentiles"]["99.9"], top[0], rtol=error)
    with (out / "pulses.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["solved"] for row in rows] == ["0", "1"]
    assert float(rows[0]["didt_A_per_s"]) == 2e6


@pytest.mark.long
def test_a_basis_is_of_second_order_and_so_are_the_fields_of_its_poses(case, tmp_path):
    out = tmp_path / "top.h5"
    quick = [each for each in words(case, out) if each != "--order=1"]
    result = run(*quick, "--tolerance=30")
    assert result.status == 0, result.err
    basis = efield.read_reduced(out)
    assert basis.origin.order == 2
    path, (near, far) = two_poses(tmp_path)
    result = run(
        *case.simulate(tmp_path / "out", pose=path, didt="1e6"),
        "--reduced",
        out,
        "--json",
    )
    assert result.status == 0, result.err
    known, solved = result.json["fields"]
    gray = five_layers().tags == 2
    volumes = five_layers().volumes[gray]
    second = efield.assemble(five_layers(), efield.isotropic(five_layers()), order=2)
    field = efield.solve(second, coils.read(case.coil), far).magnitude
    top = efield.volume_percentiles(np.asarray(field)[gray], volumes, [99.9])
    np.testing.assert_allclose(solved["percentiles"]["99.9"], top[0], rtol=1e-6)
    top = efield.volume_percentiles(np.asarray(basis.magnitude(near)), volumes, [99.9])
    np.testing.assert_allclose(known["percentiles"]["99.9"], top[0], rtol=1e-6)


def test_another_head_or_coil_is_refused_by_name(case, made, tmp_path):
    with_basis = lambda **changes: [
        *case.simulate(tmp_path / "out", **changes),
        *("--reduced", made[0]),
    ]
    other = coils.read(case.coil)
    coils.write(tmp_path / "other.ccd", other.driven(np.array([0.5])))
    refused(with_basis(coil=tmp_path / "other.ccd"), tmp_path, "made for the coil")
    head = five_layers()
    kept = np.arange(len(head.tags)) != np.flatnonzero(head.tags == 5)[0]
    meshing.write_npz(
        tmp_path / "other.npz",
        meshing.HeadMesh(head.nodes, head.tetrahedra[kept], head.tags[kept]),
    )
    refused(with_basis(head=tmp_path / "other.npz"), tmp_path, "made for another head")
    refused([*with_basis(), "--order=2"], tmp_path, "--order 2", "elements of order 1")
    for word in ("--report", "--exact", "--thresholds=20"):
        needed = f"{word.partition('=')[0]} needs solves"
        refused([*with_basis(), word], tmp_path, needed)


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        (["--out", "basis.msh"], "ends in .h5"),
        (["--tissue", "blood"], "has no element of it"),
        (["--tissue", "bones!"], "bones!"),
        (["--at", "mesh", "--tissue", "gm"], "leave out --tissue"),
        (["--at", "lh.none"], "lh.none: file not found"),
        (["--at", "mesh", "--surface-frame", "stored"], "of a file that --at names"),
    ],
)
def test_what_cannot_be_reduced_is_refused(
    case, tmp_path, monkeypatch, changes, needed
):
    monkeypatch.chdir(tmp_path)
    refused(words(case, "basis.h5", *changes), tmp_path, needed)


@pytest.mark.long
def test_an_interrupted_basis_goes_on_where_it_was(case, made, tmp_path, monkeypatch):
    out, calls = tmp_path / "top.h5", []

    def stop(self, share, what):
        calls.append(share)
        if share > 0.3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "__call__", stop)
        result = run(*words(case, out))
    assert result.status == 130
    assert "the same command goes on there" in result.err
    assert not out.exists()
    result = run(*words(case, out))
    assert result.status == 0, result.err
    assert not [each for each in tmp_path.iterdir() if each.is_dir()]
    pose = pose_over([0.1, 0.05, 1.0], 0.4)
    first, second = (
        np.asarray(efield.read_reduced(each).magnitude(pose)) for each in (made[0], out)
    )
    np.testing.assert_allclose(second, first, rtol=1e-4, atol=1e-6 * first.max())


@pytest.mark.long
def test_a_sweep_maps_what_happens_in_all_of_the_tissue(
    case, made, conductor, tmp_path
):
    out = tmp_path / "map"
    words = ["sweep", case.head, f"--coil={case.coil}", "--target=10,5,62"]
    words += ["--radius=8", "--spacing=12", "--angles=36", "--search-radius=60"]
    words += ["--out", out]
    result = run(*words, "--reduced", made[0], "--json")
    assert result.status == 0, result.err
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    whole = summary["whole_brain"]
    assert result.json["whole_brain"] == whole
    with h5py.File(out / "sweep.h5") as file:
        group, values = file["whole_brain"], np.asarray(file["values"])
        assert isinstance(group, h5py.Group)
        peak, volume, focality = (
            np.asarray(group[name])
            for name in ("peak", "volume_above_half_of_peak", "focality")
        )
        outside = np.asarray(group["outside"])
        poses = np.asarray(file["matsimnibs"])
    assert peak.shape == volume.shape == focality.shape == values.shape
    assert not outside.all()
    distance = np.linalg.norm(poses[:, :2, 3], axis=1)
    assert outside[distance > 35].all()
    assert (distance > 35).any()
    assert whole["positions_outside"] == outside.sum()
    assert f"{outside.sum()} of {len(outside)} positions are outside" in result.out
    i, j = (whole["most_focal"][name] for name in ("position", "angle"))
    assert focality[i, j] == focality[~outside].max()

    turn = np.eye(4)
    cos, sin = np.cos(2 * np.pi * j / 36), np.sin(2 * np.pi * j / 36)
    turn[:2, :2] = [[cos, -sin], [sin, cos]]
    pose = coils.Pose.from_matsimnibs(poses[i] @ turn)
    head, solved = five_layers(), efield.solve(conductor, boxed_coil(), pose)
    gray = head.tags == 2
    inside = gray & np.isin(
        np.arange(len(gray)), meshing.ball(head, [0.01, 0.005, 0.062], 8e-3).tetrahedra
    )
    mean = lambda where: np.average(
        np.asarray(solved.magnitude)[where], weights=head.volumes[where]
    )
    expected = mean(inside) / mean(gray & ~inside)
    np.testing.assert_allclose(focality[i, j], expected, rtol=0.03)
    magnitude = np.asarray(solved.magnitude)[gray]
    order = np.argsort(magnitude)
    below = np.cumsum(head.volumes[gray][order]) / head.volumes[gray].sum()
    strongest = magnitude[order][np.searchsorted(below, 0.999)]
    np.testing.assert_allclose(peak[i, j], strongest, rtol=0.03)
    # With the soft edge of `Compactness`, as elements are large here.
    soft = 1 / (1 + np.exp(-(magnitude / (strongest / 2) - 1) / 0.05))
    above = head.volumes[gray] @ soft * 1e6
    # An edge that is 3% off moves the volume by 7%.
    np.testing.assert_allclose(volume[i, j], above, rtol=0.1)


def test_a_basis_without_the_target_maps_nothing(case, made, tmp_path):
    words = [
        "sweep",
        case.head,
        f"--coil={case.coil}",
        "--target=0,0,72",
        "--tissue=csf",
    ]
    words += ["--radius=8", "--spacing=40", "--angles=36", "--reduced", made[0]]
    refused([*words, "--out", tmp_path / "out"], tmp_path, "where the target is not")


def surface_file(folder, radius=0.063):
    """Write a cortical surface of another program: vertices inside of gray matter."""
    surface, _ = meshing.gray_matter_surface(five_layers())
    length = np.linalg.norm(surface.vertices, axis=1, keepdims=True)
    vertices = surface.vertices * (radius / length)
    path = folder / "lh.central.surf.gii"
    meshing.write_surface(path, meshing.Surface(vertices, surface.triangles))
    return path


@pytest.mark.long
@pytest.mark.parametrize("kind", ["mesh", "file"])
def test_the_field_is_reduced_on_a_surface(case, conductor, tmp_path, kind):
    file = surface_file(tmp_path) if kind == "file" else None
    source, name = file or "mesh", "mesh" if file is None else file.name
    out = tmp_path / "surface.h5"
    result = run(*words(case, out, "--at", source))
    assert result.status == 0, result.err
    basis, head = efield.read_reduced(out), five_layers()
    about = dict(basis.origin.about)
    assert about["surface"] == name
    assert ("surface_sha256" in about) == (kind == "file")
    own, nodes = meshing.gray_matter_surface(head)
    shown = own if file is None else meshing.read_surface(file, head)
    np.testing.assert_allclose(basis.positions, shown.vertices, atol=1e-7)
    area = efield.vertex_areas(shown).sum()
    np.testing.assert_allclose(float(about["area_m2"]), area, rtol=1e-6)

    path, (near, far) = two_poses(tmp_path)
    words_ = case.simulate(tmp_path / "out", pose=path, didt="1e6")
    result = run(*words_, "--reduced", out, "--json")
    assert result.status == 0, result.err
    assert result.json["basis"]["places"] == f"surface: {about['surface']}"
    known, solved = result.json["fields"]
    assert (known["solved"], solved["solved"]) == (False, True)
    for pose, found, error in ((near, known, 0.1), (far, solved, 1e-5)):
        field = efield.solve(conductor, coils.read(case.coil), pose)
        on = (
            efield.on_nodes(head, field, own, nodes)
            if kind == "mesh"
            else efield.on_surface(head, field, shown)
        )
        sizes, areas = np.linalg.norm(on.vectors, axis=1), efield.vertex_areas(shown)
        top = efield.volume_percentiles(sizes, areas, [99.9])[0]
        np.testing.assert_allclose(found["percentiles"]["99.9"], top, rtol=error)
        above = areas[sizes > top / 2].sum() * 1e6
        np.testing.assert_allclose(found["area_mm2_above_half"], above, rtol=3 * error)
    with (tmp_path / "out" / "pulses.csv").open() as file:
        assert "E_surface_99.9" in next(csv.reader(file))


def test_a_basis_of_a_surface_is_refused_where_a_tissue_is_needed(
    case, tmp_path_factory, tmp_path
):
    out = tmp_path_factory.mktemp("surface") / "mesh.h5"
    result = run(*words(case, out, "--at=mesh", "--tolerance=30"))
    assert result.status == 0, result.err
    place = ["--target=10,5,62", "--radius=8", "--reduced", out]
    for verb in ("sweep", "optimize"):
        given = [verb, case.head, f"--coil={case.coil}", *place]
        needed = "without --at"
        refused([*given, "--out", tmp_path / "out"], tmp_path, needed)


def test_a_surface_far_from_gray_matter_is_refused(case, tmp_path):
    path = surface_file(tmp_path, 0.09)
    given = words(case, tmp_path / "basis.h5", "--at", path)
    refused(given, tmp_path, f"--at {path}", "gray matter is")


@pytest.mark.long
def test_many_poses_are_taken_from_a_basis_of_themselves(
    case, conductor, tmp_path, monkeypatch
):
    monkeypatch.setattr(simulate_reduced, "_MANY", 60)
    scalp = meshing.scalp(five_layers())
    domain = optimize.placements(scalp, [0, 0, 0.09], 20e-3, distances=(2e-3, 6e-3))
    poses = domain(80, 3)
    path, out = tmp_path / "poses.npy", tmp_path / "out"
    # A pulse that is given twice counts once.
    matrices = np.asarray(poses.to_matsimnibs())
    np.save(path, np.concatenate([matrices, matrices[:5]]))
    result = run(*case.simulate(out, pose=path, didt="2e6"), "--json")
    assert result.status == 0, result.err
    assert "80 different poses: a basis of their fields" in result.err
    answer = result.json
    stated = answer["basis"]
    assert stated["made"]
    assert stated["solves"] <= 80
    # So few poses are not enough for some of those that only measure the error.
    assert 0 < answer["solved"] < 32
    assert "not known to the basis within 0.5% and are solved" in result.err
    basis = efield.read_reduced(out / "basis.h5", coil=coils.read(case.coil))
    assert stated["error"]["worst_relative_l2"] == basis.accuracy.worst
    gray = five_layers().tags == 2
    fields = efield.solve(conductor, coils.read(case.coil), poses, 2e6)
    for i in range(0, 80, 7):
        magnitude = np.asarray(fields.magnitude[i])[gray]
        top = efield.volume_percentiles(magnitude, five_layers().volumes[gray], [99.9])
        found = answer["fields"][i]["percentiles"]["99.9"]
        np.testing.assert_allclose(found, top[0], rtol=1e-2)
    assert answer["fields"][80]["percentiles"] == answer["fields"][0]["percentiles"]
    with (out / "pulses.csv").open() as file:
        assert "E_gray_matter_99.9" in next(csv.reader(file))
    result = run(*case.simulate(tmp_path / "exact", pose=path), "--exact")
    assert result.status == 0, result.err
    assert (tmp_path / "exact" / "field.h5").exists()
