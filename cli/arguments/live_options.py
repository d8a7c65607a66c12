"""The options of `tmsgrad live`."""

import argparse
import re

from . import words
from .common_options import add_coil, add_out, add_target
from .map_options import add_extent
from .page_options import add_field, add_placement


_IGTL = re.compile(r"igtl://([\w.-]+|\[[\da-fA-F:]+\])(:\d{1,5})?(/[^/]*)?")
_NAME = re.compile(r"sub-[A-Za-z0-9]+(_[a-z]+-[A-Za-z0-9]+)*")


def source(word: str) -> str:
    """Take where poses come from."""
    kind, colon, rest = word.partition(":")
    if not colon or kind not in ("igtl", "lsl", "replay", "simulate"):
        raise argparse.ArgumentTypeError(
            f"{word!r} is no source of poses: write igtl://HOST:PORT, lsl:NAME, "
            "replay:FILE or simulate:"
        )
    if kind == "igtl" and not _IGTL.fullmatch(word):
        raise argparse.ArgumentTypeError(
            f"{word!r}: write igtl://HOST:PORT, or igtl://HOST:PORT/DEVICE"
        )
    if kind == "lsl":
        stream(rest)
    if kind == "replay":
        words.path(rest)
    if kind == "simulate" and rest and not rest.isdecimal():
        raise argparse.ArgumentTypeError(
            f"{word!r}: after simulate: there may be a number, which begins its chance"
        )
    return word


def stream(word: str) -> str:
    """Take the name of a stream of the Lab Streaming Layer."""
    if not word.strip() or not word.isprintable():
        raise argparse.ArgumentTypeError(f"{word!r} names no stream")
    return word


def bids_name(word: str) -> str:
    """Take what names of BIDS begin with."""
    if not _NAME.fullmatch(word):
        raise argparse.ArgumentTypeError(
            f"{word!r} does not begin a name of BIDS: write such as sub-01_task-tms"
        )
    return word


def port(word: str) -> int:
    """Read the number of a port."""
    if not (word.isascii() and word.isdecimal() and int(word) < 65536):
        raise argparse.ArgumentTypeError(f"{word!r} is no number of a port, 0 to 65535")
    return int(word)


def add_live_field(verb: argparse.ArgumentParser) -> None:
    """Add what `tmsgrad live` takes."""
    add_coil(verb)
    add_target(verb, "centre, mm", required=True)
    add_extent(verb)
    _add_tracker(verb)
    add_field(verb)
    add_placement(verb)
    _add_record(verb)
    _add_page(verb)
    _add_programs(verb)
    add_out(verb)


def _add_tracker(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("the tracker")
    group.add_argument(
        "--from",
        dest="source",
        type=source,
        required=True,
        metavar="SOURCE",
        help="where poses come from: igtl://HOST:PORT, an OpenIGTLink server (and "
        "/DEVICE, else the first transform's); lsl:NAME, a stream of matrices; "
        "replay:FILE, of any format that `pose info` reads; or simulate:, a tracker that "
        "is none (simulate:3 walks otherwise)",
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


def _add_programs(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("other programs")
    group.add_argument(
        "--triggers",
        type=stream,
        metavar="NAME",
        help="take the markers of this stream of the Lab Streaming Layer as pulses",
    )
    group.add_argument(
        "--lsl",
        type=stream,
        metavar="NAME",
        help="send pose and figures as a stream of this name",
    )
    group.add_argument(
        "--igtl",
        type=port,
        metavar="PORT",
        help="send pose, figures and the cortex with |E| to OpenIGTLink clients of this "
        "machine, such as 3D Slicer, at this port",
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


def _add_page(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("the page")
    group.add_argument(
        "--serve",
        action="store_true",
        help="serve the interactive page, on which the coil moves, on this machine; its "
        "address is printed",
    )
    group.add_argument(
        "--port",
        type=port,
        metavar="N",
        help="serve it at this port (a free one)",
    )
    group.add_argument(
        "--listen",
        metavar="ADDRESS",
        help="serve it at this address of the machine, so that others reach it: whoever "
        "has the token sees the head (127.0.0.1)",
    )
