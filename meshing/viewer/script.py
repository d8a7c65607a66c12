"""Scripts of pages: modules joined to one, which is all that a page's policy lets run."""

import base64
import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files


#: What any view needs; each only those before it.
SHARED = ("arrays", "vectors", "renderer", "camera")
_IMPORT = re.compile(r'^import (\{[^}]+\}) from "\./(\w+)\.js";$', re.M)
_EXPORT = re.compile(r"^export (?=(?:const|function|class) (\w+))", re.M)


def joined(modules: Mapping[str, str]) -> str:
    """Join the shared modules and others, by name, each after those that it needs."""
    every = {name: _asset(f"{name}.js") for name in SHARED} | dict(modules)
    return '"use strict";\n' + "\n".join(_scope(*each) for each in every.items())


def policy(script: str, style: str, stream: str | None = None) -> str:
    """What a page may do: run its own script, and nothing from elsewhere.

    Args:
        script: Its script.
        style: Its style.
        stream: What it may connect to, or None.
    """
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_digest(script)}",
            f"style-src {_digest(style)}",
            "img-src data: blob:",
            *([] if stream is None else [f"connect-src {stream}"]),
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _scope(name: str, text: str) -> str:
    """Write a module as what a function gives back: it needs no file of its own then."""
    body = _EXPORT.sub("", _IMPORT.sub(r"const \1 = \2;", text))
    given = ", ".join(_EXPORT.findall(text))
    return f"const {name} = (() => {{\n{body}\nreturn {{ {given} }};\n}})();"


def _digest(text: str) -> str:
    found = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{found}'"


def _asset(name: str) -> str:
    return (files(__package__ or "") / "assets" / name).read_text(encoding="utf-8")
