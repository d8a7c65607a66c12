"""Sealed lists of trials, and plans of their arms, as frozen values."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ...disk import read_json
from ...optimize.trials import Allocation


# Where the field is wanted: what the arms of a trial of targets may differ in.
_OF_TARGETS = frozenset(
    {
        *("target", "target_mni", "target_map", "map_threshold", "cluster", "label"),
        *("surface", "surface_frame", "map_space", "symptoms_file", "radius", "out"),
    }
)


def read_sealed(path: str) -> Allocation:
    """Read `sealed.json`.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no sealed list, or was changed.
    """
    content = read_json(path)
    try:
        first, second = map(str, content["arms"])
        numbers = tuple(int(each) for each in content["list"])
        found = Allocation((first, second), numbers, str(content["key"]))
        digest = content["sha256"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: this is no sealed.json of `trial allocate` ({error})."
        ) from None
    if found.digest != digest:
        raise ValueError(f"{path}: the list was changed after it was drawn.")
    return found


@dataclass(frozen=True)
class ArmPlan:
    """What `optimize` planned for one arm.

    Attributes:
        folder: Its name.
        settings: Every option but those of the target.
        inputs: SHA-256 of what was read, but for the target.
        versions: Of the programs.
        didt: The coil's dI/dt. [A/s]
    """

    folder: str
    settings: dict
    inputs: dict
    versions: dict
    didt: float

    @classmethod
    def of(cls, folder: str) -> "ArmPlan":
        """Read it.

        Raises:
            OSError: `summary.json` or `pose.txt` is missing.
            ValueError: `summary.json` is not of `optimize`.
        """
        path = Path(folder)
        content = read_json(path / "summary.json")
        if not (path / "pose.txt").is_file():
            raise FileNotFoundError(f"{path / 'pose.txt'}: there is no such file.")
        try:
            origin = content["provenance"]
            return cls(
                folder,
                _kept(origin["settings"]),
                {k: v["sha256"] for k, v in _kept(origin["inputs"]).items()},
                origin["versions"],
                float(content["didt"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path / 'summary.json'}: this is no summary of `optimize` ({error})."
            ) from None

    def check_alike(self, other: "ArmPlan") -> None:
        """Check that both were made in the same way, but for the target.

        Raises:
            ValueError: They were not; the message names what differs.
        """
        differing = [
            name
            for kind in ("settings", "inputs", "versions")
            for name in sorted({*getattr(self, kind), *getattr(other, kind)})
            if getattr(self, kind).get(name) != getattr(other, kind).get(name)
        ]
        if differing:
            raise ValueError(
                f"{self.folder} and {other.folder} differ in more than the target: "
                f"{', '.join(dict.fromkeys(differing))}. Plan both arms in the same way."
            )


def _kept(values: dict) -> dict:
    return {name: each for name, each in values.items() if name not in _OF_TARGETS}


def plans_digest(folder: Path) -> str:
    """SHA-256 of both plans of a pair."""
    found = hashlib.sha256()
    for letter in "ab":
        for name in ("pose.txt", "dose.json"):
            found.update((folder / letter / name).read_bytes())
    return found.hexdigest()
