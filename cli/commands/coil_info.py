"""`tmsgrad coil info` and `tmsgrad coil list`."""

import argparse

from ...coils import Description, catalogue
from ..inputs.descriptions import described
from ..results.coil_result import CoilNames, CoilResult


def coil_info(options: argparse.Namespace) -> dict:
    """Describe a coil."""
    result = CoilResult(described(options.coil, _describe))
    result.describe()
    return result.to_json()


def coil_list(options: argparse.Namespace) -> dict:
    """Name the coils of the catalogue."""
    del options
    result = CoilNames(catalogue.names())
    result.describe()
    return result.to_json()


def _describe(source: str) -> Description:
    from .coil_description import describe  # JAX starts slowly.

    return describe(source)
