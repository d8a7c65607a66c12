"""The options of `tmsgrad map`."""

import argparse

from . import units, words
from .common_options import (
    HELP,
    add_coil,
    add_head,
    add_pose_reading,
    add_report,
    add_tensors,
)


CURVES = ("sigmoid", "log-sigmoid", "exponential", "linear")
COMPONENTS = ("magnitude", "inward", "outward", "tangential")


def add_motor(verb: argparse.ArgumentParser) -> None:
    """Add what `map motor` takes."""
    add_head(verb)
    add_coil(verb)
    _add_pulses(verb)
    _add_responses(verb)
    _add_regression(verb)
    verb.add_argument(
        "--next",
        type=words.count,
        metavar="N",
        help="propose N pulses that separate best the places that are left",
    )
    verb.add_argument(
        "--order",
        type=int,
        choices=(1, 2),
        default=1,
        help="of the elements: 2 is more accurate, and takes two to five times as long (1)",
    )
    add_tensors(verb)
    add_report(verb)


def add_response(verb: argparse.ArgumentParser) -> None:
    """Add what `map response` takes."""
    verb.add_argument(
        "table",
        type=words.path,
        metavar="TABLE",
        help="intensities and responses: .csv or .tsv with a header, a row for each pulse, "
        "train or block",
    )
    verb.add_argument(
        "--intensity",
        required=True,
        metavar="COLUMN",
        help="of intensities, of any unit (the field in the target is best)",
    )
    verb.add_argument(
        "--response",
        type=words.several,
        required=True,
        metavar="COLUMN,…",
        help="of responses, such as BOLD or amplitudes; each gets a curve",
    )
    verb.add_argument(
        "--noise",
        choices=("normal", "log-normal"),
        help="of responses about the curve; log-normal fits their logarithms (what is more "
        "likely)",
    )
    verb.add_argument(
        "--criterion",
        type=words.number,
        metavar="VALUE",
        help="the response whose intensity is the threshold, in its column's unit",
    )
    verb.add_argument(
        "--level",
        type=units.percent,
        metavar="PERCENT",
        help="the threshold is where the curve has come so far from its base to its "
        "plateau (50)",
    )


def _add_pulses(verb: argparse.ArgumentParser) -> None:
    pulses = verb.add_argument_group("pulses")
    pulses.add_argument(
        "--pulses", type=words.path, required=True, metavar="FILE", help=HELP["file"]
    )
    pulses.add_argument(
        "--didt",
        type=words.current_rate,
        default="recorded",
        metavar="A/µs",
        help="dI/dt of all pulses (as recorded with each, or its share of --max-didt)",
    )
    pulses.add_argument(
        "--max-didt",
        type=words.full_output,
        metavar="A/µs",
        help="dI/dt at full output (the coil's own limit)",
    )
    add_pose_reading(verb)


def _add_responses(verb: argparse.ArgumentParser) -> None:
    responses = verb.add_argument_group("responses")
    source = responses.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--mep",
        type=words.path,
        metavar="FILE",
        help="motor evoked potentials from peak to peak: .csv or .tsv with a header, a row "
        "for each pulse, a column for each muscle, such as `FDI (mV)`",
    )
    source.add_argument(
        "--emg",
        type=words.path,
        metavar="FILE",
        help="a recording of muscles instead, of any format that MNE reads",
    )
    responses.add_argument(
        "--emg-event",
        metavar="NAME",
        help="what pulses are annotated with in --emg (the only annotation there is)",
    )
    responses.add_argument(
        "--emg-window",
        type=words.band,
        metavar="MS,MS",
        help="after the pulse, where --emg is measured from peak to peak (15,50)",
    )
    responses.add_argument(
        "--emg-quiet",
        type=units.microvolts,
        metavar="µV",
        help="what a muscle at rest has from peak to peak before the pulse (50)",
    )
    responses.add_argument(
        "--muscle",
        type=words.several,
        metavar="NAME,…",
        help="columns to take (all that hold numbers), or channels of --emg",
    )
    responses.add_argument(
        "--mep-unit",
        choices=("uV", "mV", "V"),
        help="of columns whose header has none",
    )
    responses.add_argument(
        "--match",
        choices=("number", "time", "trigger", "order"),
        help="how rows and pulses belong together (by the column that the table has, or in "
        "order where both are as many)",
    )


def _add_regression(verb: argparse.ArgumentParser) -> None:
    fit = verb.add_argument_group("regression")
    fit.add_argument(
        "--region",
        type=words.region,
        metavar="R",
        help="of the cortex: X,Y,Z,R in mm, a gyrus as precentral, a mask (.nii.gz), or "
        "FILE:NAME of labels such as lh.aparc.annot:precentral (30 mm around what is "
        "nearest to the mean coil)",
    )
    fit.add_argument(
        "--curve",
        choices=CURVES,
        default="sigmoid",
        help="of responses over the field (sigmoid)",
    )
    fit.add_argument(
        "--noise",
        choices=("log-normal", "heavy"),
        help="of responses about the curve; heavy is Student's t of their logarithms, with "
        "four degrees of freedom (what is more likely)",
    )
    fit.add_argument(
        "--component",
        choices=COMPONENTS,
        default="magnitude",
        help="of the field that is mapped (magnitude)",
    )
    fit.add_argument(
        "--criterion",
        type=units.microvolts,
        default=50.0,
        metavar="µV",
        help="that half of the pulses evoke at threshold, from peak to peak (50)",
    )
    fit.add_argument(
        "--draws", type=words.count, default=200, metavar="N", help="of pulses (200)"
    )
