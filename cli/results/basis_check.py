"""What a search by a basis found, beside the direct solution at the same pose."""

from dataclasses import dataclass

from ...efield import Accuracy
from ..runtime.notices import warn
from .reduced_result import error_of


@dataclass(frozen=True)
class BasisCheck:
    """The value of an objective by a basis, and by a direct solution.

    Attributes:
        source: The file of the basis.
        accuracy: Of the basis.
        objective: One of those of the command line.
        unit: Of the values: V/m, or 1.
        by_basis: The value as the search has it.
        by_solve: The same, of the direct solution.
        outside: Whether the basis does not know the pose.
        error: That the basis estimates for the pose.
    """

    source: str
    accuracy: Accuracy
    objective: str
    unit: str
    by_basis: float
    by_solve: float
    outside: bool
    error: float

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "file": self.source,
            "error": error_of(self.accuracy),
            "objective": self.objective,
            "value_unit": self.unit,
            "by_basis": self.by_basis,
            "by_direct_solve": self.by_solve,
            "outside": self.outside,
            "estimated_error": self.error,
        }

    def describe(self) -> None:
        """Print it."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        print(
            f"{self.objective:16} {self.by_solve:.4f}{unit} by a direct solve, "
            f"{self.by_basis:.4f}{unit} by the basis {self.source}, within "
            f"{self.error:.2%} in all of its tissue here"
        )

    def warn(self) -> None:
        """Warn where the basis does not know the pose."""
        if self.outside:
            warn(
                f"the best pose is outside of what the basis {self.source} has seen. Its "
                "field is from a direct solve, but the search may have missed a better "
                "pose: make a basis of a larger domain, or search without --reduced."
            )
