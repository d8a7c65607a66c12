"""Charges on surfaces, against formulas for charged triangles and for nested spheres."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest
from efield_examples import relative_error

from tmsgrad.validation import panels
from tmsgrad.validation.charge_checks import surfaces_of
from tmsgrad.validation.folded_head import folded_head
from tmsgrad.validation.panels import SEVEN, SHARES, Panels, quarters
from tmsgrad.validation.surface_charges import received_matrix, solve_charges


UNIFORM = np.array([0.3, -0.5, 0.8])

# An octahedron, its normals outward.
POLES = np.concatenate([np.eye(3), -np.eye(3)])
OCTAHEDRON = np.array(
    [
        (0, 1, 2),
        (1, 3, 2),
        (3, 4, 2),
        (4, 0, 2),
        (1, 0, 5),
        (3, 1, 5),
        (4, 3, 5),
        (0, 4, 5),
    ]
)
TRIANGLE = np.array([[0.0, 0.0, 0.0], [1.0, 0.1, 0.2], [0.3, 0.9, -0.1]])


@functools.cache
def ball(cuts):
    """Triangles of the unit sphere, 8 times 4 for each cut."""
    corners = POLES[OCTAHEDRON]
    for _ in range(cuts):
        corners = quarters(corners).reshape(-1, 3, 3)
        corners = corners / np.linalg.norm(corners, axis=2, keepdims=True)
    return corners


def uniform(points):
    return np.broadcast_to(UNIFORM, points.shape)


def nested(radii, conductivities, cuts):
    """Spheres, with the conductivity of each and of what is around all."""
    count = len(ball(cuts))
    corners = np.concatenate([radius * ball(cuts) for radius in radii])
    return Panels(
        corners,
        np.repeat(conductivities[:-1], count),
        np.repeat(conductivities[1:], count),
    )


def by_quadrature(kernel, point):
    cells = TRIANGLE[None]
    for _ in range(5):
        cells = quarters(cells).reshape(-1, 3, 3)
    places = np.einsum("qk,pkc->pqc", SEVEN, cells)
    area = np.linalg.norm(np.cross(TRIANGLE[1], TRIANGLE[2])) / 2
    values = kernel(point - places)
    return area / len(cells) * np.einsum("pq...,q->...", values, SHARES) / (4 * np.pi)


# Charged triangles.


@pytest.mark.parametrize(
    "point", [(0.4, 0.3, 0.3), (2.0, -1.0, 0.5), (0.4, 0.3, -0.2), (1.0, 1.0, 0.0)]
)
def test_charged_triangles_have_the_field_of_their_parts(point):
    at, corners = np.array(point), jnp.asarray(TRIANGLE)
    length = lambda x: np.linalg.norm(x, axis=-1)
    potential = by_quadrature(lambda x: 1 / length(x), at)
    field = by_quadrature(lambda x: x / length(x)[..., None] ** 3, at)
    found = panels.unit_potential(corners, jnp.asarray(at))
    np.testing.assert_allclose(found, potential, rtol=1e-9)
    found = panels.unit_field(corners, jnp.asarray(at))
    np.testing.assert_allclose(found, field, rtol=1e-8)


def test_near_a_charged_triangle_the_field_jumps_by_its_charge():
    normal = np.cross(TRIANGLE[1], TRIANGLE[2])
    normal /= np.linalg.norm(normal)
    centre = TRIANGLE.mean(axis=0)
    above, below = (
        panels.unit_field(jnp.asarray(TRIANGLE), jnp.asarray(centre + way * normal))
        for way in (1e-7, -1e-7)
    )
    np.testing.assert_allclose(above - below, normal, atol=1e-6)


@pytest.mark.parametrize(
    ("point", "share"), [((0.1, 0.2, -0.1), 1.0), ((2, 1, 0), 0.0)]
)
def test_closed_surfaces_receive_all_that_is_sent_out_within(point, share):
    source = np.array(point, float)[None, None]
    found = panels.received(ball(1), source).sum()
    np.testing.assert_allclose(found, share, atol=1e-14)


def test_a_closed_surface_receives_half_of_what_it_sends_out():
    surfaces = nested((1.0,), (1.0, 0.0), 2)
    matrix = received_matrix(surfaces)
    np.testing.assert_allclose(matrix.sum(axis=1), 0.5, atol=1e-3)
    # The same charge sends into a sphere that holds it all that it sends inwards.
    both = received_matrix(nested((1.0, 2.0), (1.0, 1.0, 0.0), 2))
    count = len(matrix)
    np.testing.assert_allclose(both[:count, count:].sum(axis=1), 1.0, atol=1e-3)
    np.testing.assert_allclose(both[count:, :count].sum(axis=1), 0.0, atol=1e-3)


# Nested spheres.


def in_a_ball(conductivities, cuts):
    """How far the field in a ball, in another medium, is from the uniform one."""
    inner, outer = conductivities
    found = solve_charges(nested((1.0,), conductivities, cuts), uniform)
    points = np.random.default_rng(0).uniform(-0.4, 0.4, (50, 3))
    expected = 3 * outer / (2 * outer + inner) * uniform(points)
    return relative_error(uniform(points) + found.field(points), expected)


@pytest.mark.parametrize("conductivities", [(0.3, 1.5), (1.0, 0.3), (0.2, 0.2)])
def test_a_ball_in_another_medium_has_a_uniform_field(conductivities):
    if conductivities[0] == conductivities[1]:
        assert in_a_ball(conductivities, 1) < 1e-12
        return
    errors = [in_a_ball(conductivities, cuts) for cuts in (1, 2, 3)]
    rates = np.log2(np.divide(errors[:-1], errors[1:]))
    np.testing.assert_allclose(rates[-1], 2.0, atol=0.3)
    assert errors[-1] < 0.02


def test_a_shell_in_another_medium_shields_as_the_formula_says():
    (a, b), (core, shell, around) = (0.6, 1.0), (0.3, 2.0, 0.5)
    found = solve_charges(nested((a, b), (core, shell, around), 3), uniform)
    points = np.random.default_rng(0).uniform(-0.2, 0.2, (20, 3))
    # Potentials r cos θ and cos θ / r² of each layer, continuous with their currents.
    share = (
        9
        * shell
        * around
        / (
            (2 * shell + core) * (2 * around + shell)
            + 2 * (a / b) ** 3 * (shell - core) * (around - shell)
        )
    )
    field = uniform(points) + found.field(points)
    assert relative_error(field, share * uniform(points)) < 0.02
    assert abs(share - 1) > 0.2


def test_a_conductor_alone_takes_any_gradient_away():
    """Inside, charges cancel a field that is a gradient; their sum is zero."""
    gradient = lambda x: np.stack([x[:, 1], x[:, 0], np.zeros(len(x))], axis=1)
    surfaces = nested((0.7, 1.0), (1.0, 0.2, 0.0), 3)
    found = solve_charges(surfaces, gradient)
    points = np.random.default_rng(0).uniform(-0.3, 0.3, (20, 3))
    left = gradient(points) + found.field(points)
    assert np.linalg.norm(left) < 0.03 * np.linalg.norm(gradient(points))
    assert abs(found.charges.sum()) < 1e-3 * np.abs(found.charges).sum()


def test_cutting_panels_keeps_areas_and_media():
    surfaces = nested((0.7, 1.0), (1.0, 0.2, 0.0), 1)
    chosen = surfaces.centres[:, 2] > 0.3
    finer = surfaces.quartered(chosen)
    assert len(finer.areas) == len(chosen) + 3 * chosen.sum()
    for side in ("inner", "outer"):
        for sigma in (0.0, 0.2, 1.0):
            whole, parts = (
                each.areas[getattr(each, side) == sigma].sum()
                for each in (surfaces, finer)
            )
            np.testing.assert_allclose(parts, whole, rtol=1e-12)


# The folded head.


def test_the_folded_head_has_folds_and_closed_surfaces():
    head = folded_head(5_000)
    assert set(head.tags) == {1, 2, 3, 4, 5}
    surfaces = surfaces_of(head)
    for sigma in set(surfaces.inner):
        around = (surfaces.inner == sigma).astype(float) - (surfaces.outer == sigma)
        total = (around * surfaces.areas) @ surfaces.normals
        assert np.linalg.norm(total) < 1e-12
    gray = np.linalg.norm(head.centroids[head.tags == 2], axis=1)
    assert np.ptp(gray) > 0.014  # Twice its thickness.
