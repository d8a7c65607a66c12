"""The same field from fewer elements, which compile and evaluate faster."""

import dataclasses

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from .coil import AbstractCoil, AbstractSourceList, Coil, Part
from .grids import SampledPotential
from .sources import Sources


def joined(coil: AbstractCoil) -> AbstractCoil:
    """Join the parts of a coil that move and are driven together.

    What is left has the field and the sources of the coil, in another order, but not the
    hulls of its parts.

    Args:
        coil: Any coil; one that JAX traces comes back as it is.
    """
    traced = any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(coil))
    if traced or not isinstance(coil, Coil) or len(coil.elements) == 1:
        return coil
    groups: dict[tuple, list[Part]] = {}
    for number, element in enumerate(coil.elements):
        part = element if isinstance(element, Part) else Part(element)
        alike = isinstance(part.element, AbstractSourceList)
        kind = type(part.element) if alike else number
        leaves, structure = jax.tree.flatten(part.motions)
        together = (structure, *(np.asarray(leaf).tobytes() for leaf in leaves))
        groups.setdefault((kind, part.stimulator, together), []).append(part)
    elements = []
    for parts in groups.values():
        first, held = parts[0], [part.element for part in parts]
        if len(held) > 1:
            first = Part(
                _join(type(held[0]), held), None, first.motions, first.stimulator
            )
        elements.append(first)
    return dataclasses.replace(coil, elements=tuple(elements))


@eqx.filter_jit
def _join(kind: type, parts: list) -> AbstractCoil:
    return kind.joined(parts)


@eqx.filter_jit
def evaluated(
    coil: AbstractCoil, points: Float[Array, "point 3"]
) -> Float[Array, "point 3"]:
    """Evaluate a coil's vector potential, compiled once for each kind of coil. [T m / A]"""
    return coil.vector_potential(points)


@eqx.filter_jit  # As a whole: element by element, each shape would take its time.
def sources_of_elements(coil: Coil) -> list[Sources | None]:
    """List the point sources of each element at rest; None for a grid, which has none."""
    held = [each.element if isinstance(each, Part) else each for each in coil.elements]
    return [
        None if isinstance(each, SampledPotential) else each.sources() for each in held
    ]
