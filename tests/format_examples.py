"""The tables of docs/formats.md, which say what is done with each field of a format.

A test file `test_formats_*.py` has a dictionary for each format: from the field, as the
first column words it, to a test that writes it to a file and sees the program react.
"""

from pathlib import Path

import nibabel
import numpy as np


PAGE = Path(__file__).parents[1] / "docs" / "formats.md"
TESTED = ("read", "checked")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "utf-16-be-bom")


def tables() -> dict[str, dict[str, str]]:
    """What is done with each field, by format."""
    found: dict[str, dict[str, str]] = {}
    rows: dict[str, str] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            rows = found.setdefault(line[3:].strip(), {})
        elif line.startswith("|") and found:
            field, done, *_ = (cell.strip() for cell in line.strip("|").split("|"))
            if field != "field" and set(field) != {"-"}:
                assert field not in rows, field
                rows[field] = done
    return found


def cases(registry):
    """Each format and field of a registry, for `pytest.mark.parametrize`."""
    return [(kind, field) for kind, fields in registry.items() for field in fields]


def assert_complete(registry):
    """Check that fields that are read or checked, and no others, have a test."""
    for kind, fields in registry.items():
        rows = tables()[kind]
        assert set(rows.values()) <= {*TESTED, "ignored"}, kind
        assert {f for f, done in rows.items() if done in TESTED} == set(fields), kind


class Fields:
    """Checks of the fields of some formats: functions of a folder, registered as such."""

    def __init__(self, *formats):
        self.formats, self.checks = formats, {}

    def __call__(self, kind, name):
        """Register the check of a field."""

        def register(check):
            self.checks[kind, name] = check
            return check

        return register

    def assert_complete(self):
        """Check that fields that are read or checked, and no others, have a check."""
        written = tables()
        documented = {
            (kind, name)
            for kind in self.formats
            for name, done in written[kind].items()
            if done in TESTED
        }
        assert documented == set(self.checks)


def encoded(text, encoding):
    if encoding.endswith("-bom"):
        return ("\ufeff" + text).encode(encoding.removesuffix("-bom"))
    return text.encode(encoding)


def image_at(qform, sform=None, codes=(1, 1), shape=(60, 60, 60)):
    image = nibabel.Nifti1Image(np.zeros(shape, np.uint8), np.eye(4))
    image.set_qform(qform, codes[0])
    image.set_sform(qform if sform is None else sform, codes[1])
    return image


def moved(x):
    matrix = np.eye(4)
    matrix[0, 3] = x
    return matrix
