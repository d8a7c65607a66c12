"""Files of 4×4 matrices."""

import json

import numpy as np
import pytest
from heads import pose_over

from tmsgrad.coils import read_poses, stack_poses


pytestmark = pytest.mark.usefixtures("program_settings")


def save_txt(path, matrices):
    blocks = [
        "\n".join(" ".join(map(repr, row)) for row in matrix)
        for matrix in matrices.reshape(-1, 4, 4).tolist()
    ]
    path.write_text("# a comment\n" + "\n\n".join(blocks))


def save_csv(path, matrices):
    np.savetxt(path, matrices.reshape(-1, 16), delimiter=", ", fmt="%.17g")


POSE_FILES = {
    "poses.txt": save_txt,
    "poses.csv": save_csv,
    "poses.npy": np.save,
    "poses.npz": lambda path, m: np.savez(path, matsimnibs=m, other=np.zeros(2)),
    "single.npz": lambda path, m: np.savez(path, anything=m),
    "poses.json": lambda path, m: path.write_text(json.dumps(m.tolist())),
    "POSES.JSON": lambda path, m: path.write_text(
        json.dumps({"matsimnibs": m.tolist(), "x": 1})
    ),
}


@pytest.mark.parametrize("name", POSE_FILES)
@pytest.mark.parametrize("count", [1, 3])
def test_poses_are_read_from_every_kind_of_file(tmp_path, name, count):
    poses = [pose_over([0.2, 0.3, 1.0], angle) for angle in range(count)]
    matrices = stack_poses(poses).to_matsimnibs()
    POSE_FILES[name](tmp_path / name, matrices if count > 1 else matrices[0])
    found = read_poses(tmp_path / name)
    assert len(found) == count
    np.testing.assert_allclose(found.matrices(), matrices, atol=1e-12)


def test_three_decimals_are_enough_for_a_pose(tmp_path):
    pose = pose_over([0.2, 0.3, 1.0], 0.3)
    np.savetxt(tmp_path / "pose.csv", pose.to_matsimnibs(), fmt="%.3f", delimiter=",")
    found = read_poses(tmp_path / "pose.csv")
    rotation = np.asarray(found.poses.rotation[0])
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(rotation, pose.rotation, atol=1e-3)
