"""What searches by a basis found, and how well it knows the poses."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...coils import Pose
from ...efield import Accuracy
from ..inputs.bases import Basis
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


@dataclass(frozen=True)
class FoundByBasis:
    """Placements over M1 and a target that were found by a basis, and solved directly.

    Attributes:
        source: The file of the basis.
        accuracy: Of the basis.
        errors: That it estimates for both; None where the placement was given.
        outside: Which of them it does not know.
    """

    source: str
    accuracy: Accuracy
    errors: tuple[float | None, float | None]
    outside: tuple[str, ...]

    @classmethod
    def of(
        cls, basis: Basis, poses: Sequence[Pose | None], numbers: Sequence[int]
    ) -> "FoundByBasis":
        """Look at placements of the basis' coils with these numbers, where found."""
        field = basis.field
        given = list(zip(("M1", "the target"), poses, numbers, strict=True))
        errors = tuple(
            None if pose is None else float(field.estimated_error(pose, coil=number))
            for _, pose, number in given
        )
        outside = tuple(
            name
            for name, pose, number in given
            if pose is not None and bool(field.outside(pose, coil=number))
        )
        return cls(basis.source, field.accuracy, (errors[0], errors[1]), outside)

    def to_json(self) -> dict:
        """For `dose.json`."""
        return {
            "file": self.source,
            "error": error_of(self.accuracy),
            "estimated_errors": list(self.errors),
            "outside": list(self.outside),
        }

    def describe(self) -> None:
        """Print it, and warn of placements that the basis does not know."""
        known = [each for each in self.errors if each is not None]
        print(
            f"placements       found by the basis {self.source}, within "
            f"{max(known):.2%} in all of its tissue; fields by direct solves"
        )
        if self.outside:
            warn(
                f"the placement over {' and '.join(self.outside)} is outside of what the "
                f"basis {self.source} has seen; a better one may have been missed. Make a "
                "basis of a larger domain, or leave out --reduced."
            )
