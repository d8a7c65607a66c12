"""A figure of eight hinged in the middle, over spheres: its wings fold onto the head."""

import dataclasses
import functools
import json

import jax.numpy as jnp
import numpy as np
import pytest
from cli_examples import refused, run
from heads import (
    boxed_coil,
    five_layers,
    pose_over,
    scalp_of_five_layers,
)
from moving_coils import HINGE, LIMIT, THICKNESS, hinged

from tmsgrad import coils, efield, meshing, optimize


CLEARANCE = 1e-3


@functools.cache
def objective():
    head = five_layers()
    conductor = efield.assemble(head, efield.isotropic(head))
    target = meshing.ball(head, [0.0, 0.0, 0.062], 12e-3)
    return optimize.MeanMagnitude(efield.reciprocal(conductor, target))


def found(rigid=False, coil=None):
    return optimize.find_shape(
        objective(),
        coil or hinged(),
        scalp_of_five_layers(),
        pose_over([0.0, 0.1, 1.0], 0.4, 8e-3),
        optimize.Domain(clearance=CLEARANCE),
        rigid=rigid,
        starts=2,
    )


@pytest.fixture(scope="module")
def free():
    return found()


def value_of(coil, pose):
    return float(objective().value(objective().reciprocal.mean_field(coil, pose, 1e6)))


@pytest.mark.long
def test_folding_the_wings_gains_over_the_rigid_shape(free):
    rigid = found(rigid=True)
    np.testing.assert_array_equal(rigid.coil.settings, 0)
    for each in (rigid, free):
        np.testing.assert_allclose(value_of(each.coil, each.pose), each.value)
        # On the true triangles, and no farther off than asked for.
        assert CLEARANCE - 1e-9 <= each.clearance < CLEARANCE + 1e-5
    assert free.value > 1.1 * rigid.value
    # The wings fold onto the head, by the right hand about y the one and the other way.
    one, other = np.asarray(free.coil.settings)
    assert one > 0.1
    assert other < -0.1


def test_the_wings_stay_apart_and_in_their_ranges(free):
    assert (np.abs(free.coil.settings) <= LIMIT).all()
    # Folded away from each other they are nearest at the hinges.
    assert 0 < free.self_clearance <= 2 * HINGE + 1e-9


def test_no_shape_nearby_is_better(free):
    rng = np.random.default_rng(0)
    samples = lambda coil: optimize.casing_samples(coil)
    for _ in range(12):
        settings = free.coil.clipped(
            free.coil.settings + jnp.asarray(rng.uniform(-0.05, 0.05, 2))
        )
        coil = free.coil.shaped(settings)
        step = jnp.asarray(np.append(rng.uniform(-2e-3, 2e-3, 2), 8e-3))
        turn = jnp.asarray(rng.uniform(-0.05, 0.05, 3))
        pose = free.pose.moved(step * jnp.array([1.0, 1.0, -1.0]), turn)
        value = value_of(coil, lowered(pose, samples(coil)))
        assert value < 1.002 * free.value


def lowered(pose, samples):
    """Press a coil that is clear of the head onto it, by bisection on true triangles."""
    scalp, low, high = scalp_of_five_layers(), 0.0, 20e-3
    axis = np.asarray(pose.rotation)[:, 2]
    placed = np.asarray(pose.to_head(jnp.asarray(samples)))
    for _ in range(12):
        middle = (low + high) / 2
        clear = scalp.clearance(placed + middle * axis) >= CLEARANCE
        low, high = (middle, high) if clear else (low, middle)
    return dataclasses.replace(pose, translation=pose.translation + low * axis)


def test_wings_that_would_cut_each_other_are_kept_apart(free):
    # With hinges on their backs the wings' lower edges meet when folded by ten degrees.
    best = found(coil=hinged(-THICKNESS))
    one, other = np.asarray(best.coil.settings)
    gap = 2 * HINGE - THICKNESS * (np.sin(one) - np.sin(other))
    # A corner that is turned into a face is nearest along the face's normal.
    assert -0.3e-3 < best.self_clearance < 0.3e-3
    np.testing.assert_allclose(best.self_clearance, gap, atol=0.3e-3)
    assert best.value < free.value


def test_a_coil_without_moving_parts_is_refused():
    with pytest.raises(
        ValueError, match=r"'boxed' has no parts that move.*`find_pose`"
    ):
        optimize.find_shape(
            objective(), boxed_coil(), scalp_of_five_layers(), pose_over([0, 0, 1.0])
        )


@pytest.mark.long
def test_the_command_searches_the_shape_too(case, tmp_path, program_settings):
    coils.write(tmp_path / "hinged.tcd", hinged())
    words = case.optimize(
        tmp_path / "out", coil=tmp_path / "hinged.tcd", target="0,0,62", hair="1"
    )
    result = run(*words, "--shape")
    assert result.status == 0, result.err
    report = json.loads((tmp_path / "out" / "summary.json").read_text())
    shape = report["shape"]
    assert [each["unit"] for each in shape["settings"]] == ["°", "°"]
    angles = [each["value"] for each in shape["settings"]]
    assert np.abs(angles).max() <= np.degrees(LIMIT) + 1e-9
    assert np.abs(angles).min() > 1.0
    # What is written is the coil in its shape: a direct solve agrees with reciprocity.
    assert report["value"] == pytest.approx(report["reciprocal_value"], rel=1e-9)
    assert shape["gain"] == pytest.approx(
        report["value"] / shape["value_as_it_comes"] - 1, rel=1e-6
    )
    assert report["scalp_clearance_mm"] >= 1.0 - 1e-6
    assert f"gain {shape['gain']:.1%}" in result.out
    words = case.optimize(tmp_path / "no", target="0,0,62")
    refused([*words, "--shape"], tmp_path, "--shape", "no parts that move")
    refused([*words, "--shape", "--rules"], tmp_path, "--shape", "--rules")
