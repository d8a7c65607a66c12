"""Which runs of a plan are finished: what they were made of, and what they left."""

import glob
import hashlib
import json
import os
from pathlib import Path

from ...disk import write_whole
from ..runtime.outcome import StepWords
from .opened import Opened, Places, digest, names_in
from .plan import Plan, Run


_PARTS = ("left", "read", "names", "step")


def _read(path: Path) -> dict[str, dict]:
    """Read a record; nothing of one that is not there or not ours: runs are done again."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        known = {
            str(key): {part: dict(about[part]) for part in _PARTS}
            for key, about in content.items()
        }
        for about in known.values():
            StepWords.from_json(about["step"])
    except (OSError, ValueError, AttributeError, TypeError, KeyError):
        return {}
    return known


class Record:
    """A file beside a plan, `.NAME.done.json`, that remembers finished runs.

    A run is finished when it was once, with the same settings and the same version, when
    all that it read has the same content as then, and when all that it wrote is still
    there as it was. What it chose is remembered in words, for the plan's page.
    """

    def __init__(self, plan: Plan, version: str):
        """Read what is known.

        Args:
            plan: The plan.
            version: Of tmsgrad.
        """
        self._path = plan.beside("done.json")
        self._folder, self._version = plan.path.parent.absolute(), version
        self._products = [name for run in plan.runs for name in run.writes]
        # Parts of a plan, done by several processes, have records of their own.
        parts = glob.escape(f".{plan.path.name}.") + "*done.json"
        self._known: dict[str, dict] = {}
        for path in (*sorted(plan.path.parent.glob(parts)), self._path):
            self._known |= _read(path)

    def has(self, run: Run) -> bool:
        """Whether a run is finished."""
        known = self._known.get(self._key(run))
        if known is None or not known["left"]:
            return False
        return known["left"] == self._left(run) and self._same(known)

    def step(self, run: Run) -> StepWords:
        """What a finished run chose, in words."""
        return StepWords.from_json(self._known[self._key(run)]["step"])

    def inputs(self, run: Run) -> Opened:
        """What a run reads, to be watched while it runs; before, what the plan names."""
        return Opened(run.reads.values(), run.writes, self._products)

    def add(self, run: Run, inputs: Opened, step: StepWords) -> None:
        """Remember a run that is finished.

        Args:
            run: The run.
            inputs: What it has opened.
            step: What it chose, in words.

        Raises:
            OSError: The file cannot be written.
        """
        left = self._left(run)
        if not left:
            return
        # What it wrote before is overwritten.
        self._known = {
            key: about
            for key, about in self._known.items()
            if not set(about["left"]) & set(left)
        }
        self._known[self._key(run)] = {
            "left": left,
            "read": {self._short(path): kept for path, kept in inputs.files.items()},
            "names": {self._short(path): kept for path, kept in inputs.names.items()},
            "step": step.to_json(),
        }
        write_whole(self._path, json.dumps(self._known, indent=1) + "\n")

    def _key(self, run: Run) -> str:
        content = json.dumps(
            [run.words[:1], run.given, self._version], sort_keys=True, default=str
        )
        return hashlib.sha256(content.encode()).hexdigest()

    def _same(self, known: dict) -> bool:
        """Whether all that a run read is as it was then."""
        places = Places(self._products)
        return all(
            digest(self._long(path)) == kept for path, kept in known["read"].items()
        ) and all(
            names_in(self._long(place), places) == kept
            for place, kept in known["names"].items()
        )

    def _left(self, run: Run) -> dict[str, list[int]]:
        """Size and time of each file that a run left, by name.

        What another run writes into its folder is not its own.
        """
        own = [Path(os.path.abspath(name)) for name in run.writes]
        products = [Path(os.path.abspath(name)) for name in self._products]
        others = [p for p in products if set(p.parents) & set(own)]
        found = {}
        for path in (Path(name) for name in run.writes):
            files = path.rglob("*") if path.is_dir() else [path]
            for file in sorted(each for each in files if each.is_file()):
                place = Path(os.path.abspath(file))
                if any(place.is_relative_to(other) for other in others):
                    continue
                name, about = self._short(str(file)), file.stat()
                found[name] = [about.st_size, about.st_mtime_ns]
        return found

    def _short(self, path: str) -> str:
        try:
            return os.path.relpath(path, self._folder)
        except ValueError:  # Another drive, on Windows.
            return os.path.abspath(path)

    def _long(self, path: str) -> str:
        return os.path.normpath(os.path.join(self._folder, path))
