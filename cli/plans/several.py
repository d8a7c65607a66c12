"""One plan for several subjects and coils: its runs, once for each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from pathlib import Path

from .lines import At


SUBJECT, COIL = "{subject}", "{coil}"
_Refuse = Callable[[At, str], object]


@dataclass(frozen=True)
class Case:
    """A run as the plan has it, for one subject and one coil.

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


def _matching(folder: Path, pattern: str) -> tuple[str, ...]:
    before, _, after = pattern.partition("*")
    found = sorted(str(path.relative_to(folder)) for path in folder.glob(pattern))
    return tuple(name[len(before) : len(name) - len(after)] for name in found)


def cases(
    runs: Sequence[tuple[dict, At]],
    defaults: dict,
    subjects: tuple[str, ...] | None,
    takes: Callable[[dict], Taken],
    refuse: _Refuse,
) -> list[Case]:
    """Write each run once for each subject and coil that it is for.

    Runs that name no subject are done once. Neighbours that name one are done subject by
    subject, so that each is finished before the next begins.

    Args:
        runs: Tables, and their places in the file.
        defaults: Of all runs.
        subjects: By name, or None.
        takes: What the command of a run takes.
        refuse: Raises what is wrong.
    """
    used = [_uses(SUBJECT, table, takes(table).defaults) for table, _ in runs]
    if subjects is None and any(used):
        at = next(at for (_, at), here in zip(runs, used, strict=True) if here)
        refuse(at, f"there is {SUBJECT}, but no subjects in [defaults]")
    if subjects is not None and not any(used):
        refuse((), f"there are subjects, but no {SUBJECT} in any run")
    found = []
    for of_subject, group in groupby(
        zip(runs, used, strict=True), key=lambda each: each[1]
    ):
        names = (subjects or (None,)) if of_subject else (None,)
        for name, ((table, at), _) in product(names, list(group)):
            found += _by_coil(table, at, defaults, name, takes(table), refuse)
    return found


def _by_coil(
    table: dict,
    at: At,
    defaults: dict,
    subject: str | None,
    taken: Taken,
    refuse: _Refuse,
) -> Iterator[Case]:
    coils = table.get("coil", defaults.get("coil"))
    here, several = taken.one_coil, isinstance(coils, list)
    named = _uses(COIL, table, taken.defaults)
    if named and not (coils and (several or isinstance(coils, str))):
        refuse(at, f"there is {COIL}, but no coil")
    if not (named or (here and several)):
        yield _filled(table, at, defaults, subject, None)
        return
    for coil in coils if isinstance(coils, list) else [coils]:
        if not isinstance(coil, str):
            refuse((*at, "coil"), "coil takes names of coils")
        yield _filled(table, at, defaults, subject, coil)


def _filled(
    table: dict, at: At, defaults: dict, subject: str | None, coil: str | None
) -> Case:
    words = {} if subject is None else {SUBJECT: subject}
    if coil is None:
        return Case(_with(table, words), at, _with(defaults, words), subject)
    words = words | {COIL: Path(coil).name.split(".")[0]}
    own, shared = _with(table, words), _with(defaults, words)
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
