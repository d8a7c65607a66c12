"""A dose in one go: placements that are found, a chart, and why the outputs differ."""

import dataclasses
import json

import nibabel
import numpy as np
import pytest
from cli_examples import refused, run
from heads import boxed_coil, five_layers, pose_over
from PIL import Image

from tmsgrad import coils, efield, meshing
from tmsgrad.cli.inputs import sites, waveforms
from tmsgrad.cli.results.dose_result import reason_of
from tmsgrad.coils import Pose
from tmsgrad.optimize import dosing


MOTOR, TARGET = np.array([-0.030, 0.0, 0.056]), np.array([0.030, -0.020, 0.050])


@pytest.mark.usefixtures("program_settings")
def test_placements_are_found_that_are_better_than_others(case, tmp_path):
    out = tmp_path / "out"
    words = ["dose", case.head, f"--coil={case.coil}", "--threshold=50", "--radius=10"]
    words.append("--order=1")
    result = run(*words, "--motor=-30,0,56", "--target=30,-20,50", "--out", out)
    assert result.status == 0, result.err
    poses = coils.read_poses(out / "pose.txt")
    assert [name.split()[-1] for name in poses.names] == ["M1", "target"]
    found = json.loads((out / "dose.json").read_text())
    head, coil = five_layers(), coils.read(case.coil)
    conductor = efield.assemble(head, efield.isotropic(head))
    fields = found["field_per_1e6_A_per_s"]
    for number, (name, centre) in enumerate({"motor": MOTOR, "target": TARGET}.items()):
        region, pose = meshing.ball(head, centre, 10e-3), poses.pose(number)
        strength = lambda at, where=region: float(
            efield.solve(conductor, coil, at).mean_magnitude(where)
        )
        assert strength(pose) == pytest.approx(fields[name], rel=1e-6)
        for shift in ([6e-3, 0, 0], [0, 6e-3, 0], [-6e-3, 0, 0]):
            moved = Pose(
                pose.rotation, pose.translation + pose.rotation @ np.array(shift)
            )
            assert strength(moved) < strength(pose)
    assert "why              The target needs" in result.out
    assert found["reason"] in result.out
    with Image.open(out / "dose.png") as picture:
        assert picture.size[0] == 1200


def test_m1_is_the_hand_knob_where_that_is_known_and_else_asked_for(tmp_path):
    knob = sites.motor_place(None, "template")
    np.testing.assert_allclose(knob, np.array(sites.HAND_KNOB) * 1e-3)
    assert sites.motor_place((-30.0, 0.0, 56.0), "any.msh") == (-0.030, 0.0, 0.056)
    with pytest.raises(ValueError, match="give --motor X,Y,Z"):
        sites.motor_place(None, str(tmp_path / "unknown.msh"))


@pytest.mark.parametrize(
    ("fields", "depths", "words"),
    [
        ((1.0, 1.25), (0.014, 0.016), "20% less output than M1, though it is deeper"),
        ((1.0, 0.8), (0.014, 0.012), "25% more output than M1, though it is less deep"),
        ((1.0, 0.8), (0.014, 0.016), "25% more output than M1:"),
        ((1.0, 1.0), (0.014, 0.014), "the same output as M1:"),
    ],
)
def test_the_reason_says_field_and_depth(fields, depths, words):
    ratio = fields[0] / fields[1]
    found = reason_of(fields, depths, ratio)
    assert words in found
    assert f"{fields[1] / fields[0]:.0%} of M1's field" in found
    assert f"that of M1 {depths[0] * 1e3:.0f} mm" in found


def test_a_map_is_dosed_by_its_own_weights(case, conductor, tmp_path):
    voxels = np.moveaxis(np.indices((24, 24, 24)), 0, -1) * 2.0
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = 1e3 * TARGET - 23
    apart = np.linalg.norm(voxels + affine[:3, 3] - 1e3 * TARGET, axis=-1)
    weights = np.clip(1 - apart / 14, 0, None).astype(np.float32)
    image = nibabel.Nifti1Image(weights, affine)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, tmp_path / "map.nii.gz")
    for name, (direction, angle) in {
        "motor": (MOTOR, 0.0),
        "target": (TARGET, 0.4),
    }.items():
        coils.navigation.write_matsimnibs(
            tmp_path / f"{name}.txt",
            coils.PoseList.of_matrices(
                pose_over(direction, angle).to_matsimnibs()[None], [name]
            ),
        )
    out = tmp_path / "out"
    words = ["dose", case.head, f"--coil={case.coil}", "--threshold=50", "--order=1"]
    words += [f"--{name}-pose={tmp_path / name}.txt" for name in ("motor", "target")]
    words += [
        "--motor=-30,0,56",
        "--radius=10",
        "--target-map",
        tmp_path / "map.nii.gz",
    ]
    result = run(*words, "--out", out)
    assert result.status == 0, result.err
    assert "map.nii.gz: " in result.out
    found = json.loads((out / "dose.json").read_text())["field_per_1e6_A_per_s"]
    field = efield.solve(conductor, boxed_coil(), pose_over(TARGET, 0.4))
    head = five_layers()
    gray = np.flatnonzero(head.tags == 2)
    distance = 1e3 * np.linalg.norm(head.centroids[gray] - TARGET, axis=1)
    share = np.clip(1 - distance / 14, 0, None) * head.volumes[gray]
    expected = share @ np.asarray(field.magnitude)[gray] / share.sum()
    assert found["target"] == pytest.approx(expected, rel=0.01)
    result = run(*words, "--anisotropy=vn", "--out", tmp_path / "none")
    assert result.status == 2
    assert "--tensor" in result.err
    assert not (tmp_path / "none").exists()


@pytest.mark.usefixtures("program_settings", "undrawn")
@pytest.mark.long
def test_placements_are_found_by_a_basis_and_solved_directly(case, conductor, tmp_path):
    basis, out = tmp_path / "basis.h5", tmp_path / "out"
    result = run(
        *("reduce", case.head, f"--coil={case.coil}", "--around=5,-10,85"),
        *("--radius=60", "--tolerance=5", "--order=1", "--out", basis),
    )
    assert result.status == 0, result.err
    words = ["dose", case.head, f"--coil={case.coil}", "--threshold=50", "--radius=10"]
    words += ["--motor=-30,0,56", "--target=30,-20,50", "--reduced", basis]
    words.append("--order=1")
    result = run(*words, "--out", out)
    assert result.status == 0, result.err
    found = json.loads((out / "dose.json").read_text())
    stated = found["reduced"]
    assert stated["file"] == str(basis)
    assert stated["outside"] == []
    assert max(stated["estimated_errors"]) < 0.2
    assert "fields by direct solves" in result.out
    poses, coil = coils.read_poses(out / "pose.txt"), coils.read(case.coil)
    for number, (name, centre) in enumerate({"motor": MOTOR, "target": TARGET}.items()):
        region, pose = meshing.ball(five_layers(), centre, 10e-3), poses.pose(number)
        strength = lambda at, where=region: float(
            efield.solve(conductor, coil, at).mean_magnitude(where)
        )
        value = strength(pose)
        assert value == pytest.approx(found["field_per_1e6_A_per_s"][name], rel=1e-6)
        for shift in ([9e-3, 0, 0], [0, 9e-3, 0], [-9e-3, 0, 0], [0, -9e-3, 0]):
            moved = Pose(
                pose.rotation, pose.translation + pose.rotation @ np.array(shift)
            )
            assert strength(moved) < value
    both = [f"--{name}-pose={out / 'pose.txt'}" for name in ("motor", "target")]
    before = (out / "dose.json").read_bytes()
    result = run(*words, *both, "--out", out)
    assert result.status == 2
    assert "--motor-pose and --target-pose give both" in result.err
    assert (out / "dose.json").read_bytes() == before


@pytest.mark.usefixtures("program_settings", "undrawn")
def test_the_target_takes_more_of_a_shorter_pulse(case, tmp_path):
    words = ["dose", case.head, f"--coil={case.coil}", "--threshold=50", "--order=1"]
    words += [f"--motor-pose={case.pose}", f"--target-pose={case.pose}", "--radius=8"]
    words += ["--motor=30,20,50", "--target=30,-20,50"]
    plain = run(*words, "--out", tmp_path / "plain")
    assert "waveform         ignored: peaks of fields are compared" in plain.out
    of = ["--waveform=biphasic:280", "--target-waveform=half-sine:200"]
    with_pulses = run(*words, *of, "--out", tmp_path / "pulses")
    assert with_pulses.status == 0, with_pulses.err
    before, found = (
        json.loads((tmp_path / name / "dose.json").read_text())
        for name in ("plain", "pulses")
    )
    made = [
        coils.Discharge(1e-4, (period / (2 * np.pi)) ** 2 / 1e-4, 0.0, 1.0)
        for period in (280e-6, 200e-6)
    ]
    ratio = dosing.threshold_ratio(made[0].biphasic(), made[1].half_sine())
    assert ratio > 1.05
    assert found["waveform"]["ratio_of_peaks"] == pytest.approx(ratio, rel=1e-6)
    scaled = found["outputs"][-1]["output"] / before["outputs"][-1]["output"]
    assert scaled == pytest.approx(ratio, rel=1e-6)
    assert found["outputs"][0]["output"] == before["outputs"][0]["output"]
    assert "for a membrane of 196 µs" in with_pulses.out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--waveform=biphasic:280"], "--target-waveform: thresholds of two pulses"),
        (["--time-constant=200"], "--time-constant needs --waveform"),
        (
            ["--waveform=biphasic:280", "--target-waveform=biphasic:2"],
            "a period of 2 µs; stimulators have some 300",
        ),
        (["--waveform=own", "--target-waveform=biphasic:280"], "has no waveforms"),
        (["--waveform=no.tsv", "--target-waveform=biphasic:280"], "no.tsv"),
    ],
)
def test_pulses_that_are_not_known_are_refused(case, tmp_path, more, message):
    words = ["dose", case.head, f"--coil={case.coil}", "--threshold=50"]
    words += [f"--motor-pose={case.pose}", f"--target-pose={case.pose}"]
    words += ["--motor=30,20,50", "--target=30,-20,50", "--out", tmp_path / "out"]
    refused([*words, *more], tmp_path, message)


def test_pulses_come_from_the_coils_file_and_from_tables(tmp_path):
    pulse = coils.Discharge(1e-4, 2e-5, 0.0, 1.0)
    both = pulse.biphasic(50)
    two = (both, coils.Waveform("monophasic", both.time, pulse.monophasic(50).signal))
    coils.write_waveforms(tmp_path / "own.tsv", two)
    named = waveforms.waveform_of(
        f"{tmp_path / 'own.tsv'}:monophasic", None, "--waveform"
    )
    np.testing.assert_allclose(named.signal, two[1].signal, atol=1e-6)
    with pytest.raises(ValueError, match=r"which of .*'biphasic', 'monophasic'"):
        waveforms.waveform_of(str(tmp_path / "own.tsv"), None, "--waveform")
    coil = boxed_coil()
    coil = dataclasses.replace(coil, stimulators=(coils.Stimulator("x", "", 1e8, two),))
    assert waveforms.waveform_of("Biphasic", coil, "--waveform").name == "biphasic"
