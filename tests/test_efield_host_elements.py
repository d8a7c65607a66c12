"""Elements of patches in NumPy: as those of JAX, and nothing to compile for a target."""

import contextlib
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
)

from tmsgrad import efield, meshing
from tmsgrad.efield.host_elements import HostElements
from tmsgrad.efield.linear import Stiffness
from tmsgrad.efield.linear.stiffness import assemble_ungrounded
from tmsgrad.efield.p2 import second_order
from tmsgrad.efield.reciprocity import total_current


@functools.cache
def head():
    return layered_sphere(0.03)


@pytest.fixture(params=["scalar", "tensor"])
def both(request, rng):
    """The same elements for NumPy and for JAX."""
    sigma = np.asarray(efield.isotropic(head()))
    if request.param == "tensor":
        sigma = random_tensors(rng, len(head().tags))
    stiffness = Stiffness(second_order(head()), jnp.asarray(sigma), jnp.asarray(0))
    return HostElements.on(head(), sigma), stiffness


def test_geometry_is_that_of_jax(both):
    host, stiffness = both
    for name in ("nodes", "tetrahedra", "gradients", "volumes"):
        np.testing.assert_allclose(
            getattr(host, name), getattr(stiffness.elements, name), rtol=1e-12
        )


def test_loads_and_currents_are_those_of_jax(both, rng):
    host, stiffness = both
    elements = stiffness.elements
    dipoles = rng.standard_normal((3, len(head().tags)))
    spread = elements.averaged_adjoint(jnp.asarray(dipoles))
    same = functools.partial(np.testing.assert_allclose, rtol=1e-9)
    load = np.asarray(elements.gradient_adjoint(spread))
    same(host.load(dipoles), load, atol=1e-12 * abs(load).max())
    potential = rng.standard_normal(len(elements.nodes))
    driven = np.asarray(total_current(stiffness, spread, jnp.asarray(potential)))
    found = host.currents(dipoles, potential)
    same(found, driven, atol=1e-12 * abs(driven).max())
    nodal = np.asarray(elements.projected_adjoint(jnp.asarray(driven)))
    same(host.at_nodes(found), nodal, atol=1e-12 * abs(nodal).max())


def test_the_matrix_is_the_operator(both, rng):
    """Stiffness times a potential is the load of what it drives."""
    host, stiffness = both
    matrix = assemble_ungrounded(host.geometry, host.conductivity)
    values = rng.standard_normal(len(host.nodes))
    elements = stiffness.elements
    driven = stiffness.current(elements.gradient(jnp.asarray(values)))
    expected = np.asarray(elements.gradient_adjoint(driven))
    np.testing.assert_allclose(
        matrix @ values, expected, atol=1e-12 * abs(expected).max()
    )
    assert abs(matrix @ np.ones(len(host.nodes))).max() < 1e-12 * abs(matrix).max()


def test_further_targets_are_not_compiled_for():
    conductor = efield.assemble(head(), efield.isotropic(head()))
    second = efield.enriched(conductor, head())
    targets = [
        meshing.ball(head(), centre, radius)
        for centre, radius in (([0.01, 0.02, 0.05], 0.02), ([0, 0.04, 0.04], 0.023))
    ]
    first, further = targets
    assert len(first.tetrahedra) != len(further.tetrahedra)
    given = (conductor, head())
    efield.target_field(*given, first, second=second)
    with _compilations() as compiled:
        found = efield.target_field(*given, further, second=second)
    assert compiled == []
    # The numbers of sources are few, and what fills them up gives nothing.
    whole = found.reciprocal
    added = len(whole.positions) - len(conductor.nodes)
    assert added % (1 << (added.bit_length() - 3)) == 0
    real = np.flatnonzero(np.abs(np.asarray(whole.currents)).max(axis=(0, 2)))
    assert len(real) < len(whole.positions)
    bare = efield.Reciprocal(
        whole.positions[real], whole.currents[:, real], whole.centre
    )
    values = (
        each.mean_field(figure_of_eight(), pose_above([0.2, 0.3, 1.0]))
        for each in (bare, found)
    )
    assert relative_error(*values) < 1e-12


@contextlib.contextmanager
def _compilations():
    """List what XLA compiles meanwhile; jax forgets no listener by itself."""
    compiled, listening = [], [True]

    def listener(event: str, duration_secs: float, **_) -> None:
        if listening and "backend_compile" in event:
            compiled.append((event, duration_secs))

    jax.monitoring.register_event_duration_secs_listener(listener)
    yield compiled
    listening.clear()
