"""Help in two tiers: what most people need of a command with many options, or all of it."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


_TARGET = ("target", "target-mni", "target-map", "radius")
#: Options that `--help` shows of commands with many; the others are in `--help-all`.
BASIC: Mapping[str, tuple[str, ...]] = {
    "simulate": (
        *("coil", "pose", "eeg", "didt", "turns", *_TARGET),
        *("uncertainty", "nifti", "report", "out"),
    ),
    "optimize": (
        *("coil", *_TARGET, "efield", "threshold", "handle", "distance"),
        *("uncertainty", "interactive", "report", "out"),
    ),
    "sweep": ("coil", *_TARGET, "spacing", "angles", "search-radius", "reduced", "out"),
    "page": ("coil", *_TARGET, "reduced", "reach", "whole-head", "didt", "out"),
    "live": (
        *(
            "coil",
            *_TARGET,
            "from",
            "registration",
            "duration",
            "reduced",
            "whole-head",
        ),
        "out",
    ),
    "bids": (
        *("plan", "participant-label", "session-label", "check", "scheduler", "slurm"),
        *("workers", "memory", "above", "networks"),
    ),
    "reduce": ("coil", "around", "radius", "tolerance", "out"),
    "dose": (
        *("coil", "threshold", "motor", *_TARGET, "motor-pose", "target-pose"),
        *("max-didt", "uncertainty", "out"),
    ),
    "map motor": (
        *("coil", "pulses", "mep", "emg", "criterion", "region", "match", "didt"),
        *("max-didt", "next", "out"),
    ),
    "head refine": (*_TARGET, "coil", "to", "out"),
    "target functional": (
        *("bold", "confounds", "space", "head", "seed", "search-region"),
        *("global-signal", "network", "normative", "out"),
    ),
    "target structural": (
        *("tracts", "dwi", "indirect", "radius", "space", "waypoint"),
        *("search-region", "out"),
    ),
    "eeg pulses": ("channels", "minus", "filter", "phase", "band", "training", "out"),
    "eeg live": (
        *("channels", "minus", "filter", "phase", "band", "training", "latency"),
        *("markers", "pulses", "duration", "out"),
    ),
}


class HelpAll(argparse.Action):
    """show all options, and exit"""

    def __call__(self, parser, namespace, values, option_string=None):
        """Print them."""
        print(parser.format_help())
        parser.exit()


def is_basic(action: argparse.Action, names: Sequence[str]) -> bool:
    """Whether an action is an argument, or an option of the first tier."""
    words = [word.removeprefix("--") for word in action.option_strings]
    known = ("help", "help-all", *names)
    return not words or any(word in known for word in words)


@contextmanager
def first_tier(parser: argparse.ArgumentParser, names: Sequence[str]) -> Iterator[int]:
    """Hide what is not basic of a parser's help meanwhile, and give its number."""
    hidden = [
        action
        for action in parser._actions
        if not is_basic(action, names) and action.help is not argparse.SUPPRESS
    ]
    helps, groups = [each.help for each in hidden], parser._mutually_exclusive_groups
    for action in hidden:
        action.help = argparse.SUPPRESS
    # Python 3.11 cannot write the usage of a group of which nothing is shown.
    parser._mutually_exclusive_groups = [
        group
        for group in groups
        if any(each.help is not argparse.SUPPRESS for each in group._group_actions)
    ]
    try:
        yield len(hidden)
    finally:
        for action, words in zip(hidden, helps, strict=True):
            action.help = words
        parser._mutually_exclusive_groups = groups
