"""What the JSON beside functional images says of them, by the BIDS standard.

It is the authority for times: headers lose or change them [BIDS 1.10, "Task (including
resting state) imaging data"].
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...disk import read_json


TIMES = (0.2, 10.0)  # A repetition time lies between. [s]
_LIKE = 0.01  # Share by which two times may differ and be the same.


@dataclass(frozen=True)
class Sidecar:
    """The fields that this program uses.

    Attributes:
        path: For messages.
        repetition_time: None where it is not given. [s]
        skull_stripped: Whether all but the brain is zero.
        last_slice: When the last slice is measured, from the first on. [s]
    """

    path: Path
    repetition_time: float | None
    skull_stripped: bool
    last_slice: float


def read_sidecar(image: Path) -> Sidecar | None:
    """Read the JSON beside an image; None where there is none.

    Raises:
        ValueError: It is damaged, a field is no such value, or times contradict each
            other.
    """
    stem = image.name.removesuffix(".gz").removesuffix(".nii")
    path = image.with_name(f"{stem}.json")
    if not path.is_file():
        return None
    fields = read_json(path)
    if not isinstance(fields, dict):
        raise ValueError(f"{path}: it holds no fields.")
    stripped = fields.get("SkullStripped", False)
    if not isinstance(stripped, bool):
        raise ValueError(
            f"{path}: SkullStripped must be true or false, got {stripped!r}."
        )
    return Sidecar(
        path, _repetition_time(path, fields), stripped, _last_slice(path, fields)
    )


def chosen_time(
    file: Path, header: float, sidecar: Sidecar | None, given: float | None
) -> tuple[float, tuple[str, ...]]:
    """Choose the repetition time: the given one, the JSON's or the header's. [s]

    Args:
        file: The image, for messages.
        header: The header's. [s]
        sidecar: What lies beside the image.
        given: By the user. [s]

    Returns:
        The time, and remarks where others disagree with it.

    Raises:
        ValueError: None is plausible, or slices are measured after it.
    """
    known = [("the given one", given)]
    if sidecar is not None:
        known.append((sidecar.path.name, sidecar.repetition_time))
    if TIMES[0] <= header <= TIMES[1]:
        known.append(("the header", header))
    times = [(name, value) for name, value in known if value is not None]
    if not times:
        raise ValueError(
            f"{file}: the header gives a repetition time of {header:g} s, which is not "
            f"between {TIMES[0]:g} and {TIMES[1]:g} s, and no .json beside it gives "
            "another. Give the true one."
        )
    (source, time), *others = times
    if not TIMES[0] <= time <= TIMES[1]:
        raise ValueError(
            f"{file}: the repetition time is {time:g} s ({source}); it lies between "
            f"{TIMES[0]:g} and {TIMES[1]:g} s."
        )
    if (
        given is None
        and sidecar is not None
        and sidecar.last_slice > time * (1 + _LIKE)
    ):
        raise ValueError(
            f"{sidecar.path}: SliceTiming reaches {sidecar.last_slice:g} s, beyond the "
            f"repetition time of {time:g} s ({source}): one of them is wrong. Repair the "
            "file, or give the true time."
        )
    return time, tuple(
        f"{file}: repetition time {time:g} s ({source}) is used, not {value:g} s ({name})."
        for name, value in others
        if abs(value - time) > _LIKE * time
    )


def _repetition_time(path: Path, fields: Mapping[str, object]) -> float | None:
    if "VolumeTiming" in fields:
        raise ValueError(
            f"{path}: it has VolumeTiming, so volumes are not evenly spaced, which is "
            "needed to filter them. Take an evenly sampled series."
        )
    if "RepetitionTime" not in fields:
        return None
    time = fields["RepetitionTime"]
    if isinstance(time, bool) or not isinstance(time, int | float):
        raise ValueError(f"{path}: RepetitionTime must be a number in s, got {time!r}.")
    if not math.isfinite(time):
        raise ValueError(f"{path}: RepetitionTime is {time!r}; it must be finite.")
    return float(time)


def _last_slice(path: Path, fields: Mapping[str, object]) -> float:
    slices = fields.get("SliceTiming", [])
    numbers = [
        float(each)
        for each in (slices if isinstance(slices, list) else [None])
        if isinstance(each, int | float) and math.isfinite(each)
    ]
    if not isinstance(slices, list) or len(numbers) < len(slices):
        raise ValueError(f"{path}: SliceTiming must be a list of numbers in s.")
    return max(numbers, default=0.0)
