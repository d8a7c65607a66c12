from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

from tmsgrad.meshing import HeadMesh
from tmsgrad.meshing.drawing import marks
from tmsgrad.meshing.drawing.marks import LETTERS, draw_facts, write_letters
from tmsgrad.meshing.drawing.palette import field_palette
from tmsgrad.meshing.drawing.paper import (
    HEIGHT,
    INK,
    WIDTH,
    panel as panel_of,
    paper,
    save,
)
from tmsgrad.meshing.drawing.raster import look
from tmsgrad.meshing.drawing.render import coverage
from tmsgrad.meshing.pictures import overview as picture, scene
from tmsgrad.meshing.pictures.overview import write_overview


@pytest.fixture(scope="module")
def head():
    """A ball of white and gray matter in a ball of scalp, as a lattice."""
    count, half = 26, 0.09
    axis = np.linspace(-half, half, count + 1)
    nodes = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    number = np.arange((count + 1) ** 3).reshape(nodes.shape[:3])
    part = [slice(None, -1), slice(1, None)]
    cell = np.stack(
        [number[part[i >> 2], part[i >> 1 & 1], part[i & 1]].ravel() for i in range(8)],
        axis=1,
    )
    kuhn = [[0, 4, 6, 7], [0, 5, 4, 7], [0, 6, 2, 7], [0, 2, 3, 7], [0, 1, 5, 7]]
    tetrahedra = cell[:, np.array([*kuhn, [0, 3, 1, 7]])].reshape(-1, 4)
    nodes = nodes.reshape(-1, 3)
    radius = np.linalg.norm(nodes[tetrahedra].mean(axis=1), axis=1)
    tags = np.select([radius < 0.045, radius < 0.065], [1, 2], 5)
    kept = radius < 0.085
    return HeadMesh(nodes, tetrahedra[kept], tags[kept])


EVERYTHING = {
    "target_centre": np.array([0.0, 0.0, 0.06]),
    "target_radius": 0.005,
    "title": "$x_1$ of 5 %",
    "subtitle": "A coil",
    "facts": [("Field", "1 V/m")],
}


def pose_above(height=0.09):
    """At the vertex, the handle to the back."""
    pose = np.eye(4)
    pose[:3, :3] = np.diag([-1.0, 1.0, -1.0])
    pose[2, 3] = height
    return pose


def winding():
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    flat = np.concatenate([r * circle for r in (0.02, 0.027, 0.034)])
    both = np.concatenate([flat + np.array([0.036, 0]), flat - np.array([0.036, 0])])
    return np.column_stack([both, np.full(len(both), -0.008)])


def spot(head, place, peak=1.2):
    """A field that is largest at a place."""
    away = np.linalg.norm(head.centroids - np.array(place), axis=1)
    return peak * np.exp(-((away / 0.025) ** 2))


def draw(path, head, magnitude, **options):
    write_overview(path, head, magnitude, pose_above(), winding(), **options)
    with Image.open(path) as image:
        image.verify()
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")) / 255.0


def panel(pixels, place):
    left, top, width, height = place
    return pixels[top : top + height, left : left + width]


def is_strong(pixels):
    """Where a picture has the dark purple of the strongest field."""
    red, green, blue = np.moveaxis(pixels, -1, 0)
    return (green < 0.15) & (red > 0.25) & (red > blue)


@pytest.fixture(scope="module")
def plain(tmp_path_factory, head):
    """The folder with a picture, and its pixels."""
    folder = tmp_path_factory.mktemp("plain")
    pixels = draw(folder / "overview.png", head, spot(head, [0, 0, 0.06]), **EVERYTHING)
    return folder, pixels


def test_file_is_a_png_of_the_stated_size_and_nothing_else_stays(plain):
    folder, pixels = plain
    assert (folder / "overview.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert [file.name for file in folder.iterdir()] == ["overview.png"]


@pytest.fixture(scope="module")
def shown(head):
    """What `plain` shows."""
    return scene.Scene.build(head, spot(head, [0, 0, 0.06]), pose_above(), winding())


def test_the_coil_is_outlined_where_it_is(plain, shown):
    pixels = panel(plain[1], picture._BESIDE_COIL)
    camera = picture.camera_of_coil(shown)
    corners = camera.project(shown.coil.vertices)[:, :2]
    column, row = camera.project(shown.pose[None, :3, 3])[0, :2].round().astype(int)
    dark = (np.abs(pixels - np.array(to_rgb(INK))) < 0.15).all(axis=-1)
    across, down = np.flatnonzero(dark[row]), np.flatnonzero(dark.any(axis=1))
    # The casing is widest at its centre; its handle leaves the panel.
    (left, top), (right, _) = corners.min(axis=0), corners.max(axis=0)
    ends = [across[0], across[-1], down[0]]
    np.testing.assert_allclose(ends, [left, right, top], atol=2.5)
    assert dark[row - 6 : row + 7, column].all()  # The cross.


def test_the_coil_stands_on_the_scalp_where_it_is(plain, shown):
    pixels = panel(plain[1], picture._ON_SCALP)
    covered = coverage(picture.camera_of_scalp(shown), shown.coil)
    cold = pixels[..., 2] > pixels[..., 0] + 0.01  # The casing; skin is warm.
    inside = binary_erosion(covered, iterations=3)
    above = np.arange(len(cold)) < len(cold) - 2 * marks.CORNER
    assert cold[inside].mean() > 0.98
    around = np.asarray(binary_dilation(covered, iterations=4), dtype=bool)
    assert not (cold & ~around)[above].any()


@pytest.mark.long
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 1.0])
def test_cortex_that_faces_the_viewer_has_the_colour_of_its_field(
    tmp_path, head, share
):
    # The far half has the highest field, which ends the scale.
    magnitude = np.where(head.centroids[:, 2] > 0, 2.0 * share, 2.0)
    pixels = panel(draw(tmp_path / "a.png", head, magnitude), picture._BESIDE_COIL)
    camera = picture.camera_of_coil(
        scene.Scene.build(head, magnitude, pose_above(), winding())
    )
    column, row = camera.project(np.zeros((1, 3)))[0, :2].round().astype(int)
    beside = pixels[row + 14 : row + 34, column + 14 : column + 34]
    wanted = field_palette()[round(255 * share)]
    np.testing.assert_allclose(np.median(beside, axis=(0, 1)), wanted, atol=0.03)


@pytest.mark.long
@pytest.mark.parametrize(("axis", "sign"), [(0, -1), (0, 1), (1, 1)])
def test_field_on_one_side_is_drawn_on_that_side(tmp_path, head, axis, sign):
    """Seen from above and from a coil at the vertex: right is right, front is up."""
    place = np.array([0.0, 0.0, 0.04])
    place[axis] = sign * 0.05
    pixels = draw(tmp_path / "a.png", head, spot(head, place))
    for where in (picture._BESIDE_COIL, picture._STANDARD[0]):
        shown = panel(pixels, where)
        row, column = np.mean(np.nonzero(is_strong(shown)), axis=1) + 0.5
        across = (column / shown.shape[1] - 0.5) * shown.shape[1] / shown.shape[0]
        upwards = 0.5 - row / shown.shape[0]
        along, aside = (across, upwards) if axis == 0 else (upwards, across)
        assert 0.1 < sign * along < 0.5
        assert abs(aside) < 0.03


@pytest.mark.parametrize(
    ("viewer", "letters"),
    [("S", "LRAP"), ("L", "APSI"), ("R", "PASI"), ("A", "RLSI"), ("P", "LRSI")],
)
def test_letters_stand_on_their_sides(viewer, letters):
    """In the order left, right, top, bottom."""
    figure = paper()
    towards = LETTERS
    camera = look(
        towards[viewer],
        towards["A" if viewer == "S" else "S"],
        np.zeros(3),
        1.0,
        (9, 9),
    )
    write_letters(figure, camera, (100, 100, 300, 200))
    places = {text.get_text(): text.get_position() for text in figure.texts}
    by_column = sorted(places, key=lambda letter: places[letter][0])
    by_row = sorted(places, key=lambda letter: -places[letter][1])
    assert [by_column[0], by_column[-1], by_row[0], by_row[-1]] == list(letters)


def test_coil_is_seen_from_outside_in_any_pose(rng):
    for _ in range(200):
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        turn[:, 2] *= np.linalg.det(turn)
        if turn[2, 2] > 0.5:
            continue  # From below: no coil is put there.
        pose = np.eye(4)
        pose[:3, :3] = turn
        viewer = picture._oblique(pose)
        assert -(viewer @ turn[:, 2]) > 0.1
        assert -0.25 < viewer[2] < 0.9


def test_coil_that_is_out_of_sight_or_all_over_is_no_trouble(head):
    shown = scene.Scene.build(head, np.ones(len(head.tags)), pose_above(), winding())
    for centre, pixel in (
        (np.array([1.0, 0.0, 0.0]), 0.001),
        (np.array([0.036, 0.0, 0.0]), 1e-6),
    ):
        camera = look(np.eye(3)[2], np.eye(3)[1], centre, pixel, (9, 9))
        axes = panel_of(paper(), (0, 0, 9, 9), np.zeros((9, 9, 4)))
        picture._draw_coil_outline(axes, camera, shown)


def test_colour_at_a_node_is_the_mean_of_the_gray_matter_around_it(head):
    magnitude = np.where(head.tags == 2, 3.0, np.where(head.tags == 1, 1.0, 50.0))
    mean = scene.means_at_nodes(head, magnitude)
    gray = np.unique(head.tetrahedra[head.tags == 2])
    white = np.setdiff1d(head.tetrahedra[head.tags == 1], gray)
    np.testing.assert_allclose(mean[gray], 3.0)
    np.testing.assert_allclose(mean[white], 1.0)
    x = head.centroids[:, 0] + 1.0
    inner = gray[np.argmin(np.linalg.norm(head.nodes[gray] - [0.055, 0, 0], axis=1))]
    around = (head.tetrahedra == inner).any(axis=1) & (head.tags == 2)
    np.testing.assert_allclose(
        scene.means_at_nodes(head, x)[inner], x[around].mean(), rtol=1e-12
    )


def oklab(rgb):
    """sRGB to OKLab [Ottosson 2020], the other way round than the library."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return np.cbrt(linear @ to_lms.T) @ to_lab.T


def test_palette_has_equal_steps_and_falling_lightness():
    lab = oklab(field_palette())
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps.mean(), rtol=0.02)
    assert (np.diff(lab[:, 0]) < 0).all()
    assert lab[0, 0] - lab[-1, 0] > 0.5


# Rows of the matrices of Machado, Oliveira and Fernandes 2009, for linear RGB.
PROTANOPIA = """0.152286 1.052583 -0.204868
    0.114503 0.786281 0.099216  -0.003882 -0.048116 1.051998"""
DEUTERANOPIA = """0.367322 0.860646 -0.227968
    0.280085 0.672501 0.047413  -0.011820 0.042940 0.968881"""
TRITANOPIA = """1.255528 -0.076749 -0.178779
    -0.078411 0.930809 0.147602  0.004733 0.691367 0.303900"""


@pytest.mark.parametrize("seen", [PROTANOPIA, DEUTERANOPIA, TRITANOPIA])
def test_palette_reads_the_same_to_the_colour_blind(seen):
    matrix = np.array(seen.split(), float).reshape(3, 3)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, atol=2e-6)  # White stays white.
    rgb = field_palette()
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ matrix.T, 0, 1)
    shown = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    lightness = oklab(shown)[:, 0]
    assert (np.diff(lightness[::8]) < 0).all()
    assert lightness[0] - lightness[-1] > 0.45


def test_a_users_matplotlib_settings_change_nothing(tmp_path, head, plain):
    field = spot(head, [0, 0, 0.06])
    strange: dict[Any, Any] = {
        "font.family": "serif",
        "font.size": 30,
        "text.color": "red",
        "text.usetex": True,
        "savefig.dpi": 30,
        "savefig.facecolor": "black",
        "figure.facecolor": "black",
        "image.interpolation": "bicubic",
        "image.origin": "lower",
        "lines.linestyle": "--",
        "lines.marker": "o",
        "axes.xmargin": 0.4,
    }
    before = dict(mpl.rcParams)
    with mpl.rc_context(strange):
        styled = draw(tmp_path / "b.png", head, field, **EVERYTHING)
    np.testing.assert_array_equal(styled, plain[1])
    assert dict(mpl.rcParams) == before


def test_long_words_stay_in_their_room():
    figure = paper()
    words = "an uncommonly long name of a coil on a head with an even longer name"
    draw_facts(figure, [("Coil", words), ("Head", "short")])
    boxes = [text.get_window_extent() for text in figure.texts]
    assert max(box.x1 for box in boxes[:2]) < min(box.x0 for box in boxes[2:])
    assert figure.texts[3].get_fontsize() == pytest.approx(14 * 0.72)


def test_no_field_at_all_can_be_drawn_too(head):
    nothing = np.zeros(len(head.tags))
    shown = scene.Scene.build(head, nothing, pose_above(), winding())
    assert shown.highest == 1.0
    np.testing.assert_array_equal(shown.cortex.values, 0.0)


def test_scale_ends_at_a_percentile_of_gray_matter(head):
    magnitude = np.where(head.tags == 2, head.centroids[:, 2] + 1.0, 50.0)
    shown = scene.Scene.build(head, magnitude, pose_above(), winding())
    gray = np.sort(magnitude[head.tags == 2])
    np.testing.assert_allclose(shown.highest, np.quantile(gray, 0.999), rtol=1e-3)
    assert shown.cortex.values is not None
    assert 0.9 < shown.cortex.values.max() <= 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"magnitude": np.ones(5)}, "one value for each of"),
        ({"magnitude": np.nan}, "finite and not negative, got nan in tetrahedron 7"),
        ({"magnitude": -1.0}, "finite and not negative, got -1.0 in tetrahedron 7"),
        ({"pose": np.eye(3)}, "4 x 4"),
        ({"pose": np.full((4, 4), np.inf)}, "finite 4 x 4"),
        ({"pose": np.diag([-1.0, 1, 1, 1])}, "reflection"),
        ({"pose": np.diag([1000.0, 1000, 1000, 1])}, "scale"),
        ({"coil_points": np.zeros((0, 3))}, r"\(points, 3\)"),
        ({"coil_points": 80 * np.ones((4, 3))}, "metres"),
        ({"target_radius": 0.005}, "come together"),
        ({"target_centre": np.zeros(2), "target_radius": 0.005}, "three finite"),
        ({"target_centre": np.zeros(3), "target_radius": 5.0}, "between 0 and 1 m"),
        ({"facts": [("a", "b")] * 9}, "room for 8"),
    ],
)
def test_bad_arguments_are_refused_and_nothing_is_written(
    tmp_path, head, change, message
):
    arguments = {"pose": pose_above(), "coil_points": winding()}
    arguments["magnitude"] = np.ones(len(head.tags))
    if np.ndim(change.get("magnitude")) == 0 and "magnitude" in change:
        arguments["magnitude"][7] = change["magnitude"]
    else:
        arguments |= change
    with pytest.raises(ValueError, match=message):
        write_overview(tmp_path / "a.png", head, **arguments)
    assert not list(tmp_path.iterdir())


def test_head_without_gray_matter_is_refused(tmp_path, head):
    bare = HeadMesh(head.nodes, head.tetrahedra, np.full(len(head.tags), 5))
    with pytest.raises(ValueError, match="no gray matter"):
        draw(tmp_path / "a.png", bare, np.ones(len(head.tags)))


def test_folder_that_cannot_be_written_is_named(tmp_path, head):
    with pytest.raises(FileNotFoundError, match="not found"):
        draw(tmp_path / "absent" / "a.png", head, np.ones(len(head.tags)))
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OSError, match=r"a\.png"):
        save(paper(), tmp_path / "a.png", "")
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
