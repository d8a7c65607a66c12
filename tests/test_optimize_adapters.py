"""Optimizers of other packages reach what the search reaches, on the same problem."""

import builtins
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from heads import boxed_coil, five_layers, scalp_of_five_layers

from tmsgrad import efield, meshing, optimize


CENTRE = np.array([0.02, -0.015, 0.058])
optax = pytest.importorskip("optax", reason="the extra [optimizers] is not installed")
optimistix = pytest.importorskip("optimistix", reason="it belongs to the same extra")


@functools.cache
def objective():
    head = five_layers()
    conductor = efield.assemble(head, efield.isotropic(head))
    target = meshing.ball(head, CENTRE, 8e-3)
    return optimize.MeanMagnitude(efield.reciprocal(conductor, target))


@functools.cache
def problem():
    return optimize.problem(objective(), boxed_coil(), scalp_of_five_layers())


@functools.cache
def few():
    return problem().simplified(scalp_of_five_layers())


@functools.cache
def best():
    """What the search finds, by the simplified problem."""
    found = optimize.find_pose(objective(), boxed_coil(), scalp_of_five_layers())
    return found, float(found.history.max())


@functools.cache
def begin():
    """On the search's own hill: facets of this scalp make several of almost its height."""
    found, highest = best()
    start = few().at(found.pose) + jnp.asarray([0.02, -0.02, 0.9])
    assert few().value(start) < 0.999 * highest
    return start


@pytest.mark.long
def test_optax_climbs_from_many_starts_at_once():
    found, highest = best()
    starts = few().draw(jax.random.key(0), 6)
    schedule = optax.cosine_decay_schedule(0.2, 50)
    # Optax mixes types of numbers.
    with jax.numpy_dtype_promotion("standard"):
        climbed = optimize.with_optax(few(), optax.adam(schedule), starts, steps=50)
    np.testing.assert_allclose(climbed.value, highest, rtol=2e-4)
    np.testing.assert_allclose(
        few().values(jnp.asarray(climbed.points)), climbed.values
    )
    assert (climbed.values >= few().values(starts) - 1e-12).all()
    assert climbed.evaluations == 6 * 51
    scalp = scalp_of_five_layers()
    end = optimize.settle(problem(), climbed.x, scalp)
    assert end.value > 0.995 * found.value
    # Facets of this scalp are large: places around are better or worse by much.
    tried = optimize.settle(problem(), climbed.x, scalp, simplified=few())
    assert tried.value >= end.value
    assert tried.value > 0.999 * found.value
    assert tried.clearance > 0
    np.testing.assert_allclose(tried.distance, 4e-3, atol=1e-9)
    assert "6 starts" in repr(climbed)


def test_scipy_climbs_to_the_same_place():
    _, highest = best()
    climbed = optimize.with_scipy(few(), begin())
    np.testing.assert_allclose(climbed.value, highest, rtol=1e-5)
    assert climbed.message.startswith("CONVERGENCE")
    wider = optimize.with_evolution(few(), maxiter=6, popsize=6, seed=0)
    # It may end on another of the hills.
    np.testing.assert_allclose(wider.value, highest, rtol=5e-4)
    np.testing.assert_array_equal(few().project(jnp.asarray(wider.x)), wider.x)


def test_optimistix_climbs_to_the_same_place():
    _, highest = best()
    with (
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        climbed = optimize.with_optimistix(few(), optimistix.BFGS(1e-7, 1e-7), begin())
    np.testing.assert_allclose(climbed.value, highest, rtol=1e-5)
    assert climbed.message == "converged"


def test_what_is_no_start_is_refused():
    with pytest.raises(ValueError, match=r"3 unknowns \(place, angle\)"):
        optimize.with_scipy(few(), np.zeros(5))
    with pytest.raises(ValueError, match="not finite"):
        optimize.with_scipy(few(), np.array([0.0, np.nan, 0.0]))


def test_a_missing_package_names_the_extra(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "optax":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"tmsgrad\[optimizers\]"):
        optimize.with_optax(few(), optax.identity())
