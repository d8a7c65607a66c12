import re

import numpy as np
import pytest
from heads import RADII, five_layers
from label_examples import affine, five_balls, write_nifti
from msh_examples import cube
from tensor_examples import OBLIQUE

from tmsgrad.meshing import (
    HeadMesh,
    LabelImage,
    Severity,
    check,
    check_frames,
    check_labels,
    check_subject,
    mesh_labels,
    outer_surface,
    read_head,
    read_subject,
    write_msh,
)
from tmsgrad.meshing.checks_images import contact_areas
from tmsgrad.meshing.interfaces import face_areas, interfaces, patches


def about(findings, word, severity=None):
    return [f for f in findings if f.about == word and severity in (None, f.severity)]


def place_of(finding):
    assert finding.location is not None
    return np.array(finding.location)


def with_tags(change):
    """The five spheres, in which some elements get another tissue."""
    head = five_layers()
    tags = head.tags.copy()
    for where, tag in change(head.centroids):
        tags[where] = tag
    return HeadMesh(head.nodes, head.tetrahedra, tags)


def within(centroids, centre, radius):
    return np.linalg.norm(centroids - np.asarray(centre), axis=1) < radius


def shell(centroids, low, high):
    distance = np.linalg.norm(centroids, axis=1)
    return (low < distance) & (distance < high)


# Faces between tissues.


def test_faces_between_spheres_have_their_areas():
    head = five_layers()
    found = interfaces(head)
    areas = face_areas(head.nodes, found.faces)
    assert len(found.crowded) == 0
    for inner, radius in enumerate(RADII, start=1):
        outer = inner + 1 if inner < 5 else 0
        chosen = {(inner, outer), (outer, inner)}
        pairs = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
        area = areas[[pair in chosen for pair in pairs]].sum()
        assert area == pytest.approx(4 * np.pi * radius**2, rel=0.03)
    assert len(found.faces) == len(set(map(tuple, np.sort(found.faces, axis=1))))


def test_normals_point_out_of_the_first_element():
    head = five_layers()
    found = interfaces(head)
    a, b, c = (head.nodes[found.faces[:, i]] for i in range(3))
    outward = (np.cross(b - a, c - a) * (a + b + c)).sum(axis=1) > 0
    first_is_inner = (found.first < found.second) | (found.second == 0)
    np.testing.assert_array_equal(outward, first_is_inner)


def test_large_numbers_of_nodes_are_handled_alike():
    head = five_layers()
    apart = 1 + 2_000_000 // len(head.nodes)
    nodes = np.zeros((len(head.nodes) * apart, 3))
    nodes[::apart] = head.nodes
    sparse = HeadMesh(nodes, head.tetrahedra * apart, head.tags)
    one, two = interfaces(head), interfaces(sparse)
    np.testing.assert_array_equal(one.faces * apart, two.faces)
    np.testing.assert_array_equal(one.second, two.second)


def test_faces_are_grouped_into_connected_patches():
    faces = np.array([(0, 1, 2), (5, 6, 7), (2, 3, 4), (7, 8, 9)])
    part = patches(faces, 10)
    assert part[0] == part[2] != part[1] == part[3]


# Heads.


def test_nothing_is_wrong_with_spheres():
    assert check(five_layers()) == []


def test_a_mesh_of_labels_is_in_order():
    head = mesh_labels(five_balls(), affine(), 20_000)
    assert [f for f in check(head) if f.severity is not Severity.NOTE] == []


def test_slivers_are_reported_with_their_place():
    head = five_layers()
    nodes, spoiled = head.nodes.copy(), 100
    a, b, c, d = head.tetrahedra[spoiled]
    middle = nodes[[b, c, d]].mean(axis=0)
    nodes[a] = middle + 1e-2 * (nodes[a] - middle)
    around = (head.tetrahedra == a).any(axis=1)
    kept = ~around | (np.arange(len(around)) == spoiled)
    flat = HeadMesh(nodes, head.tetrahedra[kept], head.tags[kept])
    (found,) = about(check(flat), "sliver")
    assert found.severity is Severity.WARNING
    assert "1 of" in found.message
    np.testing.assert_allclose(place_of(found), middle, atol=1e-3)
    nodes = nodes.copy()
    nodes[a] = middle + 1e-5 * (head.nodes[a] - middle)
    flat = HeadMesh(nodes, head.tetrahedra[kept], head.tags[kept])
    (found,) = about(check(flat), "sliver", Severity.ERROR)
    assert "as good as flat" in found.message


def test_inverted_elements_are_refused_with_their_place():
    head = five_layers()
    tetrahedra = head.tetrahedra.copy()
    tetrahedra[7] = tetrahedra[7, [0, 1, 3, 2]]
    at = ", ".join(f"{x:.4g}" for x in head.centroids[7])
    with pytest.raises(
        ValueError, match=r"1 of .* number 7 .* is inverted, at"
    ) as shown:
        HeadMesh(head.nodes, tetrahedra, head.tags)
    assert f"({at}) m" in str(shown.value)


def test_parts_that_share_no_node_are_reported():
    head = five_layers()
    nodes = np.concatenate([head.nodes, head.nodes[head.tetrahedra[0]] + 0.5])
    last = len(head.nodes) + np.arange(4)
    two = HeadMesh(
        nodes, np.concatenate([head.tetrahedra, [last]]), np.append(head.tags, 5)
    )
    (found,) = about(check(two), "parts")
    assert found.severity is Severity.WARNING
    assert "2 parts that share no node" in found.message
    np.testing.assert_allclose(place_of(found), head.centroids[0] + 0.5)


def test_unmerged_tissues_are_an_error():
    head = five_layers()
    inner = head.tags < 4
    tetrahedra = head.tetrahedra + np.where(inner, len(head.nodes), 0)[:, None]
    both = HeadMesh(np.concatenate([head.nodes, head.nodes]), tetrahedra, head.tags)
    (found,) = about(check(both), "parts", Severity.ERROR)
    assert "merge nodes that coincide" in found.message


def test_a_tissue_in_pieces_is_reported():
    head = with_tags(
        lambda at: [(shell(at, 0.03, 0.045), 3)]  # CSF far away from the CSF.
    )
    (found,) = about(check(head), "tissue parts")
    assert "white matter is in 2 pieces" in found.message or "csf" in found.message


def test_elements_that_overlap_are_an_error():
    head = five_layers()
    inside = head.tetrahedra[head.tags == 1][0]
    apex = head.nodes[inside].mean(axis=0)
    nodes = np.concatenate([head.nodes, [apex]])
    extra = inside.copy()
    extra[0] = len(head.nodes)
    fixed = HeadMesh(
        nodes, np.concatenate([head.tetrahedra, [extra]]), np.append(head.tags, 1)
    )
    (found,) = about(check(fixed), "overlap")
    assert found.severity is Severity.ERROR
    np.testing.assert_allclose(place_of(found), head.nodes[inside[1:]].mean(axis=0))


@pytest.mark.parametrize(("tag", "name"), [(3, "csf"), (4, "bone"), (5, "scalp")])
def test_missing_tissues_are_reported(tag, name):
    head = with_tags(lambda at: [(five_layers().tags == tag, 10)])
    (found,) = about(check(head), "missing tissue")
    assert found.message.startswith(f"there is no {name}")


def test_two_kinds_of_bone_are_bone():
    head = with_tags(lambda at: [(five_layers().tags == 4, 7)])
    assert about(check(head), "missing tissue") == []


@pytest.mark.parametrize("scale", [0.1, 10])
def test_sizes_that_no_head_has_are_reported(scale):
    head = five_layers()
    found = check(HeadMesh(scale * head.nodes, head.tetrahedra, head.tags))
    first, second = about(found, "size")
    assert "another unit than mm" in first.message
    assert "white and gray matter take up" in second.message


def test_a_brain_that_touches_scalp_is_reported():
    place = np.array([0.0, 0.05, 0.055])
    head = with_tags(
        lambda at: [
            (within(at, place, 0.02) & shell(at, 0.068, 0.079), 5),
        ]
    )
    found = [f for f in about(check(head), "leak") if "touches scalp" in f.message]
    assert len(found) == 1
    assert np.linalg.norm(place_of(found[0]) - place) < 0.015


def test_gray_matter_on_bone_is_reported_with_its_area():
    head = with_tags(lambda at: [((at[:, 2] > 0.03) & (five_layers().tags == 3), 4)])
    (found,) = about(check(head), "leak", Severity.WARNING)
    cap = 2 * np.pi * RADII[1] * (RADII[1] - 0.03 * RADII[1] / 0.07)
    area = float(found.message.split("over ")[1].split(" cm²")[0]) * 1e-4
    assert area == pytest.approx(cap, rel=0.1)


def test_a_hole_in_the_skull_is_noted():
    head = with_tags(
        lambda at: [(within(at, [0.07, 0, 0], 0.025) & (five_layers().tags == 4), 5)]
    )
    (found,) = about(check(head), "skull hole")
    assert found.severity is Severity.NOTE
    assert place_of(found)[0] > 0.05


def test_holes_in_the_scalp_are_reported_near_a_search_even_if_small():
    place = np.array([0.0, 0.06, 0.06])
    large = with_tags(
        lambda at: [(within(at, place, 0.025) & (five_layers().tags == 5), 4)]
    )
    (found,) = about(check(large), "scalp hole")
    assert "bone lies bare" in found.message
    assert np.linalg.norm(place_of(found) - place) < 0.02
    assert len(about(check(large, near=place), "scalp hole")) == 2
    assert len(about(check(large, near=-place), "scalp hole")) == 1


def test_the_neck_may_be_open_and_cavities_are_no_holes():
    head = five_layers()
    low = head.centroids[:, 2] < -0.06
    cavity = within(head.centroids, [0, 0, 0.075], 0.012) & (head.tags == 4)
    kept = ~low & ~cavity
    used, tetrahedra = np.unique(head.tetrahedra[kept], return_inverse=True)
    cut = HeadMesh(head.nodes[used], tetrahedra.reshape(-1, 4), head.tags[kept])
    assert cavity.any()
    assert about(check(cut), "scalp hole") == []
    assert len(outer_surface(cut.nodes, cut.tetrahedra).vertices) > 0


# Label images.


def test_contact_areas_of_boxes_are_theirs():
    labels = np.zeros((6, 6, 6), np.uint8)
    labels[1:5, 1:5, 1:5] = 4
    labels[2:4, 2:4, 2:4] = 2
    area = contact_areas(LabelImage(labels, OBLIQUE))
    sides = 2 * (2.0 * 2.5 + 2.5 * 3 + 2 * 3) * 1e-6
    assert area[2, 4] == area[4, 2] == pytest.approx(4 * sides)
    assert area[0, 4] == pytest.approx(16 * sides)


def test_nothing_is_wrong_with_an_image_of_balls():
    assert check_labels(LabelImage(five_balls(), affine(1.0))) == []


def swapped():
    labels = five_balls()
    return np.array([0, 2, 1, 3, 4, 5], np.uint8)[labels]


@pytest.mark.parametrize(
    ("labels", "matrix", "message"),
    [
        (swapped(), affine(1), "are the two exchanged"),
        (five_balls(), affine(4), "voxels are 4 × 4 × 4 mm: CSF in sulci"),
        (five_balls(), np.diag([0.5, 0.5, 2, 1]), "stepped along the long side"),
        (five_balls()[:, :, :34], affine(4), "the upper side .* cuts the head off"),
        (five_balls()[:30], affine(4), "the right side .* cuts the head off"),
        (np.where(five_balls() == 3, 4, five_balls()), affine(1), "touches bone over"),
        (
            np.where(five_balls() > 2, 5, five_balls()).astype(np.uint8),
            affine(1),
            "the brain touches scalp over",
        ),
    ],
)
def test_what_may_be_wrong_with_an_image_is_reported(labels, matrix, message):
    found = check_labels(LabelImage(labels, np.asarray(matrix, dtype=np.float64)))

    assert any(re.search(message, f.message) for f in found), found


def test_an_image_that_ends_at_the_neck_is_in_order():
    image = LabelImage(five_balls()[:, :, 10:], affine(1))
    assert check_labels(image) == []


def test_qform_and_sform_that_disagree_are_reported(tmp_path):
    same = write_nifti(tmp_path / "a.nii", five_balls())
    assert check_frames(same) == []
    turned = affine() @ np.diag([-1.0, 1, 1, 1])
    file = write_nifti(tmp_path / "b.nii", five_balls(), qform=turned)
    (found,) = check_frames(file)
    assert found.message.startswith("b.nii: qform and sform disagree by up to 376 mm")


def test_images_of_a_folder_are_compared_with_the_mesh(tmp_path):
    folder = tmp_path / "m2m_x"
    folder.mkdir()
    write_msh(folder / "x.msh", five_layers())
    t1 = five_balls(48).astype(np.float32)
    write_nifti(folder / "T1.nii.gz", t1)
    subject, head = read_subject(folder), read_head(folder)
    assert check_subject(subject, head) == []
    write_nifti(folder / "T1.nii.gz", t1, affine(2.0))
    (found,) = check_subject(subject, head)
    assert found.about == "spaces"
    assert "of the head's nodes lie outside T1.nii.gz" in found.message


def test_random_tissues_do_not_confuse_the_checks():
    found = check(cube(4))
    assert about(found, "leak")
    assert about(found, "size")
