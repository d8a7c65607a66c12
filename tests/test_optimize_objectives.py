import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tmsgrad import optimize
from tmsgrad.efield import Reciprocal


TARGET = Reciprocal(jnp.ones((2, 3)), jnp.ones((3, 2, 3)), jnp.zeros(3))


def test_the_magnitude_is_that_of_the_mean():
    mean = jnp.array([1.0, -2.0, 2.0])
    objective = optimize.MeanMagnitude(TARGET)
    assert float(objective.value(mean)) == 3.0
    np.testing.assert_allclose(jax.grad(objective.value)(mean), mean / 3)


def test_a_component_has_a_sign_and_takes_directions_of_any_length():
    mean = jnp.array([1.0, -2.0, 2.0])
    for length in (1.0, 7.0):
        objective = optimize.MeanComponent(TARGET, [0.0, length, 0.0])
        assert float(objective.value(mean)) == -2.0


@pytest.mark.parametrize("direction", [[0, 0, 0], [1, 2], [np.nan, 0, 1], [[1, 0, 0]]])
def test_what_is_no_direction_is_refused(direction):
    with pytest.raises(ValueError, match="`direction` must be three finite numbers"):
        optimize.MeanComponent(TARGET, direction)
