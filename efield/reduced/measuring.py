"""How accurate a reduced field is, and what it has seen."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped
from numpy import ndarray

from .accuracy import Accuracy
from .basis import Fit
from .drives import Drives
from .field import ReducedField
from .solving import Driven, Solving, some


_MARGIN = 1.2  # Of the largest misfit in the domain, to the limit.
_STRONGER = 1.03  # Than the strongest dA/dt in the domain, or weaker than the weakest.
_ROUNDING = {4: 3e-5, 8: 1e-9}  # Misfits that are none, by the bytes of a number.


@dataclass(frozen=True)
class Unseen:
    """Placements that only measure the error.

    Attributes:
        placed: The placements.
        fields: Solved, weighted, of norm 1.
        norms: Of the fields at 1 A/s.
        readings: dA/dt at the points.
    """

    placed: Driven
    fields: Shaped[ndarray, "unseen column"]
    norms: Float[ndarray, "unseen"]
    readings: Float[ndarray, "unseen reading"]


def measured(made: ReducedField, unseen: Unseen, solving: Solving) -> Accuracy:
    """Compare the field as it will be used with the direct solves of unseen placements."""
    relative, hot, misfit = [], [], []
    for i, channel in enumerate(unseen.placed.channels.tolist()):
        coil = solving.channels[channel].coil
        pose, rate = some(unseen.placed.poses, i), solving.drive(channel)[1]
        found = np.asarray(made.field(pose, rate, coil=coil), dtype=np.float64)
        wanted = unseen.fields[i].reshape(-1, 3).astype(np.float64)
        found = found * (solving.root / unseen.norms[i])[:, None]
        relative.append(np.linalg.norm(found - wanted))
        # Weights are of both, and leave their ratio as it is.
        large, small = np.linalg.norm(wanted, axis=1), np.linalg.norm(found, axis=1)
        peak = large / solving.root
        peak = peak > peak.max() / 2
        hot.append(np.abs(small[peak] / large[peak] - 1).max())
        misfit.append(float(made.misfit(pose, rate, coil=coil)))
    return dataclasses.replace(
        made.accuracy,
        relative=np.array(relative),
        at_hot_spots=np.array(hot),
        misfit=np.array(misfit),
    )


def with_strengths(
    solving: Solving,
    fit: Fit,
    readings: Float[ndarray, "pose reading"],
    channels: Int[ndarray, "pose"],
) -> tuple[tuple[Drives, ...], float]:
    """Note how strong dA/dt is in the domain, and how much of it is missed at most.

    Returns:
        The coils with their strengths, and the misfit beyond which a pose is outside.
    """
    rest = readings - (readings @ fit.directions.T) @ fit.directions
    sizes = np.linalg.norm(readings, axis=1)
    missed = float((np.linalg.norm(rest, axis=1) / sizes).max())
    coils = list(solving.coils)
    for number, coil in enumerate(coils):
        # Of several stimulators currents may be any: their misfit alone counts.
        if len(coil.sources) == 1:
            mine = [x.coil == number for x in solving.channels]
            these = sizes[np.array(mine)[channels]]
            strengths = (these.min() / _STRONGER, these.max() * _STRONGER)
            coils[number] = dataclasses.replace(
                coil, strengths=tuple(map(float, strengths))
            )
    rounding = _ROUNDING[solving.points.dtype.itemsize]
    return tuple(coils), _MARGIN * max(missed, rounding)
