import jax
import jax.numpy as jnp
import numpy as np
import pytest
from efield_examples import layered_sphere, random_tensors

from tmsgrad import efield


def test_each_element_has_the_conductivity_of_its_tissue():
    head = layered_sphere()
    sigma = efield.isotropic(head)
    for tag, value in ((2, 0.275), (4, 0.010), (5, 0.465)):
        assert set(np.asarray(sigma)[head.tags == tag].tolist()) == {value}


def test_the_table_is_that_of_simnibs():
    assert efield.CONDUCTIVITIES == {
        1: 0.126,
        2: 0.275,
        3: 1.654,
        4: 0.010,
        5: 0.465,
        6: 0.5,
        7: 0.008,
        8: 0.025,
        9: 0.6,
        10: 0.16,
    }


@pytest.mark.parametrize("tissue", ["scalp", "skin", "Scalp", 5, "5"])
def test_tissues_are_replaced_by_name_or_tag(tissue):
    head = layered_sphere()
    sigma = np.asarray(efield.isotropic(head, {tissue: 0.4}))
    assert set(sigma[head.tags == 5].tolist()) == {0.4}
    assert set(sigma[head.tags == 4].tolist()) == {0.010}


def test_values_are_differentiable_in_each_tissue():
    head = layered_sphere()
    total = lambda value: jnp.sum(efield.isotropic(head, {"bone": value}))
    assert float(jax.grad(total)(jnp.asarray(0.02))) == np.sum(head.tags == 4)


@pytest.mark.parametrize(
    ("tissues", "message"),
    [
        ({"brain": 0.3}, "'brain', which is not known. Write one of white matter"),
        ({11: 0.3}, "11, which is not known"),
        ({"gm": 0.3, 2: 0.4}, "names 'gray matter' twice"),
        ({"gm": 0.0}, "'gray matter' must be one positive number in S/m, got 0.0"),
        ({"gm": -0.3}, "got -0.3"),
        ({"gm": np.nan}, "got nan"),
        ({"gm": np.inf}, "got inf"),
    ],
)
def test_tissues_that_cannot_be_are_refused(tissues, message):
    with pytest.raises(ValueError, match=message):
        efield.isotropic(layered_sphere(), tissues)


def wrong(index, value):
    """Good conductivities with one bad entry."""
    head = layered_sphere()
    sigma = np.full(len(head.tags), 0.3)
    if np.ndim(value):
        sigma = sigma[:, None, None] * np.eye(3)
    sigma[index] = value
    return sigma


@pytest.mark.parametrize(
    ("sigma", "message"),
    [
        (np.ones(7), r"shape \(\d+,\) or \(\d+, 3, 3\).* got \(7,\)"),
        (np.ones((7, 6)), r"got \(7, 6\)"),
        (np.ones(()), r"got \(\)"),
        (wrong(17, np.nan), "tetrahedron 17 is not finite"),
        (wrong(18, -0.1), "tetrahedron 18 is not positive; tissue conducts"),
        (wrong(19, 0.0), "tetrahedron 19 is not positive; tissue conducts"),
        (wrong(20, np.diag([1, np.inf, 1])), "tetrahedron 20 is not finite"),
        (
            wrong(21, [[1, 0.1, 0], [0, 1, 0], [0, 0, 1]]),
            "tetrahedron 21 is not a symmetric tensor",
        ),
        (wrong(22, np.diag([1, 1, -0.1])), "tetrahedron 22 is not positive definite"),
        (wrong(23, np.diag([-1, 1, 1])), "tetrahedron 23 is not positive definite"),
        (wrong(24, np.diag([1, 0, 1])), "tetrahedron 24 is not positive definite"),
        (wrong(25, np.zeros((3, 3))), "tetrahedron 25 is not positive definite"),
        (
            wrong(26, [[1, 2, 0], [2, 1, 0], [0, 0, 1]]),
            "tetrahedron 26 is not positive definite",
        ),
        (
            wrong(27, [[1, 0.9, 0.9], [0.9, 1, 0], [0.9, 0, 1]]),
            "tetrahedron 27 is not positive definite",
        ),
    ],
)
def test_conductivities_that_cannot_be_are_refused(sigma, message):
    with pytest.raises(ValueError, match=message):
        efield.assemble(layered_sphere(), jnp.asarray(sigma))


def test_replacing_the_conductivity_checks_it_too():
    head = layered_sphere()
    conductor = efield.assemble(head, efield.isotropic(head))
    with pytest.raises(ValueError, match="tetrahedron 3 is not finite"):
        conductor.with_conductivity(jnp.asarray(wrong(3, np.nan)))


def test_definite_tensors_of_any_shape_are_accepted(rng):
    # Thin and flat ones in every direction, and air.
    head = layered_sphere()
    tensors = random_tensors(rng, len(head.tags))
    axis = rng.normal(size=(200, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    line = np.einsum("ei,ej->eij", axis, axis)
    tensors[:100] = line[:100] + 1e-9 * np.eye(3)
    tensors[100:200] = (1 + 1e-9) * np.eye(3) - line[100:]
    tensors[200] = 1e-15 * np.eye(3)
    conductor = efield.assemble(head, jnp.asarray(tensors))
    assert conductor.conductivity.shape == tensors.shape
