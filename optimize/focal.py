"""How focal a field is that is known everywhere, such as that of a direct solution."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray


def focality_of(
    magnitude: Float[ndarray, "place"],
    weights: Float[ndarray, "place"],
    target: Float[ndarray, "place"],
) -> float:
    """Divide the mean of |E| in a target by that elsewhere, as `FocalityEverywhere` does.

    Args:
        magnitude: |E| at all places. [V/m]
        weights: How much each place counts.
        target: How much of each belongs to the target, from 0 to 1.
    """
    inside, outside = weights * target, weights * (1 - target)
    mean = inside @ magnitude / inside.sum()
    return float(mean / (outside @ magnitude / outside.sum()))


def overlap_of(
    magnitude: Float[ndarray, "place"],
    weights: Float[ndarray, "place"],
    network: Float[ndarray, "place"],
    hottest: float = 0.01,
) -> float:
    """Find which share of the hottest tissue belongs to a network, with a sharp edge.

    As in TANS [Lynch et al. 2022, doi:10.1016/j.neuron.2022.08.012]. The place at the edge
    counts as far as it is needed.

    Args:
        magnitude: |E| at all places. [V/m]
        weights: How much each place counts.
        network: How much of each belongs to the network, from 0 to 1.
        hottest: The share of the tissue that is the hot spot.
    """
    order = np.argsort(-magnitude)
    sizes = weights[order] / weights.sum()
    before = np.cumsum(sizes) - sizes
    hot = np.clip(hottest - before, 0, sizes)
    return float(hot @ network[order] / hot.sum())
