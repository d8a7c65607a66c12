"""What simulated people found is kept as soon as they are done, and taken up again."""

from benchmarks import bench_motor
from benchmarks.bench_motor import Kept


def test_people_that_are_done_are_not_simulated_again(tmp_path):
    kept = Kept.of(str(tmp_path), "head")
    found = [{"distance": 1e-3, "inside": True}]
    assert kept.lacks("noise", "random 60", 0)
    kept.add("noise", "random 60", 0, found)
    kept.add("noise", "random 60", 1, found)
    file = tmp_path / "people-head.jsonl"
    file.write_text(file.read_text()[:-9])  # The last one was cut off.
    again = Kept.of(str(tmp_path), "head")
    assert not again.lacks("noise", "random 60", 0)
    assert again.lacks("noise", "random 60", 1)
    assert again.of_person("noise", "random 60", 0) == found
    assert again.people("noise", "random 60") == [found]
    assert again.people("noise", "random 180") == []
    again.add("noise", "random 60", 1, found)
    assert not Kept.of(str(tmp_path), "head").lacks("noise", "random 60", 1)
    assert Kept.of(None, "head").folder is None


def test_pulses_are_chosen_with_one_kind_of_noise_only():
    chosen = [each.name for each in bench_motor.SCENES if each.fits("chosen 70")]
    assert chosen == ["published noise"]
    assert all(each.fits("random 60") for each in bench_motor.SCENES)
