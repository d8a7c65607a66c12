"""Surfaces of the cortex, read back by nibabel, and the field on them."""

import jax.numpy as jnp
import numpy as np
import pytest
from heads import RADII, five_layers
from hypothesis import given, strategies as st
from nibabel.freesurfer.io import write_geometry
from nibabel.gifti.gifti import GiftiImage

from tmsgrad import efield, meshing
from tmsgrad.efield import ElectricField, SolverReport
from tmsgrad.meshing import Surface


def _field(vectors):
    head = five_layers()
    return ElectricField(
        jnp.asarray(vectors),
        jnp.zeros(len(head.nodes)),
        SolverReport(jnp.asarray(1), jnp.asarray(0.0)),
    )


def _ball(radius, around=24):
    """A sphere of triangles, in m."""
    return meshing.outer_surface(
        (sphere := meshing.spheres([radius], [1], radius * 4 / around)).nodes,
        sphere.tetrahedra,
    )


@pytest.fixture(scope="module")
def sphere():
    return _ball(0.1)


def test_gray_matter_has_one_outer_surface():
    head = five_layers()
    surface, nodes = meshing.gray_matter_surface(head)
    np.testing.assert_array_equal(surface.vertices, head.nodes[nodes])
    radii = np.linalg.norm(surface.vertices, axis=1)
    np.testing.assert_allclose(radii, RADII[1], rtol=1e-3)
    # Closed, with normals outwards: the volume is that of gray and white matter.
    volume = (
        np.einsum("tc,tc->", np.cross(*surface.corners[:2]), surface.corners[2]) / 6
    )
    assert volume == pytest.approx(head.volumes[head.tags <= 2].sum(), rel=1e-9)
    outwards = np.einsum("vc,vc->v", surface.vertex_normals, surface.vertices)
    np.testing.assert_allclose(outwards, RADII[1], rtol=0.02)


def test_a_uniform_field_keeps_its_components():
    head = five_layers()
    surface, nodes = meshing.gray_matter_surface(head)
    field = _field(np.tile([3.0, -1.0, 2.0], (len(head.tags), 1)))
    for found in (
        efield.on_nodes(head, field, surface, nodes),
        efield.on_surface(head, field, surface),
    ):
        np.testing.assert_allclose(found.vectors, [[3, -1, 2]] * len(nodes), atol=1e-12)
        np.testing.assert_allclose(found.magnitude, np.sqrt(14), rtol=1e-12)
        normal = surface.vertex_normals @ np.array([3.0, -1.0, 2.0])
        np.testing.assert_allclose(found.normal, normal, atol=1e-12)
        square = found.normal**2 + found.tangential**2
        np.testing.assert_allclose(square, 14, rtol=1e-12)


def test_values_at_nodes_are_means_over_gray_matter(rng):
    head = five_layers()
    surface, nodes = meshing.gray_matter_surface(head)
    vectors = rng.normal(size=(len(head.tags), 3))
    found = efield.on_nodes(head, _field(vectors), surface, nodes)
    for place in (0, 7, len(nodes) - 1):
        here = (head.tetrahedra == nodes[place]).any(axis=1) & (head.tags == 2)
        np.testing.assert_allclose(found.vectors[place], vectors[here].mean(axis=0))
        size = np.linalg.norm(vectors[here], axis=1).mean()
        assert found.magnitude[place] == pytest.approx(size, rel=1e-12)


def test_a_surface_within_gray_matter_takes_the_elements_that_hold_it(rng):
    head = five_layers()
    vectors = rng.normal(size=(len(head.tags), 3))
    gray = np.flatnonzero(head.tags == 2)[:50]
    points = head.centroids[gray]
    surface = Surface(points, np.array([[0, 1, 2]], dtype=np.int32))
    found = efield.on_surface(head, _field(vectors), surface)
    np.testing.assert_allclose(found.vectors, vectors[gray], atol=1e-12)


def test_a_surface_elsewhere_is_refused(sphere):
    head = five_layers()
    away = Surface(sphere.vertices * 3, sphere.triangles)
    with pytest.raises(ValueError, match="is it of this head"):
        efield.on_surface(head, _field(np.zeros((len(head.tags), 3))), away)


def test_files_are_what_nibabel_reads(tmp_path, sphere, rng):
    values = {
        "magnE": rng.random(len(sphere.vertices)),
        "E_x": rng.random(len(sphere.vertices)),
    }
    meshing.write_surface(tmp_path / "s.surf.gii", sphere)
    meshing.write_surface_values(tmp_path / "s.func.gii", values, {"Unit": "V/m"})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.func.gii", "s.surf.gii"]
    image = GiftiImage.from_filename(tmp_path / "s.surf.gii")
    np.testing.assert_allclose(
        image.agg_data("pointset"), sphere.vertices * 1e3, atol=1e-5
    )
    np.testing.assert_array_equal(image.agg_data("triangle"), sphere.triangles)
    image = GiftiImage.from_filename(tmp_path / "s.func.gii")
    assert image.meta["Unit"] == "V/m"
    for array, (name, column) in zip(image.darrays, values.items(), strict=True):
        assert array.meta["Name"] == name
        np.testing.assert_allclose(array.data, column, rtol=1e-6)
    again = meshing.read_surface(tmp_path / "s.surf.gii")
    np.testing.assert_allclose(again.vertices, sphere.vertices, atol=1e-8)
    np.testing.assert_array_equal(again.triangles, sphere.triangles)


def test_freesurfer_geometry_is_moved_by_the_centre_of_its_volume(tmp_path, sphere):
    centre = np.array([4.0, -17.5, 9.0])
    about = {
        "head": [2, 0, 20],
        "valid": "1  # volume info valid",
        "filename": "orig.mgz",
        "volume": [256, 256, 256],
        "voxelsize": np.ones(3),
        "xras": np.array([-1.0, 0, 0]),
        "yras": np.array([0.0, 0, -1]),
        "zras": np.array([0.0, 1, 0]),
        "cras": centre,
    }
    file = tmp_path / "lh.pial"
    points = sphere.vertices * 1e3
    write_geometry(file, points, sphere.triangles, volume_info=about)
    found = meshing.read_surface(file)
    np.testing.assert_allclose(found.vertices * 1e3, points + centre, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.gii", b"hello", "no GIfTI"),
        ("a.gii", b"", "no GIfTI"),
        ("lh.pial", b"hello", "no surface"),
        ("lh.pial", b"\xff\xff\xfe", "no surface"),
    ],
)
def test_what_is_no_surface_is_refused(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=words):
        meshing.read_surface(tmp_path / name)


def test_a_surface_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lh\.pial"):
        meshing.read_surface(tmp_path / "lh.pial")


def test_resampling_to_itself_changes_nothing(sphere, rng):
    values = rng.normal(size=(len(sphere.vertices), 2))
    for nearest in (False, True):
        found = meshing.resample(values, sphere, sphere, nearest)
        np.testing.assert_allclose(found, values, atol=1e-9)


@given(st.floats(0.01, 10), st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_resampling_is_exact_for_linear_functions_up_to_the_triangles(scale, slope):
    coarse, fine = _SPHERES
    other = Surface(scale * fine.vertices, fine.triangles)
    values = coarse.vertices @ np.asarray(slope)
    found = meshing.resample(values, coarse, other)
    # A triangle of the sphere lies beneath it by at most its sagitta.
    a, b, c = coarse.vertices[coarse.triangles.T]
    normals = np.cross(b - a, c - a)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    sagitta = 0.1 - np.abs(np.einsum("tc,tc->t", normals, a)).min()
    wanted = fine.vertices @ np.asarray(slope)
    atol = sagitta * np.linalg.norm(slope) + 1e-12
    np.testing.assert_allclose(found, wanted, rtol=0, atol=atol)
    assert sagitta < 5e-3
    ones = meshing.resample(np.ones(len(values)), coarse, other)
    np.testing.assert_allclose(ones, 1, atol=1e-12)


_SPHERES = (_ball(0.1), _ball(0.1, 16))


def test_spheres_that_do_not_fit_are_refused(sphere):
    values = np.zeros(len(sphere.vertices))
    with pytest.raises(ValueError, match="belongs to another surface"):
        meshing.resample(values[1:], sphere, sphere)
    egg = Surface(sphere.vertices * [1, 1, 1.2], sphere.triangles)
    with pytest.raises(ValueError, match="round about the origin"):
        meshing.resample(values, egg, sphere)
