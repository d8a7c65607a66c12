"""What checks of heads and images found, in words and for JSON, and what stops at them."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...meshing import Finding, Severity
from ..runtime.notices import note, warn


#: Places that a run is about, by name. [m]
Places = Mapping[str, Float[ndarray, "place 3"]]
NOWHERE: Places = {}
_FAR = 50e-3  # Where the field at coil and target changes little. [m]


def warn_of(findings: list[Finding], places: Places = NOWHERE) -> None:
    """Write warnings to standard error with how far they are, and count those far away.

    Args:
        findings: What was found; notes are left out.
        places: Where the field matters.
    """
    said = [each for each in findings if each.severity is not Severity.NOTE]
    far = [each for each in said if _apart(each, places) > _FAR]
    for finding in said:
        if finding not in far:
            words = f"{in_words(finding)}{_how_far(finding, places)}"
            warn(words, finding.severity.value)
    if far:
        several = len(far) > 1
        about = ", ".join(dict.fromkeys(each.about for each in far))
        warn(
            f"{len(far)} {'more ' if len(said) > len(far) else ''}"
            f"warning{'s' * several} of the head ({about}), "
            f"{'all ' * several}farther than {_FAR * 1e3:.0f} mm from "
            f"{' and '.join(places)}: `tmsgrad head check` lists "
            f"{'them' if several else 'it'}."
        )


def _distances(finding: Finding, places: Places) -> dict[str, float]:
    """How far a finding is from each place. [m]"""
    if finding.location is None:
        return {}
    at = np.asarray(finding.location)[None]
    return {
        name: float(np.linalg.norm(points - at, axis=1).min())
        for name, points in places.items()
    }


def _apart(finding: Finding, places: Places) -> float:
    return min(_distances(finding, places).values(), default=0.0)


def _how_far(finding: Finding, places: Places) -> str:
    parts = [
        f"{length * 1e3:.0f} mm from {name}"
        for name, length in _distances(finding, places).items()
    ]
    return f", {' and '.join(parts)}" if parts else ""


def stop_at_errors(
    source: str,
    findings: list[Finding],
    forced: Sequence[str],
    instead: str = "",
    places: Places = NOWHERE,
) -> None:
    """Warn of what a check found, and stop where it found an error.

    Args:
        source: What was checked, for messages.
        findings: What was found.
        forced: Names of checks whose errors become warnings.
        instead: What else the user can do, a sentence.
        places: Where the field matters: warnings far from all of them are counted only.

    Raises:
        ValueError: There is an error that is not forced.
    """
    errors = [each for each in findings if each.severity is Severity.ERROR]
    stopping = [each for each in errors if each.about not in forced]
    warn_of([e for e in findings if e.severity is not Severity.ERROR], places)
    if stopping:
        names = ",".join(dict.fromkeys(each.about for each in stopping))
        found = " ".join(in_words(each) for each in stopping)
        raise ValueError(
            f"{source}: the check finds an error ({names}): {found} {instead}"
            f"To go on all the same, give --force {names}."
        )
    for each in errors:
        warn(f"--force {each.about}: an error of the check is passed: {in_words(each)}")
    for name in forced:
        if name not in {each.about for each in errors}:
            note(f"--force {name} has no effect: {source} has no such error.")


def in_words(finding: Finding) -> str:
    """The message with its place."""
    return f"{finding.message}{_place(finding)}"


def as_json(findings: list[Finding]) -> list[dict]:
    """The findings as JSON has them."""
    return [
        {
            "severity": finding.severity.value,
            "about": finding.about,
            "message": finding.message,
            "location_mm": None
            if finding.location is None
            else [x * 1e3 for x in finding.location],
        }
        for finding in findings
    ]


def _place(finding: Finding) -> str:
    if finding.location is None:
        return ""
    place = ", ".join(f"{x * 1e3:.1f}" for x in finding.location)
    return f" [at ({place}) mm]"


def verdict(findings: Sequence[Finding]) -> tuple[str, str]:
    """Say in a word how far a head can be relied on, and what follows from that."""
    found = {each.severity for each in findings}
    if Severity.ERROR in found:
        names = sorted({f.about for f in findings if f.severity is Severity.ERROR})
        return (
            "do not rely on it",
            f"commands stop at this head; --force {','.join(names)} passes its errors",
        )
    if Severity.WARNING in found:
        return (
            "usable",
            "look at the warnings that lie within 50 mm of coil or target; farther off "
            "they change the field there little",
        )
    return "good", "nothing speaks against fields in this head"
