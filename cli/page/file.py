"""The interactive page as one file, which fetches nothing.

Its script is several modules; they are joined here, and a digest of the whole is the only
script that the page's content-security policy lets run.
"""

import base64
import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ...disk import write_whole
from ..runtime.versions import versions


#: In this order, each needs only those before it.
MODULES = (
    *("arrays", "vectors", "scalp", "field", "coil", "model", "plan", "words", "files"),
    *("renderer", "view", "sections", "controls", "main"),
)
_IMPORT = re.compile(r'^import (\{[^}]+\}) from "\./(\w+)\.js";$', re.M)
_EXPORT = re.compile(r"^export (?=(?:const|function|class) (\w+))", re.M)
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
            f"{MOST_BYTES / 1e6:.0f} MB. Make a basis of a smaller --radius or a larger "
            "--tolerance."
        )
    write_whole(path, content)
    return len(content)


def page(title: str, data: dict) -> str:
    """Fill the page."""
    script, style = script_of_page(), _asset("page.css")
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
            generator=f"tmsgrad {versions()['tmsgrad']}",
            policy=policy(script, style),
            style=Markup(style),
            script=Markup(script),
            data=Markup(text.replace("<", "\\u003c")),
        )
    )


def policy(script: str, style: str) -> str:
    """What the page may do: run its own script, and nothing from elsewhere."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_digest(script)}",
            f"style-src {_digest(style)}",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def script_of_page() -> str:
    """Join the modules of the script, each in a scope of its own."""
    return '"use strict";\n' + "\n".join(_scope(name) for name in MODULES)


def _scope(name: str) -> str:
    """Write a module as what a function gives back: it needs no file of its own then."""
    text = _asset(f"{name}.js")
    body = _EXPORT.sub("", _IMPORT.sub(r"const \1 = \2;", text))
    given = ", ".join(_EXPORT.findall(text))
    return f"const {name} = (() => {{\n{body}\nreturn {{ {given} }};\n}})();"


def _digest(text: str) -> str:
    found = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{found}'"


def _asset(name: str) -> str:
    return (files(__package__ or "") / "assets" / name).read_text(encoding="utf-8")
