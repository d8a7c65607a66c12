"""What is wrong with a person's files, and what to do, before anything is computed."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from ... import coils, meshing
from .people import KINDS, Person


_MOST_NUMBERS = 1 << 31
_OF_MANY = ("bold", "confounds")  # A run of a plan takes several of these.


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a person's files.

    Attributes:
        kind: In one word.
        what: What is wrong, and what to do.
        stops: Whether the plan cannot be done for this person.
    """

    kind: str
    what: str
    stops: bool = True


def problems_of(
    person: Person, needed: Collection[str], used: Collection[str] = ()
) -> tuple[Problem, ...]:
    """Look for what is wrong.

    Args:
        person: Who.
        needed: What the plan asks for: words of `KINDS`.
        used: Images that a head is to be made of. What is wrong with other files does not
            stop the plan.
    """
    if person.several:
        names = ", ".join(person.several)
        what = (
            f"there are {len(person.several)} sessions ({names}): choose with "
            f"--session-label {person.several[0]}, or write {{session}} into the plan, "
            "which is then done for each."
        )
        return (Problem("sessions", what),)
    return tuple(
        found
        for look in (_absent, _heads, _images, _poses, _duplicates)
        for found in look(person, needed, used)
    )


def _absent(
    person: Person, needed: Collection[str], _: Collection[str]
) -> Iterator[Problem]:
    for kind in needed:
        if kind == "threshold":
            known = person.threshold is not None
        else:
            known = bool(person.files.get(kind))
        if known:
            continue
        where = KINDS[kind].replace("LABEL", person.subject)
        if kind != "head":
            what = f"the plan asks for {{{kind}}}, and there is none ({where})."
            yield Problem("missing", what)
        else:
            yield Problem("missing", _no_head(person, where))


def _no_head(person: Person, where: str) -> str:
    name, images = person.subject, person.files.get("t1", ())
    without = "" if images else f", nor a T1 to make one of ({KINDS['t1']})"
    return (
        f"there is no head ({where}){without.replace('LABEL', name)}: make one with "
        f"SimNIBS, `charm {name} {(*images, 'T1.nii.gz')[0]}`, in "
        f"derivatives/simnibs/sub-{name}, or leave the person out."
    )


def _heads(
    person: Person, needed: Collection[str], _: Collection[str]
) -> Iterator[Problem]:
    heads = person.files.get("head", ())
    if len(heads) > 1:
        what = (
            f"there are {len(heads)} heads ({', '.join(heads)}): keep the one that is to "
            "be used there, or put each into the folder of its session."
        )
        yield Problem("heads", what, "head" in needed)
    for head in heads:
        try:
            meshing.find_mesh(head)
        except (OSError, ValueError) as error:
            yield Problem("missing", f"{error}", "head" in needed)


def _images(
    person: Person, needed: Collection[str], used: Collection[str]
) -> Iterator[Problem]:
    of_heads = (Path(head, "T1.nii.gz") for head in person.files.get("head", ()))
    asked = {*used, *_asked(person, {"t1", "t2"} & set(needed))}
    own = dict.fromkeys([*person.files.get("t1", ()), *sorted(asked)])
    for file, stops in [
        *((Path(file), file in asked) for file in own),
        *((p, "head" in needed) for p in of_heads if p.is_file()),
    ]:
        try:
            image = meshing.load_nifti(file)
            meshing.load_values(file, image, _MOST_NUMBERS)
        except (OSError, ValueError) as error:
            what = f"{error} Copy the image anew, and compare its size with the original's."
            yield Problem("image", what, stops)


def _asked(person: Person, needed: Collection[str]) -> set[str]:
    """Files that the plan asks for."""
    return {file for kind in needed for file in person.files.get(kind, ())}


def _poses(
    person: Person, needed: Collection[str], _: Collection[str]
) -> Iterator[Problem]:
    for file in person.files.get("markers", ()):
        try:
            coils.read_poses(file)
        except (OSError, ValueError) as error:
            what = (
                f"{error} `tmsgrad pose convert {file} NEW_markers.tsv --to bids --repair` "
                "writes the nearest rigid poses, or export the session anew."
            )
            yield Problem("poses", what, "markers" in needed)


def _duplicates(
    person: Person, needed: Collection[str], used: Collection[str]
) -> Iterator[Problem]:
    """Names that say the same, and several files where a plan takes one."""
    by_meaning: dict[tuple, list[str]] = defaultdict(list)
    for file, name in person.raw:
        by_meaning[name.meaning].append(file)
    for files in by_meaning.values():
        if len(files) > 1:
            stops = not {*_asked(person, needed), *used}.isdisjoint(files)
            what = (
                f"{' and '.join(Path(file).name for file in files)} are the same run by "
                "their names: remove one, or give it another number (run-2)."
            )
            yield Problem("duplicate", what, stops)
    for kind in needed:
        files = person.files.get(kind, ())
        if len(files) > 1 and kind not in (*_OF_MANY, "head"):
            what = (
                f"{{{kind}}} is one file, and there are {len(files)}: "
                f"{', '.join(Path(file).name for file in files)}. Keep the one that "
                "counts, or name it in the plan."
            )
            yield Problem("several", what)
