"""JSON files, and values out of them."""

import json
from pathlib import Path
from typing import Any, TypeVar


_T = TypeVar("_T")


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
