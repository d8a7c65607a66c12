"""Rows as tables, and where results lie."""

from pathlib import Path


RESULTS = Path(__file__).parent / "results"


def table(rows: list[dict]) -> str:
    """Write rows as a table in Markdown."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = lambda x: _plain(x).replace("|", r"\|")
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(text(row.get(n)) for n in names) + " |" for row in rows]
    return "\n".join(lines)


def _plain(value) -> str:
    if isinstance(value, list) and all(isinstance(each, float) for each in value):
        return ", ".join(map(_plain, value))
    if isinstance(value, float):
        return f"{value:.3g}"
    return "" if value is None else str(value)
