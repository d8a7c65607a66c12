"""What kind of coil it is, by its field: whether its handle has a usual direction."""

import jax.numpy as jnp
import numpy as np

from .coil import AbstractCoil


_BELOW = (
    30e-3  # Of the coil's origin, where a figure-of-eight's field has one peak. [m]
)
_ASIDE = 25e-3, 85e-3  # Where that has fallen, and where it has gone round. [m]
_ALONG = 0.95  # Of the field's component along the handle.
_ALIKE = 0.15  # Of both sides, relative to the middle.
_ROUND = 0.35  # Beyond the loops' middles: weaker than this, relative to the middle.


def is_figure_of_eight(coil: AbstractCoil) -> bool:
    """Whether a coil's field is that of two loops side by side, before its origin.

    Then it points along the handle in the middle, falls alike to both sides, and is
    weak or turned round beyond the loops' middles. Round coils have no field in the
    middle; others, such as H coils, have one that is not alike at both sides.
    """
    near, far = _ASIDE
    points = [[x, 0.0, _BELOW] for x in (0.0, near, -near, far, -far)]
    found = np.asarray(coil.vector_potential(jnp.asarray(points)))
    middle = np.linalg.norm(found[0])
    if middle == 0 or abs(found[0, 1]) < _ALONG * middle:
        return False
    along = found[:, 1] / found[0, 1]
    alike = abs(along[1] - along[2]) < _ALIKE
    return bool(alike and along[1:3].max() < 1 and along[3:].max() < _ROUND)
