"""What is found of coils, kept: it takes JAX, which starts slowly, and maybe a field.

It is found again by what it depends on: the coil's file and those beside it, or its name in
the catalogue, and the code of the library's coils.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from ... import coils
from ...disk import cache_folder, write_whole
from ..runtime.notices import listening


T = TypeVar("T")
_BESIDE = (".stl", ".tsv")  # What belongs to a coil file of the same name.


def kept(
    what: str, source: str, find: Callable[[str], dict], read: Callable[[dict], T]
) -> T:
    """Take what is kept of a coil, or find it and keep it.

    What comes with warnings is not kept: these must be seen again.

    Args:
        what: A word for it.
        source: A coil file, or a name of the catalogue.
        find: Finds it, as what JSON can hold.
        read: Makes of that what is wanted.
    """
    file = cache_folder() / f"coil-{what}-{_key(source)}.json"
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        return read(json.loads(file.read_text(encoding="utf-8")))
    with listening() as heard:
        found = find(source)
    if not heard:
        with suppress(OSError):  # Then it is found anew each time.
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, json.dumps(found), durable=False)
    return read(found)


def tupled(value: Any) -> Any:
    """Make tuples of the lists of JSON."""
    return tuple(map(tupled, value)) if isinstance(value, list | tuple) else value


def _key(source: str) -> str:
    """A word for all that a coil depends on."""
    path = Path(source)
    files = (
        [path, *(path.with_suffix(ending) for ending in _BESIDE)] if path.name else []
    )
    code = sorted(Path(coils.__path__[0]).glob("*.py"))
    digest = hashlib.sha256(source.encode(errors="surrogateescape"))
    for each in (*files, *code):
        content = each.read_bytes() if each.is_file() else b""
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:32]
