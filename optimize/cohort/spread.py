"""How figures spread over people, and who is unlike the others."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from numpy.typing import ArrayLike


#: From which a figure counts as unlike the others. [Iglewicz & Hoaglin 1993, "How to
#: Detect and Handle Outliers", ASQC]
UNLIKE = 3.5
_FEWEST = 5  # Among fewer people nobody can be told to be unlike the others.
# A normal distribution's standard deviation over its median and mean absolute deviation.
_OF_MEDIAN, _OF_MEAN = 1.4826, 1.253314


@dataclass(frozen=True)
class Spread:
    """A figure of several people.

    Attributes:
        count: Of those who have one.
        mean: NaN without any.
        deviation: The sample's standard deviation; NaN for fewer than two.
        median: NaN without any.
        low: The smallest.
        high: The largest.
    """

    count: int
    mean: float
    deviation: float
    median: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | int | None]:
        """For a summary; what is not known is None."""
        known = {
            "mean": self.mean,
            "deviation": self.deviation,
            "median": self.median,
            "smallest": self.low,
            "largest": self.high,
        }
        plain = {k: None if np.isnan(v) else v for k, v in known.items()}
        return {"count": self.count, **plain}


def spread_of(values: ArrayLike) -> Spread:
    """Describe a figure of several people; NaN is unknown."""
    given = np.asarray(values, dtype=np.float64)
    found = given[np.isfinite(given)]
    if len(found) == 0:
        return Spread(0, *[float("nan")] * 5)
    deviation = float(found.std(ddof=1)) if len(found) > 1 else float("nan")
    return Spread(
        *(len(found), float(found.mean()), deviation, float(np.median(found))),
        *(float(found.min()), float(found.max())),
    )


def robust_scores(values: ArrayLike) -> Float[ndarray, "person"]:
    """How many deviations each figure is away from the median, by the median deviation.

    The modified z-score [Iglewicz & Hoaglin 1993]; where more than half of the figures are
    equal, the mean absolute deviation takes the place of the median one.

    Args:
        values: A figure of each person; NaN is unknown.

    Returns:
        Scores; NaN where the figure is unknown, and zero where all are equal or there are
        fewer than five.
    """
    given = np.asarray(values, dtype=np.float64)
    there = np.isfinite(given)
    scores = np.where(there, 0.0, np.nan)
    if there.sum() < _FEWEST:
        return scores
    away = given[there] - np.median(given[there])
    scale = _OF_MEDIAN * float(np.median(np.abs(away)))
    scale = scale or _OF_MEAN * float(np.abs(away).mean())
    if scale > 0:
        scores[there] = away / scale
    return scores


def outlying(values: ArrayLike) -> Bool[ndarray, "person"]:
    """Who is unlike the others: by more than 3.5 robust deviations."""
    scores = robust_scores(values)
    return np.abs(np.where(np.isnan(scores), 0.0, scores)) > UNLIKE
