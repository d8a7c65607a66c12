import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tensor_examples import WATER, along, components_of, random_tensors

from tmsgrad import coils, efield
from tmsgrad.coils import MagneticDipoles, Pose
from tmsgrad.efield.anisotropy import Anisotropy, anisotropic
from tmsgrad.meshing import HeadMesh, read_npz
from tmsgrad.meshing.images.tensor_files import read_tensors
from tmsgrad.meshing.images.tensors import FSL_TENSORS, TensorFrame, TensorImage
from tmsgrad.validation.catalogue import figure_of_eight


VN, DIR, MC = Anisotropy("vn"), Anisotropy("dir"), Anisotropy("mc")
WHITE, GRAY = 0.126, 0.275  # [S/m]

CUBES = 6
SIDE = 0.06  # [m]
# Covers the block of 60 mm with voxels of 5 mm, and some more.
AFFINE = np.diag([-5.0, 5, 5, 1])
AFFINE[:3, 3] = [42.0, -42.0, -42.0]
SHAPE = (18, 18, 18)


def block() -> HeadMesh:
    """A cube of tetrahedra: white matter, gray matter and fluid in three layers."""
    corners = np.moveaxis(np.indices((CUBES + 1,) * 3), 0, -1).reshape(-1, 3)
    index = np.arange((CUBES + 1) ** 3).reshape((CUBES + 1,) * 3)
    elements = []
    for order, sign in [
        ((0, 1, 2), 1), ((1, 2, 0), 1), ((2, 0, 1), 1),
        ((0, 2, 1), -1), ((2, 1, 0), -1), ((1, 0, 2), -1),
    ]:  # fmt: skip
        steps = np.cumsum(np.vstack([np.zeros(3), np.eye(3)[list(order)]]), axis=0)
        four = [
            index[i : i + CUBES, j : j + CUBES, k : k + CUBES].ravel()
            for i, j, k in steps.astype(int)
        ]
        elements.append(np.stack(four if sign > 0 else four[:2] + four[:1:-1], axis=1))
    tetrahedra = np.concatenate(elements)
    nodes = SIDE * (corners / CUBES - 0.5)
    height = nodes[tetrahedra].mean(axis=1)[:, 2]
    return HeadMesh(nodes, tetrahedra, 1 + np.digitize(height, [-0.01, 0.01]))


def coil_above() -> tuple[MagneticDipoles, Pose]:
    positions = np.array([[0.01, 0.0, 0], [-0.01, 0.003, 0]])
    moments = np.array([[0.0, 0, 0.1], [0, 0.02, -0.1]])
    over = Pose(np.diag([1.0, -1, -1]), np.array([0.0, 0.005, 0.045]))
    return MagneticDipoles(positions, moments), over


def image_of(tensors, **changed) -> TensorImage:
    """An image in the space of the block; the same tensor everywhere, or one a voxel."""
    return TensorImage(
        np.array(np.broadcast_to(components_of(tensors), (*SHAPE, 6))),
        AFFINE,
        **changed,
    )


def diagonal(*values) -> TensorImage:
    return image_of(np.diag(values))


def relative(actual, expected) -> float:
    return float(np.linalg.norm(actual - expected) / np.linalg.norm(expected))


def check_against_simnibs(kind, conductor, head, image, coil, reference):
    """Conductivities and field of the first pose, at the sampled tetrahedra."""
    conductivity, report = anisotropic(head, image, kind)
    sampled = reference["tet_index"]
    expected = reference[f"cond_{kind.value}"].reshape(-1, 3, 3)
    brain = np.isin(head.tags[sampled], [1, 2])
    actual = np.asarray(conductivity)[sampled]
    assert relative(actual[brain], expected[brain]) < 1e-14
    assert relative(actual, expected) < 1e-14
    assert report.coverage["white matter"] > 0.99
    field = efield.solve(
        conductor.with_conductivity(conductivity),
        coil,
        Pose.from_matsimnibs(reference["matsimnibs"][0]),
        reference["didt"].item(),
    )
    assert relative(field.vectors[sampled], reference[f"E_{kind.value}"]) < 1e-11


@pytest.fixture(scope="module")
def template(references):
    head = read_npz(references / "template_mesh.npz")
    return (
        efield.assemble(head, efield.isotropic(head)),
        head,
        read_tensors(references / "template_tensor_synthetic.nii.gz", FSL_TENSORS),
        figure_of_eight(),
        np.load(references / "template_simnibs45.npz"),
    )


@pytest.fixture(scope="module")
def new_york(test_data):
    head = read_npz(test_data / "heads" / "mesh_nyhead_500k.npz")
    return (
        efield.assemble(head, efield.isotropic(head)),
        head,
        read_tensors(test_data / "heads" / "nyhead_tensor_synthetic.nii.gz"),
        coils.read(test_data / "coils" / "MagVenture_Cool-B65.ccd"),
        np.load(test_data / "simnibs_reference" / "nyhead_simnibs45.npz"),
    )


@pytest.mark.parametrize("kind", list(Anisotropy), ids=lambda kind: kind.value)
def test_template_head_agrees_with_simnibs(template, kind):
    check_against_simnibs(kind, *template)


@pytest.mark.long
@pytest.mark.parametrize("kind", list(Anisotropy), ids=lambda kind: kind.value)
def test_new_york_head_agrees_with_simnibs(new_york, kind):
    check_against_simnibs(kind, *new_york)


@pytest.mark.parametrize("frame", list(TensorFrame), ids=lambda frame: frame.name)
@pytest.mark.parametrize("kind", list(Anisotropy), ids=lambda kind: kind.value)
def test_rotating_head_tensors_and_coil_together_changes_nothing(rng, kind, frame):
    head, (coil, pose) = block(), coil_above()
    components = components_of(random_tensors(rng, SHAPE))
    angle = jnp.array([0.4, -0.7, 1.1])
    turn = np.asarray(coils.rotation_from_vector(angle))
    turned_affine = AFFINE.copy()
    turned_affine[:3] = turn @ AFFINE[:3]
    image = TensorImage(components, AFFINE, frame)
    turned_image = TensorImage(components, turned_affine, frame)
    if frame is TensorFrame.WORLD:
        turned_image = turned_image.turned(turn)
    turned_head = HeadMesh(head.nodes @ turn.T, head.tetrahedra, head.tags)
    turned_pose = Pose(turn @ pose.rotation, turn @ pose.translation)
    conductivity, report = anisotropic(head, image, kind)
    turned_conductivity, turned_report = anisotropic(turned_head, turned_image, kind)
    expected = turn @ np.asarray(conductivity) @ turn.T
    assert relative(turned_conductivity, expected) < 1e-12
    assert turned_report.at_ratio == pytest.approx(report.at_ratio, abs=1e-12)
    field = efield.solve(efield.assemble(head, conductivity), coil, pose)
    turned = efield.solve(
        efield.assemble(turned_head, turned_conductivity), coil, turned_pose
    )
    assert relative(turned.vectors, field.vectors @ turn.T) < 1e-10


def test_isotropic_diffusion_gives_the_scalar_conductivity(rng):
    head, (coil, pose) = block(), coil_above()
    size = WATER * rng.uniform(0.5, 2, SHAPE)
    conductivity, report = anisotropic(
        head, image_of(size[..., None, None] * np.eye(3)), VN
    )
    scalar = np.asarray(efield.isotropic(head))
    expected = scalar[:, None, None] * np.eye(3)
    np.testing.assert_allclose(conductivity, expected, rtol=0, atol=1e-15)
    assert report.fractional_anisotropy["white matter"] < 1e-7
    field = efield.solve(efield.assemble(head, conductivity), coil, pose)
    of_scalar = efield.solve(efield.assemble(head, efield.isotropic(head)), coil, pose)
    assert relative(field.vectors, of_scalar.vectors) < 1e-12


@pytest.mark.parametrize("kind", [DIR, MC])
def test_one_isotropic_tissue_is_scaled_to_its_conductivity(kind):
    head = block()
    conductivity, report = anisotropic(
        head,
        image_of(WATER * np.eye(3)),
        kind,
        tissues=["wm"],
        conductivities={"wm": 0.2},
    )
    expected = np.asarray(efield.isotropic(head, {"wm": 0.2}))[:, None, None] * np.eye(
        3
    )
    np.testing.assert_allclose(conductivity, expected, rtol=0, atol=1e-15)
    assert report.scale == pytest.approx(0.2 / (1e-6 * WATER), rel=1e-12)
    assert list(report.coverage) == ["white matter"]


def test_direct_scale_is_the_least_squares_one():
    # Diffusivity 1 and 3 in the lower and the upper half: white and gray matter.
    size = np.where(np.arange(SHAPE[2]) < 7, 1.0, 3.0)[:, None, None] * WATER
    conductivity, report = anisotropic(block(), image_of(size * np.eye(3)), DIR)
    ratio = (1 * WHITE + 3 * GRAY) / (1 + 9)
    # The step between them lies within an element's layer, so that it is not sharp.
    assert report.scale == pytest.approx(ratio / (1e-6 * WATER), rel=0.1)
    assert report.scale is not None
    white = block().centroids[:, 2] < -0.013
    np.testing.assert_allclose(
        np.asarray(conductivity)[white],
        np.broadcast_to(
            report.scale * 1e-6 * WATER * np.eye(3), (int(white.sum()), 3, 3)
        ),
        rtol=0,
        atol=1e-14,
    )


@pytest.mark.parametrize(
    ("diffusivity", "expected", "shares"),
    [
        # Geometric mean 1: nothing but the factor.
        ((1.5, 1.0, 1 / 1.5), (1.5, 1.0, 1 / 1.5), (0, 0)),
        # /2: 8, .5, .25; clipped: 2, .5, .25, of mean 4^-1/3; / that, and clipped again.
        ((16, 1, 0.5), (2.0, 0.5 * 4 ** (1 / 3), 0.25 * 4 ** (1 / 3)), (1, 0)),
        # Clipped and raised: 2, .2, .2, of mean .08^1/3; 4.6, .46, .46; clipped.
        ((1e4, 1, 1), (2.0, 0.2 / 0.08 ** (1 / 3), 0.2 / 0.08 ** (1 / 3)), (1, 1)),
        # An eigenvalue of zero, and one below it: the limits of a small one.
        ((1, 1, 0), (2.0, 2.0, 0.2 / 0.8 ** (1 / 3)), (1, 1)),
        ((1, 0, 0), (2.0, 0.2 / 0.08 ** (1 / 3), 0.2 / 0.08 ** (1 / 3)), (1, 1)),
    ],
)
def test_volume_normalisation_and_its_limits(diffusivity, expected, shares):
    image = diagonal(*(WATER * np.array(diffusivity)))
    conductivity, report = anisotropic(block(), image, VN, tissues=["wm"])
    white = np.asarray(conductivity)[block().tags == 1]
    by_hand = WHITE * np.diag(expected)
    np.testing.assert_allclose(
        white, np.broadcast_to(by_hand, white.shape), rtol=0, atol=1e-14
    )
    assert (report.at_maximum, report.at_ratio) == pytest.approx(shares, abs=1e-12)
    assert report.not_positive == pytest.approx(float(0 in diffusivity), abs=1e-12)


def test_limits_of_direct_and_mean_conductivity():
    image = diagonal(WATER, WATER / 4, WATER / 50)
    # Raised to ratio 5: 1, 1/4, 1/5, of product 1/20; scaled to that of white matter.
    scaled = WHITE * np.cbrt(20) * np.array([1, 1 / 4, 1 / 5])
    for limit, expected, at_maximum in (
        (2.0, scaled, 0.0),
        (0.3, np.array([0.3, *scaled[1:]]), 1.0),
        (0.05, np.array([0.05, 0.05, 0.05]), 1.0),
    ):
        limits = {"max_ratio": 5.0, "max_conductivity": limit, "tissues": [1]}
        direct, report = anisotropic(block(), image, DIR, **limits)
        np.testing.assert_allclose(direct[0], np.diag(expected), rtol=0, atol=1e-14)
        assert report.at_maximum == pytest.approx(at_maximum, abs=1e-12)
        assert report.at_ratio == pytest.approx(1.0, rel=1e-12)
        mean, _ = anisotropic(block(), image, MC, **limits)
        by_hand = np.cbrt(np.prod(expected)) * np.eye(3)
        np.testing.assert_allclose(mean[0], by_hand, rtol=0, atol=1e-14)


def test_nearly_isotropic_tensors_keep_their_shape_in_mc():
    image = diagonal(WATER, WATER, WATER / 1.005)
    mean, _ = anisotropic(block(), image, MC)
    direct, _ = anisotropic(block(), image, DIR)
    np.testing.assert_array_equal(mean, direct)


@pytest.mark.parametrize("kind", list(Anisotropy), ids=lambda kind: kind.value)
def test_elements_without_a_tensor_are_isotropic_and_counted(rng, kind):
    head = block()
    tensors = random_tensors(rng, SHAPE)
    tensors[:9] = np.nan  # Half of the block, that of positive x.
    conductivity, report = anisotropic(
        head, image_of(tensors), kind, minimum_coverage=0.3
    )
    scalar = np.asarray(efield.isotropic(head))
    # Beyond the last voxel with a tensor by one voxel, there is nothing to interpolate.
    without = (head.centroids[:, 0] > 2e-3) | (head.tags == 3)
    np.testing.assert_allclose(
        np.asarray(conductivity)[without],
        scalar[without][:, None, None] * np.eye(3),
        rtol=0,
        atol=1e-15,
    )
    with_tensor = ~without & (head.centroids[:, 0] < -3e-3)
    off_diagonal = np.abs(np.asarray(conductivity)[with_tensor][:, 0, 1])
    assert (off_diagonal.min() > 1e-7) == (kind is not MC)
    inside = head.tags == 1
    there = head.volumes[inside & ~without].sum() / head.volumes[inside].sum()
    assert report.coverage["white matter"] == pytest.approx(there, abs=1e-12)
    assert 0.4 < there < 0.6


def test_no_tensor_at_all_is_scalar_where_that_is_allowed(rng):
    far = AFFINE.copy()
    far[:3, 3] += 500.0
    image = TensorImage(components_of(random_tensors(rng, SHAPE)), far)
    for kind in Anisotropy:
        conductivity, report = anisotropic(block(), image, kind, minimum_coverage=0.0)
        scalar = np.asarray(efield.isotropic(block()))
        expected = scalar[:, None, None] * np.eye(3)
        np.testing.assert_allclose(conductivity, expected, rtol=0, atol=1e-15)
        assert report.coverage == {"white matter": 0.0, "gray matter": 0.0}
        assert "white matter: 0.0% of the volume has a tensor" in str(report)


def test_units_do_not_matter(rng):
    tensors = random_tensors(rng, SHAPE)
    for kind in Anisotropy:
        first, _ = anisotropic(block(), image_of(tensors), kind)
        other, _ = anisotropic(block(), image_of(1e3 * tensors, unit=1e-9), kind)
        np.testing.assert_allclose(first, other, rtol=0, atol=1e-13)


def test_report_says_what_became_of_the_image():
    direction = np.array([0.6, 0.0, 0.8])
    _, report = anisotropic(block(), image_of(along(direction)), VN)
    # Eigenvalues 17, 3, 3: fractional anisotropy is (17 - 3) / sqrt(17² + 2 · 3²).
    expected = 14 / np.sqrt(307)
    assert report.fractional_anisotropy["gray matter"] == pytest.approx(expected)
    text = str(report)
    assert "type vn" in text
    assert "white matter: 100.0% of the volume has a tensor" in text
    assert f"mean fractional anisotropy {expected:.2f}" in text
    assert "100.0% clipped at the largest conductivity" in text


@pytest.mark.parametrize("swapped", [False, True])
def test_white_matter_that_is_less_anisotropic_is_doubted(swapped):
    lower = (np.arange(SHAPE[2]) < 7)[:, None, None]
    fibres, fluid = along(np.array([0.0, 0.6, 0.8])), WATER * np.eye(3)
    tensors = np.where(lower != swapped, fibres, fluid)
    _, report = anisotropic(block(), image_of(tensors))
    assert report.doubtful == swapped
    assert ("check that the image is registered" in str(report)) == swapped


def test_the_field_is_differentiable_in_the_tensors(rng):
    head, (coil, pose) = block(), coil_above()
    tensors, _ = anisotropic(head, image_of(random_tensors(rng, SHAPE)))
    conductor = efield.assemble(head, tensors)

    def energy(share):
        isotropic = (
            jnp.trace(tensors, axis1=1, axis2=2)[:, None, None] / 3 * jnp.eye(3)[None]
        )
        mixed = share * tensors + (1 - share) * isotropic
        field = efield.solve(conductor.with_conductivity(mixed), coil, pose)
        return jnp.sum(field.vectors**2)

    slope = (energy(1 + 1e-4) - energy(1 - 1e-4)) / 2e-4
    assert float(jax.grad(energy)(1.0)) == pytest.approx(float(slope), rel=1e-6)


def test_an_image_in_another_space_is_refused(rng):
    shifted = AFFINE.copy()
    shifted[0, 3] += 60.0
    image = TensorImage(components_of(random_tensors(rng, SHAPE)), shifted)
    with pytest.raises(ValueError, match=r"only .*% of white matter.*register"):
        anisotropic(block(), image)
    _, report = anisotropic(block(), image, minimum_coverage=0.1)
    assert 0.1 < report.coverage["white matter"] < 0.5
    with pytest.raises(ValueError, match="% of gray matter"):
        anisotropic(block(), image, tissues=["gm", "csf"])


def test_negative_eigenvalues_are_refused_where_there_are_many():
    image = diagonal(WATER, WATER, -WATER / 10)
    with pytest.raises(ValueError, match="negative eigenvalues in 100%"):
        anisotropic(block(), image)
    tensors = np.broadcast_to(WATER * np.diag([1.0, 1, 0.5]), (*SHAPE, 3, 3)).copy()
    tensors[7] *= np.array([1.0, 1, -1])
    conductivity, report = anisotropic(block(), image_of(tensors))
    assert 0.02 < report.not_positive < 0.2
    assert np.linalg.eigvalsh(np.asarray(conductivity)).min() > 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tissues": ["bone"]}, "none of them, only white matter, gray matter, csf"),
        ({"tissues": ["brain"]}, "brain"),
        ({"max_ratio": 0.5}, "`max_ratio` must be 1 or more"),
        ({"max_ratio": np.nan}, "`max_ratio` must be 1 or more"),
        ({"max_conductivity": 0.0}, "`max_conductivity` must be positive"),
        ({"minimum_coverage": 50.0}, "share, 0 to 1"),
        ({"conductivities": {"wm": -1.0}}, "must be one positive number"),
    ],
)
def test_arguments_that_cannot_be_are_refused(wrong, message):
    image = image_of(WATER * np.eye(3))
    with pytest.raises(ValueError, match=message):
        anisotropic(block(), image, **wrong)
