"""`tmsgrad coil info`."""

import argparse

from ... import coils
from ..inputs.coils import read_coil
from ..results.coil_result import CoilResult
from ..runtime.setup import set_up


def coil_info(options: argparse.Namespace) -> dict:
    """Describe a coil."""
    set_up()
    coil = read_coil(options.coil)
    result = CoilResult(coil, coils.describe(coil))
    result.describe()
    return result.to_json()
