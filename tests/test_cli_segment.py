"""`tmsgrad head segment`, from a T1 that is made, without another program."""

import json

import numpy as np
import pytest
from scan_examples import as_template, made_t1, write_image

from tmsgrad import meshing
from tmsgrad.cli.main import main


pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def atlas(monkeypatch):
    """Have the made head as the template, and no segmenter."""
    return as_template(monkeypatch)


def turned(angle, shift=(4.0, -6.0, 3.0)):
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    matrix = np.eye(4)
    matrix[:3, :3] = [[1, 0, 0], [0, c, -s], [0, s, c]]
    matrix[:3, 3] = shift
    return matrix


def test_a_t1_becomes_a_folder_that_commands_take(tmp_path, atlas, capsys):
    matrix = turned(20)
    affine = matrix @ atlas.affine
    t1 = write_image(tmp_path / "t1.nii.gz", made_t1(atlas, bias=1.3), affine)
    out = tmp_path / "m2m_made"
    words = ["head", "segment", str(t1), "--out", str(out), "--tetrahedra", "30000"]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer["way"] == "atlas"
    assert answer["verdict"] in ("good", "usable")
    assert json.loads((out / "segmentation.json").read_text()) == answer

    found = meshing.read_labels(out / "final_tissues.nii.gz")
    made = found.labels
    np.testing.assert_allclose(found.affine, affine, atol=1e-4)
    for tags, least in (((1,), 0.93), ((1, 2), 0.95), ((4, 7, 8), 0.75), ((5,), 0.85)):
        a, b = np.isin(made, tags), np.isin(atlas.labels, tags)
        a[..., :25] = b[..., :25] = False  # The neck is cut.
        assert 2 * (a & b).sum() / (a.sum() + b.sum()) > least, tags

    subject = meshing.read_subject(out)
    assert subject.t1 is not None
    transform = meshing.read_mni(subject)
    assert transform.kind == "nonl"
    points = np.array([[-0.04, -0.01, 0.05], [0.03, 0.04, 0.03], [0.0, -0.08, 0.0]])
    expected = points @ matrix[:3, :3].T + 1e-3 * matrix[:3, 3]
    miss = np.linalg.norm(transform.to_subject(points) - expected, axis=1)
    assert miss.max() < 3e-3
    assert transform.return_error(points) < 1e-3
    named = meshing.read_electrodes(subject)
    assert {"Nz", "LPA", "Cz", "C3", "AF7", "CP2"} <= set(named)
    assert np.linalg.norm(named["C3"] - named["C4"]) > 0.08
    assert main(["head", "info", str(out)]) == 0
    assert "nonl" in capsys.readouterr().out
    assert (out / "segmentation.png").is_file()


def test_labels_of_another_program_become_a_folder(tmp_path, atlas, capsys):
    path = write_image(tmp_path / "labels.nii.gz", atlas.labels, atlas.affine)
    out = tmp_path / "m2m_made"
    words = ["head", "segment", "--labels", str(path), "--from", "charm"]
    assert main([*words, "--out", str(out), "--tetrahedra", "20000"]) == 0
    shown = capsys.readouterr().out
    assert "labels that were given" in shown
    assert "of bone added" not in shown
    assert not (out / "T1.nii.gz").exists()
    assert len(meshing.read_electrodes(out)) > 60


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["T1"], "--out is missing"),
        (["--out", "OUT"], "give a T1, or labels"),
        (["T1", "--labels", "T1", "--out", "OUT"], "--labels and --from go together"),
        (
            ["T1", "--labels", "T1", "--from", "spm", "--t2", "T1", "--out", "OUT"],
            "have no effect on --labels",
        ),
        (
            ["T1", "--by", "atlas", "--thorough", "--out", "OUT"],
            "have no effect on --by",
        ),
        (["T1", "--by", "samseg", "--out", "OUT"], "SAMSEG was not found"),
    ],
)
def test_contradictions_are_refused(tmp_path, atlas, capsys, words, said):
    t1 = write_image(tmp_path / "t1.nii.gz", made_t1(atlas), atlas.affine)
    named = {"T1": str(t1), "OUT": str(tmp_path / "m2m_out")}
    given = [named.get(word, word) for word in words]
    assert main(["head", "segment", *map(str, given)]) == 2
    assert said in capsys.readouterr().err


def test_a_brain_without_a_head_is_refused_and_nothing_written(tmp_path, atlas, capsys):
    brain = np.where(np.isin(atlas.labels, (1, 2)), made_t1(atlas), 0)
    t1 = write_image(tmp_path / "t1.nii.gz", brain, atlas.affine)
    out = tmp_path / "m2m_out"
    assert main(["head", "segment", str(t1), "--out", str(out)]) == 2
    assert "skull and scalp have been removed" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("name", ["aseg.nii.gz", "aseg.mgz"])
def test_labels_of_the_brain_alone_need_a_t1(tmp_path, atlas, capsys, name):
    brain = np.array([0, 2, 3, 24, 0, 0], np.int16)[atlas.labels]
    path = write_image(tmp_path / name, brain, atlas.affine)
    words = ["head", "segment", "--labels", str(path), "--from", "freesurfer"]
    assert main([*words, "--out", str(tmp_path / "new" / "m2m_out")]) == 2
    assert "no skull or no scalp. Give the T1, too" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    (tmp_path / "m2m_mine").mkdir()
    assert main([*words, "--out", str(tmp_path / "m2m_mine")]) == 2
    assert list((tmp_path / "m2m_mine").iterdir()) == []
