"""The tables of docs/formats.md, which say what is done with each field of a format.

A test file `test_formats_*.py` has a dictionary for each format: from the field, as the
first column words it, to a test that writes it to a file and sees the program react.
"""

from pathlib import Path


PAGE = Path(__file__).parents[1] / "docs" / "formats.md"
TESTED = ("read", "checked")


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
