"""JSON files, and values out of them."""

import json
from pathlib import Path
from typing import Any, TypeVar

from ...disk import read_text


_T = TypeVar("_T")

_MM_PER_UNIT = {
    **dict.fromkeys(("mm", "millimetre", "millimeter"), 1.0),
    **dict.fromkeys(("m", "metre", "meter"), 1e3),
    **dict.fromkeys(("cm", "centimetre", "centimeter"), 10.0),
    **dict.fromkeys(("um", "µm", "μm", "micrometre", "micrometer"), 1e-3),
    **dict.fromkeys(("in", "inch", "inche"), 25.4),
}


def mm_per_unit(unit: str) -> float | None:
    """Say how many millimetres a unit of length has; None where it is no such unit."""
    word = unit.strip().lower()
    return _MM_PER_UNIT.get(word) or _MM_PER_UNIT.get(word.removesuffix("s"))


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no JSON.
    """
    try:
        return json.loads(read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: this is no JSON ({error}).") from None


def to_json(content: dict) -> str:
    """Format values for a file that people may read."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def at(path: Path, value: Any, key: str, kind: type[_T], where: str = "the file") -> _T:
    """Take an entry of an object.

    Raises:
        ValueError: The value is no object, or has no such entry of this kind.
    """
    if not isinstance(value, dict) or key not in value:
        raise ValueError(f"{path}: {where} has no {key}.")
    if not isinstance(value[key], kind):
        raise ValueError(
            f"{path}: {key} in {where} is no {kind.__name__}, but {value[key]!r:.60}."
        )
    return value[key]
