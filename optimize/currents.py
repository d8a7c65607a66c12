"""Several stimulators on one coil: the currents that serve a target best.

E is linear in the currents. The component along a direction is maximised, or the squared
distance to a wanted vector minimised, over currents that keep to their stimulators' limits
and to limits of |E| elsewhere: the root of its mean square over a region, which is the norm
of a linear function of the currents. Both problems are convex [Boyd & Vandenberghe 2004,
*Convex Optimization*, ch. 4], so what is found is the best there is. The largest norm is
found by turning the direction towards the field until it stays [the convex-concave
procedure, Yuille & Rangarajan 2003, doi:10.1162/08997660360581958], from several starts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from ..coils import Coil, Pose
from ..efield import Reciprocal
from ..meshing import Scalp
from .objectives import (
    AbstractObjective,
    MeanComponent,
    MeanMagnitude,
    NormalComponent,
)
from .results import Search
from .search import find_pose


_TURNS = 30  # Of the direction.
_STARTS = 8
_SAME = 1e-6


@dataclass(frozen=True)
class Currents:
    """The best currents.

    Attributes:
        rates: dI/dt of each stimulator. [A/s]
        field: What they give the target: the mean vector. [V/m]
        value: Of the component or norm, or minus the distance to the wanted vector. [V/m]
        avoided: Root mean square of |E| in each region to avoid. [V/m]
        bound_by: The limits that keep from more, in words.
    """

    rates: Float[ndarray, "stimulator"]
    field: Float[ndarray, "direction"]
    value: float
    avoided: Float[ndarray, "region"]
    bound_by: tuple[str, ...]


def fields_by_stimulator(
    reciprocal: Reciprocal, coil: Coil, pose: Pose, current_rate: float = 1e6
) -> Float[ndarray, "stimulator direction"]:
    """Evaluate what each stimulator alone gives, at one current rate [A/s]. [V/m]"""
    alone = np.eye(coil.stimulator_count)
    return np.stack(
        [
            np.asarray(reciprocal.mean_field(coil.driven(rates), pose, current_rate))
            for rates in alone
        ]
    )


def best_currents(
    fields: Float[ndarray, "stimulator direction"],
    highest: float | Float[ndarray, "stimulator"],
    *,
    direction: ArrayLike | None = None,
    wanted: ArrayLike | None = None,
    avoided: Sequence[Float[ndarray, "stimulator mode"]] = (),
    limits: Sequence[float] = (),
    current_rate: float = 1e6,
) -> Currents:
    """Choose the dI/dt of each stimulator.

    Args:
        fields: What each alone gives the target at the current rate. [V/m]
        highest: The largest dI/dt of each, of either sign, (stimulators,). [A/s]
        direction: Maximise the component along it; without it and `wanted`, the norm.
        wanted: Come as near to this vector as possible, with the least currents. [V/m]
        avoided: The coefficients of the modes (`FieldModes`) of regions to avoid that each
            stimulator alone gives at the current rate. [V/m]
        limits: Of the root mean square of |E| there. [V/m]
        current_rate: Of `fields` and `avoided`. [A/s]

    Raises:
        ValueError: The numbers do not fit each other.
    """
    most = np.broadcast_to(np.asarray(highest, float), (len(fields),)) / current_rate
    if not (np.isfinite(most).all() and (most > 0).all()):
        raise ValueError(f"`highest` must be positive and finite, got {highest!r}.")
    if len(avoided) != len(limits) or not all(limit > 0 for limit in limits):
        raise ValueError(
            f"`limits` must be {len(avoided)} positive numbers in V/m, got {limits!r}."
        )
    if direction is not None and wanted is not None:
        raise ValueError("give `direction` or `wanted`, not both.")
    problem = _Problem(np.asarray(fields, float), most, list(avoided), list(limits))
    if wanted is not None:
        aim = np.asarray(wanted, float)
        currents = problem.nearest(aim)
        value = -float(np.linalg.norm(currents @ problem.fields - aim))
    elif direction is not None:
        unit = np.asarray(direction, float) / np.linalg.norm(np.asarray(direction))
        currents = problem.along(unit)
        value = float(currents @ problem.fields @ unit)
    else:
        currents = problem.strongest()
        value = float(np.linalg.norm(currents @ problem.fields))
    return Currents(
        currents * current_rate,
        currents @ problem.fields,
        value,
        np.array([np.linalg.norm(currents @ each) for each in avoided]),
        problem.binding(currents),
    )


def find_pose_and_currents(
    objective: AbstractObjective,
    coil: Coil,
    scalp: Scalp,
    highest: float | Float[ndarray, "stimulator"],
    *,
    rounds: int = 4,
    gain: float = 1e-4,
    **options,
) -> tuple[Search, Currents]:
    """Find pose and currents together, for the strongest mean field in a target.

    Poses are searched for at given currents, and currents chosen at the pose found, in
    turn: neither step ever loses. Starts from all stimulators at their highest.

    Args:
        objective: `MeanMagnitude`, `MeanComponent` or `NormalComponent`.
        coil: With several stimulators.
        scalp: Of the head.
        highest: The largest dI/dt of each stimulator, (stimulators,). [A/s]
        rounds: At most so many.
        gain: A smaller relative gain ends the search.
        options: As for `find_pose`, such as `domain`.

    Returns:
        The last search that gained, and the best currents at its pose: their value is the
        search's or, by less than `gain`, better.

    Raises:
        ValueError: As `find_pose` and `best_currents`, or for another objective.
    """
    along = _direction(objective)
    count = coil.stimulator_count
    most = np.broadcast_to(np.asarray(highest, float), (count,))
    rates, value = most / 1e6, -np.inf
    best = None
    for _ in range(rounds):
        found = find_pose(objective, coil.driven(jnp.asarray(rates)), scalp, **options)
        fields = fields_by_stimulator(objective.reciprocal, coil, found.pose)
        currents = best_currents(fields, most, direction=along)
        if best is None or currents.value > value:
            best = (found, currents)
        if currents.value <= value * (1 + gain):
            break
        rates, value = currents.rates / 1e6, currents.value
    assert best is not None
    return best


def _direction(objective: AbstractObjective) -> ndarray | None:
    """The direction of a component, or None for the norm."""
    if isinstance(objective, MeanMagnitude):
        return None
    if isinstance(objective, MeanComponent):
        return np.asarray(objective.direction)
    if isinstance(objective, NormalComponent):
        return np.array([objective.sign])
    raise ValueError(
        f"currents are chosen for `MeanMagnitude`, `MeanComponent` or `NormalComponent`, "
        f"not for {type(objective).__name__}: search the pose for it, then take "
        "`best_currents` with the fields of `fields_by_stimulator`."
    )


class _Problem:
    """Currents in units of the current rate, within limits."""

    def __init__(
        self,
        fields: ndarray,
        most: ndarray,
        avoided: list[ndarray],
        limits: list[float],
    ):
        self.fields, self.most = fields, most
        self._avoided, self._limits = avoided, limits

    def along(self, unit: ndarray) -> ndarray:
        """Maximise the component along a unit vector."""
        gains = self.fields @ unit
        at_limits = np.sign(gains) * self.most
        if self._allows(at_limits):
            return at_limits
        scale = np.abs(gains) @ self.most
        return self._solved(lambda c: (-(c @ gains) / scale, -gains / scale))

    def nearest(self, aim: ndarray) -> ndarray:
        """Come as near to a vector as possible, with the least currents among equals."""
        scale = float(aim @ aim)
        little = 1e-9 / (self.most @ self.most)

        def both(c: ndarray) -> tuple[float, ndarray]:
            rest = c @ self.fields - aim
            value = float(rest @ rest / scale + little * (c @ c))
            return value, 2 * self.fields @ rest / scale + 2 * little * c

        return self._solved(both)

    def strongest(self) -> ndarray:
        """Maximise the norm."""
        rng = np.random.default_rng(0)
        size = self.fields.shape[1]
        starts = np.concatenate([np.eye(size), rng.normal(size=(_STARTS, size))])
        found = [self._turned(start / np.linalg.norm(start)) for start in starts]
        return max(found, key=lambda c: float(np.linalg.norm(c @ self.fields)))

    def _turned(self, unit: ndarray) -> ndarray:
        currents = self.along(unit)
        for _ in range(_TURNS):
            field = currents @ self.fields
            length = np.linalg.norm(field)
            if length == 0 or np.linalg.norm(field / length - unit) < _SAME:
                break
            unit = field / length
            currents = self.along(unit)
        return currents

    def binding(self, currents: ndarray) -> tuple[str, ...]:
        """Name the limits that are reached."""
        shown = [
            f"stimulator {index}"
            for index in np.flatnonzero(np.abs(currents) > 0.999 * self.most)
        ]
        shown += [
            f"the limit of {limit:g} V/m in region {index}"
            for index, (each, limit) in enumerate(
                zip(self._avoided, self._limits, strict=True)
            )
            if np.linalg.norm(currents @ each) > 0.999 * limit
        ]
        return tuple(shown)

    def _allows(self, currents: ndarray) -> bool:
        return all(
            np.linalg.norm(currents @ each) <= limit
            for each, limit in zip(self._avoided, self._limits, strict=True)
        )

    def _solved(self, both) -> ndarray:
        # Currents as shares of their limits: the problem is then scaled well.
        def scaled(x: ndarray) -> tuple[float, ndarray]:
            value, gradient = both(x * self.most)
            return value, gradient * self.most

        constraints = []
        for each, limit in zip(self._avoided, self._limits, strict=True):
            table = self.most[:, None] * each / limit
            constraints.append(
                {
                    "type": "ineq",
                    "fun": lambda x, t=table: 1 - np.sum((x @ t) ** 2),
                    "jac": lambda x, t=table: -2 * t @ (x @ t),
                }
            )
        found = minimize(
            scaled,
            np.zeros(len(self.most)),
            jac=True,
            bounds=[(-1.0, 1.0)] * len(self.most),
            constraints=constraints,
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 300},
        )
        currents = np.clip(found.x, -1, 1) * self.most
        # Rounding must not break a limit.
        over = [
            np.linalg.norm(currents @ each) / limit
            for each, limit in zip(self._avoided, self._limits, strict=True)
        ]
        return currents / max(1.0, *over, 1.0)
