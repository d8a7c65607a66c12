"""Scalp and coils, as the page has them."""

import shlex

import numpy as np

from ...coils import casing_samples
from ...efield.pictures.hulls import hull_of
from ...efield.reduced.drives import Drives
from ...meshing import Scalp
from ...meshing.drawing.shapes import coil_body, compact, smooth
from ...meshing.pictures.view import thinned
from ...meshing.viewer.packing import packed, quantised
from .. import Face
from ..constraints import spread_out
from .scene import PlacedCoil, Scene, Spot


_SCALP_TRIANGLES = 24_000
_COIL_TRIANGLES = 12_000
_BELOW = 30e-3  # Above its lowest plane, no part of a coil touches a head first. [m]
_SAMPLES = 3000
_FAR = 60e-3  # Farther than this from the scalp no digit counts. [m]


def scalp_json(scene: Scene) -> dict:
    """The scalp as a surface, and as its distance on a grid; lengths in m."""
    scalp, head = scene.scalp, scene.head
    outside, triangles, _ = compact(head.nodes, head.boundary())
    outside = smooth(outside, triangles, 4)
    vertices, faces, _ = thinned(outside, triangles, _SCALP_TRIANGLES)
    return {
        "vertices": packed(vertices, "f4"),
        "triangles": packed(faces, "u4"),
        "grid": grid_json(scalp),
    }


def grid_json(scalp: Scalp) -> dict:
    """Signed distance, and the smooth one that normals are along, at the grid's points."""
    smoothed = scalp.smoothed
    return {
        "origin": scalp.origin.tolist(),
        "spacing": scalp.spacing,
        "distance": quantised(scalp.distance, _FAR),
        "smoothed": quantised(smoothed, float(np.abs(smoothed).max())),
    }


def coil_json(placed: PlacedCoil, drives: Drives, cover: float) -> dict:
    """A coil: what it looks like, what it drives, and where it can be put."""
    coil = placed.coil
    hull = hull_of(coil)
    body, faces, handle = coil_body(hull.points, hull.casing, _COIL_TRIANGLES)
    samples = casing_samples(coil)
    base, clearance = Face(0.0, cover).resting(coil, samples, 0.0)
    low = samples[samples[:, 2] >= samples[:, 2].max() - _BELOW]
    return {
        "name": coil.name,
        "source": shlex.quote(placed.source),
        "casing": coil.has_casing,
        "maximum": coil.max_current_rate,
        "number": placed.number,
        "body": {
            "vertices": packed(body, "f4"),
            "triangles": packed(faces, "u4"),
            "handle": packed(handle.astype(float), "f4"),
        },
        "samples": packed(low[spread_out(low, _SAMPLES)], "f4"),
        "base": base,
        "clearance": clearance,
        "sources": _sources(drives),
        "strengths": list(drives.strengths),
        "best": _spot(placed.best),
        "rules": [_spot(each) for each in placed.rules],
        "lost": None if placed.lost is None else list(placed.lost),
    }


def _spot(spot: Spot) -> dict:
    return {"name": spot.name, "pose": spot.pose.tolist(), "usual": spot.usual}


def _sources(drives: Drives) -> dict:
    """Currents and dipoles of all stimulators, at 1 A/s of the coil."""
    rates = np.asarray(drives.rates)
    join = lambda parts: packed(np.concatenate([np.asarray(x) for x in parts]), "f8")
    scaled = [(each, rate) for each, rate in zip(drives.sources, rates, strict=True)]
    return {
        "currentPositions": join([each.current_positions for each, _ in scaled]),
        "currentVectors": join([r * np.asarray(s.current_vectors) for s, r in scaled]),
        "dipolePositions": join([each.dipole_positions for each, _ in scaled]),
        "dipoleMoments": join([r * np.asarray(s.dipole_moments) for s, r in scaled]),
    }
