"""Potentials at very many points, by polynomials in boxes, against direct summation."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from efield_examples import figure_of_eight, layered_sphere, pose_above, several_poses

from tmsgrad import coils, efield
from tmsgrad.coils import boxes


POSE = pose_above([0.2, 0.3, 1.0])


@functools.cache
def places(count: int = 20_000) -> np.ndarray:
    """Points of a ball as large as a head, some of them right under the coil."""
    rng = np.random.default_rng(3)
    found = rng.uniform(-0.092, 0.092, (3 * count, 3))
    found = found[np.linalg.norm(found, axis=1) < 0.092]
    return found[:count]


def ring() -> coils.AbstractCoil:
    """A coil of wires."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    return coils.wire(0.04 * circle, closed=True)


def errors(coil, tolerance):
    found = coils.potential_at_many(coil, places(), POSE, tolerance=tolerance)
    direct = np.asarray(coil.potential_at(jnp.asarray(places()), POSE))
    off = np.linalg.norm(np.asarray(found.values) - direct, axis=1)
    return found, off / np.linalg.norm(direct, axis=1).max()


@pytest.mark.long
@pytest.mark.parametrize("coil", [figure_of_eight(), ring()], ids=["dipoles", "wires"])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7])
def test_boxes_are_within_their_tolerance(coil, tolerance):
    found, off = errors(coil, tolerance)
    assert 0 < found.error <= tolerance
    # Stated is the largest of 500 points, and there are 40 times as many.
    assert off.max() < 3 * tolerance
    assert found.summed < len(places())


def test_boxes_save_most_evaluations():
    many = places(100_000)
    found = coils.potential_at_many(figure_of_eight(), many, POSE, tolerance=1e-4)
    assert found.summed < len(many) / 3


def test_interpolation_errs_by_the_bound_of_its_ellipse():
    """One box beside one dipole: each further point an axis brings its factor ρ."""
    coil = coils.MagneticDipoles(np.zeros((1, 3)), np.array([[0.0, 1.0, 0.0]]))
    still = coils.Pose(np.eye(3), np.zeros(3))
    half, gap = np.full(3, 0.01), 0.01
    middle = np.array([0.0, 0.0, half[2] + gap])
    inside = middle + half * np.random.default_rng(0).uniform(-1, 1, (300, 3))
    direct = np.asarray(coil.potential_at(jnp.asarray(inside), still))
    off = []
    for count in (4, 8, 12):
        box = boxes._Box(np.arange(300), middle, half, (count, count, count))
        values = coil.potential_at(jnp.asarray(boxes._grid(box)), still)
        read = boxes._read(box, np.asarray(values), inside)
        off.append(np.abs(read - direct).max())
    rho = 1 + np.sqrt(2.0)
    rate = (np.log(off[0]) - np.log(off[-1])) / 8
    assert rate == pytest.approx(np.log(rho), rel=0.2)


def test_polynomials_of_a_box_are_read_exactly():
    rng = np.random.default_rng(1)
    box = boxes._Box(
        np.arange(50), np.array([0.1, 0.2, 0.3]), np.array([1.0, 2.0, 3.0]), (3, 4, 2)
    )
    powers = rng.normal(size=(3, 4, 2, 3))

    def polynomial(points):
        axes = [
            np.vander(points[:, k], n, increasing=True) for k, n in enumerate((3, 4, 2))
        ]
        return np.einsum("pa,pb,pc,abcd->pd", *axes, powers)

    inside = box.middle + box.half * rng.uniform(-1, 1, (50, 3))
    read = boxes._read(box, polynomial(boxes._grid(box)), inside)
    np.testing.assert_allclose(read, polynomial(inside), rtol=1e-9, atol=1e-9)


def test_points_at_the_sources_are_summed():
    coil = figure_of_eight()
    there = np.asarray(POSE.to_head(coil.positions)) + 1e-4
    points = np.concatenate([places(5_000), there])
    found = coils.potential_at_many(coil, points, POSE, tolerance=1e-3)
    direct = coil.potential_at(jnp.asarray(there), POSE)
    np.testing.assert_allclose(found.values[5_000:], direct, rtol=1e-9)


def test_every_point_is_in_one_box():
    near = boxes.KDTree(np.asarray(POSE.to_head(figure_of_eight().positions)))
    plan = boxes._plan(places(), near, 1e-6)
    held = np.sort(np.concatenate([each.points for each in plan]))
    np.testing.assert_array_equal(held, np.arange(len(places())))
    for each in plan:
        away = np.abs(places()[each.points] - each.middle)
        assert (away <= each.half + 1e-12).all()


def test_a_coil_without_sources_is_evaluated_directly():
    samples = np.random.default_rng(0).normal(size=(8, 8, 8, 3))
    affine = np.diag([0.05, 0.05, 0.05, 1.0])
    affine[:3, 3] = -0.2
    coil = coils.SampledPotential(samples, affine)
    found = coils.potential_at_many(coil, places(), POSE)
    assert (found.error, found.summed) == (0.0, len(places()))
    direct = coil.potential_at(jnp.asarray(places()), POSE)
    np.testing.assert_array_equal(found.values, direct)
    assert not coils.potential_is_slow(coil, 10**9)


def test_tolerances_out_of_range_are_refused():
    with pytest.raises(ValueError, match="`tolerance` must be"):
        coils.potential_at_many(figure_of_eight(), places(), POSE, tolerance=0.0)


@pytest.mark.long
def test_rates_of_second_order_are_read_from_boxes(monkeypatch):
    head, coil = layered_sphere(0.01), figure_of_eight()
    conductor = efield.assemble(head, efield.isotropic(head), order=2)
    every = several_poses()
    direct = efield.rates(conductor, coil, every)
    monkeypatch.setattr(boxes, "_DIRECT", 0)
    found = efield.rates(conductor, coil, every)
    off = np.linalg.norm(found - direct, axis=-1).max()
    largest = np.linalg.norm(direct, axis=-1).max()
    assert 0 < off < 3e-5 * largest
    one = efield.rates(conductor, coil, jax.tree.map(lambda x: x[1], every))
    np.testing.assert_array_equal(one, found[1])
    fields = [
        efield.solve_rate(conductor, each, solver=efield.Direct()).vectors
        for each in (direct, found)
    ]
    assert np.abs(fields[0] - fields[1]).max() < 1e-4 * np.abs(fields[0]).max()


def test_rates_of_first_order_and_derivatives_are_summed(monkeypatch):
    monkeypatch.setattr(boxes, "_DIRECT", 0)
    head, coil = layered_sphere(), figure_of_eight()
    first = efield.assemble(head, efield.isotropic(head))
    direct = 1e6 * coil.potential_at(first.nodes, POSE)
    np.testing.assert_allclose(efield.rates(first, coil, POSE), direct, rtol=1e-12)
    second = efield.assemble(head, efield.isotropic(head), order=2)
    summed = lambda rate: jnp.sum(efield.rates(second, coil, POSE, rate) ** 2)
    slope = jax.grad(summed)(1e6)
    assert slope == pytest.approx(2 * float(summed(1e6)) / 1e6, rel=1e-4)
