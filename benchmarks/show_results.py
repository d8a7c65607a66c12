"""Write what was measured last into docs/benchmarks.md.

    python -m benchmarks show-results

Text between `<!-- results -->` and `<!-- end -->` is replaced: a table for each file of
`benchmarks/results`, its picture where it has one, and how to repeat it.
"""

import importlib
import json
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks import record


PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
PICTURES = PAGE.parent / "figures"  # Copies, as a page shows none from outside docs/.


def section(name: str, result: Mapping) -> str:
    """Make the section of one result.

    Args:
        name: Of its file, such as `forward-1.0M-cpu`.
        result: With `machine` and `rows`.
    """
    machine, rows = result["machine"], result["rows"]
    bench = importlib.import_module(f"benchmarks.bench_{name.partition('-')[0]}")
    if hasattr(bench, "summary"):
        came = bench.summary(rows)
        rows = (
            [{"of all": what, "figure": value} for what, value in came.items()]
            if isinstance(came, Mapping)
            else came
        )
    about, _, use = (bench.__doc__ or "").strip().partition("\n")
    command = next(line.strip() for line in use.splitlines() if "python -m" in line)
    # Of benchmarks that measure several things.
    about, command = getattr(bench, "OTHERS", {}).get(
        name.rpartition("-")[0], (about, command)
    )
    command = result.get("command", command)
    versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items())
    parts = [
        f"## {name}",
        f"{about} As `{command}`, on {machine['device']} "
        f"({machine['processor']}, {machine['cores']} cores), {machine['date']}; "
        f"Python {machine['python']}, {versions}.",
        record.table(rows),
    ]
    if (record.RESULTS / f"{name}.png").exists():
        parts.append(f"![{about}](figures/{name}.png)")
    return "\n\n".join(parts)


def main(words: list[str]) -> int:
    files = sorted(record.RESULTS.glob("*.json"))
    parts = [section(file.stem, json.loads(file.read_text("utf-8"))) for file in files]
    text = "<!-- results -->\n\n" + "\n\n".join(parts) + "\n\n<!-- end -->"
    PICTURES.mkdir(exist_ok=True)
    for file in sorted(record.RESULTS.glob("*.png")):
        shutil.copyfile(file, PICTURES / file.name)
    page = PAGE.read_text("utf-8")
    # A function, as backslashes in the text are to stay.
    page = re.sub("<!-- results -->.*<!-- end -->", lambda _: text, page, flags=re.S)
    PAGE.write_text(page, encoding="utf-8")
    print("written to", PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
