"""A head as notebooks show it: its words, and a slice across each axis."""

import base64
import html
import io

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from PIL import Image
from scipy.spatial import KDTree


_PIXELS = 128  # Along the longer side of a slice.

# By tag; 0 is air.
TISSUE_COLOURS = {
    0: "#ffffff",
    1: "#e6e1d3",
    2: "#a89d93",
    3: "#6fa8d6",
    4: "#f3d9a0",
    5: "#dcae96",
    6: "#5d7f5a",
    7: "#efc77b",
    8: "#d98c5f",
    9: "#b03a3a",
    10: "#a85c64",
}


def slices(head) -> str:
    """Draw the tissues of a head in the planes through the middle of its extent."""
    low, high = head.nodes.min(axis=0), head.nodes.max(axis=0)
    spacing = float((high - low).max()) / _PIXELS
    pictures = [
        _picture(_slice(head, axis, (low + high) / 2, low, high, spacing))
        for axis in (0, 1, 2)
    ]
    return f"<div>{html.escape(repr(head))}<br>{' '.join(pictures)}</div>"


def _slice(
    head,
    axis: int,
    middle: Float[ndarray, "3"],
    low: Float[ndarray, "3"],
    high: Float[ndarray, "3"],
    spacing: float,
) -> UInt8[ndarray, "row column"]:
    """Give each point of a plane the tag of the nearest element that the plane cuts."""
    along = head.nodes[head.tetrahedra, axis]
    cut = (along.min(axis=1) <= middle[axis]) & (along.max(axis=1) >= middle[axis])
    across = [other for other in range(3) if other != axis]
    x, y = (np.arange(low[i], high[i] + spacing, spacing) for i in across)
    places = np.stack(np.meshgrid(x, y[::-1]), axis=-1)
    centres = head.centroids[cut][:, across]
    size = np.cbrt(head.volumes[cut])
    apart, nearest = KDTree(centres).query(places)
    tags = head.tags[cut][nearest]
    return np.where(apart <= size[nearest] + spacing, tags, 0).astype(np.uint8)


def _picture(tags: UInt8[ndarray, "row column"]) -> str:
    stream = io.BytesIO()
    table = [
        bytes.fromhex(TISSUE_COLOURS[tag][1:]) for tag in range(len(TISSUE_COLOURS))
    ]
    colours = np.frombuffer(b"".join(table), np.uint8).reshape(-1, 3)
    Image.fromarray(colours[tags]).save(stream, "PNG", optimize=True)
    data = base64.b64encode(stream.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}">'
