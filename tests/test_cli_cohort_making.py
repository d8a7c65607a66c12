"""Heads that a study makes of T1s: of which image, by what, once, and what is refused."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from cli_examples import run
from cohort_examples import t1, write_head, write_raw
from heads import five_layers
from scan_examples import as_template, made_t1, write_image

from tmsgrad import meshing
from tmsgrad.cli.arguments.parser import parser
from tmsgrad.cli.cohort.memory import BASE, PER_NODE, need_of_task
from tmsgrad.cli.cohort.participant import Cohort
from tmsgrad.cli.cohort.request import BidsRequest
from tmsgrad.cli.cohort.work import Job, run_job
from tmsgrad.cli.commands import head_segment
from tmsgrad.meshing.anatomy import installing
from tmsgrad.meshing.anatomy.installing import Samseg


pytestmark = pytest.mark.usefixtures("program_settings")
PLAN = """[[run]]
command = "head convert"
head = "{head}"
out = "{out}/head.npz"
"""


@pytest.fixture(autouse=True)
def samseg(monkeypatch):
    """Have SAMSEG installed or not, whatever there is on this machine."""
    found = {}
    find = lambda given=None: found.get("there")
    monkeypatch.setattr(installing, "find_samseg", find)
    return found


@pytest.fixture
def segmenter(monkeypatch):
    """Have a head of spheres made at once of any T1; give what was asked for."""
    asked = []

    def segment(options):
        asked.append(options)
        out = Path(options.out)
        out.mkdir(parents=True, exist_ok=True)
        meshing.load_nifti(Path(options.t1))
        name = out.name.removeprefix("m2m_")
        meshing.write_head(out / f"{name}.msh", five_layers())
        (out / "segmentation.json").write_text("{}")
        return {}

    monkeypatch.setattr(head_segment, "head_segment", segment)
    return asked


def image(root, *parts, subject="01"):
    session = next((f"{part}/" for part in parts if part.startswith("ses-")), "")
    name = "_".join([f"sub-{subject}", *parts])
    file = root / f"sub-{subject}" / session / "anat" / f"{name}.nii.gz"
    t1(file)
    return file


def study(folder, *images, plan=PLAN):
    root = write_raw(folder / "study")
    for parts in images:
        image(root, *parts.split("_"))
    (folder / "plan.toml").write_text(plan)
    return root


def bids(folder, *words):
    plan = ("--plan", folder / "plan.toml")
    return run("bids", folder / "study", folder / "out", "participant", *plan, *words)


def cohort(folder, *words):
    given = ["bids", folder / "study", folder / "out", "participant", "--plan"]
    words = [*map(str, given), str(folder / "plan.toml"), *words]
    return Cohort.of(BidsRequest.of(parser().parse_args(words)))


def with_table(*lines):
    return PLAN + "\n[segment]\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("images", "lines", "chosen"),
    [
        (["T1w"], [], ["T1w"]),
        (["run-02_T1w", "run-1_T1w", "run-10_T1w"], [], ["run-1_T1w"]),
        (["run-02_T1w", "run-1_T1w"], ['t1 = "run-2"'], ["run-02_T1w"]),
        (
            ["acq-a_run-1_T1w", "acq-b_run-1_T1w", "acq-b_run-2_T1w"],
            ['t1 = "acq-b_run-2"'],
            ["acq-b_run-2_T1w"],
        ),
        (["T1w", "T2w"], [], ["T1w"]),
        (["T1w", "T2w"], ["t2 = true"], ["T1w", "T2w"]),
        (["T1w", "acq-a_T2w", "acq-b_T2w"], ['t2 = "acq-b"'], ["T1w", "acq-b_T2w"]),
        (["T1w"], ["t2 = true"], ["T1w"]),
        (["ses-a_T1w", "ses-b_T2w"], ["t2 = true"], ["ses-a_T1w", "ses-b_T2w"]),
    ],
)
def test_the_image_is_chosen_by_its_name(tmp_path, images, lines, chosen):
    study(tmp_path, *images, plan=with_table(*lines))
    sessions = {word for name in images for word in name.split("_") if "ses-" in word}
    words = ["--session-label", min(sessions)] if sessions else []
    (task,) = cohort(tmp_path, *words).tasks
    assert task.making is not None
    names = [f"sub-01_{name}.nii.gz" for name in chosen]
    assert [Path(file).name for file in task.making.files] == names
    options = task.plan.runs[0].options
    assert [options.t1, options.t2][: len(names)] == list(task.making.files)
    assert options.out == str(tmp_path / "out" / "work" / task.name / "m2m_01")
    assert task.plan.runs[1].options.head == options.out


@pytest.mark.parametrize(
    ("images", "lines", "words"),
    [
        (["acq-a_T1w", "acq-b_T1w"], [], ('t1 = "acq-a"', "[segment]")),
        (["acq-a_T1w"], ['t1 = "acq-b"'], ('"acq-b"', "sub-01_acq-a_T1w.nii.gz")),
        (["T1w", "acq-a_T2w", "T2w"], ["t2 = true"], ('t2 = "acq-a"',)),
        (["T1w"], ['by = "samseg"'], ("--install", "tmsgrad[segment]")),
        (["T1w"], [], ("10 × 10 × 10 mm", 'force = "voxels"')),
    ],
)
def test_a_person_whose_head_cannot_be_made_is_told_what_to_do(
    tmp_path, images, lines, words
):
    study(tmp_path, *images, plan=with_table(*lines))
    found = bids(tmp_path, "--check", "--json")
    assert found.status == 2, found
    stopping = [p["what"] for p in found.json["people"]["sub-01"] if p["stops"]]
    for word in words:
        assert word in " ".join(stopping)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (with_table('bye = "atlas"'), ("plan.toml:7:", "head segment has no bye")),
        (with_table("", 'by = "charm"'), ("plan.toml:8:", "charm")),
        (with_table('out = "m2m"'), ("[segment] has out",)),
        (with_table('t1 = "T1.nii.gz"'), ("[segment] t1", "acq-mprage")),
        (with_table("t2 = 3"), ("[segment] t2", "3")),
        (with_table("threads = 2"), ("plan.toml:7:", "[defaults]")),
        (f"segment = 3\n{PLAN}", ("segment is a table", "3")),
        (f"segment = true\n{PLAN}", ("segment is a table", "True")),
        (with_table().replace("{head}", "five.msh"), ("no run has {head}",)),
        (with_table('by = "atlas"', "thorough = true"), ("--thorough", "atlas")),
        (PLAN.replace("head.npz", "m2m_01"), ("m2m_01, where the head is",)),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(tmp_path, plan, words):
    study(tmp_path, "T1w", plan=plan)
    found = bids(tmp_path)
    assert found.status == 2
    for word in words:
        assert word in found.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("said", "by"),
    [("", "the atlas"), ('by = "samseg"', "SAMSEG"), ("thorough = true", "SAMSEG")],
)
def test_a_check_says_whose_heads_are_made_and_by_what(tmp_path, samseg, said, by):
    samseg |= {"there": Samseg(Path("run_samseg"))}
    plan = with_table(f'force = "voxels"\n{said}')
    root = study(tmp_path, "T1w", plan=plan)
    image(root, "T1w", subject="02")
    write_head(root, "02")
    found = bids(tmp_path, "--check", "--json")
    assert found.status == 0, found
    (problem,) = found.json["people"]["sub-01"]
    assert f"made of sub-01_T1w.nii.gz by {by}" in problem["what"]
    # A head that is there goes before a T1.
    assert found.json["people"]["sub-02"] == []


def test_people_without_a_head_are_left_out_where_the_plan_says_so(tmp_path):
    study(tmp_path, "T1w", plan=f"segment = false\n{PLAN}")
    found = bids(tmp_path, "--check")
    assert found.status == 2
    assert "charm 01" in found.out


def test_a_head_is_made_once_and_again_of_another_image(tmp_path, segmenter):
    root = study(tmp_path, "T1w", plan=with_table("tetrahedra = 1000"))
    first = bids(tmp_path, "--here", "--json")
    assert first.status == 0, first
    assert "sub-01: there is no head" in first.err
    (person,) = first.json["people"]
    assert "made of sub-01_T1w.nii.gz" in person["notes"][0]
    (options,) = segmenter
    assert options.tetrahedra == 1000
    made = tmp_path / "out" / "work" / "sub-01" / "head.npz"
    assert len(meshing.read_head(made).nodes) == len(five_layers().nodes)

    again = bids(tmp_path, "--here", "--json")
    assert again.json["people"][0]["status"] == "finished before"
    assert "there is no head" not in again.err
    # What comes after the head is done anew, and the head is not.
    made.unlink()
    assert bids(tmp_path, "--here").status == 0
    assert made.is_file()
    assert len(segmenter) == 1
    file = root / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
    values = np.random.default_rng(1).integers(0, 200, (20, 20, 20), dtype=np.uint8)
    write_image(file, values, np.diag([10.0, 10, 10, 1]))
    assert bids(tmp_path, "--here").status == 0
    assert len(segmenter) == 2
    # A head of SimNIBS is better.
    write_head(root, "01")
    assert bids(tmp_path, "--here").status == 0
    assert len(segmenter) == 2
    assert "head segment" not in (made.parent / "plan.toml").read_text()


def test_a_head_that_cannot_be_made_stops_no_other_person(
    tmp_path, segmenter, monkeypatch
):
    root = study(tmp_path, "T1w")
    image(root, "T1w", subject="02")
    make = head_segment.head_segment

    def segment(options):
        if "sub-01" in options.t1:
            raise ValueError("the image was defaced; give --force defaced.")
        return make(options)

    monkeypatch.setattr(head_segment, "head_segment", segment)
    found = bids(tmp_path, "--here", "--json")
    assert found.status == 2
    one, two = found.json["people"]
    assert (one["status"], two["status"]) == ("failed", "done")
    assert one["reason"].startswith("no head can be made: the image was defaced")
    assert "[segment]" in one["reason"]


def test_folders_may_be_named_from_where_one_is(tmp_path, segmenter, monkeypatch):
    study(tmp_path, "T1w")
    (tmp_path / "plans").mkdir()
    shutil.move(tmp_path / "plan.toml", tmp_path / "plans")
    monkeypatch.chdir(tmp_path)
    words = ("participant", "--plan", "plans/plan.toml", "--here", "--json")
    assert run("bids", "study", "out", *words).status == 0
    # It is the same study by its whole name, as a process of its own is given it.
    found = run("bids", tmp_path / "study", tmp_path / "out", *words)
    assert found.json["people"][0]["status"] == "finished before"
    assert len(segmenter) == 1


def test_memory_is_asked_for_what_makes_the_head_until_it_is_there(
    tmp_path, samseg, segmenter
):
    root = study(tmp_path, "T1w", plan=with_table("tetrahedra = 1000"))
    file = root / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
    write_image(file, np.zeros((300, 300, 300), np.uint8), np.diag([1.0, 1, 1, 1]))
    needs = lambda: [need_of_task(task) for task in cohort(tmp_path).tasks]
    assert 4e9 < needs()[0] < 40e9
    samseg["there"] = Samseg(Path("run_samseg"))
    by_samseg = with_table("tetrahedra = 1000", 'by = "samseg"')
    (tmp_path / "plan.toml").write_text(by_samseg)
    assert needs()[0] == pytest.approx(BASE + 6.5e9 * 27 / 12)
    script = bids(tmp_path, "--array").out
    assert "#SBATCH --mem=15G" in script
    assert bids(tmp_path, "--here").status == 0
    nodes = len(five_layers().nodes)
    assert needs() == [BASE + PER_NODE * nodes]


OPTIMIZE = """[segment]
by = "atlas"
tetrahedra = 30000

[[run]]
command = "optimize"
head = "{head}"
coil = "%s"
target-mni = [-30, 0, 50]
radius = 8
order = 1
out = "{out}/m1"
"""


@pytest.mark.long
def test_a_t1_becomes_a_field_in_mni_space(tmp_path, monkeypatch, case):
    pytest.importorskip("nilearn", reason="carries fsaverage")
    labels = as_template(monkeypatch)
    root = study(tmp_path, "T1w", plan=OPTIMIZE % case.coil)
    shift = np.array([4.0, -6.0, 3.0])
    affine = labels.affine.copy()
    affine[:3, 3] += shift
    file = root / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
    write_image(file, made_t1(labels, bias=1.2), affine)
    assert bids(tmp_path, "--check").status == 0
    found = bids(tmp_path, "--here", "--json")
    assert found.status == 0, found
    assert found.json["people"][0]["reason"] == ""  # No derivative is lacking.
    folder = tmp_path / "out" / "work" / "sub-01" / "m1"
    summary = json.loads((folder / "summary.json").read_text())
    placed = np.array(summary["target"]["centre_mm"])
    # The template is the same head, elsewhere; targets are put into gray matter.
    way = meshing.read_mni(folder.with_name("m2m_01"))
    expected = 1e-3 * (np.array([-30.0, 0.0, 50.0]) + shift)
    moved = way.to_subject(np.array([[-30e-3, 0.0, 50e-3]]))[0]
    assert np.linalg.norm(moved - expected) < 3e-3
    assert np.linalg.norm(1e-3 * placed - moved) < 15e-3
    nibs = tmp_path / "out" / "sub-01" / "nibs"
    name = "sub-01_space-MNI152_res-2_desc-m1_efield.nii.gz"
    assert (nibs / name).is_file()
    again = bids(tmp_path, "--here", "--json")
    assert again.json["people"][0]["status"] == "finished before"


CHILD = "import time; x = bytearray({} << 20); time.sleep(60)"
PARENT = (
    "import subprocess, sys, time; "
    "child = subprocess.Popen([sys.executable, '-c', {!r}]); "
    "open({!r}, 'w').write(str(child.pid)); time.sleep(60)"
)


def ended(file: Path) -> bool:
    number, until = int(file.read_text()), time.monotonic() + 20
    while psutil.pid_exists(number) and time.monotonic() < until:
        if psutil.Process(number).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.1)
    return not psutil.pid_exists(number)


def test_what_a_process_starts_counts_as_its_own_and_ends_with_it(tmp_path):
    code = PARENT.format(CHILD.format(300), str(tmp_path / "child"))
    command = (sys.executable, "-c", code)
    places = (f"{tmp_path}/a.log", f"{tmp_path}/outcome.json")
    found = run_job(Job("sub-01", command, *places, 150 << 20, starts=True))
    assert found.failed
    assert found.peak > 150 << 20  # Of which the parent has little.
    assert ended(tmp_path / "child")


def test_a_tethered_process_ends_what_it_has_started(tmp_path):
    child = tmp_path / "child"
    code = "from tmsgrad.cli.runtime.tether import hold; hold(); "
    code += PARENT.format(CHILD.format(1), str(child))
    with psutil.Popen([sys.executable, "-c", code], stdin=-1) as process:
        while not (child.is_file() and child.read_text()):
            time.sleep(0.05)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 143
    assert ended(child)


@pytest.mark.parametrize(("said", "threads"), [("3", 3), ("4,2", 4), ("all", 1)])
def test_samseg_has_the_threads_of_the_process(monkeypatch, said, threads):
    monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", said)
    options = parser().parse_args(["head", "segment", "T1.nii", "--out", "m2m_a"])
    assert head_segment.SegmentRequest.of(options).threads == threads
