"""fMRIPrep's tables of confounds: regressors, and volumes that are to be left out.

Regressors are 24 of motion [Friston et al. 1996, doi:10.1002/mrm.1910350312], white matter
and cerebrospinal fluid or, in their place, components of these [aCompCor, Behzadi et al.
2007, doi:10.1016/j.neuroimage.2007.04.042], and if wanted the global signal. Framewise
displacement is that of Power et al. 2012, doi:10.1016/j.neuroimage.2011.10.018.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from ...disk import read_table


_MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
_ENDINGS = ("", "_derivative1", "_power2", "_derivative1_power2")
_TISSUES = ("csf", "white_matter")
_UNSTEADY = re.compile(r"non_steady_state_outlier\d+")
_FLAGGED = re.compile(r"motion_outlier\d+")
_COMPONENT = re.compile(r"a_comp_cor_\d+")
_COSINE = re.compile(r"cosine\d+")
_NO_NUMBER = ("n/a", "", "NaN", "nan")
_HEAD_RADIUS = 50e-3  # Turns are counted on a sphere of this radius [Power 2012]. [m]
_MM_PER_M = 1e3
_LIKE = 0.1e-3  # Displacements of table and motion differ by less. [m]


@dataclass(frozen=True, eq=False)
class Confounds:
    """What is known of each volume that is no brain activity.

    Attributes:
        regressors: One column each, zero where the table has none, as in first rows of
            derivatives.
        names: Of the columns.
        displacement: Framewise, of the first volume zero. [m]
        unsteady: Volumes before the magnetisation is steady.
        flagged: Volumes that the table names outliers of motion.
        variation: DVARS over its expectation; none where the table has none.
        remarks: What was assumed, a sentence each.
    """

    regressors: Float[ndarray, "time regressor"]
    names: tuple[str, ...]
    displacement: Float[ndarray, "time"]
    unsteady: Bool[ndarray, "time"]
    flagged: Bool[ndarray, "time"]
    variation: Float[ndarray, "time"] | None = None
    remarks: tuple[str, ...] = ()


def read_confounds(
    path: str | os.PathLike[str],
    volumes: int,
    global_signal: bool = False,
    components: int = 0,
) -> Confounds:
    """Read a table of confounds in fMRIPrep's names.

    Columns `non_steady_state_outlierNN` and `motion_outlierNN` name volumes to leave out.

    Args:
        path: Tab-separated, a row for each volume; rotations in rad, translations in mm.
        volumes: Of the images.
        global_signal: Whether to regress out the global signal too.
        components: So many of the `a_comp_cor_NN`, with the `cosineNN` that they were made
            without, in place of white matter and cerebrospinal fluid.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Rows or columns are missing, a column is named twice or holds something
            else than numbers.
    """
    table = _Table.read(Path(path), volumes)
    lacking = [name for name in _MOTION if name not in table.columns]
    if global_signal and "global_signal" not in table.columns:
        lacking.append("global_signal")
    if lacking:
        raise ValueError(
            f"{path}: columns of fMRIPrep are missing: {', '.join(lacking)}."
        )
    motion = np.stack([table.column(name) for name in _MOTION], axis=1)
    change = np.diff(motion, axis=0, prepend=motion[:1])
    expanded = np.stack([motion, change, motion**2, change**2], axis=2)
    others = [n for n in _TISSUES if n in table.columns]
    if components:
        others = table.components(components)
    if global_signal:
        others.append("global_signal")
    more = [table.column(name)[:, None] for name in others]
    steps = np.abs(change) * np.array([1 / _MM_PER_M] * 3 + [_HEAD_RADIUS] * 3)
    displacement, remarks = table.displacement(steps.sum(axis=1))
    return Confounds(
        np.concatenate([expanded.reshape(volumes, -1), *more], axis=1),
        (*(n + ending for n in _MOTION for ending in _ENDINGS), *others),
        displacement,
        table.marks(_UNSTEADY),
        table.marks(_FLAGGED),
        table.column("std_dvars") if "std_dvars" in table.columns else None,
        remarks,
    )


@dataclass(frozen=True, eq=False)
class _Table:
    """The words of a table, by column."""

    file: Path
    columns: Mapping[str, tuple[str, ...]]
    volumes: int

    @classmethod
    def read(cls, file: Path, volumes: int) -> "_Table":
        head, *rows = read_table(file, "\t") or [[]]
        if len(rows) != volumes:
            raise ValueError(
                f"{file}: the table has {len(rows)} rows, but the images {volumes} "
                "volumes: they do not belong together."
            )
        twice = sorted({name for name in head if head.count(name) > 1})
        uneven = [i + 2 for i, row in enumerate(rows) if len(row) != len(head)]
        if twice:
            raise ValueError(f"{file}: columns are named twice: {', '.join(twice)}.")
        if uneven:
            raise ValueError(
                f"{file}: line {uneven[0]} has another number of cells than the "
                f"{len(head)} columns."
            )
        return cls(file, dict(zip(head, zip(*rows, strict=True), strict=True)), volumes)

    def column(self, name: str) -> Float[ndarray, "time"]:
        """Numbers; where the first has none it is zero."""
        words = self.columns[name]
        try:
            values = [np.nan if w in _NO_NUMBER else float(w) for w in words]
        except ValueError:
            raise ValueError(
                f"{self.file}: column {name} holds something else than numbers."
            ) from None
        found = np.array(values)
        if not np.isfinite(found[1:]).all() or np.isinf(found[0]):
            raise ValueError(f"{self.file}: column {name} has no number in some rows.")
        return np.nan_to_num(found)

    def marks(self, pattern: re.Pattern[str]) -> Bool[ndarray, "time"]:
        """Which volumes any of the columns of a name marks."""
        marked = np.zeros(self.volumes, dtype=bool)
        for name in filter(pattern.fullmatch, self.columns):
            values = self.column(name)
            if not np.isin(values, (0, 1)).all():
                raise ValueError(
                    f"{self.file}: column {name} marks volumes, and must hold 0 and 1."
                )
            marked |= values == 1
        return marked

    def components(self, count: int) -> list[str]:
        """The first of aCompCor, and the cosines that they were made without."""
        known = sorted(filter(_COMPONENT.fullmatch, self.columns))
        if len(known) < count:
            raise ValueError(
                f"{self.file}: the table has {len(known)} columns a_comp_cor_NN, and "
                f"{count} are asked for."
            )
        return known[:count] + sorted(filter(_COSINE.fullmatch, self.columns))

    def displacement(
        self, computed: Float[ndarray, "time"]
    ) -> tuple[Float[ndarray, "time"], tuple[str, ...]]:
        """The table's own, or what its motion gives; and a remark where they differ. [m]"""
        if "framewise_displacement" not in self.columns:
            return computed, ()
        found = self.column("framewise_displacement") / _MM_PER_M
        apart = float(np.abs(found - computed)[1:].max(initial=0.0))
        if apart <= _LIKE:
            return found, ()
        return np.maximum(found, computed), (
            f"{self.file}: framewise_displacement differs from what the motion columns "
            f"give by up to {apart * _MM_PER_M:.2f} mm; the larger one is used.",
        )
