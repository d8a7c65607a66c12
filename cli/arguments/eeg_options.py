"""The options of `tmsgrad eeg`."""

import argparse

from . import words
from .common_options import add_out


def add_alpha(verb: argparse.ArgumentParser) -> None:
    """Add what `eeg alpha` takes."""
    verb.add_argument(
        "recording",
        type=words.path,
        metavar="FILE",
        help="resting EEG, of any format that MNE reads",
    )
    verb.add_argument(
        "--again",
        type=words.path,
        metavar="FILE",
        help="a second recording of the person, to average with the first",
    )
    verb.add_argument(
        "--channels",
        type=words.several,
        metavar="A,B,...",
        help="take these (all of the EEG)",
    )
    add_filter(verb, "to one, so that 8 to 12 Hz stand out")
    add_unit(verb)
    verb.add_argument(
        "--fewest",
        type=words.count,
        default=3,
        metavar="N",
        help="channels that must have a peak (3, or all of fewer)",
    )
    _add_rates(verb)


def add_filter(verb: argparse.ArgumentParser, what: str) -> None:
    """Add how channels are weighed."""
    verb.add_argument(
        "--filter", action="store_true", help=f"weigh the channels {what}"
    )
    verb.add_argument(
        "--filter-at",
        metavar="CHANNEL",
        help="the same for the rhythm that gives this channel most power, with its sign",
    )


def add_unit(verb: argparse.ArgumentParser) -> None:
    """Add the unit of the file's numbers."""
    verb.add_argument(
        "--unit",
        choices=("V", "mV", "uV", "nV"),
        help="of the numbers, where the file has a wrong one (the file's)",
    )


def add_burst(verb: argparse.ArgumentParser) -> None:
    """Add what `eeg burst` takes."""
    verb.add_argument(
        "recording",
        type=words.path,
        metavar="FILE",
        help="EEG at rest or during a task, of any format that MNE reads",
    )
    verb.add_argument(
        "--channels",
        type=words.several,
        required=True,
        metavar="A,B,...",
        help="the signal is their mean",
    )
    verb.add_argument(
        "--minus",
        type=words.several,
        default=(),
        metavar="A,B,...",
        help="less the mean of these",
    )
    add_unit(verb)
    for name, default in (("theta", (4.0, 8.0)), ("gamma", (30.0, 50.0))):
        low, high = default
        verb.add_argument(
            f"--{name}",
            type=words.band,
            default=default,
            metavar="HZ,HZ",
            help=f"where {name} is looked for ({low:g},{high:g})",
        )
    verb.add_argument(
        "--shifts",
        type=words.count,
        default=200,
        metavar="N",
        help="shifted recordings to compare with (200)",
    )
    _add_rates(verb)


def _add_rates(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--step",
        type=words.positive,
        default=0.1,
        metavar="HZ",
        help="between the rates that the stimulator can be set to (0.1)",
    )
    add_out(verb)
