"""The options of `validate`."""

import argparse

from . import units, words


def add_validate(verb: argparse.ArgumentParser) -> None:
    """Add which checks to run, and the options of a comparison with one's own SimNIBS."""
    verb.add_argument(
        "group",
        nargs="?",
        default="all",
        choices=("sphere", "charges", "simnibs", "self", "all"),
        help="against mathematics, charges on surfaces, SimNIBS, itself, or all (all)",
    )
    verb.add_argument(
        "--quick", action="store_true", help="only what takes two minutes"
    )
    verb.add_argument(
        "--report", type=words.output, metavar="DIR", help="write validation.html there"
    )
    verb.add_argument(
        "--results", type=words.output, metavar="FILE", help="write a JSON file"
    )
    verb.add_argument(
        "--data",
        type=words.path,
        metavar="DIR",
        help="folder with large references, such as tests/data (TMSGRAD_TEST_DATA)",
    )
    _add_live(verb)


def _add_live(verb: argparse.ArgumentParser) -> None:
    live = verb.add_argument_group("with your own SimNIBS")
    live.add_argument(
        "--simnibs-python",
        type=words.source,
        metavar="PATH",
        help="the interpreter of a SimNIBS installation, such as simnibs_python",
    )
    live.add_argument(
        "--head", type=words.path, metavar="HEAD", help=".msh file or m2m_ folder"
    )
    live.add_argument("--coil", type=words.path, metavar="C", help=".ccd file")
    live.add_argument(
        "--poses", type=words.path, metavar="FILE", help="4×4 matrices in mm, as --pose"
    )
    live.add_argument(
        "--target",
        type=words.point,
        metavar="X,Y,Z",
        help="compare searches for this target too, mm",
    )
    live.add_argument(
        "--radius",
        type=units.length,
        default=5.0,
        metavar="MM",
        help="its radius (5)",
    )
    live.add_argument(
        "--adm",
        action="store_true",
        help="SimNIBS' search by ADM, beside the direct one",
    )
    live.add_argument(
        "--timeout",
        type=words.positive,
        default=60.0,
        metavar="MIN",
        help="for SimNIBS, minutes (60)",
    )
