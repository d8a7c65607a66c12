import shutil

import nibabel
import numpy as np
import pytest
from heads import five_layers
from subject_examples import (
    ELECTRODES,
    T1,
    T1_SHAPE,
    TEMPLATE,
    to_mni,
    to_subject,
    write_m2m,
    write_maps,
)

from tmsgrad.meshing import (
    HeadMesh,
    check_subject,
    electrode,
    read_electrodes,
    read_mni,
    read_subject,
    subject_of,
)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return write_m2m(tmp_path_factory.mktemp("original"))


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original, tmp_path / "m2m_ball")


@pytest.fixture
def points(rng):
    """Within the head. [mm]"""
    return rng.uniform(-45, 45, (200, 3))


def test_points_go_to_mni_space_and_back(original, points):
    transform = read_mni(original)
    assert transform.kind == "nonl"
    # Trilinear interpolation of a curvature of 2.5 mm / (25 mm)² over 5 and 6 mm.
    there = transform.to_mni(points * 1e-3) * 1e3
    np.testing.assert_allclose(there, to_mni(points), atol=0.05)
    mni = to_mni(points)
    back = transform.to_subject(mni * 1e-3) * 1e3
    np.testing.assert_allclose(back, to_subject(mni), atol=0.07)
    np.testing.assert_allclose(back, points, atol=0.07)
    assert transform.return_error(mni * 1e-3) < 0.2e-3
    one = transform.to_subject(mni[0] * 1e-3)
    assert one.shape == (3,)
    np.testing.assert_allclose(one * 1e3, back[0])


@pytest.mark.parametrize("kind", ["12dof", "6dof"])
def test_a_matrix_serves_where_there_are_no_maps(folder, points, kind):
    matrix = np.eye(4)
    turn = np.linalg.qr(np.array([[1, 0.1, 0], [-0.1, 1, 0.2], [0, -0.2, 1]]))[0]
    matrix[:3, :3] = turn * np.sign(np.linalg.det(turn))
    matrix[:3, 3] = [4, -20, 15]
    np.savetxt(folder / "toMNI" / f"MNI2conform_{kind.upper()}.txt", matrix)
    transform = read_mni(folder, kind)
    expected = points @ matrix[:3, :3].T + matrix[:3, 3]
    found = transform.to_subject(points * 1e-3)
    np.testing.assert_allclose(found * 1e3, expected, atol=1e-9)
    np.testing.assert_allclose(transform.to_mni(found) * 1e3, points, atol=1e-9)
    assert read_mni(folder).kind == "nonl"
    (folder / "toMNI" / "MNI2Conform_nonl.nii.gz").unlink()
    assert read_mni(folder).kind == kind


def test_nothing_is_wrong_with_a_folder_in_order(original):
    assert check_subject(read_subject(original), five_layers()) == []


def exchanged(folder):
    first, second = (
        folder / "toMNI" / name
        for name in ("Conform2MNI_nonl.nii.gz", "MNI2Conform_nonl.nii.gz")
    )
    first.rename(folder / "x.nii.gz")
    second.rename(first)
    (folder / "x.nii.gz").rename(second)


def displacements(folder):
    write_maps(folder / "toMNI", lambda x: to_mni(x) - x, lambda x: to_subject(x) - x)


def mirrored(folder):
    flip = np.array([-1.0, 1, 1])
    write_maps(folder / "toMNI", lambda x: to_mni(x) * flip, lambda x: to_subject(x))


def of_two_people(folder):
    write_maps(folder / "toMNI", back=lambda x: to_subject(x + np.array([0, 14, 0])))


def of_another_t1(folder):
    moved = T1.copy()
    moved[:3, 3] += [0, 90, 0]
    image = nibabel.Nifti1Image(np.ones(T1_SHAPE, np.float32), moved)
    nibabel.save(image, folder / "T1.nii.gz")


def empty(folder):
    write_maps(folder / "toMNI", back=np.zeros_like)


def scalar(folder):
    image = nibabel.Nifti1Image(np.ones((8, 8, 8), np.float32), TEMPLATE)
    nibabel.save(image, folder / "toMNI" / "MNI2Conform_nonl.nii.gz")


def damaged(folder):
    file = folder / "toMNI" / "MNI2Conform_nonl.nii.gz"
    file.write_bytes(file.read_bytes()[:40_000])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (exchanged, "the two files are exchanged"),
        (displacements, "not displacements"),
        (mirrored, "exchanges left and right"),
        (of_two_people, "ends 1[3-6] mm away"),
        (of_another_t1, "lies elsewhere than T1.nii.gz"),
        (empty, "most voxels hold no coordinates"),
        (scalar, r"three values in each voxel.*\(8, 8, 8\)"),
        (damaged, "cannot be read|damaged"),
    ],
)
def test_maps_that_cannot_be_are_refused(folder, spoil, message):
    spoil(folder)
    with pytest.raises(ValueError, match=rf"nonl\.nii\.gz: .*({message})"):
        read_mni(folder)


def test_exchanged_maps_are_found_without_a_t1(folder):
    exchanged(folder)
    (folder / "T1.nii.gz").unlink()
    # Each way is about the identity, so that only the brain's place decides.
    head = five_layers()
    moved = HeadMesh(head.nodes + np.array([0, 0.04, 0.03]), head.tetrahedra, head.tags)
    (found,) = check_subject(read_subject(folder), moved)
    assert found.about == "mni"
    assert "of another space or person. MNI targets" in found.message


def test_the_check_shows_what_the_reader_refuses(folder):
    of_two_people(folder)
    (found,) = check_subject(read_subject(folder), five_layers())
    assert "do not belong together. MNI targets would be misplaced" in found.message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1 0 0 0\n0 1 0 0\n0 0 1 0\n", r"4×4 matrix of finite numbers.*\(3, 4\)"),
        ("a b\n", "no 4×4 matrix in text"),
        ("9 0 0 0\n0 9 0 0\n0 0 9 0\n0 0 0 1\n", "stretches heads by 9"),
        ("1 0 0 0\n0 1 0 0\n0 0 1 0\n1 0 0 1\n", "the last row"),
    ],
)
def test_bad_matrices_are_refused(folder, content, message):
    (folder / "toMNI" / "MNI2conform_6DOF.txt").write_text(content)
    with pytest.raises(ValueError, match=rf"6DOF\.txt: .*{message}"):
        read_mni(folder, "6dof")


def test_missing_transforms_and_places_outside_are_reported(folder):
    transform = read_mni(folder)
    with pytest.raises(
        ValueError, match=r"\(500\.0, 0\.0, 0\.0\) mm of MNI space lies"
    ):
        transform.to_subject([0.5, 0, 0])
    with pytest.raises(ValueError, match="must be finite"):
        transform.to_mni([np.nan, 0, 0])
    with pytest.raises(FileNotFoundError, match=r"MNI2conform_12DOF\.txt is missing"):
        read_mni(folder, "12dof")
    with pytest.raises(ValueError, match="must be one of nonl, 12dof, 6dof"):
        read_mni(folder, "9dof")
    shutil.rmtree(folder / "toMNI")
    with pytest.raises(FileNotFoundError, match="charm of SimNIBS writes them"):
        read_mni(folder)


# EEG positions.


def test_positions_have_their_names(original):
    found = read_electrodes(original)
    assert list(found) == list(ELECTRODES)
    for name, place in ELECTRODES.items():
        np.testing.assert_allclose(electrode(found, name.lower()) * 1e3, place)
    file = original / "eeg_positions" / "EEG10-10_UI_Jurak_2007.csv"
    assert list(read_electrodes(file)) == list(ELECTRODES)
    with pytest.raises(ValueError, match="no EEG position 'C9'; there are C3, CP3, Nz"):
        electrode(found, "C9")


def test_the_usual_cap_is_taken_or_the_only_one(folder):
    caps = folder / "eeg_positions"
    (caps / "own.csv").write_text("Electrode,1,2,3,X1\n")
    assert "C3" in read_electrodes(folder)
    assert list(read_electrodes(folder, "own")) == ["X1"]
    with pytest.raises(
        FileNotFoundError, match=r"no other in this folder; it has EEG10"
    ):
        read_electrodes(folder, "other")
    (caps / "EEG10-10_UI_Jurak_2007.csv").unlink()
    assert list(read_electrodes(folder)) == ["X1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no named positions"),
        ("Electrode,1,2,C3\n", "line 1 must hold x, y and z in mm"),
        ("Comment\nElectrode,1,2,nan,C3\n", "line 2 must hold"),
        ("Electrode,1,2,30000,C3\n", "line 1 must hold"),
    ],
)
def test_bad_caps_are_refused(tmp_path, text, message):
    (tmp_path / "cap.csv").write_text(text)
    with pytest.raises(ValueError, match=rf"cap\.csv: .*{message}"):
        read_electrodes(tmp_path / "cap.csv")


def test_a_mesh_in_its_folder_has_a_subject(original, tmp_path):
    assert subject_of(original) == read_subject(original)
    assert subject_of(original / "ball.msh") == read_subject(original)
    assert subject_of(original / "T1.nii.gz") is None
    assert subject_of(tmp_path / "none.msh") is None
