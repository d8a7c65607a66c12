"""Rows as tables, and where results lie."""

from pathlib import Path


RESULTS = Path(__file__).parent / "results"


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
