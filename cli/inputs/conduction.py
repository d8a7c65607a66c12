"""How a head conducts, as it is asked for."""

import argparse
from dataclasses import dataclass, replace

from ... import efield
from ...efield import Conductor
from ...meshing import HeadMesh
from .files import read_conductivity


@dataclass(frozen=True)
class Conduction:
    """The conductivity and the elements that are asked for.

    Attributes:
        order: Of the elements, 1 or 2.
        corrected: Whether the mean field in a target is of second order, and corrected
            for the mesh, though the elements are of first.
        anisotropy: `scalar`, `vn`, `dir` or `mc`.
        tensor: The tensor image; None for that of the head's folder.
        tensor_coverage: The share of white matter that it must cover.
    """

    order: int = 1
    corrected: bool = True
    anisotropy: str = "scalar"
    tensor: str | None = None
    tensor_coverage: float = 0.5

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Conduction":
        """Take it from the options. The order is 1 where none is asked for."""
        return cls(
            options.order or 1,
            options.order is None,
            options.anisotropy,
            options.tensor,
            options.tensor_coverage,
        )

    @property
    def best(self) -> "Conduction":
        """The same with the elements by which the field in a target is stated."""
        return replace(self, order=2, corrected=False) if self.corrected else self

    @property
    def words(self) -> tuple[str, ...]:
        """The options that ask for the same again."""
        found = [f"--order={self.order}"]
        if self.anisotropy != "scalar":
            found.append(f"--anisotropy={self.anisotropy}")
            if self.tensor is not None:
                found.append(f"--tensor={self.tensor}")
            found.append(f"--tensor-coverage={self.tensor_coverage:g}")
        return tuple(found)

    def assemble(self, head: HeadMesh, source: str) -> tuple[Conductor, str | None]:
        """Make a head a conductor, and say what became of the tensors.

        Raises:
            ValueError: The image is missing, is given without need, or does not fit.
        """
        conductivity, words = read_conductivity(
            head, source, self.anisotropy, self.tensor, self.tensor_coverage
        )
        return efield.assemble(head, conductivity, order=self.order), words
