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
from tmsgrad.coils import Coil, MagneticDipoles, Pose, read_ccd
from tmsgrad.validation import catalogue, metrics


def one_of(poses, index):
    return jax.tree.map(lambda leaf: leaf[index], poses)


def uniform_rate(head, vector):
    return jnp.asarray(np.broadcast_to(vector, (1, *head.nodes.shape)))


def against_simnibs(head, coil, reference):
    """Relative errors of the field of every pose, and all of the first field."""
    conductor = efield.assemble(head, efield.isotropic(head))
    poses = Pose.from_matsimnibs(reference["matsimnibs"])
    rate = float(reference["didt"])
    field = efield.solve(conductor, coil, poses, rate, solver=efield.Direct())
    sampled = np.asarray(field.vectors)[:, reference["tet_index"]]
    errors = [
        relative_error(sampled[i], reference["E_scalar"][i])
        for i in range(len(sampled))
    ]
    return errors, field


def check_potential_and_rate(head, coil, field, reference):
    first = field.potential[0, :1000]
    assert int(np.argmin(head.nodes[:, 2])) == int(reference["ground_node"][0])
    assert relative_error(first, reference["v_first1000"]) < 1e-11
    pose = one_of(Pose.from_matsimnibs(reference["matsimnibs"]), 0)
    rate = 1e6 * coil.potential_at(jnp.asarray(head.nodes[:1000]), pose)
    assert relative_error(rate, reference["dadt_nodes_first1000"]) < 1e-11


def test_template_head_agrees_with_simnibs(references):
    head = meshing.read_npz(references / "template_mesh.npz")
    coil = catalogue.figure_of_eight()
    reference = np.load(references / "template_simnibs45.npz")
    errors, field = against_simnibs(head, coil, reference)
    assert len(errors) == 6
    assert max(errors) < 1e-12
    check_potential_and_rate(head, coil, field, reference)
    # The field is sampled at 8000 tetrahedra; these numbers are of all, in V/m and mm.
    gray = head.tags == 2
    size, volumes = np.asarray(field.magnitude), head.volumes
    summary: dict[str, list[float] | np.ndarray] = {
        f"magnE_GM_{name}": [metrics.peak(m[gray], volumes[gray], p) for m in size]
        for name, p in (("p50", 50.0), ("p99", 99.0), ("p999", 99.9))
    }
    summary["magnE_GM_mean"] = size[:, gray] @ volumes[gray] / volumes[gray].sum()
    summary["L2_all"] = np.sqrt(size**2 @ (volumes * 1e9))
    for column, name in enumerate(reference["summary_names"].tolist()):
        expected = reference["summary_scalar"][:, column]
        np.testing.assert_allclose(summary[name], expected, rtol=1e-11)


def test_new_york_head_agrees_with_simnibs(test_data):
    head = meshing.read_npz(test_data / "heads" / "mesh_nyhead_500k.npz")
    coil = read_ccd(test_data / "coils" / "MagStim_D70.ccd")
    reference = np.load(test_data / "simnibs_reference" / "nyhead_simnibs45.npz")
    errors, field = against_simnibs(head, coil, reference)
    assert max(errors) < 1e-12
    check_potential_and_rate(head, coil, field, reference)


@pytest.mark.parametrize("kind", ["scalar", "tensor"])
def test_a_uniform_rate_induces_no_field_in_any_conductor(kind, rng):
    # The potential -a·x is linear, so elements of first order hold it exactly.
    head, vector = layered_sphere(), np.array([3.0, -2.0, 5.0])
    conductivity = (
        rng.uniform(0.01, 2.0, len(head.tags))
        if kind == "scalar"
        else random_tensors(rng, len(head.tags))
    )
    conductor = efield.assemble(head, jnp.asarray(conductivity))
    field = efield.solve_rate(conductor, uniform_rate(head, vector))
    assert float(jnp.max(field.magnitude)) < 1e-11 * np.linalg.norm(vector)
    expected = -(head.nodes - head.nodes[np.argmin(head.nodes[:, 2])]) @ vector
    np.testing.assert_allclose(field.potential[0], expected, atol=1e-12)


def test_no_current_leaves_through_the_scalp_or_gathers_at_a_node():
    # The weak form at node n: Σ V σ E·∇N = 0.
    head = layered_sphere()
    conductor = efield.assemble(head, efield.isotropic(head))
    field = efield.solve(conductor, figure_of_eight(), pose_above([0.2, 0.3, 1.0]))
    current = conductor.stiffness.current(field.vectors.T)
    at_nodes = conductor.elements.gradient_adjoint(current)
    passing = conductor.elements.gradient_adjoint(jnp.abs(current))
    assert float(jnp.max(jnp.abs(at_nodes))) < 1e-12 * float(jnp.max(jnp.abs(passing)))


def test_a_tensor_equals_a_scalar_on_a_stretched_head(rng):
    # x → Fx carries σ to F σ Fᵀ / det F, a covector v to F⁻ᵀ v, and linear elements to
    # linear elements, so that the equality is exact.
    head = layered_sphere()
    sigma = rng.uniform(0.1, 1.0, len(head.tags))
    stretch = np.eye(3) + 0.3 * rng.normal(size=(3, 3))
    assert np.linalg.det(stretch) > 0.2
    tensor = sigma[:, None, None] * stretch @ stretch.T / np.linalg.det(stretch)
    rates = rng.normal(size=(2, *head.nodes.shape))
    back = np.linalg.inv(stretch)
    plain = efield.solve_rate(
        efield.assemble(head, jnp.asarray(sigma)), jnp.asarray(rates)
    )
    stretched = efield.solve_rate(
        efield.assemble(
            meshing.HeadMesh(head.nodes @ stretch.T, head.tetrahedra, head.tags),
            jnp.asarray(tensor),
        ),
        jnp.asarray(rates @ back),
    )
    assert relative_error(stretched.vectors, plain.vectors @ back) < 1e-11


def test_isotropic_tensors_equal_scalars():
    head, coil, poses = layered_sphere(), figure_of_eight(), several_poses()
    scalar = efield.isotropic(head)
    tensor = scalar[:, None, None] * jnp.eye(3)[None]
    one = efield.solve(efield.assemble(head, scalar), coil, poses)
    other = efield.solve(efield.assemble(head, tensor), coil, poses)
    assert relative_error(other.vectors, one.vectors) < 1e-12


def test_turning_head_and_coil_together_turns_the_field(rng):
    head, coil = layered_sphere(), figure_of_eight()
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    shift = np.array([0.03, -0.01, 0.02])
    pose = pose_above([0.2, 0.3, 1.0])
    moved_pose = Pose(turn @ pose.rotation, turn @ pose.translation + shift)
    moved_head = meshing.HeadMesh(
        head.nodes @ turn.T + shift, head.tetrahedra, head.tags
    )
    tensors = random_tensors(rng, len(head.tags))
    turned_tensors = np.einsum("ij,ejk,lk->eil", turn, tensors, turn)
    plain = efield.solve(efield.assemble(head, jnp.asarray(tensors)), coil, pose)
    moved = efield.solve(
        efield.assemble(moved_head, jnp.asarray(turned_tensors)), coil, moved_pose
    )
    assert relative_error(moved.vectors, plain.vectors @ turn.T) < 1e-11


def test_a_larger_world_has_a_weaker_field():
    # A of dipoles falls with the square of the distance, and no length remains.
    head, coil, pose = layered_sphere(), figure_of_eight(), pose_above([0.2, 0.3, 1.0])
    large = meshing.HeadMesh(2 * head.nodes, head.tetrahedra, head.tags)
    large_coil = MagneticDipoles(2 * coil.positions, coil.moments)
    large_pose = Pose(pose.rotation, 2 * pose.translation)
    sigma = efield.isotropic(head)
    field = efield.solve(efield.assemble(head, sigma), coil, pose)
    weak = efield.solve(efield.assemble(large, sigma), large_coil, large_pose)
    assert relative_error(4 * weak.vectors, field.vectors) < 1e-12


def test_the_field_is_linear_in_the_coil_and_free_of_the_scale_of_conductivity():
    head, pose = layered_sphere(), pose_above([0.2, 0.3, 1.0])
    eight = figure_of_eight()
    half = [
        MagneticDipoles(eight.positions[s], eight.moments[s]) for s in np.s_[:24, 24:]
    ]
    sigma = efield.isotropic(head)
    conductor = efield.assemble(head, sigma)
    parts = [efield.solve(conductor, coil, pose, 1e6).vectors for coil in half]
    together = efield.solve(conductor, Coil(tuple(half)), pose, 2e6).vectors
    assert relative_error(2 * (parts[0] + parts[1]), together) < 1e-12
    scaled = efield.solve(conductor.with_conductivity(7 * sigma), eight, pose, 2e6)
    assert relative_error(scaled.vectors, together) < 1e-12


def test_a_block_of_poses_equals_single_poses():
    head, coil, poses = layered_sphere(), figure_of_eight(), several_poses()
    conductor = efield.assemble(head, efield.isotropic(head))
    block = efield.solve(conductor, coil, poses, solver=efield.Direct())
    assert block.vectors.shape == (3, len(head.tags), 3)
    assert block.potential.shape == (3, len(head.nodes))
    assert block.report.residual.shape == (3,)
    for i in range(3):
        single = efield.solve(conductor, coil, one_of(poses, i), solver=efield.Direct())
        assert relative_error(block.vectors[i], single.vectors) < 1e-13
        assert relative_error(block.potential[i], single.potential) < 1e-13
        assert float(single.report.residual) < 1e-12


def test_two_runs_agree_to_the_last_bit():
    head, coil, poses = layered_sphere(0.015), figure_of_eight(), several_poses()
    runs = []
    for _ in range(2):
        conductor = efield.assemble(head, efield.isotropic(head))
        runs += [np.asarray(efield.solve(conductor, coil, poses).vectors)]
        runs += [np.asarray(efield.solve(conductor, coil, poses).vectors)]
    for run in runs[1:]:
        np.testing.assert_array_equal(run, runs[0])


def test_means_of_a_field_are_weighted_by_volume():
    head = layered_sphere()
    region = meshing.ball(head, [0, 0, 0.05], 0.02)
    rate = np.asarray(head.nodes @ np.array([[0, 1.0, 0], [-1, 0, 0], [0, 0, 0]]))
    conductor = efield.assemble(head, efield.isotropic(head))
    field = efield.solve_rate(conductor, jnp.asarray(rate[None]))
    chosen, volumes = region.tetrahedra, head.volumes[region.tetrahedra]
    vectors = np.asarray(field.vectors)[0, chosen]
    np.testing.assert_allclose(
        field.mean(region)[0], volumes @ vectors / volumes.sum(), rtol=1e-12
    )
    np.testing.assert_allclose(
        field.mean_magnitude(region)[0],
        volumes @ np.linalg.norm(vectors, axis=1) / volumes.sum(),
        rtol=1e-12,
    )


def test_the_magnitude_of_no_field_has_a_derivative():
    head = layered_sphere()
    conductor = efield.assemble(head, efield.isotropic(head))
    rates = uniform_rate(head, np.zeros(3))
    total = lambda r: jnp.sum(efield.solve_rate(conductor, r).magnitude)
    assert np.isfinite(np.asarray(jax.grad(total)(rates))).all()


@pytest.mark.parametrize("traced", [False, True])
def test_a_pose_that_is_nan_is_refused(traced):
    head = layered_sphere()
    conductor = efield.assemble(head, efield.isotropic(head))
    pose = Pose(jnp.eye(3), jnp.array([0.0, jnp.nan, 0.1]))
    solve = lambda p: efield.solve(conductor, figure_of_eight(), p).vectors
    kind, message = (
        (jax.errors.JaxRuntimeError, "not finite")
        if traced
        else (ValueError, "not finite")
    )
    with pytest.raises(kind, match=message):
        jax.block_until_ready((jax.jit(solve) if traced else solve)(pose))


def test_a_dipole_on_a_node_is_refused():
    head = layered_sphere()
    conductor = efield.assemble(head, efield.isotropic(head))
    coil = MagneticDipoles(np.zeros((1, 3)), np.ones((1, 3)))
    pose = Pose(jnp.eye(3), jnp.asarray(head.nodes[17]))
    with pytest.raises(ValueError, match="lie on a source of the coil"):
        efield.solve(conductor, coil, pose)


def two_spheres(gap):
    """One mesh of two parts that share no node."""
    head = layered_sphere(0.03)
    nodes = np.concatenate([head.nodes, head.nodes + np.array([gap, 0, 0])])
    tetrahedra = np.concatenate([head.tetrahedra, head.tetrahedra + len(head.nodes)])
    return meshing.HeadMesh(nodes, tetrahedra, np.tile(head.tags, 2))


@pytest.mark.parametrize("gap", [0.2, 0.21, 0.22, 0.23])
def test_a_mesh_in_two_parts_is_refused(gap):
    # Whether the singular matrix can be factorised is a matter of rounding.
    head = two_spheres(gap)
    with pytest.raises(ValueError, match=r"2 parts .* smallest has \d+ of"):
        efield.assemble(head, efield.isotropic(head))


def test_a_node_of_no_element_is_refused():
    head = layered_sphere(0.03)
    nodes = np.concatenate([head.nodes, [[0.0, 0.0, 0.2]]])
    loose = meshing.HeadMesh(nodes, head.tetrahedra, head.tags)
    with pytest.raises(
        ValueError, match=r"smallest has 1 of .* \(0\.0, 0\.0, 200\.0\)"
    ):
        efield.assemble(loose, efield.isotropic(loose))
