"""Print, as constraints for pip, the lowest version of each dependency in pyproject.

What these need in turn is left to pip, as in `uv pip install --resolution lowest-direct`.
"""

import re
import tomllib
from itertools import chain
from pathlib import Path


_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(\[[\w,]+\])?>=(?P<version>[\d.]+)(;.*)?")


def lowest(project: dict) -> dict[str, str]:
    """Return the versions by name: of two bounds of one package the higher one."""
    optional = project["optional-dependencies"]
    found: dict[str, str] = {}
    for requirement in chain(project["dependencies"], *optional.values()):
        if requirement.startswith(project["name"] + "["):
            continue
        match = _REQUIREMENT.fullmatch(requirement.replace(" ", ""))
        if match is None:
            raise ValueError(f"pyproject.toml: `{requirement}` is not `name>=version`.")
        name, version = match["name"], match["version"]
        found[name] = max(found.get(name, "0"), version, key=_parts)
    return found


def _parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


if __name__ == "__main__":
    path = Path(__file__).parents[1] / "pyproject.toml"
    versions = lowest(tomllib.loads(path.read_text("utf-8"))["project"])
    print("\n".join(f"{name}=={version}" for name, version in versions.items()))
