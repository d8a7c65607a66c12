"""`tmsgrad simulate --target`: a row per pulse, which a later run completes."""

import csv

import jax
import numpy as np
import pytest
from cli_examples import one_line, refused, run, stored
from heads import boxed_coil, pose_over

from tmsgrad import efield
from tmsgrad.cli.commands import session
from tmsgrad.coils import PoseList, navigation, read_poses, stack_poses


pytestmark = pytest.mark.usefixtures("program_settings")
PULSES = 21


def session_file(path, count=PULSES, rates=True):
    poses = stack_poses(
        [pose_over([0.4, -0.2 + 0.02 * i, 1.0], 0.1 * i) for i in range(count)]
    )
    found = PoseList.of_matrices(
        poses.to_matsimnibs(),
        [f'pulse "{i}", of many' for i in range(count)],
        groups=["pulse"] * count,
        current_rates=2e7 + 1e6 * np.arange(count) if rates else None,
        times=5.0 * np.arange(count),
    )
    navigation.write_localite(path, found, triggers=True)
    return path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return session_file(tmp_path_factory.mktemp("recorded") / "TriggerMarkers.xml")


def words(case, recorded, out, *more, didt="recorded"):
    # First order, which a direct solve gives too.
    options = {"pose": recorded, "target": "30,-20,50", "didt": didt, "radius": 8}
    options["order"] = 1
    return [*case.simulate(out, **options), *more]


def rows(folder):
    with (folder / "pulses.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def whole(case, recorded, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "out"
    result = run(*words(case, recorded, folder, "--direction", "0,0,2"), "--json")
    assert result.status == 0, result.err
    return folder, result


def test_a_row_per_pulse_is_the_direct_solve(whole, recorded, conductor, target):
    folder, result = whole
    found, poses = rows(folder), read_poses(recorded)
    assert {path.name for path in folder.iterdir()} == {
        *("pulses.csv", "summary.json", "pose.txt", "overview.png")
    }
    assert [row["name"] for row in found] == list(poses.names)
    assert {row["group"] for row in found} == {"pulse"}
    np.testing.assert_allclose([float(row["time_s"]) for row in found], poses.times)
    rates = np.array([float(row["didt_A_per_s"]) for row in found])
    np.testing.assert_allclose(rates, poses.current_rates)
    for index in (0, 16, PULSES - 1):
        pose = jax.tree.map(lambda x, i=index: x[i], poses.poses)
        field = efield.solve(conductor, boxed_coil(), pose, rates[index])
        mean, row = np.asarray(field.mean(target)), found[index]
        shown = [float(row[f"target_E_{c}"]) for c in "xyz"]
        np.testing.assert_allclose(shown, mean, rtol=1e-7, atol=1e-8)
        assert float(row["target_E_norm"]) == pytest.approx(
            np.linalg.norm(mean), rel=1e-7
        )
        assert float(row["target_E_component"]) == pytest.approx(mean[2], rel=1e-6)
        centre = [float(row[f"{c}_mm"]) for c in "xyz"]
        np.testing.assert_allclose(centre, pose.translation * 1e3, rtol=1e-8)
        assert float(row["scalp_distance_mm"]) == pytest.approx(4, abs=0.4)
    assert result.json["schema"] == 1
    strongest = result.json["strongest"]
    assert strongest["direct_solve"] == pytest.approx(strongest["value"], rel=1e-7)
    norms = [float(row["target_E_norm"]) for row in found]
    assert strongest["pose"] == int(np.argmax(norms))
    assert result.json["target_E_norm_percentiles"]["100"] == pytest.approx(max(norms))


@pytest.mark.usefixtures("undrawn")
def test_an_interrupted_run_goes_on(case, recorded, whole, tmp_path, monkeypatch):
    out, real, blocks = tmp_path / "out", efield.mean_fields, []

    def stop_after_one(*args):
        if blocks:
            raise KeyboardInterrupt
        blocks.append(1)
        return real(*args)

    more = ["--direction", "0,0,2"]
    with monkeypatch.context() as patch:
        patch.setattr(session.efield, "mean_fields", stop_after_one)
        result = run(*words(case, recorded, out, *more))
    assert result.status == 130
    assert "16 pulses are kept" in result.err
    assert len(rows(out)) == 16
    # The machine went down within a row.
    with (out / "pulses.csv").open("a", encoding="utf-8") as file:
        file.write('16,"pulse')
    other = run(*words(case, recorded, out, didt="1e6"))
    assert other.status == 2
    assert "unfinished run with other input" in other.err
    result = run(*words(case, recorded, out, *more), "--json")
    assert result.status == 0, result.err
    assert result.json["resumed_at"] == 16
    assert rows(out) == rows(whole[0])
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


@pytest.mark.usefixtures("undrawn")
def test_the_fast_way_is_close_and_says_how_close(case, recorded, whole, tmp_path):
    result = run(*words(case, recorded, tmp_path / "out", "--fast"), "--json")
    assert result.status == 0, result.err
    exact, fast = (
        np.array([float(row["target_E_norm"]) for row in rows(folder)])
        for folder in (whole[0], tmp_path / "out")
    )
    error = np.abs(fast / exact - 1).max()
    assert 0 < error < 2e-2  # The head of this test is coarse.
    assert 0 < result.json["fast_error"] < 2e-2


@pytest.mark.usefixtures("undrawn")
def test_many_pulses_are_fast_unless_they_are_to_be_exact(
    case, recorded, whole, tmp_path, monkeypatch
):
    monkeypatch.setattr(session, "_MANY", PULSES - 1)
    result = run(*words(case, recorded, tmp_path / "many"), "--json")
    error = result.json["fast_error"]
    exact, fast = (
        np.array([float(row["target_E_norm"]) for row in rows(folder)])
        for folder in (whole[0], tmp_path / "many")
    )
    # 16 of the 21 are those at which the error is measured.
    assert 0 < np.abs(fast / exact - 1).max() < 1.5 * error
    result = run(*words(case, recorded, tmp_path / "exact", "--exact"), "--json")
    assert result.json["fast_error"] is None
    found = [float(row["target_E_norm"]) for row in rows(tmp_path / "exact")]
    np.testing.assert_allclose(found, exact, rtol=1e-12)
    both = words(case, recorded, tmp_path / "out", "--exact", "--fast")
    refused(both, tmp_path, "not allowed with")
    whole_fields = words(case, recorded, tmp_path / "out", "--fields", "--fast")
    refused(whole_fields, tmp_path, "--fast is of the values in a --target")


@pytest.mark.usefixtures("undrawn")
def test_a_coil_in_the_head_is_lifted_on_request_only(case, tmp_path):
    deep = pose_over([0.4, -0.2, 1.0], distance=-3e-3)
    np.savetxt(tmp_path / "deep.txt", deep.to_matsimnibs())
    plain = words(case, tmp_path / "deep.txt", tmp_path / "out", didt="1e6")
    refused(plain, tmp_path, "pose 0 puts the coil inside", "--repair")
    assert run(*plain, "--repair").status == 0
    (row,) = rows(tmp_path / "out")
    assert 2 < float(row["lifted_mm"]) < 5
    assert 0 <= float(row["clearance_mm"]) < 0.1
    assert float(row["scalp_distance_mm"]) > -0.01


def test_what_makes_no_sense_is_refused(case, recorded, tmp_path):
    out = tmp_path / "out"
    far = pose_over([0.4, -0.2, 1.0], distance=0.2)
    np.savetxt(tmp_path / "far.txt", far.to_matsimnibs())
    refused(words(case, tmp_path / "far.txt", out, didt="1e6"), tmp_path, "away from")
    unknown = session_file(tmp_path / "unknown.xml", 2, rates=False)
    one_line(refused(words(case, unknown, out), tmp_path, "no dI/dt was recorded"))
    with_radius = case.simulate(out, radius=5)
    refused(with_radius, tmp_path, "--target, which is missing")
    refused(case.simulate(out, target="1,2,3"), tmp_path, "within 5 mm of the target")
    empty = tmp_path / "empty.xml"
    navigation.write_localite(empty, PoseList.of_matrices(np.zeros((0, 4, 4))))
    refused(words(case, empty, out, didt="1e6"), tmp_path, "holds no poses")
    refused(
        words(case, recorded, out, "--group", "sample"), tmp_path, "no sample among"
    )
    zero = words(case, recorded, out, "--direction", "0,0,0")
    refused(zero, tmp_path, "--direction")


@pytest.mark.usefixtures("undrawn")
def test_whole_fields_come_with_recorded_rates_too(case, tmp_path, conductor):
    file = session_file(tmp_path / "two.xml", 2)
    result = run(*words(case, file, tmp_path / "out", "--fields"), "--json")
    assert result.status == 0, result.err
    assert result.json["didt"] == [2e7, 2.1e7]
    poses = read_poses(file)
    one = jax.tree.map(lambda x: x[1], poses.poses)
    field = efield.solve(conductor, boxed_coil(), one, 2.1e7)
    found = stored(tmp_path / "out").arrays
    np.testing.assert_allclose(found["dIdt"], [2e7, 2.1e7])
    scale = float(field.magnitude.max())
    np.testing.assert_allclose(found["magnE"][1], field.magnitude, atol=1e-8 * scale)
