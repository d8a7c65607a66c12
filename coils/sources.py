"""A coil as point sources, for reciprocity and for windings written as dipoles."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .pose import Pose


class Sources(eqx.Module):
    """Magnetic dipoles and short straight currents that stand for a coil at 1 A.

    By reciprocity a target whose adjoint currents make the vector potential a and the
    flux density B = curl a outside the head gains, per dI/dt of 1 A/s,

        T = - Σ m · B(x) - Σ dl · a(x)

    over the dipoles m and the currents dl. Either set may be empty.

    Attributes:
        dipole_positions: Where the dipoles are, in the frame of the coil. [m]
        dipole_moments: Their magnetic moments at 1 A. [A m² / A]
        current_positions: The midpoints of the short currents. [m]
        current_vectors: Their lengths and directions, times the current. [A m / A]
    """

    dipole_positions: Float[Array, "dipole 3"]
    dipole_moments: Float[Array, "dipole 3"]
    current_positions: Float[Array, "current 3"]
    current_vectors: Float[Array, "current 3"]

    @classmethod
    def of_dipoles(
        cls, positions: Float[Array, "dipole 3"], moments: Float[Array, "dipole 3"]
    ) -> "Sources":
        """Take dipoles alone."""
        none = jnp.zeros((0, 3), positions.dtype)
        return cls(positions, moments, none, none)

    @classmethod
    def of_currents(
        cls, positions: Float[Array, "current 3"], vectors: Float[Array, "current 3"]
    ) -> "Sources":
        """Take short straight currents alone."""
        none = jnp.zeros((0, 3), positions.dtype)
        return cls(none, none, positions, vectors)

    @classmethod
    def joined(cls, parts: "list[Sources]") -> "Sources":
        """Put the sources of several elements into one list."""
        return cls(
            jnp.concatenate([each.dipole_positions for each in parts]),
            jnp.concatenate([each.dipole_moments for each in parts]),
            jnp.concatenate([each.current_positions for each in parts]),
            jnp.concatenate([each.current_vectors for each in parts]),
        )

    def scaled(self, factor: Float[Array, ""] | float) -> "Sources":
        """Multiply the current by a factor."""
        return Sources(
            self.dipole_positions,
            self.dipole_moments * factor,
            self.current_positions,
            self.current_vectors * factor,
        )

    def placed(self, pose: Pose) -> "Sources":
        """Move the sources rigidly, from the coil's frame to that of `pose`."""
        return Sources(
            pose.to_head(self.dipole_positions),
            self.dipole_moments @ pose.rotation.T,
            pose.to_head(self.current_positions),
            self.current_vectors @ pose.rotation.T,
        )
