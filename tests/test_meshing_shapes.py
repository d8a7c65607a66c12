import numpy as np
import pytest
from lattices import area, assert_closed, lattice, volume
from scipy.spatial import KDTree

from tmsgrad.meshing.drawing.shapes import (
    coil_body,
    compact,
    refine,
    smooth,
)
from tmsgrad.meshing.faces import faces_of
from tmsgrad.meshing.isosurface import isosurface


def ball(radius, count=33, centre=0.0):
    axis = np.linspace(-1, 1, count)
    x, y, z = np.meshgrid(axis - centre, axis, axis, indexing="ij")
    return radius - np.sqrt(x**2 + y**2 + z**2)


def test_smoothing_takes_noise_and_keeps_volume(rng):
    vertices, triangles = isosurface(ball(0.7))
    centre = np.full(3, 16.0)
    noisy = vertices + rng.normal(scale=0.2, size=vertices.shape)
    result = smooth(noisy, triangles, 8)
    spread = [np.linalg.norm(v - centre, axis=1).std() for v in (noisy, result)]
    assert spread[1] < spread[0] / 2
    np.testing.assert_allclose(
        volume(result, triangles), volume(vertices, triangles), rtol=0.01
    )


def test_refining_keeps_the_surface_and_linear_values(rng):
    nodes, tetrahedra = lattice(2)
    faces = faces_of(tetrahedra, len(nodes))
    vertices, triangles, _ = compact(nodes, faces.nodes_of(faces.outside()))
    slope = rng.normal(size=3)
    finer, quarters, values = refine(vertices, triangles, vertices @ slope)
    assert len(quarters) == 4 * len(triangles)
    assert_closed(quarters)
    np.testing.assert_allclose(values, finer @ slope)
    np.testing.assert_allclose(volume(finer, quarters), 1.0)
    np.testing.assert_allclose(area(finer, quarters), 6.0)


def test_isosurface_converges_to_a_sphere():
    errors = []
    for count in (17, 33, 65):
        vertices, triangles = isosurface(ball(0.7, count, centre=0.03))
        vertices = vertices * 2 / (count - 1) - 1
        assert_closed(triangles)
        errors.append(4 / 3 * np.pi * 0.7**3 - volume(vertices, triangles))
        radius = np.linalg.norm(vertices - [0.03, 0, 0], axis=1)
        np.testing.assert_allclose(radius, 0.7, atol=(2 / (count - 1)) ** 2)
    rates = np.log2(np.divide(errors[:-1], errors[1:]))
    np.testing.assert_allclose(rates, 2.0, atol=0.2)


def rings(radius=0.04, apart=0.09, z=-0.008):
    """Points of a figure-of-eight winding: two discs."""
    grid = np.linspace(-radius, radius, 21)
    x, y = np.meshgrid(grid, grid)
    disc = np.stack([x.ravel(), y.ravel()], 1)[np.hypot(x, y).ravel() <= 1.001 * radius]
    shift = np.array([apart / 2, 0])
    both = np.concatenate([disc + shift, disc - shift])
    return np.column_stack([both, np.full(len(both), z)])


def test_casing_holds_the_winding_and_little_more():
    points = rings()
    vertices, triangles, handle = coil_body(points)
    assert_closed(triangles)
    assert volume(vertices, triangles) > 0
    casing = vertices[~handle]
    wall = 0.004
    low, high = points.min(axis=0) - wall, points.max(axis=0) + wall
    np.testing.assert_allclose(casing[:, 0].min(), low[0], atol=0.002)
    np.testing.assert_allclose(casing[:, 0].max(), high[0], atol=0.002)
    np.testing.assert_allclose(casing[:, 1].max(), high[1], atol=0.002)
    np.testing.assert_allclose(vertices[:, 2].max(), high[2], atol=0.001)


def test_a_body_of_few_triangles_is_closed_and_as_large():
    points = rings()
    fine = coil_body(points)[0]
    vertices, triangles, handle = coil_body(points, triangles=40_000)
    assert_closed(triangles)
    assert 25_000 < len(triangles) <= 40_000
    assert handle.any()
    np.testing.assert_allclose(vertices.min(axis=0), fine.min(axis=0), atol=0.002)
    np.testing.assert_allclose(vertices.max(axis=0), fine.max(axis=0), atol=0.002)


def test_handle_is_a_bar_towards_minus_y():
    points = rings()
    vertices, _, handle = coil_body(points)
    grip = vertices[handle]
    edge = points[:, 1].min() - 0.004
    assert grip[:, 1].max() < edge
    np.testing.assert_allclose(grip[:, 1].min(), edge - 0.095, atol=0.002)
    np.testing.assert_allclose(grip[:, 0].mean(), 0.0, atol=0.001)
    np.testing.assert_allclose(np.ptp(grip[:, 0]), 0.027, atol=0.003)
    # It must not reach into the head, which is on the side of +z.
    assert vertices[:, 2].max() < points[:, 2].max() + 0.004 + 0.001


@pytest.mark.parametrize("bent", [False, True])
def test_symmetric_coil_has_a_symmetric_body(bent):
    points = rings()
    if bent:
        points[:, 2] += 0.6 * np.maximum(np.abs(points[:, 0]) - 0.01, 0)
    vertices, triangles, _ = coil_body(points)
    assert_closed(triangles)
    mirrored = vertices * np.array([-1.0, 1.0, 1.0])
    assert KDTree(vertices).query(mirrored)[0].max() < 0.002


def test_a_single_dipole_has_a_body():
    vertices, triangles, _ = coil_body(np.array([[0.0, 0.0, -0.01]]))
    assert_closed(triangles)
    assert volume(vertices, triangles) > 0
