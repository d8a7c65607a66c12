"""The head: a tetrahedral mesh in which each element has a tissue tag.

Arrays live on the host, as NumPy arrays: meshing, searching and files work on them. What
the solver needs of them is put on the device once, by `tmsgrad.efield.assemble`.
"""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike

from .faces import Faces, faces_of
from .notebook import slices
from .surface import Surface, outermost


# Tags as SimNIBS 4 writes them; the names are those of its conductivity table.
TISSUE_NAMES = {
    1: "white matter",
    2: "gray matter",
    3: "csf",
    4: "bone",
    5: "scalp",
    6: "eyes",
    7: "compact bone",
    8: "spongy bone",
    9: "blood",
    10: "muscle",
}

_AT_ONCE = 1 << 13  # Elements, so that temporary arrays stay in the cache.

_SYNONYMS = {
    1: "wm, white, white substance",
    2: "gm, gray, grey, grey matter, gray substance, grey substance, cortex, "
    "cerebral cortex",
    3: "cerebrospinal fluid, liquor, ventricles, ventricle",
    4: "skull, bones, cranium, skull bone",
    5: "skin, scalp skin",
    6: "eye, eye balls, eyeballs, eyeball, vitreous, vitreous body",
    7: "cortical bone, compacta, compact skull, skull compact, bone compact, "
    "cortical skull",
    8: "cancellous bone, spongiosa, spongy skull, skull spongy, bone spongy, diploe, "
    "trabecular bone, cancellous skull",
    9: "blood vessels, vessels",
    10: "muscles",
}

_BY_NAME = {name: tag for tag, name in TISSUE_NAMES.items()} | {
    name: tag for tag, names in _SYNONYMS.items() for name in names.split(", ")
}
_NO_TISSUE = {
    *("volume", "vol", "tissue", "region", "domain", "label", "tag", "mesh"),
    *("left", "right", "lh", "rh", "l", "r"),
}


def tissue_tag(tissue: str | int) -> int:
    """Find the tag of a tissue by its name, its abbreviation or its number.

    Args:
        tissue: Such as `"gray matter"`, `"gm"` or `2`.

    Returns:
        The SimNIBS tag.

    Raises:
        ValueError: There is no such tissue.
    """
    word = str(tissue).strip().lower().replace("_", " ").replace("-", " ")
    tag = int(word) if word.isdigit() else _BY_NAME.get(word)
    if tag not in TISSUE_NAMES:
        raise ValueError(
            f"`tissue` is {tissue!r}, which is not known. Write one of "
            f"{', '.join(TISSUE_NAMES.values())}, wm, gm or a tag from 1 to 10."
        )
    return tag


def tissue_named(name: str) -> int | None:
    """Find the tag of the tissue that a name in a file means, if it clearly means one.

    Sides, numbers and words such as `volume` are left out: `GM_left` and `5: Scalp` are
    understood, `brain` and `layer 1` are not.

    Args:
        name: As a program or a person wrote it.

    Returns:
        The SimNIBS tag, or None.
    """
    words = re.findall(r"[a-z]+", name.lower())
    return _BY_NAME.get(" ".join(word for word in words if word not in _NO_TISSUE))


@dataclass(frozen=True, eq=False)
class HeadMesh:
    """A head as tetrahedra with tissue tags.

    Attributes:
        nodes: Positions of the nodes. [m]
        tetrahedra: The four nodes of each element, from 0, such that its volume
            (b-a)×(c-a)·(d-a)/6 is positive.
        tags: The tissue of each element, 1 to 10 as SimNIBS numbers them.
    """

    nodes: Float[ndarray, "node 3"]
    tetrahedra: Int[ndarray, "tet 4"]
    tags: Int[ndarray, "tet"]

    def __init__(self, nodes: ArrayLike, tetrahedra: ArrayLike, tags: ArrayLike):
        """Check and keep the mesh.

        Args:
            nodes: (nodes, 3). [m]
            tetrahedra: Indices from 0 into `nodes`, (tetrahedra, 4).
            tags: Tissue of each tetrahedron, (tetrahedra,).

        Raises:
            ValueError: A shape does not fit, a coordinate is not finite, an index is out
                of range, a tag is unknown, or a tetrahedron is inverted or flat.
        """
        positions = np.ascontiguousarray(nodes, dtype=np.float64)
        elements = np.ascontiguousarray(tetrahedra, dtype=np.int32)
        labels = np.ascontiguousarray(tags, dtype=np.int32)
        _check_shapes(positions, elements, labels)
        _check_contents(positions, elements, labels)
        object.__setattr__(self, "nodes", positions)
        object.__setattr__(self, "tetrahedra", elements)
        object.__setattr__(self, "tags", labels)
        _check_volumes(self)
        for array in (positions, elements, labels, self.volumes):
            array.flags.writeable = False

    @cached_property
    def volumes(self) -> Float[ndarray, "tet"]:
        """The volume of each tetrahedron. [m³]"""
        return signed_volumes(self.nodes, self.tetrahedra)

    @cached_property
    def centroids(self) -> Float[ndarray, "tet 3"]:
        """The mean position of each tetrahedron's nodes. [m]"""
        result = np.empty((len(self.tetrahedra), 3))
        for start in range(0, len(result), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            corners = self.nodes[self.tetrahedra[part]]
            a, b, c, d = (corners[:, i] for i in range(4))
            result[part] = (a + b + c + d) / 4
        return result

    @cached_property
    def faces(self) -> Faces:
        """The faces of the tetrahedra, each once."""
        return faces_of(self.tetrahedra, len(self.nodes))

    def boundary(
        self, chosen: Bool[ndarray, "tet"] | None = None
    ) -> Int[ndarray, "triangle 3"]:
        """Take the faces that bound the head, or chosen elements as a whole.

        Args:
            chosen: Which elements; None for all.

        Returns:
            The nodes of each face, counter-clockwise seen from outside.
        """
        faces = self.faces
        sides = faces.outside() if chosen is None else faces.around(chosen)
        return faces.nodes_of(sides)

    @cached_property
    def outer_surface(self) -> Surface:
        """The outermost closed surface, as `meshing.outer_surface` finds it."""
        return outermost(self.nodes, self.boundary())

    @cached_property
    def tissues(self) -> tuple[int, ...]:
        """The tags that are there, in ascending order."""
        return tuple(np.flatnonzero(np.bincount(self.tags)).tolist())

    def of(self, *tissues: str | int) -> Bool[ndarray, "tet"]:
        """Find which elements are of a tissue, or of any of several.

        Args:
            tissues: Names, abbreviations or numbers, as `tissue_tag` takes them.

        Raises:
            ValueError: There is no such tissue.
        """
        return np.isin(self.tags, [tissue_tag(tissue) for tissue in tissues])

    def _repr_html_(self) -> str:
        return slices(self)

    def __repr__(self) -> str:
        return (
            f"HeadMesh({len(self.nodes)} nodes, {len(self.tetrahedra)} tetrahedra, "
            f"tags {', '.join(map(str, self.tissues))})"
        )


def signed_volumes(
    nodes: Float[ndarray, "node 3"], tetrahedra: Int[ndarray, "tet 4"]
) -> Float[ndarray, "tet"]:
    """Volumes of tetrahedra, negative where the node order is left-handed. [m³]"""
    result = np.empty(len(tetrahedra))
    for start in range(0, len(tetrahedra), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        corners = nodes[tetrahedra[part]].transpose(1, 2, 0)
        # Component by component: faster than np.cross.
        origin, b, c, d = np.ascontiguousarray(corners)
        b, c, d = b - origin, c - origin, d - origin
        result[part] = (
            (b[1] * c[2] - b[2] * c[1]) * d[0]
            + (b[2] * c[0] - b[0] * c[2]) * d[1]
            + (b[0] * c[1] - b[1] * c[0]) * d[2]
        ) / 6
    return result


def _check_shapes(nodes: ndarray, tetrahedra: ndarray, tags: ndarray) -> None:
    if nodes.ndim != 2 or nodes.shape[1] != 3:
        raise ValueError(f"`nodes` must have the shape (nodes, 3), got {nodes.shape}.")
    if tetrahedra.ndim != 2 or tetrahedra.shape[1] != 4:
        raise ValueError(
            f"`tetrahedra` must have the shape (tetrahedra, 4), got {tetrahedra.shape}."
        )
    if len(tetrahedra) == 0:
        raise ValueError("`tetrahedra` is empty: a head needs at least one.")
    if tags.shape != tetrahedra.shape[:1]:
        raise ValueError(
            f"`tags` must give one tissue for each of {len(tetrahedra)} tetrahedra, got "
            f"the shape {tags.shape}."
        )


def _check_contents(nodes: ndarray, tetrahedra: ndarray, tags: ndarray) -> None:
    if not np.isfinite(nodes).all():
        first = int(np.flatnonzero(~np.isfinite(nodes).all(axis=1))[0])
        raise ValueError(f"`nodes` holds a value that is not finite, at node {first}.")
    low, high = int(tetrahedra.min()), int(tetrahedra.max())
    if low < 0 or high >= len(nodes):
        raise ValueError(
            f"`tetrahedra` names nodes {low} to {high}, but there are nodes 0 to "
            f"{len(nodes) - 1} only."
        )
    unknown = sorted(set(np.unique(tags).tolist()) - set(TISSUE_NAMES))
    if unknown:
        raise ValueError(
            f"`tags` holds {', '.join(map(str, unknown))}; known tissues are 1 to 10, as "
            "in SimNIBS. Relabel or remove these elements."
        )


def _check_volumes(head: HeadMesh) -> None:
    bad = np.flatnonzero(head.volumes <= 0)
    if len(bad):
        kind = "inverted" if head.volumes[bad[0]] < 0 else "of zero volume"
        corners = head.nodes[head.tetrahedra[bad[0]]]
        place = ", ".join(f"{x:.4g}" for x in corners.mean(axis=0))
        raise ValueError(
            f"{len(bad)} of {len(head.tags)} tetrahedra are inverted or of zero volume; "
            f"number {bad[0]} (from 0) is {kind}, at ({place}) m. Repair the mesh, or "
            "swap two nodes of each inverted tetrahedron."
        )
