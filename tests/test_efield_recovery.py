import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from efield_examples import (
    figure_of_eight,
    layered_sphere,
    pose_above,
    random_tensors,
    relative_error,
    several_poses,
)

from tmsgrad import efield, meshing
from tmsgrad.coils import Pose, read_ccd
from tmsgrad.efield.recovery import patch_recovery, simnibs_recovery
from tmsgrad.validation import catalogue
from tmsgrad.validation.sphere import coil_field


RATE = 1e6
SIZES = np.array([0.014, 0.009])


def given_field(vectors, potential):
    """A field that no solve gave."""
    report = efield.SolverReport(jnp.asarray(0), jnp.asarray(0.0))
    return efield.ElectricField(jnp.asarray(vectors), jnp.asarray(potential), report)


@functools.cache
def conductor_of(size=0.02):
    head = layered_sphere(size)
    return efield.assemble(head, efield.isotropic(head))


@functools.cache
def solved(size=0.02):
    """The field and ∂A/∂t at the nodes."""
    coil, pose = figure_of_eight(), pose_above([0.2, 0.3, 1.0])
    conductor = conductor_of(size)
    rates = RATE * coil.potential_at(conductor.nodes, pose)
    return efield.solve(conductor, coil, pose, RATE), rates


def exact(points):
    return coil_field(figure_of_eight(), pose_above([0.2, 0.3, 1.0]), points, RATE)


def random_inside(rng, radius, count=300):
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return radius * directions * np.cbrt(rng.uniform(size=(count, 1)))


# SimNIBS' recovery.


def parity_with_simnibs(head, coil, reference):
    conductor = efield.assemble(head, efield.isotropic(head))
    pose = Pose.from_matsimnibs(reference["matsimnibs"][0])
    rate = float(reference["didt"])
    field = efield.solve(conductor, coil, pose, rate, solver=efield.Direct())
    recovery = simnibs_recovery(head, reference["spr_points_mm"] * 1e-3)
    assert bool(recovery.inside.all())
    distance = np.linalg.norm(recovery(field) - reference["E_spr_points"], axis=1)
    return np.max(distance / np.linalg.norm(reference["E_spr_points"], axis=1))


def test_template_agrees_with_simnibs_at_every_point(references):
    head = meshing.read_npz(references / "template_mesh.npz")
    coil = catalogue.figure_of_eight()
    reference = np.load(references / "template_simnibs45.npz")
    assert parity_with_simnibs(head, coil, reference) < 1e-11


@pytest.mark.long
def test_new_york_head_agrees_with_simnibs_at_every_point(test_data):
    head = meshing.read_npz(test_data / "heads" / "mesh_nyhead_500k.npz")
    coil = read_ccd(test_data / "coils" / "MagStim_D70.ccd")
    reference = np.load(test_data / "simnibs_reference" / "nyhead_simnibs45.npz")
    assert parity_with_simnibs(head, coil, reference) < 1e-11


def test_simnibs_recovery_keeps_a_linear_field_away_from_the_boundary(rng):
    head = layered_sphere(0.016)
    slope, points = rng.normal(size=(3, 3)), random_inside(rng, 0.035)
    field = given_field(head.centroids @ slope, np.zeros(len(head.nodes)))
    recovered = simnibs_recovery(head, points)(field)
    assert relative_error(recovered, points @ slope) < 1e-12


def test_simnibs_recovery_knows_nothing_of_other_tissues(rng):
    head, points = layered_sphere(), random_inside(rng, 0.069)
    brain = (head.tags == 2)[:, None]
    vectors = np.where(brain, [1.0, 2.0, 3.0], rng.normal(size=(len(head.tags), 3)))
    recovered = simnibs_recovery(head, points)(
        given_field(vectors, np.zeros(len(head.nodes)))
    )
    np.testing.assert_allclose(recovered, np.tile([1.0, 2, 3], (300, 1)), rtol=1e-13)


def test_outside_simnibs_recovery_takes_the_element_of_the_nearest_centroid(rng):
    head = layered_sphere()
    vectors = rng.normal(size=(len(head.tags), 3))
    points = 1.3 * random_inside(rng, 0.07)
    recovery = simnibs_recovery(head, points)
    recovered = recovery(given_field(vectors, np.zeros(len(head.nodes))))
    outside = np.linalg.norm(points, axis=1) > 0.07
    assert 50 < outside.sum() < 250
    assert not recovery.inside[outside].any()
    brain = np.flatnonzero(head.tags == 2)
    gaps = points[outside, None] - head.centroids[None, brain]
    nearest = brain[np.argmin(np.linalg.norm(gaps, axis=2), axis=1)]
    np.testing.assert_array_equal(recovered[outside], vectors[nearest])


def test_a_point_is_inside_where_its_element_says_so(rng):
    # Points made of barycentric coordinates; on faces, edges and nodes some are zero.
    head = layered_sphere()
    shares = rng.dirichlet([0.5] * 4, len(head.tags))
    shares[: len(head.tags) // 2, 0] = 0.0
    shares /= shares.sum(axis=1, keepdims=True)
    points = np.einsum("ti,tic->tc", shares, head.nodes[head.tetrahedra])
    linear = given_field(head.centroids, -head.nodes @ [1.0, 2.0, 3.0])
    recovery = patch_recovery(conductor_of(), head, points)
    assert bool(recovery.inside.all())
    found = jnp.einsum("ip,ipc->pc", recovery.shares, _corners(recovery))
    np.testing.assert_allclose(found, points, atol=1e-12)
    rates = jnp.zeros(head.nodes.shape)
    expected = np.tile([1.0, 2.0, 3.0], (len(points), 1))
    np.testing.assert_allclose(recovery(linear, rates), expected, rtol=1e-10)


def _corners(recovery):
    return conductor_of().nodes[recovery.mesh_nodes[recovery.nodes]]


# The patch recovery.


@pytest.mark.parametrize("kind", ["scalar", "tensor"])
def test_a_uniform_rate_gives_no_field_at_any_point(kind, rng):
    head, vector = layered_sphere(), np.array([3.0, -2.0, 5.0])
    sigma = (
        efield.isotropic(head)
        if kind == "scalar"
        else jnp.asarray(random_tensors(rng, len(head.tags)))
    )
    conductor = efield.assemble(head, sigma)
    rates = jnp.asarray(np.broadcast_to(vector, head.nodes.shape))
    field = efield.solve_rate(conductor, rates[None])
    recovered = patch_recovery(conductor, head)(field, rates[None])
    assert float(jnp.max(jnp.abs(recovered))) < 1e-10


def harmonic_quadratic(rng, points):
    """x·S x with a symmetric S of trace zero, and its gradient."""
    matrix = rng.normal(size=(3, 3))
    matrix += matrix.T - np.trace(matrix) * 2 / 3 * np.eye(3)
    return np.einsum("pi,ij,pj->p", points, matrix, points), 2 * points @ matrix


def test_quadratic_potentials_are_recovered_up_to_the_penalty_of_curvature(rng):
    head = layered_sphere()
    potential, gradient = harmonic_quadratic(rng, head.nodes)
    field = given_field(np.zeros((len(head.tags), 3)), potential)
    raw = conductor_of().elements.gradient(jnp.asarray(potential)).T
    recovery = patch_recovery(conductor_of(), head, head.nodes)
    recovered = -recovery(field, jnp.zeros(head.nodes.shape))
    assert relative_error(recovered, gradient) < 1e-2
    recovery = patch_recovery(conductor_of(), head)
    expected = head.centroids @ np.linalg.lstsq(head.nodes, gradient)[0]
    recovered = -recovery(field, jnp.zeros(head.nodes.shape))
    assert relative_error(recovered, expected) < 1e-2
    assert relative_error(raw, expected) > 0.03


def test_quadratic_rates_are_evaluated_at_the_point_itself(rng):
    head, points = layered_sphere(), random_inside(rng, 0.09)
    of_nodes, _ = harmonic_quadratic(np.random.default_rng(1), head.nodes)
    of_points, _ = harmonic_quadratic(np.random.default_rng(1), points)
    rates = np.zeros(head.nodes.shape)
    rates[:, 1] = of_nodes
    field = given_field(np.zeros((len(head.tags), 3)), np.zeros(len(head.nodes)))
    recovery = patch_recovery(conductor_of(), head, points)
    inside = np.asarray(recovery.inside)
    recovered = np.asarray(recovery(field, jnp.asarray(rates)))
    assert inside.sum() > 200
    assert np.abs(recovered[:, [0, 2]]).max() == 0.0
    assert relative_error(recovered[inside, 1], -of_points[inside]) < 3e-3


def test_patches_do_not_reach_into_other_tissues(rng):
    head, points = layered_sphere(), random_inside(rng, 0.066)
    field, rates = solved()
    elsewhere = np.setdiff1d(
        head.tetrahedra[head.tags != 2], head.tetrahedra[head.tags == 2]
    )
    changed = field.potential.at[elsewhere].add(rng.normal(size=len(elsewhere)))
    recovery = patch_recovery(conductor_of(), head, points, "gray matter")
    assert bool(recovery.inside.all())
    plain = recovery(field, rates)
    np.testing.assert_array_equal(
        plain, recovery(given_field(field.vectors, changed), rates)
    )


def errors_in_the_brain(size):
    """Relative L2 errors at centroids: raw, by SimNIBS' recovery, by ours."""
    head, (field, rates) = layered_sphere(size), solved(size)
    brain = head.tags == 2
    points, weight = head.centroids[brain], np.sqrt(head.volumes[brain])[:, None]
    ours = patch_recovery(conductor_of(size), head, points, 2)(field, rates)
    simnibs = simnibs_recovery(head, points)(field)
    expected = exact(points) * weight
    fields = (field.vectors[brain], simnibs, ours)
    return [relative_error(values * weight, expected) for values in fields]


@pytest.mark.long
def test_recovery_in_the_brain_converges_faster_and_is_far_closer():
    errors = np.array([errors_in_the_brain(size) for size in SIZES])
    orders = np.log(errors[0] / errors[1]) / np.log(SIZES[0] / SIZES[1])
    print(errors, orders)
    assert orders[0] == pytest.approx(1.0, abs=0.15)
    assert orders[2] > 1.3
    assert (errors[:, 2] < errors[:, 0] / 3).all()


def test_recovery_at_the_brains_surface_beats_simnibs(rng):
    # At the nodes of the surface, where SimNIBS' recovery averages one side.
    head, (field, rates) = layered_sphere(SIZES[1]), solved(SIZES[1])
    nodes = head.nodes[np.unique(head.tetrahedra[head.tags == 2])]
    points = nodes[np.linalg.norm(nodes, axis=1) > 0.0699]
    expected = exact(points)
    ours = patch_recovery(conductor_of(SIZES[1]), head, points, 2)(field, rates)
    simnibs = simnibs_recovery(head, points)(field)
    print(relative_error(ours, expected), relative_error(simnibs, expected))
    assert relative_error(ours, expected) < relative_error(simnibs, expected) / 3


# Both are linear operators on fields.


def several():
    coil, poses, conductor = figure_of_eight(), several_poses(), conductor_of()
    rates = jax.vmap(lambda pose: RATE * coil.potential_at(conductor.nodes, pose))(
        poses
    )
    return efield.solve(conductor, coil, poses, RATE), rates


def test_poses_together_equal_one_by_one(rng):
    head, points = layered_sphere(), random_inside(rng, 0.07)
    fields, rates = several()
    ours = patch_recovery(conductor_of(), head, points)
    simnibs = simnibs_recovery(head, points)
    assert ours(fields, rates).shape == simnibs(fields).shape == (3, 300, 3)
    for i in range(3):
        one = jax.tree.map(lambda leaf: leaf[i], fields)  # noqa: B023
        # Some components nearly vanish.
        alone = ours(one, rates[i])
        np.testing.assert_allclose(ours(fields, rates)[i], alone, 1e-12, 1e-15)
        np.testing.assert_allclose(simnibs(fields)[i], simnibs(one), rtol=1e-12)


def test_reverse_mode_is_the_adjoint(rng):
    head, points = layered_sphere(), random_inside(rng, 0.08)
    field, rates = solved()
    weights = jnp.asarray(rng.normal(size=(300, 3)))
    ours, simnibs = (
        patch_recovery(conductor_of(), head, points),
        simnibs_recovery(head, points),
    )

    def ours_total(potential, rates):
        values = ours(given_field(field.vectors, potential), rates)
        return jnp.sum(weights * values)

    def simnibs_total(vectors):
        return jnp.sum(weights * simnibs(given_field(vectors, field.potential)))

    of_potential, of_rates = jax.grad(ours_total, (0, 1))(field.potential, rates)
    total = jnp.sum(of_potential * field.potential) + jnp.sum(of_rates * rates)
    np.testing.assert_allclose(total, ours_total(field.potential, rates), rtol=1e-9)
    of_vectors = jax.jit(jax.grad(simnibs_total))(field.vectors)
    np.testing.assert_allclose(
        jnp.sum(of_vectors * field.vectors), simnibs_total(field.vectors), rtol=1e-10
    )


# Refusals.


def test_wrong_points_tissues_and_heads_are_refused():
    head, conductor = layered_sphere(), conductor_of()
    with pytest.raises(ValueError, match=r"shape \(points, 3\), got \(3,\)"):
        simnibs_recovery(head, [0.0, 0.0, 0.05])
    with pytest.raises(ValueError, match="not finite, at row 1"):
        patch_recovery(conductor, head, [[0.0, 0, 0], [np.nan, 0, 0]])
    with pytest.raises(ValueError, match="no white matter; its tissues are gray"):
        simnibs_recovery(head, np.zeros((1, 3)), "white matter")
    with pytest.raises(ValueError, match="the head that it was assembled from"):
        patch_recovery(conductor, layered_sphere(0.016))
