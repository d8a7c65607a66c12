"""The options of `tmsgrad target symptoms`."""

import argparse

from . import units, words
from .common_options import add_out, add_symptoms_file


def add_symptoms(verb: argparse.ArgumentParser) -> None:
    """Add what `target symptoms` takes."""
    verb.add_argument(
        "--score",
        type=words.score,
        action="append",
        required=True,
        metavar="SYMPTOM=SCORE",
        help="how strong a symptom is; again for each, on comparable scales",
    )
    add_symptoms_file(verb)
    verb.add_argument(
        "--radius",
        type=units.length,
        default=10.0,
        metavar="MM",
        help="of the balls around places (10)",
    )
    add_out(verb)
