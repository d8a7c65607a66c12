"""Heads that a study makes itself: of the T1s of people who have no head.

This is a run of `head segment` before the runs of the plan. Its options come from the
table `[segment]`, which a plan of a study may have; `segment = false` leaves people without
a head out.
"""

import argparse
import importlib.util
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...meshing import Severity
from ...meshing.anatomy import installing
from ...meshing.anatomy.t1 import check_scan, read_scan
from ..arguments.parser import parser
from ..inputs.findings import in_words
from ..plans.file import read_plan
from ..plans.plan import Run
from ..plans.words import plain
from .checking import Problem, problems_of
from .names import parsed
from .people import Person


TABLE = "segment"
WAYS = {"samseg": "SAMSEG", "atlas": "the atlas"}
_COMMAND = "head segment"
_OF_STUDY = ("command", "out", "labels", "from", "install")
_MADE = "segmentation.json"  # What is written last of a head.


@dataclass(frozen=True)
class Segmenting:
    """How a study makes heads.

    Attributes:
        path: Of the plan.
        given: Options of `head segment`, by key.
        t1: Parts of its name that choose the T1 where there are several.
        t2: The same of the T2; None where none is taken.
        options: As the parser reads them.
    """

    path: Path
    given: Mapping[str, object]
    t1: str
    t2: str | None
    options: argparse.Namespace

    def segmenter(self) -> str | None:
        """Who segments, a key of `WAYS`; None where that is not installed.

        Raises:
            FileNotFoundError: There is no SAMSEG where the plan says.
        """
        options = self.options
        if importlib.util.find_spec("dipy") is None:
            return None
        if not installing.asked_for(options.by, options.samseg, options.thorough):
            return "atlas"
        found = installing.find_samseg(options.samseg)
        return None if found is None else "samseg"


@dataclass(frozen=True)
class Making:
    """A head that is made of images of a person.

    Attributes:
        how: What the plan says.
        t1: The file.
        t2: The file, or None.
    """

    how: Segmenting
    t1: str
    t2: str | None

    @property
    def files(self) -> tuple[str, ...]:
        """What the head is made of."""
        return (self.t1,) if self.t2 is None else (self.t1, self.t2)

    def run(self, folder: Path) -> Run:
        """Give the run that makes the head.

        Args:
            folder: Of the head.
        """
        keys = ("t1", "t2")[: len(self.files)]
        images = {
            key: str(Path(file).absolute())
            for key, file in zip(keys, self.files, strict=True)
        }
        return _run(
            self.how.path, {**self.how.given, **images, "out": str(folder.absolute())}
        )

    def problems(self, folder: Path, thorough: bool) -> list[Problem]:
        """Say what the head is made of, and what is wrong with that.

        Args:
            folder: Of the head: of one that is made already no more is asked.
            thorough: Whether to look into the T1, which takes some seconds.
        """
        if (folder / _MADE).is_file():
            return [self._said("")]
        try:
            way = self.how.segmenter()
        except OSError as error:
            return [Problem("segmenter", str(error))]
        if way is None:
            what = (
                "there is no head, and what makes one of a T1 is not installed: `tmsgrad "
                "head segment --install` installs SAMSEG, pip install "
                "'tmsgrad[segment]' what the atlas needs."
            )
            return [Problem("segmenter", what)]
        wrong = self._wrong() if thorough else []
        return wrong or [self._said(f" by {WAYS[way]}")]

    def _said(self, by: str) -> Problem:
        names = " and ".join(Path(file).name for file in self.files)
        return Problem("segment", f"its head is made of {names}{by}.", stops=False)

    def _wrong(self) -> list[Problem]:
        """What speaks against making a head of the T1, as the run itself would say."""
        try:
            found = check_scan(read_scan(self.t1))
        except (OSError, ValueError) as error:
            return [Problem("image", str(error))]
        return [
            Problem(
                each.about,
                f"{self.t1}: {in_words(each)} To go on all the same, write force = "
                f'"{each.about}" below [{TABLE}] in the plan.',
            )
            for each in found
            if each.severity is Severity.ERROR
            and each.about not in self.how.options.force
        ]


def read_segmenting(path: Path, tables: Mapping, needed: bool) -> Segmenting | None:
    """Read how a plan has heads made.

    Args:
        path: Of the plan.
        tables: That it holds.
        needed: Whether a run asks for a head.

    Returns:
        None where it has none made.

    Raises:
        ValueError: The table is wrong, or nothing asks for it.
    """
    given = tables.get(TABLE, {})
    if TABLE in tables and not needed:
        raise ValueError(
            f"{path}: {TABLE} says how heads are made, and no run has {{head}}: write "
            f'head = "{{head}}" into [defaults], or leave {TABLE} out.'
        )
    if given is False or not needed:
        return None
    if not isinstance(given, dict):
        raise ValueError(
            f"{path}: {TABLE} is a table, [{TABLE}], with options of `{_COMMAND}`, or "
            f"false; it cannot be {given!r}."
        )
    options = {plain(key): value for key, value in given.items()}
    for key in _OF_STUDY:
        if key in options:
            raise ValueError(
                f"{path}: [{TABLE}] has {key}, which a study says itself: take it out."
            )
    t1, t2 = options.pop("t1", ""), options.pop("t2", False)
    _check_parts(path, "t1", t1)
    if not isinstance(t2, bool):
        _check_parts(path, "t2", t2)
    run = _run(path, {"t1": "T1.nii.gz", "out": "m2m", **options})
    if options:
        _check_together(path, run.options)
    chosen = ("" if t2 else None) if isinstance(t2, bool) else t2
    return Segmenting(path, options, t1, chosen, run.options)


def examined(
    person: Person,
    needed: Collection[str],
    how: Segmenting | None,
    folder: Path,
    thorough: bool,
) -> tuple[Making | None, tuple[Problem, ...]]:
    """Look for what is wrong with a person's files, and whether a head is to be made.

    Args:
        person: Who.
        needed: What the plan asks for.
        how: What the plan says of heads, or None.
        folder: Where the head would be.
        thorough: Whether to look into the T1, which takes some seconds.
    """
    making, found = making_of(person, how)
    if making is not None:
        found += making.problems(folder, thorough)
    if found:
        needed = [kind for kind in needed if kind != "head"]
    used = () if making is None else making.files
    return making, (*problems_of(person, needed, used), *found)


def making_of(
    person: Person, how: Segmenting | None
) -> tuple[Making | None, list[Problem]]:
    """Choose what a person's head is made of.

    Args:
        person: Who.
        how: What the plan says; None where no heads are made.

    Returns:
        Nothing for those who have a head, or no T1; and what is wrong with the choice.
    """
    files = person.files.get("t1", ())
    if how is None or person.several or person.files.get("head") or not files:
        return None, []
    try:
        t1, notes = _chosen(files, how.t1, "t1")
        t2 = None
        if how.t2 is not None and person.files.get("t2"):
            t2, more = _chosen(person.files["t2"], how.t2, "t2")
            notes += more
        elif how.t2 is not None:
            what = "there is no T2: its head is made of the T1 alone."
            notes.append(Problem("segment", what, stops=False))
    except ValueError as error:
        return None, [Problem("several", str(error))]
    return Making(how, t1, t2), notes


def _chosen(files: tuple[str, ...], parts: str, key: str) -> tuple[str, list[Problem]]:
    """Choose an image; of those that differ by their run alone, the first.

    Raises:
        ValueError: It is not clear which.
    """
    wanted = _meaning(f"{parts}_{key.upper()}w.nii") if parts else frozenset()
    meant = {file: _meaning(Path(file).name) for file in files}
    kept = [file for file in files if wanted <= meant[file]]
    if not kept:
        raise ValueError(
            f'[{TABLE}] {key} = "{parts}": no {key.upper()} has this in its name; there '
            f"are {_names(files)}."
        )
    kinds = {frozenset(x for x in meant[file] if x[0] != "run") for file in kept}
    if len(kinds) > 1:
        raise ValueError(
            f"there is no head, and there are {len(kept)} {key.upper()}s to make one of "
            f"({_names(kept)}): choose by what only one has in its name, such as "
            f'{key} = "{_distinct(kept, meant)}" below [{TABLE}] in the plan.'
        )
    kept.sort(key=lambda file: _number(dict(meant[file]).get("run", "0")))
    if len(kept) == 1:
        return kept[0], []
    what = (
        f"there are {len(kept)} {key.upper()}s ({_names(kept)}), of which the first is "
        f'taken; {key} = "run-2" below [{TABLE}] in the plan chooses another.'
    )
    return kept[0], [Problem("segment", what, stops=False)]


def _meaning(name: str) -> frozenset[tuple[str, str]]:
    """Entities of a name of BIDS, `run-1` as `run-01`."""
    found = parsed(name)
    return frozenset() if found is None else frozenset(found.meaning[0])


def _number(run: str) -> tuple[int, str]:
    return (int(run), "") if run.isdecimal() else (0, run)


def _distinct(files: list[str], meant: Mapping[str, frozenset]) -> str:
    """A part of a name that only one of some files has; else some part."""
    parts = [each for file in files for each in sorted(meant[file])]
    alone = [each for each in parts if parts.count(each) == 1]
    return "-".join((alone or [("acq", "mprage")])[0])


def _names(files: Iterable[str]) -> str:
    return ", ".join(Path(file).name for file in files)


def _check_parts(path: Path, key: str, value: object) -> None:
    good = isinstance(value, str) and (
        not value or parsed(f"{value}_{key.upper()}w.nii") is not None
    )
    if not good:
        raise ValueError(
            f"{path}: [{TABLE}] {key} takes parts of the name of the image, such as "
            f'"acq-mprage" or "run-2"; it cannot be {value!r}.'
        )


def _check_together(path: Path, options: argparse.Namespace) -> None:
    """Refuse options that contradict each other."""
    from ..commands.head_segment import SegmentRequest  # It has matplotlib.

    try:
        SegmentRequest.of(options)
    except ValueError as error:
        raise ValueError(f"{path}: [{TABLE}]: {error}") from None


def _run(path: Path, table: Mapping[str, object]) -> Run:
    """Read `head segment` with options, as if the plan had them below `[segment]`."""
    words = {"command": _COMMAND, **table}
    return read_plan(path, parser, lambda _: words, (TABLE,)).runs[0]
