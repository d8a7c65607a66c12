"""What a benchmark keeps of the command that it was called by."""

import json
import sys

import pytest
from benchmarks import history, record


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["segment"], "python -m benchmarks segment"),
        (
            ["segment", "--folders=/data/m2m_a,../m2m_b", "--mni=-37,-21,58"],
            "python -m benchmarks segment --folders=m2m_a,m2m_b --mni=-37,-21,58",
        ),
        (
            ["turned", "--t1=/data/one.nii.gz", "--axes="],
            "python -m benchmarks turned --t1=one.nii.gz --axes=",
        ),
    ],
)
def test_the_command_is_kept_without_folders(tmp_path, monkeypatch, words, kept):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(history, "append", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["/home/me/benchmarks/__main__.py", *words])
    written = record.write("some", [{"value": 1.0}])
    content = json.loads(written.read_text("utf-8"))
    assert content["command"] == kept
    assert content["rows"] == [{"value": 1.0}]


def test_no_command_is_kept_of_another_program(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(history, "append", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["/usr/bin/pytest", "tests"])
    written = record.write("some", [])
    assert "command" not in json.loads(written.read_text("utf-8"))
