"""Results of benchmarks as JSON, with the machine, versions and date."""

import json
from pathlib import Path

from tmsgrad.validation.environment import environment


RESULTS = Path(__file__).parent / "results"


def machine() -> dict:
    """Describe where a benchmark runs."""
    return environment()


def write(name: str, rows: list[dict]) -> Path:
    """Write `results/NAME-DEVICE.json` anew, and a line of `results/history.jsonl`."""
    from benchmarks import history  # It reads tables of this module.

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


def table(rows: list[dict]) -> str:
    """Write rows as a table in Markdown."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    plain = lambda x: (
        f"{x:.3g}" if isinstance(x, float) else "" if x is None else str(x)
    )
    text = lambda x: plain(x).replace("|", r"\|")
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(text(row.get(n)) for n in names) + " |" for row in rows]
    return "\n".join(lines)
