"""What benchmarks measured, run by run: `results/history.jsonl`, a line for each.

    python -m benchmarks history [NAME]

Times are compared with the median of earlier runs on the same processor with as many cores,
and reported where they are a third longer, which noise of a shared machine may be too.
"""

import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.tables import RESULTS, table


PATH = RESULTS / "history.jsonl"
_LONGER = 4 / 3  # Than the median of before.
_TIME = "[s]"
_NOT_A_KEY = ("[s]", "[GB]", "error", "ratio", "RDM", "MAG", "residual", "iterations")


def append(name: str, machine: dict, rows: Sequence[dict], path: Path = PATH) -> None:
    """Add a run."""
    line = json.dumps({"benchmark": name, "machine": machine, "rows": list(rows)})
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def runs(path: Path = PATH) -> list[dict]:
    """Read all runs, the oldest first."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def slower(found: Sequence[dict]) -> list[dict]:
    """List times of each benchmark's latest run that are longer than before.

    Args:
        found: As `runs` gives them.

    Returns:
        Rows with benchmark, what was timed, seconds, and the median of earlier runs.
    """
    rows = []
    for name, where in dict.fromkeys((r["benchmark"], _where(r)) for r in found):
        mine = [r for r in found if (r["benchmark"], _where(r)) == (name, where)]
        before: dict[tuple, list[float]] = {}
        for earlier in mine[:-1]:
            for key, seconds in _times(earlier):
                before.setdefault(key, []).append(seconds)
        for key, seconds in _times(mine[-1]):
            usual = statistics.median(before[key]) if key in before else seconds
            if seconds > _LONGER * usual:
                rows.append(
                    {
                        "benchmark": name,
                        "what": ", ".join(key),
                        "seconds": seconds,
                        "median before": usual,
                        "runs before": len(before[key]),
                    }
                )
    return rows


def main(words: list[str]) -> int:
    """Print the history; the status is 1 where something takes longer."""
    found = [r for r in runs() if not words or r["benchmark"] in words]
    if not found:
        print(f"no runs in {PATH}")
        return 0
    shown = [
        {
            "date": r["machine"]["date"],
            "benchmark": r["benchmark"],
            "rows": len(r["rows"]),
            "device": r["machine"]["device"],
            "cores": r["machine"]["cores"],
            "load": r["machine"].get("load_at_start"),
            "tmsgrad": r["machine"]["versions"]["tmsgrad"],
            "jax": r["machine"]["versions"]["jax"],
        }
        for r in found
    ]
    print(table(shown))
    longer = slower(found)
    if longer:
        print("\nlonger than before:\n" + table(longer))
    return 1 if longer else 0


def _where(run: dict) -> tuple:
    machine = run["machine"]
    return machine["processor"], machine["cores"], machine["device"]


def _times(run: dict) -> Iterator[tuple[tuple[str, ...], float]]:
    """Each time of a run, by the words of its row and the name of its column."""
    for row in run["rows"]:
        key = tuple(
            str(value)
            for name, value in row.items()
            if not any(word in name for word in _NOT_A_KEY)
            and isinstance(value, str | int)
        )
        for name, value in row.items():
            if _TIME in name and isinstance(value, int | float):
                yield (*key, name), float(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
