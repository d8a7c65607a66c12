"""Surfaces in .stl files, which hold the casings of coils. Their unit is mm."""

import os
import re
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from ..disk import write_whole


_MOST_BYTES = 1 << 29
_RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("tail", "<u2")])
_VERTEX = re.compile(rb"vertex\s+(\S+)\s+(\S+)\s+(\S+)", re.IGNORECASE)


def read_stl(
    path: str | os.PathLike[str],
) -> tuple[Float[np.ndarray, "point 3"], Int[np.ndarray, "triangle 3"]]:
    """Read a surface, binary or ASCII.

    Args:
        path: The file.

    Returns:
        Its points, each once [m], and the triangles as rows of them.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, empty, or not an .stl.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise ValueError(f"{path}: {size} bytes is no plausible casing.")
    content = path.read_bytes()
    count = int.from_bytes(content[80:84], "little") if size >= 84 else -1
    if size == 84 + count * _RECORD.itemsize:
        corners = np.frombuffer(content, _RECORD, offset=84)["corners"]
    elif content[:5].lower() == b"solid":
        corners = _ascii(path, content)
    else:
        raise ValueError(
            f"{path}: not an .stl surface, or cut short: {size} bytes, but the header "
            f"announces {count} triangles. Export the casing anew."
        )
    flat = corners.reshape(-1, 3).astype(np.float64)
    if len(flat) == 0:
        raise ValueError(f"{path}: the surface has no triangles.")
    if not np.isfinite(flat).all():
        raise ValueError(f"{path}: the surface holds a value that is not finite.")
    points, inverse = np.unique(flat, axis=0, return_inverse=True)
    return points * 1e-3, inverse.reshape(-1, 3)


def _ascii(path: Path, content: bytes) -> np.ndarray:
    rows = _VERTEX.findall(content)
    if len(rows) % 3 or b"endsolid" not in content.lower():
        raise ValueError(
            f"{path}: cut short after {len(rows)} corners. Export the casing anew."
        )
    try:
        return np.array(rows, dtype="S64").astype(np.float64).reshape(-1, 3, 3)
    except ValueError:
        raise ValueError(f"{path}: a corner is not three numbers.") from None


def write_stl(
    path: str | os.PathLike[str],
    points: Float[np.ndarray, "point 3"],
    triangles: Int[np.ndarray, "triangle 3"],
) -> None:
    """Write a surface as binary .stl, in mm.

    Args:
        path: The file, replaced when it exists.
        points: [m]
        triangles: Rows of `points`.
    """
    corners = np.asarray(points)[np.asarray(triangles)] * 1e3
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    records = np.zeros(len(corners), _RECORD)
    records["normal"] = normals / np.where(lengths > 0, lengths, 1)
    records["corners"] = corners
    write_whole(
        path, bytes(80) + len(corners).to_bytes(4, "little") + records.tobytes()
    )
