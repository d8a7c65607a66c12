"""Conductivities that are not known exactly: distributions, and where they come from.

Standard distributions are those of Saturnino et al. 2019 (doi:10.1016/j.neuroimage.2018.12.
053): beta distributions with the parameters 3 and 3 over the range that the literature
reports. Those of white and gray matter and of the skull are the ones of SimNIBS' example
scripts of uncertainty; those of CSF and scalp are as quoted, not checked. The meta-analysis
of McCann et al. 2019 (doi:10.1007/s10548-019-00710-2) has means of 0.22 (white matter),
0.47 (gray matter), 1.71 (CSF), 0.02 (skull) and 0.41 S/m (scalp), with wide spreads; take
it where no tissue of the own study is known better.
"""

import abc
from collections.abc import Mapping

import equinox as eqx
import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy import special

from ..meshing import TISSUE_NAMES, tissue_tag
from .conductivity import CONDUCTIVITIES


class AbstractDistribution(eqx.Module):
    """Of a conductivity, which is positive."""

    @property
    @abc.abstractmethod
    def mean(self) -> float:
        """The mean. [S/m]"""

    @property
    @abc.abstractmethod
    def deviation(self) -> float:
        """The standard deviation. [S/m]"""

    @abc.abstractmethod
    def quantile(self, shares: ArrayLike) -> Float[ndarray, "*draw"]:
        """The values below which so much of the distribution lies, 0 to 1. [S/m]"""


class Beta(AbstractDistribution):
    """A beta distribution on an interval; with a = b = 1 it is uniform.

    Attributes:
        low: [S/m]
        high: [S/m]
        a: The first shape parameter: larger ones keep farther from `low`.
        b: The second: from `high`.
    """

    low: float
    high: float
    a: float = 3.0
    b: float = 3.0

    def __check_init__(self):
        """Refuse an interval that holds values that are not positive, or none."""
        if not (0 < self.low < self.high < np.inf):
            raise ValueError(
                f"`low` and `high` must be positive and in order, got {self.low!r} and "
                f"{self.high!r} S/m."
            )
        if not (0 < self.a < np.inf and 0 < self.b < np.inf):
            raise ValueError(
                f"`a` and `b` must be positive, got {self.a!r}, {self.b!r}."
            )

    @property
    def mean(self) -> float:
        """See the base class."""
        return self.low + (self.high - self.low) * self.a / (self.a + self.b)

    @property
    def deviation(self) -> float:
        """See the base class."""
        total = self.a + self.b
        share = np.sqrt(self.a * self.b / (total + 1)) / total
        return float((self.high - self.low) * share)

    def quantile(self, shares: ArrayLike) -> Float[ndarray, "*draw"]:
        """See the base class."""
        inner = special.betaincinv(self.a, self.b, shares)
        return self.low + (self.high - self.low) * np.asarray(inner)


class LogNormal(AbstractDistribution):
    """A value of which the logarithm is normal: a relative uncertainty.

    Attributes:
        average: The mean. [S/m]
        spread: The standard deviation relative to the mean.
    """

    average: float
    spread: float

    def __check_init__(self):
        """Refuse what is no positive number."""
        if not (0 < self.average < np.inf):
            raise ValueError(f"`average` must be positive, got {self.average!r} S/m.")
        if not (0 < self.spread <= 2):
            raise ValueError(f"`spread` must lie between 0 and 2, got {self.spread!r}.")

    @property
    def mean(self) -> float:
        """See the base class."""
        return self.average

    @property
    def deviation(self) -> float:
        """See the base class."""
        return self.average * self.spread

    def quantile(self, shares: ArrayLike) -> Float[ndarray, "*draw"]:
        """See the base class."""
        square = np.log1p(self.spread**2)
        normal = np.asarray(special.ndtri(shares))
        return self.average * np.exp(np.sqrt(square) * normal - square / 2)


Distributions = Mapping[str | int, AbstractDistribution]

# The range of spongy bone is ours: that of the skull in proportion, around the value of
# `CONDUCTIVITIES`. Eyes, blood and muscle have no entry and stay as they are.
CONDUCTIVITY_DISTRIBUTIONS: dict[str | int, AbstractDistribution] = {
    1: Beta(0.1, 0.4),
    2: Beta(0.1, 0.6),
    3: Beta(1.2, 1.8),
    4: Beta(0.003, 0.012),
    5: Beta(0.2, 0.5),
    7: Beta(0.003, 0.012),
    8: Beta(0.010, 0.040),
}


def relative_distributions(spread: float) -> dict[str | int, AbstractDistribution]:
    """Let all conductivities of `CONDUCTIVITIES` vary by the same share.

    Args:
        spread: The standard deviation relative to the mean, such as 0.1.
    """
    return {tag: LogNormal(value, spread) for tag, value in CONDUCTIVITIES.items()}


def by_tag(distributions: Distributions) -> dict[int, AbstractDistribution]:
    """Sort distributions by the tag of their tissue.

    Raises:
        ValueError: A tissue is unknown or named twice, or there is none.
    """
    found: dict[int, AbstractDistribution] = {}
    for tissue, distribution in distributions.items():
        tag = tissue_tag(tissue)
        if tag in found:
            raise ValueError(f"`distributions` names {TISSUE_NAMES[tag]!r} twice.")
        if not isinstance(distribution, AbstractDistribution):
            raise ValueError(
                f"`distributions` of {TISSUE_NAMES[tag]!r} must be a distribution such as "
                f"`Beta(0.1, 0.4)`, got {distribution!r}."
            )
        found[tag] = distribution
    if not found:
        raise ValueError("`distributions` is empty: no conductivity is uncertain.")
    return dict(sorted(found.items()))
