"""List on each page of the Python interface what its package exports."""

import ast
from pathlib import Path


ROOT = Path(__file__).parents[2]


def exports(package: str) -> list[str]:
    """Names that a package's `__init__` imports under their own name, sorted."""
    tree = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))
    names = [
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname is not None and alias.asname == alias.name
    ]
    # Classes and functions first, constants and folders after them.
    return sorted(names, key=lambda name: (name.isupper(), name.lower()))


def on_page_markdown(markdown: str, page, config, files) -> str:
    """Add an entry for each name."""
    parts = Path(page.file.src_uri).parts
    if parts[0] != "api":
        return markdown
    package = Path(parts[-1]).stem
    entries = (f"::: tmsgrad.{package}.{name}\n" for name in exports(package))
    return "\n".join([markdown, *entries])
