"""The options of `tmsgrad head`."""

import argparse

from . import units, words
from .common_options import HELP, add_force
from .search_options import add_refinement


def add_head_picture(verb: argparse.ArgumentParser) -> None:
    """Add where slices meet, and their picture."""
    verb.add_argument(
        "--out", type=words.output, required=True, metavar="FILE", help=".png picture"
    )
    verb.add_argument(
        "--at",
        type=words.point,
        metavar="X,Y,Z",
        help="where the slices meet, mm (the middle of the brain)",
    )


def add_refining(verb: argparse.ArgumentParser) -> None:
    """Add how fine a head is to become, for which coil."""
    verb.add_argument(
        "--coil",
        type=words.source,
        default="magstim-70mm-double",
        metavar="C",
        help=f"{HELP['coil']} (magstim-70mm-double)",
    )
    add_refinement(verb)
    add_head_file(verb, "--out", required=True, metavar="FILE")


def add_head_file(verb: argparse.ArgumentParser, name: str, **options) -> None:
    """Add the file that a head is written to."""
    verb.add_argument(
        name, type=words.output, help=".msh, .msh.gz, .npz or .vtu file", **options
    )


def add_meshing(verb: argparse.ArgumentParser) -> None:
    """Add what a head is made of, and how fine."""
    verb.add_argument(
        "labels",
        type=words.path,
        metavar="LABELS",
        help="label image, .nii or .nii.gz; or SPM's map c1*.nii, with --table spm",
    )
    add_head_file(verb, "--out", required=True, metavar="FILE")
    verb.add_argument(
        "--table",
        type=words.source,
        default="simnibs",
        metavar="T",
        help="what the labels are: simnibs, spm, freesurfer, or a text file with a label "
        "and a tissue in each line (simnibs)",
    )
    verb.add_argument(
        "--tetrahedra",
        type=words.count,
        default=1_000_000,
        metavar="N",
        help="about how many (1000000)",
    )
    verb.add_argument(
        "--size",
        type=words.sizes,
        default={},
        metavar="TISSUE=MM,…",
        help="longest edges of elements in some tissues, such as gm=2,scalp=8",
    )
    _add_tidying(verb)
    add_force(verb)


def _add_tidying(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--neck",
        type=units.length_or_none,
        metavar="MM",
        help="end the head so far below the brain (where the image ends)",
    )
    verb.add_argument(
        "--islands",
        type=words.not_negative,
        default=10.0,
        metavar="MM³",
        help="give smaller pieces of a tissue to what is around them (10)",
    )
    verb.add_argument(
        "--fill-air", action="store_true", help="fill air that is inside the head"
    )
