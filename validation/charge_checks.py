"""Checks against charges on surfaces: a second method, which shares nothing with elements.

Both have the same flat faces, so that only their own errors lie between them. How large
these are is known without the other method, by what finer elements and panels change.
"""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from .. import efield, meshing
from ..coils import AbstractCoil, Pose
from ..efield.cut_in_eight import cut_in_eight
from ..meshing import HeadMesh
from ..meshing.interfaces import interfaces
from . import catalogue
from .catalogue import RADII
from .checks import AtLeast, AtMost, Check, Workbench
from .electric_dipole import layered_potential
from .folded_head import OUTER, folded_head
from .metrics import mag, rdm, relative_error
from .panels import Panels
from .quadrature import fifth_degree
from .sphere import coil_field
from .surface_charges import Field, SurfaceCharges, solve_charges


GROUP = "charges"

_RATE = 1e6  # [A/s]
_ABOVE = 4e-3  # The coil's lowest source above the scalp. [m]
_DIPOLE_EDGES = (13e-3, 18e-3)  # [m]
_SPHERE = 14e-3  # Edges. [m]
_FOLDED = 5_000  # Tetrahedra asked for.
_WITHIN = 55e-3  # Of the coil's centre: what is compared. [m]
_RADIUS = 8e-3  # Of the target. [m]
_DIPOLE = (0.02, -0.03, 0.03)  # Off all axes. [m]
_MOMENT = (1.0, 0.5, -0.7)


def checks() -> list[Check]:
    """All checks of this group."""
    return [*_dipole_checks(), *_head_checks()]


def _dipole_checks() -> list[Check]:
    study = lambda key: lambda bench: bench.once(_dipole_study, _DIPOLE_EDGES[1])[key]
    order = Check(
        name="charges: order of the potential at the scalp",
        group=GROUP,
        compares="RDMs at two edge lengths, the power between them",
        limit=AtLeast(1.5),
        measure=_order,
        quick=True,
    )
    rows = (("RDM", "rdm", 0.08), ("MAG from 1", "mag", 0.06))
    return [
        order,
        *(
            Check(
                name=f"charges: potential at the scalp, {title}",
                group=GROUP,
                compares="potential of a current dipole in three layers with the exact one",
                limit=AtMost(limit),
                measure=study(key),
                quick=True,
            )
            for title, key, limit in rows
        ),
    ]


def _head_checks() -> list[Check]:
    of = lambda study, key: lambda bench: bench.once(study)[key]
    rows = (
        ("field of charges with the exact one", "exact", _sphere_study, 0.012),
        ("field of charges with P2", "apart", _sphere_study, 0.012),
        ("charges and P2, over both changes", "ratio", _sphere_study, 1.0),
        ("field of charges with P2", "apart", _folded_study, 0.02),
        ("target's field by charges with P2", "target", _folded_study, 0.01),
        ("charges and P2, over both changes", "ratio", _folded_study, 0.8),
    )
    compares = {
        "exact": "gray matter near the coil, relative L2",
        "apart": "gray matter near the coil, means of tetrahedra, relative L2",
        "ratio": "how far they are apart, over what refining both changed",
        "target": "mean in a ball of 8 mm, relative",
    }
    names = {_sphere_study: "four layers", _folded_study: "folded head"}
    return [
        Check(
            name=f"{names[study]}: {title}",
            group=GROUP,
            compares=compares[key],
            limit=AtMost(limit),
            measure=of(study, key),
        )
        for title, key, study, limit in rows
    ]


def surfaces_of(head: HeadMesh) -> Panels:
    """Take the faces between tissues of different conductivity, and the outermost."""
    found = interfaces(head)
    sigma = {0: 0.0, **efield.CONDUCTIVITIES}
    inner, outer = (
        np.array([sigma[int(tag)] for tag in tags])
        for tags in (found.first, found.second)
    )
    return Panels(head.nodes[found.faces], inner, outer)


def _order(bench: Workbench) -> float:
    less, more = (bench.once(_dipole_study, edge)["rdm"] for edge in _DIPOLE_EDGES)
    return float(np.log(more / less) / np.log(_DIPOLE_EDGES[1] / _DIPOLE_EDGES[0]))


def _dipole_study(bench: Workbench, edge: float) -> dict[str, float]:
    """The potential of a current dipole, which every layer's conductivity shapes."""
    radii = RADII[1:]
    head = meshing.spheres(radii, ["gray matter", "bone", "scalp"], edge)
    place, moment = np.array(_DIPOLE), np.array(_MOMENT)
    sigma = [efield.CONDUCTIVITIES[tag] for tag in (2, 4, 5)]
    shape = lambda points: (points - place, np.linalg.norm(points - place, axis=1))

    def source(points: ndarray) -> ndarray:
        away, far = (x.reshape(len(points), -1) for x in shape(points))
        along = 3 * (away @ moment)[:, None] * away / far**5 - moment / far**3
        return along / (4 * np.pi * sigma[0])

    charges = solve_charges(surfaces_of(head), source)
    outside = charges.panels.outer == 0
    points = charges.panels.centres[outside]
    away, far = shape(points)
    own = (away @ moment) / (4 * np.pi * sigma[0] * far**3)
    found = own + charges.potential(points)
    exact = layered_potential(points, place, moment, radii, sigma)
    weights = charges.panels.areas[outside]
    level = lambda x: x - weights @ x / weights.sum()
    found, exact = level(found), level(exact)
    return {
        "rdm": rdm(found, exact, weights),
        "mag": abs(mag(found, exact, weights) - 1),
    }


def _sphere_study(bench: Workbench) -> dict[str, float]:
    problem = catalogue.figure_of_eight_problem()
    head = problem.head(_SPHERE)
    exact = partial(coil_field, problem.coil, problem.pose, current_rate=_RATE)
    return _compared(bench, "four layers", head, problem.coil, problem.pose, exact)


def _folded_study(bench: Workbench) -> dict[str, float]:
    coil = catalogue.figure_of_eight()
    above = catalogue.over_the_sphere(coil, _ABOVE - RADII[-1] + OUTER)
    return _compared(bench, "folded head", folded_head(_FOLDED), coil, above, None)


def _compared(
    bench: Workbench,
    name: str,
    head: HeadMesh,
    coil: AbstractCoil,
    pose: Pose,
    exact: Callable | None,
) -> dict[str, float]:
    """Solve by both methods, coarse and finer, and compare in gray matter."""
    source: Field = lambda points: (
        -_RATE * np.asarray(coil.potential_at(jnp.asarray(points), pose))
    )
    centre = np.asarray(pose.translation)
    distance = np.linalg.norm(head.centroids - centre, axis=1)
    chosen = np.flatnonzero((head.tags == 2) & (distance < _WITHIN))
    nearest = head.centroids[chosen[np.argmin(distance[chosen])]]
    inside = np.linalg.norm(head.centroids[chosen] - nearest, axis=1) < _RADIUS
    volumes, weights = head.volumes[chosen], head.volumes[chosen] * inside

    coarse = surfaces_of(head)
    near = np.linalg.norm(coarse.centres - centre, axis=1) < _WITHIN
    bench.progress(f"{name}: charges")
    charges = [
        _means(head, chosen, source, solve_charges(each, source))
        for each in (coarse, coarse.quartered(near))
    ]
    bench.progress(f"{name}: elements")
    elements = [_by_elements(head, coil, pose, chosen, cut) for cut in (False, True)]
    change = [relative_error(a, b, volumes) for a, b in (charges, elements)]
    apart = relative_error(charges[1], elements[1], volumes)
    targets = [weights @ each[1] for each in (charges, elements)]
    found = {
        "apart": apart,
        "ratio": apart / sum(change),
        "target": relative_error(targets[0], targets[1]),
    }
    if exact is not None:
        truth = _averaged(head, chosen, exact)
        found["exact"] = relative_error(charges[1], truth, volumes)
        found["exact, P2"] = relative_error(elements[1], truth, volumes)
    row = {
        "head": name,
        "panels": len(coarse.areas) + 3 * int(near.sum()),
        "tetrahedra": 8 * len(head.tags),
        "finer panels change": change[0],
        "finer elements change": change[1],
        **found,
    }
    bench.pictures.setdefault("surfaces", []).append(row)
    return found


def _means(
    head: HeadMesh, chosen: Int[ndarray, "tet"], source: Field, charges: SurfaceCharges
) -> Float[ndarray, "tet 3"]:
    return _averaged(
        head, chosen, lambda points: source(points) + charges.field(points)
    )


def _averaged(
    head: HeadMesh, chosen: Int[ndarray, "tet"], field: Callable
) -> Float[ndarray, "tet 3"]:
    """The mean of a field in tetrahedra."""
    rule = fifth_degree()
    points = rule.points(head, chosen)
    values = np.asarray(field(points.reshape(-1, 3))).reshape(points.shape)
    return np.einsum("q,tqc->tc", rule.weights, values)


def _by_elements(
    head: HeadMesh,
    coil: AbstractCoil,
    pose: Pose,
    chosen: Int[ndarray, "tet"],
    cut: bool,
) -> Float[ndarray, "tet 3"]:
    """The same by second order, on the mesh or on each element cut in eight."""
    mesh = cut_in_eight(head)[0] if cut else head
    conductor = efield.assemble(mesh, efield.isotropic(mesh), order=2)
    field = efield.solve(conductor, coil, pose, _RATE, solver=efield.HostMultigrid())
    pieces = len(mesh.tags) // len(head.tags)
    vectors = np.asarray(field.vectors).reshape(-1, pieces, 3)[chosen]
    shares = mesh.volumes.reshape(-1, pieces)[chosen]
    return np.einsum("tpc,tp->tc", vectors, shares / shares.sum(axis=1, keepdims=True))
