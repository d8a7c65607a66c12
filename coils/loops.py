"""Circular turns, the elements most commercial windings are made of.

The azimuthal potential of a loop of radius a at the distance ρ from its axis is known
through complete elliptic integrals [Jackson, *Classical Electrodynamics*, 3rd ed.,
eq. 5.37]. With α, β = √((a ± ρ)² + z²), the arithmetic-geometric means of α and β, and
c₁ = (α - β)/2, cₙ₊₁ = cₙ² / (4 aₙ₊₁) [Abramowitz & Stegun, 17.6], it becomes

    A = (μ₀ / 8 M(α, β)) Σ_{n ≥ 1} 2ⁿ (cₙ/ρ)²  n × r

whose terms all have one sign and are smooth at the axis: no digit is lost there.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, ArrayLike, Float

from .coil import AbstractCoil
from .dipoles import MU0_OVER_4PI, in_blocks
from .sources import Sources


# From any α/β a double settles in so many steps: β/α is 1e-4 at a tenth of a
# micrometre from a wire, and each step doubles the digits.
_STEPS = 6

# So many rings and spokes reproduce A to 1e-3 at a quarter of the radius from the turns,
# and each further radius/10 gains a digit.
_RINGS = 8
_SPOKES = tuple(
    6 + 2 * round(16 * np.sqrt((node + 1) / 2))
    for node in np.polynomial.legendre.leggauss(_RINGS)[0]
)


class CircularTurns(AbstractCoil):
    """Concentric circular turns of one plane, in series, at a current of 1 A.

    Attributes:
        centre: Of the turns, in the frame of the coil. [m]
        axis: Unit vector; a positive current turns around it by the right hand.
        radii: Of the turns. [m]
        current: In each turn, per current in the coil: -1 for turns wound the other way,
            a fraction for a filament of a thick wire.
    """

    centre: Float[Array, "3"]
    axis: Float[Array, "3"]
    radii: Float[Array, "turn"]
    current: Float[Array, ""]

    def __init__(
        self,
        centre: ArrayLike,
        axis: ArrayLike,
        radii: ArrayLike,
        current: ArrayLike = 1.0,
    ):
        """Check and keep the turns.

        Args:
            centre: (3,). [m]
            axis: Of any length but zero, (3,).
            radii: (turns,). [m]
            current: One number.

        Raises:
            ValueError: The shapes do not fit, or there is no turn.
        """
        if jnp.shape(centre) != (3,) or jnp.shape(axis) != (3,):
            raise ValueError(
                "`centre` and `axis` must have the shape (3,), got "
                f"{jnp.shape(centre)} and {jnp.shape(axis)}."
            )
        if jnp.ndim(radii) != 1 or jnp.size(radii) == 0:
            raise ValueError(
                f"`radii` must have the shape (turns,), got {jnp.shape(radii)}."
            )
        if jnp.shape(current) != ():
            raise ValueError(
                f"`current` must be one number, got the shape {jnp.shape(current)}: turns "
                "with other currents are another element."
            )
        self.centre = jnp.asarray(centre, float)
        direction = jnp.asarray(axis, float)
        self.axis = direction / jnp.linalg.norm(direction)
        self.radii = jnp.asarray(radii, float)
        self.current = jnp.asarray(current, float)

    @eqx.filter_jit
    def vector_potential(
        self, points: Float[Array, "point 3"]
    ) -> Float[Array, "point 3"]:
        """Evaluate the vector potential at 1 A, exactly but for rounding. [T m / A]"""

        @jax.checkpoint  # Else reverse mode would keep ten values per pair.
        def at(point: Float[Array, "3"]) -> Float[Array, "3"]:
            r = point - self.centre
            turned = jnp.cross(self.axis, r)
            sizes = potential_over_rho(
                self.radii, jnp.sum(turned**2), jnp.dot(self.axis, r)
            )
            return self.current * jnp.sum(sizes) * turned

        # Some ten intermediate values per pair live at once.
        return in_blocks(jax.vmap(at), points, 10 * self.radii.shape[0])

    def sources(self) -> Sources:
        """Write the turns as a disc of dipoles, by Ampère's shell.

        All turns share the disc: where n turns go round, it has n times the moment. The
        rings of dipoles are a Gauss rule for that weight in the square of the radius, in
        which the mean of a harmonic field over a ring is smooth.
        """
        squares, moments = _ring_rule(self.radii)
        x, y = self.across()
        places, vectors = [], []
        for k, count in enumerate(_SPOKES):
            angles = 2 * np.pi * (np.arange(count) + 0.5 * (k % 2)) / count
            flat = np.cos(angles)[:, None] * x[None] + np.sin(angles)[:, None] * y[None]
            places.append(jnp.sqrt(squares[k]) * flat + self.centre[None])
            moment = self.current * moments[k] / count * self.axis
            vectors.append(jnp.broadcast_to(moment, (count, 3)))
        return Sources.of_dipoles(jnp.concatenate(places), jnp.concatenate(vectors))

    def across(self) -> tuple[Float[Array, "3"], Float[Array, "3"]]:
        """Two unit vectors in the plane of the turns, perpendicular to each other."""
        helper = jnp.where(
            jnp.abs(self.axis[0]) < 0.9,
            jnp.array([1.0, 0.0, 0.0], self.axis.dtype),
            jnp.array([0.0, 1.0, 0.0], self.axis.dtype),
        )
        x = helper - jnp.dot(helper, self.axis) * self.axis
        x = x / jnp.linalg.norm(x)
        return x, jnp.cross(self.axis, x)

    @property
    def surface_points(self) -> Float[Array, "point 3"]:
        """Points on the turns. [m]"""
        angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        x, y = self.across()
        flat = np.cos(angles)[:, None] * x[None] + np.sin(angles)[:, None] * y[None]
        rings = self.radii[:, None, None] * flat[None]
        return rings.reshape(-1, 3) + self.centre[None]


@jax.custom_jvp
def potential_over_rho(
    radius: Float[Array, "turn"],
    rho_squared: Float[Array, "*turn"],
    z: Float[Array, "*turn"],
) -> Float[Array, "turn"]:
    """Azimuthal potential of loops of 1 A over the distance from their axis. [T / A]"""
    a_squared = radius**2
    total = a_squared + rho_squared + z**2
    product = jnp.sqrt((total - 2 * a_squared) ** 2 + 4 * a_squared * z**2)  # αβ
    mean = jnp.sqrt((total + product) / 2)
    root = jnp.sqrt(product)
    square = 2 * a_squared / (total + product)  # (c₁/ρ)²
    series, factor = 2 * square, 2.0
    for _ in range(_STEPS - 1):
        mean, root = (mean + root) / 2, jnp.sqrt(mean * root)
        square = square**2 * rho_squared / (16 * mean**2)
        factor = 2 * factor
        series = series + factor * square
    return 4 * jnp.pi * MU0_OVER_4PI / 8 * series / mean


def _potential_over_rho_jvp(primals, tangents):
    """Take slopes in forward mode: reverse mode takes three times as long."""
    value, change = potential_over_rho.fun(*primals), jnp.zeros(())
    for i, tangent in enumerate(tangents):
        if not isinstance(tangent, SymbolicZero):
            along = lambda x, i=i: potential_over_rho.fun(
                *primals[:i], x, *primals[i + 1 :]
            )
            slope = jax.jvp(along, (primals[i],), (jnp.ones_like(primals[i]),))[1]
            change = change + slope * tangent
    return value, jnp.broadcast_to(change, value.shape)


potential_over_rho.defjvp(_potential_over_rho_jvp, symbolic_zeros=True)


def _ring_rule(
    radii: Float[Array, "turn"],
) -> tuple[Float[Array, "ring"], Float[Array, "ring"]]:
    """Squared radii of rings of dipoles, and the moment of each ring at 1 A.

    The Lanczos process turns the Gauss rules of all turns' discs into one of few nodes
    [Golub & Welsch, Math. Comp. 23 (1969) 221].
    """
    nodes, weights = np.polynomial.legendre.leggauss(_RINGS)
    squares = (radii[:, None] ** 2 * ((nodes + 1) / 2)[None]).ravel()
    moments = np.pi * (radii[:, None] ** 2 * (weights / 2)[None]).ravel()
    total = jnp.sum(moments)
    basis = [jnp.sqrt(moments / total)]
    diagonal, beside = [], []
    for step in range(_RINGS):
        ahead = squares * basis[-1]
        diagonal.append(jnp.dot(basis[-1], ahead))
        if step == _RINGS - 1:
            break
        for each in basis + basis:  # Twice: once would leave rounding to grow.
            ahead = ahead - jnp.dot(each, ahead) * each
        beside.append(jnp.linalg.norm(ahead))
        basis.append(ahead / beside[-1])
    off = jnp.diag(jnp.stack(beside), 1)
    values, vectors = jnp.linalg.eigh(jnp.diag(jnp.stack(diagonal)) + off + off.T)
    return values, vectors[0] ** 2 * total
