"""What a placement is worth when the coil will not be quite where it was planned.

The expectation over Gaussian errors is a cubature of degree three: with n errors, the mean
of 2n placements √n standard deviations to either side [Stroud 1971, *Approximate
Calculation of Multiple Integrals*, Eₙ^(r²) 3-1]. The worst case is a smooth minimum over
the border of the errors that must be reckoned with: an objective falls off ever more
steeply from its maximum, so the least value lies there.
"""

import abc
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray


# Mean errors of navigated TMS: 3.6 mm and 1° [Nieminen et al. 2022, doi:10.1088/1741-2552/
# aca71a, total coregistration accuracies of 2.2 to 3.6 mm and 1°]. The mean length of a
# two-dimensional Gaussian error is √(π/2) standard deviations, that of a one-dimensional
# one √(2/π).
POSITION_ERROR = 3.6e-3 / np.sqrt(np.pi / 2)  # Standard deviation along each axis. [m]
ANGLE_ERROR = np.radians(1.0) / np.sqrt(2 / np.pi)  # [rad]

_DIRECTIONS = 8
_SOFTNESS = 5e-3  # Of the smooth minimum, relative to the planned value.


class AbstractUncertainty(eqx.Module):
    """Errors of placement: standard deviations, and what is made of the values.

    Attributes:
        position: Of the position along the scalp, along each of two axes. [m]
        angle: Of the in-plane angle. [rad]
        tilt: Of the tilts about the coil's x and y axes. [rad]
    """

    position: eqx.AbstractVar[float]
    angle: eqx.AbstractVar[float]
    tilt: eqx.AbstractVar[float]

    def __check_init__(self):
        for name in ("position", "angle", "tilt"):
            value = getattr(self, name)
            if not (np.isfinite(value) and 0 <= value <= 0.5):
                raise ValueError(
                    f"`{name}` must be a standard deviation in m or rad, not negative, "
                    f"got {value!r}."
                )
        if self.position == 0 and self.angle == 0 and self.tilt == 0:
            raise ValueError("all errors of placement are zero: leave them out.")

    @abc.abstractmethod
    def errors(self) -> Float[ndarray, "case 5"]:
        """Cases to evaluate: two positions [m], an angle and two tilts [rad]."""

    @abc.abstractmethod
    def combined(
        self, values: Float[Array, "case"], planned: Float[Array, ""]
    ) -> Float[Array, ""]:
        """Make one value of the cases' and the planned placement's."""

    def rate(
        self,
        value: Callable[[Float[Array, "5"]], Float[Array, ""]],
        planned: Float[Array, "5"],
    ) -> Float[Array, ""]:
        """Rate a planned placement.

        Args:
            value: Of a placement: two positions [m], an angle and two tilts [rad].
            planned: The same of the planned one.
        """
        cases = planned[None] + jnp.asarray(self.errors(), planned.dtype)
        return self.combined(jax.lax.map(value, cases), value(planned))


class Expected(AbstractUncertainty):
    """The expectation over Gaussian errors.

    Attributes:
        position: Standard deviation along each of two axes of the scalp. [m]
        angle: Standard deviation. [rad]
        tilt: Standard deviation about the coil's x and y axes. [rad]
    """

    position: float = eqx.field(static=True, default=float(POSITION_ERROR))
    angle: float = eqx.field(static=True, default=float(ANGLE_ERROR))
    tilt: float = eqx.field(static=True, default=0.0)

    def errors(self) -> Float[ndarray, "case 5"]:
        """Points of the cubature."""
        every = np.diag([self.position] * 2 + [self.angle] + [self.tilt] * 2)
        used = every[every.any(axis=1)]
        return np.sqrt(len(used)) * np.concatenate([used, -used])

    def combined(
        self, values: Float[Array, "case"], planned: Float[Array, ""]
    ) -> Float[Array, ""]:
        """Return the mean."""
        return jnp.mean(values)


class WorstCase(AbstractUncertainty):
    """The least value within so many standard deviations of position and angles.

    Attributes:
        position: Standard deviation along each of two axes of the scalp. [m]
        angle: Standard deviation. [rad]
        tilt: Standard deviation about the coil's x and y axes. [rad]
        extent: How many standard deviations are reckoned with.
    """

    position: float = eqx.field(static=True, default=float(POSITION_ERROR))
    angle: float = eqx.field(static=True, default=float(ANGLE_ERROR))
    tilt: float = eqx.field(static=True, default=0.0)
    extent: float = eqx.field(static=True, default=2.0)

    def errors(self) -> Float[ndarray, "case 5"]:
        """Points on the border: a circle of positions, at either end of the angle."""
        turn = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
        circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        whole = np.array([0.0])
        positions = self.position * circle if self.position > 0 else np.zeros((1, 2))
        angles = self.angle * np.array([-1.0, 1.0]) if self.angle > 0 else whole
        tilts = self.tilt * circle[::2] if self.tilt > 0 else np.zeros((1, 2))
        cases = [[*p, a, *t] for p in positions for a in angles for t in tilts]
        return self.extent * np.array(cases)

    def combined(
        self, values: Float[Array, "case"], planned: Float[Array, ""]
    ) -> Float[Array, ""]:
        """Return the minimum, made smooth: at most that."""
        scale = _SOFTNESS * jax.lax.stop_gradient(jnp.abs(planned)) + 1e-12
        return -scale * jax.nn.logsumexp(-values / scale)
