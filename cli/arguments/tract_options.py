"""The options of `tmsgrad target structural`, and of fields along streamlines."""

import argparse

from . import units
from .common_options import add_out
from .words import (
    count,
    path,
    seed,
    share,
)


def add_structural(verb: argparse.ArgumentParser) -> None:
    """Add what `target structural` takes."""
    _add_streamlines(verb)
    _add_places(verb)
    _add_map(verb)


def _add_streamlines(verb: argparse.ArgumentParser) -> None:
    given = verb.add_mutually_exclusive_group(required=True)
    given.add_argument(
        "--tracts",
        type=path,
        metavar="FILE",
        help="streamlines in the head's space, .trk or .tck",
    )
    given.add_argument(
        "--dwi",
        type=path,
        metavar="FILE",
        help="track instead, from diffusion-weighted images in the head's space",
    )
    given.add_argument(
        "--tensor",
        type=path,
        metavar="FILE",
        help="track instead, from a tensor image in the head's space",
    )
    for name in ("bvals", "bvecs"):
        verb.add_argument(
            f"--{name}", type=path, metavar="FILE", help="of --dwi (that beside it)"
        )
    verb.add_argument(
        "--seeds",
        type=count,
        default=10_000,
        metavar="N",
        help="of tracking, in the target (10000)",
    )
    verb.add_argument(
        "--random-seed",
        type=count,
        default=1,
        metavar="N",
        help="of tracking: the same gives the same streamlines (1)",
    )


def _add_places(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--indirect",
        required=True,
        type=seed,
        metavar="PLACE",
        help="the deep target: sgACC, X,Y,Z in mm, or a mask or weights image",
    )
    verb.add_argument(
        "--radius", type=units.length, default=10.0, metavar="MM", help="of X,Y,Z (10)"
    )
    verb.add_argument(
        "--space",
        choices=("head", "mni"),
        default="head",
        help="of coordinates and images of places (head)",
    )
    for name, what in (
        ("waypoint", "which streamlines must pass as well"),
        (
            "station",
            "whose streamlines count by the share that the target's have there",
        ),
    ):
        verb.add_argument(
            f"--{name}",
            type=seed,
            action="append",
            default=[],
            metavar="PLACE",
            help=f"{what} (may be repeated)",
        )
    verb.add_argument(
        "--search-region",
        type=seed,
        metavar="PLACE",
        help="where the target may be: left-dlpfc, or an image (all gray matter)",
    )


def _add_map(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--image",
        type=path,
        metavar="FILE",
        help="whose grid the maps have (the T1 of the m2m_ folder, else 1 mm voxels)",
    )
    verb.add_argument(
        "--smoothing",
        type=units.length_or_none,
        default=6.0,
        metavar="MM",
        help="of the streamlines' ends, full width at half maximum (6)",
    )
    verb.add_argument(
        "--share",
        type=share,
        default=0.5,
        metavar="SHARE",
        help="of the highest density, that belongs to the target (0.5)",
    )
    verb.add_argument(
        "--depth",
        type=units.length,
        default=40.0,
        metavar="MM",
        help="leave out what lies deeper below the scalp (40)",
    )
    add_out(verb)


def add_fibres(verb: argparse.ArgumentParser) -> None:
    """Add along which streamlines the field is wanted."""
    verb.add_argument(
        "--tracts",
        type=path,
        metavar="FILE",
        help="write the first pose's field along these streamlines (.trk, .tck): "
        "fibres.csv, fibres.trk and fibres.png",
    )
