import numpy as np
import pytest
from heads import five_layers
from msh_examples import cube

from tmsgrad.meshing import ball, region


CENTRE = np.array([0.03, -0.02, 0.05])


@pytest.mark.parametrize(
    ("tissue", "tag"), [("gray matter", 2), ("gm", 2), (5, 5), ("white_matter", 1)]
)
def test_a_ball_is_all_of_a_tissue_within_the_radius(tissue, tag):
    head = five_layers()
    found = ball(head, CENTRE, 0.03, tissue)
    near = np.linalg.norm(head.centroids - CENTRE, axis=1) <= 0.03
    expected = np.flatnonzero(near & (head.tags == tag))
    assert len(expected) > 10
    np.testing.assert_array_equal(found.tetrahedra, expected)
    np.testing.assert_array_equal(found.centre, CENTRE)


def test_weights_are_shares_of_the_volume():
    head = five_layers()
    found = ball(head, CENTRE, 0.03)
    assert found.weights.sum() == pytest.approx(1, rel=1e-14)
    assert (found.weights > 0).all()
    volumes = head.volumes[found.tetrahedra]
    np.testing.assert_allclose(found.weights, volumes / volumes.sum(), rtol=1e-14)


@pytest.mark.parametrize("as_mask", [True, False])
def test_a_region_of_chosen_tetrahedra_has_their_centre_of_gravity(rng, as_mask):
    head = cube(2)
    chosen = rng.permutation(len(head.tags))[:20]
    mask = np.isin(np.arange(len(head.tags)), chosen)
    found = region(head, mask if as_mask else chosen)
    volumes = head.volumes[found.tetrahedra]
    centre = (volumes[:, None] * head.centroids[found.tetrahedra]).sum(
        0
    ) / volumes.sum()
    np.testing.assert_allclose(found.centre, centre, rtol=1e-13)
    assert set(found.tetrahedra) == set(chosen)
    assert found.weights.sum() == pytest.approx(1, rel=1e-14)


def test_the_whole_head_averages_to_its_middle():
    head = five_layers()
    found = region(head, np.ones(len(head.tags), dtype=bool))
    np.testing.assert_allclose(found.centre, 0, atol=2e-4)


def test_the_boundary_of_the_ball_belongs_to_it():
    head = cube(2)
    tag = int(head.tags[7])
    radius = float(np.linalg.norm(head.centroids[7] - CENTRE))
    assert 7 in ball(head, CENTRE, radius * (1 + 1e-12), tag).tetrahedra
    others = np.linalg.norm(head.centroids - CENTRE, axis=1)[head.tags == tag]
    if (others < radius * (1 - 1e-9)).any():
        inside = ball(head, CENTRE, radius * (1 - 1e-9), tag).tetrahedra
        assert 7 not in inside


def test_an_empty_ball_says_how_far_the_tissue_is():
    head = five_layers()
    with pytest.raises(ValueError, match=r"no gray matter lies within 2 mm") as caught:
        ball(head, np.zeros(3), 2e-3)
    gray = head.centroids[head.tags == 2]
    nearest = np.linalg.norm(gray, axis=1).min() * 1e3
    assert f"the nearest is {nearest:.1f} mm away" in str(caught.value)
    assert "(0, 0, 0) mm" in str(caught.value)
    assert "-86…86 × -86…86 × -86…86 mm" in str(caught.value)


@pytest.mark.parametrize(
    ("centre", "radius", "tissue", "message"),
    [
        ([0.0, 0.0], 5e-3, 2, "`centre` must be three finite numbers in m"),
        ([0.0, 0.0, np.nan], 5e-3, 2, "`centre` must be three finite numbers"),
        ([0.0, 0.0, 0.0], 0.0, 2, "`radius` must be a positive number in m, got 0.0"),
        ([0.0, 0.0, 0.0], -1.0, 2, "`radius` must be a positive"),
        ([0.0, 0.0, 0.0], np.inf, 2, "`radius` must be a positive"),
        ([0.0, 0.0, 0.0], 5e-3, "stone", "'stone', which is not known"),
        (
            [0.0, 0.0, 0.0],
            5e-3,
            "eyes",
            "no eyes; its tissues are white matter, gray matter, csf, bone, scalp",
        ),
    ],
)
def test_wrong_balls_are_refused(centre, radius, tissue, message):
    with pytest.raises(ValueError, match=message):
        ball(five_layers(), centre, radius, tissue)


@pytest.mark.parametrize(
    ("selected", "message"),
    [
        (np.zeros(48, dtype=bool), "names no tetrahedron"),
        (np.zeros(7, dtype=bool), r"must have the shape \(48,\), got \(7,\)"),
        (np.zeros(0, dtype=int), "names no tetrahedron"),
        (np.array([[1, 2]]), "names no tetrahedron"),
        (np.array([3, 48]), "within 0 to 47, got 3 to 48"),
        (np.array([-1, 3]), "within 0 to 47, got -1 to 3"),
        (np.array([3, 5, 3]), "names a tetrahedron twice"),
        (np.array([3.0, 5.0]), "must hold integers, got the type float64"),
    ],
)
def test_wrong_selections_are_refused(selected, message):
    with pytest.raises(ValueError, match=message):
        region(cube(2), selected)
