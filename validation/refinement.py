"""Refinement: what elements of this size cost in accuracy, on a head.

Two errors are separate. On one mesh, elements of first order are compared with those of
second order, whose error is of a higher order: that is the discretisation error of a mesh
as it is. Meshes of several sizes, each made of the same labels, have other surfaces too:
the change of a target's value from one to the next holds both errors.
"""

import time
from dataclasses import replace
from functools import partial

import jax
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .. import efield, meshing
from ..meshing import HeadMesh
from .cases import CURRENT_RATE, case_of, target_of
from .checks import AbstractLimit, AtLeast, AtMost, Check, Workbench
from .metrics import compare
from .problems import mean_edge


SIZES = (300_000, 1_000_000, 4_000_000)
DEFAULT = 1_000_000
_SECOND_ORDER = SIZES[:2]

_POINTS = 20_000  # In gray matter, where fields of different meshes are compared.
_WITHIN = 60e-3  # Of the coil's centre. [m]
_PIXEL = 1.5e-3  # Of the map of errors. [m]


def refinement_checks() -> list[Check]:
    """Checks of the whole suite; they take most of its time."""
    check = partial(_check, group="self")
    by_size = lambda key: lambda bench: bench.once(_orders_study)[key]
    default = lambda key: lambda bench: bench.once(_meshed, DEFAULT)[key]
    return [
        check(
            "P1 against P2: gray matter, default mesh",
            "E of one mesh of 1M tetrahedra, relative L2: the discretisation error",
            AtMost(0.12),
            default("raw"),
        ),
        check(
            "P1 + recovery against P2: gray matter, default mesh",
            "the same, recovered",
            AtMost(0.12),
            default("recovered"),
        ),
        check(
            "P1 against P2: 99.9 % peak, default mesh",
            "of |E| in gray matter, relative",
            AtMost(0.015),
            lambda bench: abs(bench.once(_meshed, DEFAULT)["compared"].peak_difference),
        ),
        check(
            "P1 against P2: place of the peak, default mesh",
            "centre of what reaches the 99.9 % peak",
            AtMost(1.0),
            lambda bench: 1e3 * bench.once(_meshed, DEFAULT)["compared"].peak_distance,
            unit="mm",
        ),
        check(
            "P1 against P2: region above half maximum, default mesh",
            "overlap by volume (Dice)",
            AtLeast(0.92),
            lambda bench: bench.once(_meshed, DEFAULT)["compared"].dice,
        ),
        check(
            "P1 against P2: target, default mesh",
            "mean |E| in the target, relative",
            AtMost(0.025),
            default("target difference"),
        ),
        check(
            "estimated error against P2, default mesh",
            "what `efield.estimate_error` says of gray matter, relative to the distance",
            AtLeast(0.6),
            default("estimate ratio"),
        ),
        check(
            "order of P1 from 0.3M to 1M tetrahedra",
            "distances to P2 in gray matter, the power of the edge length",
            AtLeast(0.35),
            by_size("order"),
        ),
        check(
            "target from 1M to 4M tetrahedra",
            "change of the mean |E|, other surfaces included, relative",
            AtMost(0.04),
            by_size("change"),
        ),
        check(
            "target at 1M tetrahedra against the extrapolated value",
            "mean |E|, edge lengths to zero by first order, relative",
            AtMost(0.1),
            by_size("extrapolated"),
        ),
        check(
            "field at points, 1M against 4M tetrahedra",
            "E in gray matter near the coil, relative L2, other surfaces included",
            AtMost(0.2),
            by_size("points"),
        ),
    ]


def _check(
    name: str, compares: str, limit: AbstractLimit, measure, group: str, unit: str = ""
) -> Check:
    return Check(
        name=name,
        group=group,
        compares=compares,
        limit=limit,
        measure=measure,
        unit=unit,
    )


def _meshed(bench: Workbench, size: int) -> dict:
    """Solve on the template head of a size, by first order and maybe by second."""
    bench.progress(f"template head of {size / 1e6:g}M tetrahedra")
    head = meshing.template(size)
    begin = time.perf_counter()
    case = case_of(head, bench.references())
    rates = efield.rates(case.conductor, case.coil, case.pose(), CURRENT_RATE)
    field = jax.block_until_ready(case.solve(efield.HostMultigrid()))
    seconds = time.perf_counter() - begin
    gray = np.flatnonzero(head.of("gray matter"))
    target = target_of(head, case.pose())
    recovery = efield.patch_recovery(case.conductor, head)
    recovered = replace(field, vectors=recovery(field, rates))
    estimate = efield.estimate_error(case.conductor, head, field, rates)
    points = bench.once(_common_points)
    at = efield.patch_recovery(case.conductor, head, points, "gray matter")
    row = {
        "tetrahedra": len(head.tags),
        "edge": mean_edge(head, gray),
        "seconds": seconds,
        "target": float(field.mean_magnitude(target)),
        "target recovered": float(recovered.mean_magnitude(target)),
        "estimate": float(estimate.in_region(meshing.region(head, gray))),
        "points": np.asarray(efield.sampler(head, points, "gray matter")(field)),
        "points recovered": np.asarray(at(field, rates)),
    }
    if size in _SECOND_ORDER:
        fields = np.asarray(field.vectors)[gray], np.asarray(recovered.vectors)[gray]
        row |= _second_order(bench, head, gray, *fields, size == DEFAULT)
        row["target difference"] = abs(row["target"] / row["target P2"] - 1)
        row["estimate ratio"] = _near_one(row["estimate"] / row["raw"])
    return row


def _near_one(ratio: float) -> float:
    """The smaller of a ratio and its inverse."""
    return min(ratio, 1 / ratio)


def _second_order(
    bench: Workbench,
    head: HeadMesh,
    gray: ndarray,
    raw: ndarray,
    recovered: ndarray,
    drawn: bool,
) -> dict:
    bench.progress(f"second order on {len(head.tags) / 1e6:.1f}M tetrahedra")
    case = case_of(head, bench.references(), order=2)
    field = case.solve(efield.HostMultigrid())
    target = target_of(head, case.pose())
    best = np.asarray(field.vectors)[gray]
    both = best, head.volumes[gray], head.centroids[gray]
    found, smooth = compare(raw, *both), compare(recovered, *both)
    if drawn:
        _draw(bench, case.pose(), head.centroids[gray], raw, recovered, best)
    return {
        "raw": found.relative_error,
        "recovered": smooth.relative_error,
        "compared": found,
        "target P2": float(field.mean_magnitude(target)),
    }


def _common_points(bench: Workbench) -> Float[ndarray, "point 3"]:
    """Points in gray matter near the coil, of the smallest head."""
    head = meshing.template(SIZES[0])
    case = case_of(head, bench.references())
    gray = head.centroids[head.of("gray matter")]
    gaps = np.linalg.norm(gray - np.asarray(case.pose().translation), axis=1)
    near = gray[gaps < _WITHIN]
    return np.random.default_rng(0).permutation(near)[:_POINTS]


def _orders_study(bench: Workbench) -> dict[str, float]:
    rows = [bench.once(_meshed, size) for size in SIZES]
    bench.pictures["refinement"] = [
        {name: value for name, value in row.items() if isinstance(value, int | float)}
        for row in rows
    ]
    coarse, middle, fine = rows
    # Where a value is h off in first order, it is at zero edge length the sum of these.
    share = fine["edge"] / (middle["edge"] - fine["edge"])
    limit = fine["target"] + share * (fine["target"] - middle["target"])
    inside = _inside_all(rows)
    apart = np.linalg.norm(middle["points"][inside] - fine["points recovered"][inside])
    whole = np.linalg.norm(fine["points recovered"][inside])
    return {
        "order": float(
            np.log(coarse["raw"] / middle["raw"])
            / np.log(coarse["edge"] / middle["edge"])
        ),
        "change": abs(middle["target"] / fine["target"] - 1),
        "extrapolated": abs(middle["target"] / limit - 1),
        "limit": limit,
        "points": float(apart / whole),
    }


def _inside_all(rows: list[dict]) -> ndarray:
    """Points where the fields of two meshes are not those of different tissues."""
    sizes = [np.linalg.norm(row["points"], axis=1) for row in rows]
    return np.flatnonzero(np.all(np.isfinite(sizes), axis=0))


def _draw(
    bench: Workbench,
    pose,
    centroids: Float[ndarray, "tet 3"],
    raw: ndarray,
    recovered: ndarray,
    best: ndarray,
) -> None:
    """Keep what the coil sees of the cortex: |E|, and both errors."""
    axes = np.asarray(pose.rotation)
    local = (centroids - np.asarray(pose.translation)) @ axes
    near = (np.abs(local[:, :2]) < _WITHIN).all(axis=1) & (local[:, 2] < _WITHIN)
    cell = np.floor((local[near, :2] + _WITHIN) / _PIXEL).astype(int)
    count = int(2 * _WITHIN / _PIXEL)
    order = np.argsort(local[near, 2])
    _, first = np.unique(cell[order] @ [count, 1], return_index=True)
    seen = np.flatnonzero(near)[order[first]]
    size = np.linalg.norm(best[seen], axis=1)
    images = {
        "|E| [V/m]": size,
        "P1 - P2 [V/m]": np.linalg.norm(raw[seen] - best[seen], axis=1),
        "P1 + recovery - P2 [V/m]": np.linalg.norm(
            recovered[seen] - best[seen], axis=1
        ),
    }
    maps = {}
    for name, values in images.items():
        picture = np.full((count, count), np.nan)
        where = cell[order[first]]
        picture[where[:, 1], where[:, 0]] = values
        maps[name] = picture
    bench.pictures["cortex"] = maps
