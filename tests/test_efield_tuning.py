"""What is measured to choose products, and that the choice changes nothing but time."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from heads import boxed_coil, five_layers, pose_over

from tmsgrad import efield
from tmsgrad.efield import tuning


def test_the_fastest_is_chosen_and_kept(conductor, monkeypatch):
    monkeypatch.setattr(tuning, "_kept", {})
    measured = []

    def seconds(solver, matrix, x):
        measured.append((solver, matrix.shape, x.shape))
        return -float(solver.start)

    monkeypatch.setattr(tuning, "_seconds", seconds)
    chosen = efield.tuned(conductor, together=3)
    assert chosen.start == 6_000_000
    assert [solver for solver, *_ in measured] == tuning.variants()
    count = len(five_layers().nodes)
    for _, *shapes in measured:
        assert shapes == [(count, count), (count, 3)]
    assert efield.tuned(conductor, together=3) is chosen
    assert len(measured) == len(tuning.variants())
    efield.tuned(conductor)
    assert len(measured) == 2 * len(tuning.variants())


def test_seconds_are_those_of_a_product(rng):
    matrix = sp.csr_matrix(sp.random_array((30, 30), density=0.2, rng=rng))
    x = jnp.ones((30, 1), jnp.float32)
    assert 0 < tuning._seconds(efield.Multigrid(), matrix, x) < 60


def test_all_choices_give_the_same_field(conductor):
    pose = pose_over([0.2, 0.3, 1.0])
    fields = [
        efield.solve(conductor, boxed_coil(), pose, solver=solver).vectors
        for solver in tuning.variants()[::2]
    ]
    size = np.abs(fields[0]).max()
    for each in fields[1:]:
        np.testing.assert_allclose(each, fields[0], rtol=0, atol=1e-7 * size)


def test_no_right_hand_side_is_refused(conductor):
    with pytest.raises(ValueError, match="`together` must be at least 1, got 0"):
        efield.tuned(conductor, together=0)
