"""What the pages show works: their Python is run from top to bottom."""

import functools
import re
from pathlib import Path

import jax
import pytest
from cli_examples import process
from heads import boxed_coil

from tmsgrad import coils, meshing
from tmsgrad.optimize.targeting import read_symptom_targets


ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# The README's script is run by tests/test_efield_float32.py, as it stands.
RUN = [page for page in PAGES[1:] if "```python" in page.read_text("utf-8")]
# Gray matter where the pages have their targets.
RADII = [0.068, 0.082, 0.084, 0.090, 0.096]
BLOCK = re.compile(r"(<!-- not run: [^>]+ -->\n\n)?```(\w*)\n(.*?)```", re.S)


LANGUAGES = {"python", "sh", "toml", "text", ""}
BLOCK_LANGUAGES = re.compile(r"^```(\w*)\n.*?^```$", re.S | re.M)


def name_of(page):
    return str(page.relative_to(ROOT))


def blocks(page, language):
    found = BLOCK.findall(page.read_text("utf-8"))
    return [(marked, code) for marked, each, code in found if each == language]


@functools.cache
def head():
    return meshing.spheres(RADII, [1, 2, 3, 4, 5], 0.013)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the pages call by name."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "m2m_ernie").mkdir()
    meshing.write_msh(folder / "m2m_ernie" / "ernie.msh", head())
    coils.write_ccd(folder / "MagStim_D70.ccd", boxed_coil())
    images = ("bold.nii.gz", "confounds.tsv", "group_sgACC.nii.gz")
    for name in (*images, "T1.nii.gz", "rest.vhdr", "m1.txt"):
        (folder / name).touch()  # Only looked for.
    return folder


@pytest.mark.parametrize("page", RUN, ids=name_of)
@pytest.mark.long
def test_python_on_a_page_runs_from_top_to_bottom(page, folder, monkeypatch):
    monkeypatch.chdir(folder)
    # Readers have neither of the strictnesses of these tests.
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        names = {}
        for number, (marked, code) in enumerate(blocks(page, "python"), 1):
            if not marked:
                exec(compile(code, f"{page.name}, block {number}", "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_is_not_run_says_why(page):
    # Commands are not run; tests/test_cli_help.py reads them.
    for marked, code in blocks(page, "sh"):
        assert marked, f"{page.name}: {code[:40]!r}"
    assert set(BLOCK_LANGUAGES.findall(page.read_text("utf-8"))) <= LANGUAGES


def test_the_first_page_shows_the_script_of_the_readme():
    ((marked, first),) = blocks(ROOT / "docs" / "index.md", "python")
    assert marked
    assert first == blocks(ROOT / "README.md", "python")[0][1]


def test_plan_files_on_pages_pass_their_check(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for code in tables(lambda code: "[[target]]" not in code):
        (folder / "plan.toml").write_text(code, encoding="utf-8")
        result = process("plan", "--check", "plan.toml")
        assert result.status == 0, result.err


def tables(chosen):
    """The TOML files on all pages that are of one kind."""
    found = [code for page in PAGES for _, code in blocks(page, "toml")]
    kept = [code for code in found if chosen(code)]
    assert kept
    return kept


def test_symptom_files_on_pages_are_read(tmp_path):
    (tmp_path / "depression_circuit.nii.gz").touch()  # Only looked for.
    for code in tables(lambda code: "[[target]]" in code):
        (tmp_path / "own.toml").write_text(code, encoding="utf-8")
        assert len(read_symptom_targets(tmp_path / "own.toml")) == 2


def test_links_lead_somewhere():
    for page in PAGES:
        text = page.read_text("utf-8")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (page.parent / target).exists(), f"{name_of(page)}: {target}"


def test_each_variable_of_the_environment_is_on_its_page():
    read = re.compile(r'environ(?:\.get\(|\[)"([A-Z_]+)"')
    used = set()
    for folder in (
        "cli",
        "coils",
        "disk",
        "efield",
        "meshing",
        "optimize",
        "validation",
    ):
        for file in (ROOT / folder).rglob("*.py"):
            used |= set(read.findall(file.read_text("utf-8")))
    page = (ROOT / "docs" / "options.md").read_text("utf-8")
    assert {"TMSGRAD_CACHE", "TMSGRAD_DEBUG"} < used
    assert used == set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.M))
