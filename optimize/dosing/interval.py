"""How sure a dose is that matches the field of a target with that of M1 at threshold.

Conductivities are drawn once for both fields, so that what acts on both alike cancels; the
coil's errors over M1, when the threshold was taken, and over the target are independent. In
E of a region an error of placement is a parabola along each of the six ways in which a coil
moves, from placements √3 standard deviations to either side, the nodes of a quadrature
after Gauss and Hermite.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import special

from ... import efield
from ...coils import AbstractCoil, Pose
from ...efield import Conductor, PlacementSpread, UncertainTissues
from ...meshing import HeadMesh, Progress, Region
from .metrics import AbstractMetric


_NODE = np.sqrt(3.0)
_AT_ONCE = 4_000_000  # Numbers.
_AXES = 6


@dataclass(frozen=True, eq=False)
class Site:
    """A place, and the coil over it.

    Attributes:
        coil: The coil.
        pose: Where it is.
        region: Where the field counts.
    """

    coil: AbstractCoil
    pose: Pose
    region: Region


@dataclass(frozen=True, eq=False)
class DoseInterval:
    """How far the matched output may be from the planned one.

    Attributes:
        median: Of the drawn outputs, in units of the planned one.
        low: The lower end of the interval that holds 95% of them, likewise.
        high: Its upper end.
        tissues: Relative standard deviation by conductivities.
        motor: Relative standard deviation by the placement over M1.
        target: Relative standard deviation by the placement over the target.
        fields: Relative standard deviations by conductivities of the fields of M1 and of
            the target, each alone.
        draws: How many were taken.
        error: Of the fields that were drawn; relative.
    """

    median: float
    low: float
    high: float
    tissues: float
    motor: float
    target: float
    fields: tuple[float, float]
    draws: int
    error: float

    @property
    def shares(self) -> dict[str, float]:
        """Of the variance of the output's logarithm, which is a sum of three."""
        squares = {
            name: getattr(self, name) ** 2 for name in ("tissues", "motor", "target")
        }
        whole = max(sum(squares.values()), np.finfo(float).tiny)
        return {name: each / whole for name, each in squares.items()}


def matched_interval(
    head: HeadMesh,
    conductor: Conductor,
    motor: Site,
    target: Site,
    metric: AbstractMetric,
    tissues: UncertainTissues,
    spread: PlacementSpread,
    *,
    draws: int = 1024,
    seed: int = 0,
    progress: Progress | None = None,
) -> DoseInterval:
    """Find how sure the output is that gives the target the field of M1.

    Args:
        head: The head.
        conductor: Of the head.
        motor: M1, and the coil at which the threshold was taken.
        target: The target, and the coil over it.
        metric: Of the field that is made equal.
        tissues: The uncertain conductivities.
        spread: Of either placement.
        draws: How many.
        seed: Of the Sobol sequence.
        progress: Called with the share done, about, and what is being done.

    Raises:
        RuntimeError: A solver failed.
        ValueError: There are fewer than two draws.
    """
    count = len(tissues.tags)
    shares = efield.sobol(count + 2 * _AXES, draws, seed)
    values = tissues.values_at(shares[:, :count])
    errors = special.ndtri(shares[:, count:]).reshape(draws, 2, _AXES)
    logs, moved, worst = [], [], []
    for number, site in enumerate((motor, target)):
        rate = efield.rates(conductor, site.coil, site.pose)
        surrogate = efield.field_surrogate(conductor, tissues, rate, progress=progress)
        few, _ = surrogate.within(site.region)
        # The first placement is the planned one.
        placed = np.concatenate([np.zeros((1, _AXES)), errors[:, number]])
        terms, fields = _misplaced(conductor, site, spread, placed)
        plan, *off = _measured(head, terms, fields, site, metric)
        drawn = _measured(
            head, few.coefficients(values), np.asarray(few.vectors), site, metric
        )
        logs.append(np.log(drawn / plan))
        moved.append(np.log(np.array(off) / plan))
        worst.append(surrogate.error)
    tissue = logs[0] - logs[1]
    whole = np.exp(tissue + moved[0] - moved[1])
    low, median, high = np.percentile(whole, [2.5, 50.0, 97.5])
    return DoseInterval(
        float(median),
        float(low),
        float(high),
        float(tissue.std()),
        float(moved[0].std()),
        float(moved[1].std()),
        (float(logs[0].std()), float(logs[1].std())),
        draws,
        max(worst),
    )


def _misplaced(
    conductor: Conductor,
    site: Site,
    spread: PlacementSpread,
    errors: Float[ndarray, "draw 6"],
) -> tuple[Float[ndarray, "draw field"], Float[ndarray, "field some 3"]]:
    """Shares of fields in the region that make those of a misplaced coil."""
    used = np.flatnonzero(spread.axes)
    steps = np.zeros((1 + 2 * len(used), _AXES))
    for number, axis in enumerate(used):
        steps[1 + 2 * number, axis] = _NODE * spread.axes[axis]
        steps[2 + 2 * number] = -steps[1 + 2 * number]
    poses = jax.vmap(lambda step: site.pose.moved(step[:3], step[3:]))(
        jnp.asarray(steps)
    )
    some = jnp.asarray(site.region.tetrahedra)
    fields = efield.solve(conductor, site.coil, poses)
    inside = np.asarray(fields.vectors[:, some], dtype=np.float64)
    at = errors[:, used] / _NODE
    up, down = at * (at + 1) / 2, at * (at - 1) / 2
    sides = np.stack([up, down], axis=2).reshape(len(at), -1)
    return np.concatenate([1 - np.sum(at**2, axis=1)[:, None], sides], axis=1), inside


def _measured(
    head: HeadMesh,
    shares: Float[ndarray, "draw field"],
    fields: Float[ndarray, "field some 3"],
    site: Site,
    metric: AbstractMetric,
) -> Float[ndarray, "draw"]:
    """Measure sums of fields in the region, some at a time."""
    flat = np.asarray(fields, dtype=np.float64).reshape(len(fields), -1)
    size = int(np.clip(_AT_ONCE // flat.shape[1], 1, len(shares)))
    parts = [
        metric.of_draws(head, (some @ flat).reshape(len(some), -1, 3), site.region)
        for some in np.split(shares, range(size, len(shares), size))
    ]
    return np.concatenate(parts)
