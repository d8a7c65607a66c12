"""`--save-plan`: a command line as a plan file."""

import argparse
import sys
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
        draft.write_text(_as_plan(words, file.parent), encoding="utf-8")
        try:
            read_plan(draft, parser)
        except ValueError as error:
            raise ValueError(str(error).replace(str(draft), path)) from None
    print(
        f"tmsgrad: nothing was computed; `tmsgrad plan {path}` does.", file=sys.stderr
    )
    print(path)
    return {"plan": path}


def _as_plan(words: list[str], folder: Path) -> str:
    raw = parser(StrictParser)
    for _, verb in verbs(raw):
        for action in verb._actions:
            # Words stay as they were typed, and what was not typed stays away.
            action.default, action.type, action.choices = argparse.SUPPRESS, None, None
    known = {name: actions(verb) for name, verb in verbs(parser(StrictParser))}
    given = vars(raw.parse_args(words))
    lines = [f'command = "{given["command"]}"']
    for key, action in known[given["command"]].items():
        if action.dest in given:
            lines.append(f"{key} = {as_toml(action, given[action.dest], folder)}")
    return "\n".join(lines) + "\n"
