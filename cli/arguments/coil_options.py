"""The options of `tmsgrad coil`."""

import argparse

from . import units, words
from .common_options import HELP


def add_coil_file(verb: argparse.ArgumentParser) -> None:
    """Add the coil."""
    verb.add_argument("coil", type=words.source, metavar="COIL", help=HELP["coil"])


def add_coil_format(verb: argparse.ArgumentParser) -> None:
    """Add the file that a coil is written to, and an image's grid."""
    verb.add_argument(
        "out", type=words.output, metavar="OUT", help=".ccd, .tcd, .nii or .nii.gz file"
    )
    for name, corner in (("lowest", "-100,-100,0"), ("highest", "100,100,100")):
        what = f"{name} corner of an image's grid, mm ({corner})"
        verb.add_argument(f"--{name}", type=words.point, metavar="X,Y,Z", help=what)
    verb.add_argument(
        "--spacing",
        type=units.length,
        metavar="MM",
        help="of an image's grid, mm (2)",
    )


def add_coil_picture(verb: argparse.ArgumentParser) -> None:
    """Add the picture of a coil, and what it shows."""
    verb.add_argument(
        "--out", type=words.output, required=True, metavar="FILE", help="picture, .png"
    )
    verb.add_argument(
        "--field", choices=("A", "B"), default="B", help="what the plane shows (B)"
    )
    verb.add_argument(
        "--depth",
        type=units.length,
        default=20.0,
        metavar="MM",
        help="of the plane, below the coil's origin (20)",
    )


def add_joining(verb: argparse.ArgumentParser) -> None:
    """Add the coils that become one, and where each is."""
    verb.add_argument(
        "coils", type=words.source, nargs="+", metavar="COIL", help=HELP["coil"]
    )
    verb.add_argument(
        "--pose",
        type=words.path,
        metavar="FILE",
        help="of each coil in the head, in order (any pose file); the whole is then placed "
        "by the pose of the first coil",
    )
    verb.add_argument(
        "--out", type=words.output, required=True, metavar="FILE", help="coil, .tcd"
    )
