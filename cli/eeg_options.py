"""The options of `tmsgrad eeg`."""

import argparse

from . import words


def add_alpha(verb: argparse.ArgumentParser) -> None:
    """Add what `eeg alpha` takes."""
    verb.add_argument(
        "recording",
        type=words.path,
        metavar="FILE",
        help="resting EEG, of any format that MNE reads",
    )
    verb.add_argument(
        "--channels",
        type=words.several,
        metavar="A,B,...",
        help="take these (all of the EEG)",
    )
    verb.add_argument(
        "--filter",
        action="store_true",
        help="weigh the channels to one, so that 8 to 12 Hz stand out",
    )
    verb.add_argument(
        "--fewest",
        type=words.count,
        default=3,
        metavar="N",
        help="channels that must have a peak (3, or all of fewer)",
    )
    verb.add_argument(
        "--step",
        type=words.positive,
        default=0.1,
        metavar="HZ",
        help="between the rates that the stimulator can be set to (0.1)",
    )
    verb.add_argument(
        "--out", type=words.output, required=True, metavar="DIR", help="output folder"
    )
