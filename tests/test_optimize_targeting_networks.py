"""A person's own network weighs the search for a functional target."""

import json
from typing import Any

import nibabel
import numpy as np
import pytest
from benchmarks import simulated_bold, simulated_brain
from cli_examples import refused, run
from nibabel.cifti2.cifti2 import Cifti2Image
from nibabel.cifti2.cifti2_axes import BrainModelAxis, LabelAxis, ScalarAxis
from nibabel.gifti.gifti import (
    GiftiDataArray,
    GiftiImage,
    GiftiLabel,
    GiftiLabelTable,
)

from tmsgrad.meshing import Surface, write_surface
from tmsgrad.optimize import targeting


VOXEL = 6.0
pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def person():
    """With a rival that is stronger than the truth."""
    brain = simulated_brain.ellipsoid(VOXEL)
    return simulated_bold.simulate(np.random.default_rng(5), 12, brain, rival=2.0)


@pytest.fixture(scope="module")
def files(person, tmp_path_factory):
    return simulated_bold.write(tmp_path_factory.mktemp("bold"), person)


@pytest.fixture(scope="module")
def cleaned(files):
    series = targeting.read_bold(files["bold"])
    table = targeting.read_confounds(files["confounds"], len(series.signals))
    return targeting.clean(series, table)


@pytest.fixture(scope="module")
def near(person):
    """How far voxels are from the truth, the rival, and 6 mm beside the truth. [mm]"""
    affine = person.image.affine
    points = np.moveaxis(np.indices(person.mask.shape), 0, -1) * VOXEL + affine[:3, 3]
    beside = person.truth + np.array([4.0, -2.0, 4.0])
    places = person.truth, simulated_bold.RIVAL, beside
    return [np.linalg.norm(points - place, axis=-1) for place in places]


def words(files, out, **changes):
    named = {"bold": files["bold"], "confounds": files["confounds"]}
    named |= {"seed-map": files["group"], "draws": 50} | changes
    options = [f"--{name}={value}" for name, value in named.items()]
    return ["target", "functional", *options, "--out", out]


def save(values, person, path):
    image = nibabel.Nifti1Image(values.astype(np.float32), person.image.affine)
    image.set_sform(image.affine, code=4)
    nibabel.save(image, path)
    return path


def values_of(path):
    image: Any = nibabel.load(path)
    return image.get_fdata()


def target_of(out):
    return json.loads((out / "target.json").read_text())


@pytest.mark.long
def test_the_network_moves_the_target_from_a_stronger_rival_to_its_own_patch(
    person, files, near, tmp_path
):
    # It errs by 6 mm, is wide, and denies no place altogether.
    probable = 0.2 + 0.8 * np.exp(-(near[2] ** 2) / (2 * 12.0**2))
    prior = save(probable, person, tmp_path / "p.nii.gz")
    plain = run(*words(files, tmp_path / "plain"))
    weighed = run(*words(files, tmp_path / "own", network=prior))
    assert plain.status == weighed.status == 0, weighed.err
    without, found = target_of(tmp_path / "plain"), target_of(tmp_path / "own")
    off = lambda each, place: np.linalg.norm(np.array(each["centre_mm"]) - place)
    assert off(without, simulated_bold.RIVAL) < VOXEL
    assert off(found, person.truth) < VOXEL
    assert off(found, person.truth) <= found["interval_95_radius_mm"]
    assert found["found_share"] > 0.8
    assert without["network"] is None
    own = found["network"]
    assert own["file"] == str(prior)
    np.testing.assert_allclose(own["without_mm"], without["centre_mm"], rtol=1e-12)
    assert own["moved_mm"] == pytest.approx(off(found, own["without_mm"]))
    assert own["mean_in_target"] > own["mean_in_region"]
    assert "network          p.nii.gz weighs the search" in weighed.out
    # The z of the answer is the series' own, not the weighed one.
    maps = [
        values_of(tmp_path / name / "connectivity.nii.gz") for name in ("plain", "own")
    ]
    np.testing.assert_array_equal(*maps)


def test_a_label_keeps_the_target_within_its_voxels(person, files, near, tmp_path):
    labels = np.where(near[0] < 15, 7, np.where(near[1] < 15, 3, 0))
    atlas = save(labels, person, tmp_path / "atlas.nii.gz")
    for label, place in ((7, person.truth), (3, simulated_bold.RIVAL)):
        out = tmp_path / str(label)
        result = run(*words(files, out, network=atlas, **{"network-label": label}))
        assert result.status == 0, result.err
        found = target_of(out)
        assert np.linalg.norm(np.array(found["centre_mm"]) - place) < VOXEL
        assert found["network"]["label"] == str(label)
        target = values_of(out / "target.nii.gz") > 0
        assert set(np.unique(values_of(atlas)[target])) == {label}


def test_the_same_probability_everywhere_changes_nothing(cleaned):
    region = targeting.SEARCH_REGIONS["left-dlpfc"].inside(cleaned.series.positions)
    grid = targeting.search_grid(cleaned, region)
    seed = targeting.SEEDS["sgACC"].inside(cleaned.series.positions).astype(float)
    course = targeting.seed_course(cleaned, seed)
    z = targeting.connectivity(cleaned, course)
    flat = np.full(len(z), 0.5)
    plain, weighed = (
        targeting.find_target(z, grid, network=network) for network in (None, flat)
    )
    np.testing.assert_array_equal(weighed.cluster, plain.cluster)
    np.testing.assert_array_equal(weighed.weights, plain.weights / 4)
    np.testing.assert_allclose(weighed.centre, plain.centre, rtol=1e-12)
    assert weighed.mean_z == plain.mean_z
    trust = [
        targeting.reliability(cleaned, course, plain, grid, draws=20, network=network)
        for network in (None, flat)
    ]
    assert trust[1].radius == pytest.approx(trust[0].radius, rel=1e-12)
    with pytest.raises(ValueError, match="nothing of the network lies in the search"):
        targeting.find_target(z, grid, network=0 * flat)
    with pytest.raises(ValueError, match="region and in the network is anticorr"):
        targeting.find_target(np.abs(z) + 0.01, grid, network=flat)


@pytest.fixture
def sheet(cleaned, tmp_path):
    """A left surface with a vertex in the middle of each voxel, and a network on it."""
    places = cleaned.series.positions
    here = places[:, 0] < 0
    count = np.count_nonzero(here)
    corners = np.arange(count - count % 3, dtype=np.int32).reshape(-1, 3)
    surface = tmp_path / "sub-01_hemi-L_midthickness.surf.gii"
    write_surface(surface, Surface(places[here], corners))
    inside = (np.arange(count) % 3 == 0).astype(np.int32)
    expected = np.zeros(len(places))
    expected[here] = inside
    # The nearest vertex of what lies in the middle is a left one 6 mm away: too far.
    return surface, inside, expected


def test_networks_on_surfaces_are_those_of_their_vertices(cleaned, sheet, tmp_path):
    surface, inside, expected = sheet
    part = BrainModelAxis.from_surface(
        np.arange(len(inside)), len(inside), "CIFTI_STRUCTURE_CORTEX_LEFT"
    )
    table = {0: ("???", (1, 1, 1, 0)), 4: ("Salience", (1, 0, 0, 1))}
    cifti = tmp_path / "own.dlabel.nii"
    nibabel.save(
        Cifti2Image(4 * inside[None], (LabelAxis(["networks"], [table]), part)), cifti
    )
    scalar = tmp_path / "own.dscalar.nii"
    row = 0.75 * inside[None].astype(np.float32)
    nibabel.save(Cifti2Image(row, (ScalarAxis(["salience"]), part)), scalar)
    names = GiftiLabelTable()
    for key, word in ((0, "???"), (4, "Salience")):
        label = GiftiLabel(key)
        label.label = word  # pyright: ignore[reportAttributeAccessIssue]
        names.labels.append(label)
    array = GiftiDataArray(4 * inside, intent="NIFTI_INTENT_LABEL", datatype="int32")
    gifti = tmp_path / "sub-01_hemi-L.label.gii"
    nibabel.save(GiftiImage(darrays=[array], labeltable=names), gifti)
    series = cleaned.series
    for file, label, scale in (
        (cifti, "Salience", 1.0),
        (gifti, "Salience", 1.0),
        (scalar, None, 0.75),
    ):
        assert targeting.is_network_on_surface(file)
        found = targeting.read_network(file, label, [surface]).within(series)
        np.testing.assert_allclose(found, scale * expected, rtol=1e-6)
    two = tmp_path / "two.dscalar.nii"
    axes = ScalarAxis(["one", "two"]), part
    nibabel.save(Cifti2Image(np.concatenate([row, row]), axes), two)
    other = tmp_path / "sub-01_hemi-R_midthickness.surf.gii"
    write_surface(other, Surface(np.eye(3), np.array([[0, 1, 2]], np.int32)))
    short = tmp_path / "sub-02_hemi-L_midthickness.surf.gii"
    write_surface(short, Surface(np.eye(3), np.array([[0, 1, 2]], np.int32)))
    broken = tmp_path / "broken.dlabel.nii"
    broken.write_bytes(b"nothing")
    for file, label, given, message in (
        (cifti, None, surface, r"name one network: \?\?\?, Salience"),
        (cifti, "Visual", surface, "no label 'Visual'; known are"),
        (gifti, "Visual", surface, "no label 'Visual'; known are"),
        (two, None, surface, "it has 2 maps"),
        (cifti, "Salience", other, "no cortex of the surfaces"),
        (gifti, "Salience", other, "a surface of the left hemisphere is needed"),
        (cifti, "Salience", short, "belong to different surfaces"),
        (gifti, "Salience", short, "belong to different surfaces"),
        (broken, "Salience", surface, "no CIFTI parcellation"),
    ):
        with pytest.raises(ValueError, match=message):
            targeting.read_network(file, label, [given])


def test_networks_that_will_not_do_are_refused(person, files, near, sheet, tmp_path):
    labels = save(np.where(near[0] < 15, 7, 2), person, tmp_path / "labels.nii.gz")
    percent = save(100 * (near[0] < 15) - 0.5, person, tmp_path / "percent.nii.gz")
    far = np.zeros(near[0].shape)
    far[tuple(n // 2 for n in far.shape)] = 1
    elsewhere = save(far, person, tmp_path / "elsewhere.nii.gz")
    on_surface = tmp_path / "sub-01_hemi-L.label.gii"
    on_surface.write_bytes(b"")
    for changes, needed in (
        ({"network": labels}, "whole numbers up to 7, 2 of them, as of a parcellation"),
        ({"network": percent}, "lie between 0 and 1, and these from -0.5 to 99.5"),
        ({"network": labels, "network-label": 5}, "no voxel has the label 5"),
        ({"network": labels, "network-label": "Salience"}, "names are of surfaces"),
        ({"network-label": 7}, "--network-label needs --network"),
        ({"network": elsewhere}, "nothing of the network lies in the search region"),
        ({"network": tmp_path / "none.nii.gz"}, "none.nii.gz: file not found"),
        ({"network": on_surface}, "its values are on a surface; give that by"),
    ):
        refused(words(files, tmp_path / "out", **changes), tmp_path, needed)
    series = targeting.read_bold(files["bold"])
    far_away = np.eye(4)
    far_away[:3, 3] = 500.0
    outside = nibabel.Nifti1Image(np.ones((2, 2, 2), np.float32), far_away)
    nibabel.save(outside, tmp_path / "outside.nii.gz")
    network = targeting.read_network(tmp_path / "outside.nii.gz")
    with pytest.raises(ValueError, match="they are in different spaces"):
        network.within(series)
