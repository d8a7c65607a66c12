"""Trials: power, concealed allocation, and blinded pairs of plans."""

import json

import numpy as np
import pytest
from cli_examples import run
from scipy import stats

from tmsgrad.optimize import trials


SEED = 10**30 + 7


def plan(folder, target, didt=80e6, tilt=0.0, version="1"):
    """What the trial reads of what `optimize` writes."""
    folder.mkdir()
    origin = {
        "settings": {"target": target, "head": "m2m", "tilt": tilt, "out": str(folder)},
        "inputs": {"head": {"sha256": "0"}, "target_map": {"sha256": str(target)}},
        "versions": {"tmsgrad": version},
    }
    content = {"didt": didt, "provenance": origin}
    (folder / "summary.json").write_text(json.dumps(content))
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[:3, 3] = target
    np.savetxt(folder / "pose.txt", pose)
    return folder


@pytest.fixture
def trial(tmp_path):
    words = ("--arms", "personal,standard", "--random-seed", str(SEED))
    result = run(
        *("trial", "allocate", "--people", 10, *words, "--out", tmp_path / "t")
    )
    assert result.status == 0, result.err
    plan(tmp_path / "one", [1.0, 2.0, 80.0])
    plan(tmp_path / "two", [9.0, 2.0, 80.0], didt=70e6)
    return tmp_path


def pair(folder, person, *more, first="one", second="two"):
    return run(
        *("trial", "pair", "--sealed", folder / "t" / "sealed.json"),
        *("--person", person, "--first", folder / first, "--second", folder / second),
        *("--out", folder / person, *more),
    )


def opened(folder, person):
    return run(
        *("trial", "open", "--sealed", folder / "t" / "sealed.json"),
        *("--pair", folder / person, "--log", folder / "enrolled.csv", "--json"),
    )


def test_power_of_204_people_is_less_two_sided_than_one_sided():
    # Of half a hundred and a third of a hundred: (r1 - r2)/√(Σ r(1 - r)/n) less the limit.
    found = trials.power_of_rates(204, (0.5, 0.33))
    shift = 0.17 / np.sqrt((0.25 + 0.33 * 0.67) / 102)
    assert found.one_sided == pytest.approx(stats.norm.cdf(shift - 1.644854), abs=1e-6)
    assert (round(found.one_sided, 2), round(found.two_sided, 2)) == (0.80, 0.71)


def test_power_of_means_is_that_of_tables_and_of_the_normal_limit():
    # Cohen 1988, table 2.3: d = 0.5, 64 in each arm, two-sided 5%.
    assert trials.power_of_means(128, 0.5).two_sided == pytest.approx(0.80, abs=5e-3)
    limit = stats.norm.cdf(0.02 * np.sqrt(25_000) - stats.norm.isf(0.05))
    many = trials.power_of_means(100_000, 0.02)
    assert many.one_sided == pytest.approx(limit, abs=1e-4)
    # The error of the first kind is what is left without an effect.
    none = trials.power_of_means(60, 1e-9, 0.1)
    assert (none.one_sided, none.two_sided) == pytest.approx((0.1, 0.1), abs=1e-6)


def test_lists_are_even_in_blocks_and_the_same_for_a_seed():
    found = trials.allocated(1000, ("x", "y"), 3, (2, 4))
    assert found == trials.allocated(1000, ("x", "y"), 3, (2, 4))
    assert found.digest != trials.allocated(1000, ("x", "y"), 4, (2, 4)).digest
    runs = np.cumsum(2 * np.array(found.numbers) - 1)
    assert np.abs(runs).max() <= 2
    # No arm always comes first, and letters say nothing of arms.
    letters = [found.letter(i, f"P{i}") for i in range(1000)]
    firsts = np.array([each == "a" for each in letters])
    of_second = np.array(found.numbers) == 1
    assert abs(firsts.mean() - 0.5) < 0.05
    assert abs(firsts[of_second].mean() - firsts[~of_second].mean()) < 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: trials.allocated(4, ("x", "x"), 1), "two names"),
        (lambda: trials.allocated(1, ("x", "y"), 1), "two at least"),
        (lambda: trials.allocated(4, ("x", "y"), 1, (3,)), "even numbers"),
        (lambda: trials.power_of_means(3, 1.0), "at least four"),
        (lambda: trials.power_of_means(9, 0.0), "`effect` must be positive"),
        (lambda: trials.power_of_rates(9, (0.5, 0.5)), "two different ones"),
        (lambda: trials.power_of_rates(9, (0.5, 0.4), 0.7), "`alpha`"),
    ],
)
def test_trials_that_cannot_be_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_what_is_published_and_paired_does_not_say_the_arm(trial):
    public = (trial / "t" / "trial.json").read_text()
    sealed = json.loads((trial / "t" / "sealed.json").read_text())
    assert not {"list", "key", "seed"} & set(json.loads(public))
    assert (trial / "t" / "sealed.json").stat().st_mode & 0o077 == 0
    assert sealed["seed"] == str(SEED)
    places = {}
    for number in range(6):
        result = pair(trial, f"P{number}")
        assert result.status == 0, result.err
        folder = trial / f"P{number}"
        for path in folder.rglob("*"):
            for word in ("personal", "standard", "one", "two"):
                assert path.is_dir() or word not in path.read_text()
        places[number] = round(np.loadtxt(folder / "a" / "pose.txt")[0, 3])
        doses = [json.loads((folder / x / "dose.json").read_text()) for x in "ab"]
        assert {each["didt"] for each in doses} == {80e6, 70e6}
    assert set(places.values()) == {1, 9}


def test_people_get_the_arm_of_their_place(trial):
    numbers = json.loads((trial / "t" / "sealed.json").read_text())["list"]
    for place in range(3):
        person = f"P{place}"
        assert pair(trial, person).status == 0
        result = opened(trial, person)
        assert result.status == 0, result.err
        pose = np.loadtxt(trial / person / result.json["plan"] / "pose.txt")
        assert pose[0, 3] == pytest.approx((1.0, 9.0)[numbers[place]])
    assert "has place 1 already" in opened(trial, "P0").err
    words = ("--sealed", trial / "t" / "sealed.json", "--log", trial / "enrolled.csv")
    result = run("trial", "unblind", *words, "--out", trial / "arms.csv")
    assert result.status == 0, result.err
    rows = (trial / "arms.csv").read_text().splitlines()[1:]
    assert [row.split(",")[1] for row in rows] == [
        ("personal", "standard")[each] for each in numbers[:3]
    ]
    log = trial / "enrolled.csv"
    log.write_text(log.read_text().replace("P1", "P9"))
    result = run("trial", "unblind", *words, "--out", trial / "arms.csv")
    assert "line 3 or one before it was changed" in result.err


def test_plans_that_differ_in_more_than_the_target_are_refused(trial):
    plan(trial / "tilted", [9.0, 2.0, 80.0], tilt=5.0)
    plan(trial / "older", [9.0, 2.0, 80.0], version="0")
    result = pair(trial, "P0", second="tilted")
    assert result.status == 2
    assert "differ in more than the target: tilt." in result.err
    assert "the target: tmsgrad." in pair(trial, "P0", second="older").err
    assert not (trial / "P0").exists()


def test_what_was_changed_afterwards_is_refused(trial):
    assert pair(trial, "P0").status == 0
    dose = trial / "P0" / "a" / "dose.json"
    kept = dose.read_text()
    dose.write_text(kept.replace("0", "1"))
    assert "changed after they were paired" in opened(trial, "P0").err
    dose.write_text(kept)
    sealed = trial / "t" / "sealed.json"
    content = json.loads(sealed.read_text())
    content["list"][0] = 1 - content["list"][0]
    sealed.write_text(json.dumps(content))
    assert "the list was changed" in opened(trial, "P0").err
    assert not (trial / "enrolled.csv").exists()
    again = ("trial", "allocate", "--people", 4, "--arms", "x,y", "--out", trial / "t")
    assert "is a sealed list already" in run(*again).err
