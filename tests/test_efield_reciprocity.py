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
from tmsgrad.coils import MagneticDipoles, Pose
from tmsgrad.validation import catalogue


CENTRE = [0.01, 0.02, 0.05]


def sigma_of(kind, head, rng):
    if kind == "tensor":
        return jnp.asarray(random_tensors(rng, len(head.tags)))
    return efield.isotropic(head)


@pytest.fixture(scope="module")
def target():
    return meshing.ball(layered_sphere(), CENTRE, 0.02)


@pytest.mark.parametrize("kind", ["scalar", "tensor"])
def test_reciprocity_equals_the_direct_solve(kind, target, rng):
    head, coil, poses = layered_sphere(), figure_of_eight(), several_poses()
    conductor = efield.assemble(head, sigma_of(kind, head, rng))
    direct = efield.solve(conductor, coil, poses, 3e6, solver=efield.Direct())
    reciprocal = efield.reciprocal(conductor, target, solver=efield.Direct())
    every = jax.vmap(lambda pose: reciprocal.mean_field(coil, pose, 3e6))(poses)
    assert relative_error(every, direct.mean(target)) < 1e-12
    first = jax.tree.map(lambda leaf: leaf[0], poses)
    single = reciprocal.mean_field(coil, first, 3e6)
    assert relative_error(single, direct.mean(target)[0]) < 1e-12


@pytest.mark.long
def test_reciprocity_equals_the_direct_solve_on_the_template_head(references):
    head = meshing.read_npz(references / "template_mesh.npz")
    coil = catalogue.figure_of_eight()
    reference = np.load(references / "template_simnibs45.npz")
    poses = Pose.from_matsimnibs(reference["matsimnibs"][:2])
    conductor = efield.assemble(head, efield.isotropic(head))
    gray = np.flatnonzero(head.tags == 2)
    below = gray[
        np.argmin(
            np.linalg.norm(
                head.centroids[gray] - np.asarray(poses.translation[0]), axis=1
            )
        )
    ]
    target = meshing.ball(head, head.centroids[below], 8e-3)
    direct = efield.solve(conductor, coil, poses, solver=efield.Direct())
    reciprocal = efield.reciprocal(conductor, target, solver=efield.Direct())
    for index in range(2):
        pose = jax.tree.map(lambda leaf, index=index: leaf[index], poses)
        expected = direct.mean(target)[index]
        assert relative_error(reciprocal.mean_field(coil, pose), expected) < 1e-12


def test_directions_are_components_of_the_mean(target):
    conductor = efield.assemble(layered_sphere(), efield.isotropic(layered_sphere()))
    coil, pose = figure_of_eight(), pose_above([0.2, 0.3, 1.0])
    directions = jnp.array([[0.6, 0.0, 0.8], [1.0, 2.0, -3.0]])
    whole = efield.reciprocal(conductor, target)
    part = efield.reciprocal(conductor, target, directions)
    assert part.currents.shape == (2, len(conductor.nodes), 3)
    expected = directions @ whole.mean_field(coil, pose)
    assert relative_error(part.mean_field(coil, pose), expected) < 1e-12


def test_the_currents_are_closed(target, rng):
    # Their sum is what a uniform ∂A/∂t gives, and its field is zero.
    head = layered_sphere()
    for kind in ("scalar", "tensor"):
        conductor = efield.assemble(head, sigma_of(kind, head, rng))
        currents = efield.reciprocal(conductor, target).currents
        total = jnp.sum(currents, axis=1)
        assert float(jnp.max(jnp.abs(total))) < 1e-12 * float(
            jnp.sum(jnp.abs(currents))
        )


def test_fields_of_the_currents_give_the_same_number(target):
    """-m·B summed over dipoles, and -dl·a over a loop of wire."""
    head = layered_sphere()
    reciprocal = efield.reciprocal(
        efield.assemble(head, efield.isotropic(head)), target
    )
    coil, pose = figure_of_eight(), pose_above([0.2, 0.3, 1.0])
    expected = reciprocal.mean_field(coil, pose)
    placed = coil.sources().placed(pose)
    magnetic = reciprocal.magnetic_field(placed.dipole_positions)
    moments = placed.dipole_moments
    actual = -1e6 * jnp.einsum("pdc,pc->d", magnetic, moments)
    assert relative_error(actual, expected) < 1e-11


def test_the_magnetic_field_is_the_curl_of_the_vector_potential(target):
    head = layered_sphere()
    reciprocal = efield.reciprocal(
        efield.assemble(head, efield.isotropic(head)), target
    )
    point = jnp.array([0.03, 0.02, 0.11])
    # jacobian[d, c, x]: the component c of direction d, along the axis x.
    jacobian = jax.jacfwd(lambda x: reciprocal.vector_potential(x[None])[0])(point)
    after, before = np.array([1, 2, 0]), np.array([2, 0, 1])
    curl = jacobian[:, before, after] - jacobian[:, after, before]
    magnetic = reciprocal.magnetic_field(point[None])[0]
    assert relative_error(magnetic, curl) < 1e-11


def test_a_target_does_not_depend_on_the_units_of_conductivity(target):
    head = layered_sphere()
    sigma = efield.isotropic(head)
    conductor = efield.assemble(head, sigma)
    one = efield.reciprocal(conductor, target)
    other = efield.reciprocal(conductor.with_conductivity(1e3 * sigma), target)
    assert relative_error(other.currents, one.currents) < 1e-12


@pytest.mark.long
@pytest.mark.parametrize("kind", ["scalar", "tensor"])
def test_derivatives_by_conductivity_equal_those_of_the_direct_solve(kind, target, rng):
    head, coil, pose = layered_sphere(), figure_of_eight(), pose_above([0.2, 0.3, 1.0])
    sigma = sigma_of(kind, head, rng)
    conductor = efield.assemble(head, sigma)

    def by_adjoint(values):
        changed = conductor.with_conductivity(values)
        mean = efield.reciprocal(changed, target).mean_field(coil, pose)
        return jnp.linalg.norm(mean)

    def directly(values):
        changed = conductor.with_conductivity(values)
        return jnp.linalg.norm(efield.solve(changed, coil, pose).mean(target))

    assert relative_error(jax.grad(by_adjoint)(sigma), jax.grad(directly)(sigma)) < 1e-9


def test_regions_of_any_shape_serve_as_targets():
    head = layered_sphere()
    scalp = meshing.region(head, (head.tags == 5) & (head.centroids[:, 2] > 0.08))
    conductor = efield.assemble(head, efield.isotropic(head))
    coil, pose = figure_of_eight(), pose_above([0.2, 0.3, 1.0])
    expected = efield.solve(conductor, coil, pose).mean(scalp)
    actual = efield.reciprocal(conductor, scalp).mean_field(coil, pose)
    assert relative_error(actual, expected) < 1e-12


def test_one_dipole_is_a_coil(target):
    head = layered_sphere()
    conductor = efield.assemble(head, efield.isotropic(head))
    coil = MagneticDipoles(np.array([[0.0, 0.0, 0.11]]), np.array([[1.0, 2.0, 3.0]]))
    here = Pose(jnp.eye(3), jnp.zeros(3))
    expected = efield.solve(conductor, coil, here).mean(target)
    actual = efield.reciprocal(conductor, target).mean_field(coil, here)
    assert relative_error(actual, expected) < 1e-12


# Targets.


def test_a_ball_holds_the_centroids_within_it():
    head = layered_sphere()
    chosen = meshing.ball(head, CENTRE, 0.02, "gm")
    distance = np.linalg.norm(head.centroids - CENTRE, axis=1)
    expected = np.flatnonzero((distance <= 0.02) & (head.tags == 2))
    np.testing.assert_array_equal(chosen.tetrahedra, expected)
    assert len(expected) > 10
    np.testing.assert_allclose(chosen.weights.sum(), 1, rtol=1e-14)
    np.testing.assert_allclose(
        chosen.weights * head.volumes[expected].sum(), head.volumes[expected]
    )
    np.testing.assert_array_equal(chosen.centre, CENTRE)


def test_a_mask_and_its_indices_make_the_same_region():
    head = layered_sphere()
    mask = head.tags == 4
    one, other = meshing.region(head, mask), meshing.region(head, np.flatnonzero(mask))
    np.testing.assert_array_equal(one.tetrahedra, other.tetrahedra)
    np.testing.assert_array_equal(one.weights, other.weights)
    volumes = head.volumes[mask]
    np.testing.assert_allclose(
        one.centre, volumes @ head.centroids[mask] / volumes.sum(), atol=1e-15
    )


@pytest.mark.parametrize(
    ("centre", "radius", "tissue", "message"),
    [
        (
            [0, 0, 0.2],
            5e-3,
            "gm",
            r"no gray matter .* \(0, 0, 200\) mm; the nearest is 13",
        ),
        ([0, 0, 0.2], 5e-3, "gm", r"head spans -9\d…9\d × -9\d…9\d × -9\d…9\d mm"),
        ([0, 0, 90], 5e-3, "gm", "in mm on the command line, in m in Python"),
        ([0, 0, 0.05], 5e-3, "csf", "no csf; its tissues are gray matter, bone, scalp"),
        ([0, 0, 0.05], 5e-3, "brain", "'brain', which is not known"),
        ([0, 0], 5e-3, "gm", "three finite numbers"),
        ([0, 0, np.nan], 5e-3, "gm", "three finite numbers"),
        ([0, 0, 0.05], -5e-3, "gm", "positive number in m, got -0.005"),
        ([0, 0, 0.05], np.nan, "gm", "positive number in m, got nan"),
    ],
)
def test_targets_that_cannot_be_are_refused(centre, radius, tissue, message):
    with pytest.raises(ValueError, match=message):
        meshing.ball(layered_sphere(), centre, radius, tissue)


@pytest.mark.parametrize(
    ("selected", "message"),
    [
        ([], "names no tetrahedron"),
        (np.zeros(len(layered_sphere().tags), dtype=bool), "names no tetrahedron"),
        (np.zeros(5, dtype=bool), r"shape \(\d+,\), got \(5,\)"),
        ([0, 10**6], r"within 0 to \d+, got 0 to 1000000"),
        ([-1], "got -1 to -1"),
        ([3, 3], "twice"),
        ([0.5], "integers"),
    ],
)
def test_regions_that_cannot_be_are_refused(selected, message):
    with pytest.raises(ValueError, match=message):
        meshing.region(layered_sphere(), selected)
