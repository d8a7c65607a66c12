"""A basis that grows by blocks of solved fields, and how dA/dt gives its coefficients.

Fields are weighted, so that their products are means over the places, and made orthonormal
block by block, twice for the digits [Giraud et al. 2005, doi:10.1007/s00211-005-0615-4].
What is known of a field is its row of coefficients. Proper orthogonal decomposition of all
rows turns the basis so that a few modes say most [Sirovich 1987, doi:10.1090/qam/910462].

The field is linear in dA/dt. So the weights by which the solved placements' dA/dt at a few
hundred points make a new placement's are those by which their fields make its field; they
are fitted by least squares, by singular values that are not too small. What the fit leaves
of dA/dt is what the solved placements do not know.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.linalg as sl
from jaxtyping import Float, Shaped
from numpy import ndarray
from numpy.typing import DTypeLike
from threadpoolctl import threadpool_limits

from .modes import room_for


_SMALLEST = 1e-6  # Singular values of dA/dt, relative to the largest, that still count.
_DEPENDENT = {
    4: 3e-6,
    8: 1e-13,
}  # What rounding leaves of a field that is known already.


@dataclass(frozen=True)
class Fit:
    """From dA/dt at the points to coefficients of modes.

    Attributes:
        directions: Orthonormal, of dA/dt at all points, that the training knows.
        coefficients: Of the modes, for each direction.
        turn: The modes, by rows of the basis.
    """

    directions: Float[ndarray, "rank reading"]
    coefficients: Float[ndarray, "mode rank"]
    turn: Float[ndarray, "mode basis"]


@dataclass
class Basis:
    """Orthonormal fields, and the solved fields as combinations of them.

    Attributes:
        unseen: What the basis leaves of the fields that only measure its error.
        rows: The basis, in blocks.
        known: Coefficients of the solved fields, each of norm 1.
        readings: dA/dt of the solved placements at the points, scaled alike.
        seen: Coefficients of the unseen fields, each of norm 1.
        unseen_readings: dA/dt of the unseen placements at the points, scaled alike.
    """

    unseen: Shaped[ndarray, "unseen column"]
    unseen_readings: Float[ndarray, "unseen reading"]
    rows: list[Shaped[ndarray, "new column"]] = field(default_factory=list)
    known: list[ndarray] = field(default_factory=list)
    readings: list[ndarray] = field(default_factory=list)
    seen: list[ndarray] = field(default_factory=list)

    def grow(
        self,
        fields: Shaped[ndarray, "new column"],
        readings: Float[ndarray, "new reading"],
    ) -> None:
        """Take in solved fields, each of norm 1, and dA/dt at the points, scaled alike."""
        before = np.zeros((len(fields), 0))
        for _ in range(2):
            parts = [fields @ block.T for block in self.rows]
            for part, block in zip(parts, self.rows, strict=True):
                fields = fields - part @ block
            joined = np.concatenate([*parts, np.zeros((len(fields), 0))], axis=1)
            before = joined if before.shape != joined.shape else before + joined
        q, r, order = _qr(fields.T)
        kept = np.abs(np.diag(r)) > _DEPENDENT[fields.dtype.itemsize]
        new = np.ascontiguousarray(q.T[kept])
        mine = np.empty((len(fields), len(new)))
        mine[order] = r[kept].T
        self.rows.append(new)
        self.known.append(np.concatenate([before, mine], axis=1).astype(np.float64))
        self.readings.append(readings)
        seen = self.unseen @ new.T
        self.unseen -= seen @ new
        self.seen.append(seen.astype(np.float64))

    @property
    def solved(self) -> int:
        """How many fields there are."""
        return sum(len(block) for block in self.known)

    def errors(self) -> Float[ndarray, "modes unseen"]:
        """Measure what each number of modes misses of the unseen fields, relatively."""
        fit = self.fit()
        found = fit.coefficients @ (fit.directions @ self.unseen_readings.T)
        whole = np.concatenate(self.seen, axis=1)
        wanted = fit.turn @ whole.T
        left = np.linalg.norm(self.unseen.astype(np.float64), axis=1) ** 2
        size = np.sum(whole**2, axis=1)
        # Outside of the first modes all is missed, inside what the coefficients are off.
        missed = size - np.cumsum(wanted**2, axis=0)
        wrong = np.cumsum((found - wanted) ** 2, axis=0)
        return np.sqrt(np.maximum(missed, 0) + wrong + left)

    def fit(self, modes: int | None = None) -> Fit:
        """Fit the coefficients of the most important modes, or of all."""
        readings, known = np.concatenate(self.readings), self.coefficients()
        # Threads that wait for each other take seconds on cores that are shared.
        with threadpool_limits(1, user_api="blas"):
            left, sizes, directions = np.linalg.svd(readings, full_matrices=False)
            _, _, turn = np.linalg.svd(known, full_matrices=False)
        kept = sizes > _SMALLEST * sizes[0]
        from_directions = known.T @ (left[:, kept] / sizes[kept])
        turn = turn[:modes]
        return Fit(directions[kept], turn @ from_directions, turn)

    def coefficients(self) -> Float[ndarray, "solved basis"]:
        """Return all solved fields as rows of coefficients."""
        count = sum(len(block) for block in self.rows)
        whole = np.zeros((self.solved, count))
        first = 0
        for block in self.known:
            whole[first : first + len(block), : block.shape[1]] = block
            first += len(block)
        return whole

    def modes(
        self,
        turn: Float[ndarray, "mode basis"],
        root: Float[ndarray, "point"],
        kind: DTypeLike,
    ) -> Shaped[ndarray, "chunk mode width"]:
        """Turn the basis into modes, without weights, in chunks.

        Args:
            turn: The modes, by rows of the basis.
            root: Of the weights of the places.
            kind: In what numbers.
        """
        room = room_for(len(turn), len(root), kind)
        width = room.shape[2]
        scale = np.repeat(1 / root, 3)
        turned = turn.astype(self.unseen.dtype)
        for number, chunk in enumerate(room):
            here = slice(number * width, (number + 1) * width)
            part = np.concatenate([block[:, here] for block in self.rows])
            chunk[:, : part.shape[1]] = (turned @ part) * scale[here]
        return room


def _qr(columns: Shaped[ndarray, "column new"]) -> tuple[ndarray, ndarray, ndarray]:
    """Decompose columns, the least known first."""
    found: Any = sl.qr(columns, mode="economic", pivoting=True)
    return found
