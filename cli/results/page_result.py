"""What `tmsgrad page` made, and how well its field stands for solves."""

from dataclasses import dataclass
from typing import ClassVar

from ...efield import Accuracy
from ...efield.verdict import Verdict
from ..runtime.provenance import Provenance
from .reduced_result import error_of


@dataclass(frozen=True, eq=False)
class BestOfCoil:
    """The best placement of one coil.

    Attributes:
        name: Of the coil.
        matsimnibs: The pose. [mm]
        value: The mean field in the target, by the basis, at 1 A/µs. [V/m]
        rules: What the placements of clinical rules are worth, as shares of that.
    """

    name: str
    matsimnibs: list[list[float]]
    value: float
    rules: dict[str, float]

    def to_json(self) -> dict:
        """For `--json`."""
        return {
            "coil": self.name,
            "matsimnibs": self.matsimnibs,
            "target_mean_vector_norm_V_per_m_at_1_A_per_us": self.value,
            "rules": self.rules,
        }


@dataclass(frozen=True, eq=False)
class PageResult:
    """An interactive page.

    Attributes:
        out: Its file.
        size: Of it, in bytes.
        accuracy: Of the basis, against direct solves.
        verified: By how much the page's |E| in the target differs from a direct solve of
            the first coil's best placement, relative.
        verdict: On the mesh.
        best: Of each coil.
        tensors: What became of diffusion tensors, in words, or None.
        origin: Where it comes from.
        seconds: By stage and in total.
    """

    schema: ClassVar[int] = 1

    out: str
    size: int
    accuracy: Accuracy
    verified: float
    verdict: Verdict
    best: tuple[BestOfCoil, ...]
    tensors: str | None
    origin: Provenance
    seconds: dict[str, float]

    def to_json(self) -> dict:
        """For `--json`."""
        return {
            "schema": self.schema,
            "file": self.out,
            "bytes": self.size,
            "error": error_of(self.accuracy),
            "target_differs_from_solve": self.verified,
            "mesh": {"verdict": self.verdict.word, "reasons": self.verdict.reasons},
            "best": [each.to_json() for each in self.best],
            "tensors": self.tensors,
            "provenance": self.origin.as_json(),
            "seconds": self.seconds,
        }

    def show(self) -> None:
        """Print it."""
        if self.tensors is not None:
            print(self.tensors)
        for each in self.best:
            print(f"{each.name}: {each.value:.4g} V/m in the target at 1 A/µs")
            for name, share in each.rules.items():
                print(f"  {name:<28} {share:.0%}")
        print(f"field of the page   {self.accuracy}")
        print(f"  in the target {self.verified:.2%} from a direct solve")
        print(f"mesh                {self.verdict.word}")
        print(f"written to {self.out} ({self.size / 1e6:.1f} MB)")
