import json

import nibabel
import numpy as np
import pytest
from cli_examples import refused, run
from heads import five_layers
from tract_examples import grid

from tmsgrad import meshing
from tmsgrad.meshing import DiffusionSeries, TensorFrame, TensorImage
from tmsgrad.meshing.images.dwi import S_PER_MM2
from tmsgrad.meshing.images.tensors import components_of, frame_axes
from tmsgrad.optimize import targeting


pytest.importorskip("dipy")

# A band of fibres along this, through the middle of the head.
ALONG = np.array([0.6, 0.0, 0.8])
SEED = np.array([0.0, 0.0, 0.0])


def tensors(points):
    """Along the band in it, and about it elsewhere alike in all directions. [mm²/s]"""
    off = points - (points @ ALONG)[..., None] * ALONG
    band = np.linalg.norm(off, axis=-1) < 0.014
    outer = np.outer(ALONG, ALONG)
    fibre = 0.3e-3 * np.eye(3) + 1.4e-3 * outer
    return np.where(band[..., None, None], fibre, 0.7e-3 * np.eye(3))


def voxels(affine, shape):
    index = np.moveaxis(np.indices(shape), 0, -1)
    return (index @ affine[:3, :3].T + affine[:3, 3]) * 1e-3


def band_images(affine, shape, directions):
    """b [s/mm²], directions in FSL's frame, and signals of the band."""
    height = (np.arange(directions) + 0.5) / directions
    angle = np.pi * (3 - np.sqrt(5)) * np.arange(directions)
    radius = np.sqrt(1 - height**2)
    g = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)
    g = np.concatenate([np.zeros((2, 3)), g])
    b = np.repeat([0.0, 2000.0], [2, directions])
    world = g @ frame_axes(affine, TensorFrame.FSL).T
    exponent = np.einsum(
        "vc,ijkcd,vd->ijkv", world, tensors(voxels(affine, shape)), world
    )
    return b, g, 1000 * np.exp(-b * exponent)


def seeds():
    return targeting.ball_place(SEED, 8e-3)


def check(tracked):
    """Both ends of most streamlines lie where the band meets gray matter."""
    ends = tracked.tracts.ends
    radius = np.linalg.norm(ends, axis=2)
    assert np.median(radius) == pytest.approx(0.060, abs=0.006)
    cosine = ends @ ALONG / radius
    assert (cosine[:, 0] * cosine[:, 1] < 0).mean() > 0.9
    assert np.median(np.abs(cosine)) > np.cos(np.radians(20))


def test_streamlines_of_tensors_follow_the_band_and_are_the_same_again():
    own = grid()
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = own.affine[:3, 3] * 1e3
    # Mirrored voxels, of which the axes are not those of the world.
    mirror = affine @ np.diag([-1.0, 1, 1, 1])
    mirror[0, 3] = -affine[0, 3]
    world = tensors(voxels(mirror, own.shape))
    image = TensorImage(components_of(world), mirror, TensorFrame.WORLD)
    found = targeting.tensor_orientations(five_layers(), image)
    first = targeting.track(found, seeds(), seeds=100)
    again = targeting.track(found, seeds(), seeds=100)
    assert len(first.tracts) > 20
    np.testing.assert_array_equal(first.tracts.points, again.tracts.points)
    other = targeting.track(found, seeds(), seeds=100, seed=2)
    assert first.tracts.points.shape != other.tracts.points.shape or not np.array_equal(
        first.tracts.points, other.tracts.points
    )
    check(first)
    outside = targeting.ball_place(np.array([0, 0, 0.082]), 2e-3)
    with pytest.raises(ValueError, match="no white matter with diffusion data"):
        targeting.track(found, outside, seeds=10)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_deconvolution_finds_the_band_in_any_storage(sign):
    """The affine's determinant decides how FSL's directions are meant."""
    shape = (24, 24, 24)
    affine = np.diag([8.0 * sign, 8.0, 8.0, 1.0])
    affine[:3, 3] = [-92.0 * sign, -92.0, -92.0]
    b, g, signals = band_images(affine, shape, 30)
    series = DiffusionSeries(signals, affine, b * S_PER_MM2, g)
    found = targeting.deconvolved_orientations(five_layers(), series)
    check(targeting.track(found, seeds(), seeds=60))
    few = DiffusionSeries(
        series.signals[..., :12], affine, series.b_values[:12], series.directions[:12]
    )
    with pytest.raises(ValueError, match="10 directions with b = 2000"):
        targeting.deconvolved_orientations(five_layers(), few)


def test_the_command_tracks_from_diffusion_images(case, tmp_path, undrawn):
    affine = np.diag([8.0, 8.0, 8.0, 1.0])
    affine[:3, 3] = -92.0
    b, g, signals = band_images(affine, (24, 24, 24), 15)
    image = nibabel.Nifti1Image(signals.astype(np.float32), affine)
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, tmp_path / "dwi.nii.gz")
    np.savetxt(tmp_path / "dwi.bval", b[None], "%g")
    np.savetxt(tmp_path / "dwi.bvec", g.T, "%.6f")
    words = ["target", "structural", case.head, "--dwi", tmp_path / "dwi.nii.gz"]
    words += ["--indirect", "0,0,0", "--radius", 8, "--image", tmp_path / "dwi.nii.gz"]
    (tmp_path / "none.bval").touch()
    more = ["--bvals", tmp_path / "none.bval", "--out", tmp_path / "out"]
    refused([*words, *more], tmp_path, "none.bval")
    result = run(*words, "--seeds", 60, "--random-seed", 3, "--out", tmp_path / "out")
    assert result.status == 0, result.err
    report = json.loads((tmp_path / "out" / "target.json").read_text())
    assert report["tracking"]["seeds"] == 60
    assert report["tracking"]["from"].endswith("dwi.nii.gz")
    assert 0.8 * report["streamlines"] < report["reaching"] > 30
    centre = np.array(report["centre_mm"])
    # Either end of the band.
    assert abs(centre @ ALONG) > 0.9 * np.linalg.norm(centre)
    assert np.linalg.norm(centre) == pytest.approx(64, abs=8)
    tracked = meshing.read_tracts(tmp_path / "out" / "reaching.trk")
    assert len(tracked) == report["reaching"]
    found = targeting.read_map(tmp_path / "out" / "target.nii.gz")
    np.testing.assert_allclose(found.centre * 1e3, centre, atol=1e-3)


def test_tensors_of_another_place_are_refused():
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = 300.0
    image = TensorImage(np.tile([1, 0, 0, 1, 0, 1.0], (5, 5, 5, 1)), affine)
    with pytest.raises(ValueError, match="no tensor in the white matter"):
        targeting.tensor_orientations(five_layers(), image)
    assert meshing.TISSUE_NAMES[1] == "white matter"
