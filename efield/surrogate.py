"""The field of a placement for any conductivities of tissues, without a solve.

The stiffness matrix and the load are sums over tissues of matrices and loads times the
tissues' conductivities. So Galerkin's method among few potentials costs nothing once their
products are known, whatever the conductivities: a reduced basis [Prud'homme et al. 2002,
doi:10.1115/1.1448332]. The potentials are that at the mean conductivities, its derivatives
and solutions at drawn conductivities. Each of the latter is a test before it is taken in,
of what the basis gives there; the basis is large enough when it passes some.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray

from ..meshing import Progress, Region
from ..meshing.progress import silent
from .conductor import Conductor
from .field import ElectricField
from .forward import solve_rate
from .linear import AbstractSolver, SolverReport
from .sensitivity import Summary, field_derivatives
from .variables import UncertainTissues


_PASSED = 3  # Tests in a row that end the basis.
_MOST_TESTS = 40
_SAME = (
    1e-7  # A potential is in the basis already, up to this share of its energy norm.
)


class FieldSurrogate(eqx.Module):
    """E of one placement as a function of conductivities.

    Attributes:
        tissues: The variables.
        matrices: Of the basis: that of what does not vary, then by tissue. [A/V per S/m]
        loads: Likewise. [A per S/m]
        vectors: E without a potential, then what each potential of the basis adds, in
            each element that is kept. [V/m]
        volumes: Of these elements. [m³]
        errors: Relative L2 error of E in the head at each test, before it was taken in.
    """

    tissues: UncertainTissues
    matrices: Float[ndarray, "term basis basis"]
    loads: Float[ndarray, "term basis"]
    vectors: Float[Array, "field kept 3"]
    volumes: Float[Array, "kept"]
    errors: tuple[float, ...] = eqx.field(static=True)

    @property
    def error(self) -> float:
        """The largest relative L2 error in the tests that the basis has passed."""
        return max(self.errors[-_PASSED:])

    def coefficients(
        self, values: Float[ndarray, "draw variable"]
    ) -> Float[ndarray, "draw field"]:
        """Solve among the basis: what to take of each of `vectors`.

        Args:
            values: Of the tissues. [S/m]
        """
        terms = np.concatenate([np.ones((len(values), 1)), values], axis=1)
        matrices = np.tensordot(terms, self.matrices, axes=1)
        found = np.linalg.solve(matrices, (terms @ self.loads)[..., None])[..., 0]
        return np.concatenate([np.ones((len(values), 1)), found], axis=1)

    def field(self, values: Float[ndarray, "variable"]) -> ElectricField:
        """The field for one set of conductivities, without its potential. [V/m]"""
        share = jnp.asarray(self.coefficients(np.asarray(values)[None])[0])
        return _combined(self.vectors, share)

    def within(self, region: Region) -> tuple["FieldSurrogate", Region]:
        """Keep the elements of a region only, for speed.

        Args:
            region: Of a surrogate that keeps all elements of the head.

        Returns:
            The surrogate of these, and the region among them.
        """
        chosen = jnp.asarray(region.tetrahedra)
        fewer = FieldSurrogate(
            self.tissues,
            self.matrices,
            self.loads,
            self.vectors[:, chosen],
            self.volumes[chosen],
            self.errors,
        )
        numbers: Int[ndarray, chosen] = np.arange(len(region.tetrahedra))
        return fewer, Region(numbers, region.weights, region.centre)

    def evaluate(
        self, values: Float[ndarray, "draw variable"], summary: Summary
    ) -> Float[ndarray, "draw *result"]:
        """Summarise the field for many sets of conductivities.

        Args:
            values: Of the tissues. [S/m]
            summary: A function of the field's `vectors`.
        """
        shares = jnp.asarray(self.coefficients(values))
        size = int(np.clip(4_000_000 // self.vectors[0].size, 1, len(values)))
        return np.asarray(_evaluated(self.vectors, shares, summary, size))


def field_surrogate(
    conductor: Conductor,
    tissues: UncertainTissues,
    rate: Float[Array, "node 3"],
    *,
    tolerance: float = 1e-3,
    seed: int = 1,
    solver: AbstractSolver | None = None,
    progress: Progress | None = None,
) -> FieldSurrogate:
    """Make a reduced basis for the field of one placement.

    Args:
        conductor: The head, with the conductivity that `tissues` was made with.
        tissues: Its uncertain conductivities.
        rate: ∂A/∂t of the placement at `conductor.nodes`. [V/m]
        tolerance: The relative L2 error of E in the head that the last tests may have.
        seed: Of the draws at which it is tested.
        solver: As for `solve`.
        progress: Called with the share done, about, and what is being done.

    Raises:
        RuntimeError: The solver failed, or the tolerance is out of reach.
    """
    report = progress or silent
    centre = tissues.at_means(conductor)
    first = _one(solve_rate(centre, rate[None], solver=solver))
    slopes = field_derivatives(centre, tissues, rate, first, solver=solver)
    basis = _Basis(centre, tissues, rate)
    basis.add(first.potential)
    for potential in slopes.potential:
        basis.add(potential)
    errors: list[float] = []
    volumes = conductor.elements.volumes
    for values in tissues.draws(_MOST_TESTS, seed):
        report(
            len(errors) / (len(errors) + 3), f"reduced basis of {len(basis.potentials)}"
        )
        here = conductor.with_conductivity(tissues.conductivity(values))
        exact = _one(solve_rate(here, rate[None], solver=solver))
        guess = basis.surrogate(volumes, ()).field(values).vectors
        errors.append(_relative(guess, exact.vectors, volumes))
        basis.add(exact.potential)
        if len(errors) >= _PASSED and max(errors[-_PASSED:]) <= tolerance:
            return basis.surrogate(volumes, tuple(errors))
    raise RuntimeError(
        f"after {_MOST_TESTS} solves the reduced basis still has an error of "
        f"{errors[-1]:.1e}, more than the tolerance of {tolerance:.0e}. Take a larger "
        "tolerance, or narrower distributions."
    )


class _Basis:
    """A basis that grows, with its products."""

    def __init__(
        self,
        conductor: Conductor,
        tissues: UncertainTissues,
        rate: Float[Array, "node 3"],
    ):
        self._elements, self._tissues = conductor.elements, tissues
        self._stiffness = conductor.stiffness
        self._parts = tissues.parts(conductor.stiffness)
        projected = self._elements.projected(rate)
        self._driven = -np.stack([self._weighted(p, projected) for p in self._parts])
        self._vectors = [-self._elements.averaged(projected).T]
        self.potentials: list[ndarray] = []
        self._products: list[
            ndarray
        ] = []  # Of each, its currents by term, (term, node).

    def add(self, potential: Float[Array, "node"]) -> None:
        """Take a potential in, made perpendicular to the others in energy."""
        x = np.asarray(potential, dtype=np.float64)
        size = self._energy(x)
        for _ in range(2):
            for other, products in zip(self.potentials, self._products, strict=True):
                x = x - (self._all(products) @ x) * other
        left = self._energy(x)
        if left <= _SAME * size:
            return
        x = x / left
        gradient = self._elements.gradient(jnp.asarray(x, potential.dtype))
        self._products.append(
            np.stack([self._weighted(p, gradient) for p in self._parts])
        )
        self.potentials.append(x)
        self._vectors.append(-self._elements.averaged(gradient).T)

    def surrogate(
        self, volumes: Float[Array, "tet"], errors: tuple[float, ...]
    ) -> FieldSurrogate:
        basis = np.stack(self.potentials)
        matrices = np.stack([basis @ products.T for products in self._products], axis=2)
        return FieldSurrogate(
            self._tissues,
            np.moveaxis(matrices, 1, 0),
            self._driven @ basis.T,
            jnp.stack(self._vectors),
            volumes,
            errors,
        )

    def _weighted(self, part, gradient: Float[Array, "*point 3 tet"]) -> ndarray:
        product = self._elements.gradient_adjoint(part.current(gradient))
        return np.asarray(product, dtype=np.float64)

    def _all(self, products: ndarray) -> ndarray:
        return np.append(1.0, self._tissues.means) @ products

    def _energy(self, x: ndarray) -> float:
        dtype = self._elements.nodes.dtype
        return float(np.sqrt(x @ np.asarray(self._stiffness(jnp.asarray(x, dtype)))))


@jax.jit
def _combined(
    vectors: Float[Array, "field kept 3"], share: Float[Array, "field"]
) -> ElectricField:
    whole = jnp.tensordot(share.astype(vectors.dtype), vectors, axes=1)
    nothing = SolverReport(jnp.zeros((), jnp.int32), jnp.zeros((), vectors.dtype))
    return ElectricField(whole, jnp.zeros((0,), vectors.dtype), nothing)


@eqx.filter_jit
def _evaluated(
    vectors: Float[Array, "field kept 3"],
    shares: Float[Array, "draw field"],
    summary: Summary,
    size: int,
) -> Float[Array, "draw *result"]:
    return jax.lax.map(
        lambda share: summary(_combined(vectors, share)), shares, batch_size=size
    )


def _one(fields: ElectricField) -> ElectricField:
    return jax.tree.map(lambda x: x[0], fields)


def _relative(guess: Array, exact: Array, volumes: Array) -> float:
    size = lambda v: float(jnp.sqrt(jnp.sum(volumes[:, None] * v**2)))
    return size(guess - exact) / size(exact)
