"""Coil files of type .ccd: magnetic dipoles as text, in metres.

The first line is a comment of `;key=value` pairs (dIdtmax in A/µs, coilname, brand,
stimulator; SimNIBS' own x, y, z and resolution say how it samples the coil, and are
ignored), then comes the number of dipoles, then one dipole per line: its position [m]
and its moment [A m² per A]. Lines that begin with `#` are comments.
"""

import os
import warnings
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from ..disk import read_text, write_whole
from .coil import AbstractCoil, Coil, Details
from .dipoles import MagneticDipoles
from .plausible import check_field, checked_rate
from .stimulators import Stimulator, read_waveforms, write_waveforms
from .stl import read_stl, write_stl


_MOST_BYTES = 1 << 28
# No coil for the head reaches so far; in millimetres every coil does.
_FARTHEST = 0.6  # [m]
_CASING_RATIO = 3.0  # That a winding may be larger than its casing by.


def read_ccd(path: str | os.PathLike[str]) -> Coil:
    """Read a coil of magnetic dipoles.

    An .stl of the same name in the same folder becomes the casing, and a .tsv the
    stimulator's waveforms.

    Args:
        path: The file.

    Returns:
        The coil, with the name and the dI/dt limit that the file states.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no such list of dipoles. The message names the line.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise ValueError(f"{path}: {size} bytes is no plausible list of dipoles.")
    lines = read_text(path).splitlines()
    header = _header(lines)
    rows, numbers = _rows(path, lines)
    _check(path, rows, numbers)
    casing, triangles = None, None
    beside = path.with_suffix(".stl")
    if beside.exists():
        points, faces = read_stl(beside)
        _compare_casing(beside, points, rows)
        casing, triangles = jnp.asarray(points), jnp.asarray(faces)
    limit = _limit(path, header)
    beside = path.with_suffix(".tsv")
    waveforms = read_waveforms(beside) if beside.exists() else ()
    coil = Coil(
        (MagneticDipoles(rows[:, :3], rows[:, 3:]),),
        casing,
        header.get("coilname", path.stem),
        limit,
        triangles,
        stimulators=(Stimulator(header.get("stimulator", ""), "", limit, waveforms),),
        details=Details(brand=header.get("brand", "")),
    )
    check_field(path, coil)
    return coil


def write_ccd(path: str | os.PathLike[str], coil: AbstractCoil) -> None:
    """Write the dipoles of a coil as .ccd.

    Every number is written so that reading gives it back exactly. The casing and the
    waveforms are not part of the format: they become files of the same name beside it, an
    .stl and a .tsv, from where `read_ccd` takes them. `lost_in` lists what else is lost.

    Args:
        path: The file, replaced when it exists.
        coil: Its `sources` must be dipoles alone.

    Raises:
        ValueError: The coil has current elements, which .ccd cannot hold, or no sources;
            or another coil's .stl or .tsv is where this one has none.
    """
    sources = coil.sources()
    if sources.current_positions.shape[0]:
        raise ValueError(
            f"{path}: .ccd holds dipoles only, and this coil has current elements. "
            "Write a .tcd."
        )
    name = coil.name if isinstance(coil, Coil) else Path(path).stem
    header = f"# {Path(path).name} version 1.0;coilname={name.replace(';', ' ')}"
    if isinstance(coil, Coil) and coil.max_current_rate is not None:
        header += f";dIdtmax={coil.max_current_rate * 1e-6!r}"
    if isinstance(coil, Coil):
        stimulator = coil.stimulators[0].name if coil.stimulators else ""
        for key, value in (("brand", coil.details.brand), ("stimulator", stimulator)):
            header += f";{key}={value.replace(';', ' ')}" if value else ""
    rows = np.concatenate([sources.dipole_positions, sources.dipole_moments], axis=1)
    lines = [
        header + ";",
        str(len(rows)),
        "# centers and weighted directions of the elements (magnetic dipoles)",
        *(" ".join(map(repr, row)) for row in rows.astype(float).tolist()),
    ]
    casing, waveforms = _companions(Path(path), coil)
    if casing is not None:
        write_stl(Path(path).with_suffix(".stl"), *casing)
    if waveforms:
        write_waveforms(Path(path).with_suffix(".tsv"), waveforms)
    write_whole(path, "\n".join(lines) + "\n")


def _companions(path: Path, coil: AbstractCoil):
    """What goes into files beside it: the casing's surface, and waveforms."""
    casing, waveforms = None, ()
    if isinstance(coil, Coil):
        casing = coil.casing_surface()
        if coil.stimulators:
            waveforms = coil.stimulators[0].waveforms
    for ending, mine, what in (
        (".stl", casing is not None, "casing"),
        (".tsv", bool(waveforms), "waveforms"),
    ):
        beside = path.with_suffix(ending)
        if beside.exists() and not mine:
            raise ValueError(
                f"{path}: {beside.name} beside it would be taken for this coil's {what}, "
                "of which it has none. Move that file, or choose another name."
            )
    return casing, waveforms


def _header(lines: list[str]) -> dict[str, str]:
    first = lines[0] if lines and lines[0].startswith("#") else ""
    pairs = (part.split("=", 1) for part in first.split(";") if "=" in part)
    return {key.strip(): value.strip() for key, value in pairs}


def _rows(path: Path, lines: list[str]) -> tuple[np.ndarray, list[int]]:
    rows: list[list[float]] = []
    numbers: list[int] = []
    announced = None
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) == 1 and announced is None and not rows:
            announced = words[0]
            continue
        if len(words) != 6:
            raise ValueError(
                f"{path}, line {number}: {len(words)} columns, but a dipole has six: "
                "x y z [m] and its moment mx my mz [A m²]."
            )
        try:
            rows.append([float(word) for word in words])
        except ValueError:
            raise ValueError(
                f"{path}, line {number}: the line is not six numbers."
            ) from None
        numbers.append(number)
    _compare_count(path, announced, len(rows))
    return np.array(rows).reshape(-1, 6), numbers


def _compare_count(path: Path, announced: str | None, found: int) -> None:
    if found == 0:
        raise ValueError(
            f"{path}: no dipoles. A .ccd holds one per line: x y z mx my mz."
        )
    if announced is None:
        return
    if not announced.isdecimal():
        raise ValueError(
            f"{path}: the number of dipoles before the first of them reads "
            f"{announced[:40]!r}, which is no whole number."
        )
    if len(announced) > 18 or found < int(announced):
        raise ValueError(
            f"{path}: cut short: {announced[:20]} dipoles are announced and {found} are "
            "there. Copy the file again."
        )
    if found > int(announced):
        warnings.warn(
            f"{path}: {announced} dipoles are announced, but {found} are there; all are "
            "used.",
            stacklevel=1,
        )


def _check(path: Path, rows: np.ndarray, numbers: list[int]) -> None:
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{path}, line {numbers[int(np.argmax(bad))]}: a number is not finite."
        )
    distances = np.abs(rows[:, :3]).max(axis=1)
    if distances.max() > _FARTHEST:
        raise ValueError(
            f"{path}, line {numbers[int(np.argmax(distances))]}: a dipole "
            f"{distances.max():.4g} m from the coil's centre. The positions are probably "
            "in millimetres; .ccd wants metres: divide them by 1000."
        )


def _compare_casing(path: Path, points: np.ndarray, rows: np.ndarray) -> None:
    """Refuse a casing that the winding cannot be in: its unit is another than mm."""
    winding = float(np.ptp(rows[:, :3], axis=0).max())
    casing = float(np.ptp(points, axis=0).max())
    if casing < winding / _CASING_RATIO or casing > max(winding, 0.02) * 10:
        raise ValueError(
            f"{path}: the casing is {casing * 1e3:.3g} mm across, but the winding of "
            f"{path.stem}.ccd {winding * 1e3:.3g} mm. An .stl is in mm: export it so (an "
            "inch is 25.4 mm)."
        )


def _limit(path: Path, header: dict[str, str]) -> float | None:
    if "dIdtmax" not in header:
        return None
    try:
        limit = float(header["dIdtmax"]) * 1e6
    except ValueError:
        limit = np.nan
    if not 0 < limit < np.inf:
        raise ValueError(
            f"{path}, line 1: dIdtmax={header['dIdtmax'][:40]} is no positive number "
            "[A/µs]."
        )
    return checked_rate(f"{path}, line 1", limit, "dIdtmax, in A/µs,")
