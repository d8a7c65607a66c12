"""What is found of people in a study, and what is said of what is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli_examples import run
from cohort_examples import (
    PLAN,
    faulty,
    t1,
    write_head,
    write_markers,
    write_raw,
)

from tmsgrad.cli.cohort.collecting import Collected, Row
from tmsgrad.cli.cohort.group import _outliers
from tmsgrad.cli.cohort.names import parsed
from tmsgrad.cli.cohort.people import find_people


pytestmark = pytest.mark.usefixtures("program_settings")


def plan(folder: Path, text: str) -> Path:
    (folder / "plan.toml").write_text(text)
    return folder / "plan.toml"


def check(root, folder, text, *words):
    out = folder / "out"
    found = run(
        *("bids", root, out, "participant", "--plan", plan(folder, text)),
        *("--check", "--json", *words),
    )
    assert not out.exists()
    return found


ALL = (
    PLAN % "magstim-70mm-double"
    + """
[[run]]
command = "simulate"
pose = "{markers}"
nifti = "{t1}"
out = "{out}/session"
"""
)


def test_each_kind_of_error_is_reported_by_subject_with_what_to_do(tmp_path):
    root = faulty(tmp_path / "study")
    write_markers(root, "twice")
    write_markers(root, "badt1")
    found = check(root, tmp_path, ALL)
    assert found.status == 2, found
    people = found.json["people"]
    assert people["sub-01"] == []
    said = {name: " ".join(p["what"] for p in each) for name, each in people.items()}
    for name, words in {
        "sub-nohead": ("charm nohead", "derivatives/simnibs", "nor a T1"),
        "sub-twosessions": ("--session-label post", "{session}"),
        "sub-badt1": ("sub-badt1_T1w.nii.gz", "Copy the image anew"),
        "sub-shear": ("M1", "--repair"),
        "sub-twice": ("run-1_T1w", "run-01_T1w", "run-2"),
    }.items():
        assert any(each["stops"] for each in people[name]), name
        for word in words:
            assert word in said[name], (name, said[name])
    assert "1 of 6 people can be computed, 2 runs each" in found.out


def test_what_the_plan_does_not_ask_for_stops_nobody(tmp_path):
    root = faulty(tmp_path / "study")
    found = check(root, tmp_path, PLAN % "magstim-70mm-double")
    stopped = {
        name
        for name, each in found.json["people"].items()
        if any(problem["stops"] for problem in each)
    }
    assert stopped == {"sub-nohead", "sub-twosessions"}
    assert found.json["people"]["sub-shear"][0]["kind"] == "poses"


def test_a_session_is_chosen_or_each_is_done(tmp_path):
    root = faulty(tmp_path / "study")
    who = ("--participant-label", "sub-twosessions")
    text = PLAN % "magstim-70mm-double"
    one = check(root, tmp_path, text, *who, "--session-label", "ses-pre")
    assert one.status == 0, one
    assert list(one.json["people"]) == ["sub-twosessions_ses-pre"]
    each = text.replace("{out}/m1", "{out}/{session}")
    both = check(root, tmp_path, each, *who)
    assert list(both.json["people"]) == [
        "sub-twosessions_ses-post",
        "sub-twosessions_ses-pre",
    ]


def test_recordings_and_thresholds_are_found_by_their_names(tmp_path):
    root = write_raw(tmp_path / "study", "01", "02")
    write_head(root, "01")
    prep = root / "derivatives" / "fmriprep" / "sub-01" / "func"
    prep.mkdir(parents=True)
    for run_number in (1, 2):
        scan = f"sub-01_task-rest_run-{run_number}"
        for space in ("T1w", "MNI152NLin2009cAsym"):
            (prep / f"{scan}_space-{space}_desc-preproc_bold.nii.gz").touch()
        (prep / f"{scan}_desc-confounds_timeseries.tsv").touch()
    dwi = root / "derivatives" / "qsiprep" / "sub-01" / "dwi"
    dwi.mkdir(parents=True)
    (dwi / "sub-01_space-ACPC_desc-preproc_dwi.nii.gz").touch()
    (root / "sub-01" / "eeg").mkdir()
    (root / "sub-01" / "eeg" / "sub-01_task-rest_eeg.vhdr").touch()
    write_markers(root, "01")
    (root / "participants.tsv").write_text(
        "participant_id\tage\trmt\nsub-01\t30\t55\nsub-02\t31\tn/a\n"
    )
    one, two = find_people(root, None, None, False, tmp_path / "out")
    assert (one.subject, one.session, one.threshold) == ("01", "", 55.0)
    assert (two.threshold, two.files["bold"]) == (None, ())
    names = {kind: [Path(f).name for f in each] for kind, each in one.files.items()}
    assert names["bold"] == [
        f"sub-01_task-rest_run-{n}_space-MNI152NLin2009cAsym_desc-preproc_bold.nii.gz"
        for n in (1, 2)
    ]
    assert names["confounds"] == [
        f"sub-01_task-rest_run-{n}_desc-confounds_timeseries.tsv" for n in (1, 2)
    ]
    assert names["dwi"] == ["sub-01_space-ACPC_desc-preproc_dwi.nii.gz"]
    assert names["eeg"] == ["sub-01_task-rest_eeg.vhdr"]
    assert names["markers"] == ["sub-01_task-tms_markers.tsv"]
    assert names["head"] == ["m2m_01"]
    (root / "sub-01" / "nibs" / "sub-01_task-tms_nibs.tsv").write_text(
        "nibs_event_id\trmt_intensity_mso\nsingle\t48\n"
    )
    (one,) = find_people(root, ["01"], None, False, tmp_path / "out")
    assert one.threshold == 48.0


def test_what_was_found_fills_the_plan(tmp_path):
    root = write_raw(tmp_path / "study", "01")
    write_head(root, "01")
    (root / "participants.tsv").write_text("participant_id\trmt\nsub-01\t55\n")
    text = """[[run]]
command = "dose"
head = "{head}"
coil = "magstim-70mm-double"
threshold = "{threshold}"
target = [30, -20, 50]
out = "{out}/dose-{subject}"
"""
    found = check(root, tmp_path, text)
    assert found.status == 0, found
    dataset = ("bids", root, tmp_path / "out", "participant", "--array")
    script = run(*dataset, "--plan", tmp_path / "plan.toml").out
    assert "#SBATCH --array=1-1" in script
    assert "--participant-label 01" in script


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("{out}/m1", "m1"), '"{out}/NAME"'),
        (lambda text: text.replace("radius", "radios"), "plan.toml:"),
        (lambda text: text.replace("[[run]]", "[[run"), "plan.toml:"),
        (lambda text: text.replace("{head}", "{bold}"), "derivatives/*/sub-01/func"),
    ],
)
def test_a_wrong_plan_is_refused_with_its_place(tmp_path, change, words):
    root = write_raw(tmp_path / "study", "01")
    write_head(root, "01")
    found = check(root, tmp_path, change(PLAN % "magstim-70mm-double"))
    assert found.status == 2
    assert words in found.err + found.out
    assert "Traceback" not in found.err


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        (["participant"], "--plan"),
        (["group", "--here"], "--here is of participant"),
        (["group", "--session-label", "pre"], "--session-label is of participant"),
        (["participant", "--plan", "plan.toml", "--above", "5"], "--above is of group"),
        (["group"], "nobody is finished"),
        (["participant", "--plan", "plan.toml", "--queue", "long"], "--slurm"),
        (
            ["participant", "--plan", "plan.toml", "--participant-label", "zz"],
            "has no sub-zz",
        ),
        (["participant", "--plan", "plan.toml", "--participant-label", "a/b"], "label"),
    ],
)
def test_words_that_do_not_fit_are_refused(tmp_path, monkeypatch, words, needed):
    write_raw(tmp_path / "study", "01")
    monkeypatch.chdir(tmp_path)
    plan(tmp_path, PLAN % "magstim-70mm-double")
    found = run("bids", "study", "out", *words)
    assert found.status == 2
    assert needed in found.err
    assert not (tmp_path / "out").exists()


def test_names_of_bids_are_read_and_others_are_not():
    found = parsed("sub-01_ses-pre_task-rest_run-01_bold.nii.gz")
    assert found is not None
    assert found.entities == {"sub": "01", "ses": "pre", "task": "rest", "run": "01"}
    assert (found.suffix, found.ending) == ("bold", ".nii.gz")
    same = parsed("sub-01_ses-pre_task-rest_run-1_bold.nii")
    assert same is not None
    assert found.meaning == same.meaning
    for word in ("T1.nii.gz", "sub-01.nii", "sub-01_sub-02_T1w.nii", "sub_T1w.nii"):
        assert parsed(word) is None


def test_a_readable_t1_is_well(tmp_path):
    root = write_raw(tmp_path / "study", "01")
    t1(root / "sub-01" / "anat" / "sub-01_run-2_T1w.nii.gz")
    text = '[[run]]\ncommand = "head show"\nhead = "template:20000"\nt1 = "{t1}"\n'
    found = check(root, tmp_path, text + 'out = "{out}/a.png"\n')
    (problem,) = json.loads(found.out.splitlines()[-1])["people"]["sub-01"]
    assert problem["kind"] == "several"


@pytest.mark.parametrize(("last", "odd"), [(0.03, False), (3.0, True)])
def test_micrometres_make_nobody_unlike_the_others(last, odd):
    gaps = [0.010, 0.0101, 0.0099, 0.0102, 0.0098, last]
    rows = tuple(
        Row(f"sub-{n}", "coil", "m1", "clearance", gap, "mm", float("nan"))
        for n, gap in enumerate(gaps)
    )
    people = tuple(row.person for row in rows)
    maps = {("m1", "magnE"): np.zeros((6, 2))}
    found = _outliers(Collected(people, maps, (1, 1), rows, {}, {}))
    assert [each.person for each in found if each.words] == (["sub-5"] if odd else [])
