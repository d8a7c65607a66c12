"""What `tmsgrad validate` finds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ...disk import write_whole
from ...validation.checks import Outcome, Verdict
from ...validation.suite import Record


@dataclass(frozen=True, eq=False)
class ValidationResult:
    """A run of checks.

    Attributes:
        record: The run.
        live: What a run of the user's own SimNIBS came to, or None.
    """

    schema: ClassVar[int] = 1

    record: Record
    live: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """For `--json` and a file."""
        return {
            "schema": self.schema,
            **self.record.to_json(),
            **({} if self.live is None else {"live": self.live}),
            "failed": not self.record.all_hold,
        }

    def describe(self) -> None:
        """Print check, measured, limit and verdict, and a line that sums up."""
        _print_table(self.record.outcomes)
        for line in _facts(self.live or {}):
            print(line)

    def write(self, path: Path) -> None:
        """Write it as JSON, all or nothing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False)
        write_whole(path, text + "\n")


def _print_table(rows: tuple[Outcome, ...]) -> None:
    width = max(len(row.name) for row in rows)
    print(f"{'check':{width}}  {'measured':>10}  {'limit':>10}  verdict")
    for row in rows:
        measured = "" if row.measured is None else f"{row.measured:.3g}"
        print(
            f"{row.name:{width}}  {measured:>10}  {row.limit:>10}  "
            f"{row.verdict.value}{' ' + row.unit if row.unit else ''}"
            f"{': ' + row.note if row.note else ''}"
        )
    count = lambda verdict: sum(row.verdict is verdict for row in rows)
    print(
        f"{count(Verdict.HOLDS)} hold, {count(Verdict.FAILS)} fail, "
        f"{count(Verdict.NOT_RUN)} not run; {sum(row.seconds for row in rows):.0f} s"
    )


def _facts(facts: Mapping[str, Any]) -> list[str]:
    lines = []
    if "fields" in facts:
        both = facts["fields"]
        lines.append(
            f"fields: SimNIBS {both['seconds_simnibs']:.1f} s, tmsgrad "
            f"{both['seconds_tmsgrad']:.1f} s; memory "
            f"{_gigabytes(both['peak_memory_simnibs_bytes'])}, "
            f"{_gigabytes(both['peak_memory_tmsgrad_bytes'])}"
        )
    for method, both in facts.get("searches", {}).items():
        lines.append(
            f"search ({method}): SimNIBS {both['value_simnibs']:.4f} V/m in "
            f"{both['seconds_simnibs']:.1f} s, tmsgrad {both['value_tmsgrad']:.4f} V/m in "
            f"{both['seconds_tmsgrad']:.1f} s; {both['apart_mm']:.1f} mm and "
            f"{both['apart_degrees']:.0f}° apart"
        )
    return lines


def _gigabytes(count: int | None) -> str:
    return "unknown" if count is None else f"{count / 1e9:.1f} GB"
