"""What comes from files does not steer the terminal, and no name makes a line of ours."""

import io
import json
import unicodedata

import h5py
import numpy as np
import pytest
from cli_examples import refused, run
from hypothesis import given, strategies as st

from tmsgrad.cli.runtime.notices import warn
from tmsgrad.cli.runtime.terminal import printable, safe_output
from tmsgrad.meshing import open_fields


HOSTILE = "\x1b]0;pwned\x07\x1b[31mred \x9b31m\r\u202e\u2066\x08"
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def steers(character):
    return (
        unicodedata.category(character) == "Cc" and character not in "\n\t"
    ) or unicodedata.bidirectional(character) in BIDI


@given(st.text())
def test_no_text_steers_and_harmless_text_stays(text):
    shown = printable(text)
    assert not any(map(steers, shown))
    if not any(map(steers, text)) and "\\" not in shown:
        assert shown == text


def test_names_in_files_reach_no_terminal_as_they_are(tmp_path, capsys):
    coil = {
        "name": HOSTILE,
        "coilElementList": [
            {"stimulator": 0, "type": 1, "points": [[0, 0, 0]], "values": [[0, 0, 1]]}
        ],
        "stimulatorList": [{"name": HOSTILE}],
    }
    path = tmp_path / "c.tcd"
    path.write_text(json.dumps(coil))
    result = run("coil", "info", path)
    assert result.status == 0, result.err
    assert "\\x1b]0;pwned" in result.out
    assert not any(map(steers, result.out + result.err))
    message = refused(["coil", "info", tmp_path / f"{HOSTILE}.tcd"], tmp_path, "pwned")
    assert not any(map(steers, message))
    assert json.loads(json.dumps(run("coil", "info", path, "--json").json))


def test_a_line_feed_in_a_name_begins_no_line(tmp_path, capsys):
    name = tmp_path / "a\ntmsgrad: all is well.ccd"
    message = refused(["coil", "info", name], tmp_path, "a\\ntmsgrad")
    assert message.count("\n") == 1
    warn("the coil 'a\nb' is odd")
    assert capsys.readouterr().err == "tmsgrad: warning: the coil 'a\\nb' is odd\n"


def test_names_that_are_no_text_can_be_printed(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)
    with safe_output():
        print("bytes \udcff and µ")
    stream.flush()
    assert stream.buffer.getvalue() == b"bytes \\udcff and \\xb5\n"


@pytest.mark.parametrize("kind", ["link", "raw", "group", "virtual"])
def test_fields_in_other_files_are_not_followed(tmp_path, kind):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["magnE"] = np.zeros((1, 2))
    with h5py.File(tmp_path / "field.h5", "w") as file:
        if kind == "link":
            file["magnE"] = h5py.ExternalLink("other.h5", "/magnE")
        elif kind == "raw":
            raw = [(str(tmp_path / "other.h5"), 0, 16)]
            file.create_dataset("magnE", (1, 2), "f8", external=raw)
        elif kind == "group":
            file.create_group("magnE")
        else:
            layout = h5py.VirtualLayout((1, 2), "f8")
            layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "magnE", (1, 2))
            file.create_virtual_dataset("magnE", layout)
    refusal = pytest.raises(ValueError, match=r"field\.h5: magnE is no array in this")
    with refusal, open_fields(tmp_path / "field.h5"):
        pass
