import jax.numpy as jnp
import nibabel
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from tmsgrad import coils
from tmsgrad.coils import CircularTurns, Coil, SampledPotential


@pytest.fixture
def coil():
    turns = CircularTurns(
        np.array([0, 0, -0.01]), np.array([0, 0, 1.0]), np.array([0.03])
    )
    return Coil((turns,), name="loop", max_current_rate=1.5e8)


def test_round_trip(tmp_path, coil):
    path = tmp_path / "loop.nii.gz"
    coils.write_nifti(
        path,
        coil,
        lowest=(-0.05, -0.05, 0.01),
        highest=(0.05, 0.05, 0.06),
        spacing=5e-3,
    )
    back = coils.read(path)
    assert back.name == "loop"
    assert back.max_current_rate == pytest.approx(1.5e8)
    places = jnp.array([[0.01, -0.02, 0.03], [-0.05, -0.05, 0.01], [0.05, 0.05, 0.06]])
    np.testing.assert_allclose(  # At the grid's own points, in single precision.
        back.vector_potential(places), coil.vector_potential(places), rtol=1e-5
    )
    coils.write(tmp_path / "again.nii", back)
    twice = coils.read(tmp_path / "again.nii")
    one, other = twice.elements[0], back.elements[0]
    assert isinstance(one, SampledPotential)
    assert isinstance(other, SampledPotential)
    np.testing.assert_array_equal(one.samples, other.samples)
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "again.nii",
        "loop.nii.gz",
    ]


def test_a_real_grid_agrees_with_trilinear_interpolation(test_data, rng):
    path = test_data / "coils" / "Magstim_70mm_Fig8.nii.gz"
    image = nibabel.load(path)
    assert isinstance(image, nibabel.Nifti1Image)
    points = rng.uniform([-0.1, -0.1, 0.01], [0.1, 0.1, 0.15], (1000, 3))
    affine = np.array(image.affine)
    voxels = np.linalg.solve(affine[:3, :3], (points * 1e3 - affine[:3, 3]).T)
    values = image.get_fdata()
    expected = [map_coordinates(values[..., c], voxels, order=1) for c in range(3)]
    actual = coils.read(path).vector_potential(jnp.asarray(points))
    error = np.abs(actual - np.stack(expected, axis=1)).max()
    assert error < 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("shape", [(5, 5, 5), (5, 5, 5, 2), (5, 1, 5, 3)])
def test_images_of_another_shape_are_refused(tmp_path, shape):
    image = nibabel.Nifti1Image(np.zeros(shape, np.float32), np.eye(4))
    nibabel.save(image, tmp_path / "x.nii")
    with pytest.raises(ValueError, match=r"x\.nii: the image has the shape"):
        coils.read(tmp_path / "x.nii")


def test_values_that_are_not_finite_are_refused(tmp_path):
    image = nibabel.Nifti1Image(np.full((5, 5, 5, 3), np.nan, np.float32), np.eye(4))
    nibabel.save(image, tmp_path / "x.nii")
    with pytest.raises(ValueError, match="not finite"):
        coils.read(tmp_path / "x.nii")


def test_too_fine_a_grid_is_refused(tmp_path, coil):
    with pytest.raises(ValueError, match="too many"):
        coils.write_nifti(tmp_path / "x.nii", coil, spacing=1e-5)
