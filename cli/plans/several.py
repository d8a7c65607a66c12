"""One plan for several subjects, sessions and coils: its runs, once for each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from pathlib import Path

from .lines import At


SUBJECT, SESSION, COIL = "{subject}", "{session}", "{coil}"
_Refuse = Callable[[At, str], object]


@dataclass(frozen=True)
class Case:
    """A run as the plan has it, for one subject, one session and one coil.

    Attributes:
        table: Its keys.
        at: In the file.
        defaults: As they hold for it.
        subject: Of whom it is, or None.
    """

    table: dict
    at: At
    defaults: dict
    subject: str | None = None


@dataclass(frozen=True)
class Taken:
    """What a run takes of the defaults.

    Attributes:
        defaults: Those of its command that it does not say itself.
        one_coil: Whether its command has a coil, and only one.
    """

    defaults: Mapping[str, object]
    one_coil: bool


def subjects_of(
    table: dict, at: At, folder: Path, refuse: _Refuse
) -> tuple[str, ...] | None:
    """Take `subjects` out of a table: names, or a pattern of names of files.

    Args:
        table: The defaults, or the only run; the key is removed.
        at: In the file.
        folder: That a pattern is relative to.
        refuse: Raises what is wrong.

    Returns:
        The names in order; None where there is no such key.
    """
    if "subjects" not in table:
        return None
    place, given = (*at, "subjects"), table.pop("subjects")
    if isinstance(given, str):
        if given.count("*") != 1:
            refuse(place, f"subjects = {given!r} needs one *, where the names differ")
        names = _matching(folder, given)
        if not names:
            refuse(place, f"subjects: nothing has a name like {folder / given}")
        return names
    if not isinstance(given, list) or not all(isinstance(x, str) and x for x in given):
        refuse(place, 'subjects takes names, ["ernie", "anna"], or one, "m2m_*"')
    if not given or len(set(given)) < len(given):
        refuse(place, "subjects: name each of them once")
    return tuple(given)


def sessions_of(table: dict, at: At, refuse: _Refuse) -> tuple[str, ...] | None:
    """Take `sessions` out of a table: names.

    Args:
        table: The defaults, or the only run; the key is removed.
        at: In the file.
        refuse: Raises what is wrong.

    Returns:
        The names in order; None where there is no such key.
    """
    if "sessions" not in table:
        return None
    given = table.pop("sessions")
    good = isinstance(given, list) and all(isinstance(x, str) and x for x in given)
    if not (good and given and len(set(given)) == len(given)):
        refuse((*at, "sessions"), 'sessions takes names, each once: ["pre", "post"]')
    return tuple(given)


def _matching(folder: Path, pattern: str) -> tuple[str, ...]:
    before, _, after = pattern.partition("*")
    found = sorted(str(path.relative_to(folder)) for path in folder.glob(pattern))
    return tuple(name[len(before) : len(name) - len(after)] for name in found)


def cases(
    runs: Sequence[tuple[dict, At]],
    defaults: dict,
    subjects: tuple[str, ...] | None,
    sessions: tuple[str, ...] | None,
    takes: Callable[[dict], Taken],
    refuse: _Refuse,
) -> list[Case]:
    """Write each run once for each subject, session and coil that it is for.

    Runs that name no subject are done once. Neighbours that name one are done subject by
    subject, so that each is finished before the next begins, and session by session.

    Args:
        runs: Tables, and their places in the file.
        defaults: Of all runs.
        subjects: By name, or None.
        sessions: By name, or None.
        takes: What the command of a run takes.
        refuse: Raises what is wrong.
    """
    used = [
        tuple(
            _named(word, table, takes(table), at, names, refuse)
            for word, names in ((SUBJECT, subjects), (SESSION, sessions))
        )
        for table, at in runs
    ]
    for names, what, number in ((subjects, SUBJECT, 0), (sessions, SESSION, 1)):
        if names is not None and not any(each[number] for each in used):
            refuse((), f"there are {what[1:-1]}s, but no {what} in any run")
    found: list[Case] = []
    by_use = groupby(zip(runs, used, strict=True), key=lambda each: each[1])
    for (of_subject, of_session), group in by_use:
        people = (subjects or (None,)) if of_subject else (None,)
        times = (sessions or (None,)) if of_session else (None,)
        for name, time, ((table, at), _) in product(people, times, list(group)):
            words = {SUBJECT: name, SESSION: time}
            said = {word: each for word, each in words.items() if each is not None}
            found += _by_coil(table, at, defaults, said, takes(table), refuse)
    return found


def _named(
    word: str,
    table: dict,
    taken: Taken,
    at: At,
    names: tuple[str, ...] | None,
    refuse: _Refuse,
) -> bool:
    """Whether a run has a word; refuse one that stands for nothing."""
    here = _uses(word, table, taken.defaults)
    if here and names is None:
        refuse(at, f"there is {word}, but no {word[1:-1]}s in [defaults]")
    return here


def _by_coil(
    table: dict,
    at: At,
    defaults: dict,
    words: Mapping[str, str],
    taken: Taken,
    refuse: _Refuse,
) -> Iterator[Case]:
    coils = table.get("coil", defaults.get("coil"))
    here, several = taken.one_coil, isinstance(coils, list)
    named = _uses(COIL, table, taken.defaults)
    if named and not (coils and (several or isinstance(coils, str))):
        refuse(at, f"there is {COIL}, but no coil")
    if not (named or (here and several)):
        yield _filled(table, at, defaults, words, None)
        return
    for coil in coils if isinstance(coils, list) else [coils]:
        if not isinstance(coil, str):
            refuse((*at, "coil"), "coil takes names of coils")
        yield _filled(table, at, defaults, words, coil)


def _filled(
    table: dict, at: At, defaults: dict, words: Mapping[str, str], coil: str | None
) -> Case:
    subject = words.get(SUBJECT)
    if coil is None:
        return Case(_with(table, words), at, _with(defaults, words), subject)
    every = {**words, COIL: Path(coil).name.split(".")[0]}
    own, shared = _with(table, every), _with(defaults, every)
    for each in (own, shared):
        if "coil" in each:
            each["coil"] = coil
    return Case(own, at, shared, subject)


def _with(table: Mapping[str, object], words: Mapping[str, str]) -> dict:
    return {key: _replaced(each, words) for key, each in table.items()}


def _replaced(value: object, words: Mapping[str, str]) -> object:
    if isinstance(value, str):
        for name, word in words.items():
            value = value.replace(name, word)
        return value
    if isinstance(value, list):
        return [_replaced(each, words) for each in value]
    if isinstance(value, dict):
        return _with(value, words)
    return value


def _uses(word: str, table: dict, defaults: Mapping[str, object]) -> bool:
    """Whether what a run says, or what it takes of the defaults, has a word."""
    given = [*table.values(), *defaults.values()]
    return any(word in text for text in _texts(given))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
