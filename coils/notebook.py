"""A coil as notebooks show it: its words, and its sources and casing seen from above."""

import html

import numpy as np


_WIDTH = 240  # [pixel]
_MOST = 600  # Points of a kind.


def from_above(coil) -> str:
    """Draw the sources, or the surface of a coil known by its field, in its x-y plane."""
    casing = np.asarray(coil.surface_points)
    try:
        sources = coil.sources()
    except ValueError:
        points = casing[:0]
    else:
        points = np.concatenate([sources.dipole_positions, sources.current_positions])
    every = np.concatenate([casing, points])[:, :2]
    low, high = every.min(axis=0), every.max(axis=0)
    scale = _WIDTH / max(float((high - low).max()), 1e-3)
    height = round(scale * float(high[1] - low[1])) + 8
    marks = "".join(
        f'<circle cx="{4 + scale * (x - low[0]):.1f}" '
        f'cy="{4 + scale * (high[1] - y):.1f}" r="{radius}" fill="{colour}"/>'
        for some, radius, colour in ((casing, 1, "#bbb"), (points, 1.5, "#06c"))
        for x, y in some[:: -(-len(some) // _MOST) or 1, :2]
    )
    return (
        f"<div>{html.escape(repr(coil))}<br>"
        f'<svg width="{_WIDTH + 8}" height="{height}">{marks}</svg></div>'
    )
