"""A run of checks as one page of HTML, with its pictures within: it needs no network."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ..disk import write_whole
from .figures import pictures
from .suite import Record


_TITLES = {
    "sphere": "Against mathematics",
    "simnibs": "Against SimNIBS",
    "self": "Against itself",
}


def write_report(
    folder: str | os.PathLike[str], result: Record, found: Mapping[str, Any]
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
    checks = [outcome.as_dict() for outcome in result.outcomes]
    environment = result.environment
    groups: dict[str, list[dict]] = {}
    for check in checks:
        title = str(_TITLES.get(check["group"], check["group"]))
        groups.setdefault(title, []).append(check)
    versions = {name: each for name, each in environment["versions"].items() if each}
    others = {key: each for key, each in environment.items() if key != "versions"}
    loader = PackageLoader("tmsgrad.validation")
    pages = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    filled = pages.get_template("validation.html").render(
        checks=checks,
        held=sum(check["verdict"] == "holds" for check in checks),
        failed=sum(check["verdict"] == "fails" for check in checks),
        environment=environment,
        seconds=result.seconds,
        groups=groups,
        pictures=list(pictures(found)),
        facts=others | versions,
    )
    write_whole(path, filled)
    return path
