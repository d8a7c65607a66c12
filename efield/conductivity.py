"""Electrical conductivity of each element, from its tissue.

The values are those of SimNIBS 4.5, which follow Wagner et al. 2004 (doi:10.1109/TBME.
2004.827925) and Opitz et al. 2015 (doi:10.1016/j.neuroimage.2015.01.033) for bone.
"""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..meshing import TISSUE_NAMES, HeadMesh, tissue_tag
from .tracing import known_values


# By SimNIBS tag. [S/m]
CONDUCTIVITIES = {
    1: 0.126,
    2: 0.275,
    3: 1.654,
    4: 0.010,
    5: 0.465,
    6: 0.5,
    7: 0.008,
    8: 0.025,
    9: 0.6,
    10: 0.16,
}


def isotropic(
    head: HeadMesh, tissues: Mapping[str | int, float | Array] | None = None
) -> Float[Array, "tet"]:
    """Give each element the scalar conductivity of its tissue.

    Differentiable in the values of `tissues`.

    Args:
        head: The head.
        tissues: Values that replace those of `CONDUCTIVITIES`, by tissue name or tag, such
            as `{"gray matter": 0.3}`. [S/m]

    Returns:
        A value per tetrahedron. [S/m]

    Raises:
        ValueError: A tissue is unknown or named twice, or a value is not positive.
    """
    values: list[float | Array] = [CONDUCTIVITIES[tag] for tag in TISSUE_NAMES]
    given: set[int] = set()
    for tissue, value in (tissues or {}).items():
        tag = tissue_tag(tissue)
        if tag in given:
            raise ValueError(f"`tissues` names {TISSUE_NAMES[tag]!r} twice.")
        given.add(tag)
        known = known_values(value)
        if known is not None and not (
            known.ndim == 0 and np.isfinite(known) and known > 0
        ):
            raise ValueError(
                f"the conductivity of {TISSUE_NAMES[tag]!r} must be one positive number in "
                f"S/m, got {value!r}."
            )
        values[tag - 1] = value
    table = jnp.stack([jnp.asarray(value, dtype=float) for value in values])
    return table[jnp.asarray(head.tags - 1)]


def checked_conductivity(conductivity: Array, elements: int) -> Array:
    """Refuse what cannot be a conductivity: a shape, NaN, or not positive definite.

    Returns:
        The conductivity. Where its values are not known yet, under `jax.jit`, all of
        them are NaN if one is wrong, and the solve that meets them says so: a check
        of its own would have every device wait for the host.

    Raises:
        ValueError: Which tetrahedron is wrong, and how.
    """
    if conductivity.shape not in ((elements,), (elements, 3, 3)):
        raise ValueError(
            f"`conductivity` must have the shape ({elements},) or ({elements}, 3, 3): one "
            f"value or tensor per tetrahedron; got {conductivity.shape}."
        )
    values = known_values(conductivity)
    if values is None:
        return jnp.where(_all_positive(conductivity), conductivity, jnp.nan)
    _check_values(values, elements)
    return conductivity


def _all_positive(conductivity: Array) -> Array:
    smallest = (
        conductivity if conductivity.ndim == 1 else _smallest_pivot(conductivity, jnp)
    )
    return jnp.all(jnp.isfinite(conductivity)) & jnp.all(smallest > 0)


def _check_values(values: np.ndarray, elements: int) -> None:
    finite = np.isfinite(values).reshape(elements, -1).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"`conductivity` of tetrahedron {int(np.argmin(finite))} is not finite."
        )
    if values.ndim == 1:
        smallest = values
    else:
        symmetric = np.abs(values - np.swapaxes(values, 1, 2)).max(axis=(1, 2))
        bad = symmetric > 1e-6 * np.abs(values).max(axis=(1, 2))
        if bad.any():
            raise ValueError(
                f"`conductivity` of tetrahedron {int(np.argmax(bad))} is not a symmetric "
                "tensor."
            )
        smallest = _smallest_pivot(values, np)
    if smallest.min() <= 0:
        raise ValueError(
            f"`conductivity` of tetrahedron {int(np.argmin(smallest))} is not positive"
            f"{'' if values.ndim == 1 else ' definite'}; tissue conducts, if only a "
            "little (air 1e-6 S/m)."
        )


def _smallest_pivot(tensors, xp):
    """Smallest pivot of Gauss elimination: positive where a tensor is definite.

    By NumPy or JAX's NumPy, as `xp` says.
    """
    a, b, c = tensors[:, 0, 0], tensors[:, 0, 1], tensors[:, 0, 2]
    safe = xp.where(a > 0, a, 1.0)
    d = tensors[:, 1, 1] - b * b / safe
    e = tensors[:, 1, 2] - b * c / safe
    f = tensors[:, 2, 2] - c * c / safe - e * e / xp.where(d > 0, d, 1.0)
    return xp.minimum(xp.minimum(a, d), f)
