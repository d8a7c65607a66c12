"""Each way to break the code on purpose makes a quick check fail.

That they hold for code that is not broken is tested in test_cli_validate.py.

What is replaced is looked up when it is called, and is not compiled with what was right.
"""

import inspect

import jax.numpy as jnp
import numpy as np
import pytest

from tmsgrad.coils import Pose, dipoles
from tmsgrad.efield import Reciprocal, anisotropy, forward
from tmsgrad.validation.checks import Verdict, Workbench, run
from tmsgrad.validation.suite import named


def flipped_load(patch):
    """The sign of ∂A/∂t in the load."""
    right = forward._load_parts
    patch.setattr(forward, "_load_parts", lambda *given: -right(*given))


def transposed_tensor(patch):
    """Eigenvectors in rows that should be in columns."""
    right = anisotropy._diffusion

    def wrong(*given):
        found = right(*given)
        turned = np.swapaxes(found.vectors, 1, 2)
        return type(found)(found.tags, found.volumes, found.values, turned)

    patch.setattr(anisotropy, "_diffusion", wrong)


def first_node(patch):
    """∂A/∂t of an element's first node for the mean of its four."""

    def wrong(elements, rate):
        return jnp.stack([rate[elements.tetrahedra[0], c] for c in range(3)])

    patch.setattr(forward, "_projected", wrong)


def millimetres(patch):
    """A coil placed by numbers in mm as if they were in m."""
    matrix = lambda cls, given: cls(given[..., :3, :3], given[..., :3, 3])
    patch.setattr(Pose, "from_matsimnibs", classmethod(matrix))


def another_constant(patch):
    """A wrong ninth digit of μ₀."""
    patch.setattr(dipoles, "MU0_OVER_4PI", 1.00000001e-7)
    # Compiled code has the right one still.
    patch.setattr(forward, "_rates", inspect.unwrap(forward._rates))
    plain = inspect.unwrap(dipoles.MagneticDipoles.vector_potential)
    patch.setattr(dipoles.MagneticDipoles, "vector_potential", plain)


def no_minus(patch):
    """Reciprocity without its minus."""
    right = Reciprocal.mean_field
    patch.setattr(Reciprocal, "mean_field", lambda *given: -right(*given))


SHAPE, SIZE = "template: E with vn, shape", "template: E with vn, size"
TENSOR, ADJOINT = "template: conductivities vn", "P2: target's field by reciprocity"
SLAB = "P1: slab of anisotropic layers under an array of coils"
MUTANTS = [
    (flipped_load, SLAB),
    (transposed_tensor, TENSOR),
    (first_node, SLAB),
    (millimetres, SHAPE),
    (another_constant, SIZE),
    (no_minus, ADJOINT),
]


def outcome(name):
    return run(named([name]), Workbench())[0]


@pytest.mark.long
@pytest.mark.parametrize(
    ("mutate", "name"), MUTANTS, ids=[m.__name__ for m, _ in MUTANTS]
)
def test_a_quick_check_fails_for_code_that_is_broken(mutate, name, monkeypatch):
    assert named([name])[0].quick
    mutate(monkeypatch)
    found = outcome(name)
    assert found.verdict is Verdict.FAILS, found
    # By its number, and not as the mutant raises.
    assert found.measured is not None, found.note
