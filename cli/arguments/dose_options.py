"""The options of `tmsgrad dose`."""

import argparse

from . import units
from .common_options import add_target, add_tensors, add_uncertainty
from .map_options import add_map
from .reduce_options import add_basis
from .search_options import add_stimulator
from .words import (
    full_output,
    path,
    point,
    positive,
    source,
)


def add_dose(verb: argparse.ArgumentParser) -> None:
    """Add what `dose` takes, besides head and coil."""
    _add_places(verb)
    _add_measure(verb)
    verb.add_argument(
        "--activated",
        type=units.percent,
        default=83.0,
        metavar="PERCENT",
        help="of M1's field at threshold, from which tissue counts as activated (83)",
    )
    verb.add_argument(
        "--nifti",
        type=path,
        metavar="IMAGE",
        help="write the share of M1's field, and what is activated, as images in this "
        "image's grid, such as the T1's",
    )
    verb.add_argument(
        "--order",
        type=int,
        choices=(1,),
        help="1: fields of first order, not corrected for the mesh",
    )
    add_basis(
        verb,
        "find placements by this basis of both coils, which `tmsgrad reduce` made, without "
        "adjoint solves; the fields then are of its order, by direct solves",
    )
    add_tensors(verb)
    add_uncertainty(verb, "the matched output")
    _add_trains(verb)


def _add_places(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--threshold",
        type=units.percent,
        required=True,
        metavar="PERCENT",
        help="resting motor threshold, %% of the stimulator's maximum",
    )
    verb.add_argument(
        "--motor",
        type=point,
        metavar="X,Y,Z",
        help="M1, mm (the left hand knob, where the head has a way to MNI space)",
    )
    add_target(verb, "the target, mm", required=True)
    add_map(verb)
    for name, what in (("motor", "M1"), ("target", "the target")):
        verb.add_argument(
            f"--{name}-pose",
            type=path,
            metavar="FILE",
            help=f"of the coil for {what}: one pose, any pose file (the best one, found)",
        )


def _add_measure(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--radius",
        type=units.length,
        metavar="MM",
        help="of both balls, or of M1's where the target is a map (5)",
    )
    verb.add_argument("--tissue", default="gm", help="of both (gm)")
    verb.add_argument(
        "--metric",
        choices=("mean", "p99", "normal"),
        default="mean",
        help="of the field that is made equal: mean |E|, its 99th percentile, or the mean "
        "component along the cortex's normals (mean)",
    )
    verb.add_argument(
        "--target-coil",
        type=source,
        metavar="C",
        help="where the target gets another coil",
    )
    add_stimulator(verb)
    for name, what in (("waveform", "threshold"), ("target-waveform", "target")):
        verb.add_argument(
            f"--{name}",
            metavar="W",
            help=f"pulse of the {what}: its name in the coil's file, FILE.tsv, or ideal as "
            "biphasic:280, with the period in µs (both alike)",
        )
    verb.add_argument(
        "--time-constant",
        type=positive,
        metavar="µs",
        help="of the membrane that waveforms are compared by (196)",
    )
    for name, what in (("max-didt", ""), ("target-max-didt", " for --target-coil")):
        verb.add_argument(
            f"--{name}",
            type=full_output,
            metavar="A/µs",
            help=f"dI/dt at full output{what} (the coil's own limit)",
        )


def _add_trains(verb: argparse.ArgumentParser) -> None:
    trains = verb.add_argument_group(
        "trains of pulses, compared with published safety tables"
    )
    for name, unit, what in (
        ("frequency", "HZ", "of the pulses in a train, single and even"),
        ("train", "S", "how long a train lasts"),
        ("intertrain", "S", "pause between trains (none: one train only)"),
    ):
        trains.add_argument(f"--{name}", type=positive, metavar=unit, help=what)
