"""What makes no map, said before anything is computed."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...coils import PoseList
from .evidence import FEWEST


_SPREAD = 5e-3  # Between coil centres, at least. [m]
_TURNED = np.radians(20)  # Between coils at one position, at least. [rad]
_ABOVE = 0.1  # Of responses, at least, that reach the criterion.


def check_pulses(poses: PoseList, source: str) -> None:
    """Refuse pulses that are too few, or all at one position.

    Raises:
        ValueError: They are.
    """
    if len(poses) < FEWEST:
        raise ValueError(
            f"{source}: {len(poses)} pulses have a response; a map takes {FEWEST} at the "
            "very least, and some 100 for a sure one."
        )
    middle = np.median(poses.translations, axis=0)
    apart = np.linalg.norm(poses.translations - middle, axis=1)
    axes = poses.rotations[:, :, 1]
    turned = np.arccos(np.clip(axes @ axes[0], -1, 1))
    if np.quantile(apart, 0.9) < _SPREAD / 2 and np.quantile(turned, 0.9) < _TURNED:
        raise ValueError(
            f"{source}: nine of ten pulses are within {1e3 * _SPREAD / 2:g} mm and "
            f"{np.degrees(_TURNED):.0f}° of one pose. They show how the response grows, "
            "but not where it comes from: move and turn the coil between pulses."
        )


def check_responses(
    values: Float[ndarray, "pulse muscle"],
    names: tuple[str, ...],
    criterion: float,
    table: str,
) -> None:
    """Refuse responses that are too few, or nearly all below what is a response.

    Raises:
        ValueError: They are.
    """
    for name, column in zip(names, values.T, strict=True):
        there = column[np.isfinite(column)]
        if len(there) < FEWEST:
            raise ValueError(
                f"{table}: {name} has {len(there)} responses; a map takes {FEWEST} at the "
                "very least."
            )
        above = int((there >= criterion).sum())
        if above < max(_ABOVE * len(there), 5):
            raise ValueError(
                f"{table}: only {above} of {len(there)} responses of {name} reach "
                f"{criterion * 1e6:g} µV: nearly all are below threshold, so nothing can "
                "be mapped. Stimulate more strongly or elsewhere, or leave the muscle out."
            )
