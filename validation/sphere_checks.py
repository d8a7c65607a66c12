"""Checks against mathematics: fields that are known exactly."""

import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .. import efield, meshing
from ..coils import rotation_from_vector
from ..efield.linear import solve_linear
from ..efield.reciprocity import target_dipoles
from ..meshing import HeadMesh
from . import catalogue
from .anisotropic_sphere import (
    anisotropic_sphere_field,
    impressed_rate,
    radial_tensors,
)
from .catalogue import RADII
from .checks import AtLeast, AtMost, Check, Workbench
from .electric_dipole import field_outside, layered_potential
from .metrics import mag, rdm, relative_error
from .problems import AbstractProblem, SphereProblem, mean_edge
from .quadrature import fifth_degree


GROUP = "sphere"
METHODS = ("P1", "P1 + recovery", "P2")

_COARSE = 14e-3  # Of quick checks. [m]
_COMPARED = 20_000  # So many elements, drawn at random, give the error within 2%.

# Relative errors in L2 at 14 mm, by problem: of P1 and of P2.
_COARSE_LIMITS = {
    "figure-of-eight over four layers": (0.26, 0.034),
    "figure-of-eight over anisotropic layers": (0.26, 0.034),
    "round wire over a homogeneous sphere": (0.19, 0.016),
    "radial dipole 10 mm from the scalp": (0.28, 0.061),
    "tangential dipole 10 mm from the scalp": (0.89, 0.17),
    "oblique dipole 30 mm from the scalp": (0.43, 0.054),
    "anisotropic ellipsoid in a uniform field": (0.14, 0.003),
    "slab of anisotropic layers under an array of coils": (0.29, 0.033),
    "manufactured field among fibres in parallel": (0.28, 0.033),
    "manufactured field among fibres that turn": (0.28, 0.073),
}

# Not among the quick checks: another compilation each, for little that is new.
_SLOW = (
    "round wire over a homogeneous sphere",
    "figure-of-eight over anisotropic layers",
)

# The table of edges [mm] by method, and the limits of the error in the brain's shell and at
# its surface.
_TABLE = {
    ("P1", 4.5): (0.08, 0.16),
    ("P1", 3.0): (0.053, 0.11),
    ("P1", 2.1): (0.037, 0.078),
    ("P1", 1.5): (0.027, 0.056),
    ("P1 + recovery", 4.5): (0.012, 0.03),
    ("P1 + recovery", 3.0): (0.0065, 0.016),
    ("P1 + recovery", 2.1): (0.004, 0.01),
    ("P1 + recovery", 1.5): (0.003, 0.007),
    ("P2", 4.5): (0.0028, 0.008),
    ("P2", 3.0): (0.0012, 0.004),
    ("P2", 2.1): (0.0007, 0.0024),
}
_ELSEWHERE = 2.0  # Edges of other layers, times those of the shell.
_ASKED_FOR = 0.75  # Mean edges are about a third longer than what gmsh is asked for.

_TURN = (0.3, -0.2, 0.25)  # Of the dipole's target, off all axes.


def checks() -> list[Check]:
    """All checks of this group."""
    return [
        *_coarse_checks(),
        *_order_checks(),
        *_tensor_checks(),
        *_dipole_checks(),
        *_table_checks(),
    ]


def _coarse_checks() -> list[Check]:
    found = []
    for problem in catalogue.analytic_problems():
        for order, limit in zip((1, 2), _COARSE_LIMITS[problem.name], strict=True):
            found.append(
                Check(
                    name=f"P{order}: {problem.name}",
                    group=GROUP,
                    compares="field with the exact one, relative L2, 14 mm elements",
                    limit=AtMost(limit),
                    measure=partial(_coarse_error, problem=problem, order=order),
                    quick=problem.name not in _SLOW,
                )
            )
    return found


def _coarse_error(bench: Workbench, problem: AbstractProblem, order: int) -> float:
    head = _head(problem, _COARSE)
    field = problem.solve(head, efield.HostMultigrid(), order)
    return problem.accuracy(head, field, _some(problem.selected(head))).relative_error


def _order_checks() -> list[Check]:
    figure, slab = catalogue.figure_of_eight_problem(), catalogue.slab_problem()
    sphere, brick = (14e-3, 10e-3), (14e-3, 8.4e-3)
    rows = (
        ("P1", figure, sphere, 0.85, False),
        ("P1 + recovery", figure, sphere, 1.0, False),
        ("P2", figure, sphere, 1.7, False),
        ("P1", slab, brick, 0.85, True),
        ("P2", slab, brick, 1.7, True),
    )
    return [
        Check(
            name=f"order of {method}: {problem.name}",
            group=GROUP,
            compares="relative L2 errors at two edge lengths, the power between them",
            limit=AtLeast(limit),
            measure=partial(_order, problem=problem, method=method, sizes=sizes),
            quick=quick,
        )
        for method, problem, sizes, limit, quick in rows
    ]


def _order(
    bench: Workbench, problem: AbstractProblem, method: str, sizes: tuple[float, float]
) -> float:
    (edge, error), (finer, less) = (
        bench.once(_brain_error, problem.name, method, size) for size in sizes
    )
    return float(np.log(error / less) / np.log(edge / finer))


def _brain_error(
    bench: Workbench, name: str, method: str, size: float
) -> tuple[float, float]:
    """Mean edge and relative error, on a mesh of one size."""
    problem = next(p for p in catalogue.analytic_problems() if p.name == name)
    row = _row(problem, _head(problem, size), method)
    return row["edge [mm]"], row["error"]


def _tensor_checks() -> list[Check]:
    return [
        Check(
            name=f"P{order}: sphere of radially anisotropic layers",
            group=GROUP,
            compares="field with the exact one, relative L2, skull of 1 to 10",
            limit=AtMost(limit),
            measure=partial(_radial_error, order=order),
        )
        for order, limit in ((1, 0.9), (2, 0.075))
    ]


def _radial_error(bench: Workbench, order: int) -> float:
    radii, along, across = (0.06, 0.07, 0.08), (0.3, 0.005, 0.4), (0.3, 0.05, 0.4)
    head = meshing.spheres(radii, [1, 2, 3], 14e-3)
    conductor = efield.assemble(head, radial_tensors(head, along, across), order=order)
    rate = jnp.asarray(impressed_rate(np.asarray(conductor.nodes)))[None]
    vectors = np.asarray(efield.solve_rate(conductor, rate).vectors[0])
    inner = np.linalg.norm(head.centroids, axis=1) < 0.055
    exact = anisotropic_sphere_field(head.centroids[inner], radii, along, across)
    return relative_error(vectors[inner], exact, head.volumes[inner])


def _dipole_checks() -> list[Check]:
    def of_study(key: str, order: int):
        return lambda bench: bench.once(_dipole_study, order)[key]

    rows = [
        ("potential at the scalp, RDM", "rdm", (0.04, 0.009)),
        ("potential at the scalp, MAG from 1", "mag", (0.008, 0.004)),
        ("magnetic field outside", "outside", (0.22, 0.06)),
        ("target's field by reciprocity", "target", (0.06, 0.004)),
    ]
    compares = {
        "rdm": "adjoint potential of a target with that of a dipole in layers",
        "mag": "adjoint potential of a target with that of a dipole in layers",
        "outside": "field of the target's currents with Sarvas' formula, relative L2",
        "target": "mean E in a target, by reciprocity, with the exact one, relative",
    }
    return [
        Check(
            name=f"P{order}: {title}",
            group=GROUP,
            compares=compares[key],
            limit=AtMost(limits[order - 1]),
            measure=of_study(key, order),
            quick=order == 2,
        )
        for title, key, limits in rows
        for order in (1, 2)
    ]


def _dipole_study(bench: Workbench, order: int) -> dict[str, float]:
    """Compare a target's adjoint solution with that of a dipole at its centre.

    A ball of dipoles has outside the potential of one at its centre.
    """
    radii = RADII[1:]
    problem = catalogue.figure_of_eight_problem()
    head = meshing.spheres(radii, ["gray matter", "bone", "scalp"], 12e-3)
    conductor = efield.assemble(head, efield.isotropic(head), order=order)
    turn = np.asarray(rotation_from_vector(jnp.array(_TURN)))
    up = np.asarray(problem.pose.translation)
    target = meshing.ball(head, 0.055 * up / np.linalg.norm(up), 12e-3)
    place = target.weights @ head.centroids[target.tetrahedra]
    dipoles = target_dipoles(conductor.elements, target, jnp.asarray(turn))
    loads = jnp.stack([conductor.elements.gradient_adjoint(d) for d in dipoles])
    solver = efield.HostMultigrid()
    potentials, _ = solve_linear(conductor.stiffness, conductor.host, loads, solver)
    count = len(head.nodes)
    at = np.linalg.norm(head.nodes, axis=1) > radii[-1] * (1 - 1e-6)
    sigma = [efield.CONDUCTIVITIES[tag] for tag in (2, 4, 5)]
    exact = np.stack(
        [layered_potential(head.nodes[at], place, d, radii, sigma) for d in turn]
    )
    found = np.asarray(potentials)[:, :count][:, at]
    found, exact = (x - x.mean(axis=1, keepdims=True) for x in (found, exact))
    seen = efield.reciprocal(conductor, target, jnp.asarray(turn), solver=solver)
    coil = problem.coil.sources().placed(problem.pose)
    points = np.asarray(coil.dipole_positions)[::13]
    outside = np.stack([field_outside(points, place, d) for d in turn], axis=1)
    by_us = np.asarray(seen.magnetic_field(jnp.asarray(points)))
    centres = head.centroids[target.tetrahedra]
    mean = turn @ (target.weights @ np.asarray(problem.exact(centres)))
    ours = np.asarray(seen.mean_field(problem.coil, problem.pose, problem.current_rate))
    return {
        "rdm": rdm(found.ravel(), exact.ravel()),
        "mag": abs(mag(found.ravel(), exact.ravel()) - 1),
        "outside": relative_error(by_us.reshape(-1, 3), outside.reshape(-1, 3)),
        "target": relative_error(ours, mean),
    }


def _table_checks() -> list[Check]:
    def of_table(key: str, method: str, edge: float):
        return lambda bench: bench.once(_table_row, method, edge)[key]

    return [
        Check(
            name=f"{method}, {edge:g} mm: {place}",
            group=GROUP,
            compares=f"figure-of-eight, field {where} with the exact one, relative L2",
            limit=AtMost(limit),
            measure=of_table(key, method, edge),
        )
        for (method, edge), limits in _TABLE.items()
        for (place, where, key), limit in zip(
            (
                ("brain", "in the brain's outer shell", "error"),
                ("brain's surface", "on the brain's surface", "error at the surface"),
            ),
            limits,
            strict=True,
        )
    ]


def _table_row(bench: Workbench, method: str, edge: float) -> dict:
    problem = catalogue.figure_of_eight_problem()
    head = bench.once(_fine_head, edge)
    row = {"method": method, **_row(problem, head, method)}
    bench.pictures.setdefault("accuracy", []).append(row)
    return row


def _fine_head(bench: Workbench, edge: float) -> HeadMesh:
    size = _ASKED_FOR * edge * 1e-3
    sizes = [_ELSEWHERE * size, size, size, _ELSEWHERE * size]
    # The skull is thin: its elements must not cut through it.
    return meshing.spheres(RADII, catalogue.TISSUES, sizes)


def _head(problem: AbstractProblem, size: float) -> HeadMesh:
    return problem.head(size)


def _some(chosen: ndarray) -> ndarray:
    return np.sort(np.random.default_rng(0).permutation(chosen)[:_COMPARED])


def _row(problem: AbstractProblem, head: HeadMesh, method: str) -> dict:
    """Solve by one method, and compare in the tissues and at their outer surface."""
    begin = time.perf_counter()
    order = 2 if method == "P2" else 1
    conductor = efield.assemble(head, problem.conductivity(head), order=order)
    rates = problem.rates(np.asarray(conductor.nodes))[None]
    solver = efield.HostMultigrid()
    field = efield.solve_rate(conductor, rates, solver=solver)
    jax.block_until_ready(field.vectors)
    seconds = time.perf_counter() - begin
    chosen = problem.selected(head)
    some, rule = _some(chosen), fifth_degree()
    points = rule.points(head, some)
    surface = (
        _below_surface(problem, head) if isinstance(problem, SphereProblem) else None
    )

    def values(at: Float[ndarray, "point 3"]) -> ndarray:
        tissue = problem.compared[0]
        if method == "P1 + recovery":
            recovery = efield.patch_recovery(conductor, head, at, tissue)
            return np.asarray(recovery(field, rates)[0])
        return np.asarray(efield.sampler(head, at, tissue)(field)[0])

    if method == "P1 + recovery":
        found = problem.measure(
            head, values(points.reshape(-1, 3)).reshape(points.shape), rule, some
        )
    else:
        found = problem.accuracy(head, field, some)
    row = {
        "edge [mm]": 1e3 * mean_edge(head, chosen),
        "tetrahedra": len(head.tags),
        "error": found.relative_error,
        "RDM": found.rdm,
        "MAG": found.mag,
        "seconds": seconds,
    }
    if surface is not None:
        exact = np.asarray(problem.exact(surface))
        row["error at the surface"] = relative_error(values(surface), exact)
    return row


def _below_surface(problem: SphereProblem, head: HeadMesh) -> Float[ndarray, "point 3"]:
    """Nodes on the outer sphere of the tissue compared, a micrometre within."""
    layer = problem.tissues.index(problem.compared[-1])
    radius = problem.radii[layer]
    length = np.linalg.norm(head.nodes, axis=1)
    on = head.nodes[np.abs(length - radius) < 1e-6 * radius]
    # The half beneath the coil, where the field is.
    on = on[on @ np.asarray(problem.pose.translation) > 0]
    return _thinned(on) * (1 - 1e-5)


def _thinned(points: ndarray) -> ndarray:
    return np.random.default_rng(0).permutation(points)[:_COMPARED]
