"""One plan file: from fMRIPrep files, EEG and a threshold to target, pose, dose, timing."""

import json

import numpy as np
import pytest
from benchmarks import simulated_bold, simulated_brain
from cli_examples import run

from tmsgrad import coils


PLAN = """[defaults]
coil = "magstim-70mm-double"

[[run]]
command = "target functional"
bold = "BOLD"
confounds = "CONFOUNDS"
seed-map = "GROUP"
out = "target"

[[run]]
command = "optimize"
head = "template:30000"
target-map = "target/target.nii.gz"
map-space = "mni"
order = 1
out = "plan"

[[run]]
command = "dose"
head = "template:30000"
threshold = 45
target-map = "target/target.nii.gz"
map-space = "mni"
target-pose = "plan/pose.txt"
order = 1
out = "dose"

[[run]]
command = "eeg alpha"
recording = "rest_raw.fif"
channels = ["O1", "Oz", "O2"]
out = "alpha"

[[run]]
command = "eeg pulses"
recording = "rest_raw.fif"
channels = ["O1", "Oz", "O2"]
phase = "trough"
out = "pulses"

[[run]]
command = "pose convert"
file = "plan/pose.txt"
to = "localite"
out = "session.xml"
"""


def write_eeg(path):
    mne = pytest.importorskip("mne")
    time = np.arange(150 * 250) / 250
    noise = 0.5 * np.random.default_rng(0).normal(size=(3, len(time)))
    signals = (np.sin(2 * np.pi * 10.4 * time) + noise) * 1e-5
    raw = mne.io.RawArray(
        signals, mne.create_info(["O1", "Oz", "O2"], 250.0, "eeg"), verbose="error"
    )
    raw.save(path, verbose="error")


@pytest.mark.usefixtures("program_settings", "undrawn")
@pytest.mark.long
def test_images_eeg_and_a_threshold_become_a_plan_without_a_hand_step(tmp_path):
    brain = simulated_brain.ellipsoid(6.0)
    person = simulated_bold.simulate(np.random.default_rng(5), 12, brain)
    files = simulated_bold.write(tmp_path, person)
    write_eeg(tmp_path / "rest_raw.fif")
    text = PLAN
    for word, name in (
        ("BOLD", "bold"),
        ("CONFOUNDS", "confounds"),
        ("GROUP", "group"),
    ):
        text = text.replace(word, files[name].name)
    (tmp_path / "plan.toml").write_text(text)
    assert run("plan", tmp_path / "plan.toml", "--check").status == 0
    result = run("plan", tmp_path / "plan.toml", "--json")
    assert result.status == 0, result.err
    steps = json.loads((tmp_path / "plan.json").read_text())["steps"]
    assert [each["step"] for each in steps] == [
        *("Target", "Placement", "Dose", "Timing", "Timing", "Files")
    ]
    for each in steps[:-1]:
        assert each["chosen"]
        assert each["evidence"]
        assert each["uncertainty"]
    target = json.loads((tmp_path / "target" / "target.json").read_text())
    assert np.linalg.norm(np.array(target["centre_mm"]) - person.truth) < 8
    # What one step found is what the next one took.
    pose = coils.read_poses(tmp_path / "plan" / "pose.txt")
    centre = np.array(target["centre_mm"])
    assert np.linalg.norm(1e3 * pose.translations[0] - centre) < 45
    dosed = coils.read_poses(tmp_path / "dose" / "pose.txt")
    np.testing.assert_allclose(dosed.translations[1], pose.translations[0], atol=1e-6)
    taken = coils.read_poses(tmp_path / "session.xml")
    np.testing.assert_allclose(taken.translations[0], pose.translations[0], atol=1e-4)
    dose = json.loads((tmp_path / "dose" / "dose.json").read_text())
    matched = dose["outputs"][-1]["output"]
    fields = dose["field_per_1e6_A_per_s"]
    assert matched == pytest.approx(0.45 * fields["motor"] / fields["target"])
    alpha = json.loads((tmp_path / "alpha" / "alpha.json").read_text())
    assert alpha["peak_hz"] == pytest.approx(10.4, abs=0.15)
    pulses = json.loads((tmp_path / "pulses" / "pulses.json").read_text())
    assert pulses["hit_rate"] > 0.8
