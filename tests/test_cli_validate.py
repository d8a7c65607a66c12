"""The quick checks as a user runs them, once for all tests here."""

import json
import re
import subprocess
import sys

import pytest
from cli_examples import refused
from tables import tables

from tmsgrad.validation import checks
from tmsgrad.validation.checks import Verdict, Workbench
from tmsgrad.validation.suite import checks_of, named


pytestmark = pytest.mark.usefixtures("program_settings")


@pytest.fixture(scope="module")
def quick(tmp_path_factory, program_settings):
    """Status, what was printed, and the files of one quick run."""
    folder = tmp_path_factory.mktemp("validation")
    words = ["validate", "--quick", "--json", "--report", str(folder / "report")]
    words += ["--results", str(folder / "quick.json")]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tmsgrad.cli.main", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "", done.stderr
    return done.returncode, done.stdout, folder


@pytest.fixture(scope="module")
def outcomes(quick):
    return json.loads((quick[2] / "quick.json").read_text("utf-8"))["checks"]


@pytest.mark.long
@pytest.mark.parametrize("name", [check.name for check in checks_of(quick=True)])
def test_each_quick_check_holds_within_reach_of_its_limit(outcomes, name):
    check = next(c for c in checks_of() if c.name == name)
    found = next(o for o in outcomes if o["name"] == name)
    if found["verdict"] == Verdict.NOT_RUN.value:
        pytest.skip(found["note"])
    assert found["verdict"] == Verdict.HOLDS.value, found
    assert check.limit.holds(found["measured"])
    assert check.fits(found["measured"]), f"{found['measured']} of {check.limit}"


@pytest.mark.long
def test_a_run_ends_with_status_0_a_table_and_json(quick, outcomes):
    status, printed, _ = quick
    assert status == 0
    lines = printed.splitlines()
    assert lines[0].split() == ["check", "measured", "limit", "verdict"]
    last = json.loads(lines[-1])
    assert last["all_hold"]
    assert not last["failed"]
    assert [row["name"] for row in last["checks"]] == [row["name"] for row in outcomes]
    assert last["environment"]["versions"]["tmsgrad"]
    held = sum(row["verdict"] == "holds" for row in outcomes)
    assert f"{held} hold, 0 fail" in printed


@pytest.mark.long
def test_the_report_needs_no_network(quick, outcomes):
    page = (quick[2] / "report" / "validation.html").read_text("utf-8")
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "<script" not in page
    assert page.count('src="data:image/png;base64,') >= 1
    rows = [row for table in tables(page) for row in table if len(row) == 6]
    shown = {row[0]: row[1:] for row in rows}
    for row in outcomes:
        compares, measured, limit, verdict, _ = shown[row["name"]]
        assert compares == row["compares"]
        assert verdict.startswith(row["verdict"])
        if row["measured"] is not None:
            number = float(measured.split()[0])
            assert number == pytest.approx(row["measured"], rel=6e-3)
        assert limit.startswith(" ".join(row["limit"].split()))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--head", "template"], "--head is of a run of your own SimNIBS"),
        (["--data", "nowhere"], "--data nowhere: folder not found"),
        (["self", "--simnibs-python", "python"], "is of `tmsgrad validate simnibs`"),
        (["simnibs", "--simnibs-python", "python"], "--simnibs-python needs a --head"),
    ],
)
def test_options_that_do_not_go_together_are_refused(words, message, tmp_path):
    refused(["validate", *words], tmp_path, message)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        (
            "template: E, shape",
            "not in what pip installs; name their folder tests/data",
        ),
        ("float32 against float64", "in tmsgrad's repository and source archive"),
        ("New York head: E, shape", "are not part of tmsgrad; name their folder"),
    ],
)
@pytest.mark.parametrize("data", [False, True], ids=["without", "elsewhere"])
def test_missing_references_are_not_run_and_say_how_to_get_them(
    name, note, data, tmp_path, monkeypatch
):
    monkeypatch.setattr(checks, "_REFERENCES", tmp_path / "not in a wheel")
    (found,) = checks.run(named([name]), Workbench(tmp_path if data else None))
    assert found.verdict is Verdict.NOT_RUN
    assert note in found.note


def test_references_are_found_in_the_folder_that_is_named(
    references, tmp_path, monkeypatch
):
    monkeypatch.setattr(checks, "_REFERENCES", tmp_path / "not in a wheel")
    assert Workbench(references.parent).references() == references
    assert (references / "template_mesh.npz").is_file()
