import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import ndimage

from tmsgrad.meshing import LabelImage
from tmsgrad.meshing.anatomy.cleaning import CleanRules, clean_labels
from tmsgrad.meshing.anatomy.shells import cavities, closed, grown, parts_of


EVERY = np.ones((3, 3, 3), bool)


def affine_of(voxel, turned=False):
    matrix = np.diag([*voxel, 1.0])
    if turned:  # The second axis points up.
        matrix[:3, :3] = matrix[[0, 2, 1], :3]
    return matrix


def onion(shape=(26, 28, 30), noise=0.0, seed=0, radii=(5, 7, 8, 9.5, 11)):
    """A head of five balls, whose layers are noisy and thinner than they should be."""
    random = np.random.default_rng(seed)
    at = np.stack(np.indices(shape), axis=-1) - (np.array(shape) - 1) / 2
    rough = ndimage.gaussian_filter(random.normal(size=shape), 1.2)
    radius = np.linalg.norm(at, axis=-1) + noise * rough / rough.std()
    labels = np.zeros(shape, np.uint8)
    for tag, limit in reversed(list(zip((1, 2, 3, 4, 5), radii, strict=True))):
        labels[radius < limit] = tag
    return labels


def distance(where, voxel):
    return np.asarray(ndimage.distance_transform_edt(~where, voxel))


def number_of_parts(where):
    return parts_of(where)[0].max()


def check_invariants(labels, voxel, rules, below):
    brain, inner = np.isin(labels, (1, 2)), np.isin(labels, (1, 2, 3))
    skull = np.isin(labels, (1, 2, 3, 4, 7, 8))
    around = np.asarray(ndimage.binary_dilation(brain, EVERY), bool) & ~brain & ~below
    assert (labels[around] == 3).all()
    assert number_of_parts(brain) == 1
    assert not cavities(inner).any()
    beside = np.asarray(ndimage.binary_dilation(inner, EVERY), bool) & ~below
    assert skull[beside].all()
    assert skull[(distance(inner, voxel) <= 1e3 * rules.skull) & ~below].all()
    outside = (labels == 0) & ~cavities(labels > 0) & ~below
    assert (distance(skull, voxel)[outside] > 1e3 * rules.scalp).all()
    _, sizes = parts_of(cavities(labels > 0))
    sizes = sizes[1:] * np.prod(voxel) * 1e-9
    assert (sizes >= rules.cavity).all()
    assert number_of_parts(labels > 0) == 1


@settings(max_examples=15, deadline=None)
@given(
    noise=st.floats(0, 3),
    seed=st.integers(0, 2**20),
    voxel=st.sampled_from([(1.0, 1.0, 1.0), (1.0, 0.8, 1.3), (2.0, 2.0, 2.0)]),
    specks=st.floats(0, 0.02),
    turned=st.booleans(),
)
def test_layers_are_closed_whatever_the_labels_were(noise, seed, voxel, specks, turned):
    labels = onion(noise=noise, seed=seed)
    random = np.random.default_rng(seed)
    at = random.random(labels.shape) < specks
    labels[at] = random.integers(0, 11, at.sum())
    affine, rules = affine_of(voxel, turned), CleanRules(cavity=50e-9)
    image = LabelImage(labels, affine)
    found, told = clean_labels(image, rules)

    height = np.indices(labels.shape)[1 if turned else 2]
    below = height < height[labels > 0].min()
    assert told.settled
    check_invariants(found.labels, np.array(voxel), rules, below)
    assert not found.labels[below].any()
    brain = np.isin(labels, (1, 2))
    lost = (brain & ~np.isin(found.labels, (1, 2))).sum()
    assert told.brain_share == pytest.approx(lost / brain.sum())
    again, nothing = clean_labels(found, rules)
    np.testing.assert_array_equal(again.labels, found.labels)
    assert not any(nothing.changes.values())


def test_a_good_head_is_left_as_it_is():
    labels = onion((40, 40, 40), radii=(8, 11, 13, 16, 19))
    found, told = clean_labels(LabelImage(labels, np.eye(4)))
    np.testing.assert_array_equal(found.labels, labels)
    assert str(told) == "nothing to change"


def test_each_volume_is_told():
    labels = onion((40, 40, 40), radii=(8, 11, 13, 16, 19))
    labels[30:, 18:22, 18:22] = 0  # A hole down to the bone.
    hole = (onion((40, 40, 40), radii=(8, 11, 13, 16, 19)) != labels).sum()
    found, told = clean_labels(LabelImage(labels, np.eye(4)), CleanRules(gaps=0.0))
    covered = told.changes["of scalp added over bone"] * 1e9
    assert 0 < covered <= hole
    changed = (found.labels != labels).sum()
    assert sum(told.changes.values()) * 1e9 == pytest.approx(changed)
    assert f"{covered * 1e-3:.3g} cm³ of scalp added over bone" in str(told)


def test_sinuses_stay_air_and_small_cavities_do_not():
    labels = onion((60, 60, 60), radii=(12, 14, 16, 24, 28))
    labels[48:52, 28:32, 28:32] = 0  # 64 mm³ in the bone.
    labels[8:11, 25:35, 25:35] = 0  # 300 mm³.
    found, told = clean_labels(LabelImage(labels, np.eye(4)), CleanRules(cavity=2e-7))
    assert not found.labels[8:11, 25:35, 25:35].any()
    assert found.labels[48:52, 28:32, 28:32].all()
    assert told.air == pytest.approx(300e-9)
    assert "left as holes" in str(told)


def test_eyes_are_two_pieces_at_most():
    labels = onion((60, 60, 60), radii=(12, 14, 16, 19, 28))
    for n, x in enumerate((14, 30, 46)):
        labels[x - 3 : x + 3, 48 : 52 + n, 28:32] = 6
    found, _ = clean_labels(LabelImage(labels, np.eye(4)), CleanRules(eye=5e-8))
    assert number_of_parts(found.labels == 6) == 2
    assert (found.labels[11:17, 48:52, 28:32] == 5).all()


def test_without_brain_there_is_nothing_to_clean():
    with pytest.raises(ValueError, match="neither white nor gray"):
        clean_labels(LabelImage(np.full((4, 4, 4), 5, np.uint8), np.eye(4)))


def test_rules_are_lengths():
    with pytest.raises(ValueError, match="`skull` is -1"):
        CleanRules(skull=-1.0)


def test_growing_reaches_as_far_as_distances_say():
    random = np.random.default_rng(3)
    where = random.random((12, 13, 14)) < 0.02
    voxel = np.array([1.0, 0.7, 1.4])
    for radius in (0.0, 1.0, 2.2, 3.7):
        expected = distance(where, voxel) <= radius + 1e-9
        np.testing.assert_array_equal(grown(where, radius, voxel), expected)


def test_closing_fills_slits_and_keeps_what_is_there():
    where = np.zeros((20, 20, 20), bool)
    where[4:16, 4:16, 4:16] = True
    where[9:11, 4:10, 4:16] = False
    found = closed(where, 2.0, np.ones(3))
    assert (found >= where).all()
    assert found[9:11, 6:10, 6:14].all()
    assert found.sum() <= 12**3
