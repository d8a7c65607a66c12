"""Elements in the voxels of an image, and images of their values."""

import nibabel
import numpy as np
import pytest
from heads import five_layers
from scipy.spatial.transform import Rotation

from tmsgrad import meshing
from tmsgrad.efield.recovery_tissues import locate, tissue_mesh
from tmsgrad.meshing import HeadMesh, VoxelGrid


def grid(spacing=5e-3, turn=(0.2, 0.3, -0.4), sides=(41, 39, 40)):
    affine = np.eye(4)
    affine[:3, :3] = (
        spacing * Rotation.from_rotvec(turn).as_matrix() @ np.diag([-1, 1, 1])
    )
    affine[:3, 3] = -affine[:3, :3] @ (np.array(sides) - 1) / 2 + 1e-4
    return VoxelGrid(affine, sides)


def centres(voxels):
    index = np.stack(np.meshgrid(*map(np.arange, voxels.shape), indexing="ij"), -1)
    return index.reshape(-1, 3) @ voxels.affine[:3, :3].T + voxels.affine[:3, 3]


@pytest.mark.parametrize("spacing", [5e-3, 23e-3])
def test_each_voxel_has_the_element_that_holds_its_centre(spacing):
    head, voxels = five_layers(), grid(spacing)
    found = meshing.elements_on_grid(head, voxels).ravel()
    points = centres(voxels)
    # Another way to find them: trees and barycentric coordinates.
    element, _, inside = locate(tissue_mesh(head, None), points)
    np.testing.assert_array_equal(found >= 0, inside)
    np.testing.assert_array_equal(found[inside], element[inside])
    assert inside.sum() > 10


def test_a_grid_beside_the_head_holds_nothing():
    voxels = grid()
    voxels.affine[:3, 3] += 1.0
    assert (meshing.elements_on_grid(five_layers(), voxels) == -1).all()


def test_centres_on_faces_belong_to_one_side():
    corners = [[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2], [-2, 0, 0]]
    head = HeadMesh(np.array(corners) * 1e-3, [[0, 1, 2, 3], [0, 2, 4, 3]], [1, 2])
    affine = np.diag([1e-3, 1e-3, 1e-3, 1.0])
    found = meshing.elements_on_grid(head, VoxelGrid(affine, (3, 3, 3)))
    index = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), -1)
    np.testing.assert_array_equal(found >= 0, index.sum(-1) <= 2)
    assert set(np.unique(found)) == {-1, 0, 1}


def test_an_image_holds_the_field_at_its_voxels_centres(tmp_path):
    head, voxels = five_layers(), grid()
    affine = voxels.affine.copy()
    affine[:3] *= 1e3
    reference = nibabel.Nifti1Image(np.zeros((*voxels.shape, 2), np.int16), affine)
    reference.set_qform(affine, code=1)
    reference.set_sform(affine, code=1)
    nibabel.save(reference, tmp_path / "T1.nii.gz")
    read = meshing.read_grid(tmp_path / "T1.nii.gz")
    assert read.shape == voxels.shape
    np.testing.assert_allclose(read.affine, voxels.affine, atol=1e-8)
    elements = meshing.elements_on_grid(head, read)
    vectors = head.centroids * [1.0, -2.0, 3.0]
    meshing.write_image(tmp_path / "E.nii.gz", read, elements, vectors)
    meshing.write_image(tmp_path / "x.nii", read, elements, vectors[:, 0].copy())
    image = nibabel.Nifti1Image.from_filename(tmp_path / "E.nii.gz")
    assert image.shape == (*voxels.shape, 3)
    np.testing.assert_allclose(np.asarray(image.affine), affine, atol=1e-4)
    assert (int(image.header["qform_code"]), int(image.header["sform_code"])) == (1, 1)
    assert image.header.get_xyzt_units()[0] == "mm"
    values = np.asarray(image.dataobj)
    at = np.argwhere(elements >= 0)[::97]
    for i, j, k in at:
        np.testing.assert_allclose(
            values[i, j, k], vectors[elements[i, j, k]], rtol=1e-6, atol=1e-9
        )
    assert (values[elements < 0] == 0).all()
    scalar = np.asarray(nibabel.Nifti1Image.from_filename(tmp_path / "x.nii").dataobj)
    np.testing.assert_array_equal(scalar, values[..., 0])


def test_what_is_no_volume_is_refused(tmp_path):
    flat = nibabel.Nifti1Image(np.zeros((4, 5), np.float32), np.eye(4))
    flat.set_sform(np.eye(4), code=1)
    nibabel.save(flat, tmp_path / "flat.nii")
    with pytest.raises(ValueError, match="no volume"):
        meshing.read_grid(tmp_path / "flat.nii")
    with pytest.raises(FileNotFoundError):
        meshing.read_grid(tmp_path / "none.nii")
    (tmp_path / "text.nii").write_text("hello")
    with pytest.raises(ValueError, match="damaged or no NIfTI"):
        meshing.read_grid(tmp_path / "text.nii")
    voxels = grid()
    elements = np.full(voxels.shape, -1, np.int32)
    with pytest.raises(ValueError, match="ends in"):
        meshing.write_image(tmp_path / "x.img", voxels, elements, np.zeros(3))
