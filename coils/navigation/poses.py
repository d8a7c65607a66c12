"""Lists of named poses, as navigation systems keep them.

Files of navigation systems give lengths in mm and each its own axes of the coil; here they
are poses in the head's frame, with the coil's axes of SimNIBS.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import ArrayLike

from ... import coils
from ..rigid import check_rigid, rigid_matrices, rigid_parts
from .forms import ImageForm


if TYPE_CHECKING:
    from ..pose import Pose


HEAD_FRAME = "head"

# From the spaces that images have to RAS, in which heads are.
TO_RAS = {"RAS": np.eye(4), "LPS": np.diag([-1.0, -1.0, 1.0, 1.0])}

# Axes longer or shorter than these are no matter of rounding or of voxels' sizes.
_SMALLEST_SCALE, _LARGEST_SCALE = 0.1, 10.0

_RATES = (1e4, 1e11)  # As of coil files. [A/s]
_FARTHEST = 0.5  # A coil is not farther from the origin of its head's file. [m]


@dataclass(frozen=True, eq=False)
class PoseList:
    """Placements of a coil with their names, and what was recorded with them.

    Attributes:
        names: One for each pose; not necessarily different.
        rotations: Columns are the coil's axes in the head's frame.
        translations: The coil's centres. [m]
        groups: What each is: `target`, `sample`, `marker`, `pulse` or `pose`.
        current_rates: The dI/dt of each, NaN where none is known. [A/s]
        outputs: The stimulator's output as a share of its maximum, NaN where unknown.
        times: When each was recorded, from the first or the session's start on, NaN where
            unknown. [s]
        system: Where the list comes from, in words.
        frame: `head` for the coordinates of the head's image (RAS, as SimNIBS takes
            them), or the name of another frame.
        skipped: How many entries of the file have no position.
        notes: What a user should know about the list.
        form: Which coordinates of an image the poses are in, where that is known or may
            matter; `in_image` brings them to the head's.
        repaired: How many matrices were no rigid placements and were replaced by such.
    """

    names: tuple[str, ...]
    rotations: Float[ndarray, "pose 3 3"]
    translations: Float[ndarray, "pose 3"]
    groups: tuple[str, ...]
    current_rates: Float[ndarray, "pose"]
    outputs: Float[ndarray, "pose"]
    times: Float[ndarray, "pose"]
    system: str = "matsimnibs"
    frame: str = HEAD_FRAME
    skipped: int = 0
    notes: tuple[str, ...] = field(default=())
    form: ImageForm | None = None
    repaired: int = 0

    @classmethod
    def of_matrices(
        cls,
        matrices: ArrayLike,
        names: Sequence[str] | None = None,
        *,
        groups: Sequence[str] | None = None,
        current_rates: ArrayLike | None = None,
        outputs: ArrayLike | None = None,
        times: ArrayLike | None = None,
        system: str = "matsimnibs",
        frame: str = HEAD_FRAME,
        skipped: int = 0,
        notes: Sequence[str] = (),
        form: ImageForm | None = None,
        repair: bool = False,
    ) -> "PoseList":
        """Make a list of matrices as SimNIBS writes them.

        Args:
            matrices: Coil to head, lengths in mm, (poses, 4, 4).
            names: By default `pose 1` and so on. Control characters and line ends, which
                no file of a navigation system can hold, become spaces.
            groups: By default `pose`.
            current_rates: [A/s]
            outputs: Shares of the maximum.
            times: [s]
            system: Where the list comes from.
            frame: Of the coordinates.
            skipped: How many entries had no position.
            notes: What a user should know.
            form: Which coordinates of an image they are in.
            repair: Replace matrices that shear, scale or reflect, as `nearest_rigid` does.

        Raises:
            ValueError: A matrix is no rigid placement, or lies absurdly far away; the
                lengths of the lists differ; or what was recorded is infinite, or no dI/dt
                that stimulators make.
        """
        given = np.asarray(matrices, dtype=np.float64).reshape(-1, 4, 4)
        count = len(given)
        labels = (
            tuple(f"pose {i + 1}" for i in range(count))
            if names is None
            else tuple(map(_clean, names))
        )
        kinds = ("pose",) * count if groups is None else tuple(groups)
        said, changed = list(notes), 0
        if repair:
            given, changed = nearest_rigid(given, labels)
            if changed:
                said.append(
                    f"{changed} of {count} matrices were replaced by rigid ones."
                )
        check_rigid(given, labels)
        if frame == HEAD_FRAME:
            _check_near(given, labels)
        unknown = np.full(count, np.nan)
        recorded = [
            unknown if x is None else np.asarray(x, dtype=np.float64)
            for x in (current_rates, outputs, times)
        ]
        for listed in (labels, kinds, *recorded):
            if len(listed) != count:
                raise ValueError(
                    f"there are {count} poses, but a list of {len(listed)} things about "
                    "them."
                )
        _check_recorded(recorded, labels)
        return cls(
            labels,
            *rigid_parts(given),
            kinds,
            *recorded,
            system=system,
            frame=frame,
            skipped=skipped,
            notes=tuple(said),
            form=form,
            repaired=changed,
        )

    def __len__(self) -> int:
        return len(self.names)

    def matrices(self) -> Float[ndarray, "pose 4 4"]:
        """Return the poses as SimNIBS writes them: coil to head, lengths in mm."""
        return rigid_matrices(self.rotations, self.translations)

    @cached_property
    def poses(self) -> "Pose":
        """The placements, as a batch to compute with."""
        # By the package, which imports JAX only now: files are read without it.
        return coils.Pose(self.rotations, self.translations)

    def pose(self, index: int) -> "Pose":
        """One placement, to compute with.

        Raises:
            IndexError: There is no such pose.
        """
        return coils.Pose(self.rotations[index], self.translations[index])

    def selected(self, group: str) -> "PoseList":
        """Keep the poses of one group.

        Raises:
            ValueError: There is none.
        """
        chosen = np.array([each == group for each in self.groups], dtype=bool)
        if not chosen.any():
            present = ", ".join(sorted(set(self.groups))) or "none"
            raise ValueError(
                f"there is no {group} among the poses; there are: {present}."
            )
        keep = np.flatnonzero(chosen)
        return replace(
            self,
            names=tuple(self.names[i] for i in keep),
            groups=tuple(self.groups[i] for i in keep),
            rotations=self.rotations[keep],
            translations=self.translations[keep],
            current_rates=self.current_rates[keep],
            outputs=self.outputs[keep],
            times=self.times[keep],
        )

    def transformed(self, matrix: ArrayLike) -> "PoseList":
        """Carry the poses over to the head's frame.

        Args:
            matrix: From this list's frame to the head's, rigid, lengths in mm, (4, 4).

        Raises:
            ValueError: The matrix is not rigid, or puts a coil absurdly far away.
        """
        moves = np.asarray(matrix, dtype=np.float64)
        if moves.shape != (4, 4):
            raise ValueError(f"a transformation must be (4, 4), got {moves.shape}.")
        check_rigid(moves)
        rigid = rigid_matrices(*rigid_parts(moves))
        moved = rigid[None] @ self.matrices()
        _check_near(moved, self.names)
        rotations, translations = rigid_parts(moved)
        return replace(
            self,
            rotations=rotations,
            translations=translations,
            frame=HEAD_FRAME,
            form=None,
        )

    def turned(self, angle: float) -> "PoseList":
        """Turn every coil about its own z axis.

        Args:
            angle: From x towards y. [rad]
        """
        c, s = np.cos(angle), np.sin(angle)
        turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        return replace(self, rotations=self.rotations @ turn)


def joined(lists: Sequence[PoseList]) -> PoseList:
    """Put several lists after one another.

    Raises:
        ValueError: There is none, or their frames differ.
    """
    if not lists:
        raise ValueError("there is no list of poses to join.")
    if len({each.frame for each in lists}) > 1:
        raise ValueError("lists of poses in different frames cannot be joined.")
    together = lambda name: np.concatenate([getattr(each, name) for each in lists])
    return PoseList(
        sum((each.names for each in lists), ()),
        together("rotations"),
        together("translations"),
        sum((each.groups for each in lists), ()),
        together("current_rates"),
        together("outputs"),
        together("times"),
        lists[0].system,
        lists[0].frame,
        sum(each.skipped for each in lists),
        tuple(dict.fromkeys(sum((each.notes for each in lists), ()))),
        lists[0].form,
    )


def reframed(
    to_head: Float[ndarray, "4 4"],
    matrices: Float[ndarray, "pose 4 4"],
    axes: Float[ndarray, "4 4"],
) -> Float[ndarray, "pose 4 4"]:
    """Change the frame of the head and the axes of the coil.

    What is not finite, or overflows, stays so without a warning: `PoseList.of_matrices`
    refuses it by name.

    Args:
        to_head: From the file's frame, lengths in mm.
        matrices: Coil to the file's frame, lengths in mm.
        axes: From a coil's axes as in `Pose` to the file's.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return to_head @ matrices @ axes


def nearest_rigid(
    matrices: Float[ndarray, "pose 4 4"], names: Sequence[str] = ()
) -> tuple[Float[ndarray, "pose 4 4"], int]:
    """Replace matrices that shear, scale or reflect by rigid ones.

    Shear and scale: the nearest rotation (polar decomposition). A reflection keeps y and
    z, which are the handle and the coil's normal, and gets x = y × z. Centres stay.

    Args:
        matrices: Lengths in mm.
        names: For messages.

    Returns:
        All matrices, and how many of them were changed.

    Raises:
        ValueError: A matrix holds NaN, does not end in 0 0 0 1, or its axes span no space.
    """
    result, changed = matrices.copy(), 0
    for index, matrix in enumerate(matrices):
        try:
            check_rigid(matrix)
        except ValueError as error:
            name = f"pose {index}" + (f" ({names[index]!r})" if len(names) else "")
            hopeless = not np.isfinite(matrix).all()
            hopeless = hopeless or np.abs(matrix[3] - [0, 0, 0, 1]).max() > 1e-6
            hopeless = hopeless or np.abs(matrix[:3, :3]).max() > _LARGEST_SCALE
            axes = matrix[:3, :3].copy()
            if not hopeless and np.linalg.det(axes) < 0:
                axes[:, 0] = np.cross(axes[:, 1], axes[:, 2])
            sizes = [0.0] if hopeless else np.linalg.svd(axes, compute_uv=False)
            if hopeless or not (min(sizes) > 0.1 and max(sizes) < 10):
                raise ValueError(f"{name} cannot be repaired: {error}") from None
            u, _, v = np.linalg.svd(axes)
            result[index, :3, :3] = u @ v
            changed += 1
    return result, changed


def unfit(character: str) -> bool:
    """Find characters that would break a row of a table or a line of text, or XML."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp", "Cn")


def _check_recorded(
    recorded: Sequence[Float[ndarray, "pose"]], names: Sequence[str]
) -> None:
    """Refuse dI/dt, outputs and times that no stimulator records; NaN is unknown."""
    for what, values in zip(("dI/dt", "output", "time"), recorded, strict=True):
        if np.isinf(values).any():
            first = int(np.argmax(np.isinf(values)))
            raise ValueError(
                f"the {what} of pose {first} ({names[first]!r}) is infinite."
            )
    low, high = _RATES
    rates = recorded[0]
    sizes = np.abs(rates)
    absurd = (sizes > 0) & ((sizes < low) | (sizes > high))
    if absurd.any():
        first = int(np.argmax(absurd))
        raise ValueError(
            f"the dI/dt of pose {first} ({names[first]!r}) is {rates[first]:.4g} A/s, but "
            f"stimulators make some 1e8 A/s ({low:g} to {high:g} are taken). Is it in "
            "another unit?"
        )


def _clean(name: str) -> str:
    return "".join(" " if unfit(c) else c for c in name)


def _check_near(matrices: ndarray, names: Sequence[str]) -> None:
    far = np.abs(matrices[:, :3, 3]).max(axis=1, initial=0) > _FARTHEST * 1e3
    if far.any():
        first = int(np.argmax(far))
        centre = ", ".join(f"{x:g}" for x in matrices[first, :3, 3])
        raise ValueError(
            f"the centre of pose {first} ({names[first]!r}) is ({centre}) mm, more than "
            f"{_FARTHEST:g} m from the origin. Are its lengths in mm?"
        )
