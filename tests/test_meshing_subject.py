import numpy as np
import pytest
from msh_examples import assert_same, cube

from tmsgrad.meshing import (
    HeadMesh,
    find_mesh,
    read_head,
    read_npz,
    read_subject,
    write_msh,
    write_npz,
)


@pytest.fixture
def head():
    return cube(2)


@pytest.fixture
def m2m(tmp_path, head):
    folder = tmp_path / "m2m_ernie"
    folder.mkdir()
    write_msh(folder / "ernie.msh", head)
    write_msh(folder / "ernie_electrodes.msh", head)
    return folder


def test_every_kind_of_head_is_read(tmp_path, m2m, head):
    write_msh(tmp_path / "a.msh.gz", head)
    write_npz(tmp_path / "a.npz", head)
    (tmp_path / "A.MSH").write_bytes((m2m / "ernie.msh").read_bytes())
    for path in (m2m, str(m2m), m2m / "ernie.msh", tmp_path / "A.MSH"):
        assert_same(read_head(path), head)
    assert_same(read_head(tmp_path / "a.msh.gz"), head)
    assert_same(read_head(tmp_path / "a.npz"), head)


def test_a_head_of_the_shared_data_is_read(test_data):
    head = read_head(test_data / "heads" / "mesh_nyhead_500k.npz")
    assert (len(head.nodes), len(head.tetrahedra)) == (90673, 533729)


def test_the_mesh_is_found_by_the_name_of_the_folder(m2m, head, monkeypatch):
    assert find_mesh(m2m) == m2m / "ernie.msh"
    monkeypatch.chdir(m2m)
    assert find_mesh(".").resolve() == (m2m / "ernie.msh").resolve()
    (m2m / "ernie.msh").unlink()
    assert find_mesh(m2m).name == "ernie_electrodes.msh"  # It is the only one.
    write_msh(m2m / "other.msh.gz", head)
    with pytest.raises(ValueError, match=r"2 meshes \(ernie_el.*but no ernie\.msh"):
        find_mesh(m2m)


def test_a_folder_without_a_mesh_is_refused(tmp_path, m2m):
    empty = tmp_path / "m2m_nobody"
    empty.mkdir()
    with pytest.raises(FileNotFoundError, match=r"no nobody\.msh\. Give the mesh"):
        read_head(empty)
    empty.rmdir()
    with pytest.raises(FileNotFoundError, match=r"Did you mean .*m2m_ernie\?"):
        read_head(tmp_path)
    with pytest.raises(FileNotFoundError, match="folder not found"):
        find_mesh(tmp_path / "m2m_none")
    with pytest.raises(NotADirectoryError, match="this is a file"):
        find_mesh(m2m / "ernie.msh")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "head.stl").touch()
    with pytest.raises(ValueError, match=r"head\.stl: heads are read .* not from .stl"):
        read_head(tmp_path / "head.stl")
    for name in ("none.msh", "none.npz", "none"):
        with pytest.raises(FileNotFoundError, match=rf"{name}: file.* not found"):
            read_head(tmp_path / name)


def test_a_subject_lists_the_images_that_are_there(m2m):
    bare = read_subject(m2m)
    assert (bare.name, bare.folder, bare.mesh) == ("ernie", m2m, m2m / "ernie.msh")
    assert bare.t1 is None
    assert bare.tensor is None
    (m2m / "T1.nii.gz").touch()
    (m2m / "DTI_coregT1_tensor.nii.gz").touch()
    full = read_subject(m2m)
    assert full.t1 == m2m / "T1.nii.gz"
    assert full.tensor == m2m / "DTI_coregT1_tensor.nii.gz"


def arrays(head):
    return {
        "points": head.nodes * 1000,
        "tets": head.tetrahedra,
        "tags": head.tags.astype(np.int16),
    }


def test_an_archive_loses_unused_points_only(tmp_path, head):
    held = arrays(head)
    held["points"] = np.insert(held["points"], [0, 5], 1e9, axis=0)
    held["tets"] = held["tets"] + 1 + (held["tets"] >= 5)
    np.savez(tmp_path / "a.npz", **held)
    assert_same(read_npz(tmp_path / "a.npz"), head)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tets": None}, "lacks tets and has points, tags"),
        ({"points": np.ones((27, 2))}, r"`points` must have the shape \(n, 3\), got"),
        ({"tets": np.ones((48, 3), int)}, r"`tets` must have the shape \(n, 4\)"),
        ({"tets": np.ones((48, 4))}, "`tets` must hold integers, got the type float64"),
        ({"tags": np.ones((48, 1), int)}, r"`tags` must have the shape \(n\), got"),
        ({"tags": np.ones(47, int)}, "one tissue for each of 48 tetrahedra, got 47"),
        ({"tags": np.full(48, 11)}, r"not tissues: 11 \(48 tetrahedra\)"),
        ({"tets": np.full((48, 4), 27)}, "name points 27 to 27.*there are 27 points"),
        ({"tets": np.full((48, 4), -1)}, "name points -1 to -1"),
        ({"points": 80.0 * np.eye(27, 3, k=-1)}, "too small|zero volume"),
        ({"tets": np.full((48, 4), 2)}, "47 tetrahedra occur more than once"),
        ({"tets": np.empty((0, 4), int), "tags": np.empty(0, int)}, "no tetrahedra"),
        ({"points": np.array([{}] * 3)}, "cannot be read as a head .*pickle"),
        ({"points": np.full((27, 3), np.nan)}, "not finite"),
    ],
)
def test_a_wrong_archive_is_refused(tmp_path, head, change, message):
    held = {key: v for key, v in (arrays(head) | change).items() if v is not None}
    np.savez(tmp_path / "wrong.npz", **held)
    with pytest.raises(ValueError, match=rf"wrong\.npz: .*({message})"):
        read_npz(tmp_path / "wrong.npz")


def test_a_damaged_archive_is_refused(tmp_path, head):
    write_npz(tmp_path / "whole.npz", head)
    data = (tmp_path / "whole.npz").read_bytes()
    path = tmp_path / "cut.npz"
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"cut\.npz: the file cannot be read as"):
            read_npz(path)
    np.save(tmp_path / "one.npy", head.nodes)
    (tmp_path / "one.npy").rename(path)
    with pytest.raises(ValueError, match="it is one array, not an archive"):
        read_npz(path)


def test_heads_in_metres_are_refused(tmp_path, head):
    write_npz(
        tmp_path / "m.npz", HeadMesh(head.nodes / 1000, head.tetrahedra, head.tags)
    )
    with pytest.raises(ValueError, match=r"m\.npz: .*probably in m: multiply"):
        read_npz(tmp_path / "m.npz")


def test_archives_are_named_npz(tmp_path, head):
    with pytest.raises(ValueError, match=r"must end in \.npz"):
        write_npz(tmp_path / "head.npy", head)
    assert not list(tmp_path.iterdir())
