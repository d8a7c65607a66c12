"""The options of `tmsgrad target`."""

import argparse

from . import units
from .common_options import add_out
from .words import (
    count,
    index,
    not_negative,
    path,
    positive,
    seed,
    share,
    source,
)


def add_functional(verb: argparse.ArgumentParser) -> None:
    """Add what `target functional` takes."""
    _add_images(verb)
    _add_places(verb)
    _add_network(verb)
    _add_cleaning(verb)
    _add_estimate(verb)


def _add_images(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--bold",
        required=True,
        type=path,
        action="append",
        metavar="FILE",
        help="preprocessed images, (i, j, k, volumes), or a series on surfaces "
        "(.dtseries.nii, .func.gii); again for each run or session",
    )
    verb.add_argument(
        "--surface",
        type=path,
        action="append",
        default=[],
        metavar="FILE",
        help="that a series on surfaces is of, in its space; once for each hemisphere",
    )
    verb.add_argument(
        "--confounds",
        type=path,
        action="append",
        default=[],
        metavar="TSV",
        help="fMRIPrep's table, a row for each volume; one for each --bold, in their order",
    )
    verb.add_argument(
        "--mask",
        type=path,
        metavar="FILE",
        help="of the brain (fMRIPrep's beside, or as nilearn finds)",
    )
    verb.add_argument(
        "--tr",
        type=positive,
        metavar="S",
        help="repetition time (that of the .json beside the images, or the header's)",
    )
    verb.add_argument(
        "--space",
        choices=("mni", "head"),
        help="of the images: mni, or a head's mm with --head (from fMRIPrep's file name)",
    )
    verb.add_argument(
        "--head",
        type=path,
        metavar="M2M",
        help="m2m_ folder, where the images are in its space",
    )


def _add_places(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--seed",
        type=seed,
        default="sgACC",
        metavar="SEED",
        help="sgACC, X,Y,Z in MNI mm, or a mask on the images' grid (sgACC)",
    )
    verb.add_argument(
        "--seed-radius",
        type=units.length,
        default=10.0,
        metavar="MM",
        help="of X,Y,Z (10)",
    )
    verb.add_argument(
        "--seed-map",
        type=path,
        metavar="FILE",
        help="a group's connectivity map of the seed, in the images' space: it weighs all "
        "voxels outside the search region to the seed's time course (Fox et al. 2013)",
    )
    verb.add_argument(
        "--search-region",
        type=source,
        default="left-dlpfc",
        metavar="REGION",
        help="left-dlpfc, or a mask in the images' space (left-dlpfc)",
    )


def _add_network(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--network",
        type=path,
        metavar="FILE",
        help="a network of the person's own that weighs the search: probabilities from 0 "
        "to 1, or a parcellation with --network-label; an image in the images' space, or "
        "on --surface",
    )
    verb.add_argument(
        "--network-label",
        metavar="L",
        help="of a parcellation: a number in an image, a name on a surface",
    )


def _add_cleaning(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--global-signal",
        nargs="?",
        const="yes",
        default="no",
        choices=("no", "yes", "auto"),
        help="regress out the global signal too: no, yes, or auto: both are tried, "
        "and that is taken whose halves of the data agree better (no; yes without a word)",
    )
    verb.add_argument(
        "--compcor",
        type=index,
        default=0,
        metavar="N",
        help="regress out so many aCompCor components in place of white matter and "
        "cerebrospinal fluid (0)",
    )
    _add_censoring(verb)


def _add_censoring(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--skip",
        type=index,
        default=0,
        metavar="N",
        help="cut off so many volumes at the start, or more where the confounds name more "
        "(0)",
    )
    verb.add_argument(
        "--dvars",
        type=positive,
        metavar="X",
        help="leave out volumes with a larger std_dvars too",
    )
    verb.add_argument(
        "--displacement",
        type=units.length,
        default=0.5,
        metavar="MM",
        help="leave out volumes with a larger framewise displacement (0.5)",
    )
    verb.add_argument(
        "--minutes",
        type=not_negative,
        default=10.0,
        metavar="MIN",
        help="that must be left after that (10)",
    )


def _add_estimate(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--engagement",
        type=path,
        metavar="FILE",
        help="check the target by a map of the person's own in the images' space, such as "
        "of responses to TMS during images: its rank within the search region",
    )
    verb.add_argument(
        "--normative",
        type=path,
        metavar="FILE",
        help="a group's connectivity map to blend in, in the images' space",
    )
    verb.add_argument(
        "--blend", type=share, default=0.5, metavar="SHARE", help="of --normative (0.5)"
    )
    verb.add_argument(
        "--share",
        type=share,
        default=0.05,
        metavar="SHARE",
        help="of the search region that may belong to the target (0.05)",
    )
    verb.add_argument(
        "--draws", type=count, default=300, metavar="N", help="of the bootstrap (300)"
    )
    add_out(verb)
