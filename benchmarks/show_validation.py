"""Write the last full validation into docs/validation.md and README.md.

    tmsgrad validate --results validation/results/full.json --report report
    python -m benchmarks show-validation

Text between `<!-- validation NAME -->` and `<!-- end -->` is replaced.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks import record


ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "validation" / "results" / "full.json"
PAGES = (ROOT / "docs" / "validation.md", ROOT / "README.md")
_GROUPS = ("sphere", "simnibs", "self")


def parts(result: Mapping) -> dict[str, str]:
    """Make the texts of a result, by name."""
    where = result["environment"]
    checks = result["checks"]
    count = lambda verdict: sum(row["verdict"] == verdict for row in checks)
    summary = (
        f"{count('holds')} checks hold, {count('fails')} fail, {count('not run')} were not "
        f"run; {where['date']}, {result['seconds'] / 60:.0f} minutes on {where['cores']} "
        f"cores ({where['processor']}), tmsgrad {where['versions']['tmsgrad']}, JAX "
        f"{where['versions']['jax']}, Python {where['python']}."
    )
    texts = {"summary": summary}
    for group in _GROUPS:
        rows = [_row(row) for row in checks if row["group"] == group]
        texts[group] = record.table(rows) if rows else "not run"
    for name, rows in result["tables"].items():
        texts[name] = record.table([_millimetres(row) for row in rows])
    texts["row"] = (
        f"| every claim above, against mathematics, SimNIBS and itself | "
        f"{count('holds')} checks hold, {count('fails')} fail ({where['date']}) | "
        "`tmsgrad validate`, [docs/validation.md](docs/validation.md) |"
    )
    return texts


def written(text: str, texts: Mapping[str, str]) -> str:
    """Replace what is between marks.

    Raises:
        ValueError: A mark names no text.
    """

    def replaced(found: re.Match) -> str:
        name = found.group(1)
        if name not in texts:
            raise ValueError(f"there is no {name!r} in the results.")
        # A row of a table must not be cut off from it by an empty line.
        space = "\n" if name == "row" else "\n\n"
        return f"<!-- validation {name} -->{space}{texts[name]}{space}<!-- end -->"

    return re.sub(
        r"<!-- validation (\w+) -->.*?<!-- end -->", replaced, text, flags=re.S
    )


def main(words: list[str]) -> int:
    source = Path(words[0]) if words else RESULTS
    texts = parts(json.loads(source.read_text("utf-8")))
    for page in PAGES:
        page.write_text(written(page.read_text("utf-8"), texts), encoding="utf-8")
        print("written to", page)
    return 0


def _row(check: Mapping) -> dict:
    unit = f" {check['unit']}" if check["unit"] else ""
    measured = check["measured"]
    return {
        "check": check["name"],
        "compares": check["compares"],
        "measured": "" if measured is None else f"{measured:.2g}{unit}",
        "limit": check["limit"] + unit,
        "verdict": check["verdict"] + (f": {check['note']}" if check["note"] else ""),
    }


def _millimetres(row: Mapping) -> dict:
    return {
        ("edge [mm]" if name == "edge" else name): 1e3 * value
        if name == "edge"
        else value
        for name, value in row.items()
        if value is not None
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
