"""`tmsgrad pose info` and `tmsgrad pose convert`."""

import json

import nibabel
import numpy as np
import pytest
from cli_examples import one_line, refused, run
from navigation_examples import (
    assert_same_poses,
    brainsight,
    brainsight_row,
    matrix_like,
    t1_image,
)

from tmsgrad.cli.results.directions import in_words
from tmsgrad.coils import PoseList, navigation, read_poses


pytestmark = pytest.mark.usefixtures("program_settings")


@pytest.fixture
def pulses(tmp_path):
    poses = PoseList.of_matrices(
        [matrix_like(), matrix_like((0.1, 0.2, 3.0))],
        ["first", "second"],
        current_rates=[8e7, np.nan],
        times=[1.0, 2.0],
    )
    navigation.write_localite(tmp_path / "pulses.xml", poses, triggers=True)
    return tmp_path / "pulses.xml"


def test_info_shows_what_is_in_a_file(pulses):
    result = run("pose", "info", pulses, "--json")
    assert result.status == 0, result.err
    assert result.json["groups"] == {"pulse": 2}
    assert [each["name"] for each in result.json["poses"]] == ["first", "second"]
    assert result.json["poses"][0]["didt"] == pytest.approx(8e7)
    assert result.json["poses"][1]["didt"] is None
    found = result.json["poses"][0]["matsimnibs"]
    np.testing.assert_allclose(found, matrix_like(), atol=1e-12)
    assert "Localite trigger markers: 2 pulses" in result.out
    assert "centre (-40.0, -20.0, 90.0) mm" in result.out
    assert "80 A/µs" in result.out


def test_directions_have_words():
    assert in_words(np.array([-0.7, -0.6, -0.2])) == "left and backwards"
    assert in_words(np.array([0.0, 0.1, 0.99])) == "up"
    assert in_words(np.array([0.58, 0.57, -0.59])) == "down and right and forwards"


@pytest.mark.parametrize(
    ("to", "name"),
    [
        ("localite", "out.xml"),
        ("localite-triggers", "out.xml"),
        ("brainsight", "out.txt"),
        ("brainsight-2.5.2", "out.txt"),
        ("ant", "out.mrk"),
        ("matsimnibs", "out.csv"),
        ("bids", "sub-01_task-tms_markers.tsv"),
    ],
)
def test_poses_are_converted_to_every_system(pulses, tmp_path, to, name):
    nibabel.save(t1_image(), tmp_path / "T1.nii.gz")
    words = ["pose", "convert", pulses, tmp_path / name, "--to", to]
    result = run(*words, "--image", tmp_path / "T1.nii.gz", "--json")
    assert result.status == 0, result.err
    assert result.json["poses"] == 2
    assert_same_poses(read_poses(tmp_path / name), read_poses(pulses))
    if to == "brainsight":
        text = (tmp_path / name).read_text()
        assert "# Coordinate system: NIfTI:Q:Scanner" in text  # The image's code is 1.
    if to == "localite":
        again = run(*words, "--out-space", "LPS")
        assert again.status == 0
        assert 'coordinateSpace="LPS"' in (tmp_path / name).read_text()
        assert_same_poses(read_poses(tmp_path / name), read_poses(pulses))


def test_another_frame_is_transformed_and_coils_are_turned(tmp_path):
    file = tmp_path / "own.txt"
    file.write_text(brainsight(brainsight_row("M1", matrix_like()), "Brainsight"))
    out = tmp_path / "out.json"
    words = ["pose", "convert", file, out, "--to", "matsimnibs"]
    one_line(refused(words, tmp_path, str(file), "--transform"))
    assert run("pose", "info", file).status == 0
    motion = matrix_like((0.1, 0.2, 0.3), (5.0, 6.0, 7.0))
    np.savetxt(tmp_path / "motion.txt", motion)
    result = run(*words, "--transform", tmp_path / "motion.txt", "--turn", "-90")
    assert result.status == 0, result.err
    assert result.err == ""
    theirs = matrix_like() @ np.diag([-1.0, 1, -1, 1])
    turned = theirs[:, [1, 0, 2, 3]] * [-1, 1, 1, 1]
    expected = motion @ turned
    np.testing.assert_allclose(
        json.loads(out.read_text())["matsimnibs"][0], expected, atol=1e-3
    )


def test_repair_is_asked_for(tmp_path):
    np.savetxt(tmp_path / "x.txt", matrix_like() @ np.diag([1.1, 1, 1, 1]))
    out = tmp_path / "y.txt"
    words = ["pose", "convert", tmp_path / "x.txt", out, "--to", "matsimnibs"]
    one_line(refused(words, tmp_path, "pose 0", "scale"))
    result = run(*words, "--repair")
    assert result.status == 0
    assert "1 of 1 matrices were replaced" in result.err
    np.testing.assert_allclose(read_poses(out).matrices()[0], matrix_like(), atol=1e-12)


@pytest.mark.parametrize(
    ("name", "options", "needed"),
    [
        ("out.txt", ["--to", "localite"], ".xml"),
        ("out.xml", ["--to", "brainsight"], ".txt"),
        ("out.xml", ["--to", "ant"], ".mrk"),
        ("out.mrk", ["--to", "ant"], "--image"),
        ("out.tsv", ["--to", "bids"], "_markers.tsv"),
        ("out.dat", ["--to", "matsimnibs"], ".npz"),
        ("out.txt", ["--to", "brainsight", "--out-space", "LPS"], "--out-space"),
        ("out.txt", ["--to", "brainsight", "--image", "no.nii"], "no.nii"),
        ("out.xml", ["--to", "localite", "--group", "target"], "no target"),
        ("out.xml", ["--to", "stars"], "--to"),
    ],
)
def test_wrong_conversions_are_refused(pulses, tmp_path, name, options, needed):
    refused(["pose", "convert", pulses, tmp_path / name, *options], tmp_path, needed)
