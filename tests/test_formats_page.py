"""Every table of docs/formats.md belongs to a test."""

from pathlib import Path

from format_examples import tables


def test_each_format_of_the_page_has_its_tests():
    sources = Path(__file__).parent.glob("test_formats_*.py")
    code = "".join(file.read_text(encoding="utf-8") for file in sources)
    for kind, rows in tables().items():
        assert rows, kind
        assert f'"{kind}"' in code, f"{kind}: no test_formats_*.py has this format."
