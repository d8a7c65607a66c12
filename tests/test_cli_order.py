"""`--order 2`: elements of second order in every verb that computes fields."""

import nibabel
import numpy as np
import pytest
from cli_examples import as_written, batch_of_one, refused, run, stored
from heads import boxed_coil, five_layers

from tmsgrad import efield, meshing


pytestmark = pytest.mark.usefixtures("program_settings", "undrawn")


@pytest.fixture(scope="module")
def second_order():
    head = five_layers()
    return efield.assemble(head, efield.isotropic(head), order=2)


def test_fields_are_those_of_second_order(case, second_order, tmp_path):
    head, out = five_layers(), tmp_path / "out"
    image = nibabel.Nifti1Image(
        np.zeros((12, 12, 12), dtype=np.float32),
        np.array([[5.0, 0, 0, -20.3], [0, 5, 0, -25.7], [0, 0, 5, 20.9], [0, 0, 0, 1]]),
    )
    nibabel.save(image, tmp_path / "T1.nii")
    words = case.simulate(out, order=2, nifti=tmp_path / "T1.nii", didt="2e6")
    result = run(*words, "--json")
    assert result.status == 0, result.err
    field = efield.solve(second_order, boxed_coil(), as_written(out), 2e6)
    found = stored(out).arrays
    np.testing.assert_allclose(
        found["E"], batch_of_one(field.vectors), rtol=1e-9, atol=1e-9
    )
    at_nodes = field.potential[: len(head.nodes)]
    np.testing.assert_allclose(
        found["v"], batch_of_one(at_nodes), atol=1e-9 * float(np.abs(at_nodes).max())
    )
    # At the centres of voxels the image has the field there, not the element's mean.
    voxels = np.asanyarray(nibabel.Nifti1Image.from_filename(out / "E.nii.gz").dataobj)
    centres = np.argwhere(np.ones((12, 12, 12))) * 5e-3 + [-20.3e-3, -25.7e-3, 20.9e-3]
    points = efield.sampler(head, centres)
    inside = np.asarray(points.inside)
    expected = np.asarray(points(field))[inside]
    np.testing.assert_allclose(
        voxels.reshape(-1, 3)[inside], expected, rtol=1e-5, atol=1e-7
    )
    assert inside.sum() > 500
    estimate = efield.estimate_error(
        second_order,
        head,
        field,
        efield.rates(second_order, boxed_coil(), as_written(out)),
    )
    assert result.json["order"] == 2
    assert result.json["fields"][0]["estimated_error"]["relative_l2_head"] == (
        pytest.approx(float(estimate.relative), rel=1e-6)
    )


def test_values_in_a_target_are_those_of_second_order(case, second_order, tmp_path):
    out = tmp_path / "pulses"
    words = case.simulate(out, order=2, target="30,-20,50", radius=8)
    result = run(*words, "--json")
    assert result.status == 0, result.err
    target = meshing.ball(five_layers(), [0.03, -0.02, 0.05], 8e-3, "gray matter")
    field = efield.solve(second_order, boxed_coil(), as_written(out), 1e6)
    value = float(np.linalg.norm(field.mean(target)))
    assert result.json["strongest"]["value"] == pytest.approx(value, rel=1e-6)
    assert result.json["order"] == 2


@pytest.mark.parametrize("verb", ["optimize", "sweep"])
def test_searches_are_on_elements_of_second_order(case, tmp_path, monkeypatch, verb):
    asked = []

    def assemble(*_, order):
        asked.append(order)
        raise ValueError("far enough")

    monkeypatch.setattr(efield, "assemble", assemble)
    words = case.optimize(tmp_path / "out", order=2)
    assert run(verb, *words[1:]).status == 2
    assert asked == [2]


def test_other_orders_are_refused(case, tmp_path):
    refused(case.simulate(tmp_path / "out", order=3), tmp_path, "--order", "1, 2")
