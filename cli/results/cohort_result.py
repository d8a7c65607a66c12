"""What `tmsgrad bids` finds: what became of each person, and of the group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..runtime.provenance import Provenance


_MB = 1 << 20
DONE, BEFORE, FAILED, WRONG = "done", "finished before", "failed", "left out"


@dataclass(frozen=True)
class PersonResult:
    """What became of a person.

    Attributes:
        name: As names of BIDS begin.
        status: `done`, `finished before`, `failed` or `left out`.
        reason: Why, and what to do; or what is lacking.
        seconds: Of this run, or None.
        peak: Of the memory, or None. [byte]
        notes: What is wrong and did not stop the plan.
    """

    name: str
    status: str
    reason: str = ""
    seconds: float | None = None
    peak: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def bad(self) -> bool:
        """Whether the person is not finished."""
        return self.status in (FAILED, WRONG)

    def to_json(self) -> dict:
        """For `--json`."""
        return {
            "name": self.name,
            "status": self.status,
            "reason": self.reason,
            "seconds": self.seconds,
            "peak_bytes": self.peak,
            "notes": list(self.notes),
        }

    def row(self) -> list[str]:
        """As a table has it."""
        seconds = "n/a" if self.seconds is None else f"{self.seconds:.1f}"
        memory = "n/a" if not self.peak else f"{self.peak / _MB:.0f}"
        reason = " ".join(self.reason.split()) or "n/a"
        return [self.name, self.status, seconds, memory, reason]

    def line(self) -> str:
        """In one line."""
        words = [f"{self.name:<16} {self.status}"]
        if self.seconds is not None:
            words.append(f"{self.seconds:.0f} s")
        if self.peak:
            words.append(f"{self.peak / _MB:.0f} MB")
        return ", ".join(words) + (f": {self.reason}" if self.reason else "")


PEOPLE_COLUMNS = ("person", "status", "seconds", "peak_MB", "reason")


@dataclass(frozen=True)
class CohortResult:
    """What became of all.

    Attributes:
        people: One by one.
        seconds: In all.
        workers: How many people were computed at once; zero for none.
        out: Folder.
        origin: Where the results come from.
    """

    schema: ClassVar[int] = 1

    people: tuple[PersonResult, ...]
    seconds: float
    workers: int
    out: str
    origin: Provenance

    @property
    def bad(self) -> int:
        """How many are not finished."""
        return sum(each.bad for each in self.people)

    @property
    def per_hour(self) -> float | None:
        """How many people were done in an hour, or None."""
        done = sum(each.status == DONE for each in self.people)
        return 3600 * done / self.seconds if done and self.seconds > 0 else None

    def to_json(self) -> dict:
        """For `people.json`, and what `--json` prints."""
        failed = {"failed": True, "not_finished": self.bad} if self.bad else {}
        return {
            "schema": self.schema,
            "people": [each.to_json() for each in self.people],
            "seconds": self.seconds,
            "people_per_hour": self.per_hour,
            "workers": self.workers,
            "provenance": self.origin.as_json(),
            **failed,
        }

    def describe(self) -> None:
        """Print who is not finished and why, and how many are."""
        for each in self.people:
            if each.bad:
                print(each.line())
        finished = len(self.people) - self.bad
        print(f"{finished} of {len(self.people)} people are finished", end="")
        if self.per_hour is not None:
            print(
                f"; {self.workers} at once, {self.seconds:.0f} s, "
                f"{self.per_hour:.0f} people per hour",
                end="",
            )
        print(f"\nfiles            {Path(self.out)}")


@dataclass(frozen=True)
class CheckedPeople:
    """What `--check` finds.

    Attributes:
        people: By name, with what is wrong: what, and whether it stops the plan.
        runs: How many the plan of each person has.
    """

    schema: ClassVar[int] = 1

    people: Mapping[str, Sequence[tuple[str, str, bool]]]
    runs: int

    @property
    def wrong(self) -> int:
        """How many people's plans cannot be done."""
        return sum(any(s for *_, s in found) for found in self.people.values())

    def to_json(self) -> dict:
        """What `--json` prints."""
        people = {
            name: [
                {"kind": kind, "what": what, "stops": stops}
                for kind, what, stops in found
            ]
            for name, found in self.people.items()
        }
        failed = {"failed": True, "not_possible": self.wrong} if self.wrong else {}
        return {"schema": self.schema, "people": people, "runs": self.runs, **failed}

    def describe(self) -> None:
        """Print what is wrong, person by person."""
        for name, found in self.people.items():
            for kind, what, stops in found:
                print(f"{name:<16} {'' if stops else 'note: '}{kind}: {what}")
        well = len(self.people) - self.wrong
        print(
            f"{well} of {len(self.people)} people can be computed, {self.runs} runs each"
        )
