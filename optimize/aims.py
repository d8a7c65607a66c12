"""Objectives of a target, made by adjoint solutions, and how direct ones check them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import jax
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..coils import AbstractCoil
from ..efield import (
    Conductor,
    ElectricField,
    Reciprocal,
    TargetField,
    enriched,
    reciprocal,
    target_field,
    target_functions,
)
from ..meshing import HeadMesh, Region, Scalp, cortical_normals, region as region_of
from .dose import FieldLimit
from .goals import Focality, MeanOfMagnitude, Reachable
from .objectives import (
    AbstractObjective,
    MeanComponent,
    MeanMagnitude,
    NormalComponent,
)
from .regional import normal_reciprocal, region_modes


@dataclass(frozen=True, eq=False)
class Aim:
    """A target in a head, and the coil that is to reach it.

    Attributes:
        head: The head.
        scalp: Its scalp.
        conductor: The head as a conductor.
        coil: The coil.
        target: Where the field is wanted.
        radius: How far around the target coils will be. [m]
    """

    head: HeadMesh
    scalp: Scalp
    conductor: Conductor
    coil: AbstractCoil
    target: Region
    radius: float

    def mean(self, region: Region) -> Reciprocal:
        """The mean vector of a region."""
        return reciprocal(self.conductor, region)

    def normal(self, region: Region) -> Reciprocal:
        """The mean component in a region along the cortex's outward normals."""
        return normal_reciprocal(self.conductor, self.head, region)

    def modes(self, region: Region) -> MeanOfMagnitude:
        """The mean of |E| in a region, of placements around the target."""
        where = {"centre": self.target.centre, "radius": self.radius}
        found = region_modes(self.conductor, self.coil, self.scalp, region, **where)
        return MeanOfMagnitude(found)

    @property
    def rest(self) -> Region:
        """All of the target's tissue but the target."""
        rest = self.head.tags == self.head.tags[self.target.tetrahedra[0]]
        rest[self.target.tetrahedra] = False
        return region_of(self.head, rest)


@dataclass(frozen=True, eq=False)
class Avoided:
    """A region to be spared.

    Attributes:
        name: In words.
        region: The region.
        limit: Of the mean |E| in it, or None. [V/m]
    """

    name: str
    region: Region
    limit: float | None = None


@dataclass(frozen=True, eq=False)
class Goal:
    """An objective and how to check it.

    Attributes:
        objective: What the search maximises.
        value: The target's field, from a direct solution. [V/m]
        avoided: What is to be spared.
        corrected: The mean field beyond first order, where the objective is of it.
        rating: The objective of a direct solution, where it is more than `value`.
        second: The head with elements of second order, where values are corrected.
        weights: What E is multiplied with in each element of the target for the linear
            function that `value` is about a field, or None.
    """

    objective: AbstractObjective
    value: Callable[[ElectricField], float]
    avoided: tuple[Avoided, ...] = ()
    corrected: TargetField | None = None
    rating: Callable[[ElectricField], float] | None = None
    second: Conductor | None = None
    weights: Callable[[ElectricField], Float[ndarray, "selected 3"]] | None = None

    def rate(self, field: ElectricField) -> float:
        """Evaluate the objective of a direct solution."""
        return (self.rating or self.value)(field)

    def limits(self, field: ElectricField) -> list[FieldLimit]:
        """Take the mean |E| of regions with limits from a direct solution."""
        return [
            FieldLimit(each.name, float(field.mean_magnitude(each.region)), each.limit)
            for each in self.avoided
            if each.limit is not None
        ]

    def focal(self, aim: Aim, avoided: tuple[Avoided, ...] = ()) -> "Goal":
        """Spare regions in proportion, or all of the target's tissue without any."""
        regions = [each.region for each in avoided] or [aim.rest]
        objective = Focality(self.objective, [aim.modes(each) for each in regions])

        def rating(field: ElectricField) -> float:
            means = [float(field.mean_magnitude(each)) for each in regions]
            return self.value(field) / float(np.mean(means))

        return replace(self, objective=objective, avoided=avoided, rating=rating)

    def limited(
        self, aim: Aim, avoided: tuple[Avoided, ...], most: float | None = None
    ) -> "Goal":
        """Keep regions below their limits, with a dI/dt of `most` [A/s] or any."""
        if not avoided:
            return self
        limits = np.array([each.limit for each in avoided], dtype=float)
        highest = np.inf if most is None else most / 1e6
        spared = [aim.modes(each.region) for each in avoided]
        objective = Reachable(self.objective, spared, limits, highest)

        def rating(field: ElectricField) -> float:
            means = [float(field.mean_magnitude(each.region)) for each in avoided]
            return self.value(field) * min(highest, float((limits / means).min()))

        return replace(self, objective=objective, avoided=avoided, rating=rating)


def mean_goal(
    aim: Aim,
    direction: tuple[float, float, float] | None = None,
    *,
    corrected: bool = False,
    second: Conductor | None = None,
) -> Goal:
    """Want the norm of the target's mean field, or its component along a direction.

    Args:
        aim: What it is of.
        direction: Of the component, or None.
        corrected: Whether to go beyond first order.
        second: What `efield.enriched` makes of the conductor for that, where it is made.
    """
    target = aim.target
    if not corrected:
        found = aim.mean(target)
        return _of_mean(found, target, direction)
    second = second or enriched(aim.conductor, aim.head)
    beyond = jax.block_until_ready(
        target_field(aim.conductor, aim.head, target, second=second)
    )
    goal = _of_mean(beyond.reciprocal, target, direction)
    return replace(goal, corrected=beyond, second=second)


def magnitude_goal(aim: Aim) -> Goal:
    """Want the mean magnitude of the target's field."""
    target = aim.target

    def along(field: ElectricField) -> Float[ndarray, "selected 3"]:
        vectors = np.asarray(field.vectors)[target.tetrahedra]
        sizes = np.linalg.norm(vectors, axis=1, keepdims=True)
        return target.weights[:, None] * vectors / np.where(sizes > 0, sizes, 1.0)

    mean = lambda field: float(field.mean_magnitude(target))
    return Goal(aim.modes(target), mean, weights=along)


def normal_goal(
    aim: Aim, *, corrected: bool = False, second: Conductor | None = None
) -> Goal:
    """Want the mean component along the cortex's outward normals.

    Args:
        aim: What it is of.
        corrected: Whether to go beyond first order.
        second: What `efield.enriched` makes of the conductor for that, where it is made.

    Raises:
        ValueError: The target is not in gray matter that has such normals.
    """
    target = aim.target
    outward = cortical_normals(aim.head, aim.head.centroids[target.tetrahedra])
    weighted = target.weights[:, None] * outward
    beyond = None
    if corrected:
        second = second or enriched(aim.conductor, aim.head)
        functions = (aim.conductor, aim.head, target, weighted[None])
        beyond = jax.block_until_ready(target_functions(*functions, second=second))
    found = aim.normal(target) if beyond is None else beyond.reciprocal
    return Goal(
        NormalComponent(found),
        lambda field: float(
            np.sum(weighted * np.asarray(field.vectors)[target.tetrahedra])
        ),
        corrected=beyond,
        second=second if corrected else None,
        weights=lambda field: weighted,
    )


def _of_mean(
    found: Reciprocal, target: Region, direction: tuple[float, float, float] | None
) -> Goal:
    objective = (
        MeanMagnitude(found)
        if direction is None
        else MeanComponent(found, np.asarray(direction))
    )

    def along(field: ElectricField) -> Float[ndarray, "selected 3"]:
        wanted = field.mean(target) if direction is None else direction
        unit = np.asarray(wanted) / np.linalg.norm(wanted)
        return target.weights[:, None] * unit

    value = lambda field: float(objective.value(field.mean(target)))
    return Goal(objective, value, weights=along)
