"""The segmenter's environment, made by a Python and a pip that are played by scripts."""

import sys
import time

import pytest

from tmsgrad.cli.main import main
from tmsgrad.meshing.anatomy import installing
from tmsgrad.meshing.anatomy.installing import (
    Samseg,
    find_samseg,
    install,
    installation,
    installed,
)


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts are of POSIX")

# Makes an environment whose Python is another script.
PYTHON = """#!/bin/sh
case "$*" in
  *"-m venv"*) for home; do :; done; mkdir -p $home/bin; cp {inner} $home/bin/python ;;
esac
"""
PIP = """#!/bin/sh
case "$*" in
  *"pip install"*)
    echo Collecting samseg; echo $* >> {calls}
    {body}
    touch $(dirname $0)/run_samseg ;;
esac
"""


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def played(tmp_path, monkeypatch):
    """Have nothing on PATH but a Python that was made for this, and the shell."""
    path, home = tmp_path / "path", tmp_path / "data" / "samseg"
    path.mkdir()
    monkeypatch.setenv("PATH", f"{path}:/bin:/usr/bin")
    monkeypatch.setattr(installing, "environment", lambda: home)
    monkeypatch.setattr(installing, "_PYTHONS", ("played-3.11", "played-3.10"))
    which = installing.shutil.which
    monkeypatch.setattr(
        installing.shutil, "which", lambda name: which(name, path=str(path))
    )

    def make(body=":"):
        inner = script(tmp_path / "i", PIP.format(calls=tmp_path / "calls", body=body))
        script(path / "played-3.10", PYTHON.format(inner=inner))
        return home

    return make


def test_it_is_found_where_it_is(tmp_path, played):
    home = played()
    assert find_samseg() is None
    there = script(tmp_path / "run_samseg", "")
    assert find_samseg(there) == Samseg(there)
    assert find_samseg(tmp_path) == Samseg(there)
    with pytest.raises(FileNotFoundError, match="no run_samseg here"):
        find_samseg(tmp_path / "elsewhere")
    on_path = script(tmp_path / "path" / "run_samseg", "")
    assert find_samseg() == Samseg(on_path)
    assert install() == find_samseg() == Samseg(home / "bin" / "run_samseg")


def test_what_is_not_complete_is_not_found(played):
    home = played()
    install()
    assert installed() is not None
    (home / "tmsgrad.txt").unlink()
    assert installed() is None
    assert find_samseg() is None


def test_a_python_that_does_not_run_is_passed_over(tmp_path, played):
    played()
    script(tmp_path / "path" / "played-3.11", "#!/bin/sh\nexit 127\n")
    (made, filled), words = installation()
    assert made[0].endswith("played-3.10")
    assert filled[-2:] == ["samseg==0.4a0", "numpy<2"]
    assert "120 MB" in words
    uv = script(tmp_path / "path" / "uv", "")
    (made, filled), words = installation()
    assert made[:4] == [str(uv), "venv", "--python", "3.11"]
    assert "Python 3.11 where it is not there" in words


def test_without_python_it_is_said_what_to_install(played):
    with pytest.raises(ValueError, match=r"neither uv nor such a Python .* Install uv"):
        installation()


def test_a_failure_leaves_nothing_and_says_what_to_do(played, capsys):
    home = played("echo no network >&2; exit 1")
    assert main(["head", "segment", "--install"]) == 2
    said = capsys.readouterr().err
    assert "no network. Is the Python package index within reach" in said
    assert "C compiler" in said
    assert "--samseg" in said
    assert not home.exists()


def test_an_interruption_leaves_nothing_and_a_second_try_ends(played, tmp_path):
    home = played(f"sleep 60; touch {tmp_path / 'late'}")

    def stop(share, what):
        raise KeyboardInterrupt

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        install(stop)
    assert time.monotonic() - begun < 50
    assert not home.exists()
    played()
    assert install().program.is_file()
    assert not (tmp_path / "late").exists()


def test_what_is_there_is_not_downloaded_again(played, tmp_path, capsys):
    played()
    for _ in range(2):
        assert main(["head", "segment", "--install"]) == 0
    assert len((tmp_path / "calls").read_text().splitlines()) == 1
    said = capsys.readouterr()
    assert said.out.count("SAMSEG is installed") == 2
    assert "it was there already" in said.err
