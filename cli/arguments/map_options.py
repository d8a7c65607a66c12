"""The options of targets and regions to avoid that are maps."""

import argparse

from . import units
from .words import (
    avoided_map,
    count,
    number,
    path,
)


def add_extent(verb: argparse.ArgumentParser) -> None:
    """Add how far a target reaches: its radius, or its map, and its tissue."""
    verb.add_argument(
        "--radius", type=units.length, metavar="MM", help="of the target (5)"
    )
    add_map(verb)
    verb.add_argument("--tissue", default="gm", help="of the target (gm)")


def add_map(verb: argparse.ArgumentParser) -> None:
    """Add how a map becomes a target."""
    options = verb.add_argument_group("targets that are maps")
    options.add_argument(
        "--map-threshold",
        type=number,
        metavar="VALUE",
        help="count what is at least this, or at most a negative one (all above zero)",
    )
    options.add_argument(
        "--cluster",
        type=count,
        metavar="N",
        help="of voxels that pass and share faces; 1 is the weightiest (all)",
    )
    options.add_argument(
        "--label", metavar="L", help="of an atlas: a number, or a name on a surface"
    )
    _add_place(options)


def _add_place(options: argparse._ActionsContainer) -> None:
    """Add where the values of a map lie."""
    options.add_argument(
        "--surface",
        type=path,
        metavar="FILE",
        help="on which the values of .gii and .annot are (.gii or FreeSurfer)",
    )
    add_surface_frame(options)
    options.add_argument(
        "--map-space",
        choices=("head", "mni"),
        help="coordinates of the image (head; must be given where its header names the "
        "space of a template)",
    )
    options.add_argument(
        "--depth",
        type=units.length,
        default=40.0,
        metavar="MM",
        help="leave out what lies deeper below the scalp (40)",
    )


def add_surface_frame(options: argparse._ActionsContainer) -> None:
    """Add the frame of surfaces from files."""
    options.add_argument(
        "--surface-frame",
        choices=("stored", "moved"),
        help="of surfaces whose file does not say: coordinates as they stand, or moved "
        "by FreeSurfer's c_ras (as the head's gray matter shows)",
    )


def add_avoided_map(verb: argparse.ArgumentParser) -> None:
    """Add regions to avoid that are maps."""
    verb.add_argument(
        "--avoid-map",
        type=avoided_map,
        action="append",
        default=[],
        metavar="FILE[:V/M]",
        help="as --avoid, for the target's tissue where an image in the space of "
        "--map-space is positive, weighted by it (may be repeated)",
    )
