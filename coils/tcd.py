"""Coil files of type .tcd: elements that move, stimulators and casings, as JSON.

Lengths in the file are millimetres and angles degrees. An array is written as nested lists
or as text: float64 or int64 numbers, compressed by zlib, in base64. SimNIBS also takes
pickled objects in the place of an array; unpickling runs whatever the file says, so they
are refused. Other fields than the format's are refused too.
"""

import base64
import binascii
import os
import zlib
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..disk import read_json
from .coil import AbstractCoil, Casing, Coil, Details, Part
from .dipoles import MagneticDipoles
from .grids import SampledPotential
from .motions import AbstractMotion, Range, Rotation, Translation
from .plausible import check_field, checked_rate
from .stimulators import Stimulator, Waveform, check_times
from .wires import StraightSegments


MM = 1e-3
_MOST_BYTES = 1 << 29
# A coil with more numbers in one array, grids of 200³ vectors included, is not known.
_MOST_NUMBERS = 1 << 25
_FARTHEST = 10.0  # [m]

_ROOT = {
    "name", "brand", "version", "limits", "resolution", "coilCasing", "coilElementList",
    "stimulatorList", "deformList", "deformRangeList", "coilModels",
    "selfIntersectionTest",
}  # fmt: skip
_ELEMENT = {
    "name", "stimulator", "elementCasing", "deformations", "type", "points", "values",
    "data", "affine",
}  # fmt: skip
_MODEL = {"points", "faces", "minDistancePoints", "intersectPoints"}
_AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


class _Where:
    """A place in the file, which errors name."""

    def __init__(self, path: Path, name: str = ""):
        self.path, self.name = path, name

    def __getitem__(self, key) -> "_Where":
        step = f"[{key}]" if isinstance(key, int) else f".{key}" if self.name else key
        return _Where(self.path, self.name + step)

    def error(self, message: str) -> ValueError:
        return ValueError(f"{self.path}, {self.name or 'the file'}: {message}")


def read_tcd(path: str | os.PathLike[str]) -> Coil:
    """Read a coil with all it can do: parts, motions, stimulators, casings.

    Returns:
        A coil whose elements are `Part`s, at its initial settings.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged or breaks the format. The message names the field.
    """
    path = Path(path)
    where = _Where(path)
    root = _load(path)
    _known(root, _ROOT, where)
    models = [
        _model(each, where["coilModels"][i])
        for i, each in enumerate(_list(root, "coilModels", where))
    ]
    stimulators = tuple(
        _stimulator(each, where["stimulatorList"][i])
        for i, each in enumerate(_list(root, "stimulatorList", where, needed=True))
    )
    raw_ranges = _list(root, "deformRangeList", where)
    motions, kinds = [], {}
    for i, each in enumerate(_list(root, "deformList", where)):
        place = where["deformList"][i]
        motion, turns = _motion(each, len(raw_ranges), place)
        if kinds.setdefault(motion.setting, turns) != turns:
            raise place.error("shares a range between a rotation and a translation.")
        motions.append(motion)
    ranges = tuple(
        _range(each, kinds.get(i, False), where["deformRangeList"][i])
        for i, each in enumerate(raw_ranges)
    )
    parts = tuple(
        _part(each, models, motions, len(stimulators), where["coilElementList"][i])
        for i, each in enumerate(_list(root, "coilElementList", where, needed=True))
    )
    casing = _chosen(root, "coilCasing", models, where)
    limits = [
        each.max_current_rate
        for each in stimulators
        if each.max_current_rate is not None
    ]
    coil = Coil(
        parts,
        None if casing is None else casing.points,
        _text(root, "name", where) or path.stem,
        min(limits, default=None),
        None if casing is None else casing.triangles,
        jnp.array([each.initial for each in ranges]) if ranges else None,
        None,
        ranges,
        stimulators,
        _details(root, len(parts), where),
        None if casing is None else casing.distance_points,
    )
    check_field(path, coil)
    return coil


def _load(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise ValueError(f"{path}: {size} bytes is no plausible coil.")
    root = read_json(path, _refuse_constant)
    if not isinstance(root, dict):
        raise ValueError(f"{path}: a .tcd is a JSON object with coilElementList.")
    return root


def _refuse_constant(name: str):
    raise ValueError(f"{name} is not a number of JSON")


def _known(record: Any, fields: set[str], where: _Where) -> None:
    if not isinstance(record, dict):
        raise where.error(f"must be an object, got {type(record).__name__}.")
    unknown = sorted(set(record) - fields)
    if unknown:
        raise where.error(
            f"has the unknown field {unknown[0][:40]!r}; known are "
            f"{', '.join(sorted(fields))}."
        )


def _list(record: dict, key: str, where: _Where, *, needed: bool = False) -> list:
    value = record.get(key)
    if value is None and not needed:
        return []
    if not isinstance(value, list) or not value:
        raise where[key].error("is missing or not a list of one entry or more.")
    return value


def _text(record: dict, key: str, where: _Where) -> str:
    value = record.get(key, "")
    if not isinstance(value, str):
        raise where[key].error("must be text.")
    return value


def _number(value: Any, where: _Where) -> float:
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not plain or not abs(value) < 1e300:
        raise where.error(f"must be a finite number, got {str(value)[:40]}.")
    return float(value)


def _index(value: Any, count: int, where: _Where) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < count:
        raise where.error(
            f"must be an index from 0 to {count - 1}, got {str(value)[:40]}."
        )
    return value


def _array(
    value: Any, where: _Where, shape: tuple[int | None, ...], *, whole: bool = False
) -> np.ndarray:
    """Read an array of a shape, None for any length; finite."""
    if isinstance(value, str):
        array = _unpacked(value, where, shape, whole)
    elif isinstance(value, list):
        array = _listed(value, where)
    else:
        raise where.error("is missing or not an array.")
    fits = array.ndim == len(shape) and all(
        wanted in (None, got) for wanted, got in zip(shape, array.shape, strict=True)
    )
    if not fits or array.size == 0:
        raise where.error(
            f"has the shape {array.shape}, but "
            f"({', '.join('n' if n is None else str(n) for n in shape)}) is wanted."
        )
    if not np.isfinite(array).all():
        raise where.error("holds a value that is not finite.")
    if whole and (array != np.floor(array)).any():
        raise where.error("must hold whole numbers.")
    return array


def _listed(value: list, where: _Where) -> np.ndarray:
    try:
        array = np.array(value)
    except ValueError:
        raise where.error("has rows of different lengths.") from None
    if array.dtype.kind not in "iuf":
        raise where.error("holds something that is no number.")
    return array.astype(np.float64)


def _unpacked(
    text: str, where: _Where, shape: tuple[int | None, ...], whole: bool
) -> np.ndarray:
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise where.error("is no base64 text.") from None
    if packed[:1] == b"\x80":
        raise where.error(
            "is a pickled object. Unpickling runs whatever the file says, so it is "
            "refused: write the array as lists, or as zlib-compressed float64."
        )
    inflate = zlib.decompressobj()
    try:
        content = inflate.decompress(packed, 8 * _MOST_NUMBERS + 1)
    except zlib.error as error:
        raise where.error(f"is not compressed by zlib: {error}.") from None
    if len(content) > 8 * _MOST_NUMBERS:
        raise where.error(
            f"unpacks to more than {8 * _MOST_NUMBERS >> 20} MB, which no coil needs."
        )
    if not inflate.eof:
        raise where.error("is cut short: its compressed data does not end.")
    if len(content) % 8:
        raise where.error(
            f"unpacks to {len(content)} bytes, which is no array of 8-byte numbers."
        )
    flat = np.frombuffer(content, "<i8" if whole else "<f8")
    if whole and flat.size and np.abs(flat).max() > 1 << 53:
        flat = np.frombuffer(content, "<f8")  # Some write indices as floats.
    row = int(np.prod([n for n in shape if n is not None]))
    if shape.count(None) != 1 or flat.size % row:
        raise where.error(f"unpacks to {flat.size} numbers, not to rows of {row}.")
    return flat.reshape([-1 if n is None else n for n in shape]).astype(np.float64)


def _places(value: Any, where: _Where) -> np.ndarray:
    places = _array(value, where, (None, 3)) * MM
    if np.abs(places).max() > _FARTHEST:
        raise where.error(
            f"reaches {np.abs(places).max():.4g} m from the centre. Lengths in a .tcd are "
            "millimetres."
        )
    return places


def _model(record: Any, where: _Where) -> Casing:
    _known(record, _MODEL, where)
    points = _places(record.get("points"), where["points"])
    faces = _array(record.get("faces"), where["faces"], (None, 3), whole=True)
    if faces.min() < 0 or faces.max() >= len(points):
        raise where["faces"].error(f"names a point that is none of the {len(points)}.")
    near = None
    if "minDistancePoints" in record:
        place = where["minDistancePoints"]
        near = _put(_places(record["minDistancePoints"], place))
    return Casing(_put(points), _put(faces.astype(np.int32)), near)


def _stimulator(record: Any, where: _Where) -> Stimulator:
    _known(record, {"name", "brand", "maxdIdt", "waveformList"}, where)
    limit = None
    if "maxdIdt" in record:
        limit = _number(record["maxdIdt"], where["maxdIdt"])
        if limit <= 0:
            raise where["maxdIdt"].error("must be positive.")
        place = where["maxdIdt"]
        checked_rate(f"{place.path}, {place.name}", limit, "the limit")
    waveforms = []
    for i, each in enumerate(_list(record, "waveformList", where)):
        place = where["waveformList"][i]
        _known(each, {"name", "time", "signal", "fit"}, place)
        columns = {
            key: _array(each.get(key), place[key], (None,))
            for key in ("time", "signal", "fit")
            if key in each or key != "fit"
        }
        try:
            check_times(columns["time"])
            waveforms.append(Waveform(_text(each, "name", place), **columns))
        except ValueError as error:
            raise place.error(str(error)) from None
    return Stimulator(
        _text(record, "name", where), _text(record, "brand", where), limit,
        tuple(waveforms),
    )  # fmt: skip


def _motion(record: Any, count: int, where: _Where) -> tuple[AbstractMotion, bool]:
    _known(record, {"deformRange", "type", "point1", "point2"}, where)
    setting = _index(record.get("deformRange"), count, where["deformRange"])
    kind = record.get("type")
    if isinstance(kind, str) and kind in _AXES:
        if "point1" in record or "point2" in record:
            raise where.error("is a translation, which has no point1 and point2.")
        return Translation(direction=jnp.array(_AXES[kind]), setting=setting), False
    if kind != "rot2p":
        raise where["type"].error(f"must be x, y, z or rot2p, got {str(kind)[:40]!r}.")
    ends = [
        _array(record.get(key), where[key], (3,)) * MM for key in ("point1", "point2")
    ]
    try:
        return Rotation.through(ends[0], ends[1], setting), True
    except ValueError as error:
        raise where.error(str(error)) from None


def _range(record: Any, turns: bool, where: _Where) -> Range:
    _known(record, {"initial", "range"}, where)
    unit = np.pi / 180 if turns else MM
    lowest, highest = _array(record.get("range"), where["range"], (2,))
    initial = _number(record.get("initial"), where["initial"])
    try:
        return Range(initial * unit, float(lowest * unit), float(highest * unit))
    except ValueError as error:
        raise where.error(str(error)) from None


def _part(
    record: Any,
    models: list[Casing],
    motions: list[AbstractMotion],
    stimulators: int,
    where: _Where,
) -> Part:
    _known(record, _ELEMENT, where)
    mine = tuple(
        motions[_index(each, len(motions), where["deformations"][i])]
        for i, each in enumerate(_list(record, "deformations", where))
    )
    return Part(
        _element(record, where),
        _chosen(record, "elementCasing", models, where),
        mine,
        _index(record.get("stimulator"), stimulators, where["stimulator"]),
        _text(record, "name", where),
    )


def _element(record: dict, where: _Where) -> AbstractCoil:
    kind = record.get("type")
    if isinstance(kind, bool) or kind not in (1, 2, 3):
        raise where["type"].error(
            f"must be 1 (dipoles), 2 (line segments) or 3 (grid), got {str(kind)[:40]}."
        )
    wrong = {"points", "values"} if kind == 3 else {"data", "affine"}
    if wrong & set(record):
        raise where.error(f"an element of type {kind} has no {sorted(wrong)}.")
    if kind == 3:
        if isinstance(record.get("data"), str):
            raise where["data"].error(
                "is text, which does not say the shape of the grid; SimNIBS would "
                "unpickle it. Write the grid as nested lists, or as NIfTI."
            )
        samples = _array(record.get("data"), where["data"], (None, None, None, 3))
        affine = _array(record.get("affine"), where["affine"], (4, 4)).copy()
        affine[:3] *= MM
        try:
            return SampledPotential(samples, affine)
        except ValueError as error:
            raise where.error(str(error)) from None
    places = _places(record.get("points"), where["points"])
    values = _array(record.get("values"), where["values"], (None, 3))
    if len(values) != len(places):
        raise where["values"].error(
            f"has {len(values)} rows for {len(places)} points; each point needs one."
        )
    if kind == 1:
        return MagneticDipoles(_put(places), _put(values))
    return StraightSegments(_put(places), _put(values * MM))


def _put(values: np.ndarray) -> Array:
    # `jnp.asarray` compiles for each shape anew, and a coil has dozens.
    return jax.device_put(values)


def _chosen(record: dict, key: str, models: list[Casing], where: _Where):
    if key not in record:
        return None
    return models[_index(record[key], len(models), where[key])]


def _details(root: dict, parts: int, where: _Where) -> Details:
    limits, resolution = None, None
    if "limits" in root:
        box = _array(root["limits"], where["limits"], (3, 2)) * MM
        limits = tuple((float(low), float(high)) for low, high in box)
    if "resolution" in root:
        steps = _array(root["resolution"], where["resolution"], (3,)) * MM
        if (steps <= 0).any():
            raise where["resolution"].error("must be positive.")
        resolution = tuple(float(step) for step in steps)
    apart = []
    for i, group in enumerate(_list(root, "selfIntersectionTest", where)):
        place = where["selfIntersectionTest"][i]
        if not isinstance(group, list) or len(group) < 2:
            raise place.error("must list two bodies or more.")
        apart.append(tuple(_index(each, parts + 1, place) for each in group))
    return Details(
        _text(root, "brand", where), _text(root, "version", where), limits, resolution,
        tuple(apart),
    )  # fmt: skip
