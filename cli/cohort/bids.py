"""`tmsgrad bids`: a study of many people, one by one and as a group."""

import argparse
from collections.abc import Callable

from ..runtime.outcome import Outcome
from ..runtime.provenance import Provenance
from ..runtime.setup import set_up
from .group import map_group
from .participant import check_people, do_people, print_array
from .request import BidsRequest


def bids(
    options: argparse.Namespace, do: Callable[[argparse.Namespace], Outcome]
) -> dict:
    """Do what the options say.

    Args:
        options: Of the command.
        do: Runs one command of a plan.

    Returns:
        What `--json` prints.
    """
    request = BidsRequest.of(options)
    if options.level == "group":
        set_up()
        found = map_group(request, Provenance.of(options))
        found.describe()
        return found.to_json()
    if request.check:
        return check_people(request)
    if request.array:
        return print_array(request)
    result = do_people(request, Provenance.of(options), do)
    result.describe()
    return result.to_json()
