"""The interactive page: a browser moves the coil, and the library has the same numbers."""

import re
import shlex

import jax.numpy as jnp
import numpy as np
import pytest
from cli_examples import refused, run
from heads import five_layers, pose_over, scalp_of_five_layers
from page_examples import at_random_places, matrix_shown, pose_shown
from scipy import sparse

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.cli.arguments.parser import parser
from tmsgrad.coils import Pose


pytestmark = [pytest.mark.long, pytest.mark.usefixtures("program_settings")]


def shares_at(nodes):
    """For each node the gray matter that meets it, by volume."""
    head = five_layers()
    inside = np.flatnonzero(head.tags == 2)
    table = np.zeros((len(nodes), len(inside)))
    for row, node in enumerate(nodes):
        met = (head.tetrahedra[inside] == node).any(axis=1)
        table[row, met] = head.volumes[inside[met]]
    return table / table.sum(axis=1, keepdims=True), inside


def test_the_field_is_that_of_the_library_at_any_placement(
    shown_page, case, page_basis, conductor
):
    nodes = np.array(
        shown_page.run(
            "(async () => Array.from(atob(tmsgrad.model.data.cortex.nodes.data),"
            "x => x.charCodeAt(0)))()"
        ),
        dtype=np.uint8,
    ).view("<u4")
    shares, inside = shares_at(nodes)
    region = meshing.ball(five_layers(), [0.03, -0.02, 0.05], 8e-3)
    both = [coils.read(case.coil), coils.read("magstim-50mm-round")]
    reduced = page_basis[1]
    places = five_layers().nodes[nodes]
    stored = reduced.means(sparse.csr_array(shares), places).stored(np.int8)
    for coil, _, pose in at_random_places(shown_page, 12, 1):
        shown_page.settle()
        found = np.array(shown_page.run("Array.from(tmsgrad.stage.values)"))
        value = shown_page.run("tmsgrad.stage.found.value") * 60e6
        table = np.asarray(reduced.field(pose, 60e6, coil=coil))
        expected = np.linalg.norm(shares @ table, axis=1)
        peak = expected.max()
        # The modes' bytes are all that differs.
        np.testing.assert_allclose(found, expected, atol=2e-3 * peak)
        same = np.asarray(stored.magnitude(pose, 60e6, coil=coil))
        np.testing.assert_allclose(found, same, atol=1e-5 * peak)
        solved = efield.solve(conductor, both[coil], pose, 60e6)
        vectors = np.asarray(solved.vectors)[inside]
        direct = np.linalg.norm(shares @ vectors, axis=1)
        assert np.linalg.norm(found - direct) <= 0.01 * np.linalg.norm(direct)
        mean = np.linalg.norm(np.asarray(solved.mean(region)))
        assert value == pytest.approx(mean, rel=0.01)
        misfit, outside = shown_page.run(
            "[tmsgrad.stage.found.misfit, tmsgrad.stage.found.outside]"
        )
        assert outside == bool(reduced.outside(pose, coil=coil))
        known = float(reduced.misfit(pose, 60e6, coil=coil))
        assert misfit == pytest.approx(known, rel=1e-6)


def test_coils_are_laid_on_the_scalp_as_the_search_lays_them(shown_page, case):
    scalp = scalp_of_five_layers()
    both = [coils.read(case.coil), coils.read("magstim-50mm-round")]
    samples = [optimize.casing_samples(each) for each in both]
    for coil, distance, pose in at_random_places(shown_page, 12, 2):
        rotation, centre = np.asarray(pose.rotation), np.asarray(pose.translation)
        np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)
        gap = scalp.distance_along(centre, rotation[:, 2])
        foot = centre + gap * rotation[:, 2]
        # The grid of the page is that of the library, in steps of 2 µm.
        normal = scalp.normal(foot[None])[0]
        assert np.degrees(np.arccos(min(1, -normal @ rotation[:, 2]))) < 0.3
        face = optimize.Face(distance)
        start, wanted = face.resting(both[coil], samples[coil], 0.0)
        near = Pose(rotation, centre + (gap - start) * rotation[:, 2])
        rested, _ = optimize.lifted(near, samples[coil], scalp, wanted)
        # Between the points of a grid of 4 mm, a sphere of triangles is not quite itself.
        assert np.linalg.norm(np.asarray(rested.translation) - centre) < 0.4e-3


def test_the_best_placement_is_worth_what_the_command_says(made_page, shown_page):
    best = made_page[1].json["best"]
    for number, each in enumerate(best):
        value = shown_page.run(f"tmsgrad.model.coils[{number}].bestValue") * 1e6
        name = "target_mean_vector_norm_V_per_m_at_1_A_per_us"
        assert value == pytest.approx(each[name], rel=1e-6)
        rules = shown_page.run(
            f"Object.fromEntries(tmsgrad.model.coils[{number}].rules"
            ".map((x) => [x.name, x.value]))"
        )
        assert {name: 1e6 * x / value for name, x in rules.items()} == pytest.approx(
            each["rules"], rel=1e-6
        )
    assert abs(made_page[1].json["target_differs_from_solve"]) < 0.01


def test_the_part_across_the_surface_is_that_along_its_normals(shown_page, page_basis):
    unpacked = "Array.from(tmsgrad.stage.{0})".format
    shape = shown_page.run("[tmsgrad.stage.cortex.vertices.length / 3, 3]")
    vertices = np.reshape(shown_page.run(unpacked("cortex.vertices")), shape)
    triangles = np.reshape(shown_page.run(unpacked("cortex.triangles")), (-1, 3))
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    normals = np.zeros_like(vertices)
    np.add.at(normals, triangles.ravel(), np.repeat(np.cross(b - a, c - a), 3, axis=0))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    # On a sphere they point outwards.
    assert (np.einsum("vc,vc->v", normals, vertices) > 0).all()
    nodes = shown_page.run(
        "Array.from(atob(tmsgrad.model.data.cortex.nodes.data), x => x.charCodeAt(0))"
    )
    nodes = np.array(nodes, dtype=np.uint8).view("<u4")
    shares, places = sparse.csr_array(shares_at(nodes)[0]), five_layers().nodes[nodes]
    stored = page_basis[1].means(shares, places).stored(np.int8)
    field = np.asarray(stored.field(pose_shown(shown_page), 60e6))
    expected = np.abs(np.einsum("vc,vc->v", field, normals))
    shown_page.run("document.getElementById('across').click()")
    found = np.array(shown_page.run(unpacked("values")))
    unit = shown_page.run("document.getElementById('unit').textContent")
    shown_page.run("document.getElementById('across').click()")
    # In a sphere hardly anything of the field is radial.
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(field).max())
    assert expected.max() > 1e-3 * np.abs(field).max()
    assert "across" in unit
    assert shown_page.run("document.getElementById('unit').textContent").startswith(
        "|E|"
    )


def test_the_field_in_a_gyrus_is_that_of_its_vertices(shown_page):
    names = shown_page.run("tmsgrad.model.data.regions.names")
    assert names == ["left superior frontal gyrus", "right superior frontal gyrus"]
    places = np.reshape(shown_page.run("Array.from(tmsgrad.model.places)"), (-1, 3))
    corners = np.reshape(
        shown_page.run("Array.from(tmsgrad.stage.cortex.triangles)"), (-1, 3)
    )
    areas = efield.vertex_areas(meshing.Surface(places, corners))
    choose = (
        "(() => { const box = document.getElementById('atlas'); box.value = 'NUMBER';"
        "box.dispatchEvent(new Event('change'));"
        "return document.getElementById('regional').textContent; })()"
    )
    text = ""
    for number, side in enumerate((places[:, 0] < 0, places[:, 0] >= 0)):
        text = shown_page.run(choose.replace("NUMBER", str(number)))
        values = np.array(shown_page.run("Array.from(tmsgrad.stage.values)"))[side]
        mean = np.average(values, weights=areas[side])
        words = f"{names[number]}: mean {mean:.1f}, at most {values.max():.1f} V/m"
        assert text == f"|E| in the {words}"
    shown_page.run("tmsgrad.controls.move(0, 1, 0.01)")
    assert shown_page.run("document.getElementById('regional').textContent") != text
    assert shown_page.run(choose.replace("NUMBER", "")) == ""


def test_means_of_a_reduced_field_are_means_of_its_field(page_basis, rng):
    reduced = page_basis[1]
    count = len(reduced.positions)
    shares = sparse.csr_array(rng.uniform(size=(5, count)) / count)
    means = reduced.means(shares, np.zeros((5, 3)))
    pose = pose_over([0.3, -0.2, 1.0], 0.3)
    expected = shares @ np.asarray(reduced.field(pose, 1e6))
    np.testing.assert_allclose(means.field(pose, 1e6), expected, rtol=1e-4)
    assert jnp.sum(means.weights) == pytest.approx(1)
    with pytest.raises(ValueError, match="must be 4 means"):
        reduced.means(shares, np.zeros((4, 3)))


def test_files_are_read_back_as_the_page_has_the_pose(shown_page, tmp_path):
    shown_page.run(
        "tmsgrad.model.data.image = { quatern: [0, 0, 0], qoffset: [0, 0, 0],"
        "pixdim: [1, 1, 1, 1] }"
    )
    kinds = ("matsimnibs", "brainsight", "localite", "ant")
    for _, _, pose in at_random_places(shown_page, 3, 3):
        expected = pose.to_matsimnibs()
        for kind in kinds:
            name, content = shown_page.run(f"tmsgrad.taking.file('{kind}')")
            (tmp_path / name).write_text(content, encoding="utf-8")
            assert_read(tmp_path / name, expected)
        rate = 60
        found = assert_read(
            "page.html"
            + shown_page.run(
                "(async () => { await tmsgrad.taking.copyLink();"
                "return location.hash; })()"
            ),
            expected,
        )
        assert found["didt"] == pytest.approx(rate * 1e6)
    shown_page.run("history.replaceState(null, '', location.href.split('#')[0])")


def test_the_text_says_how_to_verify_the_placement(shown_page, page_basis, case):
    name, content = shown_page.run("tmsgrad.taking.file('text')")
    assert name == "placement.txt"
    for words in ("Where: ", "How turned: ", "V/m in the target", "research use only"):
        assert words in content
    (line,) = [x for x in content.splitlines() if x.startswith("tmsgrad simulate")]
    options = parser().parse_args(shlex.split(line)[1:])
    assert (options.head, options.coil) == (str(case.head), str(case.coil))
    assert options.didt == pytest.approx(60e6)
    assert options.order == page_basis[1].origin.order


def assert_read(path, expected):
    result = run("pose", "info", path, "--json")
    assert result.status == 0, result.err
    (found,) = result.json["poses"]
    matrix = np.array(found["matsimnibs"])
    np.testing.assert_allclose(matrix[:3, 3], expected[:3, 3], atol=0.01)
    turn = np.clip((np.trace(matrix[:3, :3].T @ expected[:3, :3]) - 1) / 2, -1, 1)
    assert np.degrees(np.arccos(turn)) < 0.01
    return found


@pytest.mark.parametrize("numbers", ["1,2,3", "x", ",".join(["2"] * 12)])
def test_a_link_without_a_pose_is_refused(numbers, tmp_path, shown_page):
    refused(["pose", "info", f"page.html#pose={numbers}"], tmp_path, "12 numbers")
    before = matrix_shown(shown_page)
    shown_page.run(f"location.hash = '#pose={numbers}'")
    shown_page.settle()
    np.testing.assert_array_equal(matrix_shown(shown_page), before)
    shown_page.run("history.replaceState(null, '', location.href.split('#')[0])")


def test_how_sure_is_a_share_of_what_the_target_gets(shown_page):
    shown_page.run("tmsgrad.controls.move(0, 1, 0.02)")
    assert not shown_page.run("tmsgrad.stage.found.outside")
    value, error, best, mesh = shown_page.run(
        "(() => { const { found } = tmsgrad.stage; return [found.value, found.error,"
        "tmsgrad.model.coils[0].bestValue, tmsgrad.model.data.sure.mesh]; })()"
    )
    assert value < 0.9 * best
    text = shown_page.run("document.getElementById('sure').textContent")
    numbers = [float(each) for each in re.findall(r"± ([\d.]+)%", text)]
    parts = [mesh * best / value, error * best / value]
    wanted = [100 * x for x in (sum(parts), *parts)]
    assert numbers == pytest.approx(wanted, abs=0.06)
    word = "good" if wanted[0] <= 5 else "usable" if wanted[0] <= 15 else "do not rely"
    assert text.startswith(word)


def test_where_little_is_lost_is_marked_around_the_best_place(shown_page):
    shown_page.run("tmsgrad.controls.markRegion()")
    shown_page.wait_for(
        "document.getElementById('marked').textContent.startsWith('Green')"
    )
    shown_page.run("tmsgrad.controls.move(0, 1, 0.002)")
    assert shown_page.run("document.getElementById('marked').textContent") == ""


def test_outside_of_what_the_basis_knows_the_page_says_so(shown_page):
    before = shown_page.run("document.getElementById('badge').className")
    assert before == "badge"
    shown_page.run("tmsgrad.controls.setDistance(0.03)")
    assert shown_page.run("tmsgrad.stage.found.outside")
    badge = shown_page.run("document.getElementById('badge').textContent")
    assert badge.startswith("Outside of what this page knows")
    sure = shown_page.run("document.getElementById('sure').textContent")
    assert sure.startswith("do not rely on it here")
