"""Mean fields in some tetrahedra, without room for those in all others."""

import functools

import numpy as np
import pytest
from heads import boxed_coil, five_layers, scalp_of_five_layers

from tmsgrad import efield, optimize
from tmsgrad.efield.forward import solve_means


@functools.cache
def made(order):
    head = five_layers()
    return efield.assemble(head, efield.isotropic(head), order=order)


@pytest.mark.parametrize("order", [1, 2])
def test_means_in_some_tetrahedra_are_those_of_whole_fields(order):
    domain = optimize.placements(scalp_of_five_layers(), [0.02, -0.015, 0.08], 30e-3)
    rates = efield.rates(made(order), boxed_coil(), domain(2, 3))
    solver, few = efield.Direct(), np.array([5, 17, 400])
    found = solve_means(made(order), iter(rates), few, solver=solver)
    whole = efield.solve_rate(made(order), rates, solver=solver)
    np.testing.assert_allclose(found, whole.vectors[:, few], rtol=1e-9, atol=1e-9)
