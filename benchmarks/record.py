"""Results of benchmarks as JSON, with the machine, versions and date."""

import json
from pathlib import Path

from benchmarks import history
from benchmarks.tables import RESULTS as RESULTS, table as table

from tmsgrad.validation.environment import environment


def machine() -> dict:
    """Describe where a benchmark runs."""
    return environment()


def write(name: str, rows: list[dict]) -> Path:
    """Write `results/NAME-DEVICE.json` anew, and a line of `results/history.jsonl`."""
    where = machine()
    device = "".join(c if c.isalnum() else "-" for c in where["device"].lower()).strip(
        "-"
    )
    path = RESULTS / f"{name}-{device}.json"
    RESULTS.mkdir(exist_ok=True)
    content = {"machine": where, "rows": rows}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    history.append(name, where, rows)
    return path
