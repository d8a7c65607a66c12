"""`--save-plan`: a command line as a plan file."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...disk import whole_file
from ..arguments.parser import parser
from ..arguments.verbs import verbs
from .file import StrictParser, read_plan
from .words import actions, as_toml


def save_plan(path: str, words: list[str]) -> dict:
    """Write a command line as a plan file, and do nothing else.

    Args:
        path: Of the file.
        words: The command line, which the parser takes.

    Raises:
        ValueError: There is such a file already, or its name does not end in .toml.
        OSError: It cannot be written.
    """
    file = Path(path)
    if file.suffix != ".toml":
        raise ValueError(f"--save-plan {path}: the name of a plan ends in .toml.")
    if file.exists():
        raise ValueError(
            f"--save-plan {path}: there is such a file, which may have been edited. Give "
            "another name, or remove it."
        )
    if not file.parent.is_dir():
        raise FileNotFoundError(f"--save-plan {path}: folder {file.parent} not found.")
    with whole_file(file) as draft:
        draft.write_text(_Writer().lines_of(words, file.parent), encoding="utf-8")
        try:
            read_plan(draft, parser)
        except ValueError as error:
            raise ValueError(str(error).replace(str(draft), path)) from None
    print(
        f"tmsgrad: nothing was computed; `tmsgrad plan {path}` does.", file=sys.stderr
    )
    print(path)
    return {"plan": path}


def plan_text(
    runs: Sequence[list[str]], program: Mapping[str, object], folder: Path
) -> str:
    """Write several command lines as one plan.

    Args:
        runs: Their words.
        program: What holds for all: threads, the device, and how much is reported.
        folder: Of the plan, which names of files are relative to.
    """
    writer = _Writer()
    known = writer.known["simulate"]
    shared = [
        f"{key} = {as_toml(known[key], value, folder)}"
        for key, value in program.items()
        if value not in (None, False)
    ]
    parts = ["\n".join(["[defaults]", *shared]) + "\n"] if shared else []
    parts += ["[[run]]\n" + writer.lines_of(words, folder) for words in runs]
    return "\n".join(parts)


class _Writer:
    """Writes command lines as tables of a plan."""

    def __init__(self):
        self._raw = parser(StrictParser)
        for _, verb in verbs(self._raw):
            for action in verb._actions:
                # Words stay as they were typed, and what was not typed stays away.
                action.default = argparse.SUPPRESS
                action.type = action.choices = None
        self.known = {name: actions(verb) for name, verb in verbs(parser(StrictParser))}

    def lines_of(self, words: list[str], folder: Path) -> str:
        """A command line as lines of a table."""
        given = vars(self._raw.parse_args(words))
        lines = [f'command = "{given["command"]}"']
        for key, action in self.known[given["command"]].items():
            if action.dest in given:
                lines.append(f"{key} = {as_toml(action, given[action.dest], folder)}")
        return "\n".join(lines) + "\n"
