"""What `tmsgrad optimize` leaves, on a head of five spheres."""

import json
import re
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from cli_examples import (
    FILES,
    as_written,
    assert_fields,
    assert_mesh,
    batch_of_one,
    refused,
    run,
    stored,
)
from heads import boxed_coil, five_layers, pose_over, scalp_of_five_layers
from PIL import Image

from tmsgrad import coils, efield, meshing
from tmsgrad.cli import commands
from tmsgrad.cli.commands.optimize_prepare import check_target, find_hotspot
from tmsgrad.cli.commands.optimize_request import RulesRequest
from tmsgrad.cli.inputs.targets import Target
from tmsgrad.cli.results.figures import TargetError
from tmsgrad.cli.results.placement import Placement
from tmsgrad.coils import Pose
from tmsgrad.meshing.drawing import studio


pytestmark = pytest.mark.usefixtures("program_settings")


@pytest.fixture(scope="module")
def planned(case, tmp_path_factory):
    """The main job, once, and what the command gave back to the program."""
    folder, outcomes = tmp_path_factory.mktemp("plan") / "new" / "folder", []

    def watched(options, execute=commands.execute):
        outcomes.append(execute(options))
        return outcomes[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "execute", watched)
        result = run(*case.optimize(folder), "--json")
    assert result.status == 0, result.err
    return folder, result, outcomes[0]


@pytest.fixture(scope="module")
def plan(planned):
    """The main job."""
    return planned[:2]


@pytest.fixture(scope="module")
def second(conductor):
    """The head of second order, of which what is written is where values are corrected."""
    return efield.enriched(conductor, five_layers())


@pytest.fixture(scope="module")
def dosed(case, tmp_path_factory):
    """A second time, for a component and a dose."""
    folder = tmp_path_factory.mktemp("dosed")
    words = case.optimize(folder, direction="-1,1,0.5", efield="80", order=1)
    with studio.undrawn():
        result = run(*words, "--json")
    assert result.status == 0, result.err
    return folder, result


def test_a_placement_is_a_step_of_a_plan_in_words(planned):
    _, result, outcome = planned
    step = outcome.step
    assert step.title == "Placement"
    assert f"dI/dt {result.json['didt'] / 1e6:.4g} A/µs" in step.chosen
    assert f"{result.json['value']:.4g} V/m in the target" in step.evidence
    assert "5% are lost" in step.uncertainty


def test_optimize_prints_what_was_promised_as_json(plan):
    folder, result = plan
    assert list(result.json) == [
        "matsimnibs",
        "value",
        "mesh_error",
        "reciprocal_value",
        "didt",
        "scalp_clearance_mm",
        "seconds",
    ]
    assert {path.name for path in folder.iterdir()} == FILES
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["schema"] == 1
    for key, value in result.json.items():
        assert summary[key] == value
    stages = result.json["seconds"]
    total = stages.pop("total")
    assert sum(stages.values()) == pytest.approx(total, abs=1.0)
    assert {"head", "adjoint", "search", "verification", "output"} <= set(stages)


def test_optimize_shows_the_estimated_error(case, plan, second, target):
    folder, result = plan
    pose = as_written(folder)
    coil = coils.read(case.coil)
    field = efield.solve(second, coil, pose)
    rates = efield.rates(second, coil, pose)
    estimate = efield.estimate_error(second, five_layers(), field, rates)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    found = summary["field"]["estimated_error"]
    gray = meshing.region(five_layers(), five_layers().tags == 2)
    assert found == pytest.approx(
        {
            "relative_l2_head": float(estimate.relative),
            "relative_l2_gray_matter": float(estimate.in_region(gray)),
            "relative_l2_target": float(estimate.in_region(target)),
        },
        rel=1e-6,
    )
    shown = next(x for x in result.out.splitlines() if x.startswith("estimated error"))
    assert f"{found['relative_l2_target']:.1%} of the field in the target" in shown
    assert f"{found['relative_l2_head']:.1%} in the whole head" in shown


def test_the_value_is_the_corrected_one_of_the_written_pose(
    case, plan, conductor, second, target
):
    folder, result = plan
    pose = as_written(folder)
    np.testing.assert_allclose(
        pose.to_matsimnibs(), result.json["matsimnibs"], atol=1e-12
    )
    coil = coils.read(case.coil)
    mean = efield.solve(second, coil, pose).mean(target)
    corrected = efield.target_field(conductor, five_layers(), target)
    value, bar = corrected.mesh_error(jnp.linalg.norm, coil, pose)
    assert result.json["value"] == pytest.approx(value, rel=1e-10)
    mesh = result.json["mesh_error"]
    assert mesh["bar"] == pytest.approx(bar, rel=1e-8)
    direct = mesh["direct_solution"]
    assert direct == pytest.approx(float(np.linalg.norm(mean)), rel=1e-10)
    assert mesh["direct_solution_order"] == 2
    # First order is off by 0.35%, or by chance by 0.02%, as the mesh of the spheres is.
    assert abs(direct / value - 1) < 1.5e-3
    assert result.json["reciprocal_value"] == pytest.approx(
        result.json["value"], rel=1e-10
    )
    assert result.json["didt"] == 1e6


def test_the_clearance_is_that_of_the_casing_on_the_true_scalp(plan):
    _, result = plan
    pose = Pose.from_matsimnibs(result.json["matsimnibs"])
    scalp = scalp_of_five_layers()
    # The box lies in the coil's plane, which touches the sphere nearest at its centre.
    nearest = -np.max(
        (scalp.surface.vertices - np.asarray(pose.translation))
        @ -np.asarray(pose.rotation)[:, 2]
    )
    assert result.json["scalp_clearance_mm"] == pytest.approx(nearest * 1e3, abs=0.3)
    # By default the casing touches the scalp, and does not cut it.
    assert 0 <= result.json["scalp_clearance_mm"] < 0.02


def test_the_field_of_the_best_pose_is_written_in_all_forms(plan, second):
    folder, _ = plan
    pose = as_written(folder)
    field = efield.solve(second, boxed_coil(), pose)
    # Of the potential what is at nodes of the mesh, and not at middles of its edges.
    field = replace(field, potential=field.potential[: len(five_layers().nodes)])
    found = stored(folder)
    units = {"E": "V/m", "magnE": "V/m", "v": "V", "matsimnibs": "mm"}
    assert found.units == units
    assert found.didt == 1e6
    assert_fields(found.arrays, batch_of_one(field), pose.to_matsimnibs()[None])
    assert_mesh(folder / "field.msh", field)


def test_the_picture_is_one(plan):
    folder, _ = plan
    with Image.open(folder / "overview.png") as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=float)
    assert pixels.shape == (1000, 2000, 3)
    # More than paper and ink: colours of the palette fill a good part of it.
    coloured = np.ptp(pixels, axis=2) > 60
    assert 0.05 < coloured.mean() < 0.8


def test_optimize_says_in_words_where_the_coil_goes(plan):
    _, result = plan
    text = result.out
    for words in ("coil centre", "handle towards", "(mesh) at 1 A/µs", "direct solve"):
        assert words in text
    value, mesh = result.json["value"], result.json["mesh_error"]
    assert f"field in target  {value:.4f} ± {mesh['bar']:.4f} V/m (mesh)" in text
    assert f"{mesh['direct_solution']:.4f} V/m by a direct solve of order 2" in text
    assert result.err == ""


def test_a_direction_and_a_dose_are_obeyed(dosed, plan, conductor, target):
    folder, result = dosed
    pose = as_written(folder)
    direction = np.array([-1.0, 1.0, 0.5]) / 1.5
    mean = efield.solve(conductor, boxed_coil(), pose).mean(target)
    assert result.json["value"] == pytest.approx(float(direction @ mean), rel=1e-9)
    assert result.json["value"] <= plan[1].json["value"] * 1.2
    # didt · value is what was wanted, and the files hold the field at that didt.
    didt = result.json["didt"]
    assert result.json["value"] * didt / 1e6 == pytest.approx(80, rel=1e-12)
    found = stored(folder)
    assert found.didt == didt
    inside = target.weights @ found.arrays["E"][0, target.tetrahedra]
    assert inside @ direction == pytest.approx(80, rel=1e-9)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["share_of_max_didt"] == pytest.approx(didt / 100e6)
    assert "drive it with" in result.out


def test_the_hotspot_is_where_the_axis_of_its_coil_meets_the_scalp(case, tmp_path):
    scalp = scalp_of_five_layers()
    pose = pose_over([-0.5, 0.1, 0.8], 0.4, 9e-3)
    np.savetxt(tmp_path / "m1.txt", pose.to_matsimnibs())
    rules = RulesRequest(motor_pose=str(tmp_path / "m1.txt"))
    found = find_hotspot(rules, str(case.head), None, scalp)
    assert found is not None
    assert abs(scalp.surface.signed_distance(found[None])[0]) < 1e-9
    away = found - np.asarray(pose.translation)
    np.testing.assert_allclose(
        away / np.linalg.norm(away), np.asarray(pose.rotation)[:, 2], atol=1e-9
    )
    aside = pose.to_matsimnibs() + 300.0 * np.eye(4)[:, :1] @ np.eye(4)[3:]
    np.savetxt(tmp_path / "m1.txt", aside)
    with pytest.raises(ValueError, match=r"m1\.txt: the coil's axis misses the scalp"):
        find_hotspot(rules, str(case.head), None, scalp)
    words = case.optimize(tmp_path / "out", **{"motor-pose": tmp_path / "m1.txt"})
    refused(words, tmp_path, "--hotspot-pose is for --rules")
    refused([*words, "--rules", "--hotspot=C3"], tmp_path, "not allowed with")


def test_a_ball_partly_outside_the_head_is_reported(capsys):
    region = meshing.ball(five_layers(), np.array([0.0, 0.0, 0.060]), 10e-3)
    target = Target(region, (0.0, 0.0, 0.080), 10e-3, "gm")
    check_target(scalp_of_five_layers().surface, target)
    shown = capsys.readouterr().err
    assert re.search(
        r"warning: 1\d% of the ball of 10 mm around the target lies outside the head; "
        "the target is the gray matter in the rest of it",
        shown,
    ), shown


@pytest.mark.parametrize(
    ("didt", "bar", "said"),
    [
        (1e6, 0.0016, "0.8034 ± 0.0016 V/m (mesh)"),
        (1e8, 0.0016, "80.34 ± 0.16 V/m (mesh)"),
        (1e8, 0.032, "80.3 ± 3.2 V/m (mesh)"),
        (1e6, 1e-9, "0.8034 ± 0.0000 V/m (mesh)"),
        (1e6, 0.0, "0.8034 ± 0.0000 V/m (mesh)"),
        (1e6, None, "0.803 V/m"),
        (1e8, None, "80.3 V/m"),
    ],
)
def test_a_field_is_stated_as_finely_as_its_bar(didt, bar, said):
    mesh = None if bar is None else TargetError(bar, 0.8, 2)
    placed = Placement(
        pose_over([0, 0, 1]),
        0.8034,
        0.8,
        didt,
        *(None, None, 0.0, None, 0.0),
        "",
        mesh,
    )
    assert placed.stated == said
