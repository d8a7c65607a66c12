"""The options of `reduce`, and of what uses a reduced field."""

import argparse

from . import units, words
from .common_options import HELP
from .map_options import add_surface_frame


def add_reduce(verb: argparse.ArgumentParser) -> None:
    """Add for which coils and placements the field is reduced, and how well."""
    verb.add_argument(
        "--coil",
        type=words.source,
        action="append",
        required=True,
        metavar="C",
        help=f"{HELP['coil']}; give it again for each coil that shares the basis",
    )
    domain = verb.add_argument_group("where the coil may be")
    domain.add_argument(
        "--around",
        type=words.point,
        metavar="X,Y,Z",
        help="near the scalp's point nearest to this place, mm (the upper head)",
    )
    domain.add_argument(
        "--radius",
        type=units.length,
        metavar="MM",
        help="how far around that point, mm (45)",
    )
    _add_quality(verb)
    verb.add_argument(
        "--out", type=words.output, required=True, metavar="FILE", help="basis, .h5"
    )


def _add_quality(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--tissue",
        help="where the field is wanted, such as gm or wm (gm)",
    )
    verb.add_argument(
        "--at",
        type=words.source,
        metavar="SURFACE",
        help="not in a tissue: at the vertices of the mesh's cortical surface (mesh), or "
        "of a GIfTI or FreeSurfer surface in gray matter",
    )
    add_surface_frame(verb)
    verb.add_argument(
        "--tolerance",
        type=words.positive,
        default=0.4,
        metavar="PERCENT",
        help="error of E that no unseen placement may exceed, %% (0.4)",
    )
    verb.add_argument(
        "--modes",
        type=words.count,
        default=400,
        metavar="N",
        help="at most so many (400)",
    )
    verb.add_argument(
        "--storage",
        choices=("float32", "float16", "int8"),
        default="float32",
        help="of the modes; what fewer bits change is measured and added to the error "
        "(float32)",
    )


def add_reduced(verb: argparse.ArgumentParser) -> None:
    """Add a reduced field that stands for solves."""
    add_basis(
        verb,
        "take the field of gray matter from this basis, which `tmsgrad reduce` made: "
        "milliseconds a pose; poses that it does not know are solved",
    )


def add_basis(group: argparse._ActionsContainer, what: str) -> None:
    """Add the file of a reduced field."""
    group.add_argument("--reduced", type=words.path, metavar="FILE", help=what)
