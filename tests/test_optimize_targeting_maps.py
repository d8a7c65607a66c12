import json

import nibabel
import numpy as np
import pytest
from cli_examples import TARGET, refused, run
from heads import boxed_coil, five_layers, pose_over, scalp_of_five_layers
from nibabel.freesurfer.io import write_annot
from nibabel.gifti.gifti import GiftiDataArray, GiftiImage

from tmsgrad import efield, meshing, optimize
from tmsgrad.cli.arguments import words as words_of
from tmsgrad.cli.arguments.parser import parser
from tmsgrad.cli.inputs import goals
from tmsgrad.cli.inputs.targets import TargetRequest
from tmsgrad.optimize import targeting


pytestmark = pytest.mark.usefixtures("program_settings")

SIDE, LOW = 4.0, -80.0  # Of voxels, and the first centre. [mm]


def write_map(path, values_at):
    """Write an image whose values are a function of positions in mm."""
    axis = LOW + SIDE * np.arange(41)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    affine = np.diag([SIDE, SIDE, SIDE, 1.0])
    affine[:3, 3] = LOW
    image = nibabel.Nifti1Image(values_at(points).astype(np.float32), affine)
    image.set_sform(affine, code=1)
    nibabel.save(image, path)
    return path


def bump(centre, size=1.0, width=9.0):
    return lambda x: (
        size * np.exp(-np.sum((x - np.asarray(centre)) ** 2, axis=-1) / (2 * width**2))
    )


@pytest.fixture(scope="module")
def blobs(tmp_path_factory):
    """One strong and one weak bump in gray matter, and a negative one."""
    up, side, down = bump([30, -20, 52]), bump([-40, 20, 44], 0.8), bump([0, 50, 40])
    path = tmp_path_factory.mktemp("maps") / "z.nii.gz"
    return write_map(path, lambda x: 5 * up(x) + 4 * side(x) - 3 * down(x))


def test_thresholds_and_clusters_take_what_they_say(blobs):
    found = targeting.read_map(blobs)
    first, second = found.above(2.0).clusters()
    np.testing.assert_allclose(first.centre, [0.030, -0.020, 0.052], atol=3e-4)
    np.testing.assert_allclose(second.centre, [-0.040, 0.020, 0.044], atol=3e-4)
    assert first.values.sum() > second.values.sum()
    np.testing.assert_allclose(found.above(-2.0).centre, [0.0, 0.050, 0.040], atol=3e-4)
    assert found.above(-2.0).values.max() == pytest.approx(3.0, rel=0.05)
    with pytest.raises(ValueError, match=r"no voxel passes the threshold 9.*4\.878"):
        found.above(9.0)
    with pytest.raises(ValueError, match=r"no cluster 3.*has 2"):
        found.above(2.0).cluster(3)


def test_a_map_interpolates_linear_functions_exactly(tmp_path, rng):
    plane = lambda x: 200 + x @ np.array([0.3, -0.2, 0.5])
    found = targeting.read_map(write_map(tmp_path / "plane.nii", plane))
    points = rng.uniform(-70, 70, (50, 3))
    np.testing.assert_allclose(found.at(points * 1e-3), plane(points), rtol=1e-6)
    assert found.at(np.array([[0.2, 0.0, 0.0]])) == 0.0


def test_weights_are_volume_times_map_and_deep_tissue_is_left_out(blobs):
    head, found = five_layers(), targeting.read_map(blobs).above(0.5)
    target = targeting.mapped_region(head, found.at)
    region = target.region
    values = found.at(head.centroids[region.tetrahedra])
    expected = values * head.volumes[region.tetrahedra]
    np.testing.assert_allclose(region.weights, expected / expected.sum())
    assert (head.tags[region.tetrahedra] == 2).all()
    assert target.deep_share == 0
    everywhere = lambda points: np.ones(len(points))
    some = targeting.mapped_region(head, everywhere, tissue="white matter", reach=0.04)
    depth = -scalp_of_five_layers().surface.signed_distance(
        head.centroids[some.region.tetrahedra], 0.06
    )
    assert 0.3 < some.deep_share < 0.6
    assert depth.max() <= 0.04
    with pytest.raises(ValueError, match="more than 5 mm below the scalp"):
        targeting.mapped_region(head, everywhere, reach=5e-3)
    with pytest.raises(ValueError, match="another space, such as MNI"):
        targeting.mapped_region(head, lambda points: np.zeros(len(points)))


def test_a_mask_gives_the_plain_region_and_weights_the_weighted_mean(conductor, rng):
    head = five_layers()
    plain = meshing.ball(head, TARGET, 0.012)
    same = meshing.weighted_region(
        head, plain.tetrahedra, np.full(len(plain.weights), 3)
    )
    np.testing.assert_allclose(same.weights, plain.weights, rtol=1e-14)
    importance = rng.uniform(0.1, 1, len(plain.weights))
    weighted = meshing.weighted_region(head, plain.tetrahedra, importance)
    vectors = rng.normal(size=(len(head.tags), 3))
    of_each = importance * head.volumes[plain.tetrahedra]
    np.testing.assert_allclose(
        weighted.weights @ np.linalg.norm(vectors[plain.tetrahedra], axis=1),
        np.average(np.linalg.norm(vectors[plain.tetrahedra], axis=1), weights=of_each),
    )
    with pytest.raises(ValueError, match="`importance` must be positive"):
        meshing.weighted_region(head, plain.tetrahedra, 0 * importance)


def test_labels_on_a_surface_mark_the_cortex_beneath(tmp_path):
    head = five_layers()
    surface, _ = meshing.gray_matter_surface(head)
    near = np.linalg.norm(surface.vertices - [0.03, -0.02, 0.056], axis=1) < 0.02
    names = [b"unknown", b"DLPFC"]
    table = np.array([[0, 0, 0, 0, 0], [9, 8, 7, 0, 9 + 8 * 256 + 7 * 65536]])
    write_annot(tmp_path / "lh.annot", near.astype(int), table, names, fill_ctab=False)
    labels = targeting.read_surface_map(tmp_path / "lh.annot", "DLPFC")
    np.testing.assert_array_equal(labels, near)
    found = targeting.mapped_region(
        head, targeting.surface_weights(surface, labels, 0.01)
    )
    apart = np.linalg.norm(
        head.centroids[found.region.tetrahedra] - [0.03, -0.02, 0.056], axis=1
    )
    assert apart.max() < 0.03
    image = GiftiImage(darrays=[GiftiDataArray(near.astype(np.float32) * 2.5)])
    image.to_filename(tmp_path / "z.func.gii")
    values = targeting.read_surface_map(tmp_path / "z.func.gii")
    np.testing.assert_allclose(values, 2.5 * near)
    with pytest.raises(ValueError, match="no label 'V1'; known are unknown, DLPFC"):
        targeting.read_surface_map(tmp_path / "lh.annot", "V1")
    with pytest.raises(ValueError, match="name one: unknown, DLPFC"):
        targeting.read_surface_map(tmp_path / "lh.annot")
    with pytest.raises(ValueError, match="belong to different surfaces"):
        targeting.surface_weights(surface, values[1:])


def test_the_objective_of_a_map_is_the_weighted_normal_component(
    case, blobs, conductor
):
    words = ["optimize", case.head, f"--coil={case.coil}", "--out=x"]
    more = [f"--target-map={blobs}", "--map-threshold=2.5", "--cluster=1"]
    options = parser().parse_args([*map(str, words), *more, "--objective=normal"])
    head, scalp, coil = five_layers(), scalp_of_five_layers(), boxed_coil()
    target, wishes = TargetRequest.of(options).find(head), goals.Wishes.of(options)
    region = target.region
    weigh = targeting.read_map(blobs).above(2.5).cluster(1).at
    expected = targeting.mapped_region(head, weigh).region
    np.testing.assert_array_equal(region.weights, expected.weights)
    np.testing.assert_allclose(target.centre, expected.centre)
    goal = goals.make_goal(
        wishes, head, scalp, coil, conductor, region, options.tissue, 0.03
    )
    pose = pose_over(expected.centre, 0.3)
    field = efield.solve(conductor, coil, pose, 1e6)
    outward = meshing.cortical_normals(head, head.centroids[region.tetrahedra])
    inside = np.asarray(field.vectors)[region.tetrahedra]
    direct = region.weights @ np.sum(outward * inside, axis=1)
    mean = goal.objective.reciprocal.mean_field(coil, pose, 1e6)
    assert float(goal.objective.value(mean)) == pytest.approx(direct, rel=1e-8)
    assert goal.value(field) == pytest.approx(direct, rel=1e-12)
    plain = parser().parse_args([*map(str, words), *more])
    assert goals.Wishes.of(plain).words == "mean magnitude"


def test_maps_that_do_not_fit_the_command_are_refused(case, blobs, tmp_path):
    out = tmp_path / "out"
    words = ["optimize", case.head, f"--coil={case.coil}", "--out", out]
    mapped, ball = [*words, f"--target-map={blobs}"], [*words, "--target=30,-20,50"]
    for base, extra, needed in (
        (mapped, ["--target=30,-20,50"], "not allowed with"),
        (mapped, ["--map-threshold=9"], "no voxel passes"),
        (mapped, ["--radius=5"], "has its own extent"),
        (mapped, [f"--avoid-map={blobs}"], "FILE:V/M"),
        (mapped, [f"--surface={case.head}"], "need --surface"),
        (ball, ["--radius=5", "--cluster=1"], "needs --target-map"),
    ):
        refused([*base, *extra], tmp_path, needed)
    assert words_of.avoided_map("C:/z.nii:80") == ("C:/z.nii", 80.0)
    assert words_of.avoided_map("C:/z.nii") == ("C:/z.nii", None)


def test_the_session_of_a_map_gives_the_weighted_mean(case, blobs, tmp_path, undrawn):
    words = case.simulate(tmp_path / "out", order=1)
    result = run(*words, f"--target-map={blobs}", "--map-threshold=2.5", "--cluster=1")
    assert result.status == 0, result.err
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["target"]["map"]["cluster"] == 1
    assert summary["strongest"]["value"] == pytest.approx(
        summary["strongest"]["direct_solve"], rel=1e-6
    )


def test_rules_share_the_weighted_field_of_a_map(blobs, conductor):
    head, scalp, coil = five_layers(), scalp_of_five_layers(), boxed_coil()
    weigh = targeting.read_map(blobs).above(2.5).cluster(1).at
    region = targeting.mapped_region(head, weigh).region
    objective = optimize.NormalComponent(
        optimize.normal_reciprocal(conductor, head, region)
    )
    rules = optimize.clinical_rules(objective, coil, scalp, region.centre, 80.0)
    (rule,) = rules
    field = efield.solve(conductor, coil, rule.pose, 1e6)
    outward = meshing.cortical_normals(head, head.centroids[region.tetrahedra])
    inside = np.asarray(field.vectors)[region.tetrahedra]
    direct = region.weights @ np.sum(outward * inside, axis=1)
    assert (rule.name, rule.value) == ("scalp projection", pytest.approx(direct))
    assert rule.share == pytest.approx(direct / 80.0)
