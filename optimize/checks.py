"""What functions are given must be of the right kind; messages say how to make it so."""

import numpy as np

from ..coils import AbstractCoil
from ..coils.pose import require_pose
from ..efield import Reciprocal
from ..meshing import HeadMesh, Scalp
from .domain import Domain
from .objectives import AbstractObjective


def check_inputs(
    objective: object, coil: object, scalp: object, domain: object = None
) -> None:
    """Refuse arguments of another type.

    Raises:
        TypeError: One is.
    """
    if not isinstance(objective, AbstractObjective):
        hint = (
            "write `optimize.MeanMagnitude(reciprocal)`"
            if isinstance(objective, Reciprocal)
            else "such as `optimize.MeanMagnitude(efield.reciprocal(conductor, target))`"
        )
        raise _wrong("objective", "an objective of `optimize`", objective, hint)
    if not isinstance(coil, AbstractCoil):
        raise _wrong("coil", "a coil", coil, "such as `coils.read(…)` returns")
    if not isinstance(scalp, Scalp):
        hint = "write `meshing.scalp(head)`" if isinstance(scalp, HeadMesh) else ""
        hint = hint or "such as `meshing.scalp(head)` returns"
        raise _wrong("scalp", "a `meshing.Scalp`", scalp, hint)
    if domain is not None and not isinstance(domain, Domain):
        hint = "such as `optimize.Domain(distance=4e-3)`"
        raise _wrong("domain", "an `optimize.Domain`", domain, hint)


def check_point(name: str, value: object) -> None:
    """Refuse what is no point.

    Raises:
        ValueError: It is not three finite numbers.
    """
    hint = ""
    try:
        point = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        point = np.empty(0)
    if point.shape == (4, 4):
        hint = "; of a matrix of a pose that is `matrix[:3, 3] * 1e-3`"
    if point.shape != (3,) or not np.isfinite(point).all():
        raise ValueError(
            f"`{name}` must be three finite numbers, a point in m, got "
            f"{_described(value)}{hint}."
        )


def check_pose(pose: object) -> None:
    """Refuse what is no single pose.

    Raises:
        TypeError: It is no pose.
        ValueError: It is a batch of poses.
    """
    given = require_pose(pose)
    if np.ndim(given.translation) != 1:
        raise ValueError(
            f"one pose is wanted, got a batch of {np.shape(given.translation)[:-1]}."
        )


def check_rate(current_rate: float) -> None:
    """Refuse what is no dI/dt.

    Raises:
        ValueError: It is not positive and finite.
    """
    if not (np.isfinite(current_rate) and current_rate > 0):
        raise ValueError(
            f"`current_rate` must be a positive number in A/s, got {current_rate!r}."
        )


def _wrong(name: str, wanted: str, got: object, hint: str) -> TypeError:
    return TypeError(f"`{name}` must be {wanted}, got {_described(got)}: {hint}.")


def _described(value: object) -> str:
    shape = getattr(value, "shape", None)
    if shape is None:
        return (
            f"{type(value).__name__} {value!r}"
            if np.isscalar(value)
            else (f"a {type(value).__name__}")
        )
    return f"a {type(value).__name__} of the shape {tuple(shape)}"
