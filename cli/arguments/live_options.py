"""The options of `tmsgrad live`."""

import argparse
import re

from . import words
from .common_options import add_coil, add_out, add_target
from .map_options import add_extent
from .page_options import add_field, add_placement


_NAME = re.compile(r"sub-[A-Za-z0-9]+(_[a-z]+-[A-Za-z0-9]+)*")


def source(word: str) -> str:
    """Take where poses come from."""
    kind, colon, rest = word.partition(":")
    if not colon or kind not in ("replay", "simulate"):
        raise argparse.ArgumentTypeError(
            f"{word!r} is no source of poses: write replay:FILE or simulate:"
        )
    if kind == "replay":
        words.path(rest)
    if kind == "simulate" and rest and not rest.isdecimal():
        raise argparse.ArgumentTypeError(
            f"{word!r}: after simulate: there may be a number, which begins its chance"
        )
    return word


def bids_name(word: str) -> str:
    """Take what names of BIDS begin with."""
    if not _NAME.fullmatch(word):
        raise argparse.ArgumentTypeError(
            f"{word!r} does not begin a name of BIDS: write such as sub-01_task-tms"
        )
    return word


def add_live_field(verb: argparse.ArgumentParser) -> None:
    """Add what `tmsgrad live` takes."""
    add_coil(verb)
    add_target(verb, "centre, mm", required=True)
    add_extent(verb)
    _add_tracker(verb)
    add_field(verb)
    add_placement(verb)
    _add_record(verb)
    add_out(verb)


def _add_tracker(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("the tracker")
    group.add_argument(
        "--from",
        dest="source",
        type=source,
        required=True,
        metavar="SOURCE",
        help="where poses come from: replay:FILE, of any format that `pose info` reads, or "
        "simulate: for a tracker that is none, such as simulate:3 for another walk",
    )
    frame = group.add_mutually_exclusive_group()
    frame.add_argument(
        "--registration",
        type=words.path,
        metavar="FILE",
        help="4×4 matrix in mm from the tracker's coordinates to the head's (the same)",
    )
    frame.add_argument(
        "--fiducials",
        type=words.path,
        metavar="FILE",
        help="instead: a table of points, a line for each: name, x,y,z in the tracker, "
        "x,y,z in the head, mm",
    )
    group.add_argument(
        "--tool",
        type=words.path,
        metavar="FILE",
        help="4×4 matrix in mm from the coil to the tool that is tracked (the same)",
    )
    group.add_argument(
        "--speed",
        type=words.positive,
        default=1.0,
        metavar="N",
        help="of a replay: how many times as fast as it was recorded (1)",
    )
    group.add_argument(
        "--duration",
        type=words.positive,
        metavar="S",
        help="end after so long, s (with the source, or at Ctrl-C)",
    )


def _add_record(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("the record of pulses")
    group.add_argument(
        "--bids",
        type=bids_name,
        metavar="NAME",
        help="write the tables of NIBS-BIDS (a draft) as well, whose names begin so, such "
        "as sub-01_task-tms",
    )
