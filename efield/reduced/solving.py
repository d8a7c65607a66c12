"""Solving placements for a basis, and reading their dA/dt."""

from collections.abc import Iterator
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped
from numpy import ndarray

from ...coils import AbstractCoil, Interpolant, Pose, interpolate, joined
from ..conductor import Conductor
from ..forward import rates as rates_of, solve_means, solve_rate
from ..linear import AbstractSolver
from .blocks import Blocks
from .drives import Drives
from .readouts import AbstractReadout, AbstractReadoutOfMeans


_TOGETHER = 16  # Placements.
_TABLE = 2e7  # Nodes times sources, from where on a coil is tabulated.


@dataclass(frozen=True)
class Channel:
    """One stimulator of one coil, driven alone.

    Attributes:
        coil: Its number.
        stimulator: Its number in the coil.
        alone: The coil with this stimulator at 1 A.
    """

    coil: int
    stimulator: int
    alone: AbstractCoil


@dataclass(frozen=True)
class Driven:
    """Placements, each of one channel.

    Attributes:
        poses: A batch.
        channels: Of each.
    """

    poses: Pose
    channels: Int[ndarray, "pose"]

    def __len__(self) -> int:
        return len(self.channels)

    def some(self, index) -> "Driven":
        """Take some of them."""
        return Driven(some(self.poses, index), self.channels[index])

    def and_also(self, more: "Driven") -> "Driven":
        """Put others behind them."""
        both = [(x.rotation, x.translation) for x in (self.poses, more.poses)]
        poses = Pose(*(np.concatenate(parts) for parts in zip(*both, strict=True)))
        return Driven(poses, np.concatenate([self.channels, more.channels]))

    @classmethod
    def all_of(cls, poses: Pose, channels: int) -> "Driven":
        """Take each placement with each channel."""
        count = len(poses.translation)
        every = some(poses, np.tile(np.arange(count), channels))
        return cls(every, np.repeat(np.arange(channels), count))

    @classmethod
    def in_turn(cls, poses: Pose, channels: int) -> "Driven":
        """Take each placement with one channel, one channel after the other."""
        return cls(poses, np.arange(len(poses.translation)) % channels)


class Solving:
    """A head, its coils, and where the field is wanted."""

    def __init__(
        self,
        conductor: Conductor,
        channels: list[Channel],
        coils: tuple[Drives, ...],
        readout: AbstractReadout,
        points: Float[ndarray, "reading 3"],
        kind: np.dtype,
        solver: AbstractSolver,
        blocks: Blocks,
    ):
        self.conductor, self.readout, self.kind = conductor, readout, kind
        self.channels, self.coils = channels, coils
        self.points = jnp.asarray(points, float)
        self.root = np.sqrt(readout.weights)
        self._solver, self._blocks, self._number = solver, blocks, 0
        self._quick: dict[int, AbstractCoil] = {}

    def fields(
        self, placed: Driven
    ) -> tuple[Shaped[ndarray, "pose column"], Float[ndarray, "pose"]]:
        """Solve placements, or take their fields from what was kept.

        Returns:
            Weighted fields of norm 1, and their norms.

        Raises:
            ValueError: The field at the places is zero or not finite.
        """
        parts = []
        for start in range(0, len(placed), _TOGETHER):
            block = placed.some(np.arange(start, min(start + _TOGETHER, len(placed))))
            found = self._blocks.load(self._number, block.poses)
            if found is None:
                found = self._solved(block).astype(self.kind)
                self._blocks.save(self._number, block.poses, found)
            self._number += 1
            parts.append(found)
        fields = np.concatenate(parts)
        norms = np.linalg.norm(fields.astype(np.float64), axis=1)
        if not (np.isfinite(norms) & (norms > 0)).all():
            raise ValueError(
                "the field of a placement is zero or not finite at the places wanted."
            )
        return (fields / norms[:, None]).astype(self.kind), norms

    def readings(self, placed: Driven) -> Float[ndarray, "pose reading"]:
        """Read the dA/dt of placements at the points."""
        found = np.empty((len(placed), self.points.size))
        for number in np.unique(placed.channels).tolist():
            here = np.flatnonzero(placed.channels == number)
            coil, unit = self.drive(number)
            read = _readings(coil, self.points, some(placed.poses, here), unit)
            found[here] = np.asarray(read).reshape(len(here), -1)
        return found

    def drive(self, channel: int) -> tuple[Drives, Float[Array, "stimulator"]]:
        """Return a channel's coil, and 1 A/s in its stimulator alone."""
        given = self.channels[channel]
        coil = self.coils[given.coil]
        return coil, jnp.eye(len(coil.sources))[given.stimulator]

    def _solved(self, placed: Driven) -> Shaped[ndarray, "pose column"]:
        conductor, readout = self.conductor, self.readout
        if isinstance(readout, AbstractReadoutOfMeans):
            found = readout.of_means(
                solve_means(
                    *(conductor, self._rates(placed), readout.tetrahedra),
                    solver=self._solver,
                )
            )
        else:
            rates = jnp.stack(list(self._rates(placed)))
            found = readout(solve_rate(conductor, rates, solver=self._solver), rates)
        return (np.asarray(found) * self.root[:, None]).reshape(len(placed), -1)

    def _rates(self, placed: Driven) -> Iterator[Float[Array, "node 3"]]:
        """Evaluate ∂A/∂t of one placement after the other. [V/m]"""
        for i, channel in enumerate(placed.channels.tolist()):
            pose = some(placed.poses, i)
            yield rates_of(self.conductor, self._coil(channel), pose, 1.0)

    def _coil(self, channel: int) -> AbstractCoil:
        if channel not in self._quick:
            coil = self.channels[channel].alone
            self._quick[channel] = _tabulated(coil, len(self.conductor.nodes))
        return self._quick[channel]


def some(poses: Pose, index) -> Pose:
    """Take some poses of a batch."""
    return Pose(np.asarray(poses.rotation)[index], np.asarray(poses.translation)[index])


@eqx.filter_jit
def _readings(
    driven: Drives, points: Float[Array, "reading 3"], poses: Pose, unit: Array
) -> Float[Array, "pose reading 3"]:
    return jax.lax.map(lambda pose: driven.potential(points, pose, unit), poses)


def _tabulated(coil: AbstractCoil, nodes: int) -> AbstractCoil:
    """Tabulate a coil where many placements on a large head pay for it."""
    if isinstance(coil, Interpolant):
        return coil
    quick = joined(coil)
    try:
        sources = coil.sources()
        count = len(sources.dipole_positions) + len(sources.current_positions)
        return interpolate(quick) if nodes * count > _TABLE else quick
    except ValueError:  # It has no sources, or they reach into the table.
        return quick
