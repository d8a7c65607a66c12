"""The options of `tmsgrad trial`."""

import argparse

from . import words
from .common_options import add_out


def add_power(verb: argparse.ArgumentParser) -> None:
    """Add what `trial power` takes."""
    _add_people(verb)
    difference = verb.add_mutually_exclusive_group(required=True)
    difference.add_argument(
        "--effect",
        type=words.positive,
        metavar="D",
        help="expected difference of means over the standard deviation within arms",
    )
    difference.add_argument(
        "--rates",
        type=words.positives,
        metavar="A,B",
        help="expected shares of responders in each arm, such as 0.5,0.33",
    )
    verb.add_argument(
        "--alpha",
        type=words.positive,
        default=0.05,
        metavar="SHARE",
        help="accepted error of the first kind (0.05)",
    )


def add_allocate(verb: argparse.ArgumentParser) -> None:
    """Add what `trial allocate` takes."""
    _add_people(verb)
    verb.add_argument(
        "--arms",
        type=words.names,
        required=True,
        metavar="NAME,NAME",
        help="of both arms, such as personal,standard",
    )
    verb.add_argument(
        "--blocks",
        type=words.positives,
        default=(4.0, 6.0, 8.0),
        metavar="N,…",
        help="lengths of blocks within which the arms are even, drawn at random (4,6,8)",
    )
    verb.add_argument(
        "--random-seed",
        type=words.random_seed,
        metavar="N",
        help="that gives the same list again, and is as secret as the list (drawn)",
    )
    add_out(verb)


def add_pair(verb: argparse.ArgumentParser) -> None:
    """Add what `trial pair` takes."""
    _add_sealed(verb)
    verb.add_argument(
        "--person", required=True, metavar="NAME", help="of a participant, in the trial"
    )
    for name in ("first", "second"):
        verb.add_argument(
            f"--{name}",
            type=words.path,
            required=True,
            metavar="DIR",
            help=f"what `optimize` wrote for the {name} arm",
        )
    add_out(verb)


def add_open(verb: argparse.ArgumentParser) -> None:
    """Add what `trial open` takes."""
    _add_sealed(verb)
    verb.add_argument(
        "--pair",
        type=words.path,
        required=True,
        metavar="DIR",
        help="what `trial pair` wrote for the person",
    )
    verb.add_argument(
        "--log",
        type=words.output,
        required=True,
        metavar="FILE",
        help="the trial's list of those enrolled, .csv; a line is added",
    )


def add_unblind(verb: argparse.ArgumentParser) -> None:
    """Add what `trial unblind` takes."""
    _add_sealed(verb)
    verb.add_argument(
        "--log",
        type=words.path,
        required=True,
        metavar="FILE",
        help="the trial's list of those enrolled, .csv",
    )
    verb.add_argument(
        "--out",
        type=words.output,
        required=True,
        metavar="FILE",
        help="table of people and arms, .csv",
    )


def _add_people(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--people",
        type=words.count,
        required=True,
        metavar="N",
        help="in both arms together",
    )


def _add_sealed(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--sealed",
        type=words.path,
        required=True,
        metavar="FILE",
        help="sealed.json of `trial allocate`",
    )
