import numpy as np
import pytest
from heads import RADII, five_layers, scalp_of_five_layers
from msh_examples import cube

from tmsgrad.meshing import HeadMesh, scalp


RADIUS = RADII[-1]


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def dented(depth, width):
    """The spheres with a round pit on top."""
    head = five_layers()
    up = unit(head.nodes + 1e-12)[:, 2]
    pit = depth * np.exp(-((np.arccos(np.clip(up, -1, 1)) * RADIUS / width) ** 2))
    share = np.linalg.norm(head.nodes, axis=1) / RADIUS
    nodes = head.nodes.copy()
    nodes[:, 2] -= pit * share
    return HeadMesh(nodes, head.tetrahedra, head.tags)


def test_the_surface_is_the_outer_sphere():
    surface = scalp_of_five_layers().surface
    np.testing.assert_allclose(np.linalg.norm(surface.vertices, axis=1), RADIUS)
    a, b, c = surface.corners
    volume = np.einsum("tc,tc->", a, np.cross(b, c)) / 6
    assert volume == pytest.approx(five_layers().volumes.sum(), rel=1e-12)


def test_the_grid_is_exact_near_the_scalp_and_within_a_voxel_elsewhere():
    found = scalp_of_five_layers()
    some = np.argwhere(np.ones(found.distance.shape))[::11]
    points, distance = found.origin + found.spacing * some, found.distance[*some.T]
    exact = found.surface.signed_distance(points, exact_within=np.inf)
    near = np.abs(exact) < 10e-3
    assert near.sum() > 1000
    np.testing.assert_allclose(distance[near], exact[near], atol=1e-12)
    assert np.abs(distance - exact).max() < np.sqrt(3) * found.spacing


def test_the_grid_reaches_around_the_head():
    found = scalp_of_five_layers()
    last = found.origin + found.spacing * (np.array(found.distance.shape) - 1)
    assert (found.origin <= -RADIUS - 20e-3).all()
    assert (last >= RADIUS + 20e-3).all()


def test_normals_of_a_sphere_are_radial(rng):
    found = scalp_of_five_layers()
    up = unit(rng.normal(size=(500, 3)))
    for height in (0.0, 4e-3, 10e-3):
        normals = found.normal((RADIUS + height) * up)
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, rtol=1e-12)
        angles = np.degrees(np.arccos(np.clip((normals * up).sum(axis=1), -1, 1)))
        assert angles.max() < 1.3
        assert angles.mean() < 0.4


def test_normals_do_not_follow_a_small_pit():
    # Its sides slope by 15°; a coil does not fall into it.
    pit = scalp(dented(2e-3, 10e-3))
    angle = 5e-3 / RADIUS
    side = (RADIUS - 1e-3) * np.array([[np.sin(angle), 0.0, np.cos(angle)]])
    normal = pit.normal(side)[0]
    assert np.degrees(np.arccos(normal @ unit(side)[0])) < 5


def test_the_nearest_vertex_is_found(rng):
    found = scalp_of_five_layers()
    for point in 0.05 * rng.normal(size=(20, 3)):
        distances = np.linalg.norm(found.surface.vertices - point, axis=1)
        np.testing.assert_array_equal(
            found.nearest(point), found.surface.vertices[np.argmin(distances)]
        )


def test_the_distance_along_the_axis_is_to_the_triangles():
    found = scalp_of_five_layers()
    triangle = 17
    middle = found.surface.corners[:, triangle].mean(axis=0)
    inward = -unit(middle)
    for height in (4e-3, 30e-3, 0.0, -5e-3):
        along = found.distance_along(middle - height * inward, inward)
        assert along == pytest.approx(height, abs=1e-12)


def test_an_axis_that_misses_the_head_has_no_distance():
    found = scalp_of_five_layers()
    assert found.distance_along([0, 0, 0.1], [0, 1.0, 0]) == np.inf
    assert found.distance_along([0, 0, 0.1], [0, 0, 1.0]) == np.inf


def flat(half, height, count=15):
    """A square sheet above the vertex."""
    x, y = np.meshgrid(*2 * [np.linspace(-half, half, count)])
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, height)], axis=1)


@pytest.mark.parametrize("height", [0.05, RADIUS, 0.09, 0.12, 0.3])
@pytest.mark.parametrize("half", [0.02, 0.08, 0.3])
def test_the_clearance_is_the_smallest_signed_distance(height, half):
    found = scalp_of_five_layers()
    points = flat(half, height) + np.array([0.013, -0.004, 0.0])
    exact = found.surface.signed_distance(points, exact_within=np.inf).min()
    assert found.clearance(points) == pytest.approx(exact, abs=1e-12)


def test_the_clearance_is_of_the_nearest_point_though_others_are_outside_the_grid():
    # On the border of the grid beneath the far point the head is nearer than it is to
    # the near point.
    found = scalp_of_five_layers()
    far, near = np.array([0.0, 0.0, 0.4]), np.array([0.1, 0.1, 0.1])
    exact = np.linalg.norm(near) - RADIUS
    assert found.clearance(np.stack([far, near])) == pytest.approx(exact, abs=1e-3)


def test_a_cavity_is_no_scalp():
    whole = cube(8)
    middle = np.abs(whole.centroids - whole.nodes.mean(axis=0)).max(axis=1) < 8e-3
    assert middle.sum() > 5
    head = HeadMesh(whole.nodes, whole.tetrahedra[~middle], whole.tags[~middle])
    found = scalp(head)
    assert found.clearance([whole.nodes.mean(axis=0)]) < -0.03


@pytest.mark.parametrize("depth", [0.0, 4e-3, 12e-3])
def test_the_share_of_a_ball_outside_is_that_of_a_lens(depth):
    radius, away = 8e-3, RADIUS - depth
    # Two spheres that cut: two caps [Weisstein, "Sphere-sphere intersection"].
    overlap = (
        np.pi
        * (RADIUS + radius - away) ** 2
        * (away**2 + 2 * away * (radius + RADIUS) - 3 * (radius - RADIUS) ** 2)
        / (12 * away)
    )
    volume = 4 / 3 * np.pi * radius**3
    expected = 0.0 if depth >= radius else 1 - overlap / volume
    # A vertex, where the triangles touch the sphere: beside it they lie beneath.
    up = unit(scalp_of_five_layers().surface.vertices[0])
    found = scalp_of_five_layers().share_outside(away * up, radius)
    assert expected - 0.01 <= found <= expected + 0.06
