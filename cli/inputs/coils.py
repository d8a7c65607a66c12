"""Coils that the command line takes, and what drives them."""

import argparse
import sys

import numpy as np

from ... import coils
from ...coils import Coil
from ..runtime.notices import warn


def read_coil(source: str) -> Coil:
    """Read a coil file, or take a coil of the catalogue by its name.

    Raises:
        ValueError: The file is malformed, or the name is unknown.
        FileNotFoundError: There is no such file.
    """
    return coils.read(source)


def read_driven_coil(options: argparse.Namespace) -> Coil:
    """Read the coil, and drive its stimulators as `--didt` says.

    Where it gives one dI/dt for each stimulator, `options.didt` becomes the largest of
    them. What exceeds a stimulator's limit is told on standard error.

    Raises:
        ValueError: The file is malformed, the name is unknown, or there are not as many
            rates as stimulators.
        FileNotFoundError: There is no such file.
    """
    coil = read_coil(options.coil)
    count, given = coil.stimulator_count, options.didt
    if not isinstance(given, tuple):
        if count > 1:
            print(
                f"tmsgrad: note: all {count} stimulators of {coil.name} are driven alike; "
                "--didt A,B,… gives each its own dI/dt.",
                file=sys.stderr,
            )
        rates = () if given == "recorded" else (given,) * count
    elif len(given) != count:
        raise ValueError(
            f"--didt gives {len(given)} rates, but {coil.name} ({options.coil}) has "
            f"{count} stimulator{'s' if count > 1 else ''}."
        )
    else:
        rates, options.didt = given, max(abs(each) for each in given)
        coil = coil.driven(np.array(given) / options.didt)
    for number, rate in enumerate(rates):
        _warn_of_limit(coil, number, abs(rate))
    return coil


def _warn_of_limit(coil: Coil, number: int, rate: float) -> None:
    limit, name = coil.max_current_rate, coil.name
    if number < len(coil.stimulators):
        limit = coil.stimulators[number].max_current_rate
        name = coil.stimulators[number].name or name
    if limit is not None and rate > limit:
        warn(f"{rate:.4g} A/s is more than {name} is made for: {limit:.4g} A/s.")


def stimulator_rates(coil: Coil, rate: float) -> list[dict[str, str | float]]:
    """List the stimulators of a coil and what drives each, at a dI/dt [A/s]."""
    count = coil.stimulator_count
    shares = [1.0] * count if coil.rates is None else np.asarray(coil.rates).tolist()
    names = [each.name for each in coil.stimulators] or [""] * count
    return [
        {"name": name, "didt": share * rate}
        for name, share in zip(names, shares, strict=True)
    ]
