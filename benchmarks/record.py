"""Results of benchmarks as JSON, with the machine, versions and date."""

import json
import sys
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
    if command := _command(sys.argv):
        content["command"] = command
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    history.append(name, where, rows)
    return path


def _command(words: list[str]) -> str | None:
    """Say how a benchmark was called, without the folders of this machine."""
    if Path(words[0]).parts[-2:] != ("benchmarks", "__main__.py"):
        return None
    return " ".join(["python -m benchmarks", *map(_without_folders, words[1:])])


def _without_folders(word: str) -> str:
    option, equals, value = word.rpartition("=")
    return f"{option}{equals}{','.join(Path(each).name for each in value.split(','))}"
