"""Fields of NIfTI images and of what lies beside them, as docs/formats.md lists them."""

import warnings

import nibabel
import numpy as np
import pytest
from format_examples import assert_complete, cases
from subject_examples import write_maps
from tensor_examples import MIRRORED, OBLIQUE, components_of, random_tensors, written

from tmsgrad import coils, meshing
from tmsgrad.optimize import targeting


AFFINE = np.diag([4.0, 5.0, 6.0, 1.0])
AFFINE[:3, 3] = [-20, -30, 10]


def save(path, values=None, affine=AFFINE, unit="mm", form="sform", **fields):
    """Write an image of which only one form is set, and some fields of its header."""
    if values is None:
        values = np.arange(1, 121, dtype=np.float32).reshape(4, 5, 6)
    image = nibabel.Nifti1Image(values, None)
    image.header.set_xyzt_units(unit)
    getattr(image, f"set_{form}")(affine, code=1)
    for name, value in fields.items():
        image.header[name] = value
    nibabel.save(image, path)
    return path


def as_coil(path, **fields):
    """The same for a coil's vector potential."""
    values = fields.pop("values", np.full((4, 5, 6, 3), 1e-6, np.float32))
    affine = fields.pop("affine", AFFINE)
    return save(path, values, affine, **fields)


def damage(path, offset, content):
    data = bytearray(path.read_bytes())
    data[offset : offset + len(content)] = content
    path.write_bytes(bytes(data))
    return path


def dims(folder, make, read):
    for sizes in ((3, -5, 5, 6), (3, 0, 5, 6), (3, 32767, 32767, 32767), (9, 4, 5, 6)):
        content = np.array([*sizes, 3, 1, 1, 1, 1][:8], "<i2").tobytes()
        with pytest.raises(ValueError, match=r"d\.nii: "):
            read(damage(make(folder / "d.nii"), 40, content))


def datatypes(folder, make, read, shape):
    path = make(folder / "c.nii", values=np.ones(shape, np.complex64))
    with pytest.raises(ValueError, match=r"c\.nii: values are complex"):
        read(path)


def scaled(folder, make, values_of):
    plain = values_of(make(folder / "a.nii"))
    for slope, inter, factor, offset in ((2, 1, 2, 1), (0, 1, 1, 0), (np.nan, 1, 1, 0)):
        path = damage(
            make(folder / "a.nii"), 112, np.array([slope, inter], "<f4").tobytes()
        )
        np.testing.assert_allclose(values_of(path), factor * plain + offset, rtol=1e-6)


def units(folder, make, affine_of):
    for form in ("sform", "qform"):
        for unit, size in (("mm", 1), ("unknown", 1), ("meter", 1e-3), ("micron", 1e3)):
            affine = np.diag([size, size, size, 1]) @ AFFINE
            path = make(folder / "u.nii", affine=affine, unit=unit, form=form)
            np.testing.assert_allclose(affine_of(path), AFFINE, rtol=1e-6, atol=1e-5)


def forms(folder, make, affine_of):
    path = make(folder / "f.nii", form="qform")
    np.testing.assert_allclose(affine_of(path), AFFINE, atol=1e-5)
    with pytest.raises(ValueError, match=r"f\.nii: .*code 0"):
        affine_of(damage(make(folder / "f.nii"), 252, bytes(4)))


def disagreement(folder, make, affine_of):
    moved = AFFINE.copy()
    moved[0, 3] += 9

    def both(code):
        path = make(folder / "b.nii")
        image = nibabel.Nifti1Image.from_bytes(path.read_bytes())
        image.set_qform(moved, code=code)
        path.write_bytes(image.to_bytes())
        return path

    both(1)
    with pytest.warns(UserWarning, match="qform and sform disagree by up to 9 mm"):
        np.testing.assert_allclose(affine_of(folder / "b.nii"), AFFINE)
    np.testing.assert_allclose(affine_of(both(0)), AFFINE)


def map_values(path):
    return targeting.read_map(path).values


def map_affine(path):
    """Through all that open images, which must agree. [mm]"""
    found = targeting.read_map(path).affine
    np.testing.assert_array_equal(found, meshing.read_grid(path).affine)
    return np.diag([1e3, 1e3, 1e3, 1]) @ found


def coil_grid(path):
    (grid,) = coils.read(path).elements
    assert isinstance(grid, coils.SampledPotential)
    return grid


def coil_values(path):
    return np.asarray(coil_grid(path).samples)


def coil_affine(path):
    """From indices to mm."""
    return np.diag([1e3, 1e3, 1e3, 1]) @ np.asarray(coil_grid(path).affine)


def pixdim(folder):
    for unit, affine in (("meter", AFFINE), ("micron", AFFINE), ("mm", AFFINE * 1e-3)):
        with pytest.raises(ValueError, match=rf"p\.nii: voxels are .*unit: {unit}"):
            meshing.load_nifti(save(folder / "p.nii", affine=affine, unit=unit))
    big = save(
        folder / "l.nii", np.ones((4, 4, 4), np.uint8), np.diag([20.0, 20, 20, 1])
    )
    meshing.load_nifti(big)
    with pytest.raises(ValueError, match=r"l\.nii: voxels are 20 × 20 × 20 mm"):
        meshing.read_labels(big)


def handed(folder):
    for affine in (OBLIQUE, MIRRORED):
        found = map_affine(save(folder / "s.nii", affine=affine))
        np.testing.assert_allclose(found, affine, rtol=1e-6)


def sizes(folder):
    """The sizes of voxels are said twice where only the sform is set."""
    stated = np.array([1, 4, 5, 6.5], "<f4").tobytes()
    for name, make, read in (
        ("s.nii", save, map_affine),
        ("c.nii", as_coil, coil_affine),
    ):
        path = damage(make(folder / name), 76, stated)
        with pytest.warns(
            UserWarning, match=r"4 × 5 × 6\.5 mm by pixdim, but 4 × 5 × 6"
        ):
            np.testing.assert_allclose(read(path), AFFINE)


def in_template(path, code, values=None, **fields):
    """An image whose header names the space of a template."""
    image = nibabel.Nifti1Image.from_filename(save(path, values, **fields))
    image.set_sform(AFFINE, code=code)
    path.write_bytes(image.to_bytes())
    return path


def template_spaces(folder):
    for code, name in ((1, ""), (2, ""), (3, "Talairach"), (4, "MNI"), (5, "template")):
        path = in_template(folder / "t.nii", code)
        assert targeting.read_map(path).space == name
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            meshing.read_grid(path)
        words = " ".join(str(each.message) for each in heard)
        assert words == (
            f"{path}: the header says that the image is in the space {name}; it is taken "
            "as in the head's."
            if name
            else ""
        )


def map_intent(folder):
    make = lambda code: save(folder / "i.nii", intent_code=code)
    with pytest.raises(ValueError, match=r"i\.nii: .*p-values, which are small"):
        targeting.read_map(make(22))
    assert targeting.read_map(make(3)).above(2.0).values.max() == 120
    atlas = targeting.read_map(make(1002))
    with pytest.raises(ValueError, match=r"i\.nii: .*labels.*Name one"):
        atlas.above()
    assert atlas.labelled(7).above().values.sum() == 1
    mask = np.zeros((4, 5, 6), np.float32)
    mask[1:3] = 7
    one = targeting.read_map(save(folder / "m.nii", mask, intent_code=1002))
    assert one.above().values.max() == 7


def tensor_intent(folder):
    tensors = random_tensors(np.random.default_rng(0), (5, 6, 7))
    # As many negative as positive values everywhere: only the code says which.
    volumes = components_of(tensors) * np.where(np.arange(210) % 2, 1, -1).reshape(
        5, 6, 7, 1
    )
    plain = meshing.read_tensors(written(folder / "t.nii", volumes, OBLIQUE), unit=1e-6)
    assert plain.layout == meshing.FSL_TENSORS
    path = written(folder / "t.nii", volumes, OBLIQUE, intent=1005)
    with pytest.warns(UserWarning, match="xx, xy, yy, xz, yz, zz"):
        found = meshing.read_tensors(path, unit=1e-6)
    assert found.layout == meshing.DIPY_TENSORS


def warp_intent(folder):
    from tmsgrad.meshing.images.mni import _read_map

    write_maps(folder)
    path = folder / "Conform2MNI_nonl.nii.gz"
    assert _read_map(path).values.shape[-1] == 3
    for code in (1006, 2006):
        image = nibabel.Nifti1Image.from_filename(path)
        image.header["intent_code"] = code
        nibabel.save(image, folder / "w.nii.gz")
        with pytest.raises(ValueError, match=r"w\.nii\.gz: .*displacements"):
            _read_map(folder / "w.nii.gz")


def coil_limit(folder):
    make = lambda value: as_coil(folder / "d.nii", descrip=f"dIdtmax={value}".encode())
    assert coils.read(make("114.7")).max_current_rate == pytest.approx(1.147e8)
    for value in ("0", "1.147e8", "x"):
        with pytest.raises(ValueError, match=r"d\.nii: dIdtmax"):
            coils.read(make(value))


def series(folder, b, length=1.0):
    save(folder / "d.nii", np.ones((3, 3, 3, 7), np.float32))
    g = np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)]) * length
    np.savetxt(folder / "d.bval", [np.r_[0.0, np.full(6, b)]])
    np.savetxt(folder / "d.bvec", g.T)
    return meshing.read_dwi(folder / "d.nii")


def b_values(folder):
    np.testing.assert_allclose(series(folder, 1000.0).b_values[1:], 1e9)
    with pytest.raises(ValueError, match=r"d\.nii: `b_values` are at most"):
        series(folder, 1.0)


def directions(folder):
    with pytest.raises(ValueError, match=r"d\.nii: `directions` must be unit"):
        series(folder, 1000.0, 0.7)


def volume(path, affine=AFFINE, changes=()):
    """Write a volume of FreeSurfer, then some bytes of its header."""
    values = np.arange(1, 121, dtype=np.float32).reshape(4, 5, 6)
    data = bytearray(nibabel.MGHImage(values, affine).to_bytes())  # pyright: ignore[reportArgumentType]
    for place, content in changes:
        data[place : place + len(content)] = content
    path.write_bytes(bytes(data))
    return path


def refused_volume(folder, said, *changes):
    with pytest.raises(ValueError, match=rf"v\.mgh: .*{said}"):
        map_values(volume(folder / "v.mgh", changes=changes))


def volume_sizes(folder):
    np.testing.assert_array_equal(map_values(volume(folder / "v.mgh")).shape, (4, 5, 6))
    for size in (0, -4, 32767):
        content = np.array([size, 500], ">i4").tobytes()
        refused_volume(folder, "(damaged|cannot hold)", (4, content))


def volume_spacing(folder):
    for side in (0.005, 60.0):
        with pytest.raises(ValueError, match=r"v\.mgh: voxels are"):
            map_affine(volume(folder / "v.mgh", np.diag([side] * 3 + [1])))


def volume_place(folder):
    turn = np.array([[0, 2.0, 0, 7], [-3, 0, 0, 8], [0, 0, 4, 9], [0, 0, 0, 1]])
    for affine in (AFFINE, turn):
        found = map_affine(volume(folder / "v.mgh", affine))
        np.testing.assert_allclose(found, affine, rtol=1e-6, atol=1e-5)


def volume_time(folder):
    values = np.ones((4, 5, 6, 2), np.float32)
    image = nibabel.MGHImage(values, AFFINE)  # pyright: ignore[reportArgumentType]
    image.header.set_zooms((4, 5, 6, 2200))
    nibabel.save(image, folder / "s.mgz")
    header = meshing.load_nifti(folder / "s.mgz").header
    assert header.get_xyzt_units() == ("mm", "msec")
    assert header["pixdim"][4] == 2200


FORMATS = {
    "FreeSurfer volumes": {
        "`version`": lambda f: refused_volume(f, "version", (0, b"\0\0\0\2")),
        "`width`, `height`, `depth`, `nframes`": volume_sizes,
        "`type`": lambda f: refused_volume(f, "damaged", (20, b"\0\0\0\7")),
        "`goodRASFlag`": lambda f: refused_volume(
            f, "goodRASFlag is 0", (28, bytes(2))
        ),
        "`spacing_x` to `spacing_z`": volume_spacing,
        "`x_r` to `c_s`": volume_place,
        "`tr`": volume_time,
    },
    "NIfTI images": {
        "`dim`": lambda f: dims(f, save, map_values),
        "`datatype`": lambda f: datatypes(f, save, map_values, (4, 5, 6)),
        "`scl_slope`, `scl_inter`": lambda f: scaled(f, save, map_values),
        "`xyzt_units`, length": lambda f: units(f, save, map_affine),
        "`pixdim`": lambda f: (pixdim(f), sizes(f)),
        "`qform_code`, `sform_code`, templates": template_spaces,
        "`intent_code`, maps of targets": map_intent,
        "`qform_code`, `sform_code`": lambda f: forms(f, save, map_affine),
        "`quatern_b` to `qoffset_z`": lambda f: disagreement(f, save, map_affine),
        "`srow_x` to `srow_z`": handed,
        "`intent_code`, tensors": tensor_intent,
        "`intent_code`, maps to MNI space": warp_intent,
    },
    "Diffusion weighting": {"b-values": b_values, "directions": directions},
    "NIfTI coils": {
        "`dim`": lambda f: dims(f, as_coil, coil_values),
        "`datatype`": lambda f: datatypes(f, as_coil, coil_values, (4, 5, 6, 3)),
        "`scl_slope`, `scl_inter`": lambda f: scaled(f, as_coil, coil_values),
        "`xyzt_units`, length": lambda f: units(f, as_coil, coil_affine),
        "`qform_code`, `sform_code`": lambda f: forms(f, as_coil, coil_affine),
        "`quatern_b` to `qoffset_z`": lambda f: disagreement(f, as_coil, coil_affine),
        "`descrip`": coil_limit,
    },
}


@pytest.mark.parametrize(("kind", "field"), cases(FORMATS))
def test_a_field_that_is_read_or_checked_has_an_effect(tmp_path, kind, field):
    FORMATS[kind][field](tmp_path)


def test_all_such_fields_are_tested():
    assert_complete(FORMATS)
