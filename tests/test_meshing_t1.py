import numpy as np
import pytest
from scan_examples import made_head, made_t1, write_image

from tmsgrad.meshing import LabelImage, Severity
from tmsgrad.meshing.anatomy.plausible import (
    check_bias,
    check_contrast,
    check_volumes,
)
from tmsgrad.meshing.anatomy.t1 import (
    check_face,
    check_place,
    check_scan,
    check_second,
    face_share,
    read_scan,
)


@pytest.fixture(scope="module")
def labels():
    return made_head()


@pytest.fixture(scope="module")
def t1(labels):
    return made_t1(labels)


def found(path):
    return {(f.severity, f.about): f.message for f in check_scan(read_scan(path))}


def errors(path):
    return {about for severity, about in found(path) if severity is Severity.ERROR}


def test_the_head_is_found_and_nothing_is_wrong_with_it(tmp_path, labels, t1):
    scan = read_scan(write_image(tmp_path / "t1.nii.gz", t1, labels.affine))
    head = labels.labels > 0
    both = 2 * (scan.inside & head).sum() / (scan.inside.sum() + head.sum())
    assert both > 0.98
    assert check_scan(scan) == []


def test_a_stripped_brain_is_refused_and_what_can_be_done_is_said(tmp_path, labels, t1):
    brain = np.where(np.isin(labels.labels, (1, 2)), t1, 0)
    path = write_image(tmp_path / "brain.nii.gz", brain, labels.affine)
    assert errors(path) == {"stripped"}
    assert "`template` head" in found(path)[Severity.ERROR, "stripped"]


def test_long_voxels_are_refused(tmp_path, labels, t1):
    affine = labels.affine @ np.diag([1, 1, 1.5, 1])
    path = write_image(tmp_path / "t1.nii.gz", t1[:, :, ::1], affine)
    assert errors(path) == {"voxels"}
    assert "2 × 2 × 3 mm" in found(path)[Severity.ERROR, "voxels"]


@pytest.mark.parametrize("factor", [0.25, 0.02])
def test_sizes_that_no_head_has_are_refused(tmp_path, labels, t1, factor):
    affine = np.diag([factor, factor, factor, 1.0]) @ labels.affine
    path = write_image(tmp_path / "t1.nii.gz", t1, affine)
    assert errors(path) == {"size"}


def test_a_unit_of_metres_is_understood(tmp_path, labels, t1):
    affine = np.diag([1e-3, 1e-3, 1e-3, 1.0]) @ labels.affine
    path = write_image(tmp_path / "t1.nii.gz", t1, affine, unit="meter")
    assert found(path) == {}


def test_other_images_are_refused(tmp_path, labels, t1):
    several = np.stack([t1, t1], axis=-1)
    path = write_image(tmp_path / "bold.nii.gz", several, labels.affine)
    with pytest.raises(ValueError, match="three dimensions"):
        read_scan(path)
    path = write_image(tmp_path / "labels.nii.gz", labels.labels, labels.affine)
    with pytest.raises(ValueError, match="6 different values only, as label images"):
        read_scan(path)
    path = write_image(tmp_path / "flat.nii.gz", np.ones_like(t1), labels.affine)
    with pytest.raises(ValueError, match="all values are alike"):
        read_scan(path)


def test_forms_that_differ_are_warned_of(tmp_path, labels, t1):
    moved = labels.affine.copy()
    moved[0, 3] += 30
    path = write_image(tmp_path / "t1.nii.gz", t1, labels.affine, qform=moved)
    with pytest.warns(UserWarning, match="disagree by up to 30 mm"):
        scan = read_scan(path)
    assert (Severity.WARNING, "qform and sform") in {
        (f.severity, f.about) for f in check_scan(scan)
    }


def test_sides_that_cut_the_head_are_named(tmp_path, labels, t1):
    path = write_image(tmp_path / "t1.nii.gz", t1[:, 20:, :-15], labels.affine)
    back, upper = [f.message for f in check_scan(read_scan(path))]
    assert "the back side of the image cuts the head off" in back
    assert "the upper side of the image cuts the head off" in upper


def test_a_face_that_is_missing_is_refused(tmp_path, labels, t1):
    at = np.argwhere(labels.labels == 5)
    points = at @ labels.affine[:3, :3].T + labels.affine[:3, 3]
    face = points[(points[:, 1] > 60) & (points[:, 2] < -30)]
    scan = read_scan(write_image(tmp_path / "t1.nii.gz", t1, labels.affine))
    assert face_share(scan, face) > 0.95
    assert check_face(face_share(scan, face)) == []
    flatter = face + np.array([0, 7.0, 0])  # Than the template's.
    assert check_face(face_share(scan, flatter)) == []
    gone = t1.copy()
    gone[:, 85:, :38] = 0
    scan = read_scan(write_image(tmp_path / "gone.nii.gz", gone, labels.affine))
    (finding,) = check_face(face_share(scan, face))
    assert finding.about == "defaced"
    assert finding.severity is Severity.ERROR


def test_an_image_that_ends_above_the_ears_is_warned_of(tmp_path, labels, t1):
    left, right = np.array([-78.0, -20.0, -38.0]), np.array([78.0, -20.0, -38.0])
    scan = read_scan(write_image(tmp_path / "t1.nii.gz", t1, labels.affine))
    assert check_place(scan, left, right) == []
    short = labels.affine.copy()
    short[2, 3] += 60
    path = write_image(tmp_path / "short.nii.gz", t1[:, :, 30:], short)
    (finding,) = check_place(read_scan(path), left, right)
    assert "above the left and the right ear" in finding.message


def test_volumes_that_no_adult_has_are_warned_of(labels):
    assert check_volumes(labels) == []
    small = LabelImage(labels.labels, labels.affine @ np.diag([0.5, 0.5, 0.5, 1]))
    words = [finding.message for finding in check_volumes(small)]
    assert len(words) == 4
    assert "adults have 280 to 850" in words[0]


def test_a_t2_is_no_t1(labels, t1):
    assert check_contrast(labels, t1) == []
    dark = np.array([2, 60, 85, 160, 12, 70.0])[labels.labels]
    (finding,) = check_contrast(labels, dark)
    assert (finding.severity, finding.about) == (Severity.ERROR, "contrast")
    assert "it is no T1" in finding.message


def test_strong_bias_is_warned_of():
    assert check_bias(1.2) == []
    assert "1.8 times as bright" in check_bias(1.8)[0].message


def test_a_t2_with_long_voxels_is_warned_of(tmp_path, labels, t1):
    scan = read_scan(write_image(tmp_path / "t2.nii.gz", t1, labels.affine))
    assert check_second(scan) == []
    thick = labels.affine @ np.diag([1.0, 1.0, 2.0, 1.0])
    path = write_image(tmp_path / "thick.nii.gz", t1[:, :, ::2], thick)
    (warning,) = check_second(read_scan(path))
    assert (warning.severity, warning.about) == (Severity.WARNING, "t2")
    assert "thick.nii.gz: voxels are 2 × 2 × 4 mm" in warning.message
