"""The segmenter's process, played by a script: the real one runs where it is installed."""

import os
import sys
import time

import nibabel
import numpy as np
import pytest
from scan_examples import made_head, made_t1, write_image

from tmsgrad.meshing.anatomy import samseg
from tmsgrad.meshing.anatomy.installing import Samseg
from tmsgrad.meshing.anatomy.samseg import (
    memory_lacking,
    progress_of,
    run_samseg,
)


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts are of POSIX")

SCRIPT = """#!{python}
import sys, pathlib, shutil, time
out = pathlib.Path(sys.argv[sys.argv.index("-o") + 1])
with open({calls!r}, "a") as file:
    print(*sys.argv[1:], file=file)
print("atlas registration complete: 0:00:01", flush=True)
print("iterationNumber: 0", flush=True)
{body}
"""


@pytest.fixture
def program(tmp_path):
    labels = made_head(4.0)
    free = np.array([0, 2, 3, 24, 165, 258])[labels.labels].astype(np.int32)
    seg = tmp_path / "made.mgz"
    nibabel.save(nibabel.MGHImage(free, labels.affine), seg)  # pyright: ignore

    def make(body=f"shutil.copy({str(seg)!r}, out / 'seg.mgz')"):
        path = tmp_path / "run_samseg"
        path.write_text(
            SCRIPT.format(
                python=sys.executable, calls=str(tmp_path / "calls"), body=body
            )
        )
        path.chmod(0o755)
        return Samseg(path)

    return make


@pytest.fixture
def t1(tmp_path):
    labels = made_head(4.0)
    return write_image(tmp_path / "t1.nii.gz", made_t1(labels), labels.affine)


def test_labels_become_tissues_and_are_made_once(tmp_path, program, t1):
    expected, told = made_head(4.0), []
    for _ in range(2):
        found = run_samseg(
            program(), [t1], tmp_path / "work", progress=lambda *a: told.append(a)
        )
        np.testing.assert_array_equal(found.labels, expected.labels)
        np.testing.assert_allclose(found.affine, expected.affine, atol=1e-4)
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert f"-i {t1} --options" in call
    assert "--save-warp" not in call
    os.utime(t1, (1, 1))  # Another image of the same name.
    run_samseg(program(), [t1], tmp_path / "work", thorough=True)
    assert "--options" not in (tmp_path / "calls").read_text().splitlines()[1]


def test_a_second_image_is_registered_to_the_first(tmp_path, program, t1):
    run_samseg(program(), [t1, t1], tmp_path / "work", threads=2)
    call = (tmp_path / "calls").read_text()
    assert "--threads 2" in call
    assert f"-i {t1} {t1} --coregister --pallidum-separate" in call


@pytest.mark.parametrize(
    ("body", "words"),
    [("sys.exit('no memory')", "ended with 1.*no memory"), ("", "without labels")],
)
def test_what_fails_says_the_end_of_its_log(tmp_path, program, t1, body, words):
    with pytest.raises(ValueError, match=words):
        run_samseg(program(body), [t1], tmp_path / "work")


def test_an_interruption_ends_the_process(tmp_path, program, t1, monkeypatch):
    def stop(share, what):
        if "round 1" in what:
            raise KeyboardInterrupt

    body = f"time.sleep(60)\npathlib.Path({str(tmp_path / 'late')!r}).write_text('')"
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_samseg(program(body), [t1], tmp_path / "work", progress=stop)
    assert time.monotonic() - begun < 50
    assert not (tmp_path / "late").exists()


def test_progress_is_read_from_the_log():
    assert progress_of("", 12) == (0.02, "affine registration")
    log = "atlas registration complete\n"
    assert progress_of(log, 12)[0] == 0.15
    log += "iterationNumber: 0\niterationNumber: 5\n"
    assert progress_of(log, 12) == (pytest.approx(0.3), "level 1, round 6")
    log += "iterationNumber: 0\niterationNumber: 11\n"
    assert progress_of(log, 12) == (pytest.approx(0.95), "level 2, round 12")
    assert progress_of(log + "run_samseg complete", 12)[0] == 1.0


def test_too_little_memory_is_said_before(monkeypatch):
    monkeypatch.setattr(samseg, "_free_memory", lambda: 4e9)
    assert "needs about 6.5 GB of memory, and 4.0 GB" in (memory_lacking(10**7) or "")
    monkeypatch.setattr(samseg, "_free_memory", lambda: 40e9)
    assert memory_lacking(10**7) is None
    monkeypatch.setattr(samseg, "_free_memory", lambda: None)
    assert memory_lacking(10**7) is None
