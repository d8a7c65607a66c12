import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tmsgrad.coils import Pose, rotation_from_vector, stack_poses


SHEAR = np.diag([1, np.sqrt(0.99), 1, 1]) + 0.1 * np.eye(4, k=1)[[0, 3, 3, 3]]


def matrix(turn=(0.3, -0.5, 0.8), centre=(10.0, -20.0, 90.0)):
    result = np.eye(4)
    result[:3, :3] = Rotation.from_rotvec(turn).as_matrix()
    result[:3, 3] = centre
    return result


@pytest.mark.parametrize("size", [0.0, 1e-9, 1e-3, 9e-3, 1.1e-2, 1.0, 3.0])
def test_rotation_vector_agrees_with_scipy(size, key):
    turn = size * jr.normal(key, (3,)) / 2
    expected = Rotation.from_rotvec(np.array(turn)).as_matrix()
    np.testing.assert_allclose(rotation_from_vector(turn), expected, atol=3e-16)


def test_derivatives_at_no_turn_are_the_generators():
    jacobian = jax.jacrev(rotation_from_vector)(jnp.zeros(3))
    expected = np.zeros((3, 3, 3))
    for i, j, k in [(0, 1, 2), (1, 2, 0), (2, 0, 1)]:
        expected[j, k, i], expected[k, j, i] = -1, 1
    np.testing.assert_allclose(jacobian, expected, atol=1e-16)
    hessian = jax.hessian(lambda t: rotation_from_vector(t)[0, 0])(jnp.zeros(3))
    np.testing.assert_allclose(hessian, np.diag([0.0, -1.0, -1.0]), atol=1e-15)


def test_matsimnibs_round_trip_and_metres():
    pose = Pose.from_matsimnibs(matrix())
    np.testing.assert_allclose(pose.translation, [0.01, -0.02, 0.09], rtol=1e-15)
    np.testing.assert_allclose(pose.to_matsimnibs(), matrix(), atol=1e-14)


def test_to_coil_is_the_inverse_of_to_head(key):
    pose = Pose.from_matsimnibs(matrix())
    points = jr.normal(key, (5, 3))
    np.testing.assert_allclose(pose.to_coil(pose.to_head(points)), points, atol=1e-15)


def test_moved_shifts_along_the_coils_axes():
    pose = Pose.from_matsimnibs(matrix())
    moved = pose.moved(jnp.array([0.0, 0.0, 0.01]), jnp.array([0.0, 0.0, np.pi / 2]))
    expected = pose.translation + 0.01 * pose.rotation[:, 2]
    np.testing.assert_allclose(moved.translation, expected, rtol=1e-14)
    np.testing.assert_allclose(
        moved.rotation[:, 0], pose.rotation[:, 1], rtol=1e-13, atol=1e-15
    )


def test_stacked_poses_map_one_by_one():
    poses = [Pose.from_matsimnibs(matrix(centre=(i, 0.0, 0.0))) for i in range(3)]
    centres = jax.vmap(lambda pose: pose.translation)(stack_poses(poses))
    np.testing.assert_allclose(centres[:, 0], [0, 1e-3, 2e-3])
    together = Pose.from_matsimnibs([matrix(), matrix()])
    assert together.rotation.shape == (2, 3, 3)


def test_rounded_numbers_are_repaired():
    rounded = np.round(matrix(), 4)
    pose = Pose.from_matsimnibs(rounded)
    np.testing.assert_allclose(pose.rotation.T @ pose.rotation, np.eye(3), atol=1e-15)
    np.testing.assert_allclose(pose.rotation, rounded[:3, :3], atol=1e-4)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda m: m[:3, :3], "4×4"),
        (lambda m: m.T, "transposed"),
        (lambda m: m @ np.diag([-1, 1, 1, 1]), "reflection"),
        (lambda m: m @ np.diag([1.1, 1.1, 1.1, 1]), "scale"),
        (lambda m: m @ SHEAR, "shear"),
        (lambda m: m * np.nan, "not finite"),
    ],
)
def test_what_is_no_rigid_placement_is_refused(spoil, message):
    with pytest.raises(ValueError, match=message):
        Pose.from_matsimnibs(spoil(matrix()))


def test_mismatched_translation_is_refused():
    with pytest.raises(ValueError, match="translation"):
        Pose(np.eye(3), np.zeros((2, 3)))
