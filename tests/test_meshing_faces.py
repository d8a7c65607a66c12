"""The faces of tetrahedra: each once, with its sides."""

from collections import defaultdict

import numpy as np
import pytest
from lattices import area, assert_closed, lattice, volume

from tmsgrad import meshing
from tmsgrad.meshing import HeadMesh, faces, head as head_module, interfaces


@pytest.fixture
def cube():
    nodes, tetrahedra = lattice(4)
    inner = (nodes[tetrahedra].mean(axis=1) < 0.5).all(axis=1)
    return HeadMesh(nodes, tetrahedra, np.where(inner, 2, 5))


def by_dictionary(tetrahedra):
    """The sides that claim each face, found one by one."""
    claims = defaultdict(list)
    for element, corners in enumerate(tetrahedra.tolist()):
        for corner in range(4):
            face = corners[:corner] + corners[corner + 1 :]
            claims[tuple(sorted(face))].append(4 * element + corner)
    return claims


@pytest.mark.parametrize("count", [200, 3_000_000])
def test_sides_are_those_found_one_by_one(rng, count):
    tetrahedra = rng.permuted(np.tile(np.arange(200, dtype=np.int32), (90, 1)), axis=1)[
        :, :4
    ]
    # Neighbours on all of their faces, two elements alike, and three.
    more = tetrahedra[:40].copy()
    more[np.arange(40), np.arange(40) % 4] = rng.integers(0, 200, 40)
    more = more[[len(set(row)) == 4 for row in more.tolist()]]
    tetrahedra = np.concatenate([tetrahedra, more, tetrahedra[:3], tetrahedra[:1]])
    found = faces.faces_of(tetrahedra, count)
    claims = by_dictionary(tetrahedra)
    expected = sorted(claims.items())
    pairs = [[*sides, -1][:2] for _, sides in expected if len(sides) <= 2]
    np.testing.assert_array_equal(np.stack([found.one, found.other], axis=1), pairs)
    crowded = [sides[0] for _, sides in expected if len(sides) > 2]
    assert len(crowded) >= 4
    assert found.crowded.tolist() == crowded


def test_the_boundary_of_a_cube_is_closed_and_looks_outwards(cube):
    triangles = cube.boundary()
    assert len(triangles) == 6 * 4 * 4 * 2
    assert_closed(triangles)
    np.testing.assert_allclose(volume(cube.nodes, triangles), 1.0)
    np.testing.assert_allclose(area(cube.nodes, triangles), 6.0)


def test_the_boundary_of_a_part_lies_inside_too(cube):
    triangles = cube.boundary(cube.tags == 2)
    assert_closed(triangles)
    np.testing.assert_allclose(volume(cube.nodes, triangles), 0.125)
    np.testing.assert_allclose(area(cube.nodes, triangles), 6 / 4)


def test_tissues_are_the_tags_that_are_there(cube):
    assert cube.tissues == (2, 5)


@pytest.mark.long
def test_all_surfaces_of_a_head_come_from_one_search_for_faces(cube, monkeypatch):
    calls = []
    search = faces.faces_of
    monkeypatch.setattr(
        head_module, "faces_of", lambda *given: (calls.append(1), search(*given))[1]
    )
    meshing.check(cube)
    meshing.scalp(cube)
    interfaces.interfaces(cube)
    cube.boundary()
    cube.boundary(cube.tags == 2)
    assert cube.outer_surface is cube.outer_surface
    assert len(calls) == 1
