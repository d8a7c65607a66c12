"""The options of `tmsgrad simulate`."""

import argparse

from . import words
from .common_options import (
    CORRECTED,
    HELP,
    add_conductor,
    add_exports,
    add_pose_reading,
    add_target,
    add_uncertainty,
)
from .map_options import add_extent
from .reduce_options import add_reduced
from .tract_options import add_fibres


def add_simulation(simulate: argparse.ArgumentParser) -> None:
    """Add poses, and what is wanted of their fields."""
    _add_given_poses(simulate)
    add_target(
        simulate,
        "compute the mean field in this target only, mm: fast for many poses, one row "
        "of pulses.csv each; an interrupted run goes on",
    )
    add_extent(simulate)
    simulate.add_argument(
        "--direction",
        type=words.triple,
        metavar="X,Y,Z",
        help="give the mean field's component along this as well",
    )
    simulate.add_argument(
        "--fields",
        action="store_true",
        help="with --target, solve for whole fields as without it",
    )
    _add_evaluation(simulate)
    add_reduced(simulate)
    add_exports(simulate)
    add_fibres(simulate)
    add_conductor(
        simulate, order=None, usual=f"{CORRECTED}; or that of the --reduced basis"
    )
    add_uncertainty(simulate)


def _add_given_poses(simulate: argparse.ArgumentParser) -> None:
    place = simulate.add_mutually_exclusive_group(required=True)
    place.add_argument("--pose", type=words.path, metavar="FILE", help=HELP["file"])
    place.add_argument(
        "--eeg",
        type=words.names,
        metavar="NAME,NAME",
        help="coil centre 4 mm above the first EEG position, such as C3,CP3, its y axis "
        "towards the second",
    )
    add_pose_reading(simulate)
    simulate.add_argument(
        "--turns",
        type=words.count,
        default=1,
        metavar="N",
        help="turn each pose about the coil's axis to N angles, all the way round",
    )
    simulate.add_argument(
        "--didt",
        type=words.current_rate,
        default=1e6,
        metavar="A/µs[,…]",
        help="dI/dt, as stimulators show it (1), one for each stimulator of the coil as "
        "79,40, or "
        "`recorded` for those in the pose file",
    )


def _add_evaluation(simulate: argparse.ArgumentParser) -> None:
    evaluation = simulate.add_mutually_exclusive_group()
    evaluation.add_argument(
        "--fast",
        action="store_true",
        help="values in the target to about 5e-4, many times faster: as usual for more "
        "than 64 pulses, where the error is measured at 16 of them",
    )
    evaluation.add_argument(
        "--exact",
        action="store_true",
        help="values in the target to rounding, however many pulses; without a target, "
        "solve for every pose, also of more than 500, whose fields in gray matter else "
        "come from a basis that is made of them",
    )
