"""What the coils over M1 and over the target do, and the outputs that follow."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from ... import efield, meshing
from ...efield import ElectricField
from ...optimize import dosing
from ..results.fields import check_field
from ..results.figures import TargetError
from .dose_prepare import Frame
from .dose_request import DoseRequest


@dataclass(frozen=True, eq=False)
class Fields:
    """What the two coils do.

    Attributes:
        target: The field of the target's coil, at 1e6 A/s.
        first: Of M1 and of the target, at 1e6 A/s, as in the fields. [V/m]
        values: The same, corrected for the mesh where that is asked for. [V/m]
        mesh: What the mesh leaves in these; None where they are not corrected.
        depths: From scalp to cortex, there and there. [m]
    """

    target: ElectricField
    first: tuple[float, float]
    values: tuple[float, float]
    mesh: tuple[TargetError, TargetError] | None
    depths: tuple[float, float]

    @classmethod
    def of(cls, request: DoseRequest, frame: Frame) -> "Fields":
        """Solve for both.

        Raises:
            ValueError: A field is none.
        """
        head, metric = frame.head, request.metric
        fields = [
            efield.solve(frame.conductor, site.coil, site.pose, 1e6)
            for site in frame.sites
        ]
        depth = efield.CortexDistance(head, meshing.scalp(head, exact=False))
        above_motor, above_target = (depth(site.pose)[1] for site in frame.sites)
        motor, target = (
            metric(head, field, site.region)
            for field, site in zip(fields, frame.sites, strict=True)
        )
        for name, value in (("M1", motor), ("the target", target)):
            check_field(value, f"{metric.words} in {name}")
        first, depths = (motor, target), (above_motor, above_target)
        if not request.corrected or frame.conductor.elements.order > 1:
            return cls(fields[1], first, first, None, depths)
        values, mesh = _corrected(frame, fields, first)
        return cls(fields[1], first, values, mesh, depths)


def _corrected(
    frame: Frame, fields: list[ElectricField], first: tuple[float, float]
) -> tuple[tuple[float, float], tuple[TargetError, TargetError]]:
    """Correct both values for the mesh, by what it does to the norms of mean vectors."""
    second = efield.enriched(frame.conductor, frame.head)
    values, errors = [], []
    for site, field, value in zip(frame.sites, fields, first, strict=True):
        found = efield.target_field(
            frame.conductor, frame.head, site.region, second=second
        )
        norm, bar = found.mesh_error(jnp.linalg.norm, site.coil, site.pose)
        unit = value / float(jnp.linalg.norm(field.mean(site.region)))
        values.append(norm * unit)
        errors.append(TargetError(bar * unit, value, order=1))
    return (values[0], values[1]), (errors[0], errors[1])


def rules_of(
    threshold: float, frame: Frame, fields: Fields, words: str
) -> tuple[dosing.Output, ...]:
    """The outputs by rules, of which the last matches the fields.

    Args:
        threshold: Resting motor threshold, a share of the maximum.
        frame: Of both places.
        fields: There.
        words: What of them is matched.
    """
    found = [dosing.fixed(threshold, 1.2), dosing.fixed(threshold, 1.335)]
    if np.isfinite(fields.depths).all():
        slopes = (dosing.STOKES_2005, dosing.STOKES_2007)
        correct = dosing.distance_corrected
        found += [correct(threshold, *fields.depths, each) for each in slopes]
    known = None not in frame.maxima
    motor, target = frame.maxima if known else (1.0, 1.0)
    matched = dosing.field_matched(
        threshold,
        *fields.values,
        motor_maximum=motor or 1.0,
        target_maximum=target or 1.0,
        waveform_ratio=1.0 if frame.pulses is None else frame.pulses.ratio,
        metric=words,
    )
    return (*found, matched)
