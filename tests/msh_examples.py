"""Small meshes and .msh files that several tests use."""

import numpy as np

from tmsgrad.meshing import HeadMesh, TissueSurfaces


def cube(cells, seed=0):
    """A cube of `cells`³ cells of 10 mm, each cut into six tetrahedra (Kuhn, 1960)."""
    n = cells + 1
    index = np.arange(n**3).reshape(n, n, n)
    lowest = index[:-1, :-1, :-1].ravel()
    steps = np.array([n * n, n, 1])
    orders = np.array(
        [[0, 1, 2], [1, 2, 0], [2, 0, 1], [1, 0, 2], [0, 2, 1], [2, 1, 0]]
    )
    path = np.cumsum(steps[orders], axis=1)
    tets = lowest[:, None, None] + np.pad(path, ((0, 0), (1, 0)))
    tets[:, 3:, 2:] = tets[:, 3:, :1:-1]  # The odd orders are left-handed.
    tets = tets.reshape(-1, 4)
    rng = np.random.default_rng(seed)
    nodes = 0.01 * np.stack(np.unravel_index(np.arange(n**3), (n, n, n)), axis=1)
    nodes += 1e-3 * rng.uniform(-1, 1, nodes.shape)
    return HeadMesh(nodes, tets, rng.integers(1, 11, len(tets)))


def outside(head):
    """The boundary of a head as triangles with the tag 1005."""
    faces = head.tetrahedra[:, [[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]]].reshape(
        -1, 3
    )
    _, first, count = np.unique(
        np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True
    )
    faces = faces[first[count == 1]]
    return TissueSurfaces(head.nodes, faces, np.full(len(faces), 1005))


def assert_same(actual, expected, rtol=1e-15):
    np.testing.assert_allclose(actual.nodes, expected.nodes, rtol=rtol, atol=1e-17)
    np.testing.assert_array_equal(actual.tetrahedra, expected.tetrahedra)
    np.testing.assert_array_equal(actual.tags, expected.tags)


TWO = """$MeshFormat
2.2 0 8
$EndMeshFormat
$Nodes
7
30 0 0 0
10 10 0 0
7 5 5 5
20 0 10 0
1 0 0 10
99 10 10 10
5 5 5 4
$EndNodes
$Elements
5
1 15 2 0 1 30
2 2 2 1002 1 30 10 20
3 4 2 2 1 30 10 20 1
4 4 3 5 1 0 10 20 1 99
5 2 2 1005 1 1 10 99
$EndElements
"""

TWO_41 = """$MeshFormat
4.1 0 8
$EndMeshFormat
$Comments
what a user may add
$EndComments
$Entities
0 0 1 3
1002 0 0 0 10 10 10 1 1002 0
1 0 0 0 10 10 10 1 2 1 1002
2 0 0 0 10 10 10 0 0
5 0 0 0 10 10 10 0 0
$EndEntities
$Nodes
3 5 1 99
3 1 0 3
30
10
20
0 0 0
10 0 0
0 10 0
3 2 0 0
3 2 0 2
1
99
0 0 10
10 10 10
$EndNodes
$Elements
4 4 1 9
2 1002 2 1
1 30 10 20
3 1 4 1
7 30 10 20 1
3 5 4 1
9 10 20 1 99
2 1002 2 1
4 1 10 99
$EndElements
"""

FIELDS = """$ElementData
1
"magnE"
1
0.0
3
0
1
{}
$EndElementData
$NodeData
1
"v"
1
0.0
3
0
3
2
99 1 2 3
10 4 5 6
$EndNodeData
"""


def text_file(tmp_path, text, name="two.msh"):
    (tmp_path / name).write_text(text)
    return tmp_path / name
