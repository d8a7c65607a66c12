"""Descriptions of coils, kept: a field must be computed for one, which takes seconds.

One is found again by what it depends on: the coil's file and those beside it, or its name
in the catalogue, and the code of the library's coils.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ... import coils
from ...coils import Description, Drive, FieldPeak, Motion
from ...disk import cache_folder, write_whole
from ..runtime.notices import listening


_BESIDE = (".stl", ".tsv")  # What belongs to a coil file of the same name.
_PARTS = {"peaks": FieldPeak, "drives": Drive, "motions": Motion}


def described(source: str, describe: Callable[[str], Description]) -> Description:
    """Take the description of a coil that is kept, or find one and keep it.

    One that comes with warnings is not kept: these must be seen again.

    Args:
        source: A coil file, or a name of the catalogue.
        describe: Finds it.
    """
    file = cache_folder() / f"coil-{_key(source)}.json"
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        return _from_json(json.loads(file.read_text(encoding="utf-8")))
    with listening() as heard:
        found = describe(source)
    if not heard:
        with suppress(OSError):  # Then it is found anew each time.
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, json.dumps(dataclasses.asdict(found)), durable=False)
    return found


def _key(source: str) -> str:
    """A word for all that the description depends on."""
    path = Path(source)
    files = [path, *(path.with_suffix(ending) for ending in _BESIDE)]
    code = sorted(Path(coils.__path__[0]).glob("*.py"))
    digest = hashlib.sha256(source.encode(errors="surrogateescape"))
    for each in (*files, *code):
        content = each.read_bytes() if each.is_file() else b""
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:32]


def _from_json(content: dict) -> Description:
    values = {name: _tupled(value) for name, value in content.items()}
    for name, kind in _PARTS.items():
        values[name] = tuple(
            kind(**{key: _tupled(value) for key, value in each.items()})
            for each in content[name]
        )
    return Description(**values)


def _tupled(value: Any) -> Any:
    return tuple(map(_tupled, value)) if isinstance(value, list) else value
