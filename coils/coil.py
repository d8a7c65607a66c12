"""What every coil can do, and the coil that users hold: elements with a casing."""

import abc
import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float, Int

from .motions import AbstractMotion, Range, combined
from .notebook import from_above
from .pose import Pose, require_pose
from .sources import Sources
from .stimulators import Stimulator


class AbstractCoil(eqx.Module):
    """A current distribution in the coil's own frame, at a current of 1 A.

    The frame is that of `Pose`: z points into the head, the handle lies towards -y.
    """

    @abc.abstractmethod
    def vector_potential(
        self, points: Float[Array, "point 3"]
    ) -> Float[Array, "point 3"]:
        """Evaluate the vector potential of a current of 1 A.

        Differentiable in `points` and in the coil.

        Args:
            points: Where, in the frame of the coil. [m]

        Returns:
            A at each point. [T m / A]
        """

    @property
    @abc.abstractmethod
    def surface_points(self) -> Float[Array, "point 3"]:
        """Points that must stay outside the head: of the casing, else the sources. [m]"""

    @property
    def has_casing(self) -> bool:
        """Whether `surface_points` are those of a casing, not of the sources."""
        return False

    def sources(self) -> Sources:
        """Write the coil as dipoles and short currents, for reciprocity.

        Raises:
            ValueError: The coil is known by its field alone.
        """
        raise ValueError(
            f"a {type(self).__name__} has no point sources. Use `vector_potential`, or "
            "read the coil from a file that holds its dipoles or wires (.ccd or .tcd)."
        )

    def potential_at(
        self, points: Float[Array, "point 3"], pose: Pose
    ) -> Float[Array, "point 3"]:
        """Evaluate the vector potential of 1 A with the coil placed on a head.

        Args:
            points: Where, in the frame of the head. [m]
            pose: One placement of the coil.

        Returns:
            A at each point, in the frame of the head. [T m / A]
        """
        pose = require_pose(pose)
        return self.vector_potential(pose.to_coil(points)) @ pose.rotation.T


class AbstractSourceList(AbstractCoil):
    """Many sources of one kind, whose lists can be moved, scaled and joined.

    A coil of many parts is evaluated as one list of each kind.
    """

    @abc.abstractmethod
    def placed(self, pose: Pose) -> "AbstractSourceList":
        """Move the sources rigidly, from the coil's frame to that of `pose`."""

    @abc.abstractmethod
    def scaled(self, factor: Float[Array, ""]) -> "AbstractSourceList":
        """Multiply the current by a factor."""

    @classmethod
    @abc.abstractmethod
    def joined(cls, parts: list) -> "AbstractSourceList":
        """Put several lists of this kind into one."""


class Casing(eqx.Module):
    """The hull of a coil or of one of its parts.

    Attributes:
        points: On the hull. [m]
        triangles: Rows of `points`, or None where only points are known.
        distance_points: Fewer points that stand for it in distances, or None. [m]
    """

    points: Float[Array, "point 3"]
    triangles: Int[Array, "triangle 3"] | None = None
    distance_points: Float[Array, "near 3"] | None = None


class Part(AbstractCoil):
    """An element with its hull, its motions and the stimulator that drives it.

    The field of a part is that of the part at rest; the coil that holds it moves it.

    Attributes:
        element: The sources, at rest.
        casing: Its own hull at rest, or None.
        motions: Carried out one after the other, the first of the list first.
        stimulator: Which of the coil's stimulators drives it.
        name: How it is called.
    """

    element: AbstractCoil
    casing: Casing | None = None
    motions: tuple[AbstractMotion, ...] = ()
    stimulator: int = eqx.field(static=True, default=0)
    name: str = eqx.field(static=True, default="")

    def vector_potential(
        self, points: Float[Array, "point 3"]
    ) -> Float[Array, "point 3"]:
        """Evaluate the vector potential of the part at rest. [T m / A]"""
        return self.element.vector_potential(points)

    def sources(self) -> Sources:
        """Take the sources of the part at rest."""
        return self.element.sources()

    @property
    def has_casing(self) -> bool:
        """Whether the part has a hull of its own."""
        return self.casing is not None

    @property
    def surface_points(self) -> Float[Array, "point 3"]:
        """Points of the hull at rest, or of the element where there is none. [m]"""
        return (
            self.element.surface_points if self.casing is None else self.casing.points
        )


@dataclasses.dataclass(frozen=True)
class Details:
    """What a coil file says beside the field, kept for writing it again.

    Attributes:
        brand: The maker.
        version: Of the file.
        limits: Lowest and highest x, y, z for a grid of samples. [m]
        resolution: Spacing of such a grid along x, y, z. [m]
        apart: Groups of bodies that must not cut each other; 0 is the coil's casing, n the
            element n - 1.
    """

    brand: str = ""
    version: str = ""
    limits: tuple[tuple[float, float], ...] | None = None
    resolution: tuple[float, ...] | None = None
    apart: tuple[tuple[int, ...], ...] = ()


class Coil(AbstractCoil):
    """A coil as a laboratory knows it: its elements, its casing, its name and limits.

    A coil may have parts that move, by `settings`, and several stimulators, by `rates`.
    Both are arrays that JAX differentiates. So two coils, or an array of channels, are
    one coil.

    Attributes:
        elements: Sources of the field, which add up. A `Part` may move and names its
            stimulator; any other element is at rest and driven by the first.
        casing: Points on the casing, in the frame of the coil, or None. [m]
        name: How the coil is called.
        max_current_rate: The largest dI/dt of coil and stimulator, or None. [A/s]
        casing_triangles: Rows of `casing` that form the casing's surface, or None.
        settings: How far each motion has gone, or None at a coil that cannot move.
            [m] or [rad]
        rates: dI/dt of each stimulator, per the dI/dt asked for; None where it is 1 for
            all.
        ranges: What each setting may be.
        stimulators: Which drive the coil.
        details: What else its file says.
        casing_distance_points: Fewer points for the casing in distances, or None. [m]
    """

    elements: tuple[AbstractCoil, ...]
    casing: Float[Array, "point 3"] | None = None
    name: str = eqx.field(static=True, default="coil")
    max_current_rate: float | None = eqx.field(static=True, default=None)
    casing_triangles: Int[Array, "triangle 3"] | None = None
    settings: Float[Array, "setting"] | None = None
    rates: Float[Array, "stimulator"] | None = None
    ranges: tuple[Range, ...] = eqx.field(static=True, default=())
    stimulators: tuple[Stimulator, ...] = eqx.field(static=True, default=())
    details: Details = eqx.field(static=True, default=Details())
    casing_distance_points: Float[Array, "near 3"] | None = None

    def __check_init__(self):
        if not self.elements:
            raise ValueError(f"the coil {self.name!r} has no elements.")
        for what, values in (("casing", self.casing), ("settings", self.settings)):
            known = values is not None and not isinstance(values, Tracer)
            if known and not bool(np.isfinite(np.asarray(values)).all()):
                raise ValueError(f"the {what} of {self.name!r} is not finite.")
        count = 0 if self.settings is None else len(self.settings)
        if count != len(self.ranges):
            raise ValueError(
                f"the coil {self.name!r} has {count} settings and {len(self.ranges)} "
                "ranges; each setting needs one."
            )

    def _repr_html_(self) -> str:
        return from_above(self)

    def __repr__(self) -> str:
        """Say what the coil is made of and what it has."""
        kinds = {
            type(each.element if isinstance(each, Part) else each).__name__: None
            for each in self.elements
        }
        has = [f"{len(self.elements)} of {', '.join(kinds)}"]
        if self.casing is not None:
            has.append(f"casing of {np.shape(self.casing)[0]} points")
        if self.max_current_rate is not None:
            has.append(f"at most {self.max_current_rate * 1e-6:g} A/µs")
        if self.ranges:
            has.append(f"{len(self.ranges)} settings")
        if self.stimulator_count > 1:
            has.append(f"{self.stimulator_count} stimulators")
        return f"Coil({self.name!r}: {'; '.join(has)})"

    def shaped(self, settings: ArrayLike) -> "Coil":
        """Move the parts.

        Args:
            settings: One for each of `ranges`. Traced values are not compared with the
                ranges; `clipped` keeps them inside. [m] or [rad]

        Raises:
            ValueError: The coil cannot move so far, or has another number of settings.
        """
        if jnp.shape(settings) != (len(self.ranges),):
            raise ValueError(
                f"{self.name!r} has {len(self.ranges)} settings, got the shape "
                f"{jnp.shape(settings)}."
            )
        if not isinstance(settings, Tracer):
            for index, (value, each) in enumerate(
                zip(np.asarray(settings).tolist(), self.ranges, strict=True)
            ):
                slack = 1e-9 * max(1.0, abs(each.lowest), abs(each.highest))
                if not each.lowest - slack <= value <= each.highest + slack:
                    raise ValueError(
                        f"setting {index} of {self.name!r} is {value:g}, outside its "
                        f"range [{each.lowest:g}, {each.highest:g}]. Use `clipped` to "
                        "stay inside."
                    )
        return dataclasses.replace(self, settings=jnp.asarray(settings, float))

    def clipped(self, settings: Float[Array, "setting"]) -> Float[Array, "setting"]:
        """Bring settings into their ranges. [m] or [rad]"""
        lowest = jnp.array([each.lowest for each in self.ranges], settings.dtype)
        highest = jnp.array([each.highest for each in self.ranges], settings.dtype)
        return jnp.clip(settings, lowest, highest)

    def driven(self, rates: ArrayLike) -> "Coil":
        """Set the dI/dt of each stimulator, per the dI/dt that is asked for later.

        Raises:
            ValueError: There are not as many rates as stimulators.
        """
        count = self.stimulator_count
        if jnp.shape(rates) != (count,):
            raise ValueError(
                f"{self.name!r} has {count} stimulators, got rates of the shape "
                f"{jnp.shape(rates)}."
            )
        return dataclasses.replace(self, rates=jnp.asarray(rates, float))

    @property
    def stimulator_count(self) -> int:
        """How many stimulators drive the coil."""
        named = [each.stimulator for each in self.elements if isinstance(each, Part)]
        return max(len(self.stimulators), 1, 1 + max(named, default=0))

    def vector_potential(
        self, points: Float[Array, "point 3"]
    ) -> Float[Array, "point 3"]:
        """Add up the vector potentials of the elements, at 1 A. [T m / A]"""
        total = None
        lists: dict[type, list] = {}
        for element in self.elements:
            held = element.element if isinstance(element, Part) else element
            pose = self._pose_of(element)
            if isinstance(held, AbstractSourceList):
                held = held if pose is None else held.placed(pose)
                if self.rates is not None:
                    held = held.scaled(self._rate_of(element))
                lists.setdefault(type(held), []).append(held)
                continue
            if pose is None:
                mine = held.vector_potential(points)
            else:
                mine = held.potential_at(points, pose)
            if self.rates is not None:
                mine = mine * self._rate_of(element)
            total = mine if total is None else total + mine
        for kind, parts in lists.items():
            whole = parts[0] if len(parts) == 1 else kind.joined(parts)
            mine = whole.vector_potential(points)
            total = mine if total is None else total + mine
        assert total is not None
        return total

    def sources(self) -> Sources:
        """Join the point sources of all elements."""
        return _joined_sources(self)

    def _sources(self) -> Sources:
        parts = []
        for element in self.elements:
            mine, pose = element.sources(), self._pose_of(element)
            mine = mine if pose is None else mine.placed(pose)
            parts.append(
                mine if self.rates is None else mine.scaled(self._rate_of(element))
            )
        return Sources.joined(parts)

    @property
    def surface_points(self) -> Float[Array, "point 3"]:
        """Points of all casings, or of the elements where there is none. [m]"""
        hulls = [] if self.casing is None else [self.casing]
        for element in self.elements:
            if isinstance(element, Part) and element.casing is not None:
                pose = self._pose_of(element)
                points = element.casing.points
                hulls.append(points if pose is None else pose.to_head(points))
        if hulls:
            return jnp.concatenate(hulls)
        return jnp.concatenate([self._moved_points(each) for each in self.elements])

    @property
    def has_casing(self) -> bool:
        """Whether a casing is known, of the coil or of a part."""
        parts = [each for each in self.elements if isinstance(each, Part)]
        return self.casing is not None or any(part.has_casing for part in parts)

    def placed_elements(self) -> list[tuple[AbstractCoil, Pose | None]]:
        """List the elements, as parts hold them, and where the settings put them."""
        return [
            (each.element if isinstance(each, Part) else each, self._pose_of(each))
            for each in self.elements
        ]

    def casing_surface(
        self,
    ) -> tuple[Float[np.ndarray, "point 3"], Int[np.ndarray, "triangle 3"]] | None:
        """Join the surfaces of all casings at the present settings.

        Returns:
            Points [m] and triangles, or None where no casing has triangles.
        """
        hulls = [(self.casing, self.casing_triangles)]
        for element in self.elements:
            if isinstance(element, Part) and element.casing is not None:
                pose, points = self._pose_of(element), element.casing.points
                points = points if pose is None else pose.to_head(points)
                hulls.append((points, element.casing.triangles))
        places, faces, count = [], [], 0
        for points, triangles in hulls:
            if points is not None and triangles is not None:
                places.append(np.asarray(points))
                faces.append(np.asarray(triangles) + count)
                count += len(points)
        return (np.concatenate(places), np.concatenate(faces)) if places else None

    def _moved_points(self, element: AbstractCoil) -> Float[Array, "point 3"]:
        pose = self._pose_of(element)
        points = element.surface_points
        return points if pose is None else pose.to_head(points)

    def _pose_of(self, element: AbstractCoil) -> Pose | None:
        if not isinstance(element, Part) or not element.motions:
            return None
        assert self.settings is not None
        return combined(element.motions, self.settings)

    def _rate_of(self, element: AbstractCoil) -> Float[Array, ""]:
        assert self.rates is not None
        return self.rates[element.stimulator if isinstance(element, Part) else 0]


@eqx.filter_jit
def _joined_sources(coil: Coil) -> Sources:
    # Compiled as a whole: part by part each of a coil's many shapes takes its time.
    return coil._sources()
