"""Coils that the command line takes, and what drives them."""

from dataclasses import dataclass

import numpy as np

from ... import coils
from ...coils import Coil, Stimulator
from ..runtime.notices import note, warn


Rates = float | tuple[float, ...] | None


def read_coil(source: str) -> Coil:
    """Read a coil file, or take a coil of the catalogue by its name.

    Raises:
        ValueError: The file is malformed, or the name is unknown.
        FileNotFoundError: There is no such file.
    """
    return coils.read(source)


def machine_of(
    coil: Coil, source: str, name: str | None, most: float | None
) -> Stimulator:
    """Find the stimulator that outputs are per cent of, with its name and its maximum.

    Args:
        coil: The coil.
        source: Of it, for messages.
        name: Of the stimulator, or None for the only one that the coil's file names.
        most: dI/dt at full output, if that is given. [A/s]

    Raises:
        ValueError: Nothing says what full output of the named stimulator is.
    """
    known = [each for each in coil.stimulators if each.name]
    if name is None:
        named = known[0].name if len(coil.stimulators) == 1 and known else ""
        return Stimulator(named, max_current_rate=most or coil.max_current_rate)
    same = [each for each in known if name.casefold() in each.name.casefold()]
    if len(same) == 1 and (most or same[0].max_current_rate):
        return Stimulator(
            same[0].name, max_current_rate=most or same[0].max_current_rate
        )
    if most is None:
        names = ", ".join(each.name for each in known) or "none"
        raise ValueError(
            f"--stimulator {name}: {source} does not say its dI/dt at full output with "
            f"this coil (stimulators named there: {names}): give --max-didt."
        )
    return Stimulator(name, max_current_rate=most)


def read_driven_coil(source: str, given: Rates) -> tuple[Coil, float | None]:
    """Read a coil, and drive its stimulators. What exceeds a limit is warned of.

    Args:
        source: A file, or a name of the catalogue.
        given: dI/dt of all stimulators, or of each; None for those recorded. [A/s]

    Returns:
        The coil, and its dI/dt, the largest of its stimulators; None for those recorded.

    Raises:
        ValueError: The file is malformed, the name is unknown, or there are not as many
            rates as stimulators.
        FileNotFoundError: There is no such file.
    """
    coil = read_coil(source)
    count = coil.stimulator_count
    if not isinstance(given, tuple):
        if count > 1:
            note(
                f"all {count} stimulators of {coil.name} are driven alike; --didt A,B,… "
                "gives each its own dI/dt."
            )
        rates, most = () if given is None else (given,) * count, given
    elif len(given) != count:
        raise ValueError(
            f"--didt gives {len(given)} rates, but {coil.name} ({source}) has "
            f"{count} stimulator{'s' if count > 1 else ''}."
        )
    else:
        rates, most = given, max(abs(each) for each in given)
        coil = coil.driven(np.array(given) / most)
    for number, rate in enumerate(rates):
        _warn_of_limit(coil, number, abs(rate))
    return coil, most


def _warn_of_limit(coil: Coil, number: int, rate: float) -> None:
    limit, name = coil.max_current_rate, coil.name
    if number < len(coil.stimulators):
        limit = coil.stimulators[number].max_current_rate
        name = coil.stimulators[number].name or name
    if limit is not None and rate > limit:
        warn(
            f"{rate / 1e6:.4g} A/µs is more than {name} is made for: "
            f"{limit / 1e6:.4g} A/µs."
        )


@dataclass(frozen=True)
class StimulatorRate:
    """What drives a stimulator of a coil.

    Attributes:
        name: Of the stimulator.
        didt: Its dI/dt. [A/s]
    """

    name: str
    didt: float

    def to_json(self) -> dict[str, str | float]:
        """For a summary."""
        return {"name": self.name, "didt": self.didt}


def stimulator_rates(coil: Coil, rate: float) -> tuple[StimulatorRate, ...]:
    """List the stimulators of a coil and what drives each, at a dI/dt [A/s]."""
    count = coil.stimulator_count
    shares = [1.0] * count if coil.rates is None else np.asarray(coil.rates).tolist()
    names = [each.name for each in coil.stimulators] or [""] * count
    return tuple(
        StimulatorRate(name, share * rate)
        for name, share in zip(names, shares, strict=True)
    )
