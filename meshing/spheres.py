"""Layered spheres, the heads for which the field has a formula.

gmsh makes them; it is an optional package, and its licence (GPL) is not ours, so that
nothing but validation depends on it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from .head import HeadMesh, tissue_tag


_SCALE = 100.0  # gmsh's tolerances are made for sizes of 1 to 1000: the outer radius.

# Of the gap between two spheres, the share that a flat triangle may cut off.
_LARGEST_SAGITTA = 0.5


def spheres(
    radii: Sequence[float],
    tags: Sequence[int | str],
    size: float | Sequence[float],
) -> HeadMesh:
    """Mesh concentric spheres around the origin.

    The boundaries of the layers are made of flat triangles with all corners on the
    spheres, so that volumes and fields converge with the square of the edge length.
    The same arguments give the same mesh on one machine; another version of gmsh, or a
    processor with other instructions, gives another one of the same quality.

    Args:
        radii: Outer radius of each layer, increasing. [m]
        tags: The tissue of each layer, by name or tag.
        size: Edge length, one for all layers or one for each. [m]

    Returns:
        The mesh.

    Raises:
        ImportError: gmsh is not installed.
        ValueError: Radii do not increase, a size is not positive or so large that flat
            triangles of one sphere come near the next one, or their numbers differ.
    """
    outer = np.asarray(radii, dtype=np.float64)
    edges = np.asarray(size, dtype=np.float64)
    _check(outer, tags, edges)
    numbers = np.array([tissue_tag(tag) for tag in tags])
    edges = np.broadcast_to(edges, outer.shape)
    scale = _SCALE / outer[-1]
    points, tetrahedra, layers, spherical = _mesh(outer * scale, edges * scale)
    nodes = points / scale
    for layer, corners in enumerate(spherical):
        length = np.linalg.norm(nodes[corners], axis=1, keepdims=True)
        nodes[corners] *= outer[layer] / length
    return HeadMesh(nodes, tetrahedra, numbers[layers])


def _check(radii: ndarray, tags: Sequence[int | str], sizes: ndarray) -> None:
    if radii.ndim != 1 or len(radii) == 0 or len(tags) != len(radii):
        raise ValueError(
            f"`radii` and `tags` must be as many, at least one, got {radii.size} and "
            f"{len(tags)}."
        )
    if not (np.diff(radii, prepend=0.0) > 0).all():
        raise ValueError(
            f"`radii` must be positive and increase from the innermost, got "
            f"{radii.tolist()} m."
        )
    if sizes.shape not in ((), radii.shape):
        raise ValueError(
            f"`size` must be one for all layers or one for each of {len(radii)}, got "
            f"{sizes.size}."
        )
    if not (sizes > 0).all():
        raise ValueError(f"`size` must be positive, got {sizes.tolist()} m.")
    # A triangle with sides s lies s²/(6r) deep in its sphere at most.
    sizes = np.broadcast_to(sizes, radii.shape)
    finest = np.minimum(sizes, np.append(sizes[1:], np.inf))
    depth, gap = finest**2 / (6 * radii), np.diff(radii, prepend=0.0)
    if (depth > _LARGEST_SAGITTA * gap).any():
        layer = int(np.argmax(depth / gap))
        largest = np.sqrt(6 * radii[layer] * _LARGEST_SAGITTA * gap[layer])
        raise ValueError(
            f"`size` is {finest[layer]:.3g} m, too large for layer {layer}, which is "
            f"{gap[layer]:.3g} m thick: give at most {largest:.3g} m."
        )


def _mesh(
    radii: Float[ndarray, "layer"], sizes: Float[ndarray, "layer"]
) -> tuple[
    Float[ndarray, "node 3"],
    Int[ndarray, "tet 4"],
    Int[ndarray, "tet"],
    list[Int[ndarray, "_"]],
]:
    """Mesh by gmsh; also return the layer of each tetrahedron and the nodes on spheres."""
    with _silent_model() as gmsh:
        occ, mesh = gmsh.model.occ, gmsh.model.mesh
        for radius in radii:
            occ.addSphere(0, 0, 0, radius)
        whole = [(3, i + 1) for i in range(len(radii))]
        if len(whole) > 1:
            occ.fragment(whole[-1:], whole[:-1])
        occ.synchronize()
        volumes = [tag for _, tag in gmsh.model.getEntities(3)]
        volumes.sort(key=lambda tag: gmsh.model.getBoundingBox(3, tag)[3])
        _set_sizes(gmsh, volumes, sizes)
        mesh.generate(3)
        mesh.optimize("")
        numbers, coordinates, _ = mesh.getNodes()
        place = np.zeros(int(numbers.max()) + 1, dtype=np.int64)
        place[numbers] = np.arange(len(numbers))
        corners = [mesh.getElementsByType(4, volume)[1] for volume in volumes]
        counts = [len(c) // 4 for c in corners]
        layers = np.repeat(np.arange(len(volumes)), counts)
        spherical = [place[_outer_nodes(gmsh, volume)] for volume in volumes]
        tetrahedra = place[np.concatenate(corners)].reshape(-1, 4)
        return coordinates.reshape(-1, 3), tetrahedra, layers, spherical


def _set_sizes(gmsh: Any, volumes: list[int], sizes: Float[ndarray, "layer"]) -> None:
    field = gmsh.model.mesh.field
    constant = []
    for volume, size in zip(volumes, sizes.tolist(), strict=True):
        constant.append(field.add("Constant"))
        field.setNumbers(constant[-1], "VolumesList", [volume])
        field.setNumber(constant[-1], "VIn", size)
        field.setNumber(constant[-1], "IncludeBoundary", 1)
    smallest = field.add("Min")
    field.setNumbers(smallest, "FieldsList", constant)
    field.setAsBackgroundMesh(smallest)


def _outer_nodes(gmsh: Any, volume: int) -> ndarray:
    """Find the nodes on the outermost of the surfaces that bound a volume."""
    bounds = gmsh.model.getBoundary([(3, volume)], oriented=False)
    outermost = max(bounds, key=lambda e: gmsh.model.getBoundingBox(*e)[3])
    return gmsh.model.mesh.getNodes(*outermost, includeBoundary=True)[0]


@contextmanager
def _silent_model() -> Iterator[Any]:
    """Give gmsh with an empty model, and leave it as it was found."""
    try:
        import gmsh
    except ImportError as error:
        raise ImportError(
            "Layered spheres are meshed by gmsh, which is not installed. Write: "
            "pip install 'tmsgrad[spheres]'"
        ) from error
    options = {
        "General.Terminal": 0,
        "General.NumThreads": 1,  # Several threads give another mesh each time.
        "Mesh.RandomSeed": 1,
        "Mesh.MeshSizeExtendFromBoundary": 0,
        "Mesh.MeshSizeFromPoints": 0,
        "Mesh.MeshSizeFromCurvature": 0,
        "Mesh.Algorithm": 6,  # Frontal-Delaunay: the most even triangles.
        "Mesh.Algorithm3D": 10,  # HXT: half the time of Delaunay, and as good.
        "Mesh.Optimize": 0,  # It is called once, for the whole mesh.
        "Mesh.ElementOrder": 1,
    }
    ours = not gmsh.isInitialized()
    if ours:
        gmsh.initialize(readConfigFiles=False, interruptible=False)
    before = {name: gmsh.option.getNumber(name) for name in options}
    current = "" if ours else gmsh.model.getCurrent()
    try:
        for name, value in options.items():
            gmsh.option.setNumber(name, value)
        gmsh.model.add("tmsgrad-spheres")
        yield gmsh
        gmsh.model.remove()
    finally:
        if ours:
            gmsh.finalize()
        else:
            for name, value in before.items():
                gmsh.option.setNumber(name, value)
            gmsh.model.setCurrent(current)
