"""The command line's work on heads: mesh, check, convert and describe."""

import numpy as np
import pytest
from cli_examples import refused, run
from heads import RADII, five_layers
from label_examples import affine, five_balls, write_nifti
from tensor_examples import OBLIQUE

from tmsgrad import meshing
from tmsgrad.meshing import HeadMesh
from tmsgrad.meshing.pictures.tissues import slice_tags


FEW = ("--tetrahedra", "20000")


def volumes_of(labels, voxel=4.0):
    return np.bincount(labels.ravel(), minlength=6)[1:6] * voxel**3 * 1e-9


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return write_nifti(tmp_path_factory.mktemp("labels") / "a.nii.gz", five_balls())


# Meshing.


def test_labels_become_a_head(tmp_path, labels):
    result = run("head", "mesh", labels, "--out", tmp_path / "a.msh", *FEW, "--json")
    assert result.status == 0, result.err
    head = meshing.read_msh(tmp_path / "a.msh")
    found = np.bincount(head.tags, head.volumes)[1:]
    np.testing.assert_allclose(found, volumes_of(five_balls()), rtol=0.05)
    said = result.json
    assert said["tetrahedra"] == len(head.tags)
    assert said["dihedral_min_degrees"] > 5
    assert max(abs(e) for e in said["volume_errors"].values()) < 0.05
    assert list(said["seconds"]) == ["labels", "mesh", "check", "output"]
    assert said["tidied"] == {"apart": 0, "islands": {}, "filled": 0}
    # Voxels of 4 mm are reported.
    (about,) = said["findings"]
    assert about["about"] == "voxels"
    assert "tmsgrad: warning: voxels are 4 × 4 × 4 mm" in result.err
    assert "of the label image" in result.out


def test_the_same_image_gives_the_same_file(tmp_path, labels):
    for name in ("a.npz", "b.npz"):
        run("head", "mesh", labels, "--out", tmp_path / name, "--tetrahedra", "3000")
    one, two = (meshing.read_npz(tmp_path / name) for name in ("a.npz", "b.npz"))
    np.testing.assert_array_equal(one.nodes, two.nodes)
    np.testing.assert_array_equal(one.tetrahedra, two.tetrahedra)


def test_tables_say_what_labels_are(tmp_path):
    numbers = np.array([0, 41, 1011, 24, 165, 258])
    balls = numbers[five_balls()].astype(np.int16)
    image = write_nifti(tmp_path / "fs.nii", balls)
    for table in ("freesurfer", tmp_path / "mine.txt"):
        lines = ["41 wm", "1000-1035 gm", "24 csf", "165 bone", "258 scalp"]
        (tmp_path / "mine.txt").write_text("\n".join(lines))
        out = tmp_path / "a.npz"
        words = ("--table", table, "--tetrahedra", "5000")
        result = run("head", "mesh", image, "--out", out, *words)
        assert result.status == 0, result.err
        head = meshing.read_npz(out)
        found = np.bincount(head.tags, head.volumes)[1:]
        np.testing.assert_allclose(found, volumes_of(five_balls()), rtol=0.1)


def test_spms_maps_are_meshed(tmp_path):
    for number, tag in enumerate((2, 1, 3, 4, 5), start=1):
        write_nifti(
            tmp_path / f"c{number}a.nii", (five_balls() == tag).astype(np.float32)
        )
    words = ("--table", "spm", "--tetrahedra", "5000")
    out = tmp_path / "a.npz"
    result = run("head", "mesh", tmp_path / "c1a.nii", "--out", out, *words)
    assert result.status == 0, result.err
    head = meshing.read_npz(out)
    found = np.bincount(head.tags, head.volumes)[1:]
    np.testing.assert_allclose(found, volumes_of(five_balls()), rtol=0.1)


def test_necks_islands_and_air_are_seen_to_and_reported(tmp_path):
    balls = five_balls()
    balls[:2, :2, -2:] = 5
    balls[24, 24, 24] = 4
    balls[20:28, 20:28, 40:42] = 0
    image = write_nifti(tmp_path / "a.nii", balls)
    words = ("--neck", "20", "--islands", "100", "--fill-air", *FEW, "--json")
    result = run("head", "mesh", image, "--out", tmp_path / "a.npz", *words)
    assert result.status == 0, result.err
    head = meshing.read_npz(tmp_path / "a.npz")
    brain = head.nodes[head.tetrahedra[head.tags == 2]][..., 2].min()
    assert head.nodes[:, 2].min() == pytest.approx(brain - 0.020, abs=3e-3)
    said = result.json["tidied"]
    assert said["apart"] == pytest.approx(8 * 64e-9)
    assert said["islands"] == {"bone": 1}
    assert said["filled"] > 0
    assert "apart from the head made air" in result.err
    assert "small islands given to their surroundings: 1 of bone" in result.err


def test_sizes_by_tissue_are_kept(tmp_path, labels):
    out = tmp_path / "a.npz"
    words = ("--size", "gm=10,white_matter=14", "--tetrahedra", "3000")
    assert run("head", "mesh", labels, "--out", out, *words).status == 0
    head = meshing.read_npz(out)
    ends = head.nodes[head.tetrahedra]
    edges = np.stack(
        [ends[:, i] - ends[:, j] for i in range(4) for j in range(i)], axis=1
    )
    longest = np.linalg.norm(edges, axis=2).max(axis=1)
    for tag, limit in ((2, 10e-3), (1, 14e-3)):
        assert np.percentile(longest[head.tags == tag], 99) < 1.2 * limit
    assert np.percentile(longest[head.tags == 5], 99) > 20e-3


def test_turned_and_mirrored_voxels_are_in_their_place(tmp_path):
    for matrix in (OBLIQUE, OBLIQUE @ np.diag([1.0, -1, 1, 1])):
        image = write_nifti(tmp_path / "a.nii", five_balls(), matrix)
        out = tmp_path / "a.npz"
        result = run("head", "mesh", image, "--out", out, "--tetrahedra", "5000")
        assert result.status == 0, result.err
        head = meshing.read_npz(out)
        centre = matrix[:3, :3] @ np.full(3, 23.5) + matrix[:3, 3]
        found = np.average(head.centroids, axis=0, weights=head.volumes)
        np.testing.assert_allclose(found * 1e3, centre, atol=0.5)
        scale = abs(np.linalg.det(matrix[:3, :3])) ** (1 / 3)
        volumes = np.bincount(head.tags, head.volumes)[1:]
        np.testing.assert_allclose(volumes, volumes_of(five_balls(), scale), rtol=0.1)


def test_bad_images_leave_nothing_behind(tmp_path):
    balls = five_balls()
    half = balls.astype(np.float32)
    half[0, 0, 0] = 0.5
    cases = {
        "empty": (balls * 0, (), "nothing but air"),
        "one label": (balls * 0 + 5, (), "one label only, 5"),
        "floats": (half, (), "no whole numbers"),
        "four": (np.stack([balls, balls], -1), (), "three dimensions"),
        "unknown": (balls * 3, (), "that the table `simnibs` lacks: 12"),
        "no table": (balls, ("--table", "fs"), "fs: table not found"),
        "size": (balls, ("--size", "eyes=2"), "names eyes, of which"),
        "tissue": (balls, ("--size", "cheese=2"), "`tissue` is 'cheese'"),
        "fine": (balls, ("--size", "gm=0.01"), "tetrahedra, more than 20,000,000"),
        "count": (balls, ("--tetrahedra", "10"), "must be from 1,000"),
    }
    for name, (values, words, message) in cases.items():
        image = write_nifti(tmp_path / "a.nii", values)
        result = run("head", "mesh", image, "--out", tmp_path / "a.msh", *words)
        assert result.status == 2, name
        assert message in result.err, (name, result.err)
        assert "Traceback" not in result.err
        assert [p.name for p in tmp_path.iterdir()] == ["a.nii"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--out", "a.stl"), "heads are written to .msh"),
        (("--out", "none/a.msh"), "not found"),
        (("--out", "a.msh", "--size", "gm"), "'gm' must be TISSUE=MM"),
        (("--out", "a.msh", "--size", "gm=-1"), "must be positive"),
        (("--out", "a.msh", "--tetrahedra", "1.5"), "is no whole number"),
        (("--out", "a.msh", "--neck", "-1"), "must not be negative"),
        ((), "required: --out"),
    ],
)
def test_bad_options_are_refused_before_work_begins(
    tmp_path, labels, monkeypatch, words, message
):
    monkeypatch.chdir(tmp_path)
    result = run("head", "mesh", labels, *words)
    assert result.status == 2
    assert message in result.err
    assert not list(tmp_path.iterdir())


# Checks.


def test_a_head_in_order_passes(tmp_path):
    meshing.write_msh(tmp_path / "a.msh", five_layers())
    result = run("head", "check", tmp_path / "a.msh", "--json")
    assert result.status == 0
    assert "nothing wrong was found" in result.out
    assert result.json["findings"] == []


def test_errors_are_loud_and_fail(tmp_path):
    head = five_layers()
    inner = head.tags < 4
    tetrahedra = head.tetrahedra + np.where(inner, len(head.nodes), 0)[:, None]
    both = HeadMesh(np.concatenate([head.nodes, head.nodes]), tetrahedra, head.tags)
    meshing.write_msh(tmp_path / "a.msh", both)
    result = run("head", "check", tmp_path / "a.msh", "--json")
    assert result.status == 2
    assert result.json["failed"]
    assert "error    parts: the head consists of 2 parts" in result.out
    assert len(result.json["findings"][0]["location_mm"]) == 3
    # Every command stops at it, and writes nothing.
    convert = ("head", "convert", tmp_path / "a.msh", tmp_path / "a.npz")
    result = run(*convert)
    assert result.status == 2
    assert (
        "the check finds an error (parts): the head consists of 2 parts" in result.err
    )
    assert "give --force parts" in result.err
    assert not (tmp_path / "a.npz").exists()
    # Another check's name does not help, that one's does.
    assert run(*convert, "--force", "overlap").status == 2
    result = run(*convert, "--force", "parts,overlap")
    assert result.status == 0
    assert "warning: --force parts: an error of the check is passed" in result.err
    assert "note: --force overlap has no effect" in result.err
    assert (tmp_path / "a.npz").exists()
    assert "no check that stops" in run(*convert, "--force", "leak").err


def rough(seed):
    """Random labels in a block, as no segmentation should be."""
    labels = np.zeros((9, 9, 9), np.uint8)
    chosen = np.random.default_rng(seed).integers(0, 6, (5, 5, 5))
    labels[2:-2, 2:-2, 2:-2] = chosen
    return labels


@pytest.mark.long
def test_no_mesh_is_written_that_the_check_calls_an_error(tmp_path, monkeypatch):
    labels = write_nifti(tmp_path / "a.nii.gz", rough(0), np.diag([10.0, 10, 10, 1]))
    words = ("head", "mesh", labels, "--out", tmp_path / "a.npz", "--islands", 0)
    words += ("--tetrahedra", 1000)
    with monkeypatch.context() as patch:
        patch.setattr(meshing, "mesh_labels", lambda *_: pytest.fail("it is meshed"))
        refused(words, tmp_path, "(rough): 80%", "as in noise", "give --force rough")
    words += ("--force", "rough")
    result = run(*words)
    assert (result.status == 0) == (tmp_path / "a.npz").exists()
    if result.status == 0:
        assert run("head", "check", tmp_path / "a.npz").status == 0
        (tmp_path / "a.npz").unlink()
    wrong = meshing.Finding(meshing.Severity.ERROR, "sliver", "It is flat.", None)
    monkeypatch.setattr(meshing, "check", lambda *_: [wrong])
    result = run(*words)
    assert result.status == 2
    assert "(sliver): It is flat. No head was written." in result.err
    assert not (tmp_path / "a.npz").exists()
    assert run(*words[:-1], "rough,sliver").status == 0
    assert (tmp_path / "a.npz").exists()


def test_inverted_elements_are_reported_with_their_place(tmp_path):
    head = five_layers()
    tetrahedra = head.tetrahedra[:, [0, 1, 3, 2]]
    np.savez(
        tmp_path / "a.npz", points=head.nodes * 1e3, tets=tetrahedra, tags=head.tags
    )
    result = run("head", "check", tmp_path / "a.npz")
    assert result.status == 2
    assert "tetrahedra are inverted or of zero volume; number 0" in result.err
    assert ") m." in result.err


def test_images_of_a_folder_are_checked_with_the_mesh(tmp_path):
    folder = tmp_path / "m2m_x"
    folder.mkdir()
    meshing.write_msh(folder / "x.msh", five_layers())
    matrix = affine()
    write_nifti(
        folder / "T1.nii.gz", five_balls(), matrix, qform=np.diag([4.0, 4, 4, 1])
    )
    result = run("head", "check", folder)
    assert result.status == 0
    assert "qform and sform: T1.nii.gz: qform and sform disagree" in result.out
    assert "1 warning" in result.out


# Conversion.


@pytest.mark.parametrize("name", ["b.npz", "b.vtu", "b.msh.gz"])
def test_heads_are_converted(tmp_path, name):
    meshing.write_msh(tmp_path / "a.msh", five_layers())
    result = run("head", "convert", tmp_path / "a.msh", tmp_path / name, "--json")
    assert result.status == 0, result.err
    head = meshing.read_head(tmp_path / name)
    np.testing.assert_allclose(head.nodes, five_layers().nodes, atol=1e-15)
    np.testing.assert_array_equal(head.tetrahedra, five_layers().tetrahedra)
    np.testing.assert_array_equal(head.tags, five_layers().tags)
    assert result.json["tetrahedra"] == len(head.tags)


def test_conversion_to_other_formats_is_refused(tmp_path):
    meshing.write_msh(tmp_path / "a.msh", five_layers())
    result = run("head", "convert", tmp_path / "a.msh", tmp_path / "a.stl")
    assert result.status == 2
    assert "heads are written to .msh, .msh.gz, .npz, .vtu files" in result.err


@pytest.mark.parametrize("words", [("head",), ("head", "draw"), ("coil", "mesh")])
def test_unknown_actions_are_refused(words):
    result = run(*words)
    assert result.status == 2
    assert f"`tmsgrad {words[0]} --help` lists" in result.err


# Pictures.


def test_slices_show_the_tissues(tmp_path):
    meshing.write_msh(tmp_path / "a.msh", five_layers())
    out = tmp_path / "a.png"
    result = run("head", "show", tmp_path / "a.msh", "--out", out, "--at", "0,0,10")
    assert result.status == 0, result.err
    assert "slices at (0.0, 0.0, 10.0) mm" in result.out
    assert out.read_bytes().startswith(b"\x89PNG")
    low, high = np.full(3, -0.09), np.full(3, 0.09)
    tags = slice_tags(five_layers(), 2, 0.01, low, high)
    first, second = np.meshgrid(
        *[np.linspace(-0.09, 0.09, n) for n in tags.shape], indexing="ij"
    )
    radius = np.sqrt(first**2 + second**2 + 0.01**2)
    expected = np.where(radius < RADII[-1], np.searchsorted(RADII, radius) + 1, 0)
    assert np.mean(tags == expected) > 0.93  # Facets differ from spheres.


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--out", "a.jpg"), "a picture's name ends in .png"),
        (("--out", "none/a.png"), "not found"),
        (("--out", "a.png", "--at", "0,0,500"), "(0, 0, 500) mm lies outside the head"),
    ],
)
def test_pictures_that_cannot_be_are_refused(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    meshing.write_msh("a.msh", five_layers())
    result = run("head", "show", "a.msh", *words)
    assert result.status == 2
    assert message in result.err
