"""What `tmsgrad head refine` makes."""

from dataclasses import dataclass
from typing import ClassVar

from ..inputs.refining import Refinement


@dataclass(frozen=True, eq=False)
class RefinedHeadResult:
    """A head with finer elements.

    Attributes:
        file: Where it was written to.
        nodes: How many it has.
        tetrahedra: Likewise.
        refinement: What it came to.
        warnings: Of the run.
        seconds: By stage and in total.
    """

    schema: ClassVar[int] = 1

    file: str
    nodes: int
    tetrahedra: int
    refinement: Refinement
    warnings: tuple[str, ...]
    seconds: dict[str, float]

    def to_json(self) -> dict:
        """For `--json`."""
        return {
            "schema": self.schema,
            "head": self.file,
            "nodes": self.nodes,
            "tetrahedra": self.tetrahedra,
            "refinement": self.refinement.to_json(),
            "warnings": list(self.warnings),
            "seconds": self.seconds,
        }

    def describe(self) -> None:
        """Print it."""
        self.refinement.describe()
        print(f"written to       {self.file}")
