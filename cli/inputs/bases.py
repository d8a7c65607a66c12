"""Reduced fields that the command line takes: of this head, of these coils."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from ... import meshing
from ...coils import AbstractCoil
from ...efield import Conductor, ReducedField
from ...meshing import HeadMesh


def coil_in_basis(
    path: str, basis: ReducedField, conductor: Conductor, coil: AbstractCoil
) -> int:
    """Find which coil of a basis this one is.

    Raises:
        ValueError: The basis is of another head or coil.
    """
    try:
        return basis.check_made_for(conductor, coil)
    except ValueError as error:
        raise ValueError(f"--reduced {path}: {error}") from None


def coils_in_basis(
    path: str,
    basis: ReducedField,
    conductor: Conductor,
    coils: Sequence[AbstractCoil],
) -> tuple[int, ...]:
    """The same of several coils."""
    return tuple(coil_in_basis(path, basis, conductor, coil) for coil in coils)


def elements_of_basis(
    path: str, head: HeadMesh, basis: ReducedField
) -> Int[ndarray, "point"]:
    """Find the elements whose centroids the basis has.

    Raises:
        ValueError: They are not those of a tissue.
    """
    name = dict(basis.origin.about).get("tissue", "")
    inside = np.flatnonzero(head.tags == meshing.tissue_tag(name or "gm"))
    same = len(inside) == len(basis.positions) and np.allclose(
        head.centroids[inside], basis.positions, rtol=0, atol=1e-6
    )
    if not same:
        raise ValueError(
            f"--reduced {path}: the basis is of other places than a tissue of this head. "
            "Make one by `tmsgrad reduce`."
        )
    return inside
