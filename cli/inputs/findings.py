"""What checks of heads and images found, in words and for JSON, and what stops at them."""

from collections.abc import Sequence

from ...meshing import Finding, Severity
from ..runtime.notices import note, warn


def warn_of(findings: list[Finding]) -> None:
    """Write errors and warnings to standard error; notes are left out."""
    for finding in findings:
        if finding.severity is not Severity.NOTE:
            warn(in_words(finding), finding.severity.value)


def stop_at_errors(
    source: str, findings: list[Finding], forced: Sequence[str], instead: str = ""
) -> None:
    """Warn of what a check found, and stop where it found an error.

    Args:
        source: What was checked, for messages.
        findings: What was found.
        forced: Names of checks whose errors become warnings.
        instead: What else the user can do, a sentence.

    Raises:
        ValueError: There is an error that is not forced.
    """
    errors = [each for each in findings if each.severity is Severity.ERROR]
    stopping = [each for each in errors if each.about not in forced]
    warn_of([each for each in findings if each.severity is not Severity.ERROR])
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
