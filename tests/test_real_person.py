"""A functional target of a real person, of the pip package brainspace, if it is there.

`pip install --no-deps brainspace` brings it (BSD licence; the person is one of the Leipzig
mind-brain-body study), or `TMSGRAD_TEST_DATA` has its folder as `brainspace/datasets`.
Nothing of it is part of this project.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from benchmarks import bench_retest, real_person, two_days
from cli_examples import run


pytestmark = [pytest.mark.long, pytest.mark.usefixtures("undrawn")]


@pytest.fixture(scope="module")
def data():
    folder = os.environ.get("TMSGRAD_TEST_DATA")
    own = None if folder is None else Path(folder) / "brainspace" / "datasets"
    found = real_person.package() if own is None or not own.is_dir() else own
    if found is None:
        pytest.skip("brainspace, which carries a person's series, is not installed")
    return found


def target(data, out, part, *more):
    person = real_person.write(data, out / "files", part)
    surfaces = [f"--surface={file}" for file in person.surfaces]
    words = [f"--bold={person.bold}", *surfaces, f"--confounds={person.confounds}"]
    words += ["--compcor=5", "--minutes=7", "--draws=100", "--out", out / "target"]
    result = run("target", "functional", *words, *more)
    assert result.status == 0, result.err
    return json.loads((out / "target" / "target.json").read_text()), result.out


def test_the_halves_of_a_real_series_are_far_apart_and_called_so(data, tmp_path):
    days = []
    for name, part in (("one", slice(0, 326)), ("two", slice(326, 652))):
        found, said = target(data, tmp_path / name, part)
        days.append(found)
        assert found["motion"]["volumes"] == 326
        assert found["repetition_time_s"] == pytest.approx(1.4)
        assert found["reliable"] is (not said.startswith("NOT RELIABLE"))
    folders = [tmp_path / name / "target" for name in ("one", "two")]
    pair = bench_retest.pair_of(*folders)
    apart = np.subtract(days[0]["centre_mm"], days[1]["centre_mm"])
    assert pair.distance == pytest.approx(np.linalg.norm(apart))
    assert pair.held
    assert not all(pair.reliable) or pair.distance <= two_days.FAR
    # In cortex of the left prefrontal lobe, where it was looked for.
    for found in days:
        x, y, _ = found["centre_mm"]
        assert x < -15
        assert y > -5
