"""Streamlines on the command line: targets, and fields along fibres."""

import csv
import json

import nibabel
import numpy as np
import pytest
from cli_examples import as_written, one_line, refused, run, stored
from heads import boxed_coil
from tract_examples import DEEP, PATCH, planted, write

from tmsgrad import efield, meshing
from tmsgrad.efield.output import fibre_files as fibres
from tmsgrad.meshing.drawing import studio
from tmsgrad.meshing.pictures.tracts import write_tract_slices
from tmsgrad.optimize import targeting


pytestmark = pytest.mark.usefixtures("program_settings")


@pytest.fixture
def tracts(tmp_path_factory, rng):
    return write(tmp_path_factory.mktemp("tracts") / "planted.trk", planted(rng))


def words(case, tracts, out, **more):
    options = [f"--{name.replace('_', '-')}={value}" for name, value in more.items()]
    files = [f"--tracts={tracts}", "--out", out]
    return ["target", "structural", case.head, *files, *options]


def deep():
    return ",".join(f"{x * 1e3:g}" for x in DEEP)


def test_the_command_finds_the_planted_patch(case, tracts, tmp_path):
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -94
    image = nibabel.Nifti1Image(np.zeros((48, 48, 48), np.uint8), affine)
    image.set_sform(affine, code=1)
    nibabel.save(image, tmp_path / "t1.nii.gz")
    more = {"indirect": deep(), "radius": 8, "image": tmp_path / "t1.nii.gz"}
    result = run(*words(case, tracts, tmp_path / "out", **more))
    assert result.status == 0, result.err
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {
        *("target.json", "target.nii.gz", "connections.nii.gz"),
        *("reaching.trk", "overview.png"),
    }
    found = json.loads((out / "target.json").read_text())
    assert found["schema"] == 1
    planted_end = PATCH * 0.064 / np.linalg.norm(PATCH) * 1e3
    assert np.linalg.norm(np.array(found["centre_mm"]) - planted_end) < 4
    assert found["reaching"] == found["reaching_directly"] == 60
    target = targeting.read_map(out / "target.nii.gz")
    np.testing.assert_allclose(target.centre * 1e3, found["centre_mm"], atol=1e-3)
    assert len(meshing.read_tracts(out / "reaching.trk")) == 60
    assert "no medical device" in result.out


def test_what_cannot_be_a_structural_target_is_refused(case, tracts, tmp_path):
    far = write(
        tmp_path / "far.tck", meshing.read_tracts(tracts), lambda points: points + 0.2
    )
    for file, more, needed in (
        (tracts, {"indirect": "sgACC"}, "no m2m_ folder"),
        (tracts, {"indirect": "1,2"}, "--indirect 1,2"),
        (tracts, {"indirect": "0,0,-80"}, "0 reach the target"),
        (tracts, {"indirect": deep(), "waypoint": "0,-60,0"}, "0 pass waypoint 1"),
        (far, {"indirect": deep()}, "in another frame"),
        (tmp_path / "none.trk", {"indirect": deep()}, "tractogram not found"),
    ):
        message = refused(words(case, file, tmp_path / "out", **more), tmp_path, needed)
        one_line(message)
    simulate = case.simulate(tmp_path / "out", target="30,-20,50", radius=8, didt=1e6)
    refused([*simulate, f"--tracts={tracts}"], tmp_path, "give --fields")


def test_a_target_is_tracked_from_tensors(case, tmp_path, undrawn):
    pytest.importorskip("dipy")
    affine = np.diag([8.0, 8.0, 8.0, 1.0])
    affine[:3, 3] = -92
    # Fibres along x everywhere: they join the ends of this axis.
    one = np.array([17e-4, 0, 0, 3e-4, 0, 3e-4], dtype=np.float32)
    components = np.tile(one, (24, 24, 24, 1))
    image = nibabel.Nifti1Image(components, affine)
    image.set_sform(affine, code=1)
    nibabel.save(image, tmp_path / "tensor.nii.gz")
    files = [f"--tensor={tmp_path / 'tensor.nii.gz'}", "--out", tmp_path / "out"]
    image = [f"--image={tmp_path / 'tensor.nii.gz'}", "--search-region=-66,0,0"]
    more = ["--indirect=0,0,0", "--radius=15", "--seeds=100", "--smoothing=12"]
    result = run("target", "structural", case.head, *files, *image, *more)
    assert result.status == 0, result.err
    found = json.loads((tmp_path / "out" / "target.json").read_text())
    assert found["tracking"]["random_seed"] == 1
    assert found["reaching"] == found["streamlines"] > 50
    assert np.linalg.norm(np.array(found["centre_mm"]) - [-64, 0, 0]) < 10
    assert (tmp_path / "out" / "reaching.trk").is_file()
    bad = ["--tracts=a.trk", "--indirect=0,0,0", "--bvals=b", "--out", tmp_path / "o"]
    refused(["target", "structural", case.head, *bad], tmp_path, "are of --dwi")


def test_a_simulation_shows_the_field_along_fibres(case, tracts, tmp_path, monkeypatch):
    kept = []

    def watched(*given):
        kept.append(given)
        return fibres.write_fibres(*given)

    monkeypatch.setattr("tmsgrad.cli.commands.simulate.write_fibres", watched)
    some = meshing.read_tracts(tracts).chosen(np.arange(0, 120, 5))
    tracts = write(tmp_path / "some.tck", some)
    out = tmp_path / "out"
    with studio.undrawn() as asked:
        result = run(*case.simulate(out, didt=2e6), f"--tracts={tracts}")
    assert result.status == 0, result.err
    ((_, head, own, field, rates, chosen),) = kept
    direct = efield.rates(own, boxed_coil(), as_written(out), 2e6)
    np.testing.assert_allclose(rates, direct, rtol=1e-9)
    np.testing.assert_allclose(field.vectors, stored(out).arrays["E"][0], rtol=1e-12)
    even = chosen.tracts
    # The skull's side of the streamlines is left out.
    assert np.linalg.norm(even.points, axis=1).max() < 0.0681
    np.testing.assert_array_equal(chosen.numbers, np.arange(24))
    vectors = efield.patch_recovery(own, head, even.points)(field, rates)
    expected = efield.along_fibres(even, np.asarray(vectors))
    with (out / "fibres.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    for name, values in (
        ("E_along_max", expected.along[expected.strongest]),
        ("activating_max", expected.activating[expected.most_activated]),
        ("length_mm", even.lengths * 1e3),
        ("E_outward_last", expected.outward[:, 1]),
    ):
        got = [float(row[name]) for row in rows]
        scale = np.abs(values).max()
        np.testing.assert_allclose(got, values, atol=1e-6 * scale)
    shown = json.loads((out / "summary.json").read_text())["fibres"]
    assert shown["activating_max"] == pytest.approx(expected.activating.max())
    back = nibabel.streamlines.load(out / "fibres.trk").tractogram.data_per_point
    scale = np.abs(expected.along).max()
    np.testing.assert_allclose(
        back["E_along"].get_data()[:, 0], expected.along, atol=1e-5 * scale
    )
    (drawn,) = (each.arguments for each in asked if each.path.name == "fibres.png")
    write_tract_slices(**drawn | {"path": out / "fibres.png"})
    assert (out / "fibres.png").read_bytes()[:4] == b"\x89PNG"
