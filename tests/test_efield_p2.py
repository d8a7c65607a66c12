import itertools

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
from tmsgrad.efield.elements import ELEMENT_EDGES
from tmsgrad.efield.linear import stiffness
from tmsgrad.validation.quadrature import fifth_degree


POSE = pose_above([0.2, 0.3, 1.0])
SOLVERS = [efield.Direct(), efield.HostMultigrid(1e-12), efield.Multigrid(1e-12)]
names = lambda solver: type(solver).__name__


@pytest.fixture(scope="module")
def head():
    return layered_sphere()


@pytest.fixture(scope="module")
def target(head):
    return meshing.ball(head, [0.01, 0.02, 0.05], 0.02)


@pytest.fixture(scope="module")
def conductor(head):
    return efield.assemble(head, efield.isotropic(head), order=2)


@pytest.fixture(scope="module", params=["scalar", "tensor"])
def either(request, head, conductor):
    """A conductor with a value and one with a tensor per element."""
    if request.param == "scalar":
        return conductor
    tensors = random_tensors(np.random.default_rng(0), len(head.tags))
    return efield.assemble(head, jnp.asarray(tensors), order=2)


class Quadratic:
    """A function of second degree, and its gradient."""

    def __init__(self, rng):
        half = rng.normal(size=(3, 3))
        self.slope, self.curvature = rng.normal(size=3), half + half.T

    def __call__(self, points):
        return (
            points @ self.slope + np.sum(points @ self.curvature * points, axis=-1) / 2
        )

    def gradient(self, points):
        return self.slope + points @ self.curvature


# The elements.


def test_nodes_are_those_of_the_head_and_one_amid_each_edge(head, conductor):
    elements, count = conductor.elements, len(head.nodes)
    nodes, local = np.asarray(elements.nodes), np.asarray(elements.tetrahedra)
    np.testing.assert_array_equal(nodes[:count], head.nodes)
    np.testing.assert_array_equal(local[:4].T, head.tetrahedra)
    for place, (i, j) in enumerate(ELEMENT_EDGES):
        middle = (head.nodes[local[i]] + head.nodes[local[j]]) / 2
        np.testing.assert_allclose(nodes[local[4 + place]], middle, atol=1e-17)
    pairs = {
        tuple(sorted(pair))
        for corners in head.tetrahedra.tolist()
        for pair in itertools.combinations(corners, 2)
    }
    assert len(nodes) == count + len(pairs)
    assert {tuple(ends) for ends in np.asarray(elements.edges).T.tolist()} == pairs


def test_gradients_of_quadratic_functions_are_exact(head, conductor, rng):
    function = Quadratic(rng)
    gradient = conductor.elements.gradient(
        jnp.asarray(function(np.asarray(conductor.nodes)))
    )
    corners = head.nodes[head.tetrahedra]
    expected = function.gradient(corners)
    np.testing.assert_allclose(
        conductor.elements.corners(gradient), expected, rtol=1e-9, atol=1e-9
    )
    np.testing.assert_allclose(
        conductor.elements.averaged(gradient).T, expected.mean(axis=1), atol=1e-9
    )


def test_projections_are_the_nearest_linear_fields(head, conductor, rng):
    # What is left of a quadratic field is orthogonal to all linear ones.
    functions = [Quadratic(rng) for _ in range(3)]
    field = lambda points: np.stack([f(points) for f in functions], axis=-1)
    elements, rule = conductor.elements, fifth_degree()
    found = np.asarray(
        elements.corners(
            elements.projected(jnp.asarray(field(np.asarray(elements.nodes))))
        )
    )
    points = rule.points(head)
    left = field(points) - np.einsum("qk,tkc->tqc", rule.barycentric, found)
    moments = np.einsum("q,qk,tqc->tkc", rule.weights, rule.barycentric, left)
    assert np.abs(left).max() > 1e-5
    assert np.abs(moments).max() < 1e-14


def test_moments_are_integrals_against_what_is_one_at_a_corner(conductor, rng):
    elements, rule = conductor.elements, fifth_degree()
    vectors = rng.normal(size=(4, 3, len(elements.volumes)))
    expected = np.einsum(
        "q,qk,ql,lct->kct", rule.weights, rule.barycentric, rule.barycentric, vectors
    )
    moments = elements.moments(jnp.asarray(vectors))
    np.testing.assert_allclose(moments, expected, atol=1e-14)


def test_adjoints_are_what_they_claim(conductor, rng):
    elements = conductor.elements
    draw = lambda *shape: jnp.asarray(rng.normal(size=shape))
    tets, nodes = len(elements.volumes), len(elements.nodes)
    values, positions = draw(nodes), draw(nodes, 3)
    vectors, means = draw(4, 3, tets), draw(3, tets)
    pairs = [
        (
            elements.gradient(values) * vectors,
            values * elements.gradient_adjoint(vectors),
        ),
        (
            elements.projected(positions) * vectors,
            positions * elements.projected_adjoint(vectors),
        ),
        (
            elements.averaged(vectors) * means,
            vectors * elements.averaged_adjoint(means),
        ),
    ]
    for one, other in pairs:
        np.testing.assert_allclose(jnp.sum(one), jnp.sum(other), rtol=1e-11)


# The linear system.


def test_matrix_and_operator_agree(either, head, rng):
    sigma = np.asarray(either.conductivity)
    mesh = either.host.mesh
    vector = rng.normal(size=mesh.nodes)
    vector[mesh.ground] = 0
    expected = either.stiffness(jnp.asarray(mesh.restored(vector)))
    expected = mesh.ordered(np.asarray(expected))
    upper = stiffness.whole(stiffness.assemble_upper(mesh, sigma))
    for matrix in (upper, stiffness.assemble_whole(mesh, sigma)):
        assert relative_error(matrix @ vector, expected) < 1e-13
        assert abs(matrix - matrix.T).max() == 0
        assert matrix[[mesh.ground]].count_nonzero() == 1
        assert matrix.diagonal().min() > 0
        once = matrix.copy()
        once.sum_duplicates()
        assert once.nnz == matrix.nnz


def test_the_coarser_matrix_is_that_of_first_order(either, head):
    mesh, sigma = either.host.mesh, np.asarray(either.conductivity)
    fine = stiffness.whole(stiffness.assemble_upper(mesh, sigma))
    first = efield.assemble(head, either.conductivity).host.mesh
    coarse = stiffness.whole(stiffness.assemble_upper(first, sigma))
    between = (mesh.prolongation.T @ fine @ mesh.prolongation).tolil()
    # The ground's own entry is arbitrary.
    between[first.ground, first.ground] = coarse[first.ground, first.ground]
    assert abs(between - coarse).max() < 1e-13 * abs(coarse).max()


@pytest.mark.parametrize("solver", SOLVERS, ids=names)
def test_quadratic_potentials_are_exact(either, solver, rng):
    # Where ∂A/∂t is minus a gradient, the potential balances it in any conductor.
    function, nodes = Quadratic(rng), np.asarray(either.nodes)
    rates = jnp.asarray(-function.gradient(nodes))
    field = efield.solve_rate(either, rates[None], solver=solver)
    expected = function(nodes) - function(nodes[int(either.stiffness.ground)])
    assert field.corners is not None
    size = np.abs(rates).max()
    assert float(jnp.max(jnp.abs(field.corners))) < 1e-8 * size
    np.testing.assert_allclose(
        field.potential[0], expected, atol=1e-10 * np.abs(expected).max()
    )


def test_more_functions_store_less_energy_error(head, conductor, rng):
    # The potential minimises ∫ σ |∂A/∂t + ∇φ|² among the functions of the elements.
    coil, linear = figure_of_eight(), efield.assemble(head, conductor.conductivity)
    first = efield.solve(linear, coil, POSE)
    second = efield.solve(conductor, coil, POSE)
    rates = 1e6 * coil.potential_at(conductor.nodes, POSE)

    def energy(potential):
        elements = conductor.elements
        field = elements.projected(rates) + elements.gradient(potential)
        return float(jnp.sum(field * conductor.stiffness.current(field)))

    mesh, coarser = conductor.host.mesh, linear.host.mesh
    lifted = jnp.asarray(
        mesh.restored(mesh.prolongation @ coarser.ordered(np.asarray(first.potential)))
    )
    assert energy(second.potential) < energy(lifted)
    for _ in range(3):
        change = jnp.asarray(rng.normal(size=lifted.shape))
        change *= 1e-6 * jnp.max(jnp.abs(lifted))
        assert energy(second.potential) < energy(second.potential + change)


@pytest.mark.long
@pytest.mark.parametrize("solver", SOLVERS[1:], ids=names)
def test_solvers_agree(either, solver):
    coil, poses = figure_of_eight(), several_poses()
    expected = efield.solve(either, coil, poses, solver=efield.Direct())
    found = efield.solve(either, coil, poses, solver=solver)
    assert relative_error(found.corners, expected.corners) < 1e-10
    assert int(jnp.min(found.report.iterations)) > 0
    # Coarsening in order must not cost more than coarsening in size does.
    assert int(jnp.max(found.report.iterations)) < 35


@pytest.mark.parametrize("solver", SOLVERS, ids=names)
def test_a_block_of_poses_equals_single_poses(conductor, solver):
    coil, poses = figure_of_eight(), several_poses()
    block = efield.solve(conductor, coil, poses, solver=solver)
    tets, nodes = len(conductor.elements.volumes), len(conductor.nodes)
    assert block.vectors.shape == (3, tets, 3)
    assert block.corners is not None
    assert block.corners.shape == (3, tets, 4, 3)
    assert block.potential.shape == (3, nodes)
    for i in range(3):
        pose = jax.tree.map(lambda leaf: leaf[i], poses)  # noqa: B023
        single = efield.solve(conductor, coil, pose, solver=solver)
        # Blocks end when their last side has converged.
        bound = 1e-12 if isinstance(solver, efield.Direct) else 1e-10
        assert relative_error(block.corners[i], single.corners) < bound
        assert relative_error(block.vectors[i], single.vectors) < bound
        assert relative_error(block.potential[i], single.potential) < bound


@pytest.mark.parametrize("solver", SOLVERS, ids=names)
def test_two_runs_agree_to_the_last_bit(head, solver):
    runs = []
    for _ in range(2):
        made = efield.assemble(head, efield.isotropic(head), order=2)
        field = efield.solve(made, figure_of_eight(), POSE, solver=solver)
        runs.append(np.asarray(field.corners))
    np.testing.assert_array_equal(*runs)


@pytest.mark.parametrize("order", [1, 2])
def test_a_scaled_field_is_that_of_another_rate(head, order):
    made = efield.assemble(head, efield.isotropic(head), order=order)
    coil, poses, times = figure_of_eight(), several_poses(), jnp.array([2.0, 0.5, -1.0])
    fields = efield.solve(made, coil, poses)
    each = fields.scaled(times)
    for i, factor in enumerate(times.tolist()):
        pose = jax.tree.map(lambda leaf: leaf[i], poses)  # noqa: B023
        single = efield.solve(made, coil, pose, 1e6 * factor)
        one = jax.tree.map(lambda leaf: leaf[i], fields).scaled(factor)  # noqa: B023
        for found in (jax.tree.map(lambda leaf: leaf[i], each), one):  # noqa: B023
            assert relative_error(found.vectors, single.vectors) < 1e-10
            assert relative_error(found.potential, single.potential) < 1e-10
            if order == 2:
                assert relative_error(found.corners, single.corners) < 1e-10


# Reciprocity.


def test_reciprocity_equals_the_direct_solve(either, target):
    coil, poses = figure_of_eight(), several_poses()
    direct = efield.solve(either, coil, poses, 3e6, solver=efield.Direct())
    reciprocal = efield.reciprocal(either, target, solver=efield.Direct())
    every = jax.vmap(lambda pose: reciprocal.mean_field(coil, pose, 3e6))(poses)
    assert relative_error(every, direct.mean(target)) < 1e-12
    total = jnp.sum(reciprocal.currents, axis=1)
    assert float(jnp.max(jnp.abs(total))) < 1e-12 * float(
        jnp.sum(jnp.abs(reciprocal.currents))
    )


# Derivatives.


def slope(function, point, direction):
    """Derivative along a direction by central differences of fourth order."""
    at = lambda n: function(point + n * direction)
    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / 12


@pytest.mark.long
def test_derivatives_by_pose_and_conductivity_equal_finite_differences(
    conductor, target, rng
):
    # Those of host solvers are taken by the same lines, and tested in first order.
    sigma = conductor.conductivity

    def evaluate(move, values):
        field = efield.solve(
            conductor.with_conductivity(values),
            figure_of_eight(),
            POSE.moved(move[:3], move[3:]),
            solver=efield.Multigrid(rtol=1e-12),
        )
        return jnp.linalg.norm(field.mean(target))

    both = jax.jit(jax.value_and_grad(evaluate, argnums=(0, 1)))
    value = lambda move, values: both(move, values)[0]
    by_move, by_sigma = both(jnp.zeros(6), sigma)[1]
    move = jnp.asarray(rng.uniform(-1, 1, 6) * ([2e-4] * 3 + [2e-3] * 3))
    expected = slope(lambda x: value(x, sigma), jnp.zeros(6), move)
    np.testing.assert_allclose(by_move @ move, expected, rtol=1e-6)
    change = 1e-2 * sigma * jnp.asarray(rng.uniform(-1, 1, sigma.shape))
    expected = slope(lambda x: value(jnp.zeros(6), x), sigma, change)
    np.testing.assert_allclose(jnp.sum(by_sigma * change), expected, rtol=1e-6)


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
    change = 1e-3 * (random_tensors(rng, len(head.tags)) - 0.5 * np.eye(3))
    expected = slope(value, tensors, jnp.asarray(change))
    np.testing.assert_allclose(jnp.sum(gradient * change), expected, rtol=1e-6)
    forward = jax.jit(lambda d: jax.jvp(value, (tensors,), (d,))[1])
    np.testing.assert_allclose(forward(jnp.asarray(change)), expected, rtol=1e-6)


def test_derivatives_of_reciprocity_equal_those_of_the_direct_solve(conductor, target):
    coil = figure_of_eight()

    @jax.jit
    def by_adjoint(values):
        changed = conductor.with_conductivity(values)
        one = jnp.array([[0.6, 0.0, 0.8]])
        return efield.reciprocal(changed, target, one).mean_field(coil, POSE)[0]

    @jax.jit
    def directly(values):
        changed = conductor.with_conductivity(values)
        field = efield.solve(changed, coil, POSE).mean(target)
        return field @ jnp.array([0.6, 0.0, 0.8])

    sigma = conductor.conductivity
    both = [jax.jit(jax.grad(function))(sigma) for function in (by_adjoint, directly)]
    assert relative_error(*both) < 1e-9


def test_vmap_over_poses_equals_a_block(conductor):
    poses, coil = several_poses(), figure_of_eight()
    block = efield.solve(conductor, coil, poses, solver=efield.Direct())
    solve = lambda pose: efield.solve(conductor, coil, pose, solver=efield.Direct())
    mapped = jax.jit(jax.vmap(solve))(poses)
    assert relative_error(mapped.corners, block.corners) < 1e-12


# Values at points.


@pytest.mark.parametrize("order", [1, 2])
def test_samples_are_the_values_of_the_elements(head, order, rng):
    # The field of a growing uniform B in an insulated head, away from element borders.
    conductor = efield.assemble(head, efield.isotropic(head), order=order)
    field = efield.solve(conductor, figure_of_eight(), several_poses())
    chosen = rng.choice(len(head.tags), 50, replace=False)
    shares = 0.1 + 0.6 * rng.dirichlet(np.ones(4), 50)
    corners = head.nodes[head.tetrahedra[chosen]]
    points = np.einsum("pk,pkc->pc", shares, corners)
    sampler = efield.sampler(head, points)
    np.testing.assert_array_equal(sampler.tetrahedra, chosen)
    np.testing.assert_array_equal(sampler.inside, True)
    found = sampler(field)
    if field.corners is None:
        expected = field.vectors[:, chosen]
    else:
        expected = np.einsum("pk,npkc->npc", shares, field.corners[:, chosen])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    centroids = efield.sampler(head, head.centroids)(field)
    np.testing.assert_allclose(centroids, field.vectors, rtol=1e-9, atol=1e-9)


def test_samples_of_a_tissue_come_from_it(head, conductor):
    field = efield.solve(conductor, figure_of_eight(), POSE)
    outside = np.array([[0.0, 0.0, 0.09]])
    sampler = efield.sampler(head, outside, "gray matter")
    assert not bool(sampler.inside[0])
    assert head.tags[int(sampler.tetrahedra[0])] == 2
    assert field.corners is not None
    of_element = np.asarray(field.corners[int(sampler.tetrahedra[0])])
    value = np.asarray(sampler(field))[0]
    assert (value >= of_element.min(axis=0) - 1e-12).all()
    assert (value <= of_element.max(axis=0) + 1e-12).all()


# What is refused.


@pytest.mark.parametrize("order", [0, 3, 1.5, "2"])
def test_other_orders_are_refused(head, order):
    with pytest.raises((ValueError, TypeError)):
        efield.assemble(head, efield.isotropic(head), order=order)


def test_recovery_of_second_order_is_refused(head, conductor):
    with pytest.raises(ValueError, match=r"first order.*`efield\.sampler`"):
        efield.patch_recovery(conductor, head)
