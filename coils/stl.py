"""Surfaces in .stl files, which hold the casings of coils.

Their unit is mm, unless the header names another; metres are known by their size.
"""

import codecs
import os
import re
import warnings
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from ..disk import mm_per_unit, write_whole


_MOST_BYTES = 1 << 29
# As Magics and SolidView name it in the header.
_NAMED = re.compile(r"\bunits?\s*[=:]\s*(\S+)", re.IGNORECASE)
_LINE = 1000  # Bytes of a first line that are looked at.
_SMALLEST, _LARGEST = 5e-3, 2.0  # Across a casing. [m]
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
        ValueError: The file is damaged, empty, or not an .stl, or its size is that of a
            casing neither in mm nor in m.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise ValueError(f"{path}: {size} bytes is no plausible casing.")
    content = path.read_bytes()
    count = int.from_bytes(content[80:84], "little") if size >= 84 else -1
    binary = size == 84 + count * _RECORD.itemsize
    if binary:
        corners = np.frombuffer(content, _RECORD, offset=84)["corners"]
    elif content.removeprefix(codecs.BOM_UTF8)[:5].lower() == b"solid":
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
    # The name of an ASCII file stands in its first line, the rest is geometry.
    begin = content[:80].decode("latin-1") if binary else _first_line(content)
    unit = _unit(path, points, _NAMED.search(begin))
    return points * unit, inverse.reshape(-1, 3)


def _unit(path: Path, points: np.ndarray, named: re.Match[str] | None) -> float:
    """What a length of 1 is, which few programs write into the header. [m]"""
    with np.errstate(over="ignore", invalid="ignore"):
        extent = float(np.ptp(points, axis=0).max())
    if named is not None:
        word = re.split(r"[\0,;()]", named[1])[0]
        found = mm_per_unit(word)
        if found is None:
            raise ValueError(
                f"{path}: the header names the unit {word[:20]!r}, which is not known; "
                "known are mm, cm, m, in and µm. Export it in mm."
            )
        scale = found * 1e-3
        if not _SMALLEST <= extent * scale <= _LARGEST:
            raise ValueError(
                f"{path}: the surface is {extent * scale:.3g} m across in the unit that "
                f"its header names, {word!r}; no casing is."
            )
        return scale
    if _SMALLEST * 1e3 <= extent <= _LARGEST * 1e3:
        return 1e-3
    if _SMALLEST <= extent <= _LARGEST:
        warnings.warn(
            f"{path}: the surface is {extent:.3g} across, which is taken as m, since no "
            "casing is as small in mm.",
            stacklevel=1,
        )
        return 1.0
    raise ValueError(
        f"{path}: the surface is {extent:.4g} across; casings are "
        f"{_SMALLEST * 1e3:g} to {_LARGEST * 1e3:g} mm. Export it in mm."
    )


def _first_line(content: bytes) -> str:
    return content.partition(b"\n")[0][:_LINE].decode("utf-8", "replace")


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
