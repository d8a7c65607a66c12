"""Plan files: what `tmsgrad plan` does, in TOML. Their keys are the options' names.

A plan of one command has its keys at the top; a plan of several has a table `[[run]]` for
each, and what they share in `[defaults]`. Names of files are relative to the plan's folder.
"""

import argparse
import os
import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from ...disk import read_text
from ..arguments import words
from ..arguments.former import notice, renewed_key
from ..arguments.mistakes import nearest
from ..arguments.verbs import verbs
from ..runtime.notices import note
from .lines import At, line_of, lines_of
from .plan import Plan, Run
from .several import Case, Taken, cases, sessions_of, subjects_of
from .words import actions, as_words, file_of, fitting, plain, value_of


# What a plan sets for the program, not a single run: its runs share a process.
PROGRAM = ("threads", "device", "quiet", "verbose")
_ALIKE = 0.5  # Keys are short: two letters make them rather different.
_NO_RUNS = (
    *("run", "plan", "bids", "completion", "eeg live", "live"),
    *("trial open", "trial unblind"),
)


class StrictParser(argparse.ArgumentParser):
    """A parser that raises what is wrong, and neither prints nor exits."""

    def error(self, message: str):
        """Raise."""
        raise ValueError(message)


def read_plan(
    path: Path,
    make: Callable[[type[argparse.ArgumentParser]], argparse.ArgumentParser],
    change: Callable[[dict], dict] = dict,
    at: At = (),
) -> Plan:
    """Read a plan file and check all that can be checked without computing.

    Args:
        path: Of the file.
        make: Makes the parser of the command line, of a class.
        change: Gives the tables that are taken for those that the file holds.
        at: Where in the file the keys of these are, if they are of one run.

    Raises:
        ValueError: It is no plan; the message gives the line and what to write.
        OSError: It cannot be read.
    """
    text = read_text(path)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(_placed(path, text, str(error))) from None
    except RecursionError:
        raise ValueError(
            f"{path}: brackets are nested too deeply for a plan."
        ) from None
    return _Reader(path, text, make(StrictParser), at).plan(change(tables))


def _placed(path: Path, text: str, message: str) -> str:
    found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message)
    if found is None:
        return f"{path}:{text.count(chr(10)) + 1}: {message}"
    return f"{path}:{found[2]}: {found[1]} (column {found[3]})"


class _Reader:
    """Reads the tables of one file."""

    def __init__(self, path: Path, text: str, parser: argparse.ArgumentParser, at: At):
        self._path, self._parser, self._at = path, parser, at
        self._lines = lines_of(text)
        self._verbs = dict(item for item in verbs(parser) if item[0] not in _NO_RUNS)

    def plan(self, tables: dict) -> Plan:
        runs, defaults, several = self._tables(tables)
        about = (defaults, ("defaults",)) if several else runs[0]
        subjects = subjects_of(*about, self._path.parent, self._refuse)
        sessions = sessions_of(*about, self._refuse)
        names = [self._command(*each, defaults) for each in runs]
        self._check_defaults(names, defaults)
        found = tuple(
            self._run(self._command(each.table, each.at, defaults), each)
            for each in cases(
                runs,
                defaults,
                subjects,
                sessions,
                lambda table: self._taken(table, defaults),
                self._refuse,
            )
        )
        self._check_outputs(found)
        return Plan(self._path, found, self._program(*about))

    def _taken(self, table: dict, defaults: dict) -> Taken:
        """What a run takes of the defaults."""
        name = str(table.get("command", defaults.get("command")))
        verb, known = self._verbs[name], actions(self._verbs[name])
        given = {
            renewed_key(name, plain(key), each): each for key, each in table.items()
        }
        coil = known.get("coil")
        one = coil is not None and not isinstance(coil, argparse._AppendAction)
        return Taken(fitting(name, defaults, verb, known, given), one)

    def _tables(self, tables: dict) -> tuple[list[tuple[dict, At]], dict, bool]:
        """Give each run's table and its place, the defaults, and whether it is a list."""
        if "run" not in tables:
            if "defaults" in tables:
                self._refuse(("defaults",), "there are [defaults], but no [[run]]")
            return [(tables, self._at)], {}, False
        for key in tables:
            if key not in ("run", "defaults"):
                self._refuse((key,), f"put {key} into [defaults] or a [[run]]")
        runs, defaults = tables["run"], tables.get("defaults", {})
        if not isinstance(runs, list) or not all(isinstance(x, dict) for x in runs):
            self._refuse(("run",), "write [[run]], with two brackets, for each run")
        if not isinstance(defaults, dict):
            self._refuse(("defaults",), "[defaults] is a table of keys")
        if not runs:
            self._refuse(("run",), "there is no run")
        return (
            [(run, ("run", number)) for number, run in enumerate(runs)],
            defaults,
            True,
        )

    def _command(self, table: dict, at: At, defaults: dict) -> str:
        if "command" not in table and "command" not in defaults:
            self._refuse(at, 'a run needs a command, such as command = "optimize"')
        name = table.get("command", defaults.get("command"))
        if name not in self._verbs:
            where = at if "command" in table else ("defaults",)
            hint = nearest(str(name), self._verbs, alike=_ALIKE)
            self._refuse((*where, "command"), f"there is no command {name!r}{hint}")
        return str(name)

    def _check_defaults(self, names: list[str], defaults: dict) -> None:
        known = {"command", *PROGRAM}
        known.update(*(actions(self._verbs[name]) for name in names))
        for key, value in defaults.items():
            renamed = {renewed_key(name, plain(key), value) for name in names}
            if not renamed & known:
                hint = nearest(key, known, alike=_ALIKE)
                message = f"no command of this plan has {key}{hint}"
                self._refuse(("defaults", key), message)

    def _run(self, name: str, case: Case) -> Run:
        table, at, defaults = case.table, case.at, case.defaults
        verb = self._verbs[name]
        known = actions(verb)
        given: dict[str, object] = {}
        places: dict[str, At] = {}
        for key, value in table.items():
            named = self._renewed(name, key, value)
            if named not in known and named != "command":
                hint = nearest(named, known, alike=_ALIKE)
                self._refuse((*at, key), f"{name} has no {key}{hint}")
            if named in given:
                self._refuse((*at, key), f"{key} is given twice")
            if at and named in PROGRAM:
                self._refuse(
                    (*at, key),
                    f"{key} holds for all runs, which share a process: put it into "
                    "[defaults]",
                )
            given[named], places[named] = value, (*at, key)
        for key, value in fitting(name, defaults, verb, known, given).items():
            named = self._renewed(name, key, value)
            given[named], places[named] = value, ("defaults", key)
        for key in ("command", *PROGRAM):
            given.pop(key, None)
        return replace(self._parsed(name, at, given, places), subject=case.subject)

    def _renewed(self, command: str, key: str, value: object) -> str:
        """What a key is called now, with a notice if that is another name."""
        old = plain(key)
        new = renewed_key(command, old, value)
        if new != old:
            note(f"{self._path}: {notice(old, new)}")
        return new

    def _parsed(self, name: str, at: At, given: dict, places: dict[str, At]) -> Run:
        found, reads, known = name.split(), {}, actions(self._verbs[name])
        for key, action in known.items():
            if key not in given:
                if action.required:
                    self._refuse(at, f"{name} needs {key}: {action.help}")
                continue
            try:
                new = as_words(action, given[key], self._path.parent)
            except ValueError as error:
                self._refuse(places[key], f"{key} {error}")
            found += new
            values = [word for word in map(value_of, new) if word]
            reads |= {
                f"{key} {i + 1}": file
                for i, word in enumerate(values)
                if (file := file_of(action, word)) is not None
            }
        try:
            options = self._parser.parse_args(found, argparse.Namespace(words=found))
        except ValueError as error:
            message = str(error).removeprefix("argument ").replace("--", "")
            key = plain(re.split(r"[:\s/]", message)[0]).lower()
            self._refuse(places.get(key, at), message)
        outputs = [a.dest for a in known.values() if a.type is words.output]
        writes = tuple(x for dest in outputs if (x := getattr(options, dest)))
        place = f"{self._path}:{line_of(self._lines, at)}"
        return Run(place, found, options, given, reads, writes)

    def _check_outputs(self, runs: tuple[Run, ...]) -> None:
        owner: dict[str, int] = {}
        for number, run in enumerate(runs, 1):
            for out in map(os.path.abspath, run.writes):
                if out in owner:
                    raise ValueError(
                        f"{run.place}: run {number} writes to {out}, as run "
                        f"{owner[out]} does: give each an output of its own, such as by "
                        "{subject} or {coil} in its name, or {session}."
                    )
                owner[out] = number

    def _program(self, table: dict, at: At) -> dict:
        found, known = {}, actions(self._verbs["simulate"])
        for key in (key for key in PROGRAM if key in table):
            try:
                one = StrictParser(add_help=False)
                one._add_action(known[key])
                given = as_words(known[key], table[key], self._path.parent)
                found[key] = getattr(one.parse_args(given), known[key].dest)
            except ValueError as error:
                message = str(error).removeprefix(f"argument --{key}: ")
                self._refuse((*at, key), f"{key}: {message}")
        return found

    def _refuse(self, at: At, message: str) -> NoReturn:
        end = "" if message.endswith(("?", ".")) else "."
        raise ValueError(f"{self._path}:{line_of(self._lines, at)}: {message}{end}")
