"""Real files of coils, damaged in every way: they are read, or refused with their name."""

import base64
import gzip
import json
import time
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tmsgrad import coils


pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

KINDS = {
    "ccd": coils.read,
    "stl": coils.read_stl,
    "tsv": coils.read_waveforms,
    "tcd": coils.read,
    "nii.gz": coils.read,
    "nii": coils.read,
}
ODD_NUMBERS = [0, -1, 1e308, -1e308, 1e-320, 2**53, 10**30, True, 0.5]
ODD_VALUES = [None, "", "x", [], {}, [[]], [[1, 2, 3]], "AAAA", *ODD_NUMBERS]
BOMB = base64.b64encode(zlib.compress(bytes(1 << 29), 9)).decode()
_LONGEST = 20.0  # Of a processor: far more than the second that is meant. [s]


@pytest.fixture(scope="module")
def real(test_data):
    """Each kind of file as bytes, small enough to be read hundreds of times."""
    folder = test_data / "coils"
    lines = (folder / "MagStim_D70.ccd").read_bytes().splitlines(keepends=True)
    count = int(lines[1])
    image = gzip.decompress((folder / "Magstim_70mm_Fig8.nii.gz").read_bytes())
    surface = (folder / "MagStim_D70.stl").read_bytes()
    waves = (folder / "MagVenture_C-B60.tsv").read_bytes().splitlines(keepends=True)
    assert count > 900
    return {
        "ccd": b"".join([lines[0], b"40\n", *lines[2:43]]),
        "stl": surface[:80] + (100).to_bytes(4, "little") + surface[84 : 84 + 5000],
        "tsv": b"".join(waves[:60]),
        "tcd": _small((folder / "Brainsway_H1.tcd").read_bytes()),
        "nii": image[:200_000],
        "nii.gz": gzip.compress(image[:200_000], 1, mtime=0),
    }


def _small(content):
    """A flexible coil's file with eight rows of each array."""
    root = json.loads(content)
    for each in root["coilElementList"]:
        for key in ("points", "values"):
            each[key] = _packed(_unpacked(each[key])[:24])
    for each in root["coilModels"]:
        each["points"] = _packed(_unpacked(each["points"])[:24])
        each["faces"] = _packed(np.arange(6, dtype="<i8"))
        each.pop("minDistancePoints", None)
    return json.dumps(root).encode()


def _packed(array):
    return base64.b64encode(zlib.compress(array.tobytes())).decode()


def _unpacked(text):
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), "<f8")


def test_the_shortened_files_are_whole(tmp_path, real):
    for kind in ("ccd", "stl", "tsv", "tcd"):
        path = tmp_path / f"m.{kind}"
        path.write_bytes(real[kind])
        KINDS[kind](path)


def _bytes_damaged(data, content):
    content = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        # Most of a file's structure is at its beginning.
        most = len(content) if data.draw(st.booleans()) else min(2000, len(content))
        place = data.draw(st.integers(0, max(most - 1, 0)))
        new = data.draw(
            st.binary(max_size=6)
            | st.sampled_from([b"nan", b"1e999", b"-", b"inf", b"9" * 30])
        )
        content[place : place + data.draw(st.integers(0, 8))] = new
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    return bytes(content)


def _value_replaced(data, content):
    """Another value at some place of a JSON file, or a packed array damaged."""
    root = json.loads(content)
    holder: Any = {"": root}
    key: Any = ""
    for _ in range(data.draw(st.integers(1, 6))):
        inner = holder[key]
        if not isinstance(inner, dict | list) or not inner:
            break
        keys = sorted(inner) if isinstance(inner, dict) else list(range(len(inner)))
        holder, key = inner, data.draw(st.sampled_from(keys))
    old, choice = holder[key], data.draw(st.integers(0, 3))
    if isinstance(old, str) and len(old) > 40 and choice:
        holder[key] = _array_damaged(data, old)
    elif choice == 1 and isinstance(holder, dict):
        del holder[key]
    elif choice == 2 and isinstance(holder, list):
        holder[:] = holder * data.draw(st.integers(0, 50))
    else:
        holder[key] = data.draw(st.sampled_from(ODD_VALUES))
    return json.dumps(root).encode()


def _array_damaged(data, text):
    kind = data.draw(st.sampled_from(["text", "zlib", "numbers", "length", "bomb"]))
    if kind == "bomb":
        return BOMB
    if kind == "text":
        place = data.draw(st.integers(0, len(text) - 1))
        return text[:place] + data.draw(st.sampled_from(["", "%", "\u00e9", "A"]))
    if kind == "zlib":
        return base64.b64encode(_bytes_damaged(data, base64.b64decode(text))).decode()
    array = _unpacked(text).copy()
    if kind == "length":
        return _packed(array[: data.draw(st.integers(0, len(array)))])
    row = data.draw(st.integers(0, len(array) - 1))
    array[row] = data.draw(st.sampled_from([np.nan, np.inf, 1e300, -1.0, 1e-300]))
    return _packed(array)


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_damaged_files_are_read_or_refused_by_name(tmp_path, monkeypatch, real, data):
    monkeypatch.chdir(tmp_path)
    kind = data.draw(st.sampled_from([*KINDS, "tcd", "tcd"]))
    inner = kind == "nii.gz" and data.draw(st.booleans())
    content = gzip.decompress(real[kind]) if inner else real[kind]
    if kind == "tcd" and data.draw(st.integers(0, 3)):
        content = _value_replaced(data, content)
    else:
        content = _bytes_damaged(data, content)
    path = tmp_path / f"m.{kind}"
    path.write_bytes(gzip.compress(content, 1, mtime=0) if inner else content)
    begin, message = time.process_time(), ""
    try:
        KINDS[kind](path)
    except (ValueError, OSError) as refusal:
        message = str(refusal)
    assert not message or "m." in message
    assert time.process_time() - begin < _LONGEST
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    path.unlink()


@pytest.mark.parametrize(
    ("shape", "content", "message"),
    [
        ((30000, 30000, 300), bytes(1 << 24), "which the file cannot hold"),
        (
            (1000, 1000, 50),
            np.random.default_rng(0).bytes(700_000),
            "no plausible coil",
        ),
    ],
)
def test_a_gzipped_bomb_is_refused_unread(tmp_path, real, shape, content, message):
    """An image whose header announces up to 2 TB, over zeros that compress to little."""
    header = bytearray(real["nii"][:352])
    header[40:50] = np.array([4, *shape, 3], "<i2").tobytes()
    path = tmp_path / "bomb.nii.gz"
    path.write_bytes(gzip.compress(bytes(header) + content))
    with pytest.raises(ValueError, match=rf"bomb\.nii\.gz: .*{message}"):
        coils.read(path)
