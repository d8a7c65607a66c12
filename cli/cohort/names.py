"""Names of files in BIDS: entities, a suffix and an ending, `sub-01_task-rest_bold.nii.gz`.

https://bids-specification.readthedocs.io, "Filenames".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


_PART = re.compile(r"([a-zA-Z]+)-([a-zA-Z0-9+.]+)")


@dataclass(frozen=True)
class BidsName:
    """What the name of a file says.

    Attributes:
        entities: Such as `sub` and `run`, as they are written.
        suffix: What the file is, such as `bold`.
        ending: From the first dot on.
    """

    entities: Mapping[str, str]
    suffix: str
    ending: str

    @property
    def meaning(self) -> tuple:
        """The same for names that say the same, as `run-1` and `run-01` do."""
        plain = {
            key: str(int(value))
            if value.isdecimal() and key not in ("sub", "ses")
            else value
            for key, value in self.entities.items()
        }
        ending = self.ending.removesuffix(".gz")
        return (tuple(sorted(plain.items())), self.suffix, ending)


def parsed(name: str) -> BidsName | None:
    """Read the name of a file; None where it is no name of BIDS."""
    stem, dot, ending = name.partition(".")
    *parts, suffix = stem.split("_")
    entities: dict[str, str] = {}
    for part in parts:
        found = _PART.fullmatch(part)
        if found is None or found[1] in entities:
            return None
        entities[found[1]] = found[2]
    if not entities or not suffix or "-" in suffix or not dot:
        return None
    return BidsName(entities, suffix, dot + ending)


def named_files(folder: Path) -> Iterator[tuple[Path, BidsName]]:
    """List the files of a folder, and of its own folders of one kind of data, by name.

    Args:
        folder: Of a subject or a session. Folders of sessions are left out.
    """
    if not folder.is_dir():
        return
    for place in (folder, *sorted(p for p in folder.iterdir() if p.is_dir())):
        if place.name.startswith("ses-") and place != folder:
            continue
        for file in sorted(place.iterdir()):
            name = parsed(file.name) if file.is_file() else None
            if name is not None:
                yield file, name
