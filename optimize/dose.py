"""How strong the current must be, and what is reachable where limits forbid that.

E grows in proportion to dI/dt, so each limit is a largest dI/dt, and the lowest of these
is what can be had.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..coils import Stimulator


@dataclass(frozen=True)
class FieldLimit:
    """A limit of |E| somewhere.

    Attributes:
        name: Of the region.
        value: There, at the current rate of the search. [V/m]
        limit: What it may be at most. [V/m]
    """

    name: str
    value: float
    limit: float

    def __post_init__(self):
        if not (np.isfinite(self.value) and self.value >= 0 and self.limit > 0):
            raise ValueError(
                f"the limit of {self.name!r} needs a value that is not negative and a "
                f"positive limit in V/m, got {self.value!r} and {self.limit!r}."
            )


@dataclass(frozen=True)
class Dose:
    """The current for a target, within limits.

    Attributes:
        current_rate: Peak dI/dt to drive the coil with. [A/s]
        reached: In the target, at that rate. [V/m]
        wanted: In the target; None where as much as possible is wanted. [V/m]
        needed: The dI/dt that what is wanted takes, whatever the limits; None where
            nothing is wanted. [A/s]
        highest: The largest dI/dt that all limits allow; infinite without limits. [A/s]
        bound_by: What sets the largest dI/dt, in words; empty without limits.
        output: The share of the stimulator's maximum, or None where that is not known.
    """

    current_rate: float
    reached: float
    wanted: float | None
    needed: float | None
    highest: float
    bound_by: str
    output: float | None

    @property
    def reachable(self) -> bool:
        """Whether the limits allow what is wanted."""
        return self.needed is None or self.needed <= self.highest * (1 + 1e-9)

    @property
    def statement(self) -> str:
        """What is reached and what keeps from more, in words."""
        share = "" if self.output is None else f", {self.output:.0%} of the maximum"
        if self.reachable:
            return (
                f"{self.reached:.4g} V/m at {self.current_rate * 1e-6:.4g} A/µs{share}"
            )
        return (
            f"{self.wanted:g} V/m cannot be reached: it takes {self.needed * 1e-6:.4g} "
            f"A/µs, but {self.bound_by} allows {self.highest * 1e-6:.4g} A/µs at most; "
            f"there the target gets {self.reached:.4g} V/m"
        )


def dose(
    value: float,
    current_rate: float,
    wanted: float | None = None,
    *,
    stimulator: Stimulator | None = None,
    highest: float | None = None,
    limits: Sequence[FieldLimit] = (),
) -> Dose:
    """Choose the smallest current that gives a target what is wanted, within limits.

    Args:
        value: In the target, at a current rate. [V/m]
        current_rate: That dI/dt. [A/s]
        wanted: In the target; by default as much as limits allow. [V/m]
        stimulator: Its maximum is a limit, and the output is a share of it.
        highest: The largest dI/dt of the coil. [A/s]
        limits: Of |E| in regions to avoid.

    Returns:
        The dose. Where what is wanted cannot be reached, it is the largest allowed one.

    Raises:
        ValueError: A number is not positive, or neither a wish nor a limit is given.
    """
    for name, number in (
        ("value", value),
        ("current_rate", current_rate),
        ("wanted", wanted),
        ("highest", highest),
    ):
        if number is not None and not (np.isfinite(number) and number > 0):
            raise ValueError(f"`{name}` must be a positive number, got {number!r}.")
    bounds = [(np.inf, "")]
    if highest is not None:
        bounds.append((highest, "the coil"))
    most = None if stimulator is None else stimulator.max_current_rate
    if stimulator is not None and most is not None:
        bounds.append((most, f"the stimulator {stimulator.name}".rstrip()))
    for each in limits:
        allowed = np.inf if each.value == 0 else current_rate * each.limit / each.value
        bounds.append((allowed, f"the limit of {each.limit:g} V/m in {each.name}"))
    largest, by = min(bounds, key=lambda bound: bound[0])
    needed = None if wanted is None else current_rate * wanted / value
    if needed is None and np.isinf(largest):
        raise ValueError("`wanted` or a limit is needed to choose the current.")
    rate = largest if needed is None else min(needed, largest)
    most = highest if most is None else most
    return Dose(
        float(rate),
        float(value * rate / current_rate),
        wanted,
        needed,
        float(largest),
        by,
        None if most is None else float(rate / most),
    )
