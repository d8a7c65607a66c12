"""A search as one object: what any optimizer needs to know of it.

`problem` makes it of objective, coil, scalp and domain. Its unknowns are one vector, scaled
so that a step of one is a bold one along each. Places are coordinates on a chart of the
scalp, and the coil's frame turns with the scalp's normal: no step leaves the surface, and
no place within the chart is singular, the vertex included.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray

from ..coils import AbstractCoil, Coil, Pose, Rings, rings
from ..coils.dipoles import MU0_OVER_4PI
from ..efield import equivalent
from ..meshing import Scalp
from .bodies import Body, nearest_bodies
from .checks import check_pose
from .constraints import (
    Clearance,
)
from .objectives import AbstractObjective
from .placement import Chart
from .uncertainty import AbstractUncertainty
from .unknowns import LENGTH, Unknowns, Variables, within_ball
from .zones import out_of_zones


class Moving(eqx.Module):
    """What is needed of a coil whose parts move, to keep it clear of head and itself.

    Attributes:
        points: Which of the coil's surface points stand for it.
        bodies: What must not cut each other.
        rest: How near these are as the coil comes, at most zero. [m]
    """

    points: Int[Array, "point"]
    bodies: tuple[Body, ...]
    rest: Float[Array, ""]


class Problem(eqx.Module):
    """An objective as a function of the coil's place, angle and whatever else is free.

    A pure function of arrays: it may be pickled, mapped over (`jax.vmap`), differentiated
    and passed to compiled functions. `value` is to be maximised.

    Attributes:
        objective: What is maximised.
        coil: The coil, or in a simplified problem its currents on rings.
        chart: The scalp.
        constraint: How far the coil must be lifted.
        unknowns: What is unknown, and the scales.
        start: Unknowns to start from.
        forbidden: Balls in which the coil may not be placed: centres and radii. [m]
        uncertainty: Errors of placement to reckon with, or None.
        moving: Of a coil whose settings are free, or None.
        simplification_error: Of the potential of a simplified problem's target just above
            the scalp, relative to it; zero for an exact one, and NaN in a search, which
            measures what it makes of the value instead.
    """

    objective: AbstractObjective
    coil: AbstractCoil | Rings
    chart: Chart
    constraint: Clearance
    unknowns: Unknowns
    start: Float[Array, "n"]
    forbidden: Float[Array, "zone 4"]
    uncertainty: AbstractUncertainty | None
    moving: Moving | None
    simplification_error: Float[Array, ""]

    def __len__(self) -> int:
        """How many unknowns there are."""
        return len(self.unknowns)

    def __repr__(self) -> str:
        """Say what is searched for, by what."""
        sizes = [(name, self.unknowns.size(name)) for name in self.unknowns.free]
        names = [name if size == 1 else f"{name} ({size})" for name, size in sizes]
        rings = isinstance(self.coil, Rings)
        return (
            f"Problem: {type(self.objective).__name__} over {', '.join(names)}; "
            f"{len(self)} unknowns\n"
            f"  {'a coil as currents on rings' if rings else repr(self.coil)}\n"
            f"  {self.objective.reciprocal!r}\n"
            f"  within {self.unknowns.radius * 1e3:g} mm, {len(self.forbidden)} forbidden "
            f"zones, uncertainty {self.uncertainty}"
        )

    @property
    def bounds(self) -> tuple[Float[ndarray, "n"], Float[ndarray, "n"]]:
        """The lowest and the highest unknowns: a box about what is searched.

        Place and tilt keep to a disc within it, and the angle has no bounds but comes
        round again: `project` does as is right.
        """
        return -self.unknowns.highest, self.unknowns.highest

    @property
    def scales(self) -> Float[Array, "n"]:
        """What one stands for in each unknown. [m], [rad], [A/s]"""
        return self.unknowns.scales

    def variables(self, x: Float[Array, "n"]) -> Variables:
        """Give place, angle, tilt, distance, currents and settings, in SI units."""
        return self.unknowns.variables(x)

    def __call__(self, x: Float[Array, "n"]) -> Float[Array, ""]:
        """Rate unknowns, with errors of placement if any. [V/m]"""
        at, errors = self.variables(x), self.uncertainty
        if errors is None:
            return self._rated(at, self._tilts)
        tilts = self._tilts or errors.tilt > 0

        def value(place: Float[Array, "5"]) -> Float[Array, ""]:
            moved = dataclasses.replace(
                at, place=place[:2], angle=place[2], tilt=place[3:]
            )
            return self._rated(moved, tilts)

        return errors.rate(value, jnp.concatenate([at.place, at.angle[None], at.tilt]))

    def planned(self, x: Float[Array, "n"]) -> Float[Array, ""]:
        """Rate unknowns as if the coil were exactly there. [V/m]"""
        return self._rated(self.variables(x), self._tilts)

    @eqx.filter_jit
    def value(self, x: Float[Array, "n"]) -> Float[Array, ""]:
        """Rate unknowns, compiled. [V/m]"""
        return self(x)

    @eqx.filter_jit
    def value_and_grad(
        self, x: Float[Array, "n"]
    ) -> tuple[Float[Array, ""], Float[Array, "n"]]:
        """Rate unknowns, and differentiate by them. [V/m]"""
        return jax.value_and_grad(self)(x)

    @eqx.filter_jit
    def hvp(self, x: Float[Array, "n"], v: Float[Array, "n"]) -> Float[Array, "n"]:
        """Multiply the Hessian with a vector. [V/m]"""
        return jax.jvp(jax.grad(self), (x,), (v,))[1]

    @eqx.filter_jit
    def values(self, xs: Float[Array, "batch n"]) -> Float[Array, "batch"]:
        """Rate many, one after the other, as suits a CPU: `vmap` does all at once. [V/m]"""
        return jax.lax.map(self, xs)

    def pose(self, x: Float[Array, "n"]) -> Pose:
        """Place the coil, lifted as far as it must be."""
        return self._placed(self.variables(x), self._tilts)

    def near(self, x: Float[Array, "n"]) -> Pose:
        """Place the coil at its distance, whether or not it cuts the scalp."""
        return self._near(self.variables(x), self._tilts)

    def clearance(self, x: Float[Array, "n"]) -> Float[Array, ""]:
        """Measure from casing to scalp and obstacles, were the coil not lifted. [m]

        Negative where it would cut them; at least `constraint.wanted` where no lift is
        needed. Soft: at most the true distance.
        """
        at = self.variables(x)
        return self._constraint(at).gap(self._near(at, self._tilts))

    def self_clearance(self, x: Float[Array, "n"]) -> Float[Array, ""]:
        """Measure how much farther apart parts are than they may be. [m]

        Negative where parts cut each other more than as the coil comes; infinite for a
        coil whose settings are not free or that has no such parts.
        """
        if self.moving is None or not self.moving.bodies:
            return jnp.asarray(jnp.inf)
        coil = self.coil
        assert isinstance(coil, Coil)
        settings = self.variables(x).settings
        return nearest_bodies(coil, self.moving.bodies, settings) - self.moving.rest

    def project(self, x: Float[Array, "n"]) -> Float[Array, "n"]:
        """Bring unknowns back into disc, tilt and ranges, and out of forbidden zones."""
        x = self.unknowns.within(x)
        if len(self.forbidden) == 0 or "place" not in self.unknowns.free:
            return x
        # The place comes first.
        place = out_of_zones(self.chart, self.forbidden, LENGTH * x[:2]) / LENGTH
        return jnp.append(within_ball(place, self.unknowns.radius / LENGTH), x[2:])

    def draw(self, key: Array, count: int) -> Float[Array, "count n"]:
        """Draw unknowns at random within the bounds, to start from."""
        cube = jax.random.uniform(key, (count, len(self)), minval=-1.0, maxval=1.0)
        return jax.vmap(lambda each: self.project(self.unknowns.spread(each)))(cube)

    def at_edge(self, x: Float[ndarray, "n"]) -> bool:
        """Check whether the border of the searched disc keeps a place from moving on."""
        place = np.asarray(self.variables(jnp.asarray(x)).place)
        return bool(np.linalg.norm(place) > 0.999 * self.unknowns.radius)

    def coil_at(self, x: Float[Array, "n"]) -> AbstractCoil:
        """Give the coil in its shape and with its currents.

        Raises:
            ValueError: The problem is simplified and has no coil.
        """
        if isinstance(self.coil, Rings):
            raise ValueError(
                "a simplified problem has no coil: ask the problem that it was made of."
            )
        return self._coil(self.variables(x))

    def at(self, pose: Pose) -> Float[Array, "n"]:
        """Give the unknowns of a pose, as near as they can come to it.

        Args:
            pose: Near the scalp. What is free besides it is as in `start`.
        """
        check_pose(pose)
        held = self.variables(self.start)
        place, angle, tilt, distance = self.chart.coordinates(pose)
        moved = dataclasses.replace(
            held, place=place, angle=angle, tilt=tilt, distance=distance
        )
        return self.project(self.unknowns.vector(moved))

    def rated(self, pose: Pose) -> Float[Array, ""]:
        """Rate any pose, all else being as held. [V/m]"""
        return self.objective.value(self._mean(pose, self.unknowns.held))

    def simplified(self, scalp: Scalp) -> "Problem":
        """Make the same problem with a few hundred sources, some 2.5 ms a gradient.

        The target's currents at all nodes are replaced by some 350 beneath the scalp, and
        the coil, if its parts and currents are not free, by currents on rings.

        Args:
            scalp: Of the head.

        Raises:
            ValueError: The coil's field below it is that of no currents above.
        """
        few, error = equivalent(self.objective.reciprocal, scalp)
        coil, free = self.coil, self.unknowns.free
        if not isinstance(coil, Rings) and not {"settings", "currents"} & set(free):
            coil = rings(coil)
        return dataclasses.replace(
            self,
            objective=eqx.tree_at(lambda whole: whole.reciprocal, self.objective, few),
            coil=coil,
            simplification_error=jnp.asarray(error, float),
        )

    @property
    def _tilts(self) -> bool:
        return "tilt" in self.unknowns.free

    def _rated(self, at: Variables, tilts: bool) -> Float[Array, ""]:
        return self.objective.value(self._mean(self._placed(at, tilts), at))

    def _near(self, at: Variables, tilts: bool) -> Pose:
        tilt = at.tilt if tilts else None
        return self.chart.pose(at.place, at.angle, at.distance, tilt)

    def _placed(self, at: Variables, tilts: bool) -> Pose:
        near = self._near(at, tilts)
        return lifted_by(near, self._constraint(at).lift(near))

    def _constraint(self, at: Variables) -> Clearance:
        if self.moving is None:
            return self.constraint
        points = self._coil(at).surface_points[self.moving.points]
        return dataclasses.replace(self.constraint, points=points)

    def _coil(self, at: Variables) -> AbstractCoil:
        coil = self.coil
        assert isinstance(coil, AbstractCoil)
        if isinstance(coil, Coil) and "settings" in self.unknowns.free:
            coil = dataclasses.replace(coil, settings=at.settings)
        if isinstance(coil, Coil) and "currents" in self.unknowns.free:
            coil = coil.driven(at.currents / at.current_rate)
        return coil

    def _mean(self, pose: Pose, at: Variables) -> Float[Array, "direction"]:
        """Evaluate what the objective is made of, such as the target's mean field. [V/m]

        By the coil's potential at the target's sources, in the frame of the coil: the work
        and its derivative hardly grow with the number of directions.
        """
        target = self.objective.reciprocal
        if not isinstance(self.coil, Rings):
            return target.mean_field(self._coil(at), pose, at.current_rate)
        coil = self.coil.sources()
        places, currents = coil.current_positions, coil.current_vectors
        sources = pose.to_coil(target.positions)
        squares = sum(
            (places[:, None, axis] - sources[None, :, axis]) ** 2 for axis in range(3)
        )
        potential = MU0_OVER_4PI * jax.lax.rsqrt(squares).T @ currents
        turned = target.currents @ pose.rotation
        return -at.current_rate * jnp.einsum("dsc,sc->d", turned, potential)


def lifted_by(pose: Pose, lift: Float[Array, ""]) -> Pose:
    """Move a coil back along its axis. [m]"""
    return Pose(pose.rotation, pose.translation - lift * pose.rotation[:, 2])
