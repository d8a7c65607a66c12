import nibabel
import numpy as np
import pytest
import tensor_examples as examples
from tensor_examples import MIRRORED, OBLIQUE, components_of, random_tensors, written

from tmsgrad.meshing.images.fibres import fibre_coherence, fractional_anisotropy
from tmsgrad.meshing.images.tensor_files import read_tensors
from tmsgrad.meshing.images.tensors import (
    DIPY_TENSORS,
    FSL_TENSORS,
    MM2_PER_S,
    MRTRIX_TENSORS,
    UM2_PER_MS,
    TensorFrame,
    TensorImage,
    TensorLayout,
)


LAYOUTS = [FSL_TENSORS, MRTRIX_TENSORS, DIPY_TENSORS]
SHAPE = (5, 6, 7)


@pytest.mark.parametrize("affine", [OBLIQUE, MIRRORED], ids=["right", "left"])
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
@pytest.mark.parametrize("stated", [True, False], ids=["stated", "found"])
def test_tensors_are_the_same_from_each_program(tmp_path, rng, affine, layout, stated):
    tensors = random_tensors(rng, SHAPE)
    volumes = examples.stored(tensors, affine, layout)
    path = written(tmp_path / "t.nii.gz", volumes, affine)
    image = read_tensors(path, layout if stated else None)
    assert image.layout is layout
    assert image.unit == MM2_PER_S
    np.testing.assert_allclose(image.tensors(), 1e-6 * tensors, rtol=0, atol=1e-16)
    where = rng.random(SHAPE) > 0.5
    np.testing.assert_array_equal(image.tensors(where), image.tensors()[where])


def test_fsl_reverses_the_first_axis_of_a_right_handed_image_only(tmp_path, rng):
    volumes = components_of(random_tensors(rng, SHAPE))
    for sign, off_diagonal in ((1, -1), (-1, 1)):
        affine = np.diag([sign * 2.0, 2, 2, 1])
        image = read_tensors(written(tmp_path / "t.nii", volumes, affine), FSL_TENSORS)
        # With its first axis reversed in the file (sign -1), x is reversed as well, and
        # FSL's components are along i as it is: that is -x.
        expected = volumes * np.array([1, -1, -1, 1, 1, 1])
        np.testing.assert_allclose(components_of(image.tensors()), 1e-6 * expected)
        voxel = read_tensors(
            tmp_path / "t.nii", FSL_TENSORS, frame=TensorFrame.VOXEL
        ).tensors()
        np.testing.assert_allclose(
            components_of(voxel)[..., 1], -off_diagonal * 1e-6 * volumes[..., 1]
        )


def test_symmetric_matrix_intent_gives_the_order_but_not_the_frame(tmp_path, rng):
    tensors = random_tensors(rng, SHAPE)
    layout = TensorLayout("world", DIPY_TENSORS.components, TensorFrame.WORLD)
    volumes = examples.stored(tensors, OBLIQUE, layout)[..., None, :]
    path = written(tmp_path / "t.nii.gz", volumes, OBLIQUE, intent=1005)
    image = read_tensors(path, frame=TensorFrame.WORLD)
    np.testing.assert_allclose(image.tensors(), 1e-6 * tensors, rtol=0, atol=1e-16)
    fsl = read_tensors(path, DIPY_TENSORS)
    np.testing.assert_array_equal(
        fsl.tensors(), read_tensors(path, frame=TensorFrame.FSL).tensors()
    )
    with pytest.raises(ValueError, match=r"along which axes\. State `frame`"):
        read_tensors(path)
    with pytest.raises(ValueError, match="layout` is that of MRtrix"):
        read_tensors(path, MRTRIX_TENSORS)
    written(path, volumes, OBLIQUE)
    with pytest.raises(ValueError, match="intent code is 0"):
        read_tensors(path, frame=TensorFrame.WORLD)


@pytest.mark.parametrize("unit", [MM2_PER_S, UM2_PER_MS, 1.0])
def test_the_unit_is_found_from_the_diffusivity_of_tissue(tmp_path, rng, unit):
    tensors = 1e-6 * random_tensors(rng, SHAPE)
    volumes = components_of(tensors) / unit
    image = read_tensors(written(tmp_path / "t.nii", volumes, MIRRORED))
    assert image.unit == unit
    size = np.linalg.norm(tensors)
    np.testing.assert_allclose(np.linalg.norm(image.tensors()), size, rtol=1e-8)


def test_tensors_without_a_physical_size_need_a_unit(tmp_path, rng):
    volumes = 1e6 * components_of(random_tensors(rng, SHAPE))
    path = written(tmp_path / "t.nii", volumes, MIRRORED)
    with pytest.raises(
        ValueError, match=r"t\.nii: half of the voxels have a mean diff"
    ):
        read_tensors(path)
    assert read_tensors(path, unit=1e-12).unit == 1e-12


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_a_stated_layout_that_cannot_be_is_refused(tmp_path, rng, layout):
    volumes = examples.stored(random_tensors(rng, (12, 12, 12)), OBLIQUE, layout)
    path = written(tmp_path / "t.nii", volumes, OBLIQUE)
    for other in LAYOUTS:
        if other is not layout:
            with pytest.raises(ValueError, match=f"as {layout.name} store them"):
                read_tensors(path, other)


def test_an_unknown_order_needs_a_layout_of_ones_own(tmp_path, rng):
    own = TensorLayout("own", ("xy", "xz", "yz", "xx", "yy", "zz"), TensorFrame.VOXEL)
    tensors = random_tensors(rng, (12, 12, 12))
    path = written(tmp_path / "t.nii", examples.stored(tensors, OBLIQUE, own), OBLIQUE)
    with pytest.raises(ValueError, match=r"volumes \(3, 4, 5\).*no program we know"):
        read_tensors(path)
    actual = read_tensors(path, own).tensors()
    np.testing.assert_allclose(actual, 1e-6 * tensors, rtol=0, atol=1e-16)
    with pytest.raises(ValueError, match="once each"):
        TensorLayout("wrong", ("xx", "xx", "yz", "xx", "yy", "zz"), TensorFrame.VOXEL)


def test_sampling_reproduces_a_linear_field_and_is_zero_outside(rng):
    slope = random_tensors(rng, (4,))
    voxels = np.moveaxis(np.indices(SHAPE), 0, -1)
    tensors = slope[3] + np.einsum("...c,cab->...ab", voxels, slope[:3])
    image = TensorImage(components_of(tensors), OBLIQUE)
    where = rng.uniform(0, np.subtract(SHAPE, 1), size=(200, 3))
    points = 1e-3 * (where @ OBLIQUE[:3, :3].T + OBLIQUE[:3, 3])
    expected = 1e-6 * (slope[3] + np.einsum("nc,cab->nab", where, slope[:3]))
    np.testing.assert_allclose(image.sample(points), expected, rtol=1e-11, atol=1e-20)
    outside = np.array([[-0.01, 2, 2], [2, 5.01, 2], [2, 2, 6.01], [90, 0, 0]])
    points = 1e-3 * (outside @ OBLIQUE[:3, :3].T + OBLIQUE[:3, 3])
    np.testing.assert_array_equal(image.sample(points), np.zeros((4, 3, 3)))


def test_sampled_values_have_the_precision_of_the_file(rng):
    tensors = components_of(random_tensors(rng, SHAPE))
    points = 1e-3 * (np.full((1, 3), 1.37) @ OBLIQUE[:3, :3].T + OBLIQUE[:3, 3])
    double = TensorImage(tensors, OBLIQUE, unit=1.0).sample(points)
    single = TensorImage(tensors.astype(np.float32), OBLIQUE, unit=1.0).sample(points)
    np.testing.assert_array_equal(single, single.astype(np.float32))
    np.testing.assert_allclose(single, double, rtol=0, atol=1e-9)


def test_voxels_that_are_not_a_number_have_no_tensor(tmp_path, rng):
    volumes = components_of(random_tensors(rng, SHAPE))
    volumes[0] = np.nan
    volumes[1, 2, 3, 4] = np.inf
    image = read_tensors(written(tmp_path / "t.nii", volumes, MIRRORED))
    there = np.any(image.components != 0, axis=-1)
    assert not there[0].any()
    assert not there[1, 2, 3]
    assert there.sum() == 4 * 6 * 7 - 1
    assert np.isfinite(image.tensors()).all()
    assert np.isnan(volumes[0]).all()  # What was given is as it was.
    assert "80% with a tensor" in repr(image)
    assert "by FSL" in repr(image)


def test_whole_numbers_and_scaled_ones_are_read(tmp_path, rng):
    volumes = np.round(1e9 * components_of(random_tensors(rng, SHAPE)))
    image = nibabel.Nifti1Image(volumes.astype(np.int32), MIRRORED)
    nibabel.save(image, tmp_path / "t.nii")
    assert read_tensors(tmp_path / "t.nii", unit=1e-15).tensors().dtype == np.float64
    image.header.set_slope_inter(1e-9, 0)
    scaled = nibabel.Nifti1Image(volumes * 1e-9, MIRRORED, image.header)
    nibabel.save(scaled, tmp_path / "t.nii")
    components = read_tensors(tmp_path / "t.nii").components
    np.testing.assert_allclose(components, volumes * 1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((5, 6, 7), "six volumes"),
        ((5, 6, 7, 3), "such as V1"),
        ((5, 6, 7, 9), "full matrices"),
        ((5, 6, 7, 33), "fit_tensors"),
        ((5, 6, 7, 2, 6), "six volumes"),
    ],
)
def test_wrong_numbers_of_volumes_are_refused(tmp_path, shape, hint):
    path = written(tmp_path / "t.nii", np.ones(shape), MIRRORED)
    with pytest.raises(ValueError, match=hint) as caught:
        read_tensors(path)
    assert str(shape) in str(caught.value)


def test_what_is_no_tensor_image_is_refused(tmp_path, rng):
    path = tmp_path / "t.nii.gz"
    with pytest.raises(FileNotFoundError, match=r"t\.nii\.gz"):
        read_tensors(path)
    path.write_bytes(b"no image at all")
    with pytest.raises(
        ValueError, match=r"t\.nii\.gz: the image is damaged or no NIfTI"
    ):
        read_tensors(path)
    written(path, components_of(random_tensors(rng, SHAPE)), MIRRORED)
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(ValueError, match=r"t\.nii\.gz: the image is damaged"):
        read_tensors(path)
    written(path, np.zeros((*SHAPE, 6)), MIRRORED)
    with pytest.raises(ValueError, match=r"t\.nii\.gz: the image holds no tensor"):
        read_tensors(path)
    written(path, np.full((*SHAPE, 6), np.nan), MIRRORED)
    with pytest.raises(ValueError, match=r"t\.nii\.gz: the image holds no tensor"):
        read_tensors(path)


def test_other_formats_are_refused(tmp_path):
    image = nibabel.Spm99AnalyzeImage(np.ones((*SHAPE, 6), np.float32), MIRRORED)
    nibabel.save(image, tmp_path / "t.img")
    with pytest.raises(ValueError, match=r"t\.img: the image is a Spm2AnalyzeImage. C"):
        read_tensors(tmp_path / "t.img")


def test_tensors_in_a_volume_of_freesurfer_are_read(tmp_path, rng):
    tensors = random_tensors(rng, SHAPE)
    for name in ("t.nii.gz", "t.mgz"):
        written(tmp_path / name, components_of(tensors).astype(np.float32), MIRRORED)
    both = [read_tensors(tmp_path / name) for name in ("t.nii.gz", "t.mgz")]
    np.testing.assert_array_equal(both[0].components, both[1].components)
    np.testing.assert_allclose(both[0].affine, both[1].affine, atol=1e-5)


def test_an_image_that_says_not_where_it_is_is_refused(tmp_path, rng):
    volumes = components_of(random_tensors(rng, SHAPE))
    image = nibabel.Nifti1Image(volumes, MIRRORED)
    image.set_sform(None, 0)
    image.set_qform(None, 0)
    nibabel.save(image, tmp_path / "t.nii")
    with pytest.raises(ValueError, match="does not say where the image is"):
        read_tensors(tmp_path / "t.nii")


def test_a_sheared_image_is_refused(tmp_path, rng):
    affine = OBLIQUE.copy()
    affine[:3, 1] += 0.3 * affine[:3, 0]
    volumes = components_of(random_tensors(rng, SHAPE))
    path = written(tmp_path / "t.nii", volumes, affine)
    with pytest.raises(ValueError, match=r"t\.nii: `affine` is sheared.*vecreg"):
        read_tensors(path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"components": np.ones((5, 6, 7))}, r"shape \(i, j, k, 6\)"),
        ({"components": np.ones((5, 1, 7, 6))}, "two voxels or more"),
        ({"components": np.ones((5, 6, 7, 6), complex)}, "real numbers"),
        ({"components": np.zeros((5, 6, 7, 6))}, "holds no tensor"),
        ({"affine": np.eye(3)}, r"shape \(4, 4\)"),
        ({"affine": np.diag([1, 1, 1, 2])}, "last row"),
        ({"affine": np.diag([1, 0, 1, 1])}, "singular"),
        ({"axes": np.eye(2)}, r"shape \(3, 3\)"),
        ({"axes": 2 * np.eye(3)}, "perpendicular unit vectors"),
        ({"unit": 0.0}, "unit` must be a positive number"),
    ],
)
def test_images_that_cannot_be_are_refused(changed, message):
    given = {"components": np.ones((5, 6, 7, 6)), "affine": np.eye(4)} | changed
    with pytest.raises(ValueError, match=message):
        TensorImage(**given)


def bundle(affine, axes=TensorFrame.VOXEL, noise=0.0, rng=None):
    """The knot as an image, which is right for the axes VOXEL."""
    there, directions = examples.knot()
    if rng is not None:
        directions = directions + noise * rng.normal(size=directions.shape)
        directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    tensors = np.where(
        there[..., None, None], examples.along(directions), examples.WATER * np.eye(3)
    )
    return TensorImage(components_of(tensors), affine, axes)


ISOTROPIC_VOXELS = OBLIQUE.copy()
ISOTROPIC_VOXELS[:3, :3] *= 2 / np.linalg.norm(OBLIQUE[:3, :3], axis=0)
FLIPPED_VOXELS = ISOTROPIC_VOXELS @ np.diag([-1.0, 1, 1, 1])


def test_fibres_that_continue_are_right(rng):
    coherence = fibre_coherence(bundle(ISOTROPIC_VOXELS, noise=0.1, rng=rng))
    assert coherence.conclusive
    assert not coherence.wrong
    assert coherence.correction == ""
    np.testing.assert_array_equal(coherence.rotation, np.eye(3))
    assert "continue as they are" in str(coherence)


@pytest.mark.parametrize(
    ("wrong", "correction"),
    [
        (np.diag([-1.0, 1, 1]), "axis i reversed"),
        (np.diag([1.0, -1, 1]), "axis j reversed"),
        (np.diag([1.0, 1, -1]), "axis k reversed"),
        (np.diag([-1.0, -1, 1]), "axis k reversed"),  # The same for a tensor.
        (np.eye(3)[[1, 0, 2]], "axes i, j, k taken from j, i, k"),
    ],
)
def test_reversed_and_exchanged_axes_are_caught_and_mended(rng, wrong, correction):
    right = bundle(ISOTROPIC_VOXELS, noise=0.1, rng=rng)
    grid = right.grid_axes
    coherence = fibre_coherence(right.turned(grid @ wrong @ grid.T))
    assert coherence.wrong
    assert coherence.correction == correction
    assert correction in str(coherence)
    mended = right.turned(grid @ wrong @ grid.T).turned(coherence.rotation)
    np.testing.assert_allclose(mended.tensors(), right.tensors(), rtol=0, atol=1e-20)


@pytest.mark.parametrize("affine", [ISOTROPIC_VOXELS, FLIPPED_VOXELS])
@pytest.mark.parametrize("right", list(TensorFrame))
@pytest.mark.parametrize("assumed", list(TensorFrame))
def test_a_wrong_frame_is_caught_and_mended(affine, right, assumed):
    truth = bundle(affine)
    axes = {
        frame: TensorImage(truth.components, affine, frame).axes
        for frame in TensorFrame
    }
    local = axes[right].T @ (truth.tensors() / MM2_PER_S) @ axes[right]
    image = TensorImage(components_of(local), affine, assumed)
    coherence = fibre_coherence(image)
    same = np.allclose(image.tensors(), truth.tensors(), rtol=0, atol=1e-16)
    assert coherence.wrong != same
    mended = image.turned(coherence.rotation)
    np.testing.assert_allclose(mended.tensors(), truth.tensors(), rtol=0, atol=1e-16)


def test_an_image_without_fibres_does_not_say(rng):
    isotropic = np.broadcast_to(examples.WATER * np.eye(3), (*SHAPE, 3, 3))
    chance = rng.normal(size=(15, 15, 15, 3))
    chance /= np.linalg.norm(chance, axis=-1, keepdims=True)
    for tensors in (isotropic, examples.along(chance)):
        coherence = fibre_coherence(TensorImage(components_of(tensors), OBLIQUE))
        assert not coherence.conclusive
        assert not coherence.wrong
        assert "too little to show" in str(coherence)
    assert coherence.voxels == 15**3
    assert abs(coherence.as_given) < 0.02


def test_straight_fibres_have_the_index_of_what_stays_inside():
    direction = np.array([0.0, 1.0, 0.0])
    tensors = np.broadcast_to(examples.along(direction), (20, 20, 20, 3, 3))
    affine = np.diag([2.0, 2, 2, 1])
    coherence = fibre_coherence(TensorImage(components_of(tensors), affine))
    # Of steps of 1, 2 and 3, that many voxels of 20 lead out.
    assert coherence.as_given == pytest.approx(1 - (1 + 2 + 3) / 3 / 20, abs=1e-12)
    assert coherence.correction == ""


def test_fractional_anisotropy_of_known_tensors():
    values = np.array([[1.0, 1, 1], [0, 0, 1], [0, 1, 1], [0, 0, 0], [-1, 0, 1]])
    expected = [0, 1, np.sqrt(0.5), 0, 1]
    np.testing.assert_allclose(fractional_anisotropy(values), expected, atol=1e-15)
