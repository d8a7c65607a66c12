"""A field's picture in a notebook, and a search's page."""

import base64
import io
import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from heads import boxed_coil, five_layers, pose_over, scalp_of_five_layers
from PIL import Image

from tmsgrad import efield, meshing, optimize
from tmsgrad.coils.pose import in_millimetres
from tmsgrad.efield.pictures.hulls import hull_of
from tmsgrad.meshing.drawing.palette import field_palette
from tmsgrad.meshing.pictures import cortex
from tmsgrad.meshing.pictures.overview import write_overview
from tmsgrad.meshing.pictures.scene import cortex_surface, highest_shown


def field_of(conductor, magnitude):
    """A field along x, of a given magnitude."""
    vectors = jnp.asarray(magnitude)[:, None] * jnp.array([[1.0, 0.0, 0.0]])
    solved = efield.solve(conductor, boxed_coil(), pose_over([0, 0, 1.0]))
    return efield.ElectricField(vectors, solved.potential, solved.report)


@pytest.mark.long
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize(("view", "axis", "sign"), [(0, 0, -1), (1, 2, 1), (2, 0, 1)])
def test_each_view_of_the_cortex_has_the_colour_of_its_field(
    conductor, share, view, axis, sign
):
    head = five_layers()
    # The far half has the highest field, which ends the scale.
    near = sign * head.centroids[:, axis] > 0
    magnitude = np.where(near, 2.0 * share, 2.0)
    shown = field_of(conductor, magnitude).plot(head)
    surface = cortex_surface(head, magnitude, highest_shown(head, magnitude))
    camera = cortex.camera_of(surface, view)
    left, top, width, height = cortex.PLACES[view]
    panel = shown.pixels[top : top + height, left : left + width] / 255
    column, row = camera.project(np.zeros((1, 3)))[0, :2].round().astype(int)
    middle = np.median(panel[row - 10 : row + 10, column - 10 : column + 10], (0, 1))
    wanted = field_palette()[round(255 * share)]
    np.testing.assert_allclose(middle, wanted, atol=0.03)
    np.testing.assert_array_equal(shown.pixels[0, 0], 255)


def decoded(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_with_its_coil_a_field_is_drawn_as_the_overview(conductor, target, tmp_path):
    head, coil, pose = five_layers(), boxed_coil(), pose_over([0.2, 0.3, 1.0])
    field = efield.solve(conductor, coil, pose)
    shown = field.plot(head, coil, pose, target=target, title="A field")
    centre, radius = meshing.extent(head, target)
    mean = float(field.mean_magnitude(target))
    at = ", ".join(f"{x * 1e3:.1f}" for x in centre)
    write_overview(
        *(tmp_path / "same.png", head, np.asarray(field.magnitude), pose.matrix),
        hull_of(coil),
        target_centre=centre,
        target_radius=radius,
        title="A field",
        subtitle="|E| on the cortex · tmsgrad · for research use only",
        facts=[("target", f"({at}) mm"), ("mean |E| in target", f"{mean:.4g} V/m")],
    )
    written = decoded((tmp_path / "same.png").read_bytes())
    np.testing.assert_array_equal(shown.pixels, written)
    np.testing.assert_array_equal(decoded(shown._repr_png_()), written)
    shown.save(tmp_path / "saved.png")
    np.testing.assert_array_equal(
        decoded((tmp_path / "saved.png").read_bytes()), written
    )
    assert repr(shown) == "Drawing(2000 × 1000 pixels, 'A field')"


def test_what_cannot_be_drawn_is_refused(conductor, tmp_path):
    head, coil, pose = five_layers(), boxed_coil(), pose_over([0, 0, 1.0])
    field = efield.solve(conductor, coil, pose)
    with pytest.raises(ValueError, match="come together or not at all"):
        field.plot(head, coil)
    with pytest.raises(ValueError, match="must give one value for each of"):
        field.plot(meshing.spheres([0.07, 0.08], [2, 5], 0.03))
    both = jax.tree.map(lambda x: jnp.stack([x, x]), field)
    with pytest.raises(ValueError, match="of 2 placements: choose one"):
        both.plot(head)
    bone = meshing.HeadMesh(head.nodes, head.tetrahedra, np.full(len(head.tags), 4))
    with pytest.raises(ValueError, match="no gray matter"):
        field.plot(bone)
    with pytest.raises(ValueError, match=r"ends in \.png"):
        field.plot(head).save(tmp_path / "a.jpg")


def test_the_extent_of_a_ball_is_its_radius():
    head = meshing.spheres([0.05, 0.08], [2, 5], 0.008)
    centre, radius = meshing.extent(head, meshing.region(head, head.tags == 2))
    np.testing.assert_allclose(centre, 0, atol=3e-4)
    # Centroids stand for tetrahedra, and facets for the sphere.
    assert radius == pytest.approx(0.05, rel=0.01)


def test_a_search_is_reported_on_a_page(conductor, target, tmp_path):
    head, coil, scalp = five_layers(), boxed_coil(), scalp_of_five_layers()
    objective = optimize.MeanMagnitude(efield.reciprocal(conductor, target))
    found = optimize.find_pose(objective, coil, scalp, starts=2, current_rate=2e6)
    report = found.report(head, coil, conductor, target=target)
    solved = np.linalg.norm(report.field.mean(target))
    assert solved == pytest.approx(found.value, rel=1e-6)
    facts = dict(report.facts)
    assert facts["value"] == f"{found.value:.5g} V/m at 2 A/µs"
    assert facts["norm of the mean field in the target"].startswith(f"{solved:.5g} V/m")
    assert facts["coil centre"] == in_millimetres(found.pose.translation)
    assert [row[2] for row in report.optima] == [
        in_millimetres(each.pose.translation) for each in found.optima
    ]
    assert report.optima[0][1] == "100.0%"
    page = report._repr_html_()
    (picture,) = re.findall(r'base64,([^"]*)"', page)
    np.testing.assert_array_equal(
        decoded(base64.b64decode(picture)), report.picture.pixels
    )
    cells = re.findall(r"<td>([^<]*)</td>", page)
    assert cells == [*facts.values(), *(cell for row in report.optima for cell in row)]
    report.write(tmp_path / "search.html")
    assert page in (tmp_path / "search.html").read_text("utf-8")
    assert repr(report).splitlines()[1] == f"  value: {facts['value']}"
    with pytest.raises(ValueError, match=r"ends in \.html"):
        report.write(tmp_path / "search.pdf")


def test_the_library_draws_nothing_before_it_is_asked():
    program = (
        "import sys\n"
        "from tmsgrad import coils, efield, meshing, optimize, validation\n"
        "efield.ElectricField.plot, optimize.Search.report\n"
        "print([x for x in ('matplotlib', 'jinja2') if x in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
