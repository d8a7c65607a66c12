"""Motor evoked potentials cut from recordings of muscles."""

import numpy as np
import pytest

from tmsgrad.optimize import mapping


mne = pytest.importorskip("mne")
RATE = 2000.0  # [Hz]
ONSETS = np.arange(1.0, 9.0)
SIZES = np.linspace(0.1e-3, 2e-3, len(ONSETS))


def recorded(folder, words: str | list[str] = "pulse", restless=(), **more):
    """A muscle whose n-th response is SIZES[n] from peak to peak, and one that is flat."""
    time = np.arange(round(10 * RATE)) / RATE
    muscle = np.zeros(len(time))
    for number, (onset, size) in enumerate(zip(ONSETS, SIZES, strict=True)):
        wave = (time > onset + 0.020) & (time <= onset + 0.040)
        muscle[wave] = size / 2 * np.sin(2 * np.pi * (time[wave] - onset - 0.02) / 0.02)
        if number in restless:
            before = (time > onset - 0.05) & (time < onset - 0.04)
            muscle[before] = 1e-4
    info = mne.create_info(["FDI", "APB"], RATE, "emg")
    raw = mne.io.RawArray(np.stack([muscle, 0.5 * muscle]), info, verbose="error")
    onsets = np.r_[ONSETS, 9.99]  # The last one lies at the end.
    kinds = [words] * len(onsets) if isinstance(words, str) else list(words)
    raw.set_annotations(mne.Annotations(onsets, 0.0, kinds))
    path = folder / "emg_raw.fif"
    raw.save(path, verbose="error", fmt="double", **more)
    return path


def test_responses_are_as_large_as_they_were_made(tmp_path):
    found = mapping.read_emg(recorded(tmp_path, restless=(2,)), ["fdi", "APB"])
    assert found.names == ("FDI", "APB")
    np.testing.assert_allclose(found.onsets[:-1], ONSETS, atol=1 / RATE)
    sizes, restless = mapping.peak_to_peak(found, mapping.MepWindow())
    expected = SIZES.copy()
    expected[2] = np.nan
    np.testing.assert_allclose(sizes[:-1, 0], expected, rtol=0.01)
    # Half of 0.1 mV before the pulse is what rest may have.
    np.testing.assert_allclose(sizes[:-1, 1], SIZES / 2, rtol=0.01)
    assert restless == 1
    assert np.isnan(sizes[-1]).all()


def test_pulses_are_named_where_there_are_other_annotations(tmp_path):
    words = ["pulse", "note"] * 4 + ["pulse"]
    path = recorded(tmp_path, words)
    with pytest.raises(ValueError, match="there are note, pulse"):
        mapping.read_emg(path, ["FDI"])
    assert len(mapping.read_emg(path, ["FDI"], "pulse").onsets) == 5
    with pytest.raises(ValueError, match="nothing is annotated with 'TMS'"):
        mapping.read_emg(path, ["FDI"], "TMS")
    with pytest.raises(ValueError, match="no channel ADM"):
        mapping.read_emg(path, ["ADM"], "pulse")
    with pytest.raises(FileNotFoundError, match=r"no\.fif"):
        mapping.read_emg(tmp_path / "no.fif", ["FDI"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"response": (15.0, 50.0)}, "`response`"),
        ({"response": (50e-3, 15e-3)}, "`response`"),
        ({"rest": (5e-3, 1e-1)}, "`rest`"),
        ({"quiet": 0.0}, "`quiet`"),
    ],
)
def test_windows_that_cannot_be_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        mapping.MepWindow(**values)
