"""Differentiable, GPU-ready E-field simulation and coil placement for TMS."""

import importlib
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from . import (
        coils as coils,
        efield as efield,
        meshing as meshing,
        optimize as optimize,
    )


__version__ = "0.1.0"

_FOLDERS = ("coils", "efield", "meshing", "optimize")


def __getattr__(name: str):
    """Import a folder when it is first asked for.

    The command line needs that: the number of threads must be set before JAX starts.
    """
    if name in _FOLDERS:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FOLDERS])
