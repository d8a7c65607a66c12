"""`report.html`: a plan in words, numbers and pictures, and the field to look at.

One file holds all of it, and fetches nothing: the viewer is plotly.js, as the Python
package plotly carries it.
"""

import base64
import html
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from plotly.offline import get_plotlyjs

from ..runtime.versions import versions


MOST_BYTES = 15_000_000


@dataclass(frozen=True)
class Card:
    """A figure that a reader should see first."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page: a heading, and its content as HTML."""

    title: str
    content: str


@dataclass(frozen=True, eq=False)
class Page:
    """What a report says.

    Attributes:
        title: One line.
        subtitle: One line below it.
        cards: The figures at its head.
        words: The plan in sentences, a paragraph each.
        warnings: What a reader must know.
        pictures: Caption by file.
        view: Of `view_data`.
        sections: Tables, in order.
    """

    title: str
    subtitle: str
    cards: Sequence[Card]
    words: Sequence[str]
    warnings: Sequence[str]
    pictures: Mapping[Path, str]
    view: Mapping[str, object]
    sections: Sequence[Section]


def write_report(path: Path, page: Page) -> None:
    """Write a page, whole or not at all.

    Raises:
        ValueError: It would be larger than 15 MB.
        OSError: The file cannot be written, or a picture cannot be read.
    """
    write_page(path, _page(page))


def write_page(path: Path, page: str) -> None:
    """Write HTML, whole or not at all; errors are those of `write_report`."""
    content = page.encode()
    if len(content) > MOST_BYTES:
        raise ValueError(
            f"{path}: the report would take {len(content) / 1e6:.0f} MB, more than "
            f"{MOST_BYTES / 1e6:.0f} MB."
        )
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def fill_page(name: str, parts: Mapping[str, str]) -> str:
    """Put parts, as HTML, where a page has their names."""
    told = {
        "STYLE": _asset("report.css"),
        "GENERATOR": html.escape(f"tmsgrad {versions()['tmsgrad']}"),
        **parts,
    }
    pieces = _asset(name).split("@@")
    # What stands at odd places is a name; what is filled in is not looked through.
    return "".join(told[x] if odd % 2 else x for odd, x in enumerate(pieces))


def _asset(name: str) -> str:
    return (files(__package__ or "") / "templates" / name).read_text(encoding="utf-8")


def _page(page: Page) -> str:
    # A word of the data that ends a script would end the page's.
    data = json.dumps(page.view, separators=(",", ":")).replace("<", "\\u003c")
    parts = {
        "TITLE": html.escape(page.title),
        "SUBTITLE": html.escape(page.subtitle),
        "CARDS": "".join(map(_card, page.cards)),
        "WORDS": "".join(
            f'<p class="words">{html.escape(each)}</p>' for each in page.words
        ),
        "WARNINGS": _warnings(page.warnings),
        "PICTURES": "".join(picture(*each) for each in page.pictures.items()),
        "SECTIONS": "".join(
            f"<section><h2>{html.escape(s.title)}</h2>{s.content}</section>"
            for s in page.sections
        ),
        "PLOTLY": get_plotlyjs().replace("</script", "<\\/script"),
        "DATA": data,
        "SCRIPT": _asset("report.js"),
    }
    return fill_page("report.html", parts)


def _card(card: Card) -> str:
    note = f'<div class="note">{html.escape(card.note)}</div>' if card.note else ""
    return (
        f'<div class="card"><div class="name">{html.escape(card.name)}</div>'
        f'<div class="value">{html.escape(card.value)}</div>{note}</div>'
    )


def _warnings(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    lines = "".join(f"<li>{html.escape(each)}</li>" for each in warnings)
    return (
        '<section class="warnings" aria-labelledby="warnings-title">'
        f'<h2 id="warnings-title">Warnings</h2><ul>{lines}</ul></section>'
    )


def picture(path: Path, caption: str) -> str:
    """A picture, within the page."""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    words = html.escape(caption)
    return (
        f'<figure><img alt="{words}" src="data:image/png;base64,{data}">'
        f"<figcaption>{words}</figcaption></figure>"
    )


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """A table of names and values."""
    lines = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(value)}</td></tr>'
        for name, value in rows
    )
    return f'<table class="facts"><tbody>{lines}</tbody></table>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a heading for each column."""
    heads = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in columns)
    lines = "".join(
        "<tr>" + "".join(f"<td>{html.escape(word)}</td>" for word in row) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def checks(rows: Iterable[tuple[str, bool, str]]) -> str:
    """A table of what was checked, whether it is well, and what was found."""
    lines = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        f'<td class="{"yes" if passed else "no"}">{"passed" if passed else "look here"}'
        f"</td><td>{html.escape(words)}</td></tr>"
        for name, passed, words in rows
    )
    return f'<div class="scroll"><table class="checks"><tbody>{lines}</tbody></table></div>'


def code(text: str) -> str:
    """Text as it is."""
    return f"<pre><code>{html.escape(text)}</code></pre>"
