"""A head that is refined until the field in a target is as exact as asked for."""

from dataclasses import dataclass, replace

from jaxtyping import Float
from numpy import ndarray

from ... import optimize
from ..runtime.notices import warn
from .frame import Frame
from .targets import Target


@dataclass(frozen=True)
class Refinement:
    """What refining a head came to.

    Attributes:
        asked: The bar over the value, at most.
        steps: How many refinements there were.
        tetrahedra: Before and after.
        bars: The bar over the value, before and after.
    """

    asked: float
    steps: int
    tetrahedra: tuple[int, int]
    bars: tuple[float, float]

    def describe(self) -> None:
        """Print it."""
        before, after = self.tetrahedra
        if self.steps == 0:
            words = f"with the mesh as it is, {before:,} tetrahedra"
        else:
            times = "1 refinement" if self.steps == 1 else f"{self.steps} refinements"
            words = (
                f"from {self.bars[0]:.2%} by {times}, {before:,} to {after:,} "
                "tetrahedra"
            )
        print(
            f"accuracy         ± {self.bars[1]:.2%} of {self.asked:.2%} asked: {words}"
        )

    def check(self, reached: float | None) -> None:
        """Warn where the mesh leaves more at the placement that was found in the end."""
        if reached is not None and reached > self.asked:
            warn(
                f"the mesh leaves {reached:.2%} at the placement that was found, more than "
                f"the {self.asked:.2%} asked for, which it kept at that of first order. "
                "Ask for a smaller --accuracy."
            )

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "asked": self.asked,
            "refinements": self.steps,
            "tetrahedra_before": self.tetrahedra[0],
            "tetrahedra": self.tetrahedra[1],
            "relative_error_before": self.bars[0],
            "relative_error": self.bars[1],
        }


def refine(
    frame: Frame,
    target: Target,
    domain: optimize.Domain,
    to: float,
    direction: tuple[float, float, float] | None = None,
    around: Float[ndarray, "3"] | optimize.UpperHead | None = None,
) -> tuple[Frame, Target, Refinement]:
    """Refine a head for a target's field, where the coil is best by first order.

    Args:
        frame: The head, its scalp, the coil; the scalp remains the same.
        target: Where the field is wanted.
        domain: Where the coil may be.
        to: The bar over the value, at most.
        direction: Of the component that counts; None for the norm.
        around: Where to search; None for near the target.

    Raises:
        ValueError: The accuracy is out of reach.
    """
    progress = frame.progress
    progress.stage("refinement", "placement for the refinement")
    steps = optimize.refined_at_best(
        *(frame.conductor, frame.head, target.region, frame.coil, frame.scalp, to),
        domain,
        direction=direction,
        around=around,
        done=lambda number, step: progress(
            number / (number + 3),
            f"refinement: ± {step.relative:.2%}, {len(step.head.tags):,} tetrahedra",
        ),
    )
    first, best = steps[0], steps[-1]
    figures = Refinement(
        to,
        len(steps) - 1,
        (len(frame.head.tags), len(best.head.tags)),
        (first.relative, best.relative),
    )
    finer = replace(frame, head=best.head, conductor=best.conductor)
    return finer, replace(target, region=best.target), figures
