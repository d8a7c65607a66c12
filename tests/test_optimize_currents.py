"""Two coils in one casing, each on a stimulator of its own, over spheres."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest
from heads import boxed_coil, five_layers, scalp_of_five_layers

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.coils import Pose


HIGHEST = np.array([1.0e6, 0.6e6])  # [A/s]


@functools.cache
def pair():
    """The one turned by 60 degrees above the other, wired against it."""
    turned = Pose.from_matsimnibs(np.eye(4)).moved(
        jnp.array([0.0, 0.0, -0.016]), jnp.array([0.0, 0.0, np.radians(-120.0)])
    )
    return coils.compose(
        [boxed_coil(), boxed_coil()], [Pose.from_matsimnibs(np.eye(4)), turned]
    )


@functools.cache
def objective():
    head = five_layers()
    conductor = efield.assemble(head, efield.isotropic(head))
    target = meshing.ball(head, [0.0, 0.01, 0.062], 12e-3)
    return optimize.MeanMagnitude(efield.reciprocal(conductor, target))


def value_of(coil, pose, rates):
    driven = coil.driven(jnp.asarray(rates) / 1e6)
    mean = objective().reciprocal.mean_field(driven, pose, 1e6)
    return float(objective().value(mean))


@pytest.mark.long
def test_pose_and_currents_together_are_better_than_either():
    scalp = scalp_of_five_layers()
    options = {"domain": optimize.Domain(radius=20e-3), "starts": 2}
    search, currents = optimize.find_pose_and_currents(
        objective(), pair(), scalp, HIGHEST, **options
    )
    assert (np.abs(currents.rates) <= HIGHEST * (1 + 1e-9)).all()
    here = value_of(pair(), search.pose, currents.rates)
    np.testing.assert_allclose(here, currents.value, rtol=1e-9)
    assert currents.value >= search.value * (1 - 1e-9)
    # All stimulators at their highest, as both are wired, weaken each other.
    as_wired = optimize.find_pose(
        objective(), pair().driven(jnp.asarray(HIGHEST) / 1e6), scalp, **options
    )
    assert currents.value > 1.2 * as_wired.value
    # At the pose found no other currents are better; nor are those at poses nearby.
    rng = np.random.default_rng(0)
    for _ in range(8):
        other = rng.uniform(-1, 1, 2) * HIGHEST
        assert value_of(pair(), search.pose, other) <= currents.value
        turn = jnp.asarray([0.0, 0.0, rng.uniform(-0.2, 0.2)])
        near = search.pose.moved(jnp.zeros(3), turn)
        assert value_of(pair(), near, currents.rates) < 1.001 * currents.value


def test_other_objectives_are_refused():
    other = optimize.WeightedSum([objective()], [1.0])
    with pytest.raises(ValueError, match="not for WeightedSum: search the pose"):
        optimize.find_pose_and_currents(other, pair(), scalp_of_five_layers(), 1e6)
