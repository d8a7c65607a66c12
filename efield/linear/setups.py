"""What solvers keep between solves: set-ups, each a function of a mesh and a conductivity.

A set-up is found again by the values it was made of, so that no result, and no number of
iterations, depends on what was solved before. Nothing here is part of a conductor: it can
be copied, pickled and sent to another process, which makes its own set-ups.
"""

import abc
import dataclasses
import os
import threading
import weakref
from collections.abc import Hashable
from typing import Any

import equinox as eqx
import numpy as np
from numpy import ndarray

from .stiffness import HostMesh


_MOST = 4  # Set-ups of one process: factors of large heads take gigabytes.


class AbstractSolver(eqx.Module):
    """A way to solve for the potential. Solvers are frozen and hold their tolerances."""

    @property
    def key(self) -> Hashable:
        """The set-up of this solver differs from another's by it: by default its class."""
        return type(self)

    @abc.abstractmethod
    def prepare(self, mesh: HostMesh, conductivity: ndarray) -> Any:
        """Do once what serves all right-hand sides of one conductivity.

        Nodes are in the order of `HostMesh`.
        """


@dataclasses.dataclass(frozen=True, eq=False)
class HostSide:
    """A head as solvers see it on the host: frozen, and equal where its contents are.

    Attributes:
        mesh: The geometry.
        reference: A conductivity whose set-up preconditions where that of the system has
            no values yet, in a function that is compiled. [S/m]
    """

    mesh: HostMesh
    reference: ndarray

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, HostSide)
            and self.mesh == other.mesh
            and np.array_equal(self.reference, other.reference)
        )

    def __hash__(self) -> int:
        return hash((self.mesh, self.reference.shape))

    def setup(self, solver: AbstractSolver, conductivity: ndarray) -> Any:
        """Return what `solver` prepares for a conductivity, made now if it must be."""
        return setup(solver, self.mesh, conductivity)


class _Slot:
    """The latest set-up of one kind of solver for one mesh."""

    def __init__(self):
        self.lock = threading.Lock()
        self.conductivity: ndarray | None = None
        self.made: Any = None


class Setups:
    """The latest set-ups of a process: one for each mesh and kind of solver, and few.

    They go with their mesh, or when others are wanted more recently: a compiled function
    that remembers a mesh does not keep its factors.
    """

    def __init__(self, most: int = _MOST):
        self._most = most
        self._lock = threading.RLock()  # A mesh may be collected at any time.
        self._slots: dict[tuple[int, Hashable], _Slot] = {}
        self._meshes: set[int] = set()
        self._process = os.getpid()
        self._of_parent: list[_Slot] = []

    def __len__(self) -> int:
        return len(self._slots)

    def setup(
        self, solver: AbstractSolver, mesh: HostMesh, conductivity: ndarray
    ) -> Any:
        """Return what `solver` prepares, from memory where the values are the same."""
        slot = self._slot(mesh, solver.key)
        with slot.lock:
            if slot.conductivity is None or not np.array_equal(
                slot.conductivity, conductivity
            ):
                slot.conductivity = slot.made = None  # Two need not fit the memory.
                # The buffer of a callback lives no longer than it.
                values = np.array(conductivity, dtype=np.float64)
                slot.made = solver.prepare(mesh, values)
                slot.conductivity = values
            return slot.made

    def _slot(self, mesh: HostMesh, key: Hashable) -> _Slot:
        with self._lock:
            if self._process != os.getpid():
                self._forget_the_parent()
            place = (id(mesh), key)
            if id(mesh) not in self._meshes:
                self._meshes.add(id(mesh))
                weakref.finalize(mesh, self._drop, id(mesh)).atexit = False
            slot = self._slots.pop(place, None) or _Slot()
            self._slots[place] = slot
            while len(self._slots) > self._most:
                self._slots.pop(next(iter(self._slots)), None)
            return slot

    def _drop(self, number: int) -> None:
        with self._lock:
            self._meshes.discard(number)
            for place in [place for place in self._slots if place[0] == number]:
                self._slots.pop(place, None)

    def _forget_the_parent(self) -> None:
        """After a fork: another process's factors are neither used nor released."""
        self._of_parent = list(self._slots.values())
        self._slots.clear()
        self._process = os.getpid()


_kept = Setups()


def setup(solver: AbstractSolver, mesh: HostMesh, conductivity: ndarray) -> Any:
    """Return what `solver` prepares for a mesh, from memory where it is there."""
    return _kept.setup(solver, mesh, conductivity)
