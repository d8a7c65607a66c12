"""Descriptions of coils: a field must be computed for one, once."""

import dataclasses
from collections.abc import Callable

from ...coils import Description, Drive, FieldPeak, Motion
from .kept import kept, tupled


_PARTS = {"peaks": FieldPeak, "drives": Drive, "motions": Motion}


def described(source: str, describe: Callable[[str], Description]) -> Description:
    """Take the description of a coil that is kept, or find one and keep it.

    Args:
        source: A coil file, or a name of the catalogue.
        describe: Finds it.
    """
    find = lambda source: dataclasses.asdict(describe(source))
    return kept("description", source, find, _from_json)


def _from_json(content: dict) -> Description:
    values = {name: tupled(value) for name, value in content.items()}
    for name, kind in _PARTS.items():
        values[name] = tuple(
            kind(**{key: tupled(value) for key, value in each.items()})
            for each in content[name]
        )
    return Description(**values)
