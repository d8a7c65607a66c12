"""Setting up a reduced field: solve placements until unseen ones are known well enough."""

import dataclasses
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import DTypeLike

from ...coils import AbstractCoil, Pose
from ...meshing import Progress, Region
from ...meshing.progress import silent
from ..conductor import Conductor
from ..linear import AbstractSolver, HostMultigrid, Multigrid, default_solver
from .accuracy import Accuracy, Origin
from .basis import Basis
from .blocks import Blocks
from .candidates import Candidates, reading_points
from .digests import conductor_digest, digest_of
from .drives import by_stimulator, drives
from .field import ReducedField
from .measuring import Unseen, measured, with_strengths
from .modes import modes_of
from .readouts import AbstractReadout, readout_of
from .solving import Channel, Driven, Solving, some


_POOL = 2000  # Placements, of which those that add most are solved.
_MORE = 1000  # That are added to them each time, for the edges of the domain.
_STEP = 32  # Placements solved between looks at the error.
_AIM, _REST = 0.9, 0.75  # Of the tolerance: for the modes that are kept, for all.

_RESIDUAL = 3e-3  # Of a solve, in units of the tolerance of the basis.

_log = logging.getLogger("tmsgrad")

Sampler = Callable[[int, int], Pose]


@dataclass(frozen=True)
class Growth:
    """How far a basis grows.

    Attributes:
        tolerance: Of the relative error of E, for each unseen placement.
        modes: At most so many.
        solves: At most so many, beside those of unseen placements.
        unseen: So many placements only measure the error.
    """

    tolerance: float = 4e-3
    modes: int = 400
    solves: int = 800
    unseen: int = 32

    def __post_init__(self):
        if not 0 < self.tolerance < 1:
            raise ValueError(
                f"`tolerance` must lie between 0 and 1, got {self.tolerance!r}."
            )
        if min(self.modes, self.solves, self.unseen) < 1:
            raise ValueError("`modes`, `solves` and `unseen` must be at least 1.")


_AS_USUAL = Growth()


def reduce(
    conductor: Conductor,
    coil: AbstractCoil | Sequence[AbstractCoil],
    poses: Pose | Sampler,
    at: Region | AbstractReadout,
    *,
    growth: Growth = _AS_USUAL,
    kind: DTypeLike = np.float32,
    solver: AbstractSolver | None = None,
    keep: str | os.PathLike[str] | None = None,
    about: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> ReducedField:
    """Make the field at many places a sum of modes, for any placement in a domain.

    Of many placements those that add most are solved, until placements that the basis has
    not seen are within the tolerance.

    Args:
        conductor: The head, of any order and conductivity.
        coil: The coil at its present settings, or several that share a basis; each
            stimulator of a coil is driven apart.
        poses: The domain: a batch of placements, of which the last ones measure the
            error; or a function of a count and a seed that gives as many, as
            `optimize.placements` makes.
        at: Where E is wanted: a region's tetrahedra, or what `at_points` makes.
        growth: Tolerance and limits.
        kind: Of the modes' numbers, float32 or float64; `ReducedField.stored` makes
            them fewer bits.
        solver: As for `solve`.
        keep: A folder for solved fields: an interrupted set-up goes on from there. Delete
            it afterwards.
        about: What else to write down, such as `{"head": "ernie.msh"}`.
        progress: Called with the share done, about, and what is being done.

    Returns:
        The field, with its `accuracy`. Where the tolerance was not reached, that and the
        log say so.

    Raises:
        ValueError: There are too few placements, or an argument is out of range.
    """
    report = progress or silent
    report(0.0, "reading the coil")
    readout = readout_of(conductor, at)
    domain = _Domain.of(poses, growth)
    if solver is None:
        most = growth.solves + growth.unseen
        solver = _quicker(default_solver(conductor.host.mesh, most), growth)
    coils = [coil] if isinstance(coil, AbstractCoil) else list(coil)
    driven = tuple(drives(each) for each in coils)
    channels = [
        Channel(number, stimulator, alone)
        for number, each in enumerate(coils)
        for stimulator, alone in enumerate(by_stimulator(each)[0])
    ]
    head = conductor_digest(conductor)
    key = [head, *(each.digest for each in driven), domain.digest, _digest(readout)]
    solving = Solving(
        conductor,
        channels,
        driven,
        readout,
        reading_points(conductor, readout.positions),
        np.dtype(kind),
        solver,
        Blocks(keep, " ".join([*key, str(np.dtype(kind))])),
    )
    order = conductor.elements.order
    origin = Origin(head, order, tuple((about or {}).items()))
    found = _Growing(solving, domain, growth, report).run(origin)
    if not found.accuracy.reached:
        _log.warning(
            "the tolerance of %g was not reached: %s", growth.tolerance, found.accuracy
        )
    report(1.0, "done")
    return found


@dataclass(frozen=True)
class _Domain:
    """Placements to choose of, some to measure the error by, and more of them, if any."""

    pool: Pose
    unseen: Pose
    sampler: Sampler | None

    @classmethod
    def of(cls, poses: Pose | Sampler, growth: Growth) -> "_Domain":
        if not isinstance(poses, Pose):
            return cls(poses(_POOL, 0), poses(growth.unseen, 1), poses)
        batch = poses.translation.ndim == 2
        count = len(poses.translation) if batch else 1
        seen = count - growth.unseen
        if not batch or seen < 2:
            raise ValueError(
                f"`poses` must be a batch of at least {growth.unseen + 2} placements, of "
                f"which the last {growth.unseen} measure the error, got {count}. Give "
                "more, or another `growth=Growth(unseen=...)`."
            )
        rest = some(poses, np.arange(seen, count))
        return cls(some(poses, np.arange(seen)), rest, None)

    @property
    def digest(self) -> str:
        return digest_of([x.to_matsimnibs() for x in (self.pool, self.unseen)])


class _Growing:
    """A basis while it grows."""

    def __init__(
        self, solving: Solving, domain: _Domain, growth: Growth, report: Progress
    ):
        self.solving, self.growth, self.report = solving, growth, report
        self.domain, self.channels = domain, len(solving.channels)
        report(0.02, "looking at dA/dt of the domain")
        self.pool = Driven.all_of(domain.pool, self.channels)
        self.readings = solving.readings(self.pool)
        self.candidates = Candidates(self.readings)
        report(0.05, "solving placements to measure the error")
        placed = Driven.in_turn(domain.unseen, self.channels)
        fields, norms = solving.fields(placed)
        self.unseen = Unseen(placed, fields, norms, solving.readings(placed))
        self.basis = Basis(fields.copy(), self.unseen.readings / norms[:, None])

    def run(self, origin: Origin) -> ReducedField:
        modes = self._grow()
        self.report(0.9, f"turning {self.basis.solved} fields into {modes} modes")
        fit = self.basis.fit(modes)
        solving, unseen = self.solving, self.unseen
        self._look_at_more()
        read = np.concatenate([self.readings, unseen.readings])
        which = np.concatenate([self.pool.channels, unseen.placed.channels])
        coils, limit = with_strengths(solving, fit, read, which)
        scaled = fit.coefficients @ (fit.directions @ unseen.readings.T)
        chunks = self.basis.modes(fit.turn, solving.root, solving.kind)
        zero = np.zeros(len(unseen.placed))
        made = ReducedField(
            modes_of(chunks, len(solving.root)),
            solving.points,
            jnp.asarray(fit.directions, float),
            jnp.asarray(fit.coefficients, float),
            coils,
            solving.readout.positions,
            jnp.asarray(solving.readout.weights, float),
            Accuracy(
                unseen.placed.poses,
                np.array([solving.channels[i].coil for i in unseen.placed.channels]),
                *(zero, zero, zero),
                jnp.asarray(scaled.T, float),
                self.growth.tolerance,
                limit,
                0.0,
                self.basis.solved,
            ),
            origin,
        )
        self.report(0.95, "measuring the error")
        return dataclasses.replace(made, accuracy=measured(made, unseen, solving))

    def _grow(self) -> int:
        """Solve placements until a number of modes will do, and return it."""
        while True:
            most = min(self.growth.solves, len(self.readings))
            wanted = min(_STEP, most - self.basis.solved)
            chosen = self.candidates.choose(wanted)
            fields, norms = self.solving.fields(self.pool.some(chosen))
            self.basis.grow(fields, self.readings[chosen] / norms[:, None])
            worst = self.basis.errors().max(axis=1)
            solved, last = self.basis.solved, float(worst[-1])
            self.report(
                _share(solved, last, self.growth),
                f"{solved} solved, unseen ones within {last:.2%}",
            )
            modes = _enough(worst, self.growth)
            if modes is not None or solved >= most:
                return modes or min(self.growth.modes, len(worst))
            self._look_at_more()

    def _look_at_more(self) -> None:
        """Add to the placements, as the first ones need not reach the domain's edges."""
        if self.domain.sampler is None:
            return
        poses = self.domain.sampler(_MORE, 2 + self.basis.solved)
        more = Driven.all_of(poses, self.channels)
        readings = self.solving.readings(more)
        self.candidates.add(readings)
        self.pool = self.pool.and_also(more)
        self.readings = np.concatenate([self.readings, readings])


def _enough(worst: Float[ndarray, "modes"], growth: Growth) -> int | None:
    """Choose the fewest modes that will do, or None where more placements are wanted."""
    if worst[-1] > _REST * growth.tolerance:
        return None
    count = int(np.argmax(worst <= _AIM * growth.tolerance)) + 1
    return min(count, growth.modes)


def _share(solved: int, error: float, growth: Growth) -> float:
    """Guess how much is done, from the logarithm of the error."""
    aim = _REST * growth.tolerance
    done = np.log(1 / max(min(error, 1), aim)) / np.log(1 / aim)
    return float(0.1 + 0.8 * max(done, solved / growth.solves))


def _quicker(solver: AbstractSolver, growth: Growth) -> AbstractSolver:
    """Let what iterates end where its error is small beside that of the basis.

    On a head of 123k tetrahedra E was off by up to 2 times the residual.
    """
    if not isinstance(solver, HostMultigrid | Multigrid):
        return solver
    rtol = max(solver.rtol, _RESIDUAL * growth.tolerance)
    return dataclasses.replace(solver, rtol=rtol)


def _digest(readout: AbstractReadout) -> str:
    return digest_of([readout.positions, readout.weights])
