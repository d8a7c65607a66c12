import sys

import numpy as np
import pytest
from tensor_examples import MIRRORED, OBLIQUE, along, components_of, knot, written

from tmsgrad.meshing.images.dwi import S_PER_MM2, DiffusionSeries, fit_tensors
from tmsgrad.meshing.images.dwi_files import read_dwi, read_mask
from tmsgrad.meshing.images.tensors import TensorFrame, frame_axes


ISOTROPIC = OBLIQUE.copy()  # Voxels, which the knot has.
ISOTROPIC[:3, :3] *= 2 / np.linalg.norm(OBLIQUE[:3, :3], axis=0)
S0 = 100


@pytest.fixture
def dipy():
    return pytest.importorskip("dipy")


def scheme(directions=30, b=1000.0, unweighted=4):
    """b-values [s/mm²], and directions over half a sphere by the golden angle."""
    height = (np.arange(directions) + 0.5) / directions
    angle = np.pi * (3 - np.sqrt(5)) * np.arange(directions)
    radius = np.sqrt(1 - height**2)
    g = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)
    weighting = np.repeat([0.0, b], [unweighted, directions])
    return weighting, np.concatenate([np.zeros((unweighted, 3)), g])


def simulated(affine, frame, b, g):
    """The signals of the knot by dipy, voxels in it, and its tensors in the world."""
    from dipy.core.gradients import gradient_table
    from dipy.sims.voxel import single_tensor

    there, directions = knot()
    tensors = along(directions @ frame_axes(affine, TensorFrame.VOXEL).T)
    axes = frame_axes(affine, frame)
    table = gradient_table(b, bvecs=g)
    signals = np.zeros((*there.shape, len(b)))
    for voxel in np.argwhere(there):
        values, vectors = np.linalg.eigh(axes.T @ tensors[tuple(voxel)] @ axes)
        signals[tuple(voxel)] = single_tensor(table, S0, evals=values, evecs=vectors)
    return signals, there, tensors


@pytest.fixture(scope="module")
def clean():
    """A series without noise, with directions along FSL's axes."""
    pytest.importorskip("dipy")
    b, g = scheme()
    signals, there, tensors = simulated(ISOTROPIC, TensorFrame.FSL, b, g)
    return DiffusionSeries(signals, ISOTROPIC, b * S_PER_MM2, g), there, tensors


def changed(series, **parts):
    given = {
        "signals": series.signals,
        "affine": series.affine,
        "b_values": series.b_values,
        "directions": series.directions,
        "frame": series.frame,
    }
    return DiffusionSeries(**(given | parts))


def errors(fit, there, tensors):
    """Of each component in each voxel. [mm²/s]"""
    return components_of(fit.image.tensors(there) * 1e6 - tensors[there])


@pytest.mark.parametrize("reject", [False, True])
def test_tensors_without_noise_are_recovered(clean, reject):
    series, there, tensors = clean
    fit = fit_tensors(series, there, reject_outliers=reject)
    assert np.abs(errors(fit, there, tensors)).max() < 1e-12
    assert not fit.image.components[~there].any()
    assert fit.used.all()
    assert not fit.coherence.wrong
    assert "continue as they are" in str(fit)


def test_errors_are_those_that_the_noise_implies(clean, rng):
    series, there, tensors = clean
    sigma = S0 / 40
    noisy = np.where(
        there[..., None],
        series.signals + sigma * rng.normal(size=series.signals.shape),
        0,
    )
    fit = fit_tensors(changed(series, signals=noisy), there, reject_outliers=False)
    # The covariance of weighted least squares: σ² (XᵀWX)⁻¹, W the squared signal.
    g, b = series.directions, series.b_values[:, None] / S_PER_MM2
    products = components_of(g[:, :, None] * g[:, None, :]) * [1, 2, 2, 1, 2, 1]
    design = np.hstack([-b * products, np.ones((len(b), 1))])
    weights = series.signals[there] ** 2
    information = np.einsum("va,nv,vb->nab", design, weights, design) / sigma**2
    inverse = np.linalg.inv(information)[:, range(6), range(6)]
    score = errors(fit, there, tensors) / np.sqrt(inverse)
    assert np.sqrt(np.mean(score**2)) == pytest.approx(1.0, abs=0.1)
    assert np.abs(score.mean(axis=0)).max() < 0.3


def test_outliers_are_left_out(clean, rng):
    series, there, tensors = clean
    noisy = series.signals + S0 / 50 * rng.normal(size=series.signals.shape)
    dropped = rng.random(there.shape) < 0.3
    noisy[..., 11][dropped] *= 0.2
    noisy[..., 20][rng.random(there.shape) < 0.3] *= 1.8
    spoilt = changed(series, signals=np.where(there[..., None], noisy, 0))
    plain = fit_tensors(spoilt, there, reject_outliers=False)
    robust = fit_tensors(spoilt, there)
    size = [np.sqrt(np.mean(errors(f, there, tensors) ** 2)) for f in (plain, robust)]
    assert size[1] < 0.5 * size[0]
    assert 0.2 < robust.outliers[11] < 0.4
    assert 0.2 < robust.outliers[20] < 0.4
    others = np.delete(robust.outliers, [11, 20])
    assert others.max() < 0.1
    assert not plain.outliers.any()
    assert "most in volume" in str(robust)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flipped_directions_are_refused(clean, axis):
    series, there, tensors = clean
    flipped = np.array(series.directions)
    flipped[:, axis] *= -1
    wrong = changed(series, directions=flipped)
    with pytest.raises(ValueError, match=rf"axis {'ijk'[axis]} reversed.*bvecs"):
        fit_tensors(wrong, there, reject_outliers=False)
    fit = fit_tensors(wrong, there, reject_outliers=False, check_directions=False)
    mended = fit.image.turned(fit.coherence.rotation)
    np.testing.assert_allclose(
        1e6 * mended.tensors(there), tensors[there], rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("frame", [TensorFrame.VOXEL, TensorFrame.WORLD])
def test_a_wrong_frame_is_refused(clean, frame):
    series, there, _ = clean
    with pytest.raises(ValueError, match="Directions are probably wrong"):
        fit_tensors(changed(series, frame=frame), there, reject_outliers=False)


@pytest.mark.usefixtures("dipy")
@pytest.mark.parametrize("affine", [ISOTROPIC, ISOTROPIC @ np.diag([-1.0, 1, 1, 1])])
@pytest.mark.parametrize("transposed", [False, True])
def test_from_files_to_tensors_in_the_world(tmp_path, affine, transposed):
    b, g = scheme(directions=12, unweighted=1)
    signals, there, tensors = simulated(affine, TensorFrame.FSL, b, g)
    written(tmp_path / "dwi.nii.gz", signals, affine)
    written(tmp_path / "mask.nii.gz", there.astype(np.uint8), affine)
    np.savetxt(tmp_path / "dwi.bval", b[None])
    np.savetxt(tmp_path / "dwi.bvec", g if transposed else g.T)
    series = read_dwi(tmp_path / "dwi.nii.gz")
    assert series.frame is TensorFrame.FSL
    np.testing.assert_allclose(series.b_values, 1e6 * b)
    mask = read_mask(tmp_path / "mask.nii.gz", series)
    np.testing.assert_array_equal(mask, there)
    fit = fit_tensors(series, mask)
    # The file has the affine in single precision.
    assert np.abs(errors(fit, there, tensors)).max() < 1e-9


@pytest.mark.usefixtures("dipy")
def test_the_only_unweighted_volume_is_never_left_out(rng):
    b, g = scheme(directions=20, unweighted=1)
    tensor = along(np.array([0.6, 0.0, 0.8]))
    signals = S0 * np.exp(-b * np.einsum("va,ab,vb->v", g, tensor, g))
    signals = signals + 0.5 * rng.normal(size=(4, 4, 4, len(b)))
    signals[..., 0] *= np.where(rng.random((4, 4, 4)) < 0.5, 1.0, 1.1)
    series = DiffusionSeries(signals, OBLIQUE, b * S_PER_MM2, g)
    fit = fit_tensors(series, np.ones((4, 4, 4), bool), check_directions=False)
    assert fit.outliers[0] == 0
    # A tenth more signal without weighting is 1e-4 mm²/s more in each direction.
    trace = 1e6 * np.trace(fit.image.tensors(), axis1=-2, axis2=-1)
    assert np.abs(trace - np.trace(tensor)).max() < 6e-4


def test_strong_weighting_is_left_out(clean):
    series, there, tensors = clean
    strong = series.b_values.copy()
    strong[10:14] = 3000 * S_PER_MM2
    signals = np.array(series.signals)
    signals[..., 10:14] = 40.0  # Of another kind than a tensor's.
    fit = fit_tensors(changed(series, b_values=strong, signals=signals), there)
    assert np.abs(errors(fit, there, tensors)).max() < 1e-12
    np.testing.assert_array_equal(np.flatnonzero(~fit.used), np.arange(10, 14))
    np.testing.assert_array_equal(np.isnan(fit.outliers), ~fit.used)
    with pytest.raises(ValueError, match="above `largest_b`"):
        fit_tensors(series, there, largest_b=700 * S_PER_MM2)


@pytest.mark.usefixtures("dipy")
def test_the_brain_is_found_where_there_is_no_mask(rng):
    b, g = scheme(directions=12, unweighted=1)
    grid = np.moveaxis(np.indices((32, 32, 32)), 0, -1) - 15.5
    brain = np.linalg.norm(grid, axis=-1) < 13
    decay = np.exp(-b * 0.7e-3)
    signals = np.where(brain[..., None], S0 * decay, 0.0)
    signals += rng.random(signals.shape)
    series = DiffusionSeries(signals, OBLIQUE, b * S_PER_MM2, g)
    fit = fit_tensors(series, reject_outliers=False)
    assert np.count_nonzero(fit.mask & brain) > 0.9 * np.count_nonzero(fit.mask)
    assert np.count_nonzero(fit.mask & brain) > 0.95 * np.count_nonzero(brain)


def test_voxels_without_signal_get_no_tensor(clean):
    series, there, tensors = clean
    dead = np.array(series.signals)
    hole = tuple(np.argwhere(there)[100])
    dead[hole] = 0.0
    weak = tuple(np.argwhere(there)[200])
    dead[weak][5] = 0.0  # One measurement without signal is an outlier.
    fit = fit_tensors(changed(series, signals=dead), there)
    assert not fit.mask[hole]
    assert not fit.image.components[hole].any()
    rest = there.copy()
    rest[hole] = False
    assert np.abs(errors(fit, rest, tensors)).max() < 1e-12
    with pytest.raises(ValueError, match="zero in all of the mask"):
        fit_tensors(changed(series, signals=0 * dead), there)


def test_masks_that_do_not_fit_are_refused(clean):
    series, there, _ = clean
    with pytest.raises(ValueError, match="`mask` must have the shape"):
        fit_tensors(series, there[1:])
    with pytest.raises(ValueError, match="`mask` is empty"):
        fit_tensors(series, there & False)


@pytest.mark.usefixtures("dipy")
@pytest.mark.parametrize(
    ("directions", "reject", "message"),
    [
        (np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]], False, "do not determine a tensor"),
        (scheme(30)[1][4:9], False, "do not determine a tensor"),
        (scheme(8)[1][4:], True, "outliers cannot be found with only 9 volumes"),
    ],
)
def test_too_few_directions_are_refused(directions, reject, message):
    b = np.r_[0.0, np.full(len(directions), 1e9)]
    g = np.vstack([np.zeros(3), directions])
    series = DiffusionSeries(np.ones((3, 3, 3, len(b))), OBLIQUE, b, g)
    with pytest.raises(ValueError, match=message):
        fit_tensors(series, np.ones((3, 3, 3), bool), reject_outliers=reject)


@pytest.mark.usefixtures("dipy")
def test_a_series_without_an_unweighted_volume_is_refused():
    b, g = scheme(unweighted=0)
    series = DiffusionSeries(np.ones((3, 3, 3, 30)), OBLIQUE, b * S_PER_MM2, g)
    with pytest.raises(ValueError, match="no volume without weighting"):
        fit_tensors(series, np.ones((3, 3, 3), bool))


def test_without_dipy_the_extra_is_named(monkeypatch):
    b, g = scheme()
    series = DiffusionSeries(np.ones((3, 3, 3, 34)), OBLIQUE, b * S_PER_MM2, g)
    monkeypatch.setitem(sys.modules, "dipy", None)
    monkeypatch.setitem(sys.modules, "dipy.reconst.dti", None)
    with pytest.raises(ImportError, match=r"pip install tmsgrad\[dwi\]"):
        fit_tensors(series, np.ones((3, 3, 3), bool))


def bad_series():
    b, g = scheme()
    b = b * S_PER_MM2
    signals = np.ones((3, 3, 3, 34))
    broken = signals.copy()
    broken[1, 1, 1, 7] = np.nan
    long, unknown, negative = g.copy(), g.copy(), b.copy()
    long[9] *= 1.3
    unknown[9] = np.nan
    negative[9] = -1.0
    return [
        (signals[0], b, g, r"shape \(i, j, k, volumes\)"),
        (broken, b, g, "not finite"),
        (signals, b[1:], g, "there are 34 volumes"),
        (signals, b, g.T, "there are 34 volumes"),
        (signals, b / S_PER_MM2, g, "no volume is weighted: 1000 s/mm² are 1e9 s/m²"),
        (signals, b * S_PER_MM2, g, "must be numbers from 0"),
        (signals, negative, g, "must be numbers from 0"),
        (signals, b, long, r"unit vectors, but that of volume 9"),
        (signals, b, unknown, r"unit vectors, but that of volume 9"),
    ]


@pytest.mark.parametrize(("signals", "b", "g", "message"), bad_series())
def test_series_that_cannot_be_are_refused(signals, b, g, message):
    with pytest.raises(ValueError, match=message):
        DiffusionSeries(signals, OBLIQUE, b, g)


def test_missing_and_mismatched_files_are_refused(tmp_path):
    b, g = scheme(directions=12)
    image = tmp_path / "dwi.nii.gz"
    with pytest.raises(FileNotFoundError, match=r"dwi\.nii\.gz"):
        read_dwi(image)
    written(image, np.ones((3, 3, 3, 16), np.float32), MIRRORED)
    with pytest.raises(FileNotFoundError, match=r"no dwi\.bval; give `b_values`"):
        read_dwi(image)
    np.savetxt(tmp_path / "dwi.bval", b[None])
    with pytest.raises(FileNotFoundError, match=r"no dwi\.bvec; give `directions`"):
        read_dwi(image)
    with pytest.raises(FileNotFoundError, match=r"other\.bvec.*`directions`"):
        read_dwi(image, directions=tmp_path / "other.bvec")
    np.savetxt(tmp_path / "dwi.bvec", g[1:].T)
    with pytest.raises(ValueError, match=r"dwi\.bvec: .* 3 rows of 15 .* 16 volumes"):
        read_dwi(image)
    (tmp_path / "dwi.bvec").write_text("1 0 0\n0 1\n")
    with pytest.raises(ValueError, match=r"dwi\.bvec: .*equally many"):
        read_dwi(image)
    (tmp_path / "dwi.bvec").write_text("a b c\n")
    with pytest.raises(ValueError, match=r"dwi\.bvec: .*else than numbers"):
        read_dwi(image)
    np.savetxt(tmp_path / "dwi.bvec", g.T)
    np.savetxt(tmp_path / "dwi.bval", b[None, 1:])
    with pytest.raises(ValueError, match=r"dwi\.bval: .*15 b-values.*16 volumes"):
        read_dwi(image)
    np.savetxt(tmp_path / "dwi.bval", 1e6 * b[None])
    with pytest.raises(ValueError, match=r"dwi\.nii\.gz: `b_values` are"):
        read_dwi(image)
    written(image, np.ones((3, 3, 3), np.float32), MIRRORED)
    with pytest.raises(ValueError, match=r"dwi\.nii\.gz: the image has the shape"):
        read_dwi(image)


def test_masks_of_another_space_are_refused(tmp_path):
    b, g = scheme()
    series = DiffusionSeries(np.ones((3, 3, 3, 34)), MIRRORED, b * S_PER_MM2, g)
    shifted = MIRRORED.copy()
    shifted[0, 3] += 5.0
    written(tmp_path / "m.nii", np.ones((3, 3, 3), np.uint8), shifted)
    with pytest.raises(ValueError, match=r"m\.nii: .*5 mm away.*different spaces"):
        read_mask(tmp_path / "m.nii", series)
    written(tmp_path / "m.nii", np.ones((3, 3, 4), np.uint8), MIRRORED)
    with pytest.raises(ValueError, match=r"m\.nii: the mask has the shape \(3, 3, 4\)"):
        read_mask(tmp_path / "m.nii", series)
