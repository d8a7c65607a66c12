import numpy as np
import pytest
from heads import scalp_of_five_layers

from tmsgrad import meshing
from tmsgrad.meshing import landmarks


RADIUS = 0.086


def fiducials():
    """On the sphere, 115° from the vertex in front and at the back, 110° at the sides."""
    low, side = np.radians(115), np.radians(110)
    front = RADIUS * np.array([0, np.sin(low), np.cos(low)])
    right = RADIUS * np.array([np.sin(side), 0, np.cos(side)])
    flip_y, flip_x = np.array([1, -1, 1]), np.array([-1, 1, 1])
    return meshing.Fiducials(
        tuple(front), tuple(front * flip_y), tuple(right * flip_x), tuple(right)
    )


def direction(point):
    return point / np.linalg.norm(point)


def test_positions_of_a_sphere_are_those_of_the_spherical_model():
    found = meshing.eeg_positions(scalp_of_five_layers(), fiducials())
    assert len(found) == 21
    for name, polar, azimuth in (
        ("Cz", 0, 0),
        ("Fz", 46, 90),
        ("Pz", 46, -90),
        ("Fpz", 92, 90),
        ("C3", 44, 180),
        ("C4", 44, 0),
        ("T8", 88, 0),
    ):
        p, a = np.radians([polar, azimuth])
        expected = [np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), np.cos(p)]
        # Facets of 16 mm are no sphere: a degree is 1.5 mm.
        np.testing.assert_allclose(direction(found[name]), expected, atol=0.03)
    for left, right in (("F3", "F4"), ("F7", "F8"), ("P3", "P4"), ("O1", "O2")):
        mirrored = found[right] * [-1, 1, 1]
        np.testing.assert_allclose(found[left], mirrored, atol=3e-3)
    on_scalp = scalp_of_five_layers().surface.signed_distance(
        np.stack(list(found.values()))
    )
    assert np.abs(on_scalp).max() < 0.5e-3


def test_positions_between_are_those_of_the_spherical_model():
    scalp = scalp_of_five_layers()
    found = meshing.dense_eeg_positions(scalp, fiducials())
    sparse = meshing.eeg_positions(scalp, fiducials())
    assert len(found) == 61
    for name, place in sparse.items():
        np.testing.assert_array_equal(found[name], place)
    # The circumference rises from 92° in front and behind to 88° at the sides.
    for name, polar, azimuth in (
        ("FCz", 23, 90),
        ("AFz", 69, 90),
        ("CPz", 23, -90),
        ("C1", 22, 180),
        ("C6", 66, 0),
        ("AF7", 89.7, 126),
        ("FT8", 88.2, 18),
    ):
        p, a = np.radians([polar, azimuth])
        expected = [np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), np.cos(p)]
        np.testing.assert_allclose(direction(found[name]), expected, atol=0.035)
    for left, right in (("AF3", "AF4"), ("FC5", "FC6"), ("CP1", "CP2"), ("PO7", "PO8")):
        mirrored = found[right] * [-1, 1, 1]
        np.testing.assert_allclose(found[left], mirrored, atol=3e-3)


def test_each_curve_is_measured_once(monkeypatch):
    curves, section = [], landmarks._section

    def measured(scalp, *ends):
        curves.append(np.round(ends, 9).tobytes())
        return section(scalp, *ends)

    monkeypatch.setattr(landmarks, "_section", measured)
    vertex = 2 * landmarks._ROUNDS
    meshing.eeg_positions(scalp_of_five_layers(), fiducials())
    assert len(curves) == vertex + 6  # Four, and the rows of F3 and P3.
    curves.clear()
    meshing.dense_eeg_positions(scalp_of_five_layers(), fiducials())
    assert len(curves[vertex:]) == len(set(curves[vertex:])) == 10


def test_three_lengths_find_f3():
    scalp = scalp_of_five_layers()
    found = meshing.beam_f3(scalp, fiducials())
    expected = meshing.eeg_positions(scalp, fiducials())["F3"]
    assert np.linalg.norm(found - expected) < 10e-3


def test_fiducials_that_are_none_are_refused():
    with pytest.raises(ValueError, match="`inion` must be three finite"):
        meshing.Fiducials(
            (0.0, 1.0, 0.0), (0.0, np.nan, 0.0), (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)
        )
    on_a_line = meshing.Fiducials(
        (0.0, 0.1, 0.0), (0.0, -0.1, 0.0), (0.0, 0.1, 0.0), (0.0, 0.0, 0.0)
    )
    with pytest.raises(ValueError, match="do not lie around the head"):
        meshing.eeg_positions(scalp_of_five_layers(), on_a_line)


def test_positions_of_simnibs_are_read(tmp_path):
    path = tmp_path / "EEG10-10.csv"
    path.write_text(
        "Electrode,-1.5,2,90.25,Cz\nFiducial,0,85,-30,Nz\nElectrode,1,2,3,0,1,0,F3\n"
    )
    found = meshing.read_eeg_positions(path)
    assert list(found) == ["Cz", "Nz", "F3"]
    np.testing.assert_allclose(found["Cz"], [-1.5e-3, 2e-3, 90.25e-3])
    assert list(meshing.read_electrodes(path)) == list(found)
    for text, words in (
        ("Electrode,a,2,3,Cz\n", "line 1 must hold x, y and z"),
        ("", "no named positions"),
        ("Electrode,0.05,0,0.08,C3\nElectrode,-0.05,0,0.08,C4\n", "probably in m"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=rf"EEG10-10\.csv: .*{words}"):
            meshing.read_eeg_positions(path)
