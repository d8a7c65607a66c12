"""Fields of time series and of what lies beside them, as docs/formats.md lists them."""

import json
from typing import Any

import nibabel
import numpy as np
import pytest
from format_examples import assert_complete, cases

from tmsgrad.optimize import targeting, timing


VOLUMES = 200
MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")


def table(folder, rows: Any = VOLUMES, **columns):
    """A table in fMRIPrep's names; None takes a column out."""
    rng = np.random.default_rng(0)
    values = {name: 1e-5 * rng.standard_normal(rows) for name in MOTION}
    values |= {name: rng.standard_normal(rows) for name in ("csf", "white_matter")}
    values |= columns
    kept = {name: each for name, each in values.items() if each is not None}
    lines = ["\t".join(kept)]
    lines += [
        "\t".join(str(x) for x in row) for row in zip(*kept.values(), strict=True)
    ]
    path = folder / "c.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def confounds(folder, rows: Any = VOLUMES, *, table_of=table, **columns):
    return targeting.read_confounds(table_of(folder, rows, **columns), VOLUMES)


def cleaned(folder, found, **settings):
    rng = np.random.default_rng(1)
    signals = 1000 + rng.standard_normal((VOLUMES, 12))
    series = targeting.BoldSeries(
        signals, np.ones((2, 2, 3), dtype=bool), np.eye(4), 2.0
    )
    wide = (0.0, 0.24)  # Leaves degrees of freedom in a short series.
    return targeting.clean(series, found, band=wide, minutes=1.0, **settings)


def marks(*volumes):
    found = np.zeros(VOLUMES, dtype=int)
    found[list(volumes)] = 1
    return found


def wrong_rows(folder):
    with pytest.raises(ValueError, match="199 rows, but the images 200 volumes"):
        confounds(folder, VOLUMES - 1)
    path = table(folder)
    text = path.read_text()
    path.write_text(text.replace("csf", "trans_x"))
    with pytest.raises(ValueError, match="named twice: trans_x"):
        targeting.read_confounds(path, VOLUMES)
    lines = text.splitlines()
    lines[7] += "\t1.0"
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match="line 8 has another number of cells"):
        targeting.read_confounds(path, VOLUMES)


def motion(folder):
    found = confounds(folder, trans_y=np.where(np.arange(VOLUMES) < 50, 0, 0.2))
    assert found.displacement[50] == pytest.approx(0.2e-3, abs=5e-6)
    assert sum("trans_y" in name for name in found.names) == 4
    with pytest.raises(ValueError, match="are missing: rot_y"):
        confounds(folder, rot_y=None)


def unsteady(folder):
    columns = {f"non_steady_state_outlier0{k}": marks(k) for k in range(3)}
    found = cleaned(folder, confounds(folder, **columns))
    assert found.motion.unsteady == 3
    assert found.motion.kept == VOLUMES - 3
    # The same as if they had never been there.
    without = cleaned(folder, confounds(folder), skip=3)
    np.testing.assert_array_equal(found.series.signals, without.series.signals)
    later = confounds(folder, non_steady_state_outlier00=marks(7))
    with pytest.raises(ValueError, match=r"names volume 7 \(counted from 0\)"):
        cleaned(folder, later)
    with pytest.raises(ValueError, match="150 of 200 volumes would be cut off"):
        cleaned(folder, confounds(folder), skip=150)


def outliers(folder):
    columns = {"motion_outlier00": marks(20), "motion_outlier01": marks(21)}
    found = cleaned(folder, confounds(folder, **columns))
    assert (found.motion.flagged, found.motion.kept) == (2, VOLUMES - 2)
    with pytest.raises(ValueError, match="must hold 0 and 1"):
        confounds(folder, motion_outlier00=2 * marks(20))


def displacement(folder):
    values = np.where(np.arange(VOLUMES) == 30, 0.8, 0.0).astype(object)
    values[0] = "n/a"
    found = confounds(folder, framewise_displacement=values)
    assert found.displacement[30] == pytest.approx(0.8e-3)
    assert "by up to 0.80 mm" in found.remarks[0]
    assert cleaned(folder, found).motion.kept == VOLUMES - 1


def dvars(folder):
    values = np.where(np.arange(VOLUMES) == 30, 2.5, 1.0).astype(object)
    values[0] = "n/a"
    found = confounds(folder, std_dvars=values)
    assert cleaned(folder, found).motion.kept == VOLUMES
    assert cleaned(folder, found, variation=1.5).motion.kept == VOLUMES - 1
    with pytest.raises(ValueError, match="a column std_dvars"):
        cleaned(folder, confounds(folder), variation=1.5)


def tissues(folder):
    assert confounds(folder).names[-2:] == ("csf", "white_matter")
    assert "csf" not in confounds(folder, csf=None).names


def components(folder):
    rng = np.random.default_rng(2)
    names = [f"a_comp_cor_0{k}" for k in range(4)] + ["cosine00", "cosine01"]
    path = table(folder, **{name: rng.standard_normal(VOLUMES) for name in names})
    found = targeting.read_confounds(path, VOLUMES, components=3)
    assert found.names[24:] == (*names[:3], "cosine00", "cosine01")
    clean = cleaned(folder, found)
    columns = found.regressors[:, 24:] - found.regressors[:, 24:].mean(axis=0)
    assert np.abs(columns.T @ clean.series.signals).max() < 1e-9
    with pytest.raises(ValueError, match="has 4 columns a_comp_cor_NN, and 6"):
        targeting.read_confounds(path, VOLUMES, components=6)


def global_signal(folder):
    path = table(folder, global_signal=np.arange(VOLUMES))
    assert "global_signal" not in targeting.read_confounds(path, VOLUMES).names
    assert targeting.read_confounds(path, VOLUMES, True).names[-1] == "global_signal"


def no_number(folder):
    values = np.zeros(VOLUMES, dtype=object)
    values[9] = "n/a"
    with pytest.raises(ValueError, match="csf has no number in some rows"):
        confounds(folder, csf=values)
    values[9] = "x"
    with pytest.raises(ValueError, match="something else than numbers"):
        confounds(folder, csf=values)
    confounds(folder, other=values)


def images(folder, header=2.0, stripped=False, **fields):
    """Images of a box, and the JSON beside them."""
    rng = np.random.default_rng(3)
    values = (1000 + rng.standard_normal((6, 6, 6, 20))).astype(np.float32)
    if stripped:
        values[:2] = 0
    image = nibabel.Nifti1Image(values, np.diag([4.0, 4.0, 4.0, 1.0]))
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((4, 4, 4, header))
    nibabel.save(image, folder / "b_bold.nii.gz")
    nibabel.save(
        nibabel.Nifti1Image(np.ones((6, 6, 6), np.uint8), image.affine),
        folder / "mask.nii.gz",
    )
    path = folder / "b_bold.json"
    path.unlink(missing_ok=True)
    if fields:
        path.write_text(json.dumps(fields))
    return folder / "b_bold.nii.gz", folder / "mask.nii.gz"


def repetition_time(folder):
    for header, beside, given, right, said in (
        (2.0, None, None, 2.0, ()),
        (1.0, 2.0, None, 2.0, ("not 1 s (the header)",)),
        (0.0, 2.0, None, 2.0, ()),
        (1.0, 2.0, 1.5, 1.5, ("not 2 s (b_bold.json)", "not 1 s (the header)")),
        (2.0, 2.001, None, 2.001, ()),
    ):
        fields: dict[str, Any] = {} if beside is None else {"RepetitionTime": beside}
        series = targeting.read_bold(*images(folder, header, **fields), given)
        assert series.repetition_time == pytest.approx(right)
        assert len(series.remarks) == len(said)
        for remark, words in zip(series.remarks, said, strict=True):
            assert words in remark
    refused: tuple[tuple[dict[str, Any], str], ...] = (
        ({"RepetitionTime": 2000}, r"is 2000 s \(b_bold\.json\)"),
        ({"RepetitionTime": "2"}, "must be a number in s, got '2'"),
        ({"EchoTime": 0.03}, "no .json beside it gives another"),
    )
    for fields, needed in refused:
        with pytest.raises(ValueError, match=needed):
            targeting.read_bold(*images(folder, 0.0, **fields))
    image, mask = images(folder)
    (folder / "b_bold.json").write_text("{")
    with pytest.raises(ValueError, match=r"b_bold\.json: this is no JSON"):
        targeting.read_bold(image, mask)


def volume_timing(folder):
    with pytest.raises(ValueError, match="volumes are not evenly spaced"):
        targeting.read_bold(*images(folder, VolumeTiming=[0, 2, 5]))


def slice_timing(folder):
    slow: dict[str, Any] = {"RepetitionTime": 1.0, "SliceTiming": [0.0, 0.9, 1.9]}
    with pytest.raises(ValueError, match=r"SliceTiming reaches 1\.9 s, beyond"):
        targeting.read_bold(*images(folder, **slow))
    assert targeting.read_bold(*images(folder, **slow), 2.0).repetition_time == 2.0
    with pytest.raises(ValueError, match="must be a list of numbers"):
        targeting.read_bold(*images(folder, SliceTiming="up"))


def skull_stripped(folder):
    image, _ = images(folder, stripped=True, SkullStripped=True)
    assert targeting.read_bold(image).mask.sum() == 4 * 36
    with pytest.raises(ValueError, match="must be true or false, got 'no'"):
        targeting.read_bold(*images(folder, SkullStripped="no"))


def recording(folder, edit=lambda raw: None, scale=1e-5, seconds=20):
    mne = pytest.importorskip("mne")
    rng = np.random.default_rng(5)
    raw = mne.io.RawArray(
        scale * rng.standard_normal((3, seconds * 250)),
        mne.create_info(["O1", "Oz", "EOG"], 250.0, ["eeg", "eeg", "eog"]),
        verbose="error",
    )
    edit(raw)
    path = folder / "r_raw.fif"
    raw.save(path, verbose="error", overwrite=True)
    return path


def annotated(onset, duration, words, channels=()):
    mne = pytest.importorskip("mne")

    def edit(raw):
        raw.set_annotations(
            mne.Annotations([onset], [duration], [words], ch_names=[channels])
        )

    return edit


def bad_segments(folder):
    for words in ("BAD", "bad_blink", "Bad x"):
        found = timing.read_eeg(recording(folder, annotated(4, 2, words)))
        assert found.pieces == (slice(0, 1000), slice(1500, 5000))
        assert "2.0 s annotated as bad" in found.remarks[0]
    path = recording(folder, annotated(4, 2, "BAD", ("Oz",)))
    assert len(timing.read_eeg(path, ["O1"]).pieces) == 1
    assert len(timing.read_eeg(path, ["Oz"]).pieces) == 2
    assert (
        len(timing.read_eeg(recording(folder, annotated(4, 2, "not bad"))).pieces) == 1
    )


def seams(folder):
    for words in ("edge", "EDGE boundary", "boundary", "New Segment/", "BAD boundary"):
        found = timing.read_eeg(recording(folder, annotated(4, 0, words)))
        assert found.pieces == (slice(0, 1000), slice(1000, 5000)), words
        assert "cut at 1 seams" in found.remarks[0]


def bad_channels(folder):
    path = recording(folder, lambda raw: raw.info["bads"].append("Oz"))
    assert timing.read_eeg(path).names == ("O1",)
    assert "Oz: marked as bad" in timing.read_eeg(path, ["Oz"]).remarks[0]


def kinds(folder):
    path = recording(folder)
    assert timing.read_eeg(path).names == ("O1", "Oz")
    assert timing.read_eeg(path, ["eog"]).names == ("EOG",)


def units(folder):
    edit = lambda raw: raw.set_channel_types({"Oz": "mag"}, verbose="error")
    path = recording(folder, edit)
    with pytest.raises(ValueError, match="Oz: the file has no voltage"):
        timing.read_eeg(path, ["Oz"])
    assert timing.read_eeg(path, ["Oz"], "V").remarks == ("numbers are taken as V.",)


def powers_of_units(folder):
    def edit(raw):
        for each in raw.info["chs"]:
            each["unit_mul"] = pytest.importorskip("mne").io.constants.FIFF.FIFF_UNITM_M

    found = timing.read_eeg(recording(folder, edit, 1e-2))
    assert found.signals.std() == pytest.approx(1e-5, rel=0.05)
    assert "10^-3 V" in found.remarks[0]


def amplitudes(folder):
    for scale in (10.0, 1e-9):
        with pytest.raises(ValueError, match="unit is not that of its numbers"):
            timing.read_eeg(recording(folder, scale=scale))
    found = timing.read_eeg(recording(folder, scale=10.0), unit="uV")
    assert found.signals.std() == pytest.approx(1e-5, rel=0.05)


def filters(folder):
    path = recording(folder, lambda raw: raw.filter(9, 30, verbose="error"), seconds=70)
    found = timing.read_eeg(path)
    assert found.passband == (9.0, 30.0)
    with pytest.raises(ValueError, match="filtered before to 9 to 30 Hz"):
        timing.individual_alpha(found.signals, found.rate, passband=found.passband)


def rates(folder):
    path = recording(folder, lambda raw: raw.resample(80, verbose="error"), seconds=70)
    found = timing.read_eeg(path)
    with pytest.raises(ValueError, match="sampling rate is 80 Hz"):
        timing.individual_alpha(found.signals, found.rate)


def projections(folder):
    path = recording(folder, lambda raw: raw.set_eeg_reference(projection=True))
    remarks = " ".join(timing.read_eeg(path).remarks)
    assert "projections that the file holds are not applied" in remarks


def edf(path, dimension, before="", seconds=20, rate=250):
    """A file of the European Data Format: one channel, of 1000 to a unit in numbers."""
    rng = np.random.default_rng(6)
    numbers = np.clip(1e4 * rng.standard_normal(seconds * rate), -32767, 32767)
    words = [
        *(("0", 8), ("X", 80), ("X", 80), ("01.01.20", 8), ("00.00.00", 8)),
        *(("512", 8), ("", 44), (str(seconds), 8), ("1", 8), ("1", 4)),
        *(("Oz", 16), ("", 80), (dimension, 8), ("-32.768", 8), ("32.767", 8)),
        *(("-32768", 8), ("32767", 8), (before, 80), (str(rate), 8), ("", 32)),
    ]
    head = "".join(word.ljust(width)[:width] for word, width in words)
    path.write_bytes(head.encode("ascii") + numbers.astype("<i2").tobytes())
    return path


def edf_plus(path, starts, kind="EDF+D", rate=250):
    """Records of a second, which say when they begin."""
    rng, tal = np.random.default_rng(6), 60
    signal = lambda word, width: ((word, width), (word, width))
    words = [
        *(("0", 8), ("X X X X", 80), ("X", 80), ("01.01.20", 8), ("00.00.00", 8)),
        *(("768", 8), (kind, 44), (str(len(starts)), 8), ("1", 8), ("2", 4)),
        *(("Oz", 16), ("EDF Annotations", 16), *signal("", 80), ("uV", 8), ("", 8)),
        *(("-3276.8", 8), ("-1", 8), ("3276.7", 8), ("1", 8)),
        *(("-32768", 8), ("-32768", 8), ("32767", 8), ("32767", 8)),
        *(*signal("", 80), (str(rate), 8), (str(tal), 8), *signal("", 32)),
    ]
    data = "".join(word.ljust(width)[:width] for word, width in words).encode("ascii")
    for start in starts:
        data += (100 * rng.standard_normal(rate)).astype("<i2").tobytes()
        data += f"+{start}\x14\x14\0".encode().ljust(2 * tal, b"\0")
    path.write_bytes(data)
    return path


def gaps(folder):
    pytest.importorskip("mne")
    steady = edf_plus(folder / "a.edf", range(20))
    assert timing.read_eeg(steady).signals.shape == (1, 5000)
    for starts, words in (
        ([*range(8), *range(11, 20)], r"b\.edf: 3 s are missing after 8 s"),
        ([*range(8), *range(7, 20)], r"b\.edf: 1 s are twice after 8 s"),
    ):
        with pytest.raises(ValueError, match=words):
            timing.read_eeg(edf_plus(folder / "b.edf", starts))
    joined = edf_plus(folder / "c.edf", [*range(8), *range(11, 20)], "EDF+C")
    assert timing.read_eeg(joined).signals.shape == (1, 4250)
    cut = folder / "d.edf"
    cut.write_bytes(steady.read_bytes()[:-900])
    assert timing.read_eeg(cut).signals.shape[1] < 5000


def warnings_of_mne(folder):
    pytest.importorskip("mne")
    found = timing.read_eeg(edf(folder / "a.edf", "uV"))
    assert found.signals.std() == pytest.approx(1e-5, rel=0.05)
    assert found.remarks == ()
    for dimension in ("furlong", ""):
        with pytest.raises(ValueError, match="unit is not that of its numbers"):
            timing.read_eeg(edf(folder / "b.edf", dimension))
        given = timing.read_eeg(folder / "b.edf", unit="uV")
        np.testing.assert_allclose(given.signals, found.signals, rtol=1e-12)
    hasty = timing.read_eeg(edf(folder / "c.edf", "uV", "HP:9Hz LP:30Hz"))
    assert hasty.passband == (9.0, 30.0)
    # A record is missing at the end, which MNE says.
    path = edf(folder / "d.edf", "uV")
    path.write_bytes(path.read_bytes()[:-500])
    assert any("MNE: " in each for each in timing.read_eeg(path).remarks)
    odd = recording(folder).rename(folder / "odd.fif")  # Of the name: not passed on.
    assert timing.read_eeg(odd).remarks == ()


FORMATS = {
    "fMRIPrep's confounds": {
        "rows, cells": wrong_rows,
        "`trans_x` to `rot_z`": motion,
        "`non_steady_state_outlierNN`": unsteady,
        "`motion_outlierNN`": outliers,
        "`framewise_displacement`": displacement,
        "`std_dvars`": dvars,
        "`csf`, `white_matter`": tissues,
        "`a_comp_cor_NN`, `cosineNN`": components,
        "`global_signal`": global_signal,
        "`n/a` elsewhere": no_number,
    },
    "JSON beside functional images": {
        "`RepetitionTime`": repetition_time,
        "`VolumeTiming`": volume_timing,
        "`SliceTiming`": slice_timing,
        "`SkullStripped`": skull_stripped,
    },
    "EEG recordings": {
        "annotations that begin with `bad`": bad_segments,
        "annotations `edge…`, `…boundary…`, `New Segment…`": seams,
        "records of EDF+D and BDF+D": gaps,
        "bad channels": bad_channels,
        "kind of channel": kinds,
        "unit of a channel": units,
        "`unit_mul`": powers_of_units,
        "amplitude": amplitudes,
        "high-pass and low-pass": filters,
        "sampling rate": rates,
        "projections": projections,
        "what MNE warns of": warnings_of_mne,
    },
}


@pytest.mark.parametrize(("kind", "field"), cases(FORMATS))
def test_the_field_makes_a_difference(tmp_path, kind, field):
    FORMATS[kind][field](tmp_path)


def test_the_page_lists_what_is_tested():
    assert_complete(FORMATS)
