"""`report.html`: a plan in words, numbers and pictures, and the field to look at.

One file holds all of it, and fetches nothing.
"""

import base64
import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ...disk import write_whole
from ...meshing.viewer.script import joined, policy
from ..runtime.versions import versions


MOST_BYTES = 15_000_000
NOTHING = Markup()


@dataclass(frozen=True)
class Card:
    """A figure that a reader should see first."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Answer:
    """A question that a clinic has, and the answer to it."""

    question: str
    answer: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page: a heading, and its content."""

    title: str
    content: Markup


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
        answers: On the first screen, before all figures.
        distrust: When not to trust them.
        beside: The file of an interactive page, or nothing.
        first: A picture beside the answers, or nothing.
    """

    title: str
    subtitle: str
    cards: Sequence[Card]
    words: Sequence[str]
    warnings: Sequence[str]
    pictures: Mapping[Path, str]
    view: Mapping[str, object]
    sections: Sequence[Section]
    answers: Sequence[Answer] = ()
    distrust: str = ""
    beside: str = ""
    first: Markup = NOTHING


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
    write_whole(path, content)


def fill_page(name: str, **parts: object) -> str:
    """Fill a template: text is escaped, and `Markup` stands as it is."""
    return (
        _templates()
        .get_template(name)
        .render(
            style=Markup(_asset("report.css")),
            generator=f"tmsgrad {versions()['tmsgrad']}",
            **parts,
        )
    )


def fill_scripted(name: str, script: str, **parts: object) -> str:
    """Fill a template that has a script and a style of its own beside the usual one.

    Args:
        name: Of the template, such as `group.html`; its style is `group.css`.
        script: Of its script.
        **parts: As of `fill_page`.
    """
    style = _asset("report.css") + _asset(name.replace(".html", ".css"))
    text = '"use strict";\n' + _asset(script)
    parts |= {"script": Markup(text), "policy": policy(text, style)}
    return (
        _templates()
        .get_template(name)
        .render(
            style=Markup(style),
            generator=f"tmsgrad {versions()['tmsgrad']}",
            **parts,
        )
    )


def picture(path: Path, caption: str) -> Markup:
    """A picture, within the page."""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return _part("picture", data, caption)


def facts(rows: Iterable[tuple[str, object]]) -> Markup:
    """A table of names and values."""
    return _part("facts", rows)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """A table with a heading for each column."""
    return _part("table", columns, rows)


def checks(rows: Iterable[tuple[str, bool | None, str]]) -> Markup:
    """A table of checks: name, whether it is well (None: not checked), and what is so."""
    return _part("checks", rows)


def code(text: str) -> Markup:
    """Text as it is."""
    return _part("code", text)


def paragraph(text: str) -> Markup:
    """A paragraph."""
    return _part("paragraph", text)


def details(title: str, content: Markup) -> Markup:
    """What is shown only when a reader asks for it."""
    return _part("details", title, content)


def links(names: Sequence[str]) -> Markup:
    """Links to files, by their names."""
    return _part("links", names)


def _page(page: Page) -> str:
    # A word of the data that ends a script would end the page's.
    data = json.dumps(page.view, separators=(",", ":")).replace("<", "\\u003c")
    script = joined({"report": _asset("report.js")})
    return fill_page(
        "report.html",
        page=page,
        pictures=[picture(*each) for each in page.pictures.items()],
        data=Markup(data),
        script=Markup(script),
        policy=policy(script, _asset("report.css")),
    )


def _part(name: str, *arguments: object) -> Markup:
    return getattr(_templates().get_template("parts.html").module, name)(*arguments)


def _asset(name: str) -> str:
    return (files(__package__ or "") / "templates" / name).read_text(encoding="utf-8")


@functools.cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader(__package__ or "", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
