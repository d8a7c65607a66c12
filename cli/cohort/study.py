"""The plan of a study: a plan file whose words stand for what is found of each person.

`{subject}`, `{session}` and `{out}`, the person's folder for what runs write, and `{head}`,
`{t1}`, `{bold}`, `{confounds}`, `{dwi}`, `{eeg}`, `{markers}` and `{threshold}` for what
the BIDS folder holds. Filled in, it is a plan of one person that `tmsgrad plan` runs too.
"""

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ...disk import read_text
from ..arguments.parser import parser
from ..plans.file import read_plan
from ..plans.plan import Plan
from ..plans.saving import plan_text
from ..plans.several import sessions_of, subjects_of
from .making import TABLE, Making, Segmenting, read_segmenting
from .people import KINDS, Person


OUT = "out"
_NAMES = ("subject", "session", OUT)
_SURFACES = ("lh.central.gii", "rh.central.gii")


@dataclass(frozen=True)
class Study:
    """A plan for many people.

    Attributes:
        path: Of the file.
        needed: Words of `KINDS` that it uses.
        by_session: Whether it names sessions.
        own: People that the plan itself names, or None where the BIDS folder says.
        segmenting: How heads are made for those who have none, or None.
    """

    path: Path
    needed: tuple[str, ...]
    by_session: bool
    own: tuple[Person, ...] | None
    segmenting: Segmenting | None


def read_study(path: Path) -> Study:
    """Read the plan of a study.

    Raises:
        ValueError: It is no TOML, or names subjects in a way that is none.
        OSError: It cannot be read.
    """
    try:
        tables = tomllib.loads(read_text(path))
    except (tomllib.TOMLDecodeError, RecursionError):
        read_plan(path, parser)  # Says which line.
        raise
    texts = tuple(_texts(tables))
    used = lambda word: any(f"{{{word}}}" in text for text in texts)
    needed = tuple(kind for kind in KINDS if used(kind))
    return Study(
        *(path, needed, used("session"), _own_people(path, tables)),
        read_segmenting(path, tables, "head" in needed),
    )


def person_plan(
    study: Study, person: Person, folder: Path, making: Making | None = None
) -> Plan:
    """Make the plan of one person, which lies in a folder of its own.

    Args:
        study: The plan of all.
        person: Of whom.
        folder: For what the runs write, `{out}`, and for the plan.
        making: The head that is made first, or None.

    Raises:
        ValueError: The plan is wrong, with its line, or a run writes outside of `{out}`.
    """
    head = made_head(person, folder)
    heads = person.files.get("head", ()) if making is None else (str(head.absolute()),)
    found = read_plan(study.path, parser, _filler(person, folder, heads))
    for run in found.runs:
        for name in run.writes:
            if not Path(name).resolve().is_relative_to(folder.resolve()):
                raise ValueError(
                    f"{run.place}: writes to {name}, where people would write over each "
                    f'other: begin its name with the person\'s folder, "{{out}}/NAME".'
                )
            if making is not None and Path(name).resolve() == head.resolve():
                raise ValueError(
                    f"{run.place}: writes to {name}, where the head is that is made of "
                    "the T1: give it another name."
                )
    first = () if making is None else (making.run(head),)
    return replace(found, path=folder / "plan.toml", runs=(*first, *found.runs))


def made_head(person: Person, folder: Path) -> Path:
    """Where the head goes that is made of a person's T1.

    Args:
        person: Whose.
        folder: Of what the person's runs write.
    """
    return folder / f"m2m_{person.subject}"


def written(plan: Plan) -> str:
    """A plan as text that `tmsgrad plan` takes."""
    return plan_text([run.words for run in plan.runs], plan.program, plan.path.parent)


def _filler(
    person: Person, folder: Path, heads: tuple[str, ...]
) -> Callable[[dict], dict]:
    files = {**person.files, "head": heads}
    words: dict[str, str | tuple[str, ...]] = {
        "subject": person.subject,
        "session": person.session,
        OUT: str(folder.absolute()),
        **{kind: tuple(map(os.path.abspath, files.get(kind, ()))) for kind in KINDS},
    }
    if person.threshold is not None:
        words["threshold"] = f"{person.threshold:g}"

    def fill(tables: dict) -> dict:
        tables = {
            key: _replaced(value, words)
            for key, value in tables.items()
            if key != TABLE
        }
        for table in _defaults_of(tables):
            table.pop("subjects", None)
            table.pop("sessions", None)
        return _with_surfaces(tables, person)

    return fill


def _with_surfaces(tables: dict, person: Person) -> dict:
    """Have placements write their field on the cortex that has registration spheres."""
    heads = person.files.get("head", ())
    folder = Path(heads[0], "surfaces") if heads else None
    files = [] if folder is None else [folder / name for name in _SURFACES]
    there = [str(file.absolute()) for file in files if file.is_file()]
    defaults = tables.get("defaults", {})
    if "gifti" in defaults or len(there) < len(_SURFACES):
        return tables
    for run in tables.get("run", [tables]):
        command = run.get("command", defaults.get("command"))
        if command == "optimize" and "gifti" not in run:
            run["gifti"] = list(there)
    return tables


def _own_people(path: Path, tables: dict) -> tuple[Person, ...] | None:
    """People that a plan names itself."""

    def refuse(at: tuple, message: str) -> None:
        raise ValueError(f"{path}: {'.'.join(map(str, at))}: {message}.")

    table = dict(_defaults_of(tables)[0])
    subjects = subjects_of(table, (), path.parent, refuse)
    sessions = sessions_of(table, (), refuse) or ("",)
    if subjects is None:
        return None
    for word in (*subjects, *filter(None, sessions)):
        if not (word.isascii() and word.isalnum()):
            refuse(
                ("subjects",), f"{word!r} is no label of BIDS: letters and numbers only"
            )
    return tuple(Person(name, time, {}) for name in subjects for time in sessions)


def _defaults_of(tables: dict) -> list[dict]:
    return (
        [tables["defaults"]] if isinstance(tables.get("defaults"), dict) else [tables]
    )


def _replaced(value: object, words: Mapping[str, str | tuple[str, ...]]) -> object:
    """Put what the words stand for into a value; a word alone may become a list."""
    if isinstance(value, list):
        return [_replaced(each, words) for each in value]
    if isinstance(value, dict):
        return {key: _replaced(each, words) for key, each in value.items()}
    if not isinstance(value, str):
        return value
    for word, meant in words.items():
        mark = f"{{{word}}}"
        if mark not in value:
            continue
        if isinstance(meant, tuple) and len(meant) > 1 and value == mark:
            return list(meant)
        text = meant if isinstance(meant, str) else "".join(meant[:1])
        value = value.replace(mark, text)
    return value


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
