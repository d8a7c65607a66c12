"""Write the last full validation of each group into docs/validation.md and README.md.

    for group in sphere charges simnibs self; do
        tmsgrad validate $group --results validation/results/$group.json
    done
    python -m benchmarks show-validation

Text between `<!-- validation NAME -->` and `<!-- end -->` is replaced.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import record


ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "validation" / "results"
PAGES = (ROOT / "docs" / "validation.md", ROOT / "README.md")
_GROUPS = ("sphere", "charges", "simnibs", "self")
_TABLES = ("accuracy", "surfaces", "refinement")


def parts(results: Sequence[Mapping]) -> dict[str, str]:
    """Make the texts of results, by name."""
    checks = [row for result in results for row in result["checks"]]
    count = lambda verdict: sum(row["verdict"] == verdict for row in checks)
    dates = sorted({result["environment"]["date"] for result in results})
    minutes = sum(result["seconds"] for result in results) / 60
    where = results[-1]["environment"]
    counted = f"{count('holds')} checks hold, {count('fails')} fail"
    summary = (
        f"{counted}, {count('not run')} were not run; {' and '.join(dates)}, "
        f"{minutes:.0f} minutes on {where['cores']} cores ({where['processor']}), tmsgrad "
        f"{where['versions']['tmsgrad']}, JAX {where['versions']['jax']}, Python "
        f"{where['python']}."
    )
    texts = {"summary": summary, **dict.fromkeys(_TABLES, "Not in these results.")}
    for group in _GROUPS:
        rows = [_row(row) for row in checks if row["group"] == group]
        texts[group] = record.table(rows) if rows else "Not in these results."
    tables = {name: rows for each in results for name, rows in each["tables"].items()}
    for name, rows in tables.items():
        texts[name] = record.table([_millimetres(row) for row in rows])
    texts["sentence"] = (
        f"`tmsgrad validate` checks these claims and more, each with a limit: {counted} "
        f"({dates[-1]}, [docs/validation.md](docs/validation.md))."
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
        return f"<!-- validation {name} -->\n\n{texts[name]}\n\n<!-- end -->"

    return re.sub(
        r"<!-- validation (\w+) -->.*?<!-- end -->", replaced, text, flags=re.S
    )


def main(words: list[str]) -> int:
    files = [Path(word) for word in words] or sorted(RESULTS.glob("*.json"))
    texts = parts([json.loads(file.read_text("utf-8")) for file in files])
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
