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

# Values per point that live at once, three times over: blocks of points fit the cache.
_LIVE = 128

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

        def block(chunk: Float[Array, "chunk 3"]) -> Float[Array, "chunk 3"]:
            r = chunk - self.centre[None]
            turned = jnp.cross(self.axis[None], r)
            rho_squared, z = jnp.sum(turned**2, axis=1), r @ self.axis
            sizes = _of_all(self.radii, rho_squared, z**2)
            return self.current * sizes[:, None] * turned

        return in_blocks(block, points, _LIVE)

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


def potential_over_rho(
    radius: Float[Array, "*turn"],
    rho_squared: Float[Array, "*turn"],
    z_squared: Float[Array, "*turn"],
) -> Float[Array, "*turn"]:
    """Azimuthal potential of loops of 1 A over the distance from their axis. [T / A]"""
    return _with_slopes(radius, rho_squared, z_squared, ())[0]


@jax.custom_jvp
def _of_all(
    radii: Float[Array, "turn"],
    rho_squared: Float[Array, "point"],
    z_squared: Float[Array, "point"],
) -> Float[Array, "point"]:
    """Add up the potentials over ρ of all turns. [T / A]"""
    return _summed(radii, rho_squared, z_squared, ())[0]


def _of_all_jvp(primals, tangents):
    """Take slopes along with the values, of which they share roots and divisions.

    Reverse mode keeps two numbers per point, and one per turn and point where radii change.
    """
    by = tuple(i for i, t in enumerate(tangents) if not isinstance(t, SymbolicZero))
    radii, rho_squared, z_squared = primals
    value, slopes, by_radius = _summed(radii, rho_squared, z_squared, by)
    change = jnp.zeros_like(value)
    for i, slope in slopes.items():
        change = change + slope * tangents[i]
    if by_radius is not None:
        change = change + tangents[0] @ by_radius
    return value, change


_of_all.defjvp(_of_all_jvp, symbolic_zeros=True)


def _summed(
    radii: Float[Array, "turn"],
    rho_squared: Float[Array, "point"],
    z_squared: Float[Array, "point"],
    by: tuple[int, ...],
) -> tuple[
    Float[Array, "point"],
    dict[int, Float[Array, "point"]],
    Float[Array, "turn point"] | None,
]:
    """Sum over turns, one after the other: XLA then handles many points at a time."""

    def add(total, radius):
        value, slopes = _with_slopes(radius, rho_squared, z_squared, by)
        by_radius = slopes.pop(0, None)
        return jax.tree.map(jnp.add, total, (value, slopes)), by_radius

    kind = jnp.result_type(radii, rho_squared, z_squared)
    zero = jnp.zeros(rho_squared.shape, kind)
    start = zero, {i: zero for i in by if i > 0}
    (value, slopes), by_radius = jax.lax.scan(add, start, radii)
    return value, slopes, by_radius


def _with_slopes(
    radius: Float[Array, "*turn"],
    rho_squared: Float[Array, "*point"],
    z_squared: Float[Array, "*point"],
    by: tuple[int, ...],
) -> tuple[Float[Array, "*point"], dict[int, Float[Array, "*point"]]]:
    """Evaluate the potential over ρ of a loop of 1 A, and slopes by some arguments.

    Logarithmic derivatives of the two means need no root and no division of their own.
    All arguments add alike to a² + ρ² + z².
    """
    a_squared = radius**2
    total = a_squared + rho_squared + z_squared
    product = jnp.sqrt((total - 2 * a_squared) ** 2 + 4 * a_squared * z_squared)  # αβ
    inverse = 1 / (total + product)
    mean, root = jnp.sqrt((total + product) / 2), jnp.sqrt(product)
    square = 2 * a_squared * inverse  # (c₁/ρ)²
    # By a², ρ² and z²; the last two are arguments themselves.
    grown = (total - 2 * rho_squared, total - 2 * a_squared, total)
    in_product = {i: grown[i] / product**2 for i in by}
    of_root = {i: each / 2 for i, each in in_product.items()}
    of_mean = {i: (1 + product * each) * inverse / 2 for i, each in in_product.items()}
    of_square = {i: -2 * square * each for i, each in of_mean.items()}
    if 0 in by:
        of_square[0] = of_square[0] + 2 * inverse
    series, factor = 2 * square, 2.0
    of_series = {i: 2 * each for i, each in of_square.items()}
    for _ in range(_STEPS - 1):
        inverse = 2 / (mean + root)
        of_mean, of_root = (
            {i: (mean * of_mean[i] + root * of_root[i]) * inverse / 2 for i in by},
            {i: (of_mean[i] + of_root[i]) / 2 for i in by},
        )
        mean, root = (mean + root) / 2, jnp.sqrt(mean * root)
        share = square * inverse**2 / 16
        before, square = square, square * share * rho_squared
        of_square = {
            i: 2 * (share * rho_squared * of_square[i] - square * of_mean[i])
            for i in by
        }
        if 1 in by:
            of_square[1] = of_square[1] + before * share
        factor = 2 * factor
        series = series + factor * square
        of_series = {i: of_series[i] + factor * of_square[i] for i in by}
    unit = 4 * jnp.pi * MU0_OVER_4PI / 8 / mean
    slopes = {i: unit * (of_series[i] - series * of_mean[i]) for i in by}
    if 0 in by:
        slopes[0] = 2 * radius * slopes[0]
    return unit * series, slopes


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
