"""How likely a trial of two equal arms shows a difference that there is."""

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Power:
    """The power of a trial of two arms.

    Attributes:
        one_sided: Where only the expected direction counts.
        two_sided: Where either direction counts, with half of the error for each.
    """

    one_sided: float
    two_sided: float


def power_of_means(people: int, effect: float, alpha: float = 0.05) -> Power:
    """Power of Student's test of two means, by the noncentral t distribution.

    Args:
        people: In both arms together; of an odd number one is not counted.
        effect: Difference over the standard deviation within arms (Cohen's d).
        alpha: Accepted error of the first kind.

    Raises:
        ValueError: There are fewer than four people, or another value is out of range.
    """
    each = _each(people, alpha)
    if not 0 < effect < np.inf:
        raise ValueError(f"`effect` must be positive, got {effect!r}.")
    freedom, shift = 2 * each - 2, effect * np.sqrt(each / 2)
    upper = lambda error: stats.nct.sf(stats.t.isf(error, freedom), freedom, shift)
    lower = stats.nct.cdf(-stats.t.isf(alpha / 2, freedom), freedom, shift)
    return Power(float(upper(alpha)), float(upper(alpha / 2) + lower))


def power_of_rates(
    people: int, rates: tuple[float, float], alpha: float = 0.05
) -> Power:
    """Power of a test of two response rates, by the normal approximation, not pooled.

    Args:
        people: In both arms together; of an odd number one is not counted.
        rates: Of responders in each arm, between 0 and 1.
        alpha: Accepted error of the first kind.

    Raises:
        ValueError: There are fewer than four people, or another value is out of range.
    """
    each = _each(people, alpha)
    if not all(0 < rate < 1 for rate in rates) or rates[0] == rates[1]:
        raise ValueError(
            f"`rates` must be two different ones between 0 and 1, got {rates!r}."
        )
    spread = np.sqrt(sum(rate * (1 - rate) for rate in rates) / each)
    return _normal(abs(rates[0] - rates[1]) / spread, alpha)


def _normal(shift: float, alpha: float) -> Power:
    upper = lambda error: stats.norm.sf(stats.norm.isf(error) - shift)
    lower = stats.norm.cdf(-stats.norm.isf(alpha / 2) - shift)
    return Power(float(upper(alpha)), float(upper(alpha / 2) + lower))


def _each(people: int, alpha: float) -> int:
    """How many are in an arm."""
    if people < 4:
        raise ValueError(f"`people` must be at least four, got {people!r}.")
    if not 0 < alpha < 0.5:
        raise ValueError(f"`alpha` must be between 0 and 0.5, got {alpha!r}.")
    return people // 2
