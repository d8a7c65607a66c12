"""A study of made people from its folder to the maps of the group."""

import csv
import itertools
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from cli_examples import contents, run
from cohort_examples import PLAN, write_head, write_markers, write_raw
from nibabel.freesurfer.io import write_annot
from nibabel.gifti.gifti import GiftiImage
from scipy.spatial import ConvexHull

from tmsgrad import meshing
from tmsgrad.cli import commands
from tmsgrad.coils import read_poses
from tmsgrad.meshing.average import HEMISPHERES


pytest.importorskip("nilearn", reason="carries fsaverage")
pytestmark = [pytest.mark.long, pytest.mark.usefixtures("program_settings")]
SPACE = "space-fsaverage_den-10k_desc-m1"


def write_spheres(folder: Path) -> None:
    """Write a cortex with the vertices of fsaverage, and so with its spheres."""
    (folder / "surfaces").mkdir()
    way = meshing.read_mni(folder)
    for side, short in zip(HEMISPHERES, ("lh", "rh"), strict=True):
        cortex = meshing.average_cortex(side)
        placed = way.to_subject(cortex.middle.vertices)
        central = replace(cortex.middle, vertices=placed)
        meshing.write_surface(folder / f"surfaces/{short}.central.gii", central)
        meshing.write_surface(
            folder / f"surfaces/{short}.sphere.reg.gii", cortex.sphere
        )


class Study:
    """A study of three people: one of them has spheres, another a damaged head."""

    def __init__(self, folder: Path, coil: Path):
        self.root, self.out = folder / "study", folder / "out"
        write_raw(self.root, "01", "02")
        write_markers(self.root, "01")
        write_markers(self.root, "02", sheared=True)
        write_head(self.root, "01")
        write_spheres(write_head(self.root, "02"))
        self.damaged = write_head(self.root, "04", mni=False) / "04.msh"
        content = self.damaged.read_bytes()
        self.damaged.write_bytes(content[: len(content) // 2])
        self.plan = folder / "plan.toml"
        self.plan.write_text(PLAN % coil)

    def run(self, level: str, *words):
        plan = ("--plan", self.plan, "--here") if level == "participant" else ()
        return run("bids", self.root, self.out, level, *plan, *words)

    def file(self, subject: str, rest: str) -> Path:
        return self.out / f"sub-{subject}" / "nibs" / f"sub-{subject}_{rest}"


@pytest.fixture(scope="module")
def study(tmp_path_factory, case):
    made = Study(tmp_path_factory.mktemp("cohort"), case.coil)
    labels = ("--participant-label", "01", "02", "04")
    return made, made.run("participant", *labels, "--json")


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_a_person_that_fails_stops_no_other_and_the_exit_code_says_so(study):
    made, done = study
    assert done.status == 2
    found = {each["name"]: each for each in done.json["people"]}
    assert {name: each["status"] for name, each in found.items()} == {
        "sub-01": "done",
        "sub-02": "done",
        "sub-04": "failed",
    }
    assert done.json["not_finished"] == 1
    assert "04.msh" in found["sub-04"]["reason"]
    assert "Traceback" not in done.err
    table = {each["person"]: each for each in rows(made.out / "people.tsv")}
    assert table["sub-04"]["status"] == "failed"
    log = (made.out / "logs" / "people.log").read_text().splitlines()
    assert len(log) == 3


def test_derivatives_are_what_the_run_found(study):
    made, _ = study
    folder = made.out / "work" / "sub-01" / "m1"
    summary = json.loads((folder / "summary.json").read_text())
    poses = read_poses(made.file("01", "desc-m1_markers.tsv"))
    np.testing.assert_allclose(
        poses.matrices()[0], summary["matsimnibs"], rtol=0, atol=1e-3
    )
    table = {each["measure"]: each for each in rows(made.file("01", "fields.tsv"))}
    assert float(table["didt"]["value"]) == pytest.approx(summary["didt"])
    expected = summary["value"] * summary["didt"] / 1e6
    assert float(table["target_efield"]["value"]) == pytest.approx(expected)
    assert table["target_efield"]["unit"] == "V/m"
    assert [float(table[f"target_{x}"]["value"]) for x in "xyz"] == [30, -20, 50]
    head = meshing.read_msh(folder / "field.msh")
    volume = head.volumes[head.of("gray matter")].sum()
    assert float(table["volume_gray_matter"]["value"]) == pytest.approx(1e6 * volume)


def test_spheres_take_the_field_to_fsaverage_where_there_are_some(study):
    made, _ = study
    for side, short in zip(HEMISPHERES, ("lh", "rh"), strict=True):
        own = made.out / "work" / "sub-02" / "m1" / f"{short}.central.func.gii"
        expected = meshing.read_surface_values(own)
        file = made.file("02", f"hemi-{side}_{SPACE}_efield.func.gii")
        found = meshing.read_surface_values(file)
        for name in ("magnE", "E_normal"):
            scale = np.abs(expected[name]).max()
            np.testing.assert_allclose(found[name], expected[name], atol=1e-5 * scale)
    routes = [
        json.loads(made.file(s, "space-fsaverage_desc-m1_efield.json").read_text())
        for s in ("01", "02")
    ]
    assert "MNI152" in routes[0]["Route"]
    assert "sphere" in routes[1]["Route"]


def test_values_on_other_spheres_are_those_of_fsaverage_at_the_same_vertices(
    study, tmp_path
):
    made, _ = study
    out, kept, files = tmp_path / "out", {}, []
    for side in HEMISPHERES:
        sphere = meshing.average_cortex(side).sphere
        # Every third vertex, turned over: as good a sphere as any in that space.
        kept[side] = np.arange(len(sphere.vertices))[::-3]
        chosen = sphere.vertices[kept[side]]
        coarse = replace(
            sphere, vertices=chosen, triangles=ConvexHull(chosen).simplices
        )
        files.append(tmp_path / f"{side}.sphere.surf.gii")
        meshing.write_surface(files[-1], coarse)
    words = ("participant", "--plan", made.plan, "--here", "--fslr", *files)
    labels = ("--participant-label", "01", "02")
    done = run("bids", made.root, out, *words, *labels)
    assert done.status == 0, done
    for subject, side in itertools.product(("01", "02"), HEMISPHERES):
        stem = out / f"sub-{subject}/nibs/sub-{subject}_hemi-{side}"
        on_average, on_other = (
            meshing.read_surface_values(Path(f"{stem}_{space}_efield.func.gii"))
            for space in (SPACE, "space-fsLR_desc-m1")
        )
        for name in ("magnE", "E_normal"):
            expected, found = on_average[name][kept[side]], on_other[name]
            known = np.isfinite(expected)
            # In a triangle with a corner that has no value there may be none: of a head
            # without spheres a quarter of them are.
            there = known & np.isfinite(found)
            assert there.sum() > max(100, 0.7 * known.sum())
            np.testing.assert_allclose(
                found[there],
                expected[there],
                atol=1e-5 * np.abs(expected[there]).max(),
            )


def test_images_in_mni_space_hold_the_field_where_the_brain_goes(study):
    made, _ = study
    folder = made.out / "work" / "sub-01" / "m1"
    file = made.file("01", "space-MNI152_res-2_desc-m1_efield.nii.gz")
    image = nibabel.Nifti1Image.from_filename(file)
    assert image.affine is not None
    head = meshing.read_msh(folder / "field.msh")
    field = meshing.read_msh_data(folder / "field.msh").in_tetrahedra["magnE"]
    way = meshing.read_mni(made.root / "derivatives/simnibs/sub-01/m2m_01")
    chosen = np.flatnonzero(head.tags <= 2)
    corners = way.to_mni(head.nodes[head.tetrahedra[chosen]].reshape(-1, 3))
    middles = 1e3 * corners.reshape(-1, 4, 3).mean(axis=1)
    voxels = np.linalg.solve(
        image.affine, np.column_stack([middles, np.ones(len(middles))]).T
    )[:3]
    at = np.round(voxels).astype(int)
    near = np.abs(voxels - at).max(axis=0) < 0.2  # The voxel's centre is inside, too.
    inside = (at >= 0).all(axis=0) & (at < np.array(image.shape)[:, None]).all(axis=0)
    kept = near & inside
    assert kept.sum() > 20
    values = np.asarray(image.dataobj)[tuple(at[:, kept])]
    np.testing.assert_allclose(values, field[chosen[kept]], rtol=1e-6)


def test_what_is_finished_is_left_out_until_an_input_changes(study, monkeypatch):
    made, _ = study
    done = []
    execute = commands.execute
    monkeypatch.setattr(
        commands,
        "execute",
        lambda options: done.append(options.out) or execute(options),
    )
    labels = ("--participant-label", "01", "02", "--json")
    before = contents(made.out / "sub-01")
    again = made.run("participant", *labels)
    assert again.status == 0, again
    assert {each["status"] for each in again.json["people"]} == {"finished before"}
    assert done == []
    # Derivatives that were lost are written anew, without the run.
    lost = made.file("02", "fields.tsv")
    text = lost.read_text()
    lost.unlink()
    assert made.run("participant", *labels).status == 0
    assert lost.read_text() == text
    assert done == []
    assert contents(made.out / "sub-01") == before
    changed = made.plan.read_text()
    made.plan.write_text(changed.replace("radius = 8", "radius = 9"))
    assert made.run("participant", *labels).status == 0
    assert len(done) == 2
    made.plan.write_text(changed)
    assert made.run("participant", *labels).status == 0


def test_maps_of_the_group_are_those_that_nibabel_says(study):
    made, _ = study
    found = made.run("group", "--above", "0.3", "--json")
    assert found.status == 0, found
    for side in HEMISPHERES:
        maps = [
            GiftiImage.from_filename(
                made.file(s, f"hemi-{side}_{SPACE}_efield.func.gii")
            ).agg_data()
            for s in ("01", "02")
        ]
        group = GiftiImage.from_filename(
            made.out / "group" / f"hemi-{side}_{SPACE}_stat-group_efield.func.gii"
        )
        arrays = {a.meta["Name"]: np.asarray(a.data) for a in group.darrays}
        for number, name in enumerate(("magnE", "E_normal")):
            both = np.stack([each[number] for each in maps]).astype(np.float64)
            there = np.isfinite(both)
            assert there.any()
            known = there.any(axis=0)
            pairs = there.all(axis=0)
            for word, expected, where in (
                ("mean", np.nansum(both, axis=0) / there.sum(axis=0).clip(1), known),
                ("deviation", both.std(axis=0, ddof=1), pairs),
                ("coverage", there.mean(axis=0), slice(None)),
                ("prevalence", (np.abs(both) >= 0.3).mean(axis=0), pairs),
            ):
                np.testing.assert_allclose(
                    *(arrays[f"{name} {word}"][where], expected[where]),
                    rtol=2e-6,
                    atol=1e-9,
                )
    sheared = {
        each["person"]: (each["value"], each["words"])
        for each in rows(made.out / "group" / "outliers.tsv")
        if each["measure"] == "sheared_poses"
    }
    assert sheared["sub-01"] == ("0", "n/a")
    assert sheared["sub-02"] == (
        "1",
        "recorded poses that shear, scale or reflect: 1",
    )
    page = (made.out / "group" / "group.html").read_text()
    assert page.count("<figure") == 2 + 5
    assert "../work/sub-01/plan.html" in page
    spread = {(each["target"], each["measure"]): each for each in found.json["spread"]}
    values = [
        float(row["value"])
        for s in ("01", "02")
        for row in rows(made.file(s, "fields.tsv"))
        if row["measure"] == "target_efield"
    ]
    assert spread["m1", "target_efield"]["mean"] == pytest.approx(np.mean(values))


def test_networks_are_named_with_what_they_hold(study, tmp_path):
    made, _ = study
    files = []
    for side in HEMISPHERES:
        cortex = meshing.average_cortex(side)
        front = (cortex.middle.vertices[:, 1] > 0).astype(np.int32)
        file = tmp_path / f"{side}.annot"
        table = np.array([[10, 10, 10, 0, 1], [200, 10, 10, 0, 2]])
        write_annot(file, front, table, ["back", "front"], True)
        files.append(file)
    found = made.run("group", "--above-share", "0.5", "--networks", *files, "--json")
    assert found.status == 0, found
    shares = {each["network"]: each["share_inside"] for each in found.json["networks"]}
    assert sum(shares.values()) == pytest.approx(1.0)
    wrong = made.run("group", "--networks", files[0], made.plan)
    assert wrong.status == 2


def test_the_validator_of_bids_accepts_the_results(study):
    pytest.importorskip("bids_validator_deno", reason="validates BIDS")
    made, _ = study
    program = Path(sys.executable).with_name("bids-validator-deno")
    done = subprocess.run(
        [program, made.out, "--json", "--ignoreWarnings"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stdout.startswith("{"), done.stderr
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [each for each in issues if each.get("severity") == "error"] == []
    assert done.returncode == 0
