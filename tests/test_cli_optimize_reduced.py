"""`tmsgrad optimize --reduced`: searches by a basis, verified by direct solves."""

import json

import h5py
import numpy as np
import pytest
from cli_examples import RADIUS, TARGET, refused, run
from heads import boxed_coil, five_layers, pose_over

from tmsgrad import coils, efield, meshing, optimize


pytestmark = pytest.mark.usefixtures("undrawn", "program_settings")


@pytest.fixture(scope="module")
def basis(case, program_settings, tmp_path_factory):
    """Of placements near the target of all examples."""
    out = tmp_path_factory.mktemp("basis") / "near.h5"
    result = run(
        *("reduce", case.head, f"--coil={case.coil}", "--around=42,-28,75"),
        *("--radius=35", "--tolerance=3", "--modes=60", "--order=1", "--out", out),
    )
    assert result.status == 0, result.err
    return out


def searched(case, basis, out, **changes):
    words = case.optimize(out, **{"search-radius": 15} | changes)
    result = run(*words, "--reduced", basis, "--json")
    assert result.status == 0, result.err
    return result, json.loads((out / "summary.json").read_text(encoding="utf-8"))


def solved(conductor, summary):
    pose = coils.Pose.from_matsimnibs(summary["matsimnibs"])
    return efield.solve(conductor, boxed_coil(), pose)


def everywhere(field):
    """|E| in gray matter, its volumes, and the target."""
    head = five_layers()
    gray = np.flatnonzero(head.tags == 2)
    ball = meshing.ball(head, np.array(TARGET), RADIUS)
    inside = np.isin(gray, ball.tetrahedra).astype(float)
    return np.asarray(field.magnitude)[gray], head.volumes[gray], inside


@pytest.mark.long
@pytest.mark.parametrize(
    ("objective", "rate", "apart"),
    [
        ("focality", optimize.focality_of, 0.06),
        # The search has a soft edge of the hot spot, and elements are large here.
        ("overlap", lambda e, v, part: optimize.overlap_of(e, v, part, 0.02), 0.2),
    ],
)
def test_objectives_of_all_the_tissue_are_searched_and_verified(
    case, basis, conductor, tmp_path, objective, rate, apart
):
    more = {"hottest": 2} if objective == "overlap" else {}
    result, summary = searched(
        case, basis, tmp_path / "out", objective=objective, **more
    )
    stated = summary["reduced"]
    assert result.json["reduced"] == stated
    assert stated["file"] == str(basis)
    assert not stated["outside"]
    assert stated["value_unit"] == "1"
    worst = efield.read_reduced(basis).accuracy.worst
    assert stated["error"]["worst_relative_l2"] == worst
    field = solved(conductor, summary)
    found = rate(*everywhere(field))
    np.testing.assert_allclose(stated["by_direct_solve"], found, rtol=1e-6)
    np.testing.assert_allclose(stated["by_basis"], found, rtol=apart)
    assert f"{objective:16} {found:.4f} by a direct solve" in result.out
    centre = 0.092 * np.array(TARGET) / np.linalg.norm(TARGET)
    over = efield.solve(conductor, boxed_coil(), pose_over(centre, 0.0))
    # In a hot spot of few elements some placements share the best.
    assert found >= rate(*everywhere(over)) * (1 - 1e-12)


@pytest.mark.long
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"direction": "-1,1,0.5"},
        {"objective": "normal"},
        {"objective": "magn"},
        {"avoid": "0,0,62,8,20"},
        {"objective": "focality", "avoid": "0,0,62,8"},
    ],
    ids=lambda changes: " ".join(changes.values()) or "norm",
)
def test_other_objectives_by_the_basis_are_near_to_direct_solves(
    case, basis, conductor, tmp_path, changes
):
    _, summary = searched(case, basis, tmp_path / "out", **changes)
    stated, worst = summary["reduced"], summary["reduced"]["error"]["worst_relative_l2"]
    field = solved(conductor, summary)
    ball = meshing.ball(five_layers(), np.array(TARGET), RADIUS)
    # A component may be small beside the field whose error is stated.
    size = float(field.mean_magnitude(ball))
    np.testing.assert_allclose(
        *(stated["by_basis"], stated["by_direct_solve"]),
        rtol=3 * worst,
        atol=worst * size if changes.get("objective") == "normal" else 0,
    )
    if not changes:
        expected = np.linalg.norm(field.mean(ball))
        np.testing.assert_allclose(stated["by_direct_solve"], expected, rtol=1e-9)
        assert stated["value_unit"] == "V/m"
    if changes.get("objective") == "magn":
        expected = field.mean_magnitude(ball)
        np.testing.assert_allclose(stated["by_direct_solve"], expected, rtol=1e-9)


def test_a_pose_that_the_basis_does_not_know_is_named(case, basis, tmp_path):
    words = case.optimize(tmp_path / "out", distance=25)
    result = run(*words, "--reduced", basis, "--rules", "--json")
    assert result.status == 0, result.err
    assert result.json["reduced"]["outside"]
    assert "the best pose is outside of what the basis" in result.err
    assert "does not know these placements" in result.err
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["rules"] == []


def test_a_sweep_maps_an_objective_of_all_the_tissue(case, basis, tmp_path):
    out = tmp_path / "map"
    words = ["sweep", case.head, f"--coil={case.coil}", "--target=30,-20,50"]
    words += ["--radius=8", "--spacing=8", "--angles=36", "--search-radius=15"]
    words += ["--objective=focality", "--reduced", basis, "--out", out]
    result = run(*words)
    assert result.status == 0, result.err
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["value_unit"] == "1"
    best, focal = summary["best"], summary["whole_brain"]["most_focal"]
    assert (best["position"], best["angle"]) == (focal["position"], focal["angle"])
    np.testing.assert_allclose(summary["map_value"], focal["focality"], rtol=1e-6)
    with h5py.File(out / "sweep.h5") as file:
        assert file["values"].attrs["units"] == "1"
    assert "V/m" not in result.out.splitlines()[0]


def test_what_a_basis_does_not_serve_is_refused(case, basis, tmp_path):
    def refuse(*words, needed, **changes):
        out = tmp_path / "out"
        given = [*case.optimize(out, **changes), "--reduced", basis, *words]
        refused(given, tmp_path, needed)

    refuse(tissue="wm", needed="of the target is elsewhere")
    refuse(accuracy="1%", needed="--accuracy makes another mesh")
    refuse("--uncertainty", needed="--uncertainty needs adjoint solves")
    refuse("--shape", needed="--shape moves the parts")
    refuse(order=2, needed="elements of order 1")
    refuse(objective="overlap", hottest=100, needed="below 100%")
    refuse(hottest=1, needed="--hottest is of --objective overlap")
    words = case.optimize(tmp_path / "out", objective="overlap")
    refused(words, tmp_path, "give --reduced FILE")
    other = coils.read(case.coil).driven(np.array([0.5]))
    coils.write(tmp_path / "other.ccd", other)
    refuse(coil=tmp_path / "other.ccd", needed="made for the coil")
