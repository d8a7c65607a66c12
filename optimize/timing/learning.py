"""How to decide on pulses, learned from a recording before the first of them."""

import math
from collections.abc import Callable

from jaxtyping import Float
from numpy import ndarray

from .decisions import PulseRule
from .phase import AbstractPhaseEstimator, BandPass
from .pieces import Pieces
from .replay import aim_for, least_amplitude


# Chooses what gives the phase for a person, as `tuned` and `educate` do: of a training
# recording, a band, and `pieces=` of the recording.
LearnsPhase = Callable[..., AbstractPhaseEstimator]
_EVERY = 0.1  # Between the amplitudes that a gate is chosen from. [s]


def learned_rule(
    training: Float[ndarray, "time"],
    band: BandPass,
    learn: LearnsPhase,
    target: float,
    *,
    hop: float = 0.004,
    latency: float = 0.005,
    refractory: float = 1.0,
    share: float = 0.0,
    top: float = 1.0,
    blanking: float = 0.0,
    pieces: Pieces | None = None,
) -> PulseRule:
    """Learn from a training recording how to decide on pulses.

    Args:
        training: Before the first pulse, a minute or more.
        band: The rhythm's.
        learn: What learns to estimate its phase: `tuned` or `educate`.
        target: Phase to meet; 0 is a peak. [rad]
        hop: As in `PulseRule`. [s]
        latency: As in `PulseRule`. [s]
        refractory: As in `PulseRule`. [s]
        share: No pulse comes at an amplitude that this share of the training does not
            reach; 0 for pulses at any.
        top: Nor at one that this share does not exceed; 1 for no such bound.
        blanking: As in `PulseRule`. [s]
        pieces: Of the recording that may be used; by default all of it.

    Raises:
        ValueError: The recording is too short, or a setting out of range.
    """
    if not share < top:
        raise ValueError(
            f"`top` must be above `share`, got {top:g} and {share:g}: no amplitude is "
            "between them."
        )
    estimator = learn(training, band, pieces=pieces)
    device = {"hop": hop, "latency": latency}
    aim = aim_for(training, band, estimator, target, **device, pieces=pieces)
    every = round(_EVERY * band.rate)
    bound = lambda at: least_amplitude(training, estimator, at, every, pieces)
    return PulseRule(
        band,
        estimator,
        aim,
        refractory=refractory,
        gate=bound(share) if share else 0.0,
        ceiling=bound(top) if top < 1 else math.inf,
        blanking=blanking,
        **device,
    )
