import importlib
import sys
import threading
from contextlib import nullcontext

import nibabel
import numpy as np
import pytest

from tmsgrad.disk import cache_folder
from tmsgrad.meshing.head import HeadMesh
from tmsgrad.meshing.template import template
from tmsgrad.meshing.template_labels import template_labels


module = importlib.import_module("tmsgrad.meshing.template")
labels_module = importlib.import_module("tmsgrad.meshing.template_labels")

COUNT = 5_000


@pytest.fixture(scope="module")
def labels():
    return template_labels()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and a small image instead of the head, so that building is quick."""
    monkeypatch.setenv("TMSGRAD_CACHE", str(tmp_path / "cache"))
    at = np.stack(np.meshgrid(*3 * [np.arange(24) - 11.5], indexing="ij"))
    distance = np.linalg.norm(at, axis=0)
    image = np.select([distance < 6, distance < 9], [2, 5], 0).astype(np.uint8)
    built = []

    def small():
        built.append(1)
        return image, np.eye(4)

    monkeypatch.setattr(module, "template_labels", small)
    return tmp_path / "cache", built


def same(one: HeadMesh, two: HeadMesh) -> bool:
    return (
        np.array_equal(one.nodes, two.nodes)
        and np.array_equal(one.tetrahedra, two.tetrahedra)
        and np.array_equal(one.tags, two.tags)
    )


@pytest.mark.long
def test_template_labels_have_the_volumes_of_the_published_recipe(labels):
    image, affine = labels
    volumes = np.bincount(image.ravel())[1:] * abs(np.linalg.det(affine[:3, :3]))
    expected = 1e3 * np.array([632, 1098, 471, 603, 2304])  # WM, GM, CSF, bone, scalp.
    np.testing.assert_allclose(volumes, expected, rtol=0.01)


def test_template_labels_agree_with_an_independent_construction(labels, test_data):
    image, affine = labels
    other = nibabel.Nifti1Image.from_filename(
        test_data / "heads" / "template_labels.nii.gz"
    )
    np.testing.assert_array_equal(affine, other.affine)
    reference = np.asarray(other.dataobj)
    for tag in range(1, 6):
        mine, theirs = image == tag, reference == tag
        overlap = 2 * (mine & theirs).sum() / (mine.sum() + theirs.sum())
        assert overlap > 0.98


def test_template_labels_are_layered(labels):
    image, _ = labels
    touching = set()
    for axis in range(3):
        along = np.moveaxis(image, axis, 0).astype(int)
        touching |= set(np.unique(10 * along[:-1] + along[1:]).tolist())
    for one, two in ((2, 4), (2, 5), (1, 4), (3, 5), (0, 4), (0, 2)):
        assert not touching & {10 * one + two, 10 * two + one}


def test_a_head_in_the_cache_is_read_back_as_it_was_built(cache):
    folder, built = cache
    first, second = template(COUNT), template(COUNT)
    assert same(first, second)
    assert len(built) == 1
    assert [p.name for p in folder.iterdir()] == [f"template-{COUNT}.npz"]


def test_progress_goes_from_nothing_to_all(cache):
    steps = []
    template(COUNT, progress=lambda fraction, stage: steps.append((fraction, stage)))
    fractions = [fraction for fraction, _ in steps]
    assert fractions[0] == 0
    assert fractions[-1] == pytest.approx(1)
    assert fractions == sorted(fractions)
    assert all(stage for _, stage in steps)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1000])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def outdate(path):
    with np.load(path) as file:
        arrays = dict(file)
    arrays["recipe"] -= 1
    np.savez(path, **arrays)


def strip(path):
    with np.load(path) as file:
        arrays = dict(file)
    del arrays["tags"]
    np.savez(path, **arrays)


def empty(path):
    path.write_bytes(b"")


def array_alone(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


@pytest.mark.parametrize(
    "damage", [truncate, flip_a_bit, outdate, strip, empty, array_alone]
)
def test_a_damaged_or_old_cache_is_built_anew(cache, damage):
    folder, built = cache
    whole = template(COUNT)
    path = folder / f"template-{COUNT}.npz"
    damage(path)
    old = damage is outdate  # That is not worth a word.
    said = nullcontext() if old else pytest.warns(UserWarning, match="damaged")
    with said:
        assert same(template(COUNT), whole)
    assert len(built) == 2
    assert same(template(COUNT), whole)
    assert len(built) == 2


def test_the_label_image_is_kept_and_built_anew_where_it_is_damaged(cache):
    folder, built = cache
    path = folder / "template-labels.npz"
    first = module.kept_template_labels()
    for count, damage in (
        (1, lambda path: None),
        (2, truncate),
        (3, empty),
        (4, array_alone),
    ):
        damage(path)
        again = module.kept_template_labels()
        assert len(built) == count
        for ours, theirs in zip(again, first, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("a file where the folder belongs")
    assert module.kept_template_labels()[0].shape == first[0].shape


def test_two_that_fill_the_cache_at_once_both_get_the_head(cache, monkeypatch):
    folder, built = cache
    both_build = threading.Barrier(2)
    mesh = module.mesh_labels

    def wait_for_the_other(*arguments):
        head = mesh(*arguments)
        both_build.wait(timeout=60)
        return head

    monkeypatch.setattr(module, "mesh_labels", wait_for_the_other)
    heads = []
    threads = [
        threading.Thread(target=lambda: heads.append(template(COUNT))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 2
    assert same(*heads)
    assert same(template(COUNT), heads[0])
    assert len(built) == 2
    assert [p.name for p in folder.iterdir()] == [f"template-{COUNT}.npz"]


def test_a_cache_that_cannot_be_written_costs_a_warning_only(cache):
    folder, _ = cache
    folder.write_text("a file where the folder belongs")
    with pytest.warns(UserWarning, match="TMSGRAD_CACHE"):
        head = template(COUNT)
    assert len(head.tetrahedra) > 0


def test_a_failed_build_leaves_nothing_behind(cache, monkeypatch):
    folder, _ = cache

    def fail(*arguments, **arrays):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(RuntimeError, match="out of luck"):
        template(COUNT)
    assert list(folder.iterdir()) == []


def test_the_cache_is_where_the_operating_system_keeps_caches(monkeypatch):
    monkeypatch.delenv("TMSGRAD_CACHE")
    assert "tmsgrad" in cache_folder().parts


@pytest.mark.parametrize("missing", ["nilearn", "mne"])
def test_a_missing_package_is_named_with_its_extra(monkeypatch, missing):
    find = labels_module.find_spec
    monkeypatch.setattr(
        labels_module, "find_spec", lambda name: None if name == missing else find(name)
    )
    with pytest.raises(ModuleNotFoundError, match=rf"{missing}.*tmsgrad\[template\]"):
        template_labels()


def test_a_package_without_the_files_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(labels_module, "package_folder", lambda name: tmp_path)
    with pytest.raises(FileNotFoundError, match="nilearn"):
        template_labels()


def test_the_packages_are_not_imported_for_a_head_in_the_cache(cache, monkeypatch):
    head = template(COUNT)
    for name in ("nilearn", "mne"):
        monkeypatch.setitem(sys.modules, name, None)  # To import it is an error.
    assert same(template(COUNT), head)
