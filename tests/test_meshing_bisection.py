"""Elements made finer by bisection: conforming, of good shape, surfaces in their places."""

import numpy as np
import pytest
from efield_examples import layered_sphere

from tmsgrad.meshing import HeadMesh
from tmsgrad.meshing.bisection import bisected
from tmsgrad.meshing.interfaces import face_areas, interfaces
from tmsgrad.meshing.quality import dihedral_angles
from tmsgrad.validation.folded_head import folded_head


HEADS = {"sphere": lambda: layered_sphere(0.03), "folded": lambda: folded_head(5_000)}


def angles(head):
    return dihedral_angles(head.nodes[head.tetrahedra]).min(axis=1)


def near_pole(head, radius):
    top = head.nodes[np.argmax(head.nodes[:, 2])]
    return np.linalg.norm(head.centroids - top, axis=1) < radius


@pytest.mark.parametrize("kind", HEADS)
def test_refined_heads_conform_and_keep_shapes_tissues_and_surfaces(kind):
    coarse = head = HEADS[kind]()
    least, origin = angles(coarse).min() / 2, np.arange(len(coarse.tags))
    for radius in (0.025, 0.015):
        chosen = near_pole(head, radius)
        assert chosen.any()
        finer, parents = bisected(head, chosen, least)
        cut = np.bincount(parents)
        # Where a sharp angle would come of it, an element stays as it is.
        assert np.mean(cut[chosen] >= 8) > 0.97
        np.testing.assert_allclose(
            np.bincount(parents, finer.volumes), head.volumes, rtol=1e-11
        )
        head, origin = finer, origin[parents]
    assert angles(head).min() >= least
    np.testing.assert_array_equal(head.tags, coarse.tags[origin])
    assert len(head.faces.crowded) == 0
    # A node that hangs on a face would make faces on one side of it the head's surface.
    for part in (lambda h: h.boundary(), lambda h: interfaces(h).faces):
        areas = [face_areas(each.nodes, part(each)).sum() for each in (coarse, head)]
        np.testing.assert_allclose(*areas, rtol=1e-12)
    assert len(np.unique(head.tetrahedra)) == len(head.nodes)


def test_what_is_far_away_stays_as_it_is():
    head = HEADS["folded"]()
    _, parents = bisected(head, near_pole(head, 0.02), angles(head).min() / 2)
    far = ~near_pole(head, 0.08)
    assert far.sum() > 1000
    assert np.mean(np.bincount(parents)[far] > 1) < 0.01


def test_nothing_chosen_changes_nothing():
    head = HEADS["sphere"]()
    finer, parents = bisected(head, np.zeros(len(head.tags), bool), 0.0)
    np.testing.assert_array_equal(finer.tetrahedra, head.tetrahedra)
    np.testing.assert_array_equal(finer.nodes, head.nodes)
    np.testing.assert_array_equal(parents, np.arange(len(head.tags)))


def test_an_edge_that_would_leave_a_sharp_angle_stays():
    corner = HeadMesh(np.eye(4, 3, -1), [[0, 1, 2, 3]], [1])
    chosen = np.ones(1, bool)
    finer, _ = bisected(corner, chosen, np.radians(20))
    assert len(finer.tags) > 1
    assert angles(finer).min() >= np.radians(20)
    stays, _ = bisected(corner, chosen, np.radians(89))
    assert len(stays.tags) == 1
