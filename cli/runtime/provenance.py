"""What a result was made of: the command, its settings, its inputs and the versions."""

import argparse
import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ... import meshing
from .versions import versions


_PROGRAM = ("words", "command", "noun", "json", "quiet", "verbose", "save_plan")


@dataclass(frozen=True)
class Provenance:
    """Where a result comes from.

    Attributes:
        command: As a shell takes it.
        started: When, in UTC, as ISO 8601 has it.
        versions: Of the programs and the device.
        inputs: Path, size and SHA-256 of each file that was read, by the option that
            named it.
        settings: Every option with its value, those left out with their defaults.
    """

    command: str
    started: str
    versions: Mapping[str, str]
    inputs: Mapping[str, Mapping[str, str | int]]
    settings: Mapping[str, object]

    @classmethod
    def of(
        cls, options: argparse.Namespace, settled: Mapping[str, object] | None = None
    ) -> "Provenance":
        """Look at the options, and read the files that they name once.

        Args:
            options: As typed.
            settled: Values of options that were found and not typed, such as the place in
                the head of a target in MNI space.

        Raises:
            OSError: A file cannot be read.
            ValueError: The head is a folder without a mesh.
        """
        given = vars(options) | dict(settled or {})
        settings = {
            name: _plain(value) for name, value in given.items() if name not in _PROGRAM
        }
        inputs = {
            name: _file(path)
            for name, value in given.items()
            if isinstance(value, str) and name not in (*_PROGRAM, "out")
            for path in _files(value)
        }
        return cls(
            shlex.join(["tmsgrad", *getattr(options, "words", [])]),
            datetime.now(UTC).isoformat(timespec="seconds"),
            versions(),
            inputs,
            settings,
        )

    def as_json(self) -> dict:
        """The same for JSON."""
        return asdict(self)


def _files(value: str) -> list[Path]:
    path = Path(value)
    try:
        if path.is_dir():
            subject = meshing.subject_of(path)
            return [] if subject is None else [subject.mesh]
        return [path] if path.is_file() else []
    except OSError:  # Words that are too long for a path.
        return []


def _file(path: Path) -> dict[str, str | int]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"file": str(path), "bytes": path.stat().st_size, "sha256": digest}


def _plain(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    return str(value)
