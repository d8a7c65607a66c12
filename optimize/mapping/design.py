"""Which pulses to give next: those that say most about the place.

Places and curves drawn from what is known predict the response to each pose. Where they
disagree by more than the noise, a pulse decides between them. For logarithms that are about
normal, what pulses say together is the determinant of the predictions' covariance [the
D-optimality of Chaloner & Verdinelli 1995, doi:10.1214/ss/1177009939], and the best next
pulse after those that are chosen is a pivot of its Cholesky factorisation.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from .evidence import ResponseMap
from .fitting import predicted


DRAWS = 400  # Places with curves that predict.
_NEIGHBOURHOOD = 2e-3  # Curves of places so near are those of one place. [m]


def next_pulses(
    known: ResponseMap,
    fields: Float[ndarray, "draw pulse"],
    drawn: tuple[ndarray, ndarray],
    count: int,
    positions: Float[ndarray, "place 3"],
) -> tuple[Int[ndarray, "chosen"], Float[ndarray, "chosen"]]:
    """Choose pulses that separate the places that are left.

    Args:
        known: From the pulses so far.
        fields: Of the pulses to choose from, at the drawn places. [V/m]
        drawn: Places and curves, from `known.drawn`.
        count: How many to choose.
        positions: Of all places. [m]

    Returns:
        Which, the most telling first, and what each adds, in nats.

    Raises:
        ValueError: There are fewer to choose from.
    """
    if count > fields.shape[1]:
        raise ValueError(
            f"`count` is {count}, but there are only {fields.shape[1]} pulses."
        )
    places, parameters = drawn
    relative = fields / known.fit.references[places][:, None]
    said = predicted(known.fit.curve, parameters, relative)
    noise = float(known.fit.noise[known.optimum])
    return _pivots(_of_places(said, positions[places]) / noise, count)


def _of_places(
    said: Float[ndarray, "draw pulse"], at: Float[ndarray, "draw 3"]
) -> Float[ndarray, "draw pulse"]:
    """Leave of predictions what differs between places, not between curves of one."""
    apart = np.linalg.norm(at[:, None] - at[None], axis=2)
    near = np.exp(-((apart / _NEIGHBOURHOOD) ** 2) / 2)
    smooth = near @ said / near.sum(axis=1, keepdims=True)
    return smooth - smooth.mean(axis=0)


def _pivots(
    scores: Float[ndarray, "draw pulse"], count: int
) -> tuple[Int[ndarray, "chosen"], Float[ndarray, "chosen"]]:
    left = scores / np.sqrt(len(scores))
    chosen, gains = [], []
    for _ in range(count):
        variance = (left**2).sum(axis=0)
        variance[chosen] = -1.0  # Another pulse there says less than its first.
        best = int(np.argmax(variance))
        chosen.append(best)
        gains.append(0.5 * np.log1p(max(variance[best], 0.0)))
        column = left[:, best].copy()
        size = column @ column
        # What the pulse decides is known from then on, but for its noise.
        shrink = 1 - 1 / np.sqrt(1 + size) if size > 0 else 0.0
        left -= np.outer(column, column @ left) * (shrink / max(size, 1e-30))
    return np.array(chosen), np.array(gains)
