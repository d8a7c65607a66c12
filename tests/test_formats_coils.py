"""Fields of coil files, casings and waveforms, as docs/formats.md lists them."""

import json

import numpy as np
import pytest
from format_examples import assert_complete, cases
from heads import BOX_TRIANGLES, boxed_coil, write_coil

from tmsgrad import coils


MARK = b"\xef\xbb\xbf"


def changed(path, *pairs):
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    return path


def marked(path):
    path.write_bytes(MARK + path.read_bytes())
    return path


def ccd(folder):
    path = write_coil(folder)
    return changed(path, (";coilname=boxed", ";coilname=boxed;brand=B;stimulator=S"))


def ccd_mark(folder):
    coil, plain = coils.read(marked(ccd(folder))), boxed_coil()
    assert coil.name == "boxed"
    assert coil.max_current_rate == plain.max_current_rate
    np.testing.assert_allclose(
        coil.sources().dipole_moments, plain.sources().dipole_moments
    )


def ccd_names(folder):
    coil = coils.read(ccd(folder))
    assert (coil.name, coil.details.brand) == ("boxed", "B")
    assert coil.stimulators[0].name == "S"


def ccd_limit(folder):
    assert coils.read(ccd(folder)).max_current_rate == pytest.approx(1e8)
    with pytest.raises(ValueError, match=r"boxed\.ccd, line 1: dIdtmax, in A/µs, is"):
        coils.read(changed(ccd(folder), ("dIdtmax=100.0", "dIdtmax=1e8")))


def ccd_count(folder):
    count = len(boxed_coil().sources().dipole_positions)
    with pytest.raises(ValueError, match="cut short"):
        coils.read(changed(ccd(folder), (f"\n{count}\n", f"\n{count + 1}\n")))
    with pytest.warns(UserWarning, match="all are used"):
        coils.read(changed(ccd(folder), (f"\n{count}\n", f"\n{count - 1}\n")))


def scaled_dipoles(path, length):
    sources = boxed_coil().sources()
    rows = np.concatenate(
        [length * sources.dipole_positions, sources.dipole_moments], axis=1
    )
    np.savetxt(path, rows, header="x")
    return path


def ccd_positions(folder):
    with pytest.raises(ValueError, match="probably in millimetres"):
        coils.read(scaled_dipoles(folder / "mm.ccd", 1000.0))


def ccd_casing(folder):
    path = ccd(folder)
    points, faces = coils.read_stl(folder / "boxed.stl")
    coils.write_stl(folder / "boxed.stl", points / 25.4, faces)
    with pytest.raises(ValueError, match=r"boxed\.stl: the casing is 6\.\d+ mm across"):
        coils.read(path)


def tcd(folder, **fields):
    path = folder / "c.tcd"
    coils.write_tcd(path, boxed_coil())
    root = json.loads(path.read_text())
    stimulator = {k: fields.pop(k) for k in ("maxdIdt", "time") if k in fields}
    if "time" in stimulator:
        time = stimulator.pop("time")
        wave = {"name": "w", "time": time, "signal": [1.0] * len(time)}
        stimulator["waveformList"] = [wave]
    root["stimulatorList"][0] |= stimulator
    path.write_text(json.dumps(root | fields), encoding="utf-8")
    return path


def tcd_mark(folder):
    assert coils.read(marked(tcd(folder))).name == "boxed"


def tcd_names(folder):
    coil = coils.read(tcd(folder, name="N", brand="B", version="7"))
    assert (coil.name, coil.details.brand, coil.details.version) == ("N", "B", "7")


def tcd_limits(folder):
    box = [[-100, 100], [-50, 50], [-10, 90]]
    found = coils.read(tcd(folder, limits=box, resolution=[2, 3, 4])).details
    np.testing.assert_allclose(np.array(found.limits), np.array(box) * 1e-3)
    np.testing.assert_allclose(np.array(found.resolution), [2e-3, 3e-3, 4e-3])


def tcd_rate(folder):
    assert coils.read(tcd(folder, maxdIdt=2e8)).max_current_rate == 2e8
    with pytest.raises(ValueError, match="maxdIdt: the limit is 200 A/s"):
        coils.read(tcd(folder, maxdIdt=200.0))


def tcd_times(folder):
    assert len(coils.read(tcd(folder, time=[0, 1e-4, 2e-4])).stimulators[0].waveforms)
    with pytest.raises(ValueError, match=r"waveformList\[0\]: the times span 200 s"):
        coils.read(tcd(folder, time=[0, 100, 200]))


def tcd_points(folder):
    root = json.loads(tcd(folder).read_text())
    element = root["coilElementList"][0]
    element["points"] = [[2e4, 0, 0]] * 2
    element["values"] = [[0, 0, 1]] * 2
    with pytest.raises(ValueError, match=r"Lengths in a \.tcd are millimetres"):
        coils.read(tcd(folder, coilElementList=[element]))


def tcd_unknown(folder):
    with pytest.raises(ValueError, match="unknown field 'unit'"):
        coils.read(tcd(folder, unit="m"))


BOX = np.array([[x, y, z] for x in (0, 0.16) for y in (0, 0.09) for z in (0, 0.02)])


def stl(folder, scale, header=b""):
    """A box of 160 mm whose numbers are scaled."""
    path = folder / "s.stl"
    coils.write_stl(path, BOX * 1e-3 * scale, BOX_TRIANGLES)
    path.write_bytes(header.ljust(80)[:80] + path.read_bytes()[80:])
    return path


def stl_named(folder):
    lengths = (("mm", 1e3), ("cm", 100), ("m", 1), ("in", 1 / 0.0254))
    words = (("Millimeters", 1e3), ("metres", 1), ("inches", 1 / 0.0254), ("MM;", 1e3))
    for name, per_metre in lengths + words:
        path = stl(folder, per_metre, f"binary UNITS={name} x".encode())
        points, _ = coils.read_stl(path)
        np.testing.assert_allclose(np.ptp(points, axis=0), np.ptp(BOX, axis=0))
    with pytest.raises(ValueError, match=r"s\.stl: .* its header names, 'm'"):
        coils.read_stl(stl(folder, 1e3, b"UNITS=m"))
    with pytest.raises(ValueError, match=r"s\.stl: the header names the unit 'ft'"):
        coils.read_stl(stl(folder, 1e3, b"UNITS=ft"))
    corners = BOX[BOX_TRIANGLES].reshape(-1, 3) / 0.0254
    rows = b"".join(b"vertex %.9g %.9g %.9g\n" % tuple(x) for x in corners)
    long = b"\xef\xbb\xbfsolid " + b"x" * 90 + b" unit=in"  # Beyond 80 bytes.
    for begin in (b"solid case units: inch", long):
        path = folder / "a.stl"
        path.write_bytes(begin + b"\n" + rows + b"endsolid\n")
        points, _ = coils.read_stl(path)
        np.testing.assert_allclose(np.ptp(points, axis=0), np.ptp(BOX, axis=0))


def stl_size(folder):
    assert np.ptp(coils.read_stl(stl(folder, 1e3))[0]) == pytest.approx(0.16)
    with pytest.warns(UserWarning, match="taken as m"):
        assert np.ptp(coils.read_stl(stl(folder, 1.0))[0]) == pytest.approx(0.16)
    for scale in (1e6, 20.0, 1e-3):
        with pytest.raises(ValueError, match=r"s\.stl: the surface is .* in mm"):
            coils.read_stl(stl(folder, scale))


def tsv(folder, name="Time", scale=1.0, mark=b""):
    rows = [f"{name}\tw\tw_fit"]
    rows += [f"{t * scale:.9g}\t1\t2" for t in (0.0, 1e-4, 3e-4)]
    path = folder / "w.tsv"
    path.write_bytes(mark + "\n".join(rows).encode())
    return path


def tsv_mark(folder):
    (wave,) = coils.read_waveforms(tsv(folder, mark=MARK))
    np.testing.assert_allclose(wave.time, [0, 1e-4, 3e-4])


def tsv_unit(folder):
    named = {"Time": 1, "time[s]": 1, "t_ms": 1e3, "Time(us)": 1e6, "Time[µs]": 1e6}
    for name, scale in named.items():
        (wave,) = coils.read_waveforms(tsv(folder, name, scale))
        np.testing.assert_allclose(wave.time, [0, 1e-4, 3e-4], rtol=1e-8)
    with pytest.raises(ValueError, match=r"w\.tsv, line 1: times are in 'h'"):
        coils.read_waveforms(tsv(folder, "Time[h]"))


def tsv_times(folder):
    for scale in (1e3, 1e6):
        with pytest.raises(ValueError, match=r"w\.tsv: the times span"):
            coils.read_waveforms(tsv(folder, scale=scale))


def tsv_fit(folder):
    (wave,) = coils.read_waveforms(tsv(folder))
    np.testing.assert_array_equal(wave.fit, [2, 2, 2])


FORMATS = {
    "Coils, .ccd": {
        "byte-order mark": ccd_mark,
        "`coilname`, `brand`, `stimulator`": ccd_names,
        "`dIdtmax`": ccd_limit,
        "number of dipoles": ccd_count,
        "positions": ccd_positions,
        "casing beside it": ccd_casing,
    },
    "Coils, .tcd": {
        "byte-order mark": tcd_mark,
        "`name`, `brand`, `version`": tcd_names,
        "`limits`, `resolution`": tcd_limits,
        "`maxdIdt`": tcd_rate,
        "`waveformList`, `time`": tcd_times,
        "points": tcd_points,
        "fields of no known name": tcd_unknown,
    },
    "Casings, .stl": {"`UNITS=` in the header": stl_named, "size": stl_size},
    "Waveforms, .tsv": {
        "byte-order mark": tsv_mark,
        "name of the first column": tsv_unit,
        "times": tsv_times,
        "`NAME_fit`": tsv_fit,
    },
}


@pytest.mark.parametrize(("kind", "field"), cases(FORMATS))
def test_a_field_that_is_read_or_checked_has_an_effect(tmp_path, kind, field):
    FORMATS[kind][field](tmp_path)


def test_all_such_fields_are_tested():
    assert_complete(FORMATS)


def no_field(folder, kind):
    """A coil whose field is elsewhere, or nowhere."""
    path = folder / f"c.{kind}"
    if kind == "ccd":
        path.write_text("0 0 0 0 0 0\n0.1 0 0 0 0 0\n")
    elif kind == "tcd":
        path = tcd(folder)
        root = json.loads(path.read_text())
        element = root["coilElementList"][0]
        element |= {"points": [[0, 0, 9000]], "values": [[0, 0, 1e-9]]}
        path = tcd(folder, coilElementList=[element])
    else:
        grid = coils.sampled(
            boxed_coil(), (-0.05, -0.05, -0.05), (0.05, 0.05, 0.05), 0.02
        )
        affine = np.array(grid.affine)
        affine[2, 3] += 0.5
        coils.write_nifti(path, coils.SampledPotential(grid.samples, affine))
    return path


@pytest.mark.parametrize("kind", ["ccd", "tcd", "nii", "nii.gz"])
def test_a_coil_without_a_field_near_its_origin_is_refused(tmp_path, kind):
    path = no_field(tmp_path, kind)
    with pytest.raises(ValueError, match=rf"c\.{kind}: .*no field within 100 mm"):
        coils.read(path)
