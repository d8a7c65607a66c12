"""`tmsgrad map motor --next`: pulses that separate best the places that are left."""

import jax
import numpy as np

from ...coils import PoseList
from ...optimize import mapping
from ...optimize.mapping import PulseFields, ResponseMap
from ..results.motor_result import Proposed
from .map_request import MotorRequest
from .map_session import Session


_POSES = 400  # To choose from.
_SEED = 77  # Of these: others than those that the basis was made of.
_DRAWS = 300  # Places with curves that predict.
_SHARES = (0.1, 0.5, 0.9)  # Quantiles of the pulses' dI/dt, to choose from as well.


def propose(
    request: MotorRequest, session: Session, maps: list[ResponseMap]
) -> Proposed:
    """Choose poses and dI/dt for the muscle whose place is known least.

    No dI/dt is higher than nine of ten pulses had it.
    """
    patch = session.patch
    spreads = [float(patch.areas[each.region].sum()) for each in maps]
    chosen = int(np.argmax(spreads))
    known = maps[chosen]
    drawn = known.drawn(_DRAWS)
    poses = session.domain(_POSES, _SEED)
    used, number = np.unique(drawn[0], return_inverse=True)
    part = session.basis.subset(used)
    fields = PulseFields(np.asarray(part.field(poses, 1e6)), patch.normals[used])
    at_unit = getattr(fields, request.component)[number] * 1e-6
    rates = np.unique(np.quantile(session.rates, _SHARES))
    every = np.concatenate([at_unit * rate for rate in rates], axis=1)
    best, gains = mapping.next_pulses(
        known, every, drawn, request.proposed, patch.positions
    )
    placed = jax.tree.map(lambda x: np.asarray(x)[best % _POSES], poses)
    didt = rates[best // _POSES]
    names = [f"next {i + 1}, {rate / 1e6:.3g} A/µs" for i, rate in enumerate(didt)]
    listed = PoseList.of_matrices(
        placed.to_matsimnibs(), names, groups=["target"] * len(best), current_rates=didt
    )
    return Proposed(session.responses.names[chosen], listed, gains, session.maximum)
