"""What a notebook shows of an object, and what is said of arguments of a wrong type."""

import base64
import dataclasses
import html
import io
import pickle
import re
import subprocess
import sys

import equinox as eqx
import jax
import numpy as np
import pytest
from defusedxml import ElementTree
from heads import boxed_coil, five_layers, pose_over, scalp_of_five_layers
from PIL import Image

from tmsgrad import coils, efield, optimize
from tmsgrad.optimize.checks import check_inputs, check_point, check_pose


@pytest.fixture(scope="module")
def objects(conductor, target):
    pose = pose_over([0.2, 0.3, 1.0])
    scalp, coil = scalp_of_five_layers(), boxed_coil()
    objective = optimize.MeanMagnitude(efield.reciprocal(conductor, target))
    prepared = optimize.prepare_search(coil, scalp, target.centre)
    found = prepared.run(objective)
    problem = optimize.problem(objective, coil, scalp)
    points = optimize.spread(scalp, 60e-3)
    return {
        f"{len(five_layers().tetrahedra)} tetrahedra": five_layers(),
        "171 × 171": scalp,
        "vertices": scalp.surface,
        "about (": target,
        "S/m": conductor,
        "largest |E|": efield.solve(conductor, coil, pose),
        "3 directions": objective.reciprocal,
        "MeanMagnitude": objective,
        "'boxed'": coil,
        "z axis (": pose,
        "2 placements": coils.stack_poses([pose, pose]),
        "5 starts": prepared,
        "evaluations": found,
        "from the scalp": found.best,
        "place (2), angle": problem,
        "currents on rings": problem.simplified(scalp),
        "32 angles": optimize.sweep(objective, coil, scalp, points, angles=32),
        "distance=0.004": optimize.Domain(),
    }


def test_representations_are_short_and_say_what_matters(objects):
    for words, each in objects.items():
        shown = repr(each)
        assert words in shown, shown
        assert len(shown.splitlines()) <= 5, shown
        assert max(map(len, shown.splitlines())) <= 140, shown
        assert "f64[" not in shown, shown


def test_notebooks_show_heads_and_coils_in_pictures(objects):
    head, coil = five_layers()._repr_html_(), objects["'boxed'"]._repr_html_()
    assert html.escape(repr(five_layers())) in head
    pictures = [base64.b64decode(each) for each in re.findall(r'base64,([^"]*)"', head)]
    images = [np.asarray(Image.open(io.BytesIO(each))) for each in pictures]
    assert len(images) == 3
    for image in images:
        rows, columns = image.shape[:2]
        assert tuple(image[0, 0]) == (255, 255, 255)  # Air.
        assert tuple(image[rows // 2, columns // 2]) == (230, 225, 211)
        assert len(np.unique(image.reshape(-1, 3), axis=0)) == 6
    drawn = ElementTree.fromstring(coil.replace("<br>", "<br/>"))
    marks = drawn.findall("svg/circle")
    sources = objects["'boxed'"].sources().dipole_positions
    assert len(marks) == len(sources) + len(objects["'boxed'"].surface_points)
    assert all(0 <= float(mark.get("cx", -1)) <= 248 for mark in marks)
    assert (
        "<script>"
        not in dataclasses.replace(objects["'boxed'"], name="<script>")._repr_html_()
    )


def test_notebooks_show_the_climbs_of_a_search(objects):
    found = objects["evaluations"]
    shown = found._repr_html_()
    assert html.escape(repr(found)) in shown
    lines = ElementTree.fromstring(shown).findall("svg/polyline")
    assert len(lines) == found.history.shape[1]
    high, low = found.history.max(), found.history.min()
    for line, values in zip(lines, found.history.T, strict=True):
        x, y = np.array(
            [point.split(",") for point in line.get("points", "").split()], float
        ).T
        np.testing.assert_allclose(x, 20 + np.linspace(0, 360, len(values)), atol=0.06)
        there = high - (y - 20) / 120 * (high - low)
        np.testing.assert_allclose(there, values, atol=0.06 / 120 * (high - low))
    first = ElementTree.fromstring(shown).findall("svg/text")[0]
    assert first.text == f"{high:.4g} V/m"


def test_objects_can_be_pickled_and_taken_apart(objects):
    for each in objects.values():
        copy = pickle.loads(pickle.dumps(each))
        assert repr(copy) == repr(each)
        if not isinstance(each, eqx.Module):
            continue
        leaves, structure = jax.tree.flatten(each)
        assert jax.tree.structure(copy) == structure
        for mine, its in zip(leaves, jax.tree.leaves(copy), strict=True):
            np.testing.assert_array_equal(mine, its)
        assert repr(jax.tree.unflatten(structure, leaves)) == repr(each)
        # What the leaves are is not looked at: under transformations they are no arrays.
        jax.tree.unflatten(structure, [object()] * len(leaves))


@pytest.mark.parametrize(
    ("index", "given", "message"),
    [
        (0, "reciprocal", r"write `optimize.MeanMagnitude\(reciprocal\)`"),
        (0, 3.0, "`objective` must be an objective"),
        (1, "coil.ccd", r"`coil` must be a coil, got str 'coil.ccd': such as"),
        (2, "head", r"write `meshing.scalp\(head\)`"),
        (3, {"distance": 4e-3}, "`domain` must be an `optimize.Domain`, got a dict"),
    ],
)
def test_another_type_is_named_with_what_to_write(objects, index, given, message):
    right = [objects[x] for x in ("MeanMagnitude", "'boxed'", "171 × 171")]
    others = {"reciprocal": objects["3 directions"], "head": five_layers()}
    arguments = [*right, None]
    arguments[index] = others.get(given, given) if isinstance(given, str) else given
    with pytest.raises(TypeError, match=message):
        check_inputs(*arguments)


def test_a_matrix_is_no_pose():
    matrix = np.eye(4)
    with pytest.raises(
        TypeError, match=r"of the shape \(4, 4\): write `coils.Pose.from"
    ):
        check_pose(matrix)
    with pytest.raises(ValueError, match=r"`matrix\[:3, 3\] \* 1e-3`"):
        check_point("around", matrix)
    poses = coils.stack_poses([pose_over([0, 0, 1.0])] * 2)
    with pytest.raises(ValueError, match="one pose is wanted"):
        check_pose(poses)


def test_functions_say_so_where_annotations_are_not_checked():
    """As users have it: without the types that these tests check on every call."""
    code = """
import numpy as np
from tmsgrad import coils, efield, meshing, optimize
for call in (
    lambda: efield.solve(None, None, np.eye(4)),
    lambda: optimize.find_pose(None, None, None),
    lambda: coils.Coil((coils.MagneticDipoles(np.zeros((1, 3)), np.ones((1, 3))),)
        ).potential_at(np.zeros((1, 3)), np.eye(4)),
):
    try:
        call()
    except TypeError as error:
        print(error)
"""
    run = [sys.executable, "-c", code]
    shown = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    pose, objective, again = shown.splitlines()
    assert "`pose` must be a `coils.Pose`" in pose
    assert "`objective` must be an objective" in objective
    assert again == pose
