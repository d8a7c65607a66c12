"""Reciprocity: the field in a target, for any placement of any coil, without a solve.

A target value is linear in ∂A/∂t at the nodes. With the weights wₑ of the target, a
direction d and the adjoint potential λ, K λ = Σₑ wₑ d·∇N, it is

    d·mean E = -Σₙ qₙ · ∂A/∂t(rₙ),    qₙ = Σₑ∋ₙ Jₑ / 4,    Jₑ = wₑ d - Vₑ σₑ ∇λ

with elements of first order; with others ∇N and J vary in the element, and the adjoint of
how ∂A/∂t is interpolated stands in for the quarter.

This is the transpose of the discrete forward solve, so both agree to rounding. Physically
J is the current of dipoles in the target, and its magnetic field at a coil's dipoles
gives the same number [Gomez et al. 2021, doi:10.1016/j.neuroimage.2020.117696, eq. 6].
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int
from numpy import ndarray

from ..coils import AbstractCoil, Pose
from ..coils.dipoles import MU0_OVER_4PI, in_blocks
from ..coils.pose import in_millimetres
from ..meshing import Region
from .conductor import Conductor
from .elements import AbstractElements
from .linear import AbstractSolver, Stiffness, default_solver, solve_linear


class Reciprocal(eqx.Module):
    """The currents that a target's unit dipoles drive: the target's view of all coils.

    Attributes:
        positions: Where the currents are: the nodes of the elements, or fewer equivalent
            points. [m]
        currents: For each direction of the target's field, the current elements that
            give it. [A m per A m]
        centre: Of the target. [m]
        final: Whether its currents are right for the whole of a coil only, as those of a
            reduced field, and no others may stand for them.
    """

    positions: Float[Array, "source 3"]
    currents: Float[Array, "direction source 3"]
    centre: Float[Array, "3"]
    final: bool = eqx.field(static=True, default=False)

    def __repr__(self) -> str:
        """Say how many functions of the field there are, and where the target is."""
        return (
            f"Reciprocal({np.shape(self.currents)[0]} directions, "
            f"{np.shape(self.positions)[0]} sources, target at "
            f"{in_millimetres(self.centre)})"
        )

    def mean_field(
        self, coil: AbstractCoil, pose: Pose, current_rate: ArrayLike = 1e6
    ) -> Float[Array, "direction"]:
        """Evaluate the mean of E over the target for one placement, by direct summation.

        Args:
            coil: The coil.
            pose: One placement.
            current_rate: dI/dt. [A/s]

        Returns:
            The components of the mean vector, equal to those of the forward solve. [V/m]
        """
        rates = current_rate * coil.potential_at(self.positions, pose)
        return -jnp.einsum("dsc,sc->d", self.currents, rates)

    def vector_potential(
        self, points: Float[Array, "point 3"]
    ) -> Float[Array, "point direction 3"]:
        """Evaluate the vector potential of the currents, for each direction. [T m]

        A current element I dl of a coil at a point a gives the target -dI/dt dl·a.
        """
        table = jnp.moveaxis(self.currents, 1, 0).reshape(len(self.positions), -1)

        @jax.checkpoint
        def block(chunk: Float[Array, "chunk 3"]) -> Float[Array, "chunk all"]:
            squares = _squares(chunk, self.positions)
            return jax.lax.rsqrt(squares) @ table

        sums = in_blocks(block, points, len(self.positions))
        return MU0_OVER_4PI * sums.reshape(len(points), -1, 3)

    def magnetic_field(
        self, points: Float[Array, "point 3"]
    ) -> Float[Array, "point direction 3"]:
        """Evaluate the magnetic field of the currents, for each direction. [T]

        A magnetic dipole m of a coil in a field B gives the target -dI/dt m·B.
        """
        origin = jnp.mean(self.positions, axis=0)[None]
        positions = self.positions - origin
        arms = jnp.cross(self.currents, positions[None])
        both = jnp.concatenate([self.currents, arms])
        table = jnp.moveaxis(both, 1, 0).reshape(len(positions), -1)

        @jax.checkpoint
        def block(chunk: Float[Array, "chunk 3"]) -> Float[Array, "chunk direction 3"]:
            squares = _squares(chunk, positions)
            sums = (1 / (squares * jnp.sqrt(squares))) @ table
            current, arm = jnp.split(sums.reshape(len(chunk), -1, 3), 2, axis=1)
            return jnp.cross(current, chunk[:, None]) - arm

        return MU0_OVER_4PI * in_blocks(block, points - origin, len(positions))


def reciprocal(
    conductor: Conductor,
    target: Region,
    directions: Float[Array, "direction 3"] | None = None,
    *,
    solver: AbstractSolver | None = None,
) -> Reciprocal:
    """Solve the adjoint problem of a target, once for all placements of all coils.

    Differentiable in the conductivity and the directions.

    Args:
        conductor: The head.
        target: Where the mean of E is wanted.
        directions: Components of the mean to take; by default x, y and z.
        solver: As for `solve`.

    Returns:
        What gives the target's mean field for any placement.

    Raises:
        RuntimeError: The solver did not reach its tolerance.
    """
    if directions is None:
        directions = jnp.eye(3, dtype=conductor.nodes.dtype)
    weights = jnp.asarray(target.weights, dtype=directions.dtype)
    vectors = directions[:, None] * weights[None, :, None]
    return reciprocal_of(
        conductor, target.tetrahedra, vectors, target.centre, solver=solver
    )


def reciprocal_of(
    conductor: Conductor,
    tetrahedra: Int[ndarray, "selected"],
    vectors: Float[Array, "direction selected 3"],
    centre: ArrayLike,
    *,
    solver: AbstractSolver | None = None,
) -> Reciprocal:
    """Solve the adjoint problems of any linear functions of a field, all at once.

    The function d is Σₑ vectors[d, e]·Eₑ over some tetrahedra. Several targets, weights
    that turn with the cortex, and modes of a region are all of this kind.

    Args:
        conductor: The head.
        tetrahedra: Indices into the head's, each once.
        vectors: What E is multiplied with there.
        centre: About where the tetrahedra are, (3,). [m]
        solver: As for `solve`.

    Returns:
        What gives the functions' values for any placement, in the place of components.

    Raises:
        RuntimeError: The solver did not reach its tolerance.
    """
    solver = (
        default_solver(conductor.host.mesh, len(vectors)) if solver is None else solver
    )
    stiffness, elements = conductor.stiffness, conductor.elements
    dipoles = [adjoint_dipole(elements, tetrahedra, each) for each in vectors]
    loads = jnp.stack([elements.gradient_adjoint(dipole) for dipole in dipoles])
    potentials, _ = solve_linear(stiffness, conductor.host, loads, solver)
    currents = jnp.stack(
        [
            elements.projected_adjoint(total_current(stiffness, dipole, potential))
            for dipole, potential in zip(dipoles, potentials, strict=True)
        ]
    )
    middle = jnp.asarray(centre, dtype=currents.dtype)
    return Reciprocal(conductor.nodes, currents, middle)


def target_dipoles(
    elements: AbstractElements, target: Region, directions: Float[Array, "direction 3"]
) -> list[Float[Array, "*point 3 tet"]]:
    """Lay unit dipoles in a target, the right-hand sides of its adjoint problems."""
    weights = jnp.asarray(target.weights, dtype=directions.dtype)[:, None]
    return [
        adjoint_dipole(elements, target.tetrahedra, weights * direction[None])
        for direction in directions
    ]


def adjoint_dipole(
    elements: AbstractElements,
    tetrahedra: Int[ndarray, "selected"],
    vectors: Float[Array, "selected 3"],
) -> Float[Array, "*point 3 tet"]:
    """Lay the dipoles that a linear function of the field is the response to."""
    whole = jnp.zeros((3, len(elements.volumes)), dtype=vectors.dtype)
    return elements.averaged_adjoint(whole.at[:, tetrahedra].set(vectors.T))


@jax.jit
def total_current(
    stiffness: Stiffness,
    dipole: Float[Array, "*point 3 tet"],
    potential: Float[Array, "node"],
) -> Float[Array, "*point 3 tet"]:
    """Add what a potential drives through the head to its dipoles."""
    return dipole - stiffness.current(stiffness.elements.gradient(potential))


def _squares(
    points: Float[Array, "point 3"], positions: Float[Array, "source 3"]
) -> Float[Array, "point source"]:
    return sum(
        (points[:, None, axis] - positions[None, :, axis]) ** 2 for axis in range(3)
    )  # pyright: ignore[reportReturnType]
