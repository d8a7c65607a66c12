"""Markers of NIBS-BIDS: what navigation systems export, and back."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from navigation_examples import brainsight, brainsight_row, matrix_like, pose_contents

from tmsgrad.coils import PoseList, navigation, read_poses


NAME = "sub-01_task-tms_markers.tsv"


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(drawn=pose_contents(least=1))
def test_what_was_written_is_read_again(tmp_path, drawn):
    poses = PoseList.of_matrices(drawn["matrices"], drawn["names"])
    navigation.write_bids_markers(tmp_path / NAME, poses)
    found = read_poses(tmp_path / NAME)
    assert found.frame == navigation.HEAD_FRAME
    assert found.notes == ()
    np.testing.assert_allclose(found.matrices(), poses.matrices(), rtol=0, atol=1e-6)
    assert len(set(found.names)) == len(poses)


def test_a_file_of_a_navigation_system_becomes_markers_and_is_read_back(tmp_path):
    rows = [brainsight_row(name, matrix_like(turn)) for name, turn in
            (("M1", (0.3, -0.5, 0.8)), ("DLPFC", (-0.2, 0.1, 0.4)))]  # fmt: skip
    exported = tmp_path / "session.txt"
    exported.write_text(brainsight("\n".join(rows), "NIfTI:Q:Scanner", 14))
    poses = read_poses(exported)
    out = tmp_path / NAME
    navigation.write_bids_markers(
        *(out, poses),
        element="MagStim_D70",
        distances=[4e-3, 5e-3],
        target=(-0.037, -0.021, 0.058),
        label="M1",
    )
    found = read_poses(out)
    assert found.names == poses.names
    # A point of the coil 0.2 m from its centre, so that angles count too. [mm]
    far = np.array([200.0, 200.0, 200.0, 1.0])
    apart = (found.matrices() - poses.matrices()) @ far
    assert np.linalg.norm(apart[:, :3], axis=1).max() < 1e-3
    lines = [line.split("\t") for line in out.read_text().splitlines()]
    row = dict(zip(lines[0], lines[1], strict=True))
    assert row["nibs_element_id"] == "MagStim_D70"
    assert float(row["element_distance"]) == pytest.approx(4.0)
    assert [float(row[f"target_{x}"]) for x in "xyz"] == [-37, -21, 58]
    about = json.loads((tmp_path / "sub-01_task-tms_coordsystem.json").read_text())
    assert about["NIBSCoordinateSystem"] == "IndividualMRI"


def test_the_example_of_the_draft_is_read_in_its_space(tmp_path):
    """A made row in another space: its frame has a name, and no pose is moved."""
    poses = PoseList.of_matrices([matrix_like()], ["M1"])
    navigation.write_bids_markers(tmp_path / NAME, poses)
    beside = tmp_path / "sub-01_task-tms_coordsystem.json"
    beside.write_text(
        '{"NIBSCoordinateSystem": "CapTrak", "NIBSCoordinateUnits": "mm"}'
    )
    found = read_poses(tmp_path / NAME)
    assert found.frame == "CapTrak"
    with pytest.raises(ValueError, match="frame 'CapTrak'"):
        navigation.write_bids_markers(tmp_path / NAME, found)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda text: text.replace("nibs_position_id", "id"),
            "nibs_position_id is miss",
        ),
        (
            lambda text: text.replace("\t-40\t", "\tleft\t"),
            "'M1' has a cell that is no",
        ),
        (lambda text: text.replace("\tn/a\n", "\n"), r":2: the row has \d+ cells"),
        (lambda text: text.replace("\t-40\t", "\t-40000\t"), "in mm"),
        (lambda text: "", "is missing"),
    ],
)
def test_what_is_malformed_is_refused(tmp_path, change, words):
    file = tmp_path / NAME
    navigation.write_bids_markers(file, PoseList.of_matrices([matrix_like()], ["M1"]))
    file.write_text(change(file.read_text()))
    with pytest.raises(ValueError, match=words) as error:
        read_poses(file)
    assert str(file) in str(error.value)


def test_sheared_axes_are_refused_or_repaired(tmp_path):
    file = tmp_path / NAME
    navigation.write_bids_markers(file, PoseList.of_matrices([matrix_like()], ["M1"]))
    first = f"{matrix_like()[0, 0]:.9g}"
    assert first in file.read_text()
    file.write_text(file.read_text().replace(first, "0.3"))
    with pytest.raises(ValueError, match="M1"):
        read_poses(file)
    found = read_poses(file, repair=True)
    assert "replaced" in found.notes[-1]
