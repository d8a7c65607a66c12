import json

import numpy as np
import pytest
from cli_examples import TARGET, refused, run
from heads import boxed_coil, five_layers, pose_over

from tmsgrad import efield, meshing
from tmsgrad.optimize import dosing


pytestmark = pytest.mark.usefixtures("program_settings")

MOTOR = [-0.03, 0.0, 0.056]


@pytest.fixture(scope="module")
def two(conductor):
    """M1 and the target, with a coil over each, at 1e6 A/s."""
    head, coil = five_layers(), boxed_coil()
    regions = [meshing.ball(head, place, 0.01) for place in (MOTOR, TARGET)]
    poses = [pose_over(MOTOR, 0.5), pose_over(TARGET, 0.2, 9e-3)]
    fields = [efield.solve(conductor, coil, pose, 1e6) for pose in poses]
    return regions, poses, fields


@pytest.mark.parametrize(
    "metric", [dosing.MeanStrength(), dosing.Percentile(99.0), dosing.MeanNormal()]
)
def test_scaling_equals_a_direct_simulation_at_that_output(two, conductor, metric):
    (motor, target), poses, fields = two
    head, maximum, threshold = five_layers(), 1.4e8, 0.55
    values = [
        metric(head, fields[0], motor),
        metric(head, fields[1], target),
    ]
    found = dosing.field_matched(threshold, *values, metric=metric.words)
    at = [
        efield.solve(conductor, boxed_coil(), pose, output * maximum)
        for pose, output in zip(poses, (threshold, found.output), strict=True)
    ]
    wanted = metric(head, at[0], motor)
    assert metric(head, at[1], target) == pytest.approx(wanted, rel=1e-10)
    other = dosing.field_matched(
        threshold, *values, motor_maximum=maximum, target_maximum=2 * maximum
    )
    assert other.output == pytest.approx(found.output / 2, rel=1e-14)


def test_distance_correction_has_the_published_slopes():
    # For each millimetre 3% (2005) and 2.8% (2007) of the stimulator's output.
    deeper = dosing.distance_corrected(0.50, 0.015, 0.020, dosing.STOKES_2005)
    assert deeper.output == pytest.approx(0.65)
    assert deeper.of_threshold == pytest.approx(1.3)
    nearer = dosing.distance_corrected(0.50, 0.015, 0.010)
    assert nearer.output == pytest.approx(0.36)
    assert "-5.0 mm" in nearer.rule
    assert dosing.fixed(0.5, 1.335).output == pytest.approx(0.6675)


def test_what_cannot_be_is_refused_or_reported():
    with pytest.raises(ValueError, match=r"threshold is 110%.*up to 100%"):
        dosing.fixed(1.1)
    with pytest.raises(ValueError, match="0%"):
        dosing.field_matched(0.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="`target_field` must be a positive"):
        dosing.field_matched(0.5, 1.0, 0.0)
    with pytest.raises(ValueError, match="`motor_depth` must lie above 0"):
        dosing.distance_corrected(0.5, 15.0, 20.0)
    with pytest.raises(ValueError, match="too different"):
        dosing.distance_corrected(0.1, 0.03, 0.01)
    found = dosing.fixed(0.9)
    assert not found.reachable
    assert found.statement.startswith("cannot be reached: it takes 108.0%")


def test_activation_counts_gray_matter_above_the_threshold(two):
    (_, target), _, fields = two
    head = five_layers()
    strength = np.asarray(fields[1].magnitude)
    limit = 0.7 * float(strength[target.tetrahedra].max())
    found = dosing.activated(head, fields[1], limit, target)
    above = (strength >= limit) & (head.tags == 2)
    assert found.volume == pytest.approx(head.volumes[above].sum())
    within = np.zeros(len(above), dtype=bool)
    within[target.tetrahedra] = True
    both = head.volumes[above & within].sum()
    assert 0 < found.inside < 1
    assert found.inside == pytest.approx(both / head.volumes[above].sum())
    assert found.covered == pytest.approx(both / head.volumes[within].sum())
    several = dosing.activated_range(head, fields[1], limit / 0.7, target)
    assert several[1].volume == pytest.approx(found.volume)
    assert [each.threshold for each in several] == pytest.approx(
        [share * limit / 0.7 for share in dosing.SHARES]
    )
    volumes = [each.volume for each in several]
    assert volumes == sorted(volumes, reverse=True)
    assert volumes[0] > volumes[-1] > 0
    nothing = dosing.activated(head, fields[1], 1e9, target)
    assert (nothing.volume, nothing.inside) == (0.0, 0.0)


def test_the_command_compares_rules_and_refuses_impossible_thresholds(
    case, two, tmp_path
):
    (motor, target), poses, fields = two
    for name, pose in zip(("m1", "goal"), poses, strict=True):
        np.savetxt(tmp_path / f"{name}.txt", pose.to_matsimnibs())
    words = ["dose", case.head, f"--coil={case.coil}", "--motor=-30,0,56", "--order=1"]
    words += [
        "--target=30,-20,50",
        "--radius=10",
        f"--motor-pose={tmp_path / 'm1.txt'}",
    ]
    words += [f"--target-pose={tmp_path / 'goal.txt'}", "--out", tmp_path / "out"]
    result = run(*words, "--threshold=50", "--frequency=10", "--train=4.1")
    assert result.status == 0, result.err
    found = json.loads((tmp_path / "out" / "dose.json").read_text())
    assert found["schema"] == 1
    ratio = float(fields[0].mean_magnitude(motor) / fields[1].mean_magnitude(target))
    assert found["outputs"][-1]["of_threshold"] == pytest.approx(ratio, rel=1e-8)
    assert [round(each["output"], 4) for each in found["outputs"][:2]] == [0.6, 0.6675]
    assert found["target_field"] == pytest.approx(
        float(fields[0].mean_magnitude(motor)) * 50, rel=1e-8
    )
    assert "no medical device" in result.out
    assert [each["within"] for each in found["trains"]["outputs"][:2]] == [True, False]
    assert "133.5 % of the motor threshold: 134%" in result.err
    refused([*words, "--threshold=50", "--frequency=10"], tmp_path, "go together")
    refused([*words, "--threshold=120"], tmp_path, "120%", "up to 100%")
