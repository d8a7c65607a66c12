"""Which runs of a plan are finished: what they were made of, and what they left."""

import hashlib
import json
import os
from pathlib import Path

from .file import Plan, Run


class Record:
    """A file beside a plan, `.NAME.done.json`, that remembers finished runs.

    A run is finished when it was once, with the same settings, the same content of its
    inputs and the same version, and when all that it wrote is still there as it was.
    """

    def __init__(self, plan: Plan, version: str):
        """Read what is known.

        Args:
            plan: The plan.
            version: Of tmsgrad.
        """
        self._path = plan.path.with_name(f".{plan.path.name}.done.json")
        self._folder, self._version = plan.path.parent, version
        self._known: dict[str, dict] = {}
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            self._known = {str(key): dict(left) for key, left in content.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            pass  # None yet, or not ours: all runs are done again.

    def has(self, run: Run) -> bool:
        """Whether a run is finished."""
        try:
            left = self._known.get(self._key(run))
            return bool(left) and left == self._left(run)
        except OSError:  # An input is missing: the run will tell.
            return False

    def add(self, run: Run) -> None:
        """Remember a run that is finished.

        Raises:
            OSError: The file cannot be written.
        """
        left = self._left(run)
        if not left:
            return
        # What it wrote before is overwritten.
        self._known = {k: v for k, v in self._known.items() if not set(v) & set(left)}
        self._known[self._key(run)] = left
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
        try:
            part.write_text(json.dumps(self._known, indent=1) + "\n", encoding="utf-8")
            os.replace(part, self._path)
        finally:
            part.unlink(missing_ok=True)

    def _key(self, run: Run) -> str:
        inputs = {name: _digest(Path(path)) for name, path in run.reads.items()}
        made_of = [run.words[:1], run.given, inputs, self._version]
        content = json.dumps(made_of, sort_keys=True, default=str)
        return hashlib.sha256(content.encode()).hexdigest()

    def _left(self, run: Run) -> dict[str, list[int]]:
        """Size and time of each file that a run left, by name."""
        found = {}
        for path in (Path(name) for name in run.writes):
            files = path.rglob("*") if path.is_dir() else [path]
            for file in sorted(each for each in files if each.is_file()):
                name, about = os.path.relpath(file, self._folder), file.stat()
                found[name] = [about.st_size, about.st_mtime_ns]
        return found


def _digest(path: Path) -> str:
    """Digest a file; for a folder, which may be large, take sizes and times."""
    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.is_file())
        about = [(str(each.relative_to(path)), each.stat()) for each in files]
        return repr([(name, each.st_size, each.st_mtime_ns) for name, each in about])
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
