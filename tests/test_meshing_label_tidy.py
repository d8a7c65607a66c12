import numpy as np
import pytest
from label_examples import affine, five_balls
from tensor_examples import OBLIQUE

from tmsgrad.meshing import LabelImage, crop_neck, tidy_labels


VOXEL = 64e-9  # [m³]


def image(labels, matrix=None):
    return LabelImage(labels, affine() if matrix is None else matrix)


def test_a_tidy_image_stays_as_it_is():
    labels = five_balls()
    tidy, report = tidy_labels(image(labels))
    np.testing.assert_array_equal(tidy.labels, labels)
    assert (report.apart, report.islands, report.filled) == (0, {}, 0)
    assert str(report) == "nothing to tidy up"


def test_pieces_apart_from_the_head_become_air():
    labels = five_balls()
    untidy = labels.copy()
    untidy[:3, :3, :3] = 5
    untidy[-1, -1, -1] = 4
    tidy, report = tidy_labels(image(untidy))
    np.testing.assert_array_equal(tidy.labels, labels)
    assert report.apart == pytest.approx(28 * VOXEL)
    assert "1.79 ml apart from the head made air" in str(report)


@pytest.mark.parametrize("tag", [0, 3, 9])
def test_small_islands_become_what_is_around_them(tag):
    labels = five_balls()
    untidy = labels.copy()
    untidy[22:24, 23, 23] = tag
    untidy[24, 24, 24] = tag  # Touches the others by a corner only.
    tidy, report = tidy_labels(image(untidy), smallest=3.5 * VOXEL)
    np.testing.assert_array_equal(tidy.labels, labels)
    assert sum(report.islands.values()) == (0 if tag == 0 else 1)
    assert report.filled == pytest.approx(3 * VOXEL if tag == 0 else 0)
    kept, report = tidy_labels(image(untidy), smallest=3 * VOXEL)
    np.testing.assert_array_equal(kept.labels, untidy)


def test_a_thin_sheet_of_steps_is_no_island():
    labels = np.full((30, 30, 30), 4, np.uint8)
    i = np.arange(3, 27)
    labels[i, :, i] = 3  # A plane whose lines of voxels touch by edges only.
    tidy, report = tidy_labels(image(labels), smallest=40 * VOXEL)
    np.testing.assert_array_equal(tidy.labels, labels)
    assert report.islands == {}


def test_a_speck_on_the_scalp_becomes_scalp_and_not_air():
    labels = five_balls()
    top = int(np.flatnonzero(labels[24, 24])[-1])
    labels[24, 24, top + 1] = 4
    tidy, _ = tidy_labels(image(labels), smallest=5 * VOXEL)
    assert tidy.labels[24, 24, top + 1] == 5


def test_enclosed_air_is_filled_on_demand():
    labels = five_balls()
    labels[18:30, 22:26, 38:42] = 0  # Within bone, mostly.
    kept, report = tidy_labels(image(labels))
    np.testing.assert_array_equal(kept.labels, labels)
    filled, report = tidy_labels(image(labels), fill_air=True)
    assert set(np.unique(filled.labels[18:30, 22:26, 38:42])) == {4}
    assert report.filled == pytest.approx(12 * 4 * 4 * VOXEL)


def test_an_image_of_air_is_refused():
    with pytest.raises(ValueError, match="nothing but air"):
        tidy_labels(image(np.zeros((4, 4, 4), np.uint8)))


@pytest.mark.parametrize("matrix", [affine(), OBLIQUE], ids=["straight", "oblique"])
def test_the_neck_ends_so_far_below_the_brain(matrix):
    labels = five_balls()
    cropped = crop_neck(image(labels, matrix), 6e-3).labels
    at = np.argwhere(labels > 0) @ matrix[2, :3] + matrix[2, 3]
    brain = np.argwhere(np.isin(labels, (1, 2))) @ matrix[2, :3] + matrix[2, 3]
    kept = cropped[labels > 0] > 0
    np.testing.assert_array_equal(kept, at >= brain.min() - 6)
    assert not kept.all()
    np.testing.assert_array_equal(cropped[cropped > 0], labels[cropped > 0])


def test_a_speck_of_brain_in_the_neck_does_not_count():
    labels = five_balls()
    untidy = labels.copy()
    untidy[24, 24, 4] = 2
    one, two = (crop_neck(image(x), 6e-3).labels > 0 for x in (labels, untidy))
    np.testing.assert_array_equal(one, two)


def test_bad_necks_are_refused():
    with pytest.raises(ValueError, match="must not be negative"):
        crop_neck(image(five_balls()), -1.0)
    with pytest.raises(ValueError, match="no white or gray matter"):
        crop_neck(image(np.full((4, 4, 4), 5, np.uint8)), 0.01)
