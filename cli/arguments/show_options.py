"""The options of `show`."""

import argparse

from . import units, words
from .common_options import add_force


def add_show(verb: argparse.ArgumentParser) -> None:
    """Add which result to draw, and how."""
    verb.add_argument(
        "result",
        type=words.path,
        metavar="RESULT",
        help="output folder of a command, its field.h5, or a .msh file with E or magnE",
    )
    verb.add_argument(
        "--out",
        type=words.output,
        required=True,
        metavar="FILE",
        help="picture, .png, or an animation of all poses, .gif",
    )
    verb.add_argument(
        "--number",
        type=words.index,
        default=0,
        metavar="N",
        help="of the pose, counted from 0 (0)",
    )
    _add_slices(verb)
    _add_unsaid(verb)


def _add_slices(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--slices",
        action="store_true",
        help="draw slices, not surfaces; --t1 and --at do too",
    )
    verb.add_argument(
        "--t1", type=words.path, metavar="IMAGE", help="image to draw behind the slices"
    )
    verb.add_argument(
        "--at",
        type=words.point,
        metavar="X,Y,Z",
        help="where slices meet, mm (the target, or the strongest place)",
    )


def _add_unsaid(verb: argparse.ArgumentParser) -> None:
    known = verb.add_argument_group("what the result does not say")
    known.add_argument(
        "--head", type=words.source, metavar="HEAD", help="where field.msh is missing"
    )
    add_force(verb)
    known.add_argument(
        "--coil", type=words.source, metavar="C", help="coil file, or a name"
    )
    known.add_argument(
        "--pose", type=words.path, metavar="FILE", help="of the coil, any pose file"
    )
    known.add_argument(
        "--target", type=words.point, metavar="X,Y,Z", help="to mark, mm"
    )
    known.add_argument(
        "--radius", type=units.length, metavar="MM", help="of the target"
    )
