"""The list of those who were enrolled: each line seals those before it."""

import csv
import hashlib
import io
import os
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from ...disk import read_text, write_whole


@dataclass(frozen=True)
class Enrolment:
    """A person who took a place.

    Attributes:
        place: In the order of enrolment, from 0.
        person: By a name of the trial.
        letter: Of the plan that is used.
        plans: Digest of both plans, as they were before.
        time: In UTC.
        seal: Of this line and all before.
    """

    place: int
    person: str
    letter: str
    plans: str
    time: str
    seal: str

    @classmethod
    def after(
        cls,
        before: tuple["Enrolment", ...],
        person: str,
        letter: str,
        plans: str,
        time: str,
    ) -> "Enrolment":
        """Make the next line.

        Raises:
            ValueError: The person has a place already.
        """
        for each in before:
            if each.person == person:
                raise ValueError(
                    f"{person!r} has place {each.place + 1} already, with plan "
                    f"{each.letter}."
                )
        place, last = len(before), before[-1].seal if before else ""
        return cls(
            *(place, person, letter, plans, time),
            _seal(last, str(place), person, letter, plans, time),
        )


def _seal(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


_COLUMNS = tuple(each.name for each in fields(Enrolment))


def read_enrolments(path: str | os.PathLike[str]) -> tuple[Enrolment, ...]:
    """Read the list; without a file it is empty.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no such list, or a line was changed after it was written.
    """
    file = Path(path)
    if not file.exists():
        return ()
    head, *rows = csv.reader(io.StringIO(read_text(file))) or [[]]
    if tuple(head) != _COLUMNS:
        raise ValueError(f"{file}: the columns must be {', '.join(_COLUMNS)}.")
    found: list[Enrolment] = []
    last = ""
    for number, row in enumerate(rows):
        right = len(row) == len(_COLUMNS) and row[0] == str(number)
        if not right or row[-1] != _seal(last, *row[:-1]):
            raise ValueError(
                f"{file}: line {number + 2} or one before it was changed after it was "
                "written."
            )
        last = row[-1]
        found.append(Enrolment(number, *row[1:]))
    return tuple(found)


def write_enrolments(path: str | os.PathLike[str], rows: tuple[Enrolment, ...]) -> None:
    """Write the list whole.

    Raises:
        OSError: It cannot be written.
    """
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(_COLUMNS)
    lines.writerows(astuple(each) for each in rows)
    write_whole(Path(path), text.getvalue())
