"""How uncertain a target's field is when the coil is not exactly where it should be.

Coils are placed, tracked and registered with errors. By reciprocity the value of another
placement costs a sum, so means over all errors are taken by quadrature: three nodes of
Gauss and Hermite for each of the six ways in which a coil can move.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from ..coils import AbstractCoil, Pose
from .placements import mean_fields
from .reciprocity import Reciprocal
from .uncertainty import Uncertainty


_NODES = np.sqrt(3) * np.array([-1.0, 0.0, 1.0])
_WEIGHTS = np.array([1.0, 4.0, 1.0]) / 6
_GROUPS = {"position": (0, 1), "distance": (2,), "angle": (5,), "tilt": (3, 4)}


@dataclass(frozen=True)
class PlacementSpread:
    """Standard deviations of where a coil is, in its own frame, all independent.

    The standard values are ours: what is left with neuronavigation in good hands. Caulfield
    et al. 2022 (doi:10.1016/j.brs.2022.08.013) found 0.3 mm and 0.3° from the marker of
    the navigation system, which does not count how well head and image are aligned, and
    10.7 mm, 7.8° tilt and 6.0° turn where a cap guides the coil. Take your laboratory's.

    Attributes:
        position: Along the coil's x and y axes, each. [m]
        distance: Along its z axis. [m]
        angle: About its z axis. [rad]
        tilt: About its x and y axes, each. [rad]
    """

    position: float = 2e-3
    distance: float = 1e-3
    angle: float = np.radians(3.0)
    tilt: float = np.radians(3.0)

    def __post_init__(self):
        """Refuse what is no standard deviation of a coil at the head."""
        for name, limit, unit in (
            ("position", 0.02, "m"),
            ("distance", 0.01, "m"),
            ("angle", 0.5, "rad"),
            ("tilt", 0.3, "rad"),
        ):
            if not 0 <= getattr(self, name) <= limit:
                raise ValueError(
                    f"`{name}` must lie between 0 and {limit:g} {unit}, got "
                    f"{getattr(self, name)!r}."
                )

    @property
    def axes(self) -> Float[ndarray, "6"]:
        """Of shifts along x, y, z [m] and turns about x, y, z [rad]."""
        return np.array(
            [*[self.position] * 2, self.distance, *[self.tilt] * 2, self.angle]
        )


def misplacement(
    reciprocal: Reciprocal,
    coil: AbstractCoil,
    pose: Pose,
    value: Callable[[Float[Array, "direction"]], Float[Array, ""]],
    spread: PlacementSpread,
    current_rate: float = 1e6,
) -> Uncertainty:
    """Propagate errors of a placement to a value of the target's mean field.

    Args:
        reciprocal: Of the target, or an `equivalent` of it, which is faster.
        coil: The coil.
        pose: Where it should be.
        value: Of the mean field, such as its norm.
        spread: How far it may be from there.
        current_rate: dI/dt. [A/s]

    Returns:
        Of position, distance, angle and tilt. The interval is a normal one.
    """
    grid = np.stack(np.meshgrid(*[_NODES] * 6, indexing="ij"), axis=-1).reshape(-1, 6)
    moves = jnp.asarray(grid * spread.axes)
    poses = jax.vmap(lambda move: pose.moved(move[:3], move[3:]))(moves)
    means = mean_fields(
        reciprocal, coil, poses, np.full(len(grid), float(current_rate))
    )
    values = np.asarray(jax.vmap(value)(jnp.asarray(means))).reshape([3] * 6)
    mean = float(_averaged(values, range(6)))
    variance = float(_averaged((values - mean) ** 2, range(6)))
    alone, total = [], []
    for axes in _GROUPS.values():
        others = [axis for axis in range(6) if axis not in axes]
        given = _averaged(values, others)
        alone.append(float(_averaged((given - mean) ** 2, range(given.ndim))))
        without = _averaged(values, axes)
        rest = float(_averaged((without - mean) ** 2, range(without.ndim)))
        total.append(variance - rest)
    least = max(variance, np.finfo(float).tiny)
    deviation = float(np.sqrt(variance))
    return Uncertainty(
        tuple(_GROUPS),
        np.asarray(mean),
        np.asarray(deviation),
        np.asarray(mean - 1.96 * deviation),
        np.asarray(mean + 1.96 * deviation),
        np.array(alone) / least,
        np.array(total) / least,
        0,
    )


def _averaged(values: ndarray, axes) -> ndarray:
    """Average over some axes with the weights of the quadrature."""
    for axis in sorted(axes, reverse=True):
        values = np.tensordot(values, _WEIGHTS, axes=([axis], [0]))
    return np.asarray(values)
