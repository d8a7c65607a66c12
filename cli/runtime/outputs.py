"""What a run writes of itself: summaries."""

import json
from pathlib import Path

from ...disk import write_whole
from .plain import finite


def write_json(path: Path, content: dict) -> None:
    """Write a summary, readable by people and programs."""
    text = json.dumps(finite(content), indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(path, text + "\n")
