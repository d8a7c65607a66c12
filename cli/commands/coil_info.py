"""`tmsgrad coil info` and `tmsgrad coil list`."""

import argparse

from ...coils import Description, catalogue
from ..inputs.descriptions import described
from ..results.coil_result import CoilNames, CoilResult


def coil_info(options: argparse.Namespace) -> CoilResult:
    """Describe a coil."""
    return CoilResult(described(options.coil, _describe))


def coil_list(options: argparse.Namespace) -> CoilNames:
    """Name the coils of the catalogue."""
    del options
    return CoilNames(catalogue.names())


def _describe(source: str) -> Description:
    from .coil_description import describe  # JAX starts slowly.

    return describe(source)
