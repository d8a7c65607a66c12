"""The interactive page as one file, which fetches nothing."""

import json
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ...disk import write_whole
from ...meshing.viewer.script import joined, policy


#: In this order, each needs only those before it, and what all views share.
MODULES = (
    *("scalp", "field", "coil", "model", "plan", "words", "files"),
    *("view", "sections", "regions", "controls", "taking", "live", "main"),
)
MOST_BYTES = 60_000_000


def write_page(path: Path, title: str, data: dict) -> int:
    """Write a page, whole or not at all, and return its size in bytes.

    Raises:
        ValueError: It would be larger than 60 MB.
        OSError: The file cannot be written.
    """
    content = page(title, data).encode()
    if len(content) > MOST_BYTES:
        raise ValueError(
            f"{path}: the page would take {len(content) / 1e6:.0f} MB, more than "
            f"{MOST_BYTES / 1e6:.0f} MB. Make a basis of a smaller radius or a larger "
            "tolerance."
        )
    write_whole(path, content)
    return len(content)


def page(title: str, data: dict, stream: str | None = None) -> str:
    """Fill the page.

    Args:
        title: Of it.
        data: That its script works with.
        stream: What it may connect to, such as ws://127.0.0.1:8000, or None.
    """
    script = joined({name: _asset(f"{name}.js") for name in MODULES})
    style = _asset("page.css")
    # A word of the data that ends a script would end the page's.
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return (
        Environment(
            loader=PackageLoader(__package__ or "", "assets"),
            autoescape=True,
            undefined=StrictUndefined,
        )
        .get_template("page.html")
        .render(
            title=title,
            generator=f"tmsgrad {version('tmsgrad')}",
            policy=policy(script, style, stream),
            style=Markup(style),
            script=Markup(script),
            data=Markup(text.replace("<", "\\u003c")),
        )
    )


def _asset(name: str) -> str:
    return (files(__package__ or "") / "assets" / name).read_text(encoding="utf-8")
