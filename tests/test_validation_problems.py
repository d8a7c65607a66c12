from itertools import combinations_with_replacement
from math import factorial

import jax.numpy as jnp
import numpy as np
import pytest
from efield_examples import layered_sphere, relative_error

from tmsgrad import efield
from tmsgrad.meshing import HeadMesh
from tmsgrad.validation import catalogue
from tmsgrad.validation.problems import (
    Bound,
    EllipsoidProblem,
    SphereProblem,
    mean_edge,
)
from tmsgrad.validation.quadrature import fifth_degree, second_degree


PROBLEMS = {problem.name: problem for problem in catalogue.analytic_problems()}
NOT_QUICK = (
    "figure-of-eight over anisotropic layers",
    "round wire over a homogeneous sphere",
    "anisotropic ellipsoid in a uniform field",
)
AFTER, BEFORE = np.array([1, 2, 0]), np.array([2, 0, 1])


def curl_of(jacobian):
    return jacobian[:, BEFORE, AFTER] - jacobian[:, AFTER, BEFORE]


# Quadrature.


@pytest.mark.parametrize("rule", [second_degree(), fifth_degree()])
def test_polynomials_are_integrated_exactly_up_to_the_degree(rule):
    corner = HeadMesh(np.eye(4, 3, -1), np.array([[0, 1, 2, 3]]), np.array([1]))
    points, volumes = rule.points(corner)[0], rule.volumes(corner)[0]
    assert (rule.weights > 0).all()
    assert (rule.barycentric > 0).all()
    wrong = []
    for degree in range(rule.degree + 2):
        for axes in combinations_with_replacement(range(3), degree):
            powers = np.bincount(axes, minlength=3) if axes else np.zeros(3, int)
            # ∫ xᵃ yᵇ zᶜ over the corner = a! b! c! / (a + b + c + 3)!
            expected = np.prod([factorial(p) for p in powers]) / factorial(degree + 3)
            error = volumes @ np.prod(points**powers, axis=1) / expected - 1
            if degree <= rule.degree:
                assert abs(error) < 1e-13
            else:
                wrong.append(abs(error) > 1e-6)
    assert any(wrong)


def test_quadrature_points_lie_in_the_elements_asked_for():
    head = layered_sphere()
    chosen = np.array([5, 77, 1234])
    points = fifth_degree().points(head, chosen)
    assert points.shape == (3, 14, 3)
    np.testing.assert_allclose(
        fifth_degree().volumes(head, chosen).sum(axis=1), head.volumes[chosen]
    )
    np.testing.assert_allclose(
        np.einsum("q,tqc->tc", fifth_degree().weights, points), head.centroids[chosen]
    )


# The problems themselves.


def test_names_tell_problems_apart():
    assert len(PROBLEMS) == len(catalogue.analytic_problems()) >= 7


@pytest.mark.parametrize("name", PROBLEMS)
def test_exact_fields_obey_faradays_law(name, rng):
    problem = PROBLEMS[name]
    points = rng.uniform(-0.04, 0.04, (20, 3))
    # `rates` and `exact` take NumPy arrays: differences of fourth order.
    step = 1e-4
    offsets = step * np.eye(3)

    def jacobian(field):
        at = lambda n: np.stack(
            [np.asarray(field(points + n * offset)) for offset in offsets], axis=-1
        )
        return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)

    exact, rates = jacobian(problem.exact), jacobian(problem.rates)
    assert relative_error(curl_of(exact), -curl_of(rates)) < 1e-8


def test_poses_of_coils_are_outside_and_rigid():
    for problem in PROBLEMS.values():
        if not isinstance(problem, SphereProblem):
            continue
        placed = problem.coil.sources().placed(problem.pose)
        sources = np.concatenate([placed.dipole_positions, placed.current_positions])
        assert np.linalg.norm(sources, axis=1).min() > problem.radii[-1] + 3e-3
        rotation = problem.pose.rotation
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-14)
        np.testing.assert_allclose(jnp.linalg.det(rotation), 1, rtol=1e-14)


def test_the_ellipsoids_current_is_tangential_and_has_no_sources():
    problem = catalogue.ellipsoid_problem()
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(100, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    axes = np.asarray(problem.semi_axes)
    surface, normals = directions * axes, directions / axes
    current = np.asarray(problem.exact(surface)) @ np.asarray(problem.tensor).T
    through = np.einsum("pc,pc->p", normals, current)
    scale = np.linalg.norm(normals, axis=1) * np.linalg.norm(current, axis=1)
    assert (np.abs(through) < 1e-13 * scale.max()).all()
    # Of products as large as 6e3 A/m³ one rounding is 1e-12: what is zero is relative.
    sources = np.asarray(problem.tensor) @ problem.slope
    assert np.abs(np.trace(sources)) < 1e-15 * np.linalg.norm(sources)
    # The axes of fibres and ellipsoid differ, else a transposed tensor went unnoticed.
    assert np.abs(np.asarray(problem.tensor)[0, 1]) > 0.05


def test_an_isotropic_ball_turns_with_the_field():
    problem = EllipsoidProblem(
        name="ball",
        compared=("scalp",),
        semi_axes=(0.08, 0.08, 0.08),
        tissue="scalp",
        tensor=((0.3, 0.0, 0.0), (0.0, 0.3, 0.0), (0.0, 0.0, 0.3)),
        field_rate=(1e4, -2e4, 3e4),
    )
    points = np.random.default_rng(0).normal(size=(10, 3))
    expected = -np.cross(problem.field_rate, points) / 2
    np.testing.assert_allclose(problem.exact(points), expected, rtol=1e-12)
    np.testing.assert_allclose(problem.rates(points), -expected, rtol=1e-12)


def test_radial_anisotropy_is_along_the_radius():
    problem = catalogue.radial_problem()
    head = layered_sphere()
    tensors = np.asarray(problem.conductivity(head))
    sigma = np.asarray(efield.isotropic(head))
    radial = head.centroids / np.linalg.norm(head.centroids, axis=1, keepdims=True)
    across = np.cross(radial, [0.0, 0.6, 0.8])
    for direction, ratio in ((radial, 0.5), (across, 1.0)):
        np.testing.assert_allclose(
            np.einsum("eij,ej->ei", tensors, direction),
            ratio * sigma[:, None] * direction,
            atol=1e-15,
        )


def test_bounds_fall_with_the_order():
    bound = Bound(at_10mm=0.1, order=2.0)
    np.testing.assert_allclose(bound.at(10e-3), 0.1)
    np.testing.assert_allclose(bound.at(2.5e-3), 0.1 / 16)


def test_mean_edges_are_those_of_the_elements_selected():
    corner = np.eye(4, 3, -1)
    head = HeadMesh(
        np.concatenate([corner, 2 * corner + 5]),
        np.array([[0, 1, 2, 3], [4, 5, 6, 7]]),
        np.array([1, 2]),
    )
    length = (1 + np.sqrt(2)) / 2
    np.testing.assert_allclose(mean_edge(head, np.array([0])), length)
    np.testing.assert_allclose(mean_edge(head), 1.5 * length)


# The solver on the problems.


# The others are among the quick checks, which test_cli_validate.py runs.
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", NOT_QUICK)
@pytest.mark.long
def test_elements_keep_their_bounds(name, order):
    problem = PROBLEMS[name]
    head = problem.head(0.014)
    field = problem.solve(head, efield.Direct(), order)
    found = problem.accuracy(head, field)
    assert found.elements == len(problem.selected(head)) > 1000
    bound = problem.bounds[f"P{order}"].at(found.edge)
    assert bound / 2 < found.relative_error < bound


def test_errors_of_exact_fields_are_zero():
    problem = catalogue.wire_problem()
    head = problem.head(0.02)
    points = second_degree().points(head, problem.selected(head))
    exact = np.asarray(problem.exact(points.reshape(-1, 3))).reshape(points.shape)
    found = problem.measure(head, exact)
    assert found.relative_error < 1e-14
    assert found.rdm < 1e-14
    np.testing.assert_allclose(found.mag, 1, rtol=1e-14)


def test_some_elements_can_be_compared_alone(rng):
    problem = catalogue.ellipsoid_problem()
    head = problem.head(0.02)
    for order in (1, 2):
        field = problem.solve(head, order=order)
        parts = np.array_split(rng.permutation(problem.selected(head)), 2)
        errors, sizes = [], []
        for chosen in parts:
            found = problem.accuracy(head, field, chosen)
            assert found.elements == len(chosen)
            # The exact field is linear: its square is of second degree.
            points = second_degree().points(head, chosen)
            exact = np.asarray(problem.exact(points.reshape(-1, 3)))
            volumes = second_degree().volumes(head, chosen).ravel()
            sizes.append(volumes @ np.sum(exact**2, axis=1))
            errors.append(found.relative_error**2 * sizes[-1])
        whole = problem.accuracy(head, field).relative_error
        np.testing.assert_allclose(whole**2, sum(errors) / sum(sizes), rtol=1e-10)


def rate_of(problem, sizes, order=1):
    edges, errors = [], []
    for size in sizes:
        head = problem.head(size)
        field = problem.solve(head, efield.HostMultigrid(), order)
        chosen = problem.selected(head)
        # Of so many, drawn at random, the error is that of all within a few per cent.
        some = np.random.default_rng(0).permutation(chosen)[:5000]
        found = problem.accuracy(head, field, some)
        edges.append(found.edge)
        errors.append(found.relative_error)
    return np.polyfit(np.log(edges), np.log(errors), 1)[0]


@pytest.mark.long
def test_linear_elements_converge_linearly_in_the_brain_shell():
    problem = catalogue.figure_of_eight_problem()
    rate = rate_of(problem, (0.016, 0.0095, 0.0057))
    np.testing.assert_allclose(rate, 1.0, atol=0.1)


@pytest.mark.long
def test_quadratic_elements_converge_quadratically_in_the_brain_shell():
    problem = catalogue.figure_of_eight_problem()
    rate = rate_of(problem, (0.016, 0.0095, 0.0057), order=2)
    np.testing.assert_allclose(rate, 2.0, atol=0.2)


def test_quadratic_elements_converge_quadratically_in_an_anisotropic_ellipsoid():
    # The exact potential is quadratic: all of the error comes from the flat faces.
    rate = rate_of(catalogue.ellipsoid_problem(), (0.02, 0.014, 0.010), order=2)
    np.testing.assert_allclose(rate, 2.0, atol=0.2)


def test_linear_elements_converge_linearly_in_an_anisotropic_ellipsoid():
    rate = rate_of(catalogue.ellipsoid_problem(), (0.02, 0.014, 0.010))
    np.testing.assert_allclose(rate, 1.0, atol=0.1)
