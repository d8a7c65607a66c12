"""JSON files, readable by people and programs."""

import json
import math
import os
from collections.abc import Mapping

from .writing import write_whole


def finite(content: object) -> object:
    """Put null in the place of what is not finite, which JSON cannot say."""
    if isinstance(content, Mapping):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content


def write_json(path: str | os.PathLike[str], content: Mapping) -> None:
    """Write a file whole or not at all, with null for what is not finite.

    Raises:
        OSError: It cannot be written.
    """
    text = json.dumps(finite(content), indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(path, text + "\n")
