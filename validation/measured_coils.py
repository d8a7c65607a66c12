"""Coils of the catalogue against measured models of the same coils.

The potential A is compared on planes 10 to 60 mm below the coil, over 16 cm by 16 cm, at
points more than 12 mm from any source and on the head's side of tilted wings. Below a coil
that wraps the head, depths are distances from its wires.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
from scipy.spatial import KDTree

from .. import coils


# By name, the file that SimNIBS has of it.
PAIRS = {
    "magstim-70mm-double": "MagStim_D70.ccd",
    "magstim-double-cone": "MagStim_DCC.ccd",
    "magventure-c-b60": "MagVenture_C-B60.ccd",
    "magventure-cool-b65": "MagVenture_Cool-B65.ccd",
    "magventure-mst-twin": "MagVenture_MST-Twin.tcd",
    "deymed-120bfv": "Deymed_120BFV.ccd",
    "brainsway-h1": "Brainsway_H1.tcd",
}
DEPTHS = (0.01, 0.02, 0.03, 0.04, 0.05, 0.06)


def compare(name: str, file: Path) -> dict[float, float]:
    """Relative L2 error of A by depth; under the depth 0 the error over all."""
    measured, built = coils.read(file), coils.read(name)
    design = coils.catalogue.design(name)
    if isinstance(design, coils.catalogue.Design):
        points, depths = _below(measured, design)
    else:
        points, depths = _within(measured)
    expected = np.asarray(measured.vector_potential(jnp.asarray(points)))
    actual = np.asarray(built.vector_potential(jnp.asarray(points)))

    def error(rows: np.ndarray) -> float:
        difference = np.linalg.norm(actual[rows] - expected[rows])
        return float(difference / np.linalg.norm(expected[rows]))

    result = {0.0: error(np.ones(len(points), dtype=bool))}
    for depth in DEPTHS:
        result[depth] = error(np.abs(depths - depth) < 5e-3)
    return result


def _below(measured: coils.Coil, design: coils.catalogue.Design):
    """Points on planes below the coil, and the depths of these. [m]"""
    wing = design.wings[0]
    slope = abs(wing.axis[0] / wing.axis[2])
    x = np.arange(-0.08, 0.081, 0.01)
    points = np.stack(np.meshgrid(x, x, DEPTHS, indexing="ij"), -1).reshape(-1, 3)
    places = np.asarray(measured.sources().dipole_positions)
    clear = KDTree(places).query(points)[0] > 0.012
    bend = slope * np.maximum(np.abs(points[:, 0]) - 0.01, 0)
    points = points[clear & (points[:, 2] - bend > 0.0099)]
    return points, points[:, 2]


def _within(measured: coils.Coil):
    """Points on the head's side of a coil around it, and their distances from it. [m]

    The head's side is the inside of the sphere through the wires.
    """
    wires = np.asarray(measured.sources().current_positions)
    columns = np.concatenate([2 * wires, np.ones((len(wires), 1))], axis=1)
    centre = np.linalg.lstsq(columns, (wires**2).sum(axis=1))[0][:3]
    low, high = wires.min(axis=0) - 0.06, wires.max(axis=0) + 0.06
    axes = [np.arange(a, b, 0.01) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    distances, nearest = KDTree(wires).query(points)
    reach = np.linalg.norm(points - centre, axis=1)
    inside = reach < np.linalg.norm(wires[nearest] - centre, axis=1) - 7e-3
    kept = inside & (distances > 0.01) & (distances < 0.065)
    return points[kept], distances[kept]
