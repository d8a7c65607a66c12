"""Where pictures are drawn, or only asked for."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any


@dataclass(frozen=True, eq=False)
class Asked:
    """A picture that was asked for.

    Attributes:
        path: The file, which is empty.
        arguments: By name, as the function that draws it has them.
    """

    path: Path
    arguments: dict[str, Any]


_ASKED: ContextVar[list[Asked] | None] = ContextVar("asked", default=None)


@contextmanager
def undrawn() -> Iterator[list[Asked]]:
    """Draw nothing from here on: give the list of the pictures that are asked for."""
    asked: list[Asked] = []
    before = _ASKED.set(asked)
    try:
        yield asked
    finally:
        _ASKED.reset(before)


def picture(write: Callable[..., None]) -> Callable[..., None]:
    """Let a function that draws, whose first argument is the path, keep to `undrawn`."""
    signature = inspect.signature(write)

    @wraps(write)
    def drawn(*given, **named) -> None:
        asked = _ASKED.get()
        if asked is None:
            return write(*given, **named)
        arguments = signature.bind(*given, **named).arguments
        path = Path(arguments["path"])
        path.touch()
        asked.append(Asked(path, arguments))
        return None

    return drawn
