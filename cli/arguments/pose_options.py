"""The options of `tmsgrad pose`."""

import argparse

from . import words
from .common_options import HELP, add_pose_reading


SYSTEMS = (
    "localite",
    "localite-triggers",
    "brainsight",
    "brainsight-2.5.2",
    "ant",
    "matsimnibs",
    "bids",
)


def add_pose_file(verb: argparse.ArgumentParser) -> None:
    """Add the poses, and how they are read."""
    verb.add_argument("file", type=words.path, metavar="FILE", help=HELP["file"])
    add_pose_reading(verb)


def add_pose_system(verb: argparse.ArgumentParser) -> None:
    """Add the file that poses are written to, and for which system."""
    verb.add_argument("out", type=words.output, metavar="OUT", help="file to write")
    verb.add_argument(
        "--to",
        required=True,
        choices=SYSTEMS,
        help="the system to write for; brainsight is 2.5.3 and later, bids the markers of "
        "NIBS-BIDS (OUT ends in _markers.tsv)",
    )
    verb.add_argument(
        "--out-space",
        choices=("RAS", "LPS"),
        default="RAS",
        help="of Localite's file: LPS where its image is DICOM (RAS)",
    )
    verb.add_argument(
        "--turn",
        type=words.number,
        default=0.0,
        metavar="DEGREES",
        help="turn every coil about its own axis, from x towards y",
    )
    verb.add_argument(
        "--image",
        type=words.path,
        metavar="T1",
        help="the image that the navigation system has (.nii.gz): needed for ant",
    )
    verb.add_argument(
        "--coil-name", default="", metavar="NAME", help="of the coil, for ant and bids"
    )
