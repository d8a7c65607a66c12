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
        help="label image, .nii, .nii.gz or .mgz; or SPM's map c1*.nii, with --table spm",
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


def add_segmenting(verb: argparse.ArgumentParser) -> None:
    """Add what a head is made of, by which segmenter, and what must hold of it."""
    verb.add_argument(
        "t1",
        type=words.path,
        nargs="?",
        metavar="T1",
        help="T1-weighted image of the whole head, .nii, .nii.gz or .mgz",
    )
    verb.add_argument("--out", type=words.output, metavar="DIR", help="m2m_ folder")
    verb.add_argument(
        "--t2", type=words.path, metavar="FILE", help="a T2 of the same person (none)"
    )
    verb.add_argument(
        "--labels",
        type=words.path,
        metavar="FILE",
        help="labels that another program made, as aparc+aseg.mgz; of SPM the map c1*.nii",
    )
    verb.add_argument(
        "--from",
        dest="segmenter",
        choices=("charm", "freesurfer", "synthseg", "samseg", "spm"),
        help="the program that made --labels",
    )
    _add_segmenter(verb)
    _add_layers(verb)
    verb.add_argument(
        "--tetrahedra",
        type=words.count,
        default=1_000_000,
        metavar="N",
        help="about how many (1000000)",
    )
    verb.add_argument(
        "--force",
        type=words.head_checks,
        default=(),
        metavar="CHECK,…",
        help=f"go on though these checks find an error: {', '.join(words.HEAD_CHECKS)}",
    )


def _add_segmenter(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--by",
        choices=("samseg", "atlas"),
        help="the template laid over the head and brightness, or SAMSEG, which takes "
        "longer and has to be installed (atlas; samseg with --samseg or --thorough)",
    )
    verb.add_argument(
        "--samseg",
        type=words.path,
        metavar="PATH",
        help="run_samseg, or the environment it is in (that of --install, or on PATH)",
    )
    verb.add_argument(
        "--install",
        action="store_true",
        help="make an environment with SAMSEG in the user's data folder, and end",
    )
    verb.add_argument(
        "--thorough",
        action="store_true",
        help="SAMSEG's own settings, which take far longer",
    )


def _add_layers(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--neck",
        type=units.length_or_none,
        default=40.0,
        metavar="MM",
        help="end the head so far below the brain (40)",
    )
    verb.add_argument(
        "--skull",
        type=units.length_or_none,
        default=2.0,
        metavar="MM",
        help="least thickness of the skull around brain and CSF (2)",
    )
    verb.add_argument(
        "--scalp",
        type=units.length_or_none,
        default=2.0,
        metavar="MM",
        help="least thickness of what covers the skull (2)",
    )


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
