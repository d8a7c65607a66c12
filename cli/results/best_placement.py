"""What `tmsgrad optimize` found, as one object: for the summary, the terminal, the page."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ... import optimize
from ...efield import UncertaintyTable
from ..inputs.refining import Refinement
from ..runtime.progress import rounded
from ..runtime.provenance import Provenance
from ..runtime.versions import versions
from .basis_check import BasisCheck
from .doses import (
    DoseChoice,
    print_rules,
    print_sensitivity,
    rule_json,
    sensitivity_json,
)
from .figures import (
    ErrorFigures,
    FieldFigures,
    Subject,
    TargetFigures,
)
from .gyri import GyrusFigures, Strongest
from .handle_result import HandleResult
from .placement import Placement, print_placement
from .pose_shift import PoseShift
from .shaping import ShapeResult


def mesh_error_of(placement: Placement, error: ErrorFigures) -> float | None:
    """What the mesh may leave in the field in the target, relative.

    The bar of a corrected value; else the estimate of the field's own error there.
    """
    mesh = placement.mesh
    return error.target if mesh is None else mesh.bar / abs(placement.value)


@dataclass(frozen=True, eq=False)
class PlacementResult:
    """What `tmsgrad optimize` finds.

    Attributes:
        placement: The best one.
        target: Where the field is wanted.
        field: At the best placement and its dI/dt.
        error: Estimated, of that field.
        search: How it was found, and other optima.
        tilt: How far the coil could be tilted. [rad]
        residual: Of the direct solution, relative.
        shape: Of a coil whose parts move, or None.
        dose: How the current was chosen, or None.
        rules: Placements by clinical rules; None where they were not asked for.
        uncertainty: Of the field in the target, or None.
        best_pose: How far it moves with the conductivities; None at a border.
        handle: Which way it points, and what that costs.
        place: Where on the scalp it is, from known positions, or None.
        gyri: Of target and strongest field, or None.
        threshold: Resting motor threshold, a share of the maximum, or None.
        refinement: Of the head, or None where none was asked for.
        by_basis: What the search's basis says, beside a direct solve, or None.
        subject: Head and coil.
        order: Of the elements.
        anisotropy: As the command line names it.
        tensors: What became of diffusion tensors, in words, or None.
        origin: Where the result comes from.
        seconds: By stage and in total.
        warnings: So far.
    """

    schema: ClassVar[int] = 1

    placement: Placement
    target: TargetFigures
    field: FieldFigures
    error: ErrorFigures
    search: optimize.Search
    tilt: float
    residual: float
    shape: ShapeResult | None
    dose: DoseChoice | None
    rules: tuple[optimize.Rule, ...] | None
    uncertainty: UncertaintyTable | None
    best_pose: PoseShift | None
    handle: HandleResult
    place: optimize.ScalpPlace | None
    gyri: GyrusFigures | None
    threshold: float | None
    refinement: Refinement | None
    by_basis: BasisCheck | None
    subject: Subject
    order: int
    anisotropy: str
    tensors: str | None
    origin: Provenance
    seconds: dict[str, float]
    warnings: tuple[str, ...]

    @property
    def mesh_error(self) -> float | None:
        """What the mesh may leave in the field in the target, relative."""
        return mesh_error_of(self.placement, self.error)

    @property
    def output(self) -> float | None:
        """Of the stimulator or of what the coil is made for, a share; None: not known."""
        if self.dose is not None and self.dose.dose.output is not None:
            return self.dose.dose.output
        return self.placement.share_of_max

    @property
    def of_threshold(self) -> float | None:
        """The output as a share of the motor threshold, where both are known."""
        if self.output is None or self.threshold is None:
            return None
        return self.output / self.threshold

    @property
    def strongest(self) -> Strongest | None:
        """Where the field of the cortex is strongest; None without gray matter."""
        gray, target = self.field.gray_matter, self.target
        if gray is None:
            return None
        centre = np.asarray(target.centre)
        return Strongest.of(gray.strongest, gray.highest, centre, target.radius)

    def to_json(self) -> dict:
        """What `summary.json` holds."""
        error = {"estimated_error": self.error.to_json()}
        subject = self.subject
        return {
            "schema": self.schema,
            **self.placement.to_json(),
            "target": self.target.to_json(),
            "field": self.field.to_json() | error,
            "optima": [self._optimum(each) for each in self.search.optima],
            "search": self._search(),
            "handle": self.handle.to_json(),
            "place": place_json(self.place),
            "gyri": None if self.gyri is None else self.gyri.to_json(),
            "motor_threshold": self.threshold,
            "share_of_motor_threshold": self.of_threshold,
            "solver": {"relative_residual": self.residual},
            "head": {
                "source": subject.head,
                "nodes": subject.nodes,
                "tetrahedra": subject.tetrahedra,
            },
            **(
                {}
                if self.refinement is None
                else {"refinement": self.refinement.to_json()}
            ),
            **self._by_basis(),
            "coil": {"source": subject.coil, "name": subject.coil_name},
            "versions": versions(),
            **self._uncertainty(),
            "provenance": self.origin.as_json(),
            "shape": None if self.shape is None else self.shape.to_json(),
            "dose": None if self.dose is None else self.dose.to_json(),
            **(
                {}
                if self.rules is None
                else {"rules": [rule_json(each) for each in self.rules]}
            ),
            "order": self.order,
            "anisotropy": self.anisotropy,
            "tensors": self.tensors,
            "seconds": self.seconds,
            "warnings": list(self.warnings),
        }

    def answer(self) -> dict:
        """What `--json` prints."""
        placement = self.placement
        return {
            "matsimnibs": placement.matrix.tolist(),
            "value": placement.value,
            "mesh_error": None if placement.mesh is None else placement.mesh.to_json(),
            "reciprocal_value": placement.reciprocal_value,
            "didt": placement.didt,
            "scalp_clearance_mm": placement.clearance * 1e3,
            "seconds": self.seconds,
            **self._by_basis(),
        }

    def share_of_best(self, optimum: optimize.Optimum) -> float | None:
        """How good an optimum is beside the best one, where that is positive."""
        free = self.search.free
        best = self.search.value if free is None else free.value
        return optimum.value / best if best > 0 else None

    def rating(self, optimum: optimize.Optimum) -> str:
        """The same in words: objectives have several units."""
        share = self.share_of_best(optimum)
        return f"{optimum.value:.4g}" if share is None else f"{share:.2%} of the best"

    def describe(self, out: str) -> None:
        """Print the placement, and what else was asked for."""
        if self.tensors is not None:
            print(self.tensors)
        if self.place is not None:
            print(f"where            {self.place.steps[0].words}")
        if self.gyri is not None:
            self.gyri.describe()
        print_placement(self.placement, self.handle, self.error)
        if self.of_threshold is not None:
            print(f"output           {self.of_threshold:.0%} of the motor threshold")
        if self.by_basis is not None:
            self.by_basis.describe()
        if self.refinement is not None:
            self.refinement.describe()
        if self.uncertainty is not None:
            print(self.uncertainty)
            if self.best_pose is not None:
                self.best_pose.describe()
        for other in self.search.optima[1:3]:
            matrix = np.asarray(other.pose.to_matsimnibs())
            print(
                f"another optimum  {self.rating(other)}, centre "
                f"{np.round(matrix[:3, 3], 1).tolist()} mm, handle "
                f"{np.round(-matrix[:3, 1], 2).tolist()}"
            )
        print(f"files            {Path(out)}{os.sep}")
        print(f"time             {self.seconds['total']:.1f} s")
        if self.shape is not None:
            self.shape.describe()
        if self.dose is not None:
            self.dose.describe()
        print_rules(self.rules or ())
        print_sensitivity(self.search.sensitivity)

    def _by_basis(self) -> dict:
        return {} if self.by_basis is None else {"reduced": self.by_basis.to_json()}

    def _uncertainty(self) -> dict:
        if self.uncertainty is None:
            return {}
        shift = None if self.best_pose is None else self.best_pose.to_json()
        return {"uncertainty": self.uncertainty.to_json() | {"best_pose": shift}}

    def _optimum(self, optimum: optimize.Optimum) -> dict:
        return {
            "matsimnibs": optimum.pose.to_matsimnibs().tolist(),
            "value": optimum.value,
            "share_of_best": self.share_of_best(optimum),
            "scalp_clearance_mm": optimum.clearance * 1e3,
        }

    def _search(self) -> dict:
        search, best = self.search, self.search.best
        return {
            "starts": search.starts,
            "converged": search.converged,
            "evaluations": search.evaluations,
            "simplification_error": search.simplification_error,
            "tilt_limit_degrees": np.degrees(self.tilt).item(),
            "at_edge": best.at_edge,
            "stopped": search.stopped,
            "reasons": list(search.reasons),
            "history": search.history.tolist(),
            "value": search.value,
            "robust_value": search.robust_value,
            "sensitivity": sensitivity_json(search.sensitivity),
            "gradient_V_per_m_per_mm": best.gradient[0],
            "gradient_V_per_m_per_degree": best.gradient[1],
            "seconds": rounded(search.seconds),
        }


def place_json(place: optimize.ScalpPlace | None) -> dict | None:
    """Where on the scalp a coil is, for a summary."""
    if place is None:
        return None
    return {
        "steps_mm": {
            each.name: {"forward": each.forward * 1e3, "outward": each.outward * 1e3}
            for each in place.steps
        },
        "tapes_mm": {name: length * 1e3 for name, length in place.tapes.items()},
    }
