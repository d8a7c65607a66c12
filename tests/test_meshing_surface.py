import numpy as np
import pytest
from msh_examples import cube
from scipy.spatial import ConvexHull

from tmsgrad.meshing import HeadMesh, Surface, outer_surface
from tmsgrad.meshing.surface import closest_on_triangles


def box(half=(1.0, 1.0, 1.0)):
    """A box around the origin, as twelve triangles."""
    half = np.asarray(half)
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    return oriented(corners * half, ConvexHull(corners).simplices)


def oriented(vertices, triangles):
    """Turn the triangles of a star-shaped surface outward."""
    a, b, c = vertices[triangles.T]
    inward = np.einsum("tc,tc->t", np.cross(b - a, c - a), a + b + c) < 0
    return Surface(vertices, np.where(inward[:, None], triangles[:, ::-1], triangles))


def bumpy(rng, count=300):
    """A star-shaped surface with ridges and pits."""
    points = rng.normal(size=(count, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    triangles = ConvexHull(points).simplices
    return oriented(points * rng.uniform(0.7, 1.3, (count, 1)), triangles)


def to_box(points, half):
    """The signed distance to a box, by formula."""
    over = np.abs(points) - np.asarray(half)
    outside = np.linalg.norm(np.maximum(over, 0), axis=1)
    return np.where(outside > 0, outside, over.max(axis=1))


def winding_number(surface, points):
    """Solid angle / 4π: 1 inside and 0 outside (van Oosterom & Strackee 1983)."""
    a, b, c = (corner[None] - points[:, None] for corner in surface.corners)
    na, nb, nc = (np.linalg.norm(x, axis=2) for x in (a, b, c))
    dot = lambda x, y: np.einsum("ptc,ptc->pt", x, y)
    volume = dot(a, np.cross(b, c))
    angle = na * nb * nc + dot(a, b) * nc + dot(a, c) * nb + dot(b, c) * na
    return np.arctan2(volume, angle).sum(axis=1) / (2 * np.pi)


def closest_one(point, a, b, c):
    """The closest point of one triangle, edge by edge."""
    normal = np.cross(b - a, c - a)
    foot = point - normal * (normal @ (point - a)) / (normal @ normal)
    sides = [np.cross(q - p, foot - p) @ normal for p, q in ((a, b), (b, c), (c, a))]
    if min(sides) >= 0:
        return foot
    feet = []
    for p, q in ((a, b), (b, c), (c, a)):
        t = np.clip((point - p) @ (q - p) / ((q - p) @ (q - p)), 0, 1)
        feet.append(p + t * (q - p))
    return min(feet, key=lambda x: np.linalg.norm(x - point))


def brute_distance(surface, points):
    """To every triangle, by `closest_one`; the sign by the winding number."""
    corners = np.moveaxis(surface.corners, 0, 1)
    distances = [
        min(np.linalg.norm(closest_one(p, *t) - p) for t in corners) for p in points
    ]
    return np.where(winding_number(surface, points) > 0.5, -1, 1) * distances


# The closest point of a triangle.


def test_closest_points_agree_with_the_search_edge_by_edge(rng):
    corners = rng.normal(size=(3, 400, 3))
    corners[2, :50] = corners[1, :50] + 1e-5 * rng.normal(size=(50, 3))  # Slivers.
    points = 2 * rng.normal(size=(400, 3))
    found = closest_on_triangles(points, *corners)
    expected = [
        closest_one(p, a, b, c) for p, a, b, c in zip(points, *corners, strict=True)
    ]
    np.testing.assert_allclose(
        np.linalg.norm(found - points, axis=1),
        np.linalg.norm(np.array(expected) - points, axis=1),
        rtol=1e-9,
    )
    np.testing.assert_allclose(found[50:], expected[50:], atol=1e-10)


def test_points_of_a_triangle_are_their_own_closest(rng):
    a, b, c = rng.normal(size=(3, 3))
    shares = rng.dirichlet(np.ones(3), 50)
    shares[:3] = np.eye(3)
    shares[3:6] = (1 - np.eye(3)) / 2  # The middles of the edges.
    points = shares @ np.stack([a, b, c])
    found = closest_on_triangles(points, a, b, c)
    np.testing.assert_allclose(found, points, atol=1e-14)


# The signed distance.


def test_the_distance_to_a_box_is_that_of_the_formula(rng):
    half = np.array([1.0, 0.5, 2.0])
    points = 3 * rng.uniform(-1, 1, (3000, 3))
    found = box(half).signed_distance(points, exact_within=np.inf)
    np.testing.assert_allclose(found, to_box(points, half), atol=1e-13)


def test_the_side_is_right_where_edges_and_corners_are_nearest(rng):
    # All triangles at a corner are equally near there, some of them edge-on.
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    edges = corners * np.array([1, 1, 0])
    for points in (corners, edges, corners * [1, 0, 0]):
        for scale in (1 - 1e-9, 1 - 1e-6, 0.9, 1 + 1e-9, 1 + 1e-6, 1.1, 3.0):
            found = box().signed_distance(scale * points)
            expected = to_box(scale * points, np.ones(3))
            np.testing.assert_allclose(found, expected, atol=1e-14)
            assert (np.sign(found) == np.sign(scale - 1)).all()


def test_points_on_the_surface_have_no_distance(rng):
    surface = bumpy(rng)
    on = np.einsum("kt,ktc->tc", rng.dirichlet(np.ones(3), 596).T, surface.corners)
    found = surface.signed_distance(np.concatenate([on, surface.vertices]))
    np.testing.assert_allclose(found, 0, atol=1e-14)


def test_the_distance_to_a_bumpy_surface_agrees_with_brute_force(rng):
    surface = bumpy(rng, 100)
    points = rng.uniform(-1.2, 1.2, (50, 3))
    # Beneath ridges and above pits the nearest point is on an edge or a corner.
    beside = surface.vertices[:20] * (1 + 0.02 * np.resize([-1, 1], 20)[:, None])
    every = np.concatenate([points, beside])
    found = surface.signed_distance(every, exact_within=np.inf)
    np.testing.assert_allclose(found, brute_distance(surface, every), atol=1e-13)
    assert 20 < (found < 0).sum() < 60


def test_far_away_the_distance_is_too_large_by_less_than_a_triangle(rng):
    surface = bumpy(rng)
    points = 5 * rng.uniform(-1, 1, (2000, 3))
    exact = surface.signed_distance(points, exact_within=np.inf)
    quick = surface.signed_distance(points, exact_within=0.1)
    near = np.abs(exact) <= 0.1
    assert 10 < near.sum() < 500
    np.testing.assert_array_equal(quick[near], exact[near])
    assert (np.abs(quick) >= np.abs(exact) - 1e-14).all()
    sides = np.linalg.norm(surface.corners - np.roll(surface.corners, 1, 0), axis=2)
    assert (np.abs(quick) <= np.abs(exact) + sides.max()).all()


@pytest.mark.parametrize("radius", [0.05, 0.2, 0.6])
def test_points_beyond_a_radius_are(rng, radius):
    surface = bumpy(rng)
    points = rng.uniform(-1.5, 1.5, (2000, 3))
    distance = np.abs(surface.signed_distance(points, exact_within=np.inf))
    beyond = surface.beyond(points, radius)
    assert (distance[beyond] >= radius).all()
    # Farther out by more than what the largest triangle reaches, none is missed.
    corners = surface.corners
    size = np.linalg.norm(corners - corners.mean(axis=0), axis=2).max()
    assert beyond[distance > radius + 2 * size].all()
    assert 0.02 < beyond.mean() < 0.98


def test_no_points_have_no_distances():
    assert box().signed_distance(np.empty((0, 3))).shape == (0,)


def test_a_surface_of_a_single_tetrahedron_is_large_enough():
    surface = oriented(
        np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]),
        np.array([[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]),
    )
    found = surface.signed_distance(np.array([[0.0, 0, 0], [2, 2, 2]]))
    np.testing.assert_allclose(found, [-1 / np.sqrt(3), np.sqrt(3)], rtol=1e-14)


# Rays.


def test_rays_meet_a_box_where_they_must(rng):
    half = np.array([1.0, 0.5, 2.0])
    directions = rng.normal(size=(500, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    inside = half * rng.uniform(-1, 1, (500, 3))
    origins = inside - 10 * directions
    # The slabs of the box, entered last (Kay & Kajiya 1986).
    entered = ((-np.sign(directions) * half - origins) / directions).max(axis=1)
    found = box(half).cast(origins, directions)
    np.testing.assert_allclose(found, entered, rtol=1e-12)


def test_rays_along_diagonals_of_faces_and_box_do_not_slip_through():
    directions = np.array([[0, 0, -1.0], [-1, -1, 0], [-1, -1, -1]])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    found = box().cast(-5 * directions, directions)
    np.testing.assert_allclose(found, 5 - np.sqrt([1, 2, 3]), rtol=1e-12)


def test_rays_that_miss_leave_or_turn_away_hit_nothing():
    origins = np.array([[0.0, 0, 5], [0, 0, 5], [0, 0, 0], [3, 0, 5]])
    directions = np.array([[0.0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 0, -1]])
    assert np.isinf(box().cast(origins, directions)).all()


def test_rays_are_cast_in_blocks_without_a_seam(rng, monkeypatch):
    surface = bumpy(rng)
    directions = rng.normal(size=(100, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    whole = surface.cast(-3 * directions, directions)
    # Back along the ray lies the surface: the distance there is 0.
    at = (whole - 3)[:, None] * directions
    np.testing.assert_allclose(surface.signed_distance(at), 0, atol=1e-13)
    monkeypatch.setattr("tmsgrad.meshing.surface._RAY_PAIRS_AT_ONCE", 7 * 596)
    np.testing.assert_array_equal(surface.cast(-3 * directions, directions), whole)


# Lines through a lattice.


@pytest.mark.parametrize("origin", [-1.5, -1.43])
def test_a_filled_grid_is_the_inside(rng, origin):
    # From -1.5 in steps of 0.25 the lattice meets the box's corners, edges and faces;
    # these points may count either way.
    start, shape = np.array([origin, -1.5, -1.5]), (13, 12, 14)
    found = box().fill(start, 0.25, shape)
    points = start + 0.25 * np.argwhere(np.ones(shape))
    signed = to_box(points, np.ones(3))
    sure = np.abs(signed) > 1e-4
    np.testing.assert_array_equal(found.ravel()[sure], signed[sure] < 0)
    assert found.shape == shape


def test_a_bumpy_surface_is_filled_as_the_winding_number_says(rng):
    surface = bumpy(rng, 150)
    shape = (14, 15, 16)
    found = surface.fill(np.full(3, -1.4), 0.2, shape)
    points = -1.4 + 0.2 * np.argwhere(np.ones(shape))
    inside = winding_number(surface, points) > 0.5
    assert 300 < inside.sum() < 1000
    # A point within rounding of the surface could differ; none of these is.
    np.testing.assert_array_equal(found.ravel(), inside)


def test_a_grid_that_begins_or_ends_inside_is_filled_to_its_end():
    found = box().fill(np.array([-0.5, -0.5, -0.5]), 0.25, (4, 4, 4))
    assert found.all()


def test_heights_are_those_of_the_last_crossing(rng):
    surface = bumpy(rng)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    axes = turn * np.linalg.det(turn)
    origin = axes.T @ np.array([-1.2, -1.2, 0.3])
    found = surface.heights(origin, axes, 0.1, (25, 24))
    i, j = np.meshgrid(np.arange(25), np.arange(24), indexing="ij")
    above = origin + 0.1 * (i[..., None] * axes[0] + j[..., None] * axes[1])
    above = (above + 5 * axes[2]).reshape(-1, 3)
    expected = 5 - surface.cast(above, np.broadcast_to(-axes[2], above.shape))
    # The lattice is nudged by 2e-5 of its spacing, which counts where slopes are steep.
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-4)
    assert np.isinf(found).any()
    assert np.isfinite(found).sum() > 200


# The surface of a mesh.


def enclosed_volume(surface):
    """By the divergence theorem; positive where triangles face outward."""
    a, b, c = surface.corners
    return np.einsum("tc,tc->", a, np.cross(b, c)) / 6


def assert_closed(surface):
    edges = surface.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    ways = {tuple(edge) for edge in edges.tolist()}
    assert len(ways) == len(edges)
    assert {edge[::-1] for edge in ways} == ways


def without(head, removed):
    return HeadMesh(head.nodes, head.tetrahedra[~removed], head.tags[~removed])


def test_the_outer_surface_is_closed_and_faces_outward():
    head = cube(5)
    surface = outer_surface(head.nodes, head.tetrahedra)
    assert len(surface.triangles) == 6 * 2 * 25
    assert len(surface.vertices) == 6**3 - 4**3
    assert_closed(surface)
    assert enclosed_volume(surface) == pytest.approx(head.volumes.sum(), rel=1e-12)
    np.testing.assert_allclose(np.linalg.norm(surface.normals, axis=1), 1, rtol=1e-14)
    # In the middle of each face is the point that was there.
    middle = surface.vertices.mean(axis=0)
    facing = np.einsum(
        "tc,tc->t", surface.corners.mean(axis=0) - middle, surface.normals
    )
    assert (facing > 0).all()


def test_cavities_inside_are_left_out():
    whole = cube(5)
    middle = np.abs(whole.centroids - whole.nodes.mean(axis=0)).max(axis=1) < 8e-3
    assert 6 <= middle.sum() < 100
    head = without(whole, middle)
    surface = outer_surface(head.nodes, head.tetrahedra)
    expected = outer_surface(whole.nodes, whole.tetrahedra)
    assert_closed(surface)
    assert enclosed_volume(surface) == pytest.approx(whole.volumes.sum(), rel=1e-12)
    assert {tuple(v) for v in surface.vertices} == {tuple(v) for v in expected.vertices}


def test_of_several_parts_the_largest_is_taken():
    large, small = cube(3), cube(2)
    nodes = np.concatenate([small.nodes + 0.2, large.nodes])
    tetrahedra = np.concatenate([small.tetrahedra, large.tetrahedra + len(small.nodes)])
    surface = outer_surface(nodes, tetrahedra)
    assert enclosed_volume(surface) == pytest.approx(large.volumes.sum(), rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_sharp_corners_have_two_sides(seed):
    """A tetrahedron is where all four of its planes say."""
    rng = np.random.default_rng(seed)
    corners = rng.normal(size=(4, 3)) * [0.1, 0.05, 0.02]
    if np.linalg.det(corners[1:] - corners[0]) < 0:
        corners = corners[[0, 2, 1, 3]]
    faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])
    surface = Surface(corners, faces.astype(np.int32))
    points = rng.dirichlet(np.ones(4), 3000) @ corners
    points[1000:] += 0.03 * rng.normal(size=(2000, 3))
    beyond = np.einsum(
        "pfc,fc->pf", points[:, None] - corners[faces[:, 0]], surface.normals
    )
    inside = (beyond < 0).all(axis=1)
    assert 1000 <= inside.sum() < 2900
    found = surface.signed_distance(points, exact_within=np.inf)
    np.testing.assert_array_equal(found < 0, inside)
    np.testing.assert_allclose(found[inside], beyond[inside].max(axis=1), rtol=1e-9)
