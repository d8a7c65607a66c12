"""The whole field in a region, for any placement, from a few adjoint solutions.

Coils are some way off, so the fields that they make in a small region differ in a few
ways only. Fields of a few placements, solved directly, give an orthonormal basis of these
by a singular value decomposition (proper orthogonal decomposition [Sirovich 1987,
doi:10.1090/qam/910462]); each coefficient is a linear function of E and has an adjoint
solution. So E in every tetrahedron of the region, and with it the mean of |E|, costs one
gather for a placement. Placements that the basis has not seen measure its error.

Where a region has many tetrahedra, few of them with new weights stand for all in means of
|E|: weights that are not negative and fit many fields of the basis [Farhat et al. 2015,
doi:10.1002/nme.4668].
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray
from scipy.optimize import nnls

from ..meshing import Region
from .conductor import Conductor
from .linear import AbstractSolver
from .reciprocity import Reciprocal, reciprocal_of


_MOST_SAMPLES = 400  # Tetrahedra that are all kept.
_FIELDS = 160  # That the weights of fewer must fit.


class FieldModes(eqx.Module):
    """E in a region as a sum of modes. Made by `field_modes`.

    Attributes:
        reciprocal: Its directions are the modes: it gives their coefficients. [V/m]
        vectors: Each mode at the samples, which are tetrahedra of the region.
        weights: Of the samples in means over the region, of sum 1.
        mean: The mean of each mode over the whole region.
        share: How much of the mean |E| of unseen placements the modes miss, at worst.
        residual: How much of their E they miss, as root mean square, at worst.
    """

    reciprocal: Reciprocal
    vectors: Float[Array, "mode sample 3"]
    weights: Float[Array, "sample"]
    mean: Float[Array, "mode 3"]
    share: Float[Array, ""]
    residual: Float[Array, ""]

    def field(self, coefficients: Float[Array, "mode"]) -> Float[Array, "sample 3"]:
        """Evaluate E at the samples. [V/m]"""
        return jnp.einsum("m,msc->sc", coefficients, self.vectors)

    def mean_magnitude(self, coefficients: Float[Array, "mode"]) -> Float[Array, ""]:
        """Average |E| over the region. [V/m]"""
        square = jnp.sum(self.field(coefficients) ** 2, axis=-1)
        positive = square > 0
        root = jnp.sqrt(jnp.where(positive, square, 1))
        return jnp.dot(self.weights, jnp.where(positive, root, 0))

    def root_mean_square(self, coefficients: Float[Array, "mode"]) -> Float[Array, ""]:
        """Take the root of the mean of |E|² over the region, by Parseval. [V/m]"""
        return jnp.linalg.norm(coefficients)

    def mean_field(self, coefficients: Float[Array, "mode"]) -> Float[Array, "3"]:
        """Average E over the region. [V/m]"""
        return coefficients @ self.mean


def field_modes(
    conductor: Conductor,
    region: Region,
    fields: Float[ndarray, "placement selected 3"],
    *,
    unseen: int = 6,
    tolerance: float = 5e-4,
    most: int = 24,
    solver: AbstractSolver | None = None,
) -> FieldModes:
    """Find the modes of the field in a region, and solve their adjoint problems.

    Args:
        conductor: The head.
        region: Where E is wanted.
        fields: E in the region's tetrahedra, of placements like those that will be asked
            for. [V/m]
        unseen: So many of the last of them only measure the error.
        tolerance: Modes are added until they miss less than this share of the first
            placements' E, as root mean square.
        most: At most so many modes.
        solver: As for `solve`.

    Returns:
        The modes.

    Raises:
        ValueError: There are too few placements, or their field in the region is zero.
    """
    every = np.asarray(fields, dtype=np.float64)
    shape = (len(region.tetrahedra), 3)
    if len(every) < unseen + 3 or every.shape[1:] != shape:
        raise ValueError(
            f"`fields` must have the shape (placements, {shape[0]}, 3) with at least "
            f"{unseen + 3} placements, of which the last {unseen} measure the error, got "
            f"{every.shape}."
        )
    root = np.sqrt(region.weights)[:, None]
    # Placements count alike, whether near or far.
    size = np.linalg.norm(every * root, axis=(1, 2))
    if not (np.isfinite(size).all() and (size > 0).all()):
        raise ValueError("`fields` is zero or not finite in the region.")
    scaled = (every * root / size[:, None, None]).reshape(len(every), -1)
    seen, rest = scaled[: len(scaled) - unseen], scaled[len(scaled) - unseen :]
    _, values, basis = np.linalg.svd(seen, full_matrices=False)
    missed = np.sqrt(np.maximum(1 - np.cumsum(values**2) / np.sum(values**2), 0))
    enough = np.flatnonzero(missed <= tolerance)
    count = min(most, len(values), int(enough[0]) + 1 if len(enough) else len(values))
    basis, values = basis[:count], values[:count]
    modes = basis.reshape(count, -1, 3) / root
    samples, weights = _cubature(modes, values, region.weights)
    vectors = region.weights[:, None] * modes
    reciprocal = reciprocal_of(
        conductor, region.tetrahedra, jnp.asarray(vectors), region.centre, solver=solver
    )
    found = FieldModes(
        reciprocal,
        jnp.asarray(modes[:, samples]),
        jnp.asarray(weights),
        jnp.asarray(vectors.sum(axis=1)),
        jnp.zeros(()),
        jnp.zeros(()),
    )
    errors = [jnp.asarray(x) for x in _errors(found, basis, rest, root)]
    return eqx.tree_at(lambda m: (m.share, m.residual), found, tuple(errors))


def _errors(
    modes: FieldModes,
    basis: Float[ndarray, "mode all"],
    unseen: Float[ndarray, "placement all"],
    root: Float[ndarray, "selected 1"],
) -> tuple[float, float]:
    if len(unseen) == 0:
        return float("nan"), float("nan")
    coefficients = unseen @ basis.T
    residual = np.linalg.norm(unseen - coefficients @ basis, axis=1).max()
    fields = unseen.reshape(len(unseen), -1, 3) / root
    exact = np.linalg.norm(fields, axis=-1) @ (root[:, 0] ** 2)
    found = [float(modes.mean_magnitude(jnp.asarray(each))) for each in coefficients]
    return float(np.abs(np.array(found) / exact - 1).max()), float(residual)


def _cubature(
    modes: Float[ndarray, "mode selected 3"],
    sizes: Float[ndarray, "mode"],
    weights: Float[ndarray, "selected"],
) -> tuple[ndarray, ndarray]:
    """Choose samples and weights that average |E| over a region."""
    if len(weights) <= _MOST_SAMPLES:
        return np.arange(len(weights)), weights
    rng = np.random.default_rng(0)
    coefficients = rng.normal(size=(_FIELDS, len(sizes))) * sizes
    fields = np.einsum("fm,msc->fsc", coefficients, modes)
    magnitudes = np.linalg.norm(fields, axis=-1)
    means = magnitudes @ weights
    # The last row asks for a sum of one.
    system = np.concatenate([magnitudes / means[:, None], np.ones((1, len(weights)))])
    # Of many thousands, any thousand will do to choose from.
    some = rng.choice(len(weights), min(len(weights), 2000), replace=False, p=weights)
    found, _ = nnls(system[:, some], np.ones(_FIELDS + 1))
    kept = found > 0
    return some[kept], found[kept] / found[kept].sum()
