import numpy as np
import pytest
from scipy.spatial import ConvexHull, Delaunay

from tmsgrad.meshing.drawing.raster import Camera, look, rasterize
from tmsgrad.meshing.drawing.render import (
    Surface,
    ambient_light,
    coverage,
    render,
)


RED, BLUE = np.array([[0.8, 0.1, 0.1]]), np.array([[0.1, 0.1, 0.8]])
X, Y, Z = np.eye(3)


def from_above(pixel=0.001, shape=(100, 120)):
    return look(Z, Y, np.zeros(3), pixel, shape)


def square(half, height, centre=(0.0, 0.0)):
    x, y = centre
    corners = [[x - half, y - half], [x + half, y - half], [x + half, y + half]]
    corners.append([x - half, y + half])
    vertices = np.column_stack([corners, np.full(4, height)])
    return vertices, np.array([[0, 1, 2], [0, 2, 3]])


def sphere(radius, count=20_000):
    """Points in even spread (Fibonacci's spiral), and their hull."""
    height = 1 - (2 * np.arange(count) + 1) / count
    angle = np.pi * (1 + 5**0.5) * np.arange(count)
    wide = np.sqrt(1 - height**2)
    points = radius * np.stack(
        [wide * np.cos(angle), wide * np.sin(angle), height], axis=1
    )
    triangles = ConvexHull(points).simplices.astype(np.int64)
    a, b, c = (points[triangles[:, i]] for i in range(3))
    inwards = np.einsum("ti,ti->t", np.cross(b - a, c - a), a + b + c) < 0
    triangles[inwards] = triangles[inwards][:, ::-1]
    return points, triangles


@pytest.mark.parametrize(
    ("viewer", "up", "right"),
    [
        (Z, Y, X),  # From above, the front up: the head's right is on the right.
        (-Y, Z, X),  # From the back.
        (Y, Z, -X),  # From the front: mirrored by nature.
        (-X, Z, -Y),  # From the left: the front is on the left.
        (X, Z, Y),  # From the right.
    ],
)
def test_standard_views_are_not_mirrored(viewer, up, right):
    camera = look(5 * viewer, up + 0.3 * viewer, np.zeros(3), 0.001, (100, 120))
    np.testing.assert_allclose(camera.axes, [right, up, viewer], atol=1e-15)
    here = camera.project(0.01 * np.stack([right, up, viewer]))
    np.testing.assert_allclose(here, [[70, 50, 0], [60, 40, 0], [60, 50, -0.01]])


def test_any_view_is_a_rotation(rng):
    for _ in range(20):
        viewer, up = rng.normal(size=(2, 3))
        axes = look(viewer, up, np.zeros(3), 1.0, (2, 2)).axes
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-14)
        np.testing.assert_allclose(np.linalg.det(axes), 1.0)
        assert axes[1] @ up > 0


def test_viewer_along_up_is_refused():
    with pytest.raises(ValueError, match="parallel"):
        look(Z, -2 * Z, np.zeros(3), 1.0, (2, 2))


def test_a_picture_shows_what_is_right_on_the_right_and_what_is_up_above():
    right = Surface(*square(0.005, 0.0, (0.03, 0.0)), RED)
    above = Surface(*square(0.005, 0.0, (0.0, 0.03)), BLUE)
    image = render(from_above(), [right, above])
    seen = image[..., 3] > 0.5
    for channel, expected in ((0, (50, 90)), (2, (20, 60))):
        mine = seen & (image[..., channel] > 0.5)
        middle = np.mean(np.nonzero(mine), axis=1) + 0.5
        np.testing.assert_allclose(middle, expected, atol=0.1)
        assert mine.sum() == 100


def test_coverage_of_triangles_is_their_area(rng):
    for _ in range(50):
        corners = np.column_stack([rng.uniform(20, 480, (3, 2)), np.zeros(3)])
        edges = corners - np.roll(corners, 1, axis=0)
        area = abs(np.cross(edges[1], edges[0])[2]) / 2
        hits = rasterize(corners, np.array([[0, 1, 2]]), (500, 500))
        # Each edge errs by less than a pixel per pixel of its length, at random.
        assert abs(len(hits.pixel) - area) < 0.1 * np.linalg.norm(edges, axis=1).sum()


def test_pixels_are_inside_and_all_that_are_inside_are_found(rng):
    corners = np.column_stack([rng.uniform(-20, 80, (3, 2)), np.zeros(3)])
    hits = rasterize(corners, np.array([[0, 1, 2]]), (50, 60))
    middles = np.stack(np.meshgrid(np.arange(60) + 0.5, np.arange(50) + 0.5), axis=-1)
    inside = Delaunay(corners[:, :2]).find_simplex(middles.reshape(-1, 2)) >= 0
    np.testing.assert_array_equal(hits.pixel, np.flatnonzero(inside))


def test_neighbours_share_no_pixel_and_leave_none_out(rng):
    border = np.array([[-1, -1], [-1, 41], [51, -1], [51, 41]])
    # Halves and wholes put corners and edges right onto middles of pixels.
    inner = rng.integers(0, 80, (60, 2)) / 2
    corners = np.concatenate([border, inner, rng.uniform(0, 40, (60, 2))]).astype(float)
    triangles = Delaunay(corners).simplices.astype(np.int64)
    corners = np.column_stack([corners, np.zeros(len(corners))])
    each = [rasterize(corners, one[None], (40, 50)).pixel for one in triangles]
    np.testing.assert_array_equal(np.sort(np.concatenate(each)), np.arange(40 * 50))


def test_nearest_triangle_is_seen_where_two_cross():
    """Two planes, depth = x and depth = 50 - x, cut each other at x = 25."""
    rising = [[0, 0, 0], [50, 0, 50], [50, 40, 50], [0, 40, 0]]
    corners = np.array(rising + [[x, y, 50 - z] for x, y, z in rising], float)
    triangles = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    hits = rasterize(corners, triangles, (40, 50))
    column = hits.pixel % 50
    assert len(hits.pixel) == 2000
    np.testing.assert_array_equal(hits.triangle < 2, column < 25)
    np.testing.assert_allclose(hits.depth, np.minimum(column, 49 - column) + 0.5)


def test_values_are_interpolated_linearly(rng):
    corners = np.array([[-30, -20, 1.0], [90, 10, 2.0], [20, 80, 5.0]])
    hits = rasterize(corners, np.array([[0, 1, 2]]), (40, 50))
    slope, offset = rng.normal(size=2), 0.7
    values = corners[:, :2] @ slope + offset
    middles = np.column_stack([hits.pixel % 50 + 0.5, hits.pixel // 50 + 0.5])
    assert len(middles) > 500
    triangles = np.array([[0, 1, 2]])
    np.testing.assert_allclose(
        hits.interpolate(values, triangles), middles @ slope + offset, rtol=1e-12
    )


def test_degenerate_and_absent_triangles_cover_nothing():
    line = np.array([[0.0, 0, 0], [10, 10, 0], [20, 20, 0]])
    for triangles in (np.array([[0, 1, 2], [1, 1, 2]]), np.zeros((0, 3), int)):
        assert len(rasterize(line, triangles, (30, 30)).pixel) == 0


def test_sphere_has_the_outline_and_the_normals_of_a_sphere():
    points, triangles = sphere(0.04)
    surface = Surface(points, triangles, RED)
    np.testing.assert_allclose(surface.normals, points / 0.04, atol=0.02)
    camera = look([1.0, 2.0, 0.5] * X + Z, Y, np.zeros(3), 0.0005, (200, 220))
    area = coverage(camera, surface).sum() * 0.0005**2
    np.testing.assert_allclose(area, np.pi * 0.04**2, rtol=2e-3)
    hits = rasterize(camera.project(points), triangles, camera.shape)
    x = (hits.pixel % 220 + 0.5 - 110) * 0.0005
    y = (100 - hits.pixel // 220 - 0.5) * 0.0005
    inner = np.hypot(x, y) < 0.038
    height = np.sqrt(np.maximum(0.04**2 - x**2 - y**2, 0))
    np.testing.assert_allclose(hits.depth[inner], -height[inner], atol=2e-5)


def test_surface_that_faces_the_viewer_keeps_its_colour():
    """A colour bar is of use only if the picture shows the bar's colours."""
    palette = np.array([[0.9, 0.9, 0.8], [0.9, 0.4, 0.1], [0.3, 0.05, 0.3]])
    for value, expected in zip((0.0, 0.5, 1.0), palette, strict=True):
        surface = Surface(*square(0.02, 0.0), palette, np.full(4, value))
        middle = render(from_above(), [surface])[50, 60]
        np.testing.assert_allclose(middle, [*expected, 1.0], atol=0.03)


def test_back_is_not_seen():
    vertices, triangles = square(0.02, 0.0)
    image = render(from_above(), [Surface(vertices, triangles[:, ::-1], RED)])
    assert image[..., 3].max() == 0


def test_translucent_surface_mixes_with_what_lies_behind_it_only():
    far, near = Surface(*square(0.02, 0.0), RED), square(0.01, 0.005)
    alone = render(from_above(), [far])[50, 60, :3]
    glass = Surface(*near, BLUE, opacity=0.3)
    pane = render(from_above(), [glass])[50, 60]
    np.testing.assert_allclose(pane[3], 0.3, rtol=1e-6)
    both = render(from_above(), [glass, far])[50, 60]
    np.testing.assert_allclose(both[:3], 0.3 * pane[:3] + 0.7 * alone, atol=1e-6)
    np.testing.assert_allclose(both[3], 1.0)
    behind = Surface(near[0] - [0, 0, 0.01], near[1], BLUE, opacity=0.3)
    hidden = render(from_above(), [behind, far])[50, 60, :3]
    np.testing.assert_allclose(hidden, alone, atol=1e-6)


def test_edges_are_smooth_and_do_not_darken():
    """A pixel that is half covered has half the opacity and the whole colour."""
    surface = Surface(*square(0.0105, 0.0), RED)
    image = render(from_above(), [surface])
    assert image[50, 49, 3] == 0.5
    np.testing.assert_allclose(image[50, 49, :3], image[50, 60, :3], atol=0.01)


def test_empty_scene_is_transparent():
    image = render(from_above(), [])
    assert image.shape == (100, 120, 4)
    assert not image.any()


def test_plane_sees_the_whole_sky_however_it_lies():
    row, column = np.indices((60, 80)) * 0.001
    normal = np.array([0.3, -0.4, 1.0]) / np.sqrt(1.25)
    # A point further right by d lies nearer by -d n_x / n_z.
    depth = 0.3 * column + 0.4 * row
    light = ambient_light(depth, np.broadcast_to(normal, (60, 80, 3)), 0.001)
    np.testing.assert_allclose(light[15:45, 15:65], 1.0, atol=1e-4)


def test_groove_is_darker_than_the_plain_and_deeper_is_darker():
    facing = np.broadcast_to(Z, (60, 80, 3))
    lights = []
    for deep in (0.002, 0.01):
        depth = np.zeros((60, 80))
        depth[:, 37:43] = deep
        light = ambient_light(depth, facing, 0.001)
        np.testing.assert_allclose(light[30, 10], 1.0, atol=1e-6)
        lights.append(light[30, 40])
    assert lights[1] < lights[0] - 0.1 < 0.8


def test_nothing_is_in_no_shade():
    light = ambient_light(np.full((5, 5), np.inf), np.zeros((5, 5, 3)), 0.001)
    np.testing.assert_array_equal(light, 1.0)


def test_camera_of_a_picture_counts_from_its_upper_left_corner():
    camera = Camera(X, Y, np.zeros(3), 0.5, (10, 20))
    np.testing.assert_allclose(
        camera.project(np.array([[-5.0, 2.5, 1.0]])), [[0, 0, -1]]
    )
