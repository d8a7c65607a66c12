"""A plan that was read: its runs, each a command that was checked."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One command of a plan.

    Attributes:
        place: In the plan file: its name and the line that the run begins at.
        words: As after `tmsgrad` in a shell.
        options: The words, read.
        given: What the plan says, with the defaults filled in.
        reads: Files and folders that it reads, by key.
        writes: Files and folders that it writes.
        subject: Of whom it is, where a plan is for several; else None.
    """

    place: str
    words: list[str]
    options: argparse.Namespace
    given: Mapping[str, object]
    reads: Mapping[str, str]
    writes: tuple[str, ...]
    subject: str | None = None


@dataclass(frozen=True)
class Plan:
    """A plan file.

    Attributes:
        path: Of the file.
        runs: In order.
        program: What it says of threads, the device, and how much is reported.
        part: Which part of the file this is; empty for all of it.
    """

    path: Path
    runs: tuple[Run, ...]
    program: Mapping[str, object]
    part: str = ""

    def beside(self, ending: str) -> Path:
        """Name a hidden file beside the plan, of this part of it."""
        part = f".{self.part}" if self.part else ""
        return self.path.with_name(f".{self.path.name}{part}.{ending}")

    def only(self, part: str) -> "Plan":
        """Take the runs of one subject, or one run where the plan has no subjects.

        Args:
            part: A number, from 1, or the name of a subject.

        Raises:
            ValueError: There is no such part.
        """
        names = list(dict.fromkeys(run.subject for run in self.runs if run.subject))
        count, what = len(names or self.runs), "subjects" if names else "runs"
        if part in names:
            number = names.index(part)
        elif part.isdigit() and 1 <= int(part) <= count:
            number = int(part) - 1
        else:
            known = f": {', '.join(names)}" if names else ""
            raise ValueError(
                f"--only {part}: {self.path} has {count} {what}{known}; give a number from "
                f"1 to {count}{', or a name' if names else ''}."
            )
        chosen = (
            [run for run in self.runs if run.subject == names[number]]
            if names
            else [self.runs[number]]
        )
        return replace(self, runs=tuple(chosen), part=str(number + 1))
