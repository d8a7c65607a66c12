"""Damaged and hostile content of files that are read by more than one reader."""

import importlib
import warnings
import zipfile

import nibabel
import numpy as np
import pytest
from heads import five_layers
from hypothesis import given, settings, strategies as st
from nibabel.freesurfer.io import write_annot, write_geometry

from tmsgrad import coils, meshing
from tmsgrad.disk import mm_per_unit, read_json, read_table
from tmsgrad.disk.arrays import open_archive
from tmsgrad.efield.reduced.blocks import Blocks
from tmsgrad.optimize import targeting


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    """Files of NumPy, and what reads them."""
    folder = tmp_path_factory.mktemp("arrays")
    matrices = np.tile(np.eye(4), (3, 1, 1))
    matrices[:, :3, 3] = 10, 20, 30
    np.savez(folder / "p.npz", matsimnibs=matrices, names=["a", "b", "c"])
    np.save(folder / "p.npy", matrices)
    meshing.write_npz(folder / "h.npz", five_layers())
    readers = (coils.read_poses, coils.read_poses, meshing.read_npz)
    names = ("p.npz", "p.npy", "h.npz")
    return [
        (folder / name, (folder / name).read_bytes(), read)
        for name, read in zip(names, readers, strict=True)
    ]


@settings(max_examples=150, deadline=None)
@given(
    which=st.integers(0, 2),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4
    ),
    left=st.floats(0, 1),
)
def test_a_damaged_file_is_read_or_refused_by_name(arrays, which, changes, left):
    path, content, read = arrays[which]
    damaged = bytearray(content)
    for place, byte in changes:
        # Most of what matters stands at the beginning and at the end.
        at = int(place * 400) - 200
        damaged[at % len(damaged)] = byte
    if left < 0.2:
        damaged = damaged[: int(5 * left * len(damaged))]
    path.write_bytes(damaged)
    try:
        read(path)
    except ValueError as error:
        assert path.name in str(error)  # noqa: PT017


def archive_of_kind(path, kind):
    """An archive that NumPy cannot read for a reason of its own."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("recipe.npy", b"\x93NUMPY\x01\x00\x02\x00{\x15")
    content = bytearray(path.read_bytes())
    header = content.index(b"PK\x01\x02")
    if kind == "encrypted":
        content[6] |= 1
        content[header + 8] |= 1
    elif kind == "compressed":
        content[8], content[header + 10] = 99, 99
    elif kind == "array":
        np.save(path.with_suffix(".npy"), np.zeros(3))
        content = path.with_suffix(".npy").read_bytes()
    path.write_bytes(content)


template = importlib.import_module("tmsgrad.meshing.template")
KINDS = ("encrypted", "compressed", "tokens", "array")


@pytest.mark.parametrize("kind", KINDS)
def test_all_damage_of_an_archive_is_one_kind_of_error(tmp_path, kind):
    path = tmp_path / "a.npz"
    archive_of_kind(path, kind)
    with pytest.raises(ValueError, match=r"damaged|one array"), open_archive(path) as a:
        _ = a["recipe"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_and_damaged_is_made_anew(tmp_path, monkeypatch, kind):
    path = tmp_path / "template-1000.npz"
    archive_of_kind(path, kind)
    with pytest.warns(UserWarning, match="is damaged, and is built anew"):
        assert template._read(path) is None
    monkeypatch.setenv("TMSGRAD_CACHE", str(tmp_path))
    archive_of_kind(tmp_path / "template-labels.npz", kind)
    made = np.ones((2, 2, 2), np.uint8), np.eye(4)
    monkeypatch.setattr(template, "template_labels", lambda: made)
    assert template.kept_template_labels()[0].sum() == 8
    assert template.kept_template_labels()[0].sum() == 8
    blocks = Blocks(tmp_path / "blocks", "key")
    archive_of_kind(tmp_path / "blocks" / "0000.npz", kind)
    assert blocks.load(0, coils.Pose.from_matsimnibs(np.eye(4)[None])) is None


@pytest.fixture(scope="module")
def surfaces(tmp_path_factory):
    """Files of surfaces and of values on them, and what reads them."""
    folder = tmp_path_factory.mktemp("surfaces")
    surface, _ = meshing.gray_matter_surface(five_layers())
    values = np.arange(40) % 3
    meshing.write_surface(folder / "a.surf.gii", surface)
    meshing.write_surface_values(folder / "a.func.gii", {"z": 1.0 * values})
    write_geometry(folder / "lh.pial", surface.vertices * 1e3, surface.triangles)
    table = np.array([[1, 2, 3, 0, 0], [9, 8, 7, 0, 0], [5, 5, 5, 0, 0]])
    names = [b"a", b"b", b"c"]
    write_annot(folder / "lh.annot", values, table, names, fill_ctab=True)
    of_label = lambda path: targeting.read_surface_map(path, "b")
    readers = {
        "a.surf.gii": meshing.read_surface,
        "a.func.gii": targeting.read_surface_map,
        "lh.pial": meshing.read_surface,
        "lh.annot": of_label,
    }
    return [
        (folder / name, (folder / name).read_bytes(), r) for name, r in readers.items()
    ]


@settings(max_examples=150, deadline=None)
@given(
    which=st.integers(0, 3),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4),
    left=st.floats(0, 1),
)
def test_a_damaged_surface_is_read_or_refused_by_name(surfaces, which, changes, left):
    path, content, read = surfaces[which]
    damaged = bytearray(content)
    for place, byte in changes:
        damaged[int(place * (min(len(content), 2000) - 1))] = byte
    if left < 0.3:
        damaged = damaged[: int(left / 0.3 * len(damaged))]
    path.write_bytes(damaged)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Of what is assumed.
        try:
            read(path)
        except ValueError as error:
            assert path.name in str(error)  # noqa: PT017


def test_data_of_a_surface_in_another_file_are_not_followed(tmp_path):
    path = tmp_path / "v.func.gii"
    meshing.write_surface_values(path, {"z": np.arange(40.0)})
    text = path.read_text().replace("GZipBase64Binary", "ExternalFileBinary")
    path.write_text(
        text.replace('ExternalFileName=""', 'ExternalFileName="/etc/hosts"')
    )
    with pytest.raises(ValueError, match=r"v\.func\.gii: .*in another file"):
        targeting.read_surface_map(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1, "a": 2}', "the field 'a' is there twice"),
        ('{"b": [{"a": 1, "a": 1}]}', "the field 'a' is there twice"),
        ("[" * 100_000, "no JSON"),
        ("{'a': 1}", "no JSON"),
        ("", "no JSON"),
    ],
)
def test_no_json_and_fields_twice_are_refused(tmp_path, text, words):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"x\.json: .*{words}"):
        read_json(path)


def test_json_has_any_number_and_any_byte_order_mark(tmp_path):
    path = tmp_path / "x.json"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_text('{"ä": 1, "b": -3}', encoding=encoding)
        assert read_json(path) == {"ä": 1, "b": -3}
    path.write_text("[" + "9" * 5000 + "]")
    assert read_json(path) == [float("inf")]


@pytest.mark.parametrize("time", ["9" * 400, "1e999", "NaN", "-1", "0"])
def test_no_repetition_time_without_an_end_is_taken(tmp_path, time):
    (tmp_path / "b.json").write_text(f'{{"RepetitionTime": {time}}}')
    image = nibabel.Nifti1Image(
        np.ones((3, 3, 3, 9), np.float32), np.diag([4, 4, 4, 1])
    )
    nibabel.save(image, tmp_path / "b.nii")
    with pytest.raises(ValueError, match=r"b\.(json|nii): .*(finite|lies between)"):
        targeting.read_bold(tmp_path / "b.nii")


def test_a_table_is_read_in_any_encoding_or_refused_by_name(tmp_path):
    path = tmp_path / "t.csv"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_text("ä,b\r\n1,2\r\n", encoding=encoding, newline="")
        assert read_table(path) == [["ä", "b"], ["1", "2"]]
    for content in (b"a," + b"x" * 200_000, b"\xff\xfa,\n"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"t\.csv: this is no (table|text)"):
            read_table(path)


def test_units_of_length_are_known_by_many_words():
    for word, length in (
        *(("mm", 1), ("Millimetres", 1), (" M ", 1e3), ("meters", 1e3)),
        *(("µm", 1e-3), ("microns", 1e-3), ("Inches", 25.4), ("in", 25.4)),
    ):
        assert mm_per_unit(word) == length
    assert [mm_per_unit(word) for word in ("", "s", "ft", "mm²")] == [None] * 4
