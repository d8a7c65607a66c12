"""Maps of a group: what many people's fields have in common, vertex by vertex."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray


@dataclass(frozen=True, eq=False)
class GroupMap:
    """What values of several people at the same places have in common.

    Attributes:
        mean: Over those who have a value; NaN where nobody has.
        deviation: The sample's standard deviation; NaN where fewer than two have a value.
        coverage: Share of the people who have a value.
        prevalence: Share of those who have a value whose |value| reaches the threshold;
            NaN where nobody has one.
        people: How many there are.
    """

    mean: Float[ndarray, "vertex"]
    deviation: Float[ndarray, "vertex"]
    coverage: Float[ndarray, "vertex"]
    prevalence: Float[ndarray, "vertex"]
    people: int


def group_map(
    values: Float[ndarray, "person vertex"],
    threshold: float | None = None,
    share: float | None = None,
) -> GroupMap:
    """Summarise values of people at the same places.

    Args:
        values: Of each person; NaN where there is none.
        threshold: That |value| is to reach for the prevalence.
        share: The same as a share of each person's own 99.9th percentile of |value|.

    Raises:
        ValueError: There is nobody, or not exactly one of `threshold` and `share`, or it
            is not positive.
    """
    if len(values) == 0:
        raise ValueError("there is nobody to make a map of.")
    limits = _limits(values, threshold, share)
    there = np.isfinite(values)
    count = there.sum(axis=0)
    known, several = count > 0, count > 1
    mean = np.full(values.shape[1], np.nan)
    total = np.where(there, values, 0.0).sum(axis=0)
    mean[known] = total[known] / count[known]
    apart = np.where(there, values - np.where(known, mean, 0.0), 0.0)
    deviation = np.full(values.shape[1], np.nan)
    squares = (apart**2).sum(axis=0)
    deviation[several] = np.sqrt(squares[several] / (count[several] - 1))
    above = (np.abs(np.where(there, values, 0.0)) >= limits[:, None]) & there
    prevalence = np.full(values.shape[1], np.nan)
    prevalence[known] = above.sum(axis=0)[known] / count[known]
    return GroupMap(mean, deviation, count / len(values), prevalence, len(values))


def _limits(
    values: Float[ndarray, "person vertex"],
    threshold: float | None,
    share: float | None,
) -> Float[ndarray, "person"]:
    given = threshold if share is None else share
    if (threshold is None) == (share is None) or given is None or given <= 0:
        raise ValueError(
            "give either a threshold or a share of each person's 99.9th percentile, "
            f"positive; got {threshold} and {share}."
        )
    if share is None:
        return np.full(len(values), float(given))
    limits = np.full(len(values), np.inf)  # Who has no value is nowhere above it.
    for number, each in enumerate(values):
        sizes = np.abs(each[np.isfinite(each)])
        if len(sizes):
            limits[number] = share * np.percentile(sizes, 99.9)
    return limits


@dataclass(frozen=True)
class Overlap:
    """What of an area lies in a network.

    Attributes:
        inside: Share of the area that lies in the network.
        covered: Share of the network that belongs to the area.
    """

    inside: float
    covered: float


def network_overlap(
    above: Bool[ndarray, "vertex"],
    labels: Int[ndarray, "vertex"],
    names: Mapping[int, str],
    areas: Float[ndarray, "vertex"],
) -> dict[str, Overlap]:
    """Find how an area lies in the networks of a parcellation.

    Args:
        above: The vertices of the area.
        labels: The network of each vertex.
        names: Of the networks, by label; labels without a name are left out.
        areas: Of the vertices. [m²]

    Returns:
        By the networks' names. Shares of nothing are zero.
    """
    whole = areas[above].sum()
    found = {}
    for label, name in names.items():
        within = labels == label
        both, network = areas[above & within].sum(), areas[within].sum()
        found[name] = Overlap(
            float(both / whole) if whole > 0 else 0.0,
            float(both / network) if network > 0 else 0.0,
        )
    return found
