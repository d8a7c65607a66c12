"""Warnings of a head: near ones with their distance, the others in a line."""

import numpy as np
import pytest

from tmsgrad.cli.inputs.findings import stop_at_errors, warn_of
from tmsgrad.cli.runtime.notices import listening
from tmsgrad.meshing import Finding, Severity


TARGET = np.array([[0.03, -0.02, 0.05]])
COILS = np.array([[0.05, -0.03, 0.09], [0.04, -0.03, 0.09]])


def finding(place, severity=Severity.WARNING, about="leak"):
    return Finding(severity, about, f"{about} here.", place)


def said(findings, places):
    with listening() as heard:
        warn_of(findings, places)
    return heard


def test_near_warnings_say_how_far_they_are():
    places = {"the coil": COILS, "the target": TARGET}
    (line,) = said([finding((0.04, -0.03, 0.06))], places)
    # To the nearer of the coils, 30 mm; to the target sqrt(3) cm.
    assert line.endswith("[at (40.0, -30.0, 60.0) mm], 30 mm from the coil and 17 mm "
                         "from the target")  # fmt: skip


def test_far_warnings_are_one_line():
    far = [finding((-0.05, 0.02, -0.03), about=name) for name in ("leak", "hole")]
    near, everywhere = finding((0.03, -0.02, 0.06)), finding(None, about="tissue")
    lines = said([*far, near, everywhere, far[0]], {"the target": TARGET})
    assert len(lines) == 3
    assert lines[1] == "tissue here."
    assert lines[2] == (
        "3 more warnings of the head (leak, hole), all farther than 50 mm from the "
        "target: `tmsgrad head check` lists them."
    )
    (alone,) = said(far[:1], {"the target": TARGET})
    assert alone.startswith("1 warning of the head (leak), farther than 50 mm from")


@pytest.mark.parametrize("places", [{}, {"the target": TARGET}])
def test_notes_are_left_out_and_errors_stop_wherever_they_are(places):
    far = (-0.05, 0.02, -0.03)
    assert said([finding(far, Severity.NOTE)], places) == []
    with pytest.raises(ValueError, match="leak here"):
        stop_at_errors("head", [finding(far, Severity.ERROR)], (), places=places)


def test_without_places_all_are_said():
    far = [finding((-0.05, 0.02, -0.03)), finding((0.03, -0.02, 0.06))]
    assert len(said(far, {})) == 2
