"""`tmsgrad optimize --reduced`: a search by a basis, checked by a direct solution."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ... import optimize
from ...coils import Pose
from ...efield import ElectricField
from ..inputs.bases import Basis
from ..inputs.frame import Frame
from ..inputs.goals import Wishes
from ..results.basis_check import BasisCheck
from ..runtime.notices import note
from .optimize_request import OptimizeRequest


def take_basis(request: OptimizeRequest) -> tuple[OptimizeRequest, Basis | None]:
    """Read the basis to search by, if one is given; solves then are of its order.

    Raises:
        ValueError: It is no basis, or has other elements than are asked for.
        FileNotFoundError: There is no such file.
    """
    if request.reduced is None:
        return request, None
    conduction = request.conduction
    order = None if conduction.corrected else conduction.order
    basis = Basis.read(request.reduced, order)
    own = replace(conduction, order=basis.field.origin.order, corrected=False)
    return replace(request, conduction=own), basis


@dataclass(frozen=True, eq=False)
class SearchBasis:
    """The basis of a search, and which of its coils is searched with.

    Attributes:
        basis: That gives the field.
        number: Of the coil.
    """

    basis: Basis
    number: int

    @classmethod
    def of(cls, basis: Basis | None, frame: Frame) -> "SearchBasis | None":
        """Check that a basis is of this head and coil.

        Raises:
            ValueError: It is of others.
        """
        if basis is None:
            return None
        return cls(basis, basis.coil_number(frame.conductor, frame.coil))

    def knows(self, pose: Pose) -> bool:
        """Whether a placement is within what the basis has seen."""
        return not bool(self.basis.field.outside(pose, coil=self.number))

    def known(self, rules: Sequence[optimize.Rule]) -> list[optimize.Rule]:
        """Leave out the placements of rules that the basis does not know."""
        kept = [rule for rule in rules if self.knows(rule.pose)]
        left = [rule.name for rule in rules if not self.knows(rule.pose)]
        if left:
            note(
                f"not compared, as the basis {self.basis.source} does not know these "
                f"placements: {', '.join(left)}."
            )
        return kept

    def check(
        self,
        wishes: Wishes,
        goal: optimize.Goal,
        pose: Pose,
        value: float,
        field: ElectricField,
    ) -> BasisCheck:
        """Compare the search with the direct solution.

        Args:
            wishes: What was wanted.
            goal: Of the search.
            pose: The best one.
            value: There, as the search has it.
            field: There, of the direct solution, at the current rate of the search.
        """
        reduced = self.basis.field
        return BasisCheck(
            *(self.basis.source, reduced.accuracy, wishes.objective),
            "1" if wishes.ratio else "V/m",
            *(value, goal.rate(field), not self.knows(pose)),
            float(reduced.estimated_error(pose, coil=self.number)),
        )
