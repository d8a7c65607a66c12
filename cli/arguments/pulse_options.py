"""The options of `tmsgrad eeg pulses`."""

import argparse

from . import words
from .common_options import add_out
from .eeg_options import add_filter, add_unit


_NAMED = {"peak": 0.0, "trough": 180.0}  # [degrees]


def phase(word: str) -> float:
    """Read a phase in degrees: `peak`, `trough` or a number."""
    return _NAMED[word] if word in _NAMED else words.number(word)


def add_pulses(verb: argparse.ArgumentParser) -> None:
    """Add what `eeg pulses` takes."""
    verb.add_argument(
        "recording",
        type=words.path,
        metavar="FILE",
        help="resting EEG without pulses, of any format that MNE reads",
    )
    verb.add_argument(
        "--channels",
        type=words.several,
        metavar="A,B,...",
        help="the mean of these is the signal; with --filter, what it weighs (all)",
    )
    add_unit(verb)
    _add_decisions(verb)


def add_live(verb: argparse.ArgumentParser) -> None:
    """Add what `eeg live` takes."""
    verb.add_argument(
        "stream", metavar="STREAM", help="name of a stream of the Lab Streaming Layer"
    )
    verb.add_argument(
        "--channels",
        type=words.several,
        required=True,
        metavar="A,B,...",
        help="the mean of these is the signal; with --filter, what it weighs; numbers from "
        "1 on where the stream names none",
    )
    _add_decisions(verb)
    verb.add_argument(
        "--markers",
        metavar="NAME",
        help="send a marker when each pulse is due, by a stream of this name",
    )
    verb.add_argument(
        "--pulses", type=words.count, metavar="N", help="end after so many pulses"
    )
    verb.add_argument(
        "--duration",
        type=words.positive,
        metavar="S",
        help="end so long after the training, s (without it or --pulses: at Ctrl-C)",
    )
    verb.add_argument(
        "--wait",
        type=words.positive,
        default=5.0,
        metavar="S",
        help="how long to look for the stream, s (5)",
    )


def _add_decisions(verb: argparse.ArgumentParser) -> None:
    _add_rhythm(verb)
    _add_device(verb)
    add_out(verb)


def _add_rhythm(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--minus",
        type=words.several,
        default=(),
        metavar="A,B,...",
        help="take off the mean of these, such as the neighbours of one channel",
    )
    add_filter(verb, "so that the band stands out in the training")
    verb.add_argument(
        "--phase",
        type=phase,
        required=True,
        metavar="PHASE",
        help="to meet: peak, trough, or degrees after a peak",
    )
    verb.add_argument(
        "--method",
        choices=("ar", "etp"),
        default="ar",
        help="autoregressive model, or educated temporal prediction (ar)",
    )
    verb.add_argument(
        "--band",
        type=words.band,
        default=(8.0, 13.0),
        metavar="HZ,HZ",
        help="of the rhythm (8,13)",
    )


def _add_device(verb: argparse.ArgumentParser) -> None:
    for name, default, unit, what in (
        ("training", 60.0, "S", "first part of the EEG, to learn from"),
        ("refractory", 1.0, "S", "least time from pulse to pulse"),
        ("latency", 5.0, "MS", "from the last sample to the earliest pulse"),
        ("hop", 4.0, "MS", "between decisions"),
    ):
        kind = words.positive if name in ("training", "hop") else words.not_negative
        verb.add_argument(
            f"--{name}",
            type=kind,
            default=default,
            metavar=unit,
            help=f"{what}, {unit.lower()} ({default:g})",
        )
    verb.add_argument(
        "--gate",
        type=words.share,
        metavar="SHARE",
        default=0.0,
        help="no pulse at an amplitude that this share of the training did not reach (0)",
    )
    verb.add_argument(
        "--gate-top",
        type=words.share,
        metavar="SHARE",
        default=1.0,
        help="nor at one that this share of the training did not exceed, as of movements "
        "(1: no such limit)",
    )
    verb.add_argument(
        "--blank",
        type=words.not_negative,
        metavar="MS",
        default=0.0,
        help="after each pulse, its artefact: replaced by a line, and no decision, ms (0)",
    )
