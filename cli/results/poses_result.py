"""What the commands of poses find and write."""

from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np

from ...coils import navigation
from ...coils.navigation import PoseList
from .directions import in_words


_SHOWN = 20


@dataclass(frozen=True, eq=False)
class PosesResult:
    """The poses of a file.

    Attributes:
        poses: All of them.
    """

    schema: ClassVar[int] = 1

    poses: PoseList

    @property
    def groups(self) -> dict[str, int]:
        """How many poses each group has."""
        groups = self.poses.groups
        return {name: groups.count(name) for name in sorted(set(groups))}

    def to_json(self) -> dict:
        """For `--json`."""
        poses = self.poses
        rows = zip(
            *(poses.names, poses.groups, poses.matrices().tolist()),
            *(poses.current_rates, poses.outputs, poses.times),
            strict=True,
        )
        return {
            "schema": self.schema,
            "system": poses.system,
            "frame": poses.frame,
            "groups": self.groups,
            "skipped": poses.skipped,
            "notes": list(poses.notes),
            "poses": [
                {
                    "name": name,
                    "group": group,
                    "matsimnibs": matrix,
                    "didt": _known(rate),
                    "output": _known(share),
                    "time_s": _known(time),
                }
                for name, group, matrix, rate, share, time in rows
            ],
        }

    def describe(self) -> None:
        """Print it."""
        poses = self.poses
        counted = ", ".join(
            f"{n} {kind}{'s' * (n > 1)}" for kind, n in self.groups.items()
        )
        print(f"{poses.system}: {counted or 'no poses'}")
        if poses.skipped:
            print(f"{poses.skipped} entries have no position and are left out")
        if poses.frame != navigation.HEAD_FRAME:
            print(f"frame: {poses.frame}, not the head's")
        for name, matrix, rate in zip(
            poses.names[:_SHOWN], poses.matrices(), poses.current_rates, strict=False
        ):
            centre = ", ".join(f"{x:.1f}" for x in matrix[:3, 3])
            drive = "" if np.isnan(rate) else f", {rate * 1e-6:g} A/µs"
            handle = in_words(-matrix[:3, 1])
            print(f"{name:<20} centre ({centre}) mm, handle {handle}{drive}")
        if len(poses) > _SHOWN:
            print(f"… and {len(poses) - _SHOWN} more")


@dataclass(frozen=True)
class ConvertedPoses:
    """Poses in the format of another system.

    Attributes:
        poses: How many.
        file: Where they were written to.
        to: The system.
    """

    schema: ClassVar[int] = 1

    poses: int
    file: str
    to: str

    def to_json(self) -> dict:
        """For `--json`."""
        return {"schema": self.schema, **asdict(self)}

    def describe(self) -> None:
        """Print it."""
        print(f"{self.poses} pose{'s' * (self.poses != 1)} written to {self.file}")


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
