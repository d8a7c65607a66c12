"""Makes one package, `tmsgrad`, of the folders at the top of the repository.

A wheel gets copies. An editable installation gets links in `.package/tmsgrad`, which git
ignores; `python hatch_build.py` makes these again.
"""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


FOLDERS = ("cli", "coils", "disk", "efield", "meshing", "optimize", "validation")
PACKAGE = Path(".package", "tmsgrad")
FILES = ("__init__.py", "py.typed")


class OnePackage(BuildHookInterface):
    """What hatchling calls before it builds a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name what goes into the wheel, or make the links of an editable one."""
        root = Path(self.root)
        if version == "editable":
            link(root)
            return
        inside = build_data["force_include"]
        for name in FILES:
            inside[str(root / PACKAGE / name)] = f"tmsgrad/{name}"
        for name in FOLDERS:
            inside[str(root / name)] = f"tmsgrad/{name}"


def link(root: Path) -> None:
    """Link the folders into the package, on Windows by junctions."""
    for name in FOLDERS:
        folder, place = root / name, root / PACKAGE / name
        if place.resolve() == folder.resolve():
            continue
        # A link to nowhere, or the text that a checkout without links has for one.
        if place.is_symlink() or place.is_file():
            place.unlink()
        if sys.platform == "win32":
            import _winapi

            _winapi.CreateJunction(str(folder), str(place))
        else:
            place.symlink_to(Path("..", "..", name), target_is_directory=True)


if __name__ == "__main__":
    link(Path(__file__).resolve().parent)
