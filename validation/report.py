"""A run of checks as one page of HTML, with its pictures within: it needs no network."""

import html
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..disk import write_whole
from .figures import pictures


_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1f26; margin: 2em auto;
  max-width: 66em; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25em .6em; border-bottom: 1px solid #dde2e8;
  vertical-align: top; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.holds { color: #1b6e3c; } .fails { color: #b00020; font-weight: 600; }
.note { color: #5b6672; font-size: .9em; } img { max-width: 100%; }
figure { margin: 1em 0; } figcaption { color: #5b6672; }
"""
_TITLES = {
    "sphere": "Against mathematics",
    "charges": "Against charges on surfaces",
    "simnibs": "Against SimNIBS",
    "self": "Against itself",
}


def page(title: str, body: str) -> str:
    """Put the parts of a page together; all must be HTML already."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def write_report(
    folder: str | os.PathLike[str], result: Mapping[str, Any], found: Mapping[str, Any]
) -> Path:
    """Write `validation.html`.

    Args:
        folder: Where; it is made if it is missing.
        result: Of a run, as `suite.record` gives it.
        found: What studies left for pictures, `Workbench.pictures`.

    Raises:
        OSError: The folder cannot be written.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    path = target / "validation.html"
    write_whole(path, page("Validation of tmsgrad", _body(result, found)))
    return path


def figure(number: float | None) -> str:
    """Write a measured number with three digits."""
    return "" if number is None else f"{number:.3g}"


def _body(result: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    checks = result["checks"]
    held = sum(check["verdict"] == "holds" for check in checks)
    failed = [check for check in checks if check["verdict"] == "fails"]
    where = result["environment"]
    parts = [
        "<h1>Validation of tmsgrad</h1>",
        f"<p><b>{held} of {len(checks)} checks hold"
        f"{'' if not failed else f', {len(failed)} fail'}</b>, "
        f"{len(checks) - held - len(failed)} were not run. {where['date']}, "
        f"{result['seconds']:.0f} s. A limit is stated before its check is run.</p>",
    ]
    for group in dict.fromkeys(check["group"] for check in checks):
        rows = [check for check in checks if check["group"] == group]
        parts.append(
            f"<h2>{html.escape(str(_TITLES.get(group, group)))}</h2>{_table(rows)}"
        )
    drawn = pictures(found)
    if drawn:
        parts.append("<h2>Pictures</h2>")
    for caption, png in drawn:
        alt = html.escape(caption, quote=True)
        parts.append(
            f'<figure><img alt="{alt}" src="data:image/png;base64,{png}">'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        )
    parts.append(f"<h2>Machine and versions</h2>{_facts(where)}")
    parts.append('<p class="note">For research use only.</p>')
    return "\n".join(parts)


def _table(checks: Sequence[Mapping[str, Any]]) -> str:
    heads = ("check", "compares", "measured", "limit", "verdict", "s")
    lines = ["<table><tr>", *(f"<th>{name}</th>" for name in heads), "</tr>"]
    for check in checks:
        verdict = check["verdict"]
        note = f'<div class="note">{html.escape(check["note"])}</div>'
        shown = f"{verdict}{note if check['note'] else ''}"
        cells = (
            f"<td>{html.escape(check['name'])}</td>",
            f"<td>{html.escape(check['compares'])}</td>",
            f'<td class="number">{figure(check["measured"])} {check["unit"]}</td>',
            f'<td class="number">{html.escape(check["limit"])} {check["unit"]}</td>',
            f'<td class="{verdict.split()[0]}">{shown}</td>',
            f'<td class="number">{check["seconds"]:.1f}</td>',
        )
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "".join([*lines, "</table>"])


def _facts(where: Mapping[str, Any]) -> str:
    versions = where["versions"]
    pairs = {
        **{key: value for key, value in where.items() if key != "versions"},
        **{name: version for name, version in versions.items() if version},
    }
    rows = (
        f"<tr><td>{html.escape(str(key)).replace('_', ' ')}</td>"
        f"<td>{html.escape(str(value))}</td></tr>"
        for key, value in pairs.items()
    )
    return f"<table>{''.join(rows)}</table>"
