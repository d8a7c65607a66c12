"""An image by each of the project's two openers: headers of all kinds, damaged ones."""

import gzip

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tmsgrad import coils, meshing
from tmsgrad.meshing import elements_on_grid, read_grid, spheres, write_image


SHAPE = (3, 4, 5)
MM = {"mm": 1.0, "unknown": 1.0, "meter": 1e3, "micron": 1e-3}


def of_image(path):
    """From indices to mm, and the values."""
    image = meshing.load_nifti(path)
    return np.asarray(image.affine), meshing.load_values(path, image, 1000)


def of_coil(path):
    (grid,) = coils.read(path).elements
    assert isinstance(grid, coils.SampledPotential)
    affine = np.diag([1e3, 1e3, 1e3, 1]) @ np.asarray(grid.affine)
    return affine, np.asarray(grid.samples)


OPENERS = {"image": of_image, "coil": of_coil}


def content(affine, unit, form, codes, dtype):
    values = np.full((*SHAPE, 3), 1e-3).astype(dtype) + dtype(1)
    image = nibabel.Nifti1Image(values, None)
    image.header.set_xyzt_units(unit)
    for name in ("sform", "qform") if form == "both" else (form,):
        getattr(image, f"set_{name}")(affine, code=codes[name])
    return image.to_bytes()


@st.composite
def placed(draw):
    """A rotation, voxels and an offset in mm."""
    turn = np.linalg.qr(
        np.array(draw(st.lists(st.integers(-9, 9), min_size=9, max_size=9)))
        .reshape(3, 3)
        .astype(float)
        + 20 * np.eye(3)
    )[0]
    voxel = [draw(st.floats(0.5, 10.0)) for _ in range(3)]
    affine = np.eye(4)
    affine[:3, :3] = turn * voxel
    affine[:3, 3] = [draw(st.floats(-40.0, 40.0)) for _ in range(3)]
    return affine


@pytest.mark.parametrize("opener", OPENERS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    affine=placed(),
    unit=st.sampled_from(sorted(MM)),
    form=st.sampled_from(["sform", "qform", "both"]),
    code=st.integers(1, 4),
    dtype=st.sampled_from([np.float32, np.float64, np.int16, np.uint8]),
    packed=st.booleans(),
)
def test_units_and_forms_of_all_kinds_mean_the_same(
    tmp_path, opener, affine, unit, form, code, dtype, packed
):
    scale = 1 / MM[unit]
    stored = np.diag([scale, scale, scale, 1]) @ affine
    data = content(stored, unit, form, {"sform": code, "qform": 1}, dtype)
    path = tmp_path / ("a.nii.gz" if packed else "a.nii")
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    found, values = OPENERS[opener](path)
    np.testing.assert_allclose(found, affine, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(values, np.full((*SHAPE, 3), 1e-3).astype(dtype) + 1)


HEADER = content(
    np.diag([4.0, 4, 4, 1]), "mm", "both", {"sform": 1, "qform": 1}, np.float32
)
# Sizes, type, offset of the data, scaling, units, forms.
PLACES = (
    0,
    40,
    42,
    44,
    48,
    70,
    72,
    76,
    80,
    108,
    112,
    116,
    123,
    252,
    254,
    268,
    280,
    344,
)
ODD = [
    np.array(number, kind).tobytes()
    for kind, numbers in (
        ("<i2", (-5, 0, 1, 7, 8, 2048, 32767, -32768)),
        ("<f4", (np.nan, np.inf, -1, 0, 1e38, -1e38, 1e-40)),
        ("<i8", (-1,)),
    )
    for number in numbers
]


@pytest.mark.parametrize("opener", OPENERS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(
        st.tuples(
            st.one_of(st.sampled_from(PLACES), st.integers(0, 351)),
            st.one_of(st.sampled_from(ODD), st.binary(min_size=1, max_size=4)),
        ),
        min_size=1,
        max_size=3,
    ),
    cut=st.one_of(st.none(), st.integers(0, len(HEADER))),
    packed=st.booleans(),
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_damaged_header_is_read_or_refused_by_name(
    tmp_path, opener, changes, cut, packed
):
    data = bytearray(HEADER)
    for place, new in changes:
        data[place : place + len(new)] = new
    data = bytes(data[:cut])
    path = tmp_path / ("a.nii.gz" if packed else "a.nii")
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    message, affine, values = str(path), np.eye(4), np.ones(1)
    try:
        affine, values = OPENERS[opener](path)
    except ValueError as refusal:
        message = str(refusal)
    assert str(path) in message
    assert np.isfinite(affine).all()
    assert values.size <= 1000


@pytest.mark.parametrize("opener", OPENERS)
def test_a_header_that_announces_much_is_refused_unread(tmp_path, opener):
    data = bytearray(HEADER)
    data[40:56] = np.array([4, 2000, 2000, 30, 3, 1, 1, 1], "<i2").tobytes()
    for name, written in (("b.nii", data), ("b.nii.gz", gzip.compress(bytes(data)))):
        (tmp_path / name).write_bytes(written)
        with pytest.raises(ValueError, match=rf"{name}: .*(cannot|no plausible)"):
            OPENERS[opener](tmp_path / name)


def freesurfer_volume(affine, dtype, shape=SHAPE):
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    return values, nibabel.MGHImage(values, affine).to_bytes()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    affine=placed(),
    dtype=st.sampled_from([np.uint8, np.int16, np.int32, np.float32]),
    packed=st.booleans(),
)
def test_volumes_of_freesurfer_are_images_too(tmp_path, affine, dtype, packed):
    values, data = freesurfer_volume(affine, dtype)
    path = tmp_path / ("a.mgz" if packed else "a.mgh")
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    found, read = of_image(path)
    np.testing.assert_allclose(found, affine, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(read, values)
    np.testing.assert_array_equal(read_grid(path).shape, SHAPE)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 89), st.binary(min_size=1, max_size=4)), max_size=3
    ),
    cut=st.one_of(st.none(), st.integers(0, 340)),
    packed=st.booleans(),
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_damaged_volume_of_freesurfer_is_read_or_refused_by_name(
    tmp_path, changes, cut, packed
):
    data = bytearray(freesurfer_volume(np.diag([4.0, 4, 4, 1]), np.float32)[1])
    for place, new in changes:
        data[place : place + len(new)] = new
    data = bytes(data[:cut])
    path = tmp_path / ("a.mgz" if packed else "a.mgh")
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    message, affine, values = str(path), np.eye(4), np.ones(1)
    try:
        affine, values = of_image(path)
    except ValueError as refusal:
        message = str(refusal)
    assert str(path) in message
    assert np.isfinite(affine).all()
    assert values.size <= 1000


@pytest.mark.parametrize("shape", [(4, 4, 4), (4, 4, 4, 1), (4, 4, 4, 1, 1)])
def test_one_volume_may_have_more_axes(tmp_path, shape):
    from tmsgrad.optimize import targeting

    values = np.ones(shape, np.uint8)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "m.nii")
    assert targeting.read_map(tmp_path / "m.nii").values.shape == (4, 4, 4)
    assert meshing.read_labels(tmp_path / "m.nii").labels.shape == (4, 4, 4)
    image = meshing.load_nifti(tmp_path / "m.nii")
    assert meshing.load_mask(tmp_path / "m.nii", image, 100).all()


@pytest.mark.parametrize("wrong", [-1.0, np.inf, 0.0])
def test_what_is_no_mask_is_refused(tmp_path, wrong):
    values = np.full((2, 2, 2), 0.0, np.float32)
    values[0, 0, 0], values[1, 1, 1] = wrong, np.nan
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "m.nii")
    image = meshing.load_nifti(tmp_path / "m.nii")
    with pytest.raises(ValueError, match=r"m\.nii: .*mask"):
        meshing.load_mask(tmp_path / "m.nii", image, 100)


@pytest.mark.parametrize("unit", sorted(MM))
def test_written_images_lie_where_their_reference_does(tmp_path, unit):
    """A ball in the grid of a reference in any unit: the same voxels, in mm."""
    affine = np.diag([10.0, 10, 10, 1])
    affine[:3, 3] = -50
    scale = 1 / MM[unit]
    reference = nibabel.Nifti1Image(
        np.zeros((11, 11, 11), np.uint8), np.diag([scale] * 3 + [1]) @ affine
    )
    reference.header.set_xyzt_units(unit)
    nibabel.save(reference, tmp_path / "r.nii")
    head = spheres([0.04], [1], 0.015)
    grid = read_grid(tmp_path / "r.nii")
    at = elements_on_grid(head, grid)
    write_image(tmp_path / "o.nii", grid, at, np.ones(len(head.tags)), "a, V/m")
    found = nibabel.Nifti1Image.from_filename(tmp_path / "o.nii")
    np.testing.assert_allclose(np.asarray(found.affine), affine, rtol=1e-6)
    assert found.header.get_xyzt_units()[0] == "mm"
    assert found.header["descrip"].item() == b"a, V/m"
    inside = np.argwhere(found.get_fdata() > 0) @ affine[:3, :3] + affine[:3, 3]
    assert len(inside) > 200
    assert np.linalg.norm(inside, axis=1).max() <= 40
