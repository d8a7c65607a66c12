"""Random placements of a coil: where they are, and that they are the same again."""

import numpy as np
import pytest
from heads import RADII, scalp_of_five_layers

from tmsgrad import optimize


PLACE = [0.02, -0.015, 0.08]


def test_placements_lie_in_their_domain_and_fill_it():
    scalp = scalp_of_five_layers()
    domain = optimize.placements(
        scalp, PLACE, 40e-3, distances=(3e-3, 12e-3), tilt=np.radians(5)
    )
    poses = domain(400, 3)
    rotation, centre = np.asarray(poses.rotation), np.asarray(poses.translation)
    np.testing.assert_allclose(
        np.swapaxes(rotation, 1, 2) @ rotation,
        np.tile(np.eye(3), (400, 1, 1)),
        atol=1e-12,
    )
    # On a sphere the scalp's point lies along the coil's axis, but for the tilt.
    normal = centre / np.linalg.norm(centre, axis=1, keepdims=True)
    tilt = np.degrees(np.arccos(-np.einsum("pc,pc->p", normal, rotation[:, :, 2])))
    height = np.linalg.norm(centre, axis=1) - RADII[-1]
    assert 2e-3 < height.min() < 4e-3
    assert 11e-3 < height.max() < 13e-3
    assert 5 < tilt.max() < 9  # √2 times 5°, and the faces of the scalp.
    assert domain.centre is not None
    away = np.linalg.norm(RADII[-1] * normal - domain.centre, axis=1)
    assert 36e-3 < away.max() < 43e-3
    # By area: a quarter within half of the radius.
    assert 0.18 < np.mean(away < 20e-3) < 0.32
    angles = np.sort(np.arctan2(rotation[:, 0, 1], rotation[:, 0, 0]))
    assert np.diff(angles).max() < 0.2


def test_the_upper_head_is_the_domain_where_no_place_is_given():
    poses = optimize.placements(scalp_of_five_layers())(200, 0)
    height = np.asarray(poses.translation)[:, 2]
    assert RADII[-1] - 0.1 - 13e-3 < height.min() < 0


def test_the_same_seed_gives_the_same_poses():
    domain = optimize.placements(scalp_of_five_layers(), PLACE)
    first, again, other = domain(5, 1), domain(5, 1), domain(5, 2)
    assert np.array_equal(first.rotation, again.rotation)
    assert not np.allclose(first.translation, other.translation)


def test_impossible_domains_are_refused():
    scalp = scalp_of_five_layers()
    for distances in ((-1e-3, 5e-3), (5e-3, 3e-3), (0.0, np.inf)):
        with pytest.raises(ValueError, match="the smaller first"):
            optimize.placements(scalp, distances=distances)
    with pytest.raises(ValueError, match="`radius` must lie between"):
        optimize.placements(scalp, PLACE, 0.0)
    with pytest.raises(ValueError, match="`tilt` must lie between"):
        optimize.placements(scalp, tilt=-0.1)
