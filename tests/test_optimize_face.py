"""Distances to a coil's face: contact is contact, whatever the coil's origin is."""

import jax.numpy as jnp
import numpy as np
import pytest
from heads import five_layers, scalp_of_five_layers

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.coils import Coil


def shifted(depth, cased):
    """A figure of eight, with its windings behind its origin, in a box or without one."""
    places = [[x, y, -depth] for x in (-0.04, 0.04) for y in (-0.01, 0.01)]
    moments = [[0, 0, sign] for sign in (1.0, 1.0, -1.0, -1.0)]
    dipoles = coils.MagneticDipoles(jnp.array(places), jnp.array(moments))
    box = np.array([[x, y, z] for x in (-0.08, 0.08) for y in (-0.04, 0.04)
                    for z in (-depth - 0.02, -depth + 0.006)])  # fmt: skip
    middle = np.array([[x, y, -depth + 0.006] for x in np.linspace(-0.08, 0.08, 41)
                       for y in np.linspace(-0.04, 0.04, 21)])  # fmt: skip
    casing = jnp.asarray(np.concatenate([box, middle]))
    return Coil((dipoles,), casing if cased else None)


@pytest.fixture(scope="module")
def objective():
    head = five_layers()
    conductor = efield.assemble(head, efield.isotropic(head))
    target = meshing.ball(head, np.array([0.03, -0.02, 0.05]), 8e-3)
    return optimize.MeanMagnitude(efield.reciprocal(conductor, target))


@pytest.mark.long
@pytest.mark.parametrize("cased", [True, False])
@pytest.mark.parametrize("depth", [0.0, 8e-3])
def test_the_face_of_every_coil_is_at_the_distance(objective, depth, cased):
    coil, scalp = shifted(depth, cased), scalp_of_five_layers()
    face = optimize.Face(2e-3, cover=5e-3)
    assert face.covered(coil) == (0.0 if cased else 5e-3)
    found = optimize.find_pose(
        objective, coil, scalp, optimize.Domain(face, radius=10e-3), starts=2
    )
    samples = np.asarray(found.pose.to_head(jnp.asarray(optimize.casing_samples(coil))))
    gap = scalp.clearance(samples)
    assert gap == pytest.approx(found.best.clearance, abs=1e-12)
    assert gap - face.covered(coil) == pytest.approx(2e-3, abs=2e-5)


def test_where_the_origin_lies_does_not_change_the_field_in_contact(objective):
    scalp, domain = (
        scalp_of_five_layers(),
        optimize.Domain(optimize.Face(), radius=1e-2),
    )
    values = [
        optimize.find_pose(
            objective, shifted(depth, True), scalp, domain, starts=2
        ).value
        for depth in (0.0, 8e-3)
    ]
    assert values[0] == pytest.approx(values[1], rel=2e-3)


def test_rules_and_maps_have_the_same_contact(objective):
    coil, scalp = shifted(4e-3, True), scalp_of_five_layers()
    domain = optimize.Domain(optimize.Face(1e-3))
    pose = optimize.handle_back(scalp, np.array([0.03, 0.0, 0.1]), coil, domain)
    placed = np.asarray(pose.to_head(jnp.asarray(optimize.casing_samples(coil))))
    assert scalp.clearance(placed) == pytest.approx(1e-3, abs=2e-5)
    spots = scalp.nearest(np.array([0.03, 0.0, 0.1]))[None]
    swept = optimize.sweep(objective, coil, scalp, spots, domain, angles=90)
    best = swept.pose(*swept.best)
    placed = np.asarray(best.to_head(jnp.asarray(optimize.casing_samples(coil))))
    assert scalp.clearance(placed) == pytest.approx(1e-3, abs=3e-4)


def test_a_distance_to_a_face_is_none_to_a_centre():
    with pytest.raises(TypeError, match=r"domain\.on\(coil\)"):
        _ = optimize.Domain(optimize.Face()).centred
    with pytest.raises(ValueError, match="`cover` of a `Face`"):
        optimize.Face(cover=-1e-3)
