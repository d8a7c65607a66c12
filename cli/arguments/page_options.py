"""The options of `tmsgrad page`."""

import argparse

from . import units, words
from .common_options import HELP, add_target
from .map_options import add_extent
from .reduce_options import add_basis
from .search_options import add_atlas


def add_page(verb: argparse.ArgumentParser) -> None:
    """Add what the page is of, and what it begins with."""
    verb.add_argument(
        "--coil",
        type=words.source,
        action="append",
        required=True,
        metavar="C",
        help=f"{HELP['coil']}; give it again for more coils to choose from",
    )
    add_target(verb, "centre, mm", required=True)
    add_extent(verb)
    add_field(verb)
    add_placement(verb)
    verb.add_argument(
        "--out", type=words.output, required=True, metavar="FILE", help="page, .html"
    )


def add_field(verb: argparse.ArgumentParser) -> None:
    """Add the basis that the field comes from."""
    group = verb.add_argument_group("the field")
    add_basis(
        group,
        "the field of these coils on this head, which `tmsgrad reduce` made (made anew)",
    )
    group.add_argument(
        "--reach",
        type=units.length,
        metavar="MM",
        help="without --reduced: how far around the target's nearest scalp point the coil "
        "can be moved (45)",
    )
    group.add_argument(
        "--whole-head",
        action="store_true",
        help="without --reduced: all over the upper head",
    )
    group.add_argument(
        "--tolerance",
        type=words.positive,
        metavar="PERCENT",
        help="without --reduced: error of E that no unseen placement may exceed, %% (0.3)",
    )


def add_placement(verb: argparse.ArgumentParser) -> None:
    """Add where the best placement is looked for, and the current."""
    add_atlas(verb)
    group = verb.add_argument_group("the first placement")
    group.add_argument(
        "--distance",
        type=units.length_or_none,
        default=0.0,
        metavar="MM",
        help="from the scalp to the coil's face, such as hair (0)",
    )
    group.add_argument(
        "--didt",
        type=words.full_output,
        metavar="A/µs",
        help="dI/dt at first, as stimulators show it (half of the coil's maximum, or 70)",
    )
    group.add_argument(
        "--search-radius",
        type=units.length,
        default=30.0,
        metavar="MM",
        help="how far around the target's nearest scalp point to look for the best "
        "placement (30)",
    )
    group.add_argument(
        "--electrodes",
        type=words.path,
        metavar="FILE",
        help="positions of electrodes by name (.csv of SimNIBS)",
    )


def add_interactive(verb: argparse.ArgumentParser) -> None:
    """Add the same page to a search."""
    verb.add_argument(
        "--interactive",
        nargs="?",
        const="",
        type=words.path,
        metavar="BASIS",
        help="write page.html, on which the coil is moved and the field follows; BASIS is "
        "what `tmsgrad reduce` made for this head and coil (made anew, as long as a "
        "hundred solves, of second order unless --order 1)",
    )
