"""What is added to labels: marrow, a head around a brain, a second image, fiducials."""

import re

import numpy as np
import pytest
from scan_examples import made_head, made_t1, write_image
from scipy import ndimage

from tmsgrad import meshing
from tmsgrad.cli.inputs import segmenting
from tmsgrad.cli.runtime.progress import Progress
from tmsgrad.meshing import LabelImage, Scalp
from tmsgrad.meshing.anatomy import classes, plausible, registering
from tmsgrad.meshing.anatomy.atlas import Atlas
from tmsgrad.meshing.anatomy.doors import around_brain, lacks_head
from tmsgrad.meshing.anatomy.fiducials import find_fiducials
from tmsgrad.meshing.anatomy.grids import Volume, positions
from tmsgrad.meshing.anatomy.installing import Samseg
from tmsgrad.meshing.anatomy.registering import Alignment
from tmsgrad.meshing.anatomy.second_image import align_scans, scalps_apart
from tmsgrad.meshing.anatomy.spongy import split_bone
from tmsgrad.meshing.anatomy.t1 import head_mask, read_scan
from tmsgrad.meshing.landmarks import TEMPLATE_FIDUCIALS
from tmsgrad.meshing.surface import Surface


MARROW = (17.0, 19.5)  # Radii within bone from 14 to 22. [mm]


def ball_of_bone():
    """Labels of a ball, and how far each voxel is from its middle. [mm]"""
    at = np.moveaxis(np.indices((60, 60, 60)), 0, -1) - 29.5
    radius = np.linalg.norm(at, axis=-1)
    labels = np.zeros(radius.shape, np.uint8)
    for tag, limit in ((5, 27), (4, 22), (3, 14), (2, 12), (1, 9)):
        labels[radius < limit] = tag
    return LabelImage(labels, np.eye(4)), radius


def light_of(image, marrow=None, bright=80.0):
    values = np.array([2, 110, 78, 25, 15, 95.0])[image.labels]
    if marrow is not None:
        values[marrow] = bright
    return values + np.random.default_rng(0).normal(size=values.shape)


def test_marrow_becomes_spongy_bone_between_two_shells():
    image, radius = ball_of_bone()
    marrow = (radius > MARROW[0]) & (radius < MARROW[1])
    found, share = split_bone(image, light_of(image, marrow))
    bone, spongy = image.labels == 4, found.labels == 8
    np.testing.assert_array_equal((found.labels == 7) | spongy, bone)
    np.testing.assert_array_equal(found.labels[~bone], image.labels[~bone])
    assert share == pytest.approx(spongy.sum() / bone.sum())
    assert 2 * (spongy & marrow).sum() / (spongy.sum() + marrow.sum()) > 0.9
    away = np.asarray(ndimage.distance_transform_edt(bone))
    assert away[spongy].min() > 1.2  # Compact bone on both sides.
    assert (image.labels == 4).any()  # The image itself is left alone.


@pytest.mark.parametrize(
    ("radii", "bright"),
    [(MARROW, 20.0), ((18.0, 18.3), 80.0), ((14.0, 22.0), 80.0)],
    ids=["dark", "too thin", "all of the bone"],
)
def test_bone_stays_one_tissue_where_brightness_tells_nothing(radii, bright):
    image, radius = ball_of_bone()
    marrow = (image.labels == 4) & (radius > radii[0]) & (radius < radii[1])
    found, share = split_bone(image, light_of(image, marrow, bright))
    assert found is image
    assert share == 0


def test_marrow_below_the_brain_only_is_none():
    """Muscle that was taken for bone, at the temples and in the neck, looks like that."""
    image, radius = ball_of_bone()
    marrow = (radius > MARROW[0]) & (radius < MARROW[1])
    marrow[:, :, 25:] = False
    found, share = split_bone(image, light_of(image, marrow))
    assert found is image
    assert share == 0


def test_without_bone_there_is_no_marrow():
    labels = np.full((9, 9, 9), 1, np.uint8)
    image = LabelImage(labels, np.eye(4))
    assert split_bone(image, labels * 1.0) == (image, 0.0)


def test_a_brain_is_put_into_a_head_on_another_grid():
    head = made_head(4.0)
    fine = made_head(2.0)
    # The other program's brain is 4 mm to the right, and its CSF reaches into the bone.
    affine = fine.affine.copy()
    affine[0, 3] += 4.0
    inner = np.isin(fine.labels, (1, 2, 3))
    csf = np.asarray(ndimage.binary_dilation(inner, iterations=3), bool) & ~inner
    labels = np.where(inner, fine.labels, np.where(csf, 3, 0)).astype(np.uint8)
    brain = LabelImage(labels, affine)
    assert lacks_head(brain)
    assert not lacks_head(head)
    found = around_brain(brain, head)

    np.testing.assert_array_equal(found.affine, head.affine)
    at = positions(head.labels.shape, head.affine).astype(float) - [4.0, 0.0, 0.0]
    index = np.rint((at - fine.affine[:3, 3]) / 2).astype(int)
    within = ((index >= 0) & (index < fine.labels.shape)).all(axis=1)
    moved = np.zeros(len(at), np.uint8)
    moved[within] = labels[tuple(index[within].T)]
    moved = moved.reshape(head.labels.shape)
    there = np.isin(moved, (1, 2))
    np.testing.assert_array_equal(np.isin(found.labels, (1, 2)), there)
    np.testing.assert_array_equal(found.labels[there], moved[there])
    was = np.isin(head.labels, (1, 2, 3))
    assert (found.labels[was & ~there] == 3).all()
    rest = ~was & ~there
    np.testing.assert_array_equal(found.labels[rest], head.labels[rest])


def test_csf_is_expected_near_the_brain_and_in_its_sulci():
    labels = np.zeros((50, 50, 50), np.uint8)
    labels[4:46, 4:46, 4:46] = 5
    labels[8:42, 8:42, 8:42] = 4
    labels[11:39, 11:39, 11:39] = 3
    labels[17:33, 17:33, 17:33] = 1
    labels[24:26, 17:30, 17:33] = 3  # A sulcus.
    atlas = Atlas.of(LabelImage(labels, np.eye(4)), csf=3.0)
    csf, bone = atlas.share(3).values, atlas.share(4).values
    assert csf[25, 25, 25] > 0.4
    assert csf[25, 25, 34] > 0.3
    assert bone[25, 25, 38] > 2 * csf[25, 25, 38]  # It was CSF in the labels.
    np.testing.assert_allclose(
        atlas.shares[:, 2:48, 2:48, 2:48].sum(axis=0).max(), 1, atol=1e-3
    )


@pytest.fixture(scope="module")
def head():
    return made_head(4.0)


def unmoved(image):
    """The template in its own place."""
    shape = image.labels.shape
    places = positions(shape, image.affine).reshape(*shape, 3)
    return Alignment(np.eye(4), image.affine, places, places)


@pytest.fixture
def at_home(monkeypatch, head):
    """Have the made head as the template, which lies over it already."""
    monkeypatch.setattr(segmenting, "template_atlas", lambda: Atlas.of(head, csf=20.0))
    monkeypatch.setattr(
        meshing, "kept_template_labels", lambda: (head.labels, head.affine)
    )
    monkeypatch.setattr(segmenting, "align", lambda *args, **rest: unmoved(head))
    monkeypatch.setattr(classes, "_ROUNDS", 8)
    monkeypatch.setattr(classes, "_FITTED", 20_000)


def test_labels_of_a_brain_take_skull_and_scalp_from_the_t1(tmp_path, head, at_home):
    aseg = np.array([0, 2, 3, 24, 0, 0], np.int16)[head.labels]
    path = write_image(tmp_path / "aseg.nii.gz", aseg, head.affine)
    t1 = write_image(tmp_path / "t1.nii.gz", made_t1(head), head.affine)
    found = segmenting.by_labels(
        str(path), "freesurfer", read_scan(t1), Progress(quiet=True)
    )
    assert found.way == "labels and atlas"
    brain = np.isin(head.labels, (1, 2))
    np.testing.assert_array_equal(found.labels.labels[brain], head.labels[brain])
    assert not np.isin(found.labels.labels[~brain], (1, 2)).any()
    for tag, least in ((4, 0.7), (5, 0.9)):
        a, b = found.labels.labels == tag, head.labels == tag
        assert 2 * (a & b).sum() / (a.sum() + b.sum()) > least, tag


def t2_of(labels):
    light = np.array([2, 60, 85, 160, 12, 70.0])[labels.labels]
    random = np.random.default_rng(1)
    return np.abs(light + 2 * random.normal(size=light.shape)).astype(np.float32)


def test_a_t2_tells_csf_from_bone(tmp_path, head, at_home, monkeypatch):
    """The forehead is thicker than the template's; in the T1 both are dark and alike."""
    thick = np.asarray(ndimage.binary_dilation(head.labels == 4), bool) & (
        head.labels == 3
    )
    thick[:, :40] = False
    own = LabelImage(np.where(thick, 4, head.labels).astype(np.uint8), head.affine)
    alike = LabelImage(np.where(own.labels == 4, 3, own.labels), head.affine)
    t1 = write_image(tmp_path / "t1.nii.gz", made_t1(alike), head.affine)
    t2 = write_image(tmp_path / "t2.nii.gz", t2_of(own), head.affine)
    monkeypatch.setattr(segmenting, "align_scans", lambda one, _, other, __: other)
    scan, second = read_scan(t1), read_scan(t2)
    shares = []
    for other in (None, second):
        found = segmenting.by_atlas(scan, other, Progress(quiet=True)).labels.labels
        shares.append((found[thick] == 4).mean())
    assert shares[0] < 0.3
    assert shares[1] > 0.8


def test_a_channel_that_does_not_count_changes_nothing(head, at_home):
    t1 = Volume(made_t1(head), head.affine)
    t2 = Volume(t2_of(head), head.affine)
    given = head_mask(t1), Atlas.of(head, csf=20.0), unmoved(head)
    alone, _ = classes.classify([t1], *given)
    both, _ = classes.classify([t1, t2], *given)
    without, _ = classes.classify([t1, t2], *given, weights=[1.0, 0.0])
    np.testing.assert_array_equal(without.labels, alone.labels)
    assert (both.labels != alone.labels).any()


def test_a_t2_of_larger_voxels_counts_less(tmp_path, head, at_home, monkeypatch):
    t1 = write_image(tmp_path / "t1.nii.gz", made_t1(head), head.affine)
    thick = np.diag([1.0, 1.0, 2.0, 1.0])
    t2 = write_image(
        tmp_path / "t2.nii.gz", t2_of(head)[:, :, ::2], head.affine @ thick
    )
    monkeypatch.setattr(segmenting, "align_scans", lambda one, _, other, __: other)
    counted = []
    classify = segmenting.classify

    def seen(channels, inside, atlas, alignment, progress, weights):
        counted.append(weights)
        return classify(channels, inside, atlas, alignment, progress, weights)

    monkeypatch.setattr(segmenting, "classify", seen)
    for second in (None, t1, t2):
        other = None if second is None else read_scan(second)
        segmenting.by_atlas(read_scan(t1), other, Progress(quiet=True))
    assert counted == [[1.0], [1.0, 1.0], [1.0, pytest.approx(0.5)]]


@pytest.mark.parametrize(
    ("larger", "told"),
    [(1.0, None), (1.04, r"is 4\.0 mm away .* 1\.5 mm is usual at most")],
)
def test_a_t2_of_another_person_is_warned_of(head, larger, told):
    t1, inside = (
        Volume(made_t1(head), head.affine),
        head_mask(Volume(made_t1(head), head.affine)),
    )
    other = Volume(t2_of(head), np.diag([larger] * 3 + [1.0]) @ head.affine)
    apart = scalps_apart(t1, inside, other, inside)
    found = plausible.check_person("t2.nii.gz", apart)
    assert [bool(re.search(told or "", f.message)) for f in found] == [True] * bool(
        told
    )


def test_a_t2_that_cannot_lie_over_the_t1_is_refused(
    tmp_path, head, at_home, monkeypatch
):
    t1 = write_image(tmp_path / "t1.nii.gz", made_t1(head), head.affine)
    wide = np.diag([1.15, 1.15, 1.15, 1.0]) @ head.affine
    t2 = write_image(tmp_path / "t2.nii.gz", t2_of(head), wide)
    monkeypatch.setattr(segmenting, "align_scans", lambda one, _, other, __: other)
    with pytest.raises(
        ValueError, match=r"t2\.nii\.gz: laid over the T1, its scalp is 1"
    ):
        segmenting.by_atlas(read_scan(t1), read_scan(t2), Progress(quiet=True))


def test_samseg_gets_no_t2_that_would_cut_the_head_off(tmp_path, head, monkeypatch):
    t1 = write_image(tmp_path / "t1.nii.gz", made_t1(head), head.affine)
    t2 = write_image(tmp_path / "t2.nii.gz", t2_of(head)[:, :, :-8], head.affine)
    monkeypatch.setattr(segmenting, "align_scans", lambda one, _, other, __: other)
    monkeypatch.setattr(segmenting.samseg, "memory_lacking", lambda _: None)
    monkeypatch.setattr(segmenting.samseg, "run_samseg", lambda *_: pytest.fail("ran"))
    program = Samseg(tmp_path / "run_samseg")
    with pytest.raises(ValueError, match=r"t2\.nii\.gz covers 9\d% .* take --by atlas"):
        segmenting.by_samseg(
            *(program, read_scan(t1), read_scan(t2), tmp_path, 1, False),
            Progress(quiet=True),
        )


def test_scalps_are_not_compared_where_an_image_holds_hardly_any(head):
    t1 = Volume(made_t1(head), head.affine)
    inside = head_mask(t1)
    slab = Volume(t2_of(head)[:, :, :8], head.affine)
    assert scalps_apart(t1, inside, slab, inside[:, :, :8]) is None
    assert plausible.check_person("t2.nii.gz", None) == []


def test_where_a_t2_does_not_reach_the_t1_counts(tmp_path, head, at_home, monkeypatch):
    t1 = write_image(tmp_path / "t1.nii.gz", made_t1(head), head.affine)
    t2 = write_image(tmp_path / "t2.nii.gz", t2_of(head)[:, :, :28], head.affine)
    monkeypatch.setattr(segmenting, "align_scans", lambda one, _, other, __: other)
    scan, second = read_scan(t1), read_scan(t2)
    found = segmenting.by_atlas(scan, second, Progress(quiet=True))
    (told,) = (f.message for f in found.findings if f.about == "second image")
    assert "the T1 alone counts" in told
    upper = found.labels.labels[:, :, 28:]
    assert (upper == head.labels[:, :, 28:])[upper > 0].mean() > 0.85
    monkeypatch.setattr(
        segmenting, "light_at", lambda *_: Volume(t2_of(head) * np.nan, head.affine)
    )
    with pytest.raises(ValueError, match=r"t2\.nii\.gz: .* covers 0% of the head"):
        segmenting.by_atlas(scan, second, Progress(quiet=True))


def test_a_second_image_is_moved_without_being_deformed(tmp_path, head):
    t1 = write_image(tmp_path / "t1.nii.gz", made_t1(head), head.affine)
    c, s = np.cos(np.radians(5)), np.sin(np.radians(5))
    way = np.array([[c, -s, 0, 3], [s, c, 0, -5], [0, 0, 1, 4], [0, 0, 0, 1.0]])
    t2 = write_image(tmp_path / "t2.nii.gz", t2_of(head), way @ head.affine)
    scan, second = read_scan(t1), read_scan(t2)
    placed = align_scans(scan.volume, scan.inside, second.volume, second.inside)
    back = placed.affine @ np.linalg.inv(way @ head.affine)
    np.testing.assert_allclose(back[:3, :3] @ back[:3, :3].T, np.eye(3), atol=1e-6)
    corners = np.array(
        [[x, y, z, 1] for x in (-70, 70) for y in (-90, 90) for z in (0, 80)]
    )
    miss = np.linalg.norm((corners @ (back @ way - np.eye(4)).T)[:, :3], axis=1)
    assert miss.max() < 2.0  # Half a voxel.


def dented_ball(dent=None, radius=90e-3, depth=5e-3):
    """The scalp of a ball, with a dent of 6 mm in a direction."""
    polar = np.linspace(0, np.pi, 181)[1:-1]
    azimuth = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    p, a = np.meshgrid(polar, azimuth, indexing="ij")
    unit = np.stack([np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), np.cos(p)], -1)
    far = np.full(p.shape, radius)
    if dent is not None:
        away = radius * np.linalg.norm(unit - dent / np.linalg.norm(dent), axis=-1)
        far = far - depth * np.exp(-((away / 6e-3) ** 2))
    index = np.arange(p.size).reshape(p.shape)
    here, there = index[:-1], index[1:]
    beside, across = np.roll(here, -1, axis=1), np.roll(there, -1, axis=1)
    halves = (here, there, across), (here, across, beside)
    triangles = np.concatenate([np.stack(h, -1).reshape(-1, 3) for h in halves])
    surface = Surface((far[..., None] * unit).reshape(-1, 3), triangles)
    return Scalp(surface, np.zeros(3), 1.0, np.zeros((2, 2, 2)))


def turned_template():
    """The template turned by 15°, and no warp."""
    c, s = np.cos(np.radians(15)), np.sin(np.radians(15))
    matrix = np.array([[1, 0, 0, 1], [0, c, -s, 2], [0, s, c, -3], [0, 0, 0, 1.0]])
    grid = np.diag([100.0, 100.0, 100.0, 1.0])
    grid[:3, 3] = -150
    places = positions((4, 4, 4), grid).reshape(4, 4, 4, 3).astype(float)
    inverse = np.linalg.inv(matrix)
    to_mni = places @ inverse[:3, :3].T + inverse[:3, 3]
    return Alignment(matrix, grid, to_mni, places), matrix


def placed(matrix, point):
    return matrix[:3, :3] @ np.array(point) + 1e-3 * matrix[:3, 3]


def test_fiducials_are_the_templates_put_onto_the_scalp():
    alignment, matrix = turned_template()
    found = find_fiducials(dented_ball(), alignment)
    for name, place in vars(TEMPLATE_FIDUCIALS).items():
        moved, point = placed(matrix, place), np.array(getattr(found.points, name))
        assert np.linalg.norm(point) == pytest.approx(90e-3, abs=1e-9)
        along = moved / np.linalg.norm(moved)
        assert np.linalg.norm(point - 90e-3 * along) < 1.6e-3  # Vertices are apart.
        apart = np.linalg.norm(point - moved)
        assert found.shifts[name] == pytest.approx(apart, abs=1e-6)


@pytest.mark.parametrize("above", [-3e-3, 3e-3])
def test_the_nasion_goes_into_the_dent(above):
    alignment, matrix = turned_template()
    template = np.array(TEMPLATE_FIDUCIALS.nasion)
    dent = placed(matrix, template + np.array([0, 0, above]))
    found = find_fiducials(dented_ball(dent), alignment)
    nasion = np.array(found.points.nasion)
    deepest = 85e-3 * dent / np.linalg.norm(dent)
    assert np.linalg.norm(nasion - deepest) < 3e-3


def test_what_an_image_lacks_is_told_from_air():
    """A head of 40 mm, cut obliquely, within a template that is 3 mm larger."""
    shape, affine = (60, 60, 60), np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = -59.0
    at = positions(shape, affine).reshape(*shape, 3)
    radius = np.linalg.norm(at, axis=-1)
    cut = at @ np.array([0.6, 0.0, -0.8]) > 20.0
    ball = radius < 40
    inside = ball & ~cut
    head = Volume((100.0 * inside).astype(np.float32), affine)
    template = Volume((radius < 43).astype(np.float32), affine)
    wide = np.diag([2.0, 2.0, 2.0, 1.0])
    wide[:3, 3] = -69.0
    found = registering._lacking(head, inside, template, (70, 70, 70), wide)
    beyond = np.ones((70, 70, 70), bool)
    beyond[6:64, 6:64, 6:64] = False
    assert found[beyond].all()  # The image does not reach there, or ends there.
    within = found[6:64, 6:64, 6:64]
    inner = (slice(1, -1),) * 3
    at, radius, cut, inside = at[inner], radius[inner], cut[inner], inside[inner]
    assert not within[inside].any()
    assert within[(radius < 43) & cut].all()
    # Air beside the cut may be lost head, air farther away is not.
    more = within & ~cut
    assert (radius[more] > 40).all()
    assert (at[more] @ np.array([0.6, 0.0, -0.8]) > 20.0 - 16.0).all()
    whole = registering._lacking(
        *(Volume(np.where(ball, 100, 0).astype(np.float32), affine), ball),
        *(template, (70, 70, 70), wide),
    )
    np.testing.assert_array_equal(whole, beyond)


def test_a_dent_in_a_ball_is_followed_there_and_back():
    """Of two voxels, in shells about the middle; only what is across them can be seen."""
    middle = 23.5
    at = np.moveaxis(np.indices((48, 48, 48)), 0, -1) - middle
    light = lambda radius: np.interp(radius, [8, 9, 13, 14, 18, 19], [1, 0.3] * 3)
    radius = np.linalg.norm(at, axis=-1)
    beside = np.linalg.norm(at - (16.0, 0, 0), axis=-1)
    deeper = radius + 2.0 * np.exp(-((beside / 8.0) ** 2))
    static, moving = (
        np.where(depth < 19, light(depth), 0).astype(np.float32)
        for depth in (deeper, radius)
    )
    there, back = registering._warp(static, moving, (40, 30, 20))
    seen = np.abs(deeper - 13.5) < 0.5
    assert (deeper - radius)[seen].max() > 1.3
    found = np.linalg.norm(there[seen] - middle, axis=1)
    assert np.abs(found - deeper[seen]).max() < 0.5
    again = [
        ndimage.map_coordinates(back[..., c], there[seen].T, order=1) for c in range(3)
    ]
    away = np.stack(again, axis=1) - (at[seen] + middle)
    assert np.linalg.norm(away, axis=1).max() < 0.05


def turn_by_20(axis):
    c, s = np.cos(np.radians(20)), np.sin(np.radians(20))
    way = np.eye(4)
    i, j = (n for n in range(3) if n != axis)
    way[i, i], way[i, j], way[j, i], way[j, j] = c, -s, s, c
    way[:3, 3] = [6.0, -4.0, 5.0]
    return way


def test_a_head_is_warped_alike_however_it_lies(head, monkeypatch):
    values, atlas = made_t1(head), Atlas.of(head, csf=20.0)
    inside = head_mask(Volume(values, head.affine))
    larger, way = np.diag([1.08, 1.08, 1.08, 1.0]), turn_by_20(0)
    maps = iter([larger, way @ larger])
    monkeypatch.setattr(registering, "affine_registration", lambda *_: next(maps))
    first, second = (
        registering.align(
            *(Volume(values, affine), inside, atlas.picture(), atlas.brain()),
            **{"voxel": 3.1, "rounds": (8, 4)},
        )
        for affine in (head.affine, way @ head.affine)
    )
    mni = 60.0 * np.random.default_rng(3).uniform(-1, 1, (400, 3))
    own, moved = first.head_of(mni), second.head_of(mni)
    warped = np.linalg.norm(own - 1.08 * mni, axis=1)
    assert warped.max() > 2.0
    # Rounding decides on a few voxels at borders.
    np.testing.assert_allclose(moved, own @ way[:3, :3].T + way[:3, 3], atol=0.1)
    np.testing.assert_allclose(second.mni_of(moved), first.mni_of(own), atol=0.1)


@pytest.mark.long
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_turned_and_cut_head_is_found(head, axis):
    """By 20° within its own field of view; what is lost at the corners is black."""
    t1, way = Volume(made_t1(head), head.affine), turn_by_20(axis)
    at = positions(t1.values.shape, head.affine).astype(float)
    back = np.linalg.inv(way)
    values = t1.at(at @ back[:3, :3].T + back[:3, 3]).reshape(t1.values.shape)
    turned = Volume(values, head.affine)
    atlas = Atlas.of(head, csf=20.0)
    found = registering.affine_registration(
        *(turned, head_mask(turned), atlas.picture(), atlas.brain())
    )
    brain = np.argwhere(np.isin(head.labels, (1, 2)))[::97]
    places = np.c_[
        brain @ head.affine[:3, :3].T + head.affine[:3, 3], np.ones(len(brain))
    ]
    miss = np.linalg.norm((places @ (found - way).T)[:, :3], axis=1)
    assert miss.max() < 2.0  # Half a voxel.
