"""Targets of two days: distances, intervals, and what was called not reliable."""

import json

import pytest
from benchmarks import bench_retest, two_days


def day(folder, centre, radius, reliable=True, **changes):
    folder.mkdir(parents=True)
    content = {
        "centre_mm": centre,
        "interval_95_radius_mm": radius,
        "reliable": reliable,
        "motion": {"minutes": 12.0},
        "space": "MNI",
        "seed": "sgACC",
        "search_region": "left-dlpfc",
        "global_signal": False,
        "normative": None,
        "blend": None,
    }
    (folder / "target.json").write_text(json.dumps(content | changes))
    return folder


@pytest.fixture
def people(tmp_path):
    origin = [0.0, 0.0, 0.0]
    days = [
        (3.0, True, [3.0, 4.0, 0.0]),  # 5 mm, held exactly.
        (3.0, True, [0.0, 12.0, 0.0]),  # Far, and called reliable.
        (20.0, False, [0.0, 0.0, 15.0]),  # Far, and called so.
        (20.0, False, [0.0, 0.0, 1.0]),  # Near, and doubted.
    ]
    return [
        (
            day(tmp_path / f"{number}a", origin, radius, reliable),
            day(tmp_path / f"{number}b", centre, 4.0),
        )
        for number, (radius, reliable, centre) in enumerate(days)
    ]


def test_distances_and_intervals_are_counted(people, capsys):
    pairs = [bench_retest.pair_of(*each) for each in people]
    assert [each.distance for each in pairs] == pytest.approx([5.0, 12.0, 15.0, 1.0])
    assert [each.held for each in pairs] == [True, False, True, True]
    assert two_days.counts(pairs) == {
        "pairs": 4,
        "median distance mm": 8.5,
        "largest distance mm": 15.0,
        "held by the intervals": 0.75,
        "beyond 10 mm": 2,
        "of these called not reliable on day 1": 1,
        "on either day": 1,
        "within 10 mm and called not reliable on day 1": 1,
    }
    firsts, seconds = (",".join(map(str, each)) for each in zip(*people, strict=True))
    bench_retest.main([f"--day1={firsts}", f"--day2={seconds}"])
    assert "held by the intervals: 0.75" in capsys.readouterr().out


def test_days_that_do_not_belong_together_are_refused(people, tmp_path, capsys):
    (first, second), *_ = people
    other = day(tmp_path / "other", [0.0, 0.0, 0.0], 3.0, seed="a map")
    for words, message in (
        ((f"--day1={first}", f"--day2={other}"), "differ in seed"),
        (
            (f"--day1={first},{first}", f"--day2={second}"),
            "has 2 folders, and --day2 1",
        ),
        ((f"--day1={first}", f"--day2={tmp_path}"), "target.json"),
    ):
        with pytest.raises(SystemExit):
            bench_retest.main(list(words))
        assert message in capsys.readouterr().err
