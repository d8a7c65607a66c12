"""The people of a study: who there is in a BIDS folder, and what there is of each.

Names are those of BIDS; of heads those of SimNIBS in `derivatives/simnibs`; of preprocessed
images those of fMRIPrep and QSIPrep in any folder of `derivatives`. pybids is not used: it
knows neither heads nor the draft on brain stimulation, and its index of all files takes far
longer than to look at the few names that are asked for.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...disk import read_table
from .names import BidsName, named_files


#: What a plan can ask for, and what is looked for then.
KINDS = {
    "head": "derivatives/simnibs/sub-LABEL/m2m_*",
    "t1": "sub-LABEL/anat/*_T1w.nii.gz",
    "t2": "sub-LABEL/anat/*_T2w.nii.gz",
    "bold": "derivatives/*/sub-LABEL/func/*_desc-preproc_bold.nii.gz",
    "confounds": "derivatives/*/sub-LABEL/func/*_desc-confounds_timeseries.tsv",
    "dwi": "derivatives/*/sub-LABEL/dwi/*_desc-preproc_dwi.nii.gz, or sub-LABEL/dwi",
    "eeg": "sub-LABEL/eeg/*_eeg.vhdr, .edf, .set, .bdf or .fif",
    "markers": "sub-LABEL/nibs/*_markers.tsv",
    "threshold": "a column rmt, or rmt_intensity_mso, of participants.tsv or *_nibs.tsv",
}
_EEG = (".vhdr", ".edf", ".set", ".bdf", ".fif")
_IMAGES = (".nii", ".nii.gz")
_THRESHOLDS = ("rmt", "rmt_intensity_mso", "resting_motor_threshold", "motor_threshold")
_SIMNIBS = "simnibs"


@dataclass(frozen=True)
class Person:
    """A subject, or one session of a subject: what is computed at once.

    Attributes:
        subject: Its label, without `sub-`.
        session: Its label, without `ses-`; empty where there is none.
        files: What was found, by the words of `KINDS`.
        threshold: Resting motor threshold [% of the maximum], or None.
        raw: Files of BIDS of this person with what their names say.
        several: Labels of sessions of which one must be chosen.
    """

    subject: str
    session: str
    files: dict[str, tuple[str, ...]]
    threshold: float | None = None
    raw: tuple[tuple[str, BidsName], ...] = ()
    several: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As names of BIDS begin."""
        session = f"_ses-{self.session}" if self.session else ""
        return f"sub-{self.subject}{session}"

    @property
    def folder(self) -> str:
        """Of its files, within a folder of BIDS."""
        session = f"/ses-{self.session}" if self.session else ""
        return f"sub-{self.subject}{session}"


def find_people(
    root: Path,
    subjects: Sequence[str] | None,
    sessions: Sequence[str] | None,
    by_session: bool,
    beside: Path,
) -> tuple[Person, ...]:
    """Find who there is in a BIDS folder.

    Args:
        root: The folder.
        subjects: Labels of those who are wanted, or None for all.
        sessions: Labels of the sessions that are wanted, or None.
        by_session: Whether each session is wanted by itself.
        beside: Of the results, which are no input.

    Raises:
        OSError: There is no such folder.
        ValueError: There is nobody in it, or not who is wanted.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: folder not found. Give a folder of BIDS.")
    found = _labels(root)
    if not found:
        raise ValueError(
            f"{root}: there is no folder sub-LABEL in it, nor in derivatives/simnibs. "
            "For folders that are not BIDS, name `subjects` in the plan's [defaults]."
        )
    lacking = [label for label in subjects or () if label not in found]
    if lacking:
        raise ValueError(
            f"--participant-label {lacking[0]}: {root} has no sub-{lacking[0]}; there are "
            f"{', '.join(found)}."
        )
    derived = _derivatives(root, beside)
    thresholds = _thresholds(root / "participants.tsv", "participant_id")
    people: list[Person] = []
    for label in subjects or found:
        for session, several in _sessions(root, derived, label, sessions, by_session):
            people.append(
                _person(root, derived, label, session, several, thresholds.get(label))
            )
    if not people:
        raise ValueError(
            f"--session-label {' '.join(sessions or ())}: nobody in {root} has it."
        )
    return tuple(people)


def _labels(root: Path) -> list[str]:
    places = [root, *_heads_of(root / "derivatives")]
    folders = (
        each for place in places for each in place.glob("sub-*") if each.is_dir()
    )
    return sorted({each.name.removeprefix("sub-") for each in folders})


def _heads_of(derivatives: Path) -> list[Path]:
    """Folders of SimNIBS, however they write its name."""
    if not derivatives.is_dir():
        return []
    return sorted(p for p in derivatives.iterdir() if p.name.lower() == _SIMNIBS)


def _derivatives(root: Path, beside: Path) -> list[Path]:
    folder = root / "derivatives"
    if not folder.is_dir():
        return []
    own = beside.resolve()
    return sorted(p for p in folder.iterdir() if p.is_dir() and p.resolve() != own)


def _sessions(
    root: Path,
    derived: Iterable[Path],
    label: str,
    wanted: Sequence[str] | None,
    by_session: bool,
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Choose sessions of a subject; where that is not clear, give all of their labels."""
    places = [root, *derived]
    folders = (
        each for place in places for each in (place / f"sub-{label}").glob("ses-*")
    )
    labels = sorted({each.name.removeprefix("ses-") for each in folders})
    if wanted is not None:
        yield from ((each, ()) for each in labels if each in wanted)
    elif by_session and labels:
        yield from ((each, ()) for each in labels)
    elif len(labels) > 1:
        yield "", tuple(labels)
    else:
        yield (labels[0] if labels else ""), ()


def _person(
    root: Path,
    derived: Sequence[Path],
    label: str,
    session: str,
    several: tuple[str, ...],
    threshold: float | None,
) -> Person:
    inside = Path(f"sub-{label}", *([f"ses-{session}"] if session else []))
    raw = list(named_files(root / inside))
    made = [each for place in derived for each in named_files(place / inside)]
    files = {
        "head": _heads(derived, label, session),
        "t1": _anatomy(root, label, raw, "T1w"),
        "t2": _anatomy(root, label, raw, "T2w"),
        **_functional(made),
        "dwi": _named(made, ("dwi",), _IMAGES, "preproc")
        or _named(raw, ("dwi",), _IMAGES),
        "eeg": _named(raw, ("eeg",), _EEG),
        "markers": _named(raw, ("markers",), (".tsv",)),
    }
    recorded = [
        value
        for file in _named(raw, ("nibs",), (".tsv",))
        for value in _thresholds(Path(file), None).values()
    ]
    known = recorded[-1] if recorded else threshold
    listed = tuple((str(file), name) for file, name in raw)
    return Person(label, session, files, known, listed, several)


def _heads(derived: Sequence[Path], label: str, session: str) -> tuple[str, ...]:
    """Folders of heads: those of the session go before those of the subject."""
    homes = [p for p in derived if p.name.lower() == _SIMNIBS]
    for inside in ([f"ses-{session}"] if session else []), []:
        found = [
            str(each)
            for home in homes
            for each in sorted(Path(home, f"sub-{label}", *inside).glob("m2m_*"))
            if each.is_dir()
        ]
        if found:
            return tuple(found)
    return ()


def _anatomy(
    root: Path, label: str, raw: Sequence[tuple[Path, BidsName]], suffix: str
) -> tuple[str, ...]:
    """Images of the person; of the first session with some where theirs has none."""
    found = _named(raw, (suffix,), _IMAGES)
    for session in sorted((root / f"sub-{label}").glob("ses-*")):
        found = found or _named(named_files(session), (suffix,), _IMAGES)
    return found


def _functional(made: Sequence[tuple[Path, BidsName]]) -> dict[str, tuple[str, ...]]:
    """Preprocessed images, in MNI space where there are some, and their confounds."""
    images = [
        (file, name)
        for file, name in made
        if name.suffix == "bold"
        and name.ending in _IMAGES
        and name.entities.get("desc") == "preproc"
    ]
    standard = [
        each
        for each in images
        if each[1].entities.get("space", "").startswith("MNI152")
    ]
    chosen = standard or images
    tables = {
        _scan(name): str(file)
        for file, name in made
        if name.suffix in ("timeseries", "regressors")
        and name.ending == ".tsv"
        and name.entities.get("desc") == "confounds"
    }
    confounds = [tables.get(_scan(name)) for _, name in chosen]
    return {
        "bold": tuple(str(file) for file, _ in chosen),
        "confounds": tuple(each for each in confounds if each is not None),
    }


def _scan(name: BidsName) -> tuple:
    """What the files of one scan have in common."""
    kept = ("sub", "ses", "task", "acq", "dir", "run", "echo")
    return tuple((key, name.entities[key]) for key in kept if key in name.entities)


def _named(
    files: Iterable[tuple[Path, BidsName]],
    suffixes: Sequence[str],
    endings: Sequence[str],
    desc: str | None = None,
) -> tuple[str, ...]:
    return tuple(
        str(file)
        for file, name in files
        if name.suffix in suffixes
        and name.ending in endings
        and (desc is None or name.entities.get("desc") == desc)
    )


def _thresholds(file: Path, by: str | None) -> dict[str, float]:
    """Read motor thresholds of a table [%], by subject or by row."""
    if not file.is_file():
        return {}
    rows = read_table(file, "\t")
    head = [word.strip().lower() for word in rows[0]] if rows else []
    column = next((head.index(name) for name in _THRESHOLDS if name in head), None)
    if column is None or (by is not None and by not in head):
        return {}
    found = {}
    for number, row in enumerate(rows[1:]):
        if len(row) != len(head):
            continue
        label = str(number) if by is None else row[head.index(by)].removeprefix("sub-")
        try:
            value = float(row[column])
        except ValueError:
            continue  # n/a, or several of a paired pulse.
        if 0 < value <= 100:
            found[label] = value
    return found
