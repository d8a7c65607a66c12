"""What a search found, on one page with a picture of the field."""

import base64
import os
from dataclasses import dataclass
from pathlib import Path

from ..disk import write_whole
from ..efield import ElectricField
from ..meshing.drawing.shown import Drawing


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title></head>
<body>
CONTENT
</body></html>
"""
_CONTENT = """<section style="font-family: sans-serif">
<h2>{{ title }}</h2>
<table>{% for name, value in facts %}
<tr><th align="left">{{ name }}</th><td>{{ value }}</td></tr>{% endfor %}</table>
<img alt="{{ picture.title }}" style="max-width: 100%"
 src="data:image/png;base64,{{ png }}">
<h3>Optima</h3>
<table><tr>{% for name in columns %}<th align="left">{{ name }}</th>{% endfor %}</tr>
{% for row in optima %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table>
</section>"""
COLUMNS = ("value, V/m", "of the best", "coil centre", "casing to scalp, mm")


@dataclass(frozen=True, eq=False)
class SearchReport:
    """The best placement of a search, its field, and the other optima.

    Notebooks show it as it is written: the facts, the picture, the optima.

    Attributes:
        title: One line.
        facts: Names and values.
        optima: A row for each, of `COLUMNS`.
        field: At the best placement, solved for.
        picture: Of that, with the coil.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    optima: tuple[tuple[str, ...], ...]
    field: ElectricField
    picture: Drawing

    def __repr__(self) -> str:
        """Write the first facts."""
        return "\n".join(
            [self.title, *(f"  {name}: {value}" for name, value in self.facts[:4])]
        )

    def _repr_html_(self) -> str:
        return self._filled(_CONTENT)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write one page of HTML with the picture in it, whole or not at all.

        Raises:
            ValueError: The name does not end in .html.
            OSError: The file cannot be written.
        """
        if Path(path).suffix.lower() != ".html":
            raise ValueError(f"`path` is {path}: the page's name ends in .html.")
        write_whole(path, self._filled(_PAGE.replace("CONTENT", _CONTENT)))

    def _filled(self, template: str) -> str:
        from jinja2 import Environment, StrictUndefined  # Only where a page is wanted.

        fill = Environment(autoescape=True, undefined=StrictUndefined)
        return fill.from_string(template).render(
            title=self.title,
            facts=self.facts,
            columns=COLUMNS,
            optima=self.optima,
            picture=self.picture,
            png=base64.b64encode(self.picture._repr_png_()).decode(),
        )
