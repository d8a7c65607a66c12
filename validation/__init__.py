"""Validation: problems whose field is known, and how far from it a result is."""

from .catalogue import analytic_problems as analytic_problems
from .metrics import (
    Comparison as Comparison,
    PoseDistance as PoseDistance,
    compare as compare,
    dice as dice,
    mag as mag,
    peak as peak,
    pose_distance as pose_distance,
    rdm as rdm,
    relative_error as relative_error,
)
from .problems import (
    AbstractProblem as AbstractProblem,
    Accuracy as Accuracy,
    Bound as Bound,
    EllipsoidProblem as EllipsoidProblem,
    SphereProblem as SphereProblem,
)
from .sphere import coil_field as coil_field, sphere_field as sphere_field
