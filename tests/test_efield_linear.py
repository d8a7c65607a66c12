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
from tmsgrad.efield.linear import direct, mkl, solve_linear, stiffness


POSE = pose_above([0.2, 0.3, 1.0])
TISSUES = jnp.array([0.275, 0.010, 0.465])  # Gray matter, bone, scalp. [S/m]


@pytest.fixture(scope="module")
def head():
    return layered_sphere()


@pytest.fixture(scope="module")
def target(head):
    return meshing.ball(head, [0.01, 0.02, 0.05], 0.02)


@pytest.fixture(scope="module")
def conductor(head):
    return efield.assemble(head, efield.isotropic(head))


@pytest.fixture(scope="module")
def value_of(head, conductor, target):
    """The target value as a function of a move of the coil, tissues and the pose."""

    def value(move, tissues, pose):
        sigma = efield.isotropic(
            head, {"gray matter": tissues[0], "bone": tissues[1], "scalp": tissues[2]}
        )
        field = efield.solve(
            conductor.with_conductivity(sigma),
            figure_of_eight(),
            pose.moved(move[:3], move[3:]),
            solver=efield.Direct(),
        )
        return jnp.linalg.norm(field.mean(target))

    return value


@pytest.fixture(scope="module")
def gradient_of(value_of):
    """Its derivatives by move and tissues, compiled once for all tests."""
    return jax.jit(jax.grad(value_of, argnums=(0, 1)))


def slope(function, point, direction):
    """Derivative along a direction by central differences of fourth order."""
    at = lambda n: function(point + n * direction)
    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / 12


# Derivatives.


def test_derivatives_by_pose_and_conductivity_equal_finite_differences(
    value_of, gradient_of
):
    function = jax.jit(lambda x: value_of(x[:6], x[6:], POSE))
    point = jnp.concatenate([jnp.zeros(6), TISSUES])
    reverse = jnp.concatenate(gradient_of(point[:6], point[6:], POSE))
    forward = jax.jit(jax.jacfwd(function))(point)
    assert relative_error(forward, reverse) < 1e-12
    steps = np.array([2e-4] * 3 + [2e-3] * 3 + (3e-3 * TISSUES).tolist())
    expected = [slope(function, point, jnp.asarray(d)) for d in np.diag(steps)]
    np.testing.assert_allclose(reverse * steps, expected, rtol=1e-6)


def test_derivatives_by_a_tensor_per_element_equal_finite_differences(
    head, conductor, target, rng
):
    tensors = jnp.asarray(random_tensors(rng, len(head.tags)))

    @jax.jit
    def value(sigma):
        changed = conductor.with_conductivity(sigma)
        field = efield.solve(changed, figure_of_eight(), POSE, solver=efield.Direct())
        return jnp.linalg.norm(field.mean(target))

    gradient = jax.jit(jax.grad(value))(tensors)
    np.testing.assert_array_equal(gradient, jnp.swapaxes(gradient, 1, 2))
    everywhere = 1e-3 * (random_tensors(rng, len(head.tags)) - 0.5 * np.eye(3))
    one_entry = np.zeros(tensors.shape)
    one_entry[int(jnp.argmax(jnp.abs(gradient[:, 0, 1]))), 0, 1] = 0.02
    forward = jax.jit(lambda d: jax.jvp(value, (tensors,), (d,))[1])
    for direction in map(jnp.asarray, (everywhere, one_entry)):
        expected = slope(value, tensors, direction)
        np.testing.assert_allclose(jnp.sum(gradient * direction), expected, rtol=1e-6)
        np.testing.assert_allclose(forward(direction), expected, rtol=1e-6)


def test_derivatives_by_a_value_per_element_equal_finite_differences(
    conductor, target, rng
):
    sigma = conductor.conductivity

    @jax.jit
    def value(values):
        changed = conductor.with_conductivity(values)
        return efield.solve(changed, figure_of_eight(), POSE).mean(target)[0]

    direction = 1e-2 * sigma * jnp.asarray(rng.uniform(-1, 1, sigma.shape))
    expected = slope(value, sigma, direction)
    gradient = jax.jit(jax.grad(value))(sigma)
    np.testing.assert_allclose(jnp.sum(gradient * direction), expected, rtol=1e-6)


def test_second_derivatives_equal_differences_of_first_ones(value_of, gradient_of):
    function = lambda move: value_of(move, TISSUES, POSE)
    hessian = jax.jit(jax.hessian(function))(jnp.zeros(6))
    gradient = lambda move: gradient_of(move, TISSUES, POSE)[0]
    steps = np.array([2e-4] * 3 + [2e-3] * 3)
    for axis in range(6):
        direction = jnp.asarray(np.diag(steps)[axis])
        expected = slope(gradient, jnp.zeros(6), direction)
        assert relative_error(hessian[axis] * steps[axis], expected) < 1e-6


# Transformations.


def test_compiled_functions_give_what_others_give(value_of, gradient_of):
    point = (jnp.array([1e-3, 2e-3, 0.0, 0.0, 0.02, 0.1]), TISSUES, POSE)
    gradient = jax.grad(value_of, argnums=(0, 1))(*point)
    for _ in range(2):
        for one, other in zip(gradient, gradient_of(*point), strict=True):
            assert relative_error(other, one) < 1e-10


def test_vmap_over_poses_equals_a_block(conductor):
    poses, coil = several_poses(), figure_of_eight()
    block = efield.solve(conductor, coil, poses, solver=efield.Direct())
    solve = lambda pose: efield.solve(conductor, coil, pose, solver=efield.Direct())
    for run in (jax.vmap(solve), jax.jit(jax.vmap(solve))):
        mapped = run(poses)
        assert mapped.vectors.shape == block.vectors.shape
        assert mapped.report.residual.shape == (3,)
        assert relative_error(mapped.vectors, block.vectors) < 1e-12


@pytest.mark.long
def test_gradients_of_many_poses_and_conductivities_at_once(gradient_of):
    tissues = TISSUES[None] * jnp.array([[1.0, 1, 1], [0.5, 2, 1.1]])
    move, poses = jnp.zeros(6), several_poses()
    over_tissues = jax.vmap(gradient_of, in_axes=(None, 0, None))
    over_both = jax.jit(jax.vmap(over_tissues, in_axes=(None, None, 0)))
    over_poses = jax.jit(jax.vmap(gradient_of, in_axes=(None, None, 0)))
    both, of_first = (
        over_both(move, tissues, poses),
        over_poses(move, tissues[0], poses),
    )
    for i in range(3):
        pose = jax.tree.map(lambda leaf, i=i: leaf[i], poses)
        for j in range(2):
            expected = gradient_of(move, tissues[j], pose)
            for part in range(2):
                assert relative_error(both[part][i, j], expected[part]) < 1e-10
                if j == 0:
                    assert relative_error(of_first[part][i], expected[part]) < 1e-10


def test_another_conductivity_gets_another_factor(value_of):
    compiled = jax.jit(lambda tissues: value_of(jnp.zeros(6), tissues, POSE))
    first = compiled(TISSUES)
    second = compiled(2 * TISSUES.at[1].set(0.3))
    assert abs(float(second / first) - 1) > 1e-3
    np.testing.assert_array_equal(compiled(TISSUES), first)


# The linear system.


@pytest.mark.parametrize("kind", ["scalar", "tensor"])
def test_matrix_and_operator_agree(kind, head, rng):
    sigma = rng.uniform(0.1, 2, len(head.tags))
    if kind == "tensor":
        sigma = random_tensors(rng, len(head.tags))
    conductor = efield.assemble(head, jnp.asarray(sigma))
    upper = stiffness.assemble_upper(conductor.host.mesh, sigma)
    matrix = stiffness.whole(upper)
    mesh, ground = conductor.host.mesh, conductor.host.mesh.ground
    vector = rng.normal(size=len(head.nodes))
    vector[ground] = 0
    expected = conductor.stiffness(jnp.asarray(mesh.restored(vector)))
    assert relative_error(matrix @ vector, mesh.ordered(np.asarray(expected))) < 1e-13
    assert abs(matrix - matrix.T).max() == 0
    assert matrix[ground].nnz == 1
    without = np.delete(np.arange(len(head.nodes)), ground)
    smallest = np.linalg.eigvalsh(matrix.toarray()[np.ix_(without, without)])[0]
    assert smallest > 0


def test_gradient_and_mean_have_the_adjoints_they_claim(conductor, rng):
    elements = conductor.elements
    nodal = jnp.asarray(rng.normal(size=len(elements.nodes)))
    vectors = jnp.asarray(rng.normal(size=elements.gradients.shape[1:]))
    positions = jnp.asarray(rng.normal(size=elements.nodes.shape))
    np.testing.assert_allclose(
        jnp.sum(elements.gradient(nodal) * vectors),
        jnp.sum(nodal * elements.gradient_adjoint(vectors)),
        rtol=1e-11,
    )
    np.testing.assert_allclose(
        jnp.sum(elements.projected(positions) * vectors),
        jnp.sum(positions * elements.projected_adjoint(vectors)),
        rtol=1e-11,
    )


def test_gradients_of_linear_functions_are_exact(head, conductor):
    slope = np.array([3.0, -1.0, 2.0])
    gradient = conductor.elements.gradient(jnp.asarray(head.nodes @ slope + 5))
    np.testing.assert_allclose(
        gradient.T, np.tile(slope, (len(head.tags), 1)), rtol=1e-9
    )
    np.testing.assert_allclose(conductor.elements.volumes, head.volumes, rtol=1e-12)


@pytest.fixture(params=["pardiso", "superlu"])
def library(request, monkeypatch):
    if request.param == "superlu":
        monkeypatch.setattr(direct, "pardiso_is_available", lambda: False)
    elif not mkl.pardiso_is_available():
        pytest.skip("PARDISO is not installed")


@pytest.mark.usefixtures("library")
def test_the_factorisation_solves_the_system(head, rng):
    conductor = efield.assemble(head, efield.isotropic(head))
    rhs = jnp.asarray(rng.normal(size=(3, len(head.nodes))))
    x, report = solve_linear(conductor.stiffness, conductor.host, rhs, efield.Direct())
    ground = int(conductor.stiffness.ground)
    np.testing.assert_array_equal(x[:, ground], 0)
    product = jax.vmap(conductor.stiffness)(x)
    assert relative_error(product, rhs.at[:, ground].set(0.0)) < 1e-11
    np.testing.assert_array_equal(report.iterations, 0)
    missed = jnp.linalg.norm(product - rhs.at[:, ground].set(0.0), axis=1)
    size = jnp.linalg.norm(rhs.at[:, ground].set(0.0), axis=1)
    assert bool(jnp.all(report.residual < 1e-11))
    assert bool(jnp.all(missed / size < 10 * report.residual + 1e-14))


@pytest.mark.usefixtures("library")
def test_a_tolerance_out_of_reach_is_an_error(head):
    conductor = efield.assemble(head, efield.isotropic(head))
    solver = efield.Direct(rtol=1e-30)
    with pytest.raises(RuntimeError, match=r"instead of 1e-30.*allow a larger `rtol`"):
        efield.solve(conductor, figure_of_eight(), POSE, solver=solver)


@pytest.mark.usefixtures("library")
def test_a_load_of_zero_gives_no_field(head):
    conductor = efield.assemble(head, efield.isotropic(head))
    field = efield.solve(conductor, figure_of_eight(), POSE, current_rate=0.0)
    assert float(jnp.max(jnp.abs(field.vectors))) == 0
    np.testing.assert_array_equal(field.report.residual, 0)


@pytest.mark.long
def test_conductivities_many_orders_apart_are_solved(head):
    # Air around the brain, as a user may have it.
    sigma = efield.isotropic(head, {"bone": 1e-12, "scalp": 1e-12})
    field = efield.solve(efield.assemble(head, sigma), figure_of_eight(), POSE)
    gray = head.tags == 2
    brain = meshing.HeadMesh(*_only(head.nodes, head.tetrahedra[gray]), head.tags[gray])
    alone = efield.solve(
        efield.assemble(brain, efield.isotropic(brain)), figure_of_eight(), POSE
    )
    assert relative_error(field.vectors[gray], alone.vectors) < 1e-8


def _only(nodes, tetrahedra):
    used, inverse = np.unique(tetrahedra, return_inverse=True)
    return nodes[used], inverse.reshape(-1, 4)
