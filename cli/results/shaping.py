"""The best shape of a coil whose parts move, for `tmsgrad optimize --shape`."""

import dataclasses

import numpy as np

from ... import optimize
from ...coils import Coil, Part, Rotation
from ...meshing import Scalp
from ...optimize import AbstractObjective, Optimum, Search


def check_shape(coil: Coil, source: str) -> None:
    """Refuse a coil that has no shape to search for.

    Raises:
        ValueError: No part of the coil moves.
    """
    if not coil.ranges:
        raise ValueError(
            f"--shape: {source} has no parts that move. Coils that have are .tcd files "
            "with deformations, such as that of the MagVenture MST-Twin."
        )


def best_shape(
    objective: AbstractObjective,
    coil: Coil,
    scalp: Scalp,
    search: Search,
    clearance: float,
) -> tuple[Coil, Search, dict]:
    """Search pose and shape from where a coil that does not move is best.

    Args:
        objective: Of the target.
        coil: As it comes.
        scalp: Of the same head.
        search: Of the coil as it comes.
        clearance: Between casing and scalp. [m]

    Returns:
        The coil in its shape, the search with the pose of that, and what to tell.
    """
    found = optimize.find_shape(
        objective, coil, scalp, search.pose, optimize.Domain(clearance=clearance)
    )
    told = {
        "settings": _settings(found.coil),
        "value_as_it_comes": search.value,
        "gain": found.value / search.value - 1,
        "self_clearance_mm": found.self_clearance * 1e3
        if np.isfinite(found.self_clearance)
        else None,
        "evaluations": found.evaluations,
    }
    pose = found.pose
    axis = np.asarray(pose.rotation)[:, 2]
    best = Optimum(
        pose,
        found.value,
        scalp.distance_along(pose.translation, axis),
        found.clearance,
        search.best.gradient,
        search.best.at_edge,
    )
    return found.coil, dataclasses.replace(search, best=best, optima=(best,)), told


def tell_shape(report: dict) -> None:
    """Print a shape."""
    told = report["shape"]
    settings = ", ".join(
        f"{each['value']:.3g} {each['unit']}" for each in told["settings"]
    )
    apart = told["self_clearance_mm"]
    between = "" if apart is None else f"; its parts stay {apart:.1f} mm apart"
    print(f"shape            {settings}{between}")
    print(
        f"without it       {told['value_as_it_comes']:.4f} V/m at 1e6 A/s: the shape and "
        f"its pose gain {told['gain']:.1%}"
    )


def _settings(coil: Coil) -> list[dict]:
    """Each setting with its unit: that of what it moves."""
    turns = {
        motion.setting
        for part in coil.elements
        if isinstance(part, Part)
        for motion in part.motions
        if isinstance(motion, Rotation)
    }
    return [
        {"value": float(np.degrees(value)), "unit": "°"}
        if number in turns
        else {"value": 1e3 * float(value), "unit": "mm"}
        for number, value in enumerate(np.asarray(coil.settings))
    ]
