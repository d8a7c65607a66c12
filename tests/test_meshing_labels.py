import numpy as np
import pytest

from tmsgrad.meshing import mesh_labels, quality
from tmsgrad.meshing.lattice.improve_mesh import WorkingMesh
from tmsgrad.meshing.lattice.improve_relabel import relabel_flat


ONE_MM = np.eye(4)


def grid(count, centre=None):
    at = np.stack(np.meshgrid(*3 * [np.arange(count)], indexing="ij"), axis=-1)
    return at - (count - 1) / 2 if centre is None else at - np.asarray(centre)


def nested_balls(count=48, radii=(9.0, 13.0, 16.0, 20.0)):
    """White matter in gray matter in CSF in bone."""
    distance = np.linalg.norm(grid(count), axis=-1)
    labels = np.zeros(distance.shape, np.uint8)
    for tag, radius in reversed(list(enumerate(radii, start=1))):
        labels[distance <= radius] = tag
    return labels


def sheet(count=40):
    """A ball of gray matter in bone, with one voxel of CSF all around it."""
    distance = np.linalg.norm(grid(count), axis=-1)
    labels = np.zeros(distance.shape, np.uint8)
    labels[distance <= 17] = 4
    labels[distance <= 11.3] = 3
    labels[distance <= 10] = 2
    return labels


def box(count=32):
    labels = np.zeros(3 * (count,), np.uint8)
    labels[6:26, 8:24, 7:25] = 5
    labels[10:22, 8:24, 12:20] = 4
    return labels


CASES = {"nested balls": nested_balls, "one-voxel sheet": sheet, "box": box}


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request):
    labels = CASES[request.param]()
    return labels, mesh_labels(labels, ONE_MM, tetrahedra=20_000)


def faces_of(head):
    corners = np.array([(1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 2)])
    faces = np.sort(head.tetrahedra[:, corners].reshape(-1, 3), axis=1)
    unique, place, count = np.unique(
        faces, axis=0, return_inverse=True, return_counts=True
    )
    owner = np.repeat(np.arange(len(head.tetrahedra)), 4)
    order = np.argsort(place, kind="stable")
    return unique, count, owner[order]


def contacts(head):
    """Pairs of different tags that share a face."""
    _, count, owner = faces_of(head)
    first = np.cumsum(count) - count
    shared = first[count == 2]
    pairs = np.sort(
        np.stack([head.tags[owner[shared]], head.tags[owner[shared + 1]]], axis=1),
        axis=1,
    )
    return {(a, b) for a, b in pairs.tolist() if a != b}


def image_contacts(labels):
    found = set()
    for axis in range(3):
        along = np.moveaxis(labels.astype(int), axis, 0)
        pairs = np.stack([along[:-1].ravel(), along[1:].ravel()], axis=1)
        pairs = np.unique(np.sort(pairs, axis=1), axis=0)
        found |= {(a, b) for a, b in pairs.tolist() if a != b and a > 0}
    return found


def euler(triangles):
    edges = np.concatenate([triangles[:, p] for p in ([0, 1], [1, 2], [0, 2])])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    return len(np.unique(triangles)) - len(edges) + len(triangles)


def test_tissues_keep_their_volumes(case):
    labels, head = case
    volumes = np.bincount(head.tags, head.volumes) * 1e9
    expected = np.bincount(labels.ravel())
    np.testing.assert_allclose(volumes[1:], expected[1:], rtol=0.06)


def test_each_face_belongs_to_one_or_two_elements(case):
    _, head = case
    _, count, _ = faces_of(head)
    assert count.max() == 2
    assert (count == 1).any()


def test_elements_are_positive_and_all_nodes_are_used_once(case):
    _, head = case
    assert (head.volumes > 0).all()
    np.testing.assert_array_equal(
        np.unique(head.tetrahedra), np.arange(len(head.nodes))
    )
    assert len(np.unique(head.nodes, axis=0)) == len(head.nodes)


def test_only_tissues_that_touch_in_the_image_touch_in_the_mesh(case):
    labels, head = case
    assert contacts(head) == image_contacts(labels)


def test_surfaces_between_nested_balls_are_spheres():
    head = mesh_labels(nested_balls(), ONE_MM, tetrahedra=20_000)
    faces, count, owner = faces_of(head)
    first = np.cumsum(count) - count
    shared = np.flatnonzero(count == 2)
    one, two = (head.tags[owner[first[shared] + i]] for i in (0, 1))
    assert euler(faces[count == 1]) == 2
    for tag in (1, 2, 3):
        surface = faces[shared[(np.minimum(one, two) == tag) & (one != two)]]
        assert euler(surface) == 2


def test_elements_have_no_small_angles_or_needles(case):
    _, head = case
    found = quality(head)
    assert np.degrees(found.smallest_dihedral_angle) > 8
    assert found.smallest_radius_ratio > 0.05


@pytest.mark.parametrize("shape", ["speck", "thread"])
def test_a_label_too_small_for_elements_is_lost_aloud(shape):
    labels = nested_balls()
    labels[24, 24, 24] = 9
    if shape == "thread":
        labels[10:40, 24, 24] = 9
    with pytest.warns(UserWarning, match="The mesh has no blood: what `labels` holds"):
        head = mesh_labels(labels, ONE_MM, tetrahedra=20_000)
    assert set(np.unique(head.tags)) == {1, 2, 3, 4}


def test_an_image_of_specks_is_refused():
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[::4, ::4, ::4] = 5
    with pytest.raises(ValueError, match="holds scalp in specks and threads"):
        mesh_labels(labels, ONE_MM)


@pytest.mark.parametrize(
    ("labels", "affine", "message"),
    [
        (box().astype(float), ONE_MM, "of the type float64, but labels are whole"),
        (box()[..., None], ONE_MM, "three-dimensional image, got the shape"),
        (np.zeros((0, 3, 3), int), ONE_MM, "is empty, its shape is"),
        (box() * 0, ONE_MM, "nothing but air"),
        (box() * 0 + 5, ONE_MM, "one label only, 5, so it has no surface"),
        (box().astype(int) * 5, ONE_MM, "`labels` holds 20, 25; known are"),
        (box(), np.eye(3), r"shape \(4, 4\), got \(3, 3\)"),
        (box(), np.diag([1, 1, 0, 1.0]), "is singular"),
        (box(), np.full((4, 4), np.nan), "must be finite"),
    ],
)
def test_bad_images_are_refused_with_the_reason(labels, affine, message):
    with pytest.raises(ValueError, match=message):
        mesh_labels(labels, affine)


@pytest.mark.parametrize("count", [10, 50_000_000])
def test_numbers_of_tetrahedra_out_of_reach_are_refused(count):
    with pytest.raises(ValueError, match="must be from 1,000 to 20,000,000"):
        mesh_labels(box(), ONE_MM, count)


def test_oblong_voxels_turned_and_mirrored_give_the_same_volumes():
    labels = box()[:, :, ::2]
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    if np.linalg.det(turn) > 0:
        turn[:, 0] *= -1
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([1.0, 1.0, 2.0])
    affine[:3, 3] = [30, -20, 10]
    head = mesh_labels(labels, affine, tetrahedra=20_000)
    expected = np.bincount(labels.ravel())[[4, 5]] * 2e-9
    found = np.bincount(head.tags, head.volumes)[[4, 5]]
    np.testing.assert_allclose(found, expected, rtol=0.06)
    # The centre of gravity is where the affine matrix puts it.
    for tag in (4, 5):
        part = head.tags == tag
        centre = np.average(head.centroids[part], axis=0, weights=head.volumes[part])
        voxel = np.argwhere(labels == tag).mean(axis=0)
        where = affine[:3, :3] @ voxel + affine[:3, 3]
        np.testing.assert_allclose(centre * 1e3, where, atol=0.15)


def test_the_same_input_gives_the_same_mesh_and_progress_is_reported():
    said = []
    one = mesh_labels(box(), ONE_MM, 5_000, lambda share, what: said.append(share))
    two = mesh_labels(box(), ONE_MM, 5_000)
    np.testing.assert_array_equal(one.nodes, two.nodes)
    np.testing.assert_array_equal(one.tetrahedra, two.tetrahedra)
    assert said == sorted(said)
    assert (said[0], said[-1]) == (0, 1)


def test_flat_elements_get_the_label_beyond_their_largest_face():
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0.3, 0.3, 0.01], [0, 0, -1.0]])
    below, flat = [0, 2, 1, 4], [0, 1, 2, 3]
    mesh = WorkingMesh.of(
        points,
        np.array([below, flat], np.int32),
        np.array([2, 1], np.int32),
        np.ones(5, bool),
    )
    assert relabel_flat(mesh, np.array([False, True])) == 1
    assert mesh.tags.tolist() == [2, 2]
    # Where the other label lies on its small side, it is left out as air.
    high = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0.3, 0.3, 0.01], [0, 0.1, 5.0]])
    mesh = WorkingMesh.of(
        high,
        np.array([[0, 1, 3, 4], flat], np.int32),
        np.array([2, 1], np.int32),
        np.zeros(5, bool),
    )
    assert relabel_flat(mesh, np.array([False, True])) == 1
    assert mesh.tags.tolist() == [2]
    assert mesh.outer.tolist() == [True, True, True, True, False]
