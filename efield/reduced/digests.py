"""What distinguishes heads and coils from each other: hashes of their numbers."""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from ..conductor import Conductor


def digest_of(arrays: Iterable[ArrayLike]) -> str:
    """Hash arrays by their values in single precision, and their shapes."""
    digest = hashlib.sha256()
    for array in arrays:
        values = np.ascontiguousarray(array)
        kind = np.float32 if values.dtype.kind == "f" else np.int64
        digest.update(repr(values.shape).encode())
        digest.update(values.astype(kind).tobytes())
    return digest.hexdigest()


def conductor_digest(conductor: Conductor) -> str:
    """Hash a head: its nodes, tetrahedra, conductivity and the order of its elements."""
    elements = conductor.elements
    return digest_of(
        (elements.nodes, elements.tetrahedra, conductor.conductivity, [elements.order])
    )
