"""Pictures of results: what is read, where slices have what, and what is refused."""

import json

import h5py
import nibabel
import numpy as np
import pytest
from cli_examples import one_line, refused, run
from heads import RADII, five_layers, pose_over, write_coil
from PIL import Image

from tmsgrad import meshing
from tmsgrad.cli.inputs.stored import StoredRequest, read_stored
from tmsgrad.cli.runtime.progress import Progress
from tmsgrad.meshing.drawing.marks import LETTERS
from tmsgrad.meshing.drawing.palette import field_palette
from tmsgrad.meshing.pictures.slices import (
    VIEWS,
    brightness,
    cut,
    section_camera,
    section_image,
)


pytestmark = pytest.mark.usefixtures("program_settings")

PLACE = (0, 0, 200, 200)


def field():
    """|E| that grows to the right, the front and the top. [V/m]"""
    return 70.0 + 400.0 * five_layers().centroids @ np.array([1.0, 1.0, 1.0])


def places(camera):
    """Where the middles of the pixels lie. [m]"""
    height, width = camera.shape
    column = (np.arange(width) + 0.5 - width / 2) * camera.pixel
    row = (height / 2 - np.arange(height) - 0.5) * camera.pixel
    return (
        camera.centre[None, None]
        + column[None, :, None] * camera.right[None, None]
        + row[:, None, None] * camera.up[None, None]
    )


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A folder as `simulate` leaves it, with two poses."""
    folder = tmp_path_factory.mktemp("result")
    head, poses = five_layers(), [pose_over([0, 0, 1.0]), pose_over([0, 1.0, 0.3])]
    meshing.write_msh(folder / "field.msh", head, {"magnE": field()})
    with h5py.File(folder / "field.h5", "w") as file:
        file["magnE"] = np.stack([field(), 2 * field()])
        file["matsimnibs"] = np.stack([pose.to_matsimnibs() for pose in poses])
        file["dIdt"] = [1e6, 2e6]
    stated = {
        "head": {"source": "heads/spheres.msh"},
        "coil": {"source": str(write_coil(folder)), "name": "boxed"},
        "target": {"centre_mm": [10.0, 20.0, 61.0], "radius_mm": 8.0},
    }
    (folder / "summary.json").write_text(json.dumps(stated))
    return folder


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view[3])
def test_each_pixel_of_a_slice_shows_what_is_there(view):
    head, at = five_layers(), np.array([0.011, -0.007, 0.013])
    across, viewer, up, _ = view
    camera = section_camera(head, at, LETTERS[viewer], LETTERS[up], PLACE)
    share = field() / 100.0
    shown = section_image(head, share, camera)
    where = places(camera)
    np.testing.assert_allclose(where[..., across], at[across], atol=1e-12)
    radius = np.linalg.norm(where, axis=-1)
    # Facets lie within the spheres: what is near a layer's border is left out.
    assert (shown[radius > 0.088] == 1.0).all()
    scalp = (radius > 0.0805) & (radius < 0.0825)
    np.testing.assert_allclose(shown[scalp], 0.6, atol=1e-12)
    brain = radius < 0.062
    meant = (70.0 + 400.0 * where.sum(axis=-1)) / 100.0
    rows = np.minimum((np.clip(meant[brain], 0, 1) * 256).astype(int), 255)
    far = np.abs(shown[brain] * 1.0 - (0.85 * field_palette()[rows] + 0.15 * 0.75))
    strong = meant[brain] > 0.3
    # A tetrahedron has the field of its middle: up to 8 mm away.
    assert np.quantile(far[strong].max(axis=-1), 0.95) < 0.12


def test_a_t1_lies_behind_as_it_lies_in_the_head():
    head, at = five_layers(), np.zeros(3)
    values = np.indices((60, 60, 60)).sum(axis=0).astype(float)
    affine = np.diag([-4.0, 4.0, 4.0, 1.0])  # Its first axis points to the left.
    affine[:3, 3] = [118.0, -118.0, -118.0]
    behind = brightness(nibabel.Nifti1Image(values, affine))
    for across, viewer, up, _ in VIEWS:
        camera = section_camera(head, at, LETTERS[viewer], LETTERS[up], PLACE)
        shown = section_image(head, np.zeros(len(head.tags)), camera, behind)
        where = 1e3 * places(camera)
        index = (where - affine[:3, 3]) / np.diag(affine)[:3]
        low, high = np.percentile(values, [1, 99.5])
        meant = np.clip((index.sum(axis=-1) - low) / (high - low), 0, 1)
        np.testing.assert_allclose(shown[..., 0], meant, atol=0.02, err_msg=str(across))


def test_a_bright_t1_is_white_and_no_brighter():
    """The weights of the interpolation are rounded, and Matplotlib would say so."""
    head, at = five_layers(), np.zeros(3)
    affine = np.diag([1.1e-3, 0.9e-3, 1.3e-3, 1.0])
    affine[:3, 3] = -0.13
    behind = np.ones((240, 290, 200)), affine
    for _, viewer, up, _ in VIEWS:
        camera = section_camera(head, at, LETTERS[viewer], LETTERS[up], PLACE)
        shown = section_image(head, np.zeros(len(head.tags)), camera, behind)
        assert 0.999 < shown.max() <= 1


def test_a_surface_is_cut_where_the_plane_is():
    ball = meshing.outer_surface(five_layers().nodes, five_layers().tetrahedra)
    for height in (0.0, 0.05, 0.09):
        at = np.array([0.0, 0.0, height])
        camera = section_camera(five_layers(), at, LETTERS["S"], LETTERS["A"], PLACE)
        ends = cut(ball.vertices, ball.triangles, camera)
        if height > RADII[-1]:
            assert len(ends) == 0
            continue
        np.testing.assert_allclose(ends[..., 2], 0, atol=1e-8)
        middle = camera.project(np.zeros((1, 3)))[0, :2]
        radius = np.linalg.norm(ends[..., :2] - middle, axis=-1) * camera.pixel
        # A circle, but for facets.
        meant = np.sqrt(RADII[-1] ** 2 - height**2)
        np.testing.assert_allclose(radius, meant, atol=3e-3)
        length = np.linalg.norm(np.diff(ends[..., :2], axis=1), axis=-1).sum()
        np.testing.assert_allclose(length * camera.pixel, 2 * np.pi * meant, rtol=0.03)


def test_slices_are_drawn_as_asked(result, tmp_path):
    nibabel.save(
        nibabel.Nifti1Image(np.ones((8, 8, 8)), np.diag([20.0, 20.0, 20.0, 1.0])),
        tmp_path / "T1.nii.gz",
    )
    given = run(
        *("show", result, "--t1", tmp_path / "T1.nii.gz", "--number", 1),
        *("--out", tmp_path / "a.png", "--json"),
    )
    assert given.status == 0, given.err
    # They meet in the target.
    np.testing.assert_allclose(given.json["at_mm"], [10, 20, 61])
    facts = given.json["facts"]
    assert facts["dI/dt"] == "2 A/µs"
    assert facts["coil"] == "boxed"
    head, inside = five_layers(), np.array([0.010, 0.020, 0.061])
    near = np.linalg.norm(head.centroids - inside, axis=1) <= 8e-3
    near &= head.tags == 2
    mean = 2 * np.average(field()[near], weights=head.volumes[near])
    assert facts["mean |E| in it, gray matter"] == f"{mean:.3g} V/m"
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (2000, 1000)


def test_a_mesh_alone_is_enough_for_slices(result, tmp_path):
    vectors = np.zeros((len(five_layers().tags), 3))
    vectors[:, 1] = -field()
    for name, values in (("E", vectors), ("normE", field())):
        meshing.write_msh(tmp_path / "theirs.msh", five_layers(), {name: values})
        words = ["show", tmp_path / "theirs.msh", "--out", tmp_path / "a.png"]
        one_line(refused(words, tmp_path, "where the coil was", "--pose", "--slices"))
        asked = StoredRequest.of(options_of(*words, "--slices"))
        found = read_stored(asked, Progress())
        np.testing.assert_allclose(found.magnitude, field())
        assert found.pose is found.rate is found.coil is found.target is None
    assert run(*words, "--slices").status == 0


def options_of(*words):
    from tmsgrad.cli.arguments.parser import parser

    return parser().parse_args([str(word) for word in words])


def test_surfaces_are_drawn_of_what_the_result_says(result, tmp_path, undrawn):
    words = ["show", result / "field.h5", "--number", "1", "--out", tmp_path / "a.png"]
    assert run(*words).status == 0
    (asked,) = undrawn
    more, points = asked.arguments, asked.arguments["coil_points"]
    head, magnitude, pose = (more[name] for name in ("head", "magnitude", "pose"))
    assert asked.path == tmp_path / "a.png"
    np.testing.assert_allclose(head.nodes, five_layers().nodes, atol=1e-12)
    np.testing.assert_array_equal(magnitude, 2 * field())
    meant = np.array(pose_over([0, 1.0, 0.3]).to_matsimnibs())
    meant[:3, 3] *= 1e-3
    np.testing.assert_allclose(pose, meant, atol=1e-12)
    assert len(points.points) > 8
    np.testing.assert_allclose(more["target_centre"], [0.010, 0.020, 0.061])
    assert more["title"] == "boxed on spheres.msh"
    # What is said goes before what the result says.
    np.savetxt(tmp_path / "pose.txt", pose_over([1.0, 0, 0.5]).to_matsimnibs())
    words = [
        "show",
        result,
        "--pose",
        tmp_path / "pose.txt",
        "--out",
        tmp_path / "a.png",
    ]
    assert run(*words, "--target", "1,2,3", "--radius", "4").status == 0
    more = undrawn[1].arguments
    pose = more["pose"]
    np.testing.assert_allclose(pose[:3, 3], pose_over([1.0, 0, 0.5]).translation)
    np.testing.assert_allclose(more["target_centre"], [1e-3, 2e-3, 3e-3])
    assert more["target_radius"] == 4e-3


@pytest.mark.long
def test_all_poses_become_an_animation(result, tmp_path):
    given = run("show", result, "--out", tmp_path / "a.gif")
    assert given.status == 0, given.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]
    frames = []
    with Image.open(tmp_path / "a.gif") as picture:
        assert getattr(picture, "n_frames", 1) == 2
        assert picture.info["loop"] == 0
        for number in range(2):
            picture.seek(number)
            frames.append(np.asarray(picture.convert("RGB"), dtype=float))
    # The second field is twice the first one, on one scale: darker on the cortex, to the
    # left; the colour bar stays.
    cortex = [frame[50:390, 20:380].mean(axis=-1) for frame in frames]
    bar = [frame[422:430, 55:320] for frame in frames]
    lighter = cortex[0] - cortex[1]
    assert lighter[np.abs(lighter) > 20].mean() > 20
    assert np.abs(bar[0] - bar[1]).max() < 12
    for more, needed in (
        (["--number", "1"], ["--number"]),
        (["--slices"], ["--slices"]),
    ):
        words = ["show", result, "--out", tmp_path / "b.gif", *more]
        one_line(refused(words, tmp_path, "all poses", *needed))


def test_what_cannot_be_shown_is_refused(result, tmp_path):
    out = ["--out", tmp_path / "a.png"]
    for words, needed in (
        (["absent", *out], ["absent", "not found"]),
        ([tmp_path, *out], ["neither field.h5 nor field.msh"]),
        ([result, "--out", tmp_path / "a.jpg"], ["--out", ".png"]),
        ([result, "--out", tmp_path / "no" / "a.png"], ["--out", "not found"]),
        ([result, "--number", "2", *out], ["--number 2", "2 poses"]),
        ([result, "--target", "1,2,3", *out], ["--target needs a --radius"]),
        ([result, "--radius", "3", *out], ["--radius is of a --target"]),
        ([result, "--coil", "no.ccd", *out], ["no.ccd"]),
    ):
        one_line(refused(["show", *words], tmp_path, *needed))
