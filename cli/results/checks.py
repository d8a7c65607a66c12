"""The table of `tmsgrad validate`."""

import json
from pathlib import Path

from ...disk import write_whole


def print_table(rows: list[dict]) -> None:
    """Print check, measured, limit and verdict, and a line that sums up."""
    width = max(len(row["name"]) for row in rows)
    print(f"{'check':{width}}  {'measured':>10}  {'limit':>10}  verdict")
    for row in rows:
        measured = "" if row["measured"] is None else f"{row['measured']:.3g}"
        print(
            f"{row['name']:{width}}  {measured:>10}  {row['limit']:>10}  "
            f"{row['verdict']}{' ' + row['unit'] if row['unit'] else ''}"
            f"{': ' + row['note'] if row['note'] else ''}"
        )
    count = lambda verdict: sum(row["verdict"] == verdict for row in rows)
    print(
        f"{count('holds')} hold, {count('fails')} fail, {count('not run')} not run; "
        f"{sum(row['seconds'] for row in rows):.0f} s"
    )


def write_results(path: Path, result: dict) -> None:
    """Write a run as JSON, all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
