"""Triangle surfaces: the boundary of a mesh, distances to it, rays against it."""

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from .faces import faces_of


_TRIED_FAR = 32  # Triangles tried for a point that is far.
_SIZES = 3  # Halvings of the largest piece, into which all are sorted.
_LARGEST_PIECE = 4.0  # Times the median: how far a piece may reach from its centre.
_FINE_PIECE = 0.5  # The same, where places are to be ruled out.
_POINTS_AT_ONCE = 4096
_RAY_PAIRS_AT_ONCE = 1_000_000
_STEPS_IN_BALL = 12  # Along its diameter.

_SAME_PLACE = 1e-10  # A nearest point so near to a corner is that corner. [m]


@dataclass(frozen=True, eq=False)
class Surface:
    """A closed surface of triangles.

    Attributes:
        vertices: [m]
        triangles: Corners, counter-clockwise seen from outside.
    """

    vertices: Float[ndarray, "vertex 3"]
    triangles: Int[ndarray, "triangle 3"]

    def __repr__(self) -> str:
        """Count vertices and triangles."""
        return (
            f"Surface({len(self.vertices)} vertices, {len(self.triangles)} triangles)"
        )

    @cached_property
    def corners(self) -> Float[ndarray, "3 triangle 3"]:
        """The positions of the three corners of every triangle. [m]"""
        return self.vertices[self.triangles.T]

    @cached_property
    def normals(self) -> Float[ndarray, "triangle 3"]:
        """Outward unit normals of the triangles, zero for those without area."""
        a, b, c = self.corners
        normal = np.cross(b - a, c - a)
        length = np.linalg.norm(normal, axis=1, keepdims=True)
        return normal / np.where(length > 0, length, 1.0)

    @cached_property
    def vertex_normals(self) -> Float[ndarray, "vertex 3"]:
        """Outward unit normals at the vertices, averaged over triangles by area."""
        a, b, c = self.corners
        areas = np.cross(b - a, c - a)
        corner = self.triangles.ravel()
        sums = [
            np.bincount(corner, np.repeat(areas[:, i], 3), len(self.vertices))
            for i in range(3)
        ]
        normals = np.stack(sums, axis=1)
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        return normals / np.where(length > 0, length, 1.0)

    @cached_property
    def _pieces(self) -> tuple[Float[ndarray, "3 piece 3"], Int[ndarray, "piece"]]:
        """Corners of triangles cut until none is much larger than most, and their owners.

        The plane faces of a casing come as a few triangles a hundred times larger than
        those around its edges: left whole, they would make every search a search of all.
        """
        a, b, c = self.corners
        area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
        limit = max(
            _LARGEST_PIECE * float(np.median(_reach(self.corners))),
            float(np.sqrt(area / len(self.triangles))),
        )
        return _cut(self.corners, limit)

    @cached_property
    def _tree(self) -> tuple[KDTree, Float[ndarray, "piece"]]:
        """The pieces' centres, and how far each piece reaches from its own."""
        corners, _ = self._pieces
        return KDTree(corners.mean(axis=0)), _reach(corners)

    @cached_property
    def _trees_by_size(
        self,
    ) -> list[tuple[KDTree, Int[ndarray, "piece"], float]]:
        """The same of pieces of like size: centres, numbers, how far any reaches."""
        tree, reach = self._tree
        limit, found = reach.max(), []
        size = np.minimum(np.floor(np.log2(limit / np.maximum(reach, 1e-300))), _SIZES)
        for each in np.unique(size):
            numbers = np.flatnonzero(size == each)
            centres = np.asarray(tree.data)[numbers]
            found.append((KDTree(centres), numbers, float(reach[numbers].max())))
        return found

    @cached_property
    def _fine_tree(self) -> tuple[KDTree, float]:
        """The centres of smaller pieces, and how far any reaches from its own."""
        corners, _ = _cut(
            self.corners, _FINE_PIECE * float(np.median(_reach(self.corners)))
        )
        return KDTree(corners.mean(axis=0)), float(_reach(corners).max()) * (1 + 1e-9)

    def beyond(
        self, points: Float[ndarray, "point 3"], radius: float
    ) -> Bool[ndarray, "point"]:
        """Find points that are certainly farther than a radius, on either side.

        Quicker than distances are. Points that are up to a millimetre or two farther
        than the radius are not found.

        Args:
            points: [m]
            radius: [m]
        """
        tree, reach = self._fine_tree
        bound = max(radius, 0.0) + reach
        return np.isinf(tree.query(points, distance_upper_bound=bound)[0])

    def signed_distance(
        self, points: Float[ndarray, "point 3"], exact_within: float = 0.02
    ) -> Float[ndarray, "point"]:
        """Measure the distance of points to the triangles. [m]

        Args:
            points: [m]
            exact_within: Where the distance is larger than this, it may come out too
                large by up to the size of a triangle. [m]

        Returns:
            Positive outside, negative inside.
        """
        parts = [
            self._signed_distance(points[i : i + _POINTS_AT_ONCE], exact_within)
            for i in range(0, len(points), _POINTS_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.empty(0)

    def share_outside(self, centre: ArrayLike, radius: float) -> float:
        """Find which share of a ball lies outside, to about a hundredth.

        Args:
            centre: (3,). [m]
            radius: [m]
        """
        steps = (np.arange(_STEPS_IN_BALL) + 0.5) / _STEPS_IN_BALL * 2 - 1
        cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
        within = cube[np.linalg.norm(cube, axis=1) < 1]
        places = np.asarray(centre, dtype=np.float64) + radius * within
        return float(np.mean(self.signed_distance(places) > 0))

    def _signed_distance(self, points: ndarray, exact_within: float) -> ndarray:
        tree, reach = self._tree
        first, nearest = tree.query(points)
        nearest = np.asarray(nearest, dtype=np.intp)
        far = first > exact_within + reach.max()
        result = np.empty(len(points))
        near = np.flatnonzero(~far)
        result[near] = self._to_candidates(
            points[near], *self._candidates(points[near], nearest[near])
        )
        far = np.flatnonzero(far)
        if len(far):
            count = min(_TRIED_FAR, len(reach))
            pieces = tree.query(points[far], k=count)[1].ravel()
            owners = np.repeat(np.arange(len(far)), count)
            result[far] = self._to_candidates(points[far], owners, pieces)
        return result

    def _candidates(
        self, points: ndarray, nearest: ndarray
    ) -> tuple[Int[ndarray, "pair"], Int[ndarray, "pair"]]:
        """Find the pieces that may be nearest to points, as pairs ordered by points.

        None is nearest whose centre is farther than the piece with the nearest centre is,
        by more than the piece reaches.
        """
        corners = (c[nearest] for c in self._pieces[0])
        away = np.linalg.norm(points - closest_on_triangles(points, *corners), axis=1)
        owners, pieces = [], []
        for tree, numbers, reach in self._trees_by_size:
            found = tree.query_ball_point(
                points, (away + reach) * (1 + 1e-9) + 1e-12, return_sorted=False
            )
            counts = np.fromiter(map(len, found), np.intp, len(found))
            every = itertools.chain.from_iterable(found)
            owners.append(np.repeat(np.arange(len(points)), counts))
            pieces.append(numbers[np.fromiter(every, np.intp, counts.sum())])
        owner, piece = np.concatenate(owners), np.concatenate(pieces)
        order = np.argsort(owner, kind="stable")
        return owner[order], piece[order]

    def _to_candidates(
        self, points: ndarray, point: ndarray, piece: ndarray
    ) -> Float[ndarray, "point"]:
        """Measure the signed distance to the nearest of each point's pieces.

        Args:
            points: [m]
            point: The point of each pair, in order; each has a pair at least.
            piece: The piece of each.
        """
        if len(points) == 0:
            return np.empty(0)
        corners, owner = self._pieces
        at = points[point]
        closest = closest_on_triangles(at, *(c[piece] for c in corners))
        offset = at - closest
        distance = np.linalg.norm(offset, axis=1)
        starts = np.searchsorted(point, np.arange(len(points)))
        least = np.minimum.reduceat(distance, starts)
        # At an edge or corner several triangles are equally near: their normals, weighed
        # by their angles there, give the side (Bærentzen & Aanæs 2005, sec. 3).
        chosen = np.flatnonzero(distance <= least[point] * (1 + 1e-9) + 1e-15)
        point, piece, closest = point[chosen], piece[chosen], closest[chosen]
        height = np.einsum("pc,pc->p", offset[chosen], self.normals[owner[piece]])
        tied = np.bincount(point, minlength=len(points))[point] > 1
        angle = np.ones(len(chosen))
        angle[tied] = _angles(closest[tied], tuple(c[piece[tied]] for c in corners))
        side = np.bincount(point, angle * height, len(points))
        return np.where(side < 0, -1.0, 1.0) * least

    def cast(
        self, origins: Float[ndarray, "ray 3"], directions: Float[ndarray, "ray 3"]
    ) -> Float[ndarray, "ray"]:
        """Find where rays first enter the surface, from outside.

        Args:
            origins: Where rays begin. [m]
            directions: Unit vectors.

        Returns:
            The distance to the first front face, infinite where there is none. [m]
        """
        a, b, c = self.corners
        hits = np.full(len(origins), np.inf)
        step = max(1, _RAY_PAIRS_AT_ONCE // len(self.triangles))
        for start in range(0, len(origins), step):
            rays = slice(start, start + step)
            hits[rays] = _first_hits(origins[rays], directions[rays], a, b - a, c - a)
        return hits

    def fill(
        self, origin: Float[ndarray, "3"], spacing: float, shape: tuple[int, int, int]
    ) -> Bool[ndarray, "i j k"]:
        """Find which points of a grid lie inside, by counting crossings along k.

        Args:
            origin: The grid's first point. [m]
            spacing: Between its points, along every axis. [m]
            shape: Its points along i, j and k.
        """
        i, j, height = self._crossings((self.vertices - origin) / spacing, shape[:2])
        crossings = np.zeros((*shape[:2], shape[2] + 1), dtype=np.int8)
        k = np.clip(np.floor(height).astype(int) + 1, 0, shape[2])
        np.add.at(crossings, (i, j, k), 1)
        return (np.cumsum(crossings[..., :-1], axis=2) % 2).astype(bool)

    def heights(
        self,
        origin: Float[ndarray, "3"],
        axes: Float[ndarray, "3 3"],
        spacing: float,
        shape: tuple[int, int],
    ) -> Float[ndarray, "i j"]:
        """Measure the height of the surface over a lattice in a plane.

        Args:
            origin: The first point of the lattice. [m]
            axes: Orthonormal: along i, along j, and up.
            spacing: Between points, along both axes. [m]
            shape: Points along i and j.

        Returns:
            How far up from the plane the surface is met last; -inf where it is not. [m]
        """
        i, j, height = self._crossings(
            (self.vertices - origin) @ axes.T / spacing, shape
        )
        result = np.full(shape, -np.inf)
        np.maximum.at(result, (i, j), height * spacing)
        return result

    def _crossings(
        self, vertices: ndarray, shape: tuple[int, int]
    ) -> tuple[ndarray, ndarray, ndarray]:
        """Find where lines through integer points (i, j) cross the triangles.

        Returns:
            i, j and the third coordinate of each crossing.
        """
        # Lines through vertices or edges would be counted twice; an odd nudge avoids it.
        plane = vertices[:, :2][self.triangles.T] + np.array([1.234567e-5, 2.345678e-5])
        low = np.maximum(np.ceil(plane.min(axis=0)).astype(int), 0)
        high = np.minimum(np.floor(plane.max(axis=0)).astype(int), np.array(shape) - 1)
        spans = np.maximum(high - low + 1, 0)
        counts = spans.prod(axis=1)
        triangle = np.repeat(np.arange(len(counts)), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        i = low[triangle, 0] + within // spans[triangle, 1]
        j = low[triangle, 1] + within % spans[triangle, 1]
        a, b, c = plane[:, triangle]
        cross = lambda u, v: u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
        here = np.stack([i, j], axis=1)
        area = cross(b - a, c - a)
        area = np.where(area == 0, np.nan, area)
        weight_b, weight_c = (
            cross(here - a, c - a) / area,
            cross(b - a, here - a) / area,
        )
        inside = (weight_b >= 0) & (weight_c >= 0) & (weight_b + weight_c <= 1)
        t = triangle[inside]
        z = vertices[:, 2][self.triangles[t].T]
        height = (
            z[0] + weight_b[inside] * (z[1] - z[0]) + weight_c[inside] * (z[2] - z[0])
        )
        return i[inside], j[inside], height


def _cut(
    corners: Float[ndarray, "3 triangle 3"], limit: float
) -> tuple[Float[ndarray, "3 piece 3"], Int[ndarray, "piece"]]:
    """Cut triangles until none reaches farther than a limit from its centre.

    Returns:
        The corners of the pieces, and which triangle each is of.
    """
    owner = np.arange(corners.shape[1])
    while len(large := np.nonzero(_reach(corners) > limit)[0]):
        a, b, c = corners[:, large]
        edges = np.stack([a - b, b - c, c - a])
        longest = np.linalg.norm(edges, axis=2).argmax(axis=0)
        # The longest edge comes first.
        turned = (np.arange(3)[:, None] + longest) % 3
        a, b, c = corners[turned, large]
        middle = (a + b) / 2
        corners = corners.copy()
        corners[:, large] = a, middle, c
        corners = np.concatenate([corners, np.stack([middle, b, c])], axis=1)
        owner = np.concatenate([owner, owner[large]])
    return corners, owner


def _angles(
    at: Float[ndarray, "point 3"], corners: tuple[Float[ndarray, "point 3"], ...]
) -> Float[ndarray, "point"]:
    """The angles that triangles have at points of their edges or at their corners."""
    result = np.full(len(at), np.pi)
    for first in range(3):
        here, *others = (corners[(first + step) % 3] for step in range(3))
        chosen = np.linalg.norm(at - here, axis=1) < _SAME_PLACE
        one, other = (each[chosen] - here[chosen] for each in others)
        across = np.linalg.norm(np.cross(one, other), axis=1)
        result[chosen] = np.arctan2(across, np.einsum("pc,pc->p", one, other))
    return result


def outer_surface(
    nodes: Float[ndarray, "node 3"], tetrahedra: Int[ndarray, "tet 4"]
) -> Surface:
    """Take the outermost closed surface of a mesh.

    The faces of one element only, of these the connected part of largest extent: cavities
    inside, such as sinuses, are left out.
    """
    faces = faces_of(tetrahedra, len(nodes))
    return outermost(nodes, faces.nodes_of(faces.outside()))


def outermost(
    nodes: Float[ndarray, "node 3"], boundary: Int[ndarray, "triangle 3"]
) -> Surface:
    """Take the connected part of largest extent of the triangles that bound a mesh.

    Args:
        nodes: [m]
        boundary: The nodes of all triangles.
    """
    count = len(nodes)
    links = sp.coo_matrix(
        (
            np.ones(2 * len(boundary), dtype=np.int8),
            (boundary[:, [0, 1]].T.ravel(), boundary[:, [1, 2]].T.ravel()),
        ),
        shape=(count, count),
    )
    part = connected_components(links, directed=False)[1][boundary[:, 0]]
    names = np.unique(part)
    extents = [
        np.ptp(nodes[boundary[part == name]].reshape(-1, 3), axis=0).max()
        for name in names
    ]
    outer = boundary[part == names[int(np.argmax(extents))]]
    used, inverse = np.unique(outer, return_inverse=True)
    return Surface(nodes[used], inverse.reshape(-1, 3).astype(np.int32))


def closest_on_triangles(
    points: ndarray, a: ndarray, b: ndarray, c: ndarray
) -> Float[ndarray, "*batch 3"]:
    """Find the points of triangles that are closest to given points.

    By barycentric regions, as in Ericson, *Real-Time Collision Detection*, sec. 5.1.5.
    """
    dot = lambda x, y: np.einsum("...c,...c->...", x, y)
    ab, ac = b - a, c - a
    d1, d2 = dot(ab, points - a), dot(ac, points - a)
    d3, d4 = dot(ab, points - b), dot(ac, points - b)
    d5, d6 = dot(ab, points - c), dot(ac, points - c)
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    divide = lambda x, y: x / np.where(y == 0, 1.0, y)
    total = va + vb + vc
    v, w = divide(vb, total), divide(vc, total)
    along_ab, along_ac = divide(d1, d1 - d3), divide(d2, d2 - d6)
    along_bc = divide(d4 - d3, (d4 - d3) + (d5 - d6))
    # Later rules win over earlier ones: edges over the face, corners over edges.
    zero, one = np.zeros_like(v), np.ones_like(v)
    rules = (
        ((va <= 0) & (d4 - d3 >= 0) & (d5 - d6 >= 0), 1 - along_bc, along_bc),
        ((vb <= 0) & (d2 >= 0) & (d6 <= 0), zero, along_ac),
        ((vc <= 0) & (d1 >= 0) & (d3 <= 0), along_ab, zero),
        ((d6 >= 0) & (d5 <= d6), zero, one),
        ((d3 >= 0) & (d4 <= d3), one, zero),
        ((d1 <= 0) & (d2 <= 0), zero, zero),
    )
    for where, along_b, along_c in rules:
        v, w = np.where(where, along_b, v), np.where(where, along_c, w)
    return a + v[..., None] * ab + w[..., None] * ac


def _reach(corners: Float[ndarray, "3 triangle 3"]) -> Float[ndarray, "triangle"]:
    """How far triangles reach from their centres. [m]"""
    return np.linalg.norm(corners - corners.mean(axis=0), axis=2).max(axis=0)


def _first_hits(origins, directions, a, ab, ac):
    """Intersect all rays with all triangles (Möller & Trumbore 1997), front faces only."""
    p = np.cross(directions[:, None], ac[None])
    det = np.einsum("tc,rtc->rt", ab, p)
    facing = det > 0
    scale = 1 / np.where(facing, det, 1.0)
    to = origins[:, None] - a[None]
    u = np.einsum("rtc,rtc->rt", to, p) * scale
    q = np.cross(to, ab[None])
    v = np.einsum("rc,rtc->rt", directions, q) * scale
    t = np.einsum("tc,rtc->rt", ac, q) * scale
    slack = 1e-12
    hit = facing & (u >= -slack) & (v >= -slack) & (u + v <= 1 + slack) & (t >= 0)
    return np.where(hit, t, np.inf).min(axis=1)
