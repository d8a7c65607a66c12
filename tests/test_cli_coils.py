"""What `tmsgrad coil info`, `convert` and `show` do."""

import csv

import jax.numpy as jnp
import numpy as np
import pytest
from cli_examples import RADIUS, TARGET, run
from heads import pose_over, write_coil
from matplotlib.image import imread

from tmsgrad import coils, efield
from tmsgrad.coils import (
    Casing,
    Coil,
    MagneticDipoles,
    Part,
    Range,
    Rotation,
    Stimulator,
    Waveform,
)


pytestmark = pytest.mark.usefixtures("program_settings")


def folding():
    """Two dipoles, one of which turns, with casings, waveforms and two stimulators."""
    hull = Casing(
        jnp.array([[0.0, 0, -0.02], [0.05, 0, -0.02], [0, 0.05, -0.02], [0, 0, 0]]),
        jnp.array([[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]),
    )
    turn = Rotation.through(np.zeros(3), np.array([0, 0.1, 0]), 0)
    dipoles = [
        MagneticDipoles(np.array([[x, 0, -0.01]]), np.array([[0, 0, 1e-5]]))
        for x in (0.02, -0.02)
    ]
    time = np.linspace(0, 3e-4, 20)
    wave = Waveform("biphasic", time, np.cos(time * 1e4))
    return Coil(
        (Part(dipoles[0], hull, (turn,)), Part(dipoles[1], stimulator=1)),
        name="folding",
        settings=jnp.array([0.1]),
        ranges=(Range(0.1, -0.3, 0.4),),
        stimulators=(Stimulator("S1", "maker", 1e8, (wave,)), Stimulator("S2")),
    )


def test_a_kept_description_is_the_one_that_was_found(tmp_path):
    coils.write_tcd(tmp_path / "f.tcd", folding())
    first, again = (run("coil", "info", tmp_path / "f.tcd", "--json") for _ in range(2))
    assert first == again
    assert "setting 0 turns a part: -17.1887…22.9183°" in first.out
    assert "stimulator       S1, up to 100 A/µs" in first.out
    coils.write_tcd(tmp_path / "f.tcd", folding().elements[1])
    assert "moves" not in run("coil", "info", tmp_path / "f.tcd").out


def test_a_tcd_becomes_a_ccd_and_what_is_lost_is_said(tmp_path):
    coils.write_tcd(tmp_path / "f.tcd", folding())
    result = run("coil", "convert", tmp_path / "f.tcd", tmp_path / "g.ccd", "--json")
    assert result.status == 0
    for words in ("1 motions", "2 stimulators", "casings of parts", "Elements are"):
        assert words in result.err
    assert len(result.json["lost"]) == result.err.count("note:")
    back = coils.read(tmp_path / "g.ccd")
    expected = coils.read(tmp_path / "f.tcd")
    points = jnp.array([[0.01, 0.02, 0.05]])
    np.testing.assert_allclose(
        back.vector_potential(points), expected.vector_potential(points), rtol=1e-12
    )
    assert back.casing is not None
    assert expected.casing_surface() is not None
    np.testing.assert_allclose(
        np.sort(back.casing, axis=0),
        np.sort(expected.surface_points, axis=0),
        atol=1e-8,
    )
    assert back.stimulators[0].waveforms[0].name == "biphasic"
    names = {each.name for each in tmp_path.iterdir()}
    assert names == {"f.tcd", "g.ccd", "g.stl", "g.tsv"}


def test_a_catalogue_coil_becomes_an_image_of_the_asked_grid(tmp_path):
    out = tmp_path / "c.nii.gz"
    words = ("--lowest", "-20,-20,10", "--highest", "20,20,30", "--spacing", "5")
    result = run("coil", "convert", "magstim-70mm-double", out, *words)
    assert result.status == 0
    assert "sources are lost" in result.err
    element = coils.read(out).elements[0]
    assert isinstance(element, coils.SampledPotential)
    assert element.samples.shape == (9, 9, 5, 3)
    place = jnp.array([[-0.02, 0.0, 0.02]])
    expected = coils.read("magstim-70mm-double").vector_potential(place)
    np.testing.assert_allclose(element.vector_potential(place), expected, rtol=1e-5)


def test_conversions_that_cannot_be_are_refused_and_leave_nothing(tmp_path):
    coils.write_tcd(tmp_path / "w.tcd", coils.wire(np.eye(3) * 0.05, closed=True))
    for words, message in (
        (("w.tcd", "w.ccd"), "dipoles only"),
        (("w.tcd", "w.txt"), "unknown kind"),
        (("w.tcd", "v.tcd", "--spacing", "2"), "are for images"),
        (("none.tcd", "v.tcd"), "coil file not found"),
    ):
        files = (str(tmp_path / word) if "." in word else word for word in words)
        result = run("coil", "convert", *files)
        assert (result.status, message in result.err) == (2, True), result.err
    assert [each.name for each in tmp_path.iterdir()] == ["w.tcd"]


def test_another_coils_casing_is_not_taken_for_this_ones(tmp_path):
    (tmp_path / "d.stl").write_bytes(b"solid")
    dipole = MagneticDipoles(np.array([[0, 0, -0.01]]), np.array([[0, 0, 1e-5]]))
    with pytest.raises(ValueError, match=r"d\.stl beside it would be taken"):
        coils.write_ccd(tmp_path / "d.ccd", dipole)
    assert [each.name for each in tmp_path.iterdir()] == ["d.stl"]


def test_a_picture_shows_winding_casing_and_field(tmp_path):
    coils.write_tcd(tmp_path / "f.tcd", folding())
    for source, field in (("magstim-70mm-double", "A"), (tmp_path / "f.tcd", "B")):
        out = tmp_path / "c.png"
        result = run("coil", "show", source, "--out", out, "--field", field, "--json")
        assert result.status == 0, result.err
        picture = imread(out)
        assert picture.shape[:2] == (1000, 2000)
        drawn = (picture[..., :3].min(axis=2) < 0.9).mean()
        assert 0.1 < drawn < 0.8
        assert result.json["peak"] > 0


def test_a_wire_in_the_plane_does_not_set_the_scale(tmp_path):
    coil = Coil(
        (MagneticDipoles(np.array([[0.0, 0, 0.02]]), np.array([[0, 0, 1e-5]])),)
    )
    coils.write_tcd(tmp_path / "d.tcd", coil)
    out = tmp_path / "d.png"
    result = run(
        "coil", "show", tmp_path / "d.tcd", "--out", out, "--depth", "20", "--json"
    )
    # Of a dipole in the plane, at the nearest points of the 2 mm lattice beyond 5 mm.
    expected = 1e-7 * 1e-5 / 32e-6**1.5
    np.testing.assert_allclose(result.json["peak"], expected, rtol=1e-9)


def test_a_grid_is_drawn_and_one_without_field_there_refused(tmp_path):
    grid = tmp_path / "g.nii"
    run("coil", "convert", "magstim-70mm-double", grid, "--spacing", "20")
    assert run("coil", "show", grid, "--out", tmp_path / "g.png").status == 0
    result = run("coil", "show", grid, "--out", tmp_path / "h.png", "--depth", "200")
    assert (result.status, "has no field" in result.err) == (2, True)
    assert not (tmp_path / "h.png").exists()


def test_info_shows_limits_peaks_and_warnings(tmp_path):
    upside_down = MagneticDipoles(
        np.array([[0.02, 0, 0.03], [-0.02, 0, 0.03]]), np.array([[0, 0, 1e-5]] * 2)
    )
    coil = Coil((upside_down,), max_current_rate=1.5e8)
    coils.write_ccd(tmp_path / "u.ccd", coil)
    result = run("coil", "info", tmp_path / "u.ccd", "--json")
    assert result.status == 0
    assert "does z point away from the head?" in result.err
    assert "largest dI/dt    150 A/µs" in result.out
    found = result.json
    assert found["dipole_count"] == 2
    assert len(found["peaks"]) == 4
    for peak in found["peaks"]:
        assert peak["magnitude_a"] > 0
        assert peak["place_b"][2] == pytest.approx(peak["depth"])


def test_coils_are_joined_and_driven_apart(case, conductor, target, tmp_path):
    both, out = tmp_path / "both.tcd", tmp_path / "out"
    second = pose_over([0.5, 0.1, 1.0], 1.0, distance=25e-3)
    first = np.loadtxt(case.pose)
    np.savetxt(tmp_path / "two.txt", np.concatenate([first, second.to_matsimnibs()]))
    words = ("coil", "join", case.coil, case.coil, "--pose", tmp_path / "two.txt")
    joined = run(*words, "--out", both, "--json")
    assert joined.status == 0, joined.err
    assert len(joined.json["stimulators"]) == 2
    done = run(
        *("simulate", case.head, "--coil", both, "--pose", case.pose, "--out", out),
        *("--didt=-5e5,2e6", "--target", ",".join(str(1e3 * x) for x in TARGET)),
        *("--radius", 1e3 * RADIUS, "--order=1", "--json"),
    )
    assert done.status == 0, done.err
    (row,) = csv.DictReader((out / "pulses.csv").read_text().splitlines())
    actual = [float(row[f"target_E_{axis}"]) for axis in "xyz"]
    reciprocal, coil = efield.reciprocal(conductor, target), coils.read(case.coil)
    place = coils.Pose.from_matsimnibs(first)
    expected = reciprocal.mean_field(coil, place, -5e5) + reciprocal.mean_field(
        coil, second, 2e6
    )
    np.testing.assert_allclose(actual, expected, rtol=1e-6)
    drives = [each["didt"] for each in done.json["coil"]["stimulators"]]
    np.testing.assert_allclose(drives, [-5e5, 2e6])


def test_rates_that_fit_no_stimulator_are_refused(case, tmp_path):
    words = ("simulate", case.head, "--coil", case.coil, "--pose", case.pose)
    result = run(*words, "--out", tmp_path / "out", "--didt", "1e6,2e6")
    assert result.status == 2
    assert "--didt gives 2 rates, but" in result.err
    assert "has 1 stimulator." in result.err
    result = run(*words, "--out", tmp_path / "out", "--didt", "0,0")
    assert result.status == 2
    assert "drives no stimulator" in result.err
    assert not (tmp_path / "out").exists()
    result = run("coil", "join", case.coil, "--out", tmp_path / "both.ccd")
    assert result.status == 2
    assert "only a .tcd" in result.err


def test_a_warning_of_the_library_is_said_once_as_the_programs_own(tmp_path):
    path = write_coil(tmp_path)
    points, faces = coils.read_stl(tmp_path / "boxed.stl")
    coils.write_stl(tmp_path / "boxed.stl", points * 1e-3, faces)
    result = run("coil", "info", path)
    assert result.status == 0
    (line,) = [each for each in result.err.splitlines() if "taken as m" in each]
    assert line.startswith(f"tmsgrad: warning: {tmp_path / 'boxed.stl'}: ")
