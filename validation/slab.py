"""The exact field in a slab of anisotropic layers beneath a periodic array of coils.

Sources above the slab, that alternate with the wave numbers p and q, have the potential

    ∂A/∂t = b (q sin px cos qy, -p cos px sin qy, 0) exp(κ z),    κ² = p² + q²,

of which both divergence and Laplacian are zero, as those of any coil outside [Jackson,
*Classical Electrodynamics*, 3rd ed., eq. 5.16 and 5.31, and separation of variables, §2.9].
In a layer that conducts with σx, σy and σz along the axes, φ = b cos px cos qy f(z) with

    σz f'' - (σx p² + σy q²) f = -(σx - σy) p q exp(κ z),

so that f = P exp(κ z) + c exp(μ z) + d exp(-μ z) with μ² = (σx p² + σy q²) / σz and
P = -(σx - σy) p q / (σz κ² - σx p² - σy q²). Both f and σz f' are continuous, and f' is
zero at both faces. As neither ∂A/∂t nor ∇φ crosses the planes at multiples of π/p and π/q,
a brick between such planes has the same field. Where the layers are isotropic across z no
charges arise, whatever σz: f = 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from numpy import ndarray


_RESONANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Slab:
    """Layers along z, the lowest from z = 0, beneath an alternating source.

    Attributes:
        heights: Thickness of each layer, from the lowest. [m]
        conductivities: Of each layer along x, y and z, (3,). [S/m]
        waves: p and q. [rad/m]
        strength: b, with which ∂A/∂t at the upper face is of the size b κ / 2. [V]
    """

    heights: Sequence[float]
    conductivities: Sequence[Sequence[float]]
    waves: tuple[float, float]
    strength: float

    def __post_init__(self):
        if len(self.heights) != len(self.conductivities) or min(self.heights) <= 0:
            raise ValueError(
                "`heights` must be positive, with three conductivities for each layer."
            )
        along, below = self._forcing
        if ((np.abs(below) < _RESONANCE * along) & (self._difference != 0)).any():
            raise ValueError(
                "`conductivities` of a layer are in resonance with `waves`: another "
                "solution holds."
            )

    def rate(self, points: Float[ndarray, "point 3"]) -> Float[ndarray, "point 3"]:
        """Evaluate ∂A/∂t. [V/m]"""
        (p, q), (x, y, z) = self.waves, points.T
        size = self.strength * np.exp(self._kappa * (z - self._top))
        along = q * np.sin(p * x) * np.cos(q * y) * size
        across = -p * np.cos(p * x) * np.sin(q * y) * size
        return np.stack([along, across, 0 * z], axis=1)

    def field(self, points: Float[ndarray, "point 3"]) -> Float[ndarray, "point 3"]:
        """Evaluate the exact E = -∂A/∂t - ∇φ. [V/m]"""
        (p, q), (x, y, z) = self.waves, points.T
        layer = np.searchsorted(np.cumsum(self.heights)[:-1], z)
        f, slope = self._profile(z, layer)
        gradient = self.strength * np.stack(
            [
                -p * np.sin(p * x) * np.cos(q * y) * f,
                -q * np.cos(p * x) * np.sin(q * y) * f,
                np.cos(p * x) * np.cos(q * y) * slope,
            ],
            axis=1,
        )
        return -self.rate(points) - gradient

    @property
    def _kappa(self) -> float:
        return float(np.hypot(*self.waves))

    @property
    def _top(self) -> float:
        return float(np.sum(self.heights))

    @property
    def _difference(self) -> Float[ndarray, "layer"]:
        values = np.asarray(self.conductivities, float)
        return values[:, 0] - values[:, 1]

    @property
    def _forcing(self) -> tuple[ndarray, ndarray]:
        """σx p² + σy q², and what P is divided by."""
        values, (p, q) = np.asarray(self.conductivities, float), self.waves
        along = values[:, 0] * p**2 + values[:, 1] * q**2
        return along, values[:, 2] * self._kappa**2 - along

    @cached_property
    def _parts(self) -> tuple[ndarray, ndarray, ndarray]:
        """P, μ, and the weights of both exponentials, by layer."""
        along, below = self._forcing
        p, q = self.waves
        safe = np.where(self._difference == 0, 1.0, below)
        own = -self._difference * p * q / safe
        mu = np.sqrt(along / np.asarray(self.conductivities, float)[:, 2])
        return own, mu, self._weights(own, mu)

    def _profile(
        self, z: Float[ndarray, "point"], layer: ndarray
    ) -> tuple[ndarray, ndarray]:
        """Return f and f'."""
        own, mu, weights = self._parts
        low, high = self._ends
        up = weights[0, layer] * np.exp(mu[layer] * (z - high[layer]))
        down = weights[1, layer] * np.exp(-mu[layer] * (z - low[layer]))
        forced = own[layer] * np.exp(self._kappa * (z - self._top))
        return up + down + forced, mu[layer] * (up - down) + self._kappa * forced

    @property
    def _ends(self) -> tuple[ndarray, ndarray]:
        tops = np.cumsum([0.0, *self.heights])
        return tops[:-1], tops[1:]

    def _weights(self, own: ndarray, mu: ndarray) -> Float[ndarray, "2 layer"]:
        count, sigma = len(mu), np.asarray(self.conductivities, float)[:, 2]
        matrix, rhs = np.zeros((2 * count, 2 * count)), np.zeros(2 * count)
        low, high = self._ends
        thin = np.exp(-mu * (high - low))
        forced = lambda layer, z: own[layer] * np.exp(self._kappa * (z - self._top))
        # f' of both exponentials at the lower and the upper end of a layer.
        below, above = (
            np.stack([mu * thin, -mu], axis=1),
            np.stack([mu, -mu * thin], axis=1),
        )
        matrix[0, :2], rhs[0] = below[0], -self._kappa * forced(0, low[0])
        matrix[-1, -2:] = above[-1]
        rhs[-1] = -self._kappa * forced(count - 1, high[-1])
        for i in range(count - 1):
            rows, mine, other = 2 * i + 1, slice(2 * i, 2 * i + 2), i + 1
            theirs = slice(2 * other, 2 * other + 2)
            matrix[rows, mine], matrix[rows, theirs] = (1, thin[i]), (-thin[other], -1)
            rhs[rows] = forced(other, high[i]) - forced(i, high[i])
            matrix[rows + 1, mine] = sigma[i] * above[i]
            matrix[rows + 1, theirs] = -sigma[other] * below[other]
            rhs[rows + 1] = self._kappa * (
                sigma[other] * forced(other, high[i]) - sigma[i] * forced(i, high[i])
            )
        scale = np.abs(matrix).max(axis=1)
        return np.linalg.solve(matrix / scale[:, None], rhs / scale).reshape(-1, 2).T
