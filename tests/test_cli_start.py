"""What is imported when: quick commands do without JAX."""

import ast
import inspect
import subprocess
import sys

import numpy as np
import pytest
from heads import five_layers, pose_over

from tmsgrad import coils, meshing


_HEAVY = ("jax", "equinox", "matplotlib", "scipy.stats", "tmsgrad.meshing")


def imported(*commands):
    """The heavy packages that are imported when commands have been carried out."""
    program = (
        "import sys; from tmsgrad.cli.main import main\n"
        f"for words in {[list(map(str, words)) for words in commands]!r}:\n"
        "    assert main(words) == 0\n"
        f"print([name for name in {_HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout.splitlines()[-1])


def test_poses_and_heads_are_described_without_jax(tmp_path):
    np.savetxt(tmp_path / "pose.txt", np.eye(4))
    meshing.write_npz(tmp_path / "head.npz", five_layers())
    found = imported(
        ["pose", "info", tmp_path / "pose.txt"],
        ["pose", "convert", tmp_path / "pose.txt", tmp_path / "a.xml", "--to=localite"],
        ["head", "info", tmp_path / "head.npz"],
    )
    assert found == ["tmsgrad.meshing"]


@pytest.mark.long
def test_coils_need_no_head_and_no_picture(tmp_path):
    coils.write_tcd(tmp_path / "c.tcd", coils.wire(np.eye(3) * 0.05, closed=True))
    info = ["coil", "info", tmp_path / "c.tcd"]
    assert imported(info) == ["jax", "equinox"]
    assert imported(info, ["coil", "list"]) == []
    (tmp_path / "c.stl").write_bytes(b"another casing")
    assert imported(info) == ["jax", "equinox"]


@pytest.mark.long
def test_a_coil_that_was_drawn_is_drawn_without_jax(tmp_path):
    coils.write_tcd(tmp_path / "c.tcd", coils.wire(np.eye(3) * 0.05, closed=True))
    head = five_layers()
    meshing.write_msh(tmp_path / "a.msh", head, {"magnE": np.ones(len(head.tags))})
    np.savetxt(tmp_path / "pose.txt", pose_over([0, 0, 1.0]).to_matsimnibs())
    show = ["show", tmp_path / "a.msh", f"--pose={tmp_path / 'pose.txt'}", "--slices"]
    show += [f"--coil={tmp_path / 'c.tcd'}", f"--out={tmp_path / 'a.png'}"]
    assert {"jax", "equinox"} <= set(imported(show))
    assert not {"jax", "equinox"} & set(imported(show))


def test_the_library_has_every_name_that_type_checkers_see():
    tree = ast.parse(inspect.getsource(coils))
    seen = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    seen = [node for node in seen if node.level == 1]
    names = {
        str(x.asname): node.module for node in seen if node.module for x in node.names
    }
    folders = {x.asname for node in seen if not node.module for x in node.names}
    assert names == coils._PLACES
    assert folders == set(coils._FOLDERS)
    assert {*names, *folders} <= set(dir(coils))
    for name in names:
        assert not inspect.ismodule(getattr(coils, name)), name
    with pytest.raises(AttributeError, match="no attribute 'coyl'"):
        _ = coils.coyl
