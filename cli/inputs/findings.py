"""What checks of heads and images found, in words and for JSON."""

from ...meshing import Finding, Severity
from ..runtime.notices import warn


def warn_of(findings: list[Finding]) -> None:
    """Tell errors and warnings on standard error; notes are left out."""
    for finding in findings:
        if finding.severity is not Severity.NOTE:
            warn(in_words(finding), finding.severity.value)


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
