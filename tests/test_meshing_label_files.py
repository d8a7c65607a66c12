import nibabel
import numpy as np
import pytest
from label_examples import affine, five_balls, write_nifti
from tensor_examples import MIRRORED, OBLIQUE

from tmsgrad.meshing import SPM_LABELS, LabelTable, read_labels, read_spm_maps


@pytest.fixture
def labels():
    return five_balls()


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize(
    "matrix", [affine(), OBLIQUE, MIRRORED], ids=["", "obl", "mir"]
)
def test_labels_of_all_types_and_places_are_read(tmp_path, labels, kind, matrix):
    file = write_nifti(tmp_path / "a.nii.gz", labels.astype(kind), matrix)
    image = read_labels(file)
    np.testing.assert_array_equal(image.labels, labels)
    np.testing.assert_allclose(image.affine, matrix, atol=1e-5)


def test_a_fourth_dimension_of_one_is_dropped(tmp_path, labels):
    image = read_labels(write_nifti(tmp_path / "a.nii", labels[..., None]))
    assert image.labels.shape == labels.shape


def test_a_table_is_applied(tmp_path, labels):
    image = read_labels(write_nifti(tmp_path / "a.nii", labels), SPM_LABELS)
    np.testing.assert_array_equal(image.labels == 2, labels == 1)


@pytest.mark.parametrize(("unit", "scale"), [("meter", 1e-3), ("micron", 1e3)])
def test_units_of_the_header_are_obeyed(tmp_path, labels, unit, scale):
    matrix = affine()
    matrix[:3] *= scale
    image = read_labels(write_nifti(tmp_path / "a.nii", labels, matrix, unit))
    np.testing.assert_allclose(image.affine, affine(), rtol=1e-6)


def cases():
    labels = five_balls()
    half = labels.astype(np.float32)
    half[20, 20, 20] = 1.5
    nan = labels.astype(np.float32)
    nan[0, 0, 0] = np.nan
    metres = affine()
    metres[:3] *= 1e-3
    return {
        "four": (
            np.stack([labels] * 2, axis=-1),
            affine(),
            "shape .*three dim.*Take one",
        ),
        "two": (labels[0], affine(), "has the shape .* but a label image has three"),
        "half": (half, affine(), "1 of 110592 values are no whole.*nearest neighbour"),
        "map": (
            labels.astype(np.float32) / 7,
            affine(),
            "looks like a probability map",
        ),
        "nan": (nan, affine(), "1 values are not finite"),
        "unknown": (
            labels * 3,
            affine(),
            r"a\.nii: the image holds labels .* lacks: 12",
        ),
        "metres": (labels, metres, "voxels are 0.004 × 0.004 × 0.004 mm by the header"),
        "complex": (labels.astype(np.complex64), affine(), "must be real"),
    }


@pytest.mark.parametrize("name", cases())
def test_what_is_no_label_image_is_refused(tmp_path, name):
    values, matrix, message = cases()[name]
    file = write_nifti(tmp_path / "a.nii", values, matrix)
    with pytest.raises(ValueError, match=message):
        read_labels(file)


def test_an_image_without_a_place_is_refused(tmp_path, labels):
    image = nibabel.Nifti1Image(labels, None)
    image.to_filename(tmp_path / "a.nii")
    with pytest.raises(ValueError, match="does not say where the image is"):
        read_labels(tmp_path / "a.nii")
    with pytest.raises(FileNotFoundError, match="image not found"):
        read_labels(tmp_path / "b.nii")


@pytest.fixture
def maps(tmp_path, labels):
    """SPM's maps of the balls, c1 being gray matter."""
    for number, tag in enumerate((2, 1, 3, 4, 5), start=1):
        sure = np.where(labels == tag, 0.9, 0.02).astype(np.float32)
        write_nifti(tmp_path / f"c{number}head.nii", sure)
    return tmp_path


def test_the_likeliest_of_spms_maps_is_taken(maps, labels):
    image = read_spm_maps(maps / "c1head.nii")
    np.testing.assert_array_equal(image.labels, labels)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (None, FileNotFoundError, r"c3head\.nii: image not found"),
        (lambda x: x[1:], ValueError, "but c1 has"),
        (lambda x: 200 * x, ValueError, "probabilities lie between 0 and 1"),
        (lambda x: x * np.nan, ValueError, "values run from nan"),
        (lambda x: np.ones_like(x), ValueError, "add up to 1.9"),
    ],
)
def test_maps_that_do_not_fit_are_refused(maps, change, error, message):
    file = maps / "c3head.nii"
    values = np.asarray(nibabel.Nifti1Image.from_filename(file).dataobj, np.float32)
    file.unlink()
    if change is not None:
        write_nifti(file, change(values))
    with pytest.raises(error, match=message):
        read_spm_maps(maps / "c1head.nii")


def test_maps_in_another_space_or_of_another_name_are_refused(maps, labels):
    write_nifti(maps / "c4head.nii", 0.1 * labels.astype(np.float32), OBLIQUE)
    with pytest.raises(ValueError, match="in another space than c1"):
        read_spm_maps(maps / "c1head.nii")
    with pytest.raises(ValueError, match="whose name begins with c1"):
        read_spm_maps(maps / "c4head.nii")


def test_labels_beyond_any_table_are_found(tmp_path, labels):
    file = write_nifti(tmp_path / "a.nii", labels.astype(np.int32) * 1_000_000)
    tags = {n * 1_000_000: n for n in range(1, 6)}
    image = read_labels(file, LabelTable("mine", tags))
    np.testing.assert_array_equal(image.labels, labels)
