"""How sure a matched dose is: what cancels, what adds, and direct solves."""

import functools
import json

import jax
import jax.numpy as jnp
import meshio
import nibabel
import numpy as np
import pytest
from cli_examples import TARGET, refused, run
from heads import boxed_coil, five_layers, pose_over
from scipy import stats

from tmsgrad import efield, meshing
from tmsgrad.optimize import dosing


pytestmark = pytest.mark.usefixtures("program_settings")

MOTOR = [-0.03, 0.0, 0.056]
RADIUS = 0.01
SPREAD = efield.PlacementSpread(3e-3, 1.5e-3, np.radians(6), np.radians(4))
NO_SPREAD = efield.PlacementSpread(0.0, 0.0, 0.0, 0.0)


@functools.cache
def sites():
    head, coil = five_layers(), boxed_coil()
    poses = (pose_over(MOTOR, 0.5), pose_over(TARGET, 0.2, 9e-3))
    regions = [meshing.ball(head, place, RADIUS) for place in (MOTOR, TARGET)]
    return [dosing.Site(coil, *each) for each in zip(poses, regions, strict=True)]


@pytest.fixture(scope="module")
def interval(conductor):
    """`matched_interval` of tissues and placement errors."""

    def found(relative, spread=NO_SPREAD, first=None, draws=64):
        head = five_layers()
        tissues = efield.uncertain_tissues(
            head, conductor, efield.relative_distributions(relative)
        )
        return dosing.matched_interval(
            *(head, conductor, first or sites()[0], sites()[1]),
            *(dosing.MeanStrength(), tissues, spread),
            draws=draws,
        )

    return found


def test_what_acts_on_both_fields_alike_cancels(interval):
    found = interval(0.2, first=sites()[1], draws=16)
    assert min(found.fields) > 1e-3
    assert found.tissues < 1e-12
    assert (found.low, found.median, found.high) == pytest.approx((1, 1, 1), abs=1e-12)


@pytest.mark.long
def test_intervals_are_those_of_direct_solves(interval, conductor):
    draws = 8
    found = interval(0.2, SPREAD, draws=draws)
    tissues = efield.uncertain_tissues(
        five_layers(), conductor, efield.relative_distributions(0.2)
    )
    shares = efield.sobol(len(tissues.tags) + 12, draws, 0)
    errors = stats.norm.ppf(shares[:, -12:]).reshape(draws, 2, 6) * SPREAD.axes
    logs = np.zeros((3, draws))
    for number, site in enumerate(sites()):
        sign = 1 - 2 * number
        for draw, values in enumerate(tissues.values_at(shares[:, :-12])):
            here = conductor.with_conductivity(tissues.conductivity(values))
            field = efield.solve(here, site.coil, site.pose)
            logs[0, draw] += sign * np.log(float(field.mean_magnitude(site.region)))
        poses = jax.vmap(lambda each, pose=site.pose: pose.moved(each[:3], each[3:]))(
            jnp.asarray(errors[:, number])
        )
        moved = efield.solve(conductor, site.coil, poses).mean_magnitude(site.region)
        still = efield.solve(conductor, site.coil, site.pose)
        logs[0] -= sign * np.log(float(still.mean_magnitude(site.region)))
        logs[1 + number] = np.log(moved) - np.log(still.mean_magnitude(site.region))
    assert found.error < 1e-3
    assert found.tissues == pytest.approx(np.std(logs[0]), rel=2e-2)
    assert found.motor == pytest.approx(np.std(logs[1]), rel=4e-2)
    assert found.target == pytest.approx(np.std(logs[2]), rel=4e-2)
    whole = np.exp(logs[0] + logs[1] - logs[2])
    ends = [found.low, found.median, found.high]
    np.testing.assert_allclose(ends, np.percentile(whole, [2.5, 50, 97.5]), rtol=2e-2)
    assert sum(found.shares.values()) == pytest.approx(1)


@pytest.mark.long
def test_the_command_shows_intervals_and_writes_what_is_activated(case, tmp_path):
    for name, site in zip(("m1", "goal"), sites(), strict=True):
        np.savetxt(tmp_path / f"{name}.txt", site.pose.to_matsimnibs())
    affine = np.diag([4.0, 4, 4, 1])
    affine[:3, 3] = -90
    image = nibabel.Nifti1Image(np.zeros((46, 46, 46), np.uint8), affine)
    nibabel.save(image, tmp_path / "t1.nii.gz")
    words = ["dose", case.head, f"--coil={case.coil}", "--threshold=50"]
    words += ["--motor=-30,0,56", "--target=30,-20,50", "--radius=10"]
    words += [f"--motor-pose={tmp_path / 'm1.txt'}"]
    words += [f"--target-pose={tmp_path / 'goal.txt'}", "--out", tmp_path / "out"]
    words += [f"--nifti={tmp_path / 't1.nii.gz'}"]
    result = run(*words, "--uncertainty=0.2", "--draws=32")
    assert result.status == 0, result.err
    found = json.loads((tmp_path / "out" / "dose.json").read_text())
    low, high = found["interval"]["interval_95"]
    assert low < found["outputs"][-1]["output"] < high
    assert "how sure         95% within" in result.out
    mesh = meshio.read(tmp_path / "out" / "activation.msh")
    cells = [n for n, each in enumerate(mesh.cells) if each.type == "tetra"]
    get = lambda name: np.concatenate([mesh.cell_data[name][n] for n in cells])
    active, share = get("activated").ravel() > 0, get("share_of_motor_field").ravel()
    volume = five_layers().volumes[active].sum() * 1e9
    assert volume == pytest.approx(found["activation"]["volume_mm3"], rel=1e-6)
    assert share[active].min() >= 0.83 - 1e-6
    assert share[sites()[1].region.tetrahedra] @ sites()[1].region.weights == (
        pytest.approx(1, rel=1e-6)
    )
    image = nibabel.Nifti1Image.from_filename(tmp_path / "out" / "activated.nii.gz")
    voxels = image.get_fdata() > 0
    # Voxels of 4 mm in a shell of 8 mm.
    assert voxels.sum() * 64 == pytest.approx(volume, rel=0.1)
    refused([*words[:-1], "--nifti=none.nii"], tmp_path, "none.nii")
