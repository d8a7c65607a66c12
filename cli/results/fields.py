"""Figures and files that every computed field gets."""

from pathlib import Path

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike

from ... import efield, meshing
from ...coils import Pose
from ...efield import ElectricField, ErrorEstimate
from ...meshing import HeadMesh, Region


_GRAY_MATTER = 2
_NO_FIELD = 1e-12  # What no coil near a head falls below, at 1 A/s. [V/m]


def check_field(values: ArrayLike, what: str, rates: ArrayLike = 1e6) -> None:
    """Refuse what is no result: values that are not finite, and no field at all.

    Args:
        values: Of a field, of any shape, or the first axis for poses. [V/m]
        what: Whose they are, for the message.
        rates: Their dI/dt, one or one for each pose. [A/s]

    Raises:
        ValueError: A value is not finite, or all are nothing.
    """
    found = np.asarray(values)
    wrong = np.count_nonzero(~np.isfinite(found))
    if wrong:
        raise ValueError(
            f"{what}: {wrong} of {found.size} values are not finite, so there is no "
            "result. Look at the head with `tmsgrad head check`, and at the coil with "
            "`tmsgrad coil info`."
        )
    driven = np.abs(np.asarray(rates, dtype=np.float64))
    most = np.abs(found).reshape((*driven.shape, -1)).max(axis=-1)
    if (most <= _NO_FIELD * driven).all():
        raise ValueError(
            f"{what}: the field is 0 V/m, which is no result: the coil has no field "
            "there, or its dI/dt is 0. Look at it with `tmsgrad coil info`, and at the "
            "units of its file."
        )


def field_figures(head: HeadMesh, field: ElectricField, target: Region | None) -> dict:
    """Summarise a field: in the target, and over gray matter by volume. [V/m]"""
    magnitude = np.asarray(field.magnitude)
    gray = head.tags == _GRAY_MATTER
    figures: dict = {}
    if target is not None:
        figures["target_mean_vector"] = np.asarray(field.mean(target)).tolist()
        figures["target_mean_magnitude"] = float(field.mean_magnitude(target))
    if gray.any():
        shares = (50.0, 99.0, 99.9)
        found = efield.volume_percentiles(magnitude[gray], head.volumes[gray], shares)
        figures["gray_matter_percentiles"] = dict(
            zip(map(str, shares), found, strict=True)
        )
        strong = found[-1]
        figures["focality"] = {
            "reference": "99.9th percentile of |E| in gray matter",
            "volume_mm3_above_percent": {
                str(share): _volume_above(head, magnitude, gray, share / 100 * strong)
                for share in (50, 75)
            },
        }
        peak = np.flatnonzero(gray)[np.argmax(magnitude[gray])]
        figures["gray_matter_maximum_at_mm"] = (head.centroids[peak] * 1e3).tolist()
    figures["unit"] = "V/m"
    return figures


def _volume_above(
    head: HeadMesh, magnitude: np.ndarray, chosen: np.ndarray, limit: float
) -> float:
    return float(head.volumes[chosen & (magnitude >= limit)].sum() * 1e9)


def error_figures(
    estimate: ErrorEstimate, head: HeadMesh, target: Region | None
) -> list[dict]:
    """Summarise estimated errors of fields, pose by pose, relative in L2."""
    parts = {"relative_l2_head": estimate.relative}
    if (head.tags == _GRAY_MATTER).any():
        gray = meshing.region(head, head.tags == _GRAY_MATTER)
        parts["relative_l2_gray_matter"] = estimate.in_region(gray)
    if target is not None:
        parts["relative_l2_target"] = estimate.in_region(target)
    columns = [np.atleast_1d(np.asarray(part)).tolist() for part in parts.values()]
    return [dict(zip(parts, row, strict=True)) for row in zip(*columns, strict=True)]


def write_field_msh(folder: Path, head: HeadMesh, field: ElectricField) -> None:
    """Write `field.msh`, for Gmsh and SimNIBS."""
    meshing.write_msh(
        folder / "field.msh",
        head,
        {
            "E": np.asarray(field.vectors),
            "magnE": np.asarray(field.magnitude),
            "v": nodal_potential(head, field),
        },
    )


def nodal_potential(head: HeadMesh, field: ElectricField) -> ndarray:
    """Take the potential at the nodes of the mesh, without those of edges. [V]"""
    return np.asarray(field.potential)[..., : len(head.nodes)]


def in_metres(pose: Pose) -> np.ndarray:
    """Return the pose as a 4×4 matrix with lengths in m."""
    matrix = pose.to_matsimnibs()
    matrix[:3, 3] *= 1e-3
    return matrix
