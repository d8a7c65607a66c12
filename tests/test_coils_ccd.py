import jax.numpy as jnp
import numpy as np
import pytest

from tmsgrad import coils
from tmsgrad.coils import Coil, MagneticDipoles


HEADER = "# T.ccd version 1.0;dIdtmax=114.73;coilname=T;\n"
ROWS = "0.01 0.02 -0.01 0 0 1e-5\n-0.01 0.02 -0.01 0 0 -1e-5\n"


def written(folder, text, name="T.ccd"):
    path = folder / name
    path.write_text(text)
    return path


def test_values_and_units(tmp_path):
    coil = coils.read(written(tmp_path, HEADER + "2\n# centres\n" + ROWS))
    assert coil.name == "T"
    assert coil.max_current_rate == pytest.approx(114.73e6, rel=1e-15)
    sources = coil.sources()
    np.testing.assert_array_equal(sources.dipole_positions[0], [0.01, 0.02, -0.01])
    np.testing.assert_array_equal(sources.dipole_moments[1], [0, 0, -1e-5])


def test_a_casing_beside_the_file_is_taken_in_metres(tmp_path):
    corners = np.array([[0.0, 0, -0.01], [0.05, 0, -0.01], [0, 0.05, -0.01], [0, 0, 0]])
    faces = np.array([[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]])
    coils.write_stl(tmp_path / "T.stl", corners, faces)
    coil = coils.read(written(tmp_path, HEADER + "2\n" + ROWS))
    assert coil.casing is not None
    assert coil.casing_triangles is not None
    order = np.lexsort(corners.T[::-1])
    np.testing.assert_allclose(coil.casing, corners[order], rtol=1e-7)  # Single floats.
    assert coil.casing_triangles.shape == (4, 3)


def test_round_trip_is_exact(tmp_path, rng):
    coil = Coil(
        (MagneticDipoles(*rng.normal(scale=0.1, size=(2, 30, 3))),),
        name="random",
        max_current_rate=1.5e8,
    )
    coils.write_ccd(tmp_path / "r.ccd", coil)
    back = coils.read(tmp_path / "r.ccd")
    assert (back.name, back.max_current_rate) == ("random", 1.5e8)
    np.testing.assert_array_equal(
        back.sources().dipole_positions, coil.sources().dipole_positions
    )
    np.testing.assert_array_equal(
        back.sources().dipole_moments, coil.sources().dipole_moments
    )
    assert [path.name for path in tmp_path.iterdir()] == ["r.ccd"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "2\n0 0 0 0 0\n", r"T\.ccd, line 3: 5 columns"),
        (HEADER + "2\n0 0 0 0 0 1e-5 7\n", r"line 3: 7 columns"),
        (HEADER + "1\n0 0 0 0 0 nan\n", r"line 3: a number is not finite"),
        (HEADER + "1\n0 0 0 inf 0 1\n", r"line 3: a number is not finite"),
        (HEADER + "1\n# moments\n0 0 0 a b c\n", r"line 4: .* is not six numbers"),
        (HEADER + "1\n0 45 -8 0 0 1e-5\n", r"line 3: .* probably in millimetres"),
        (HEADER + "0\n", "no dipoles"),
        ("", "no dipoles"),
        (HEADER + "3\n" + ROWS, r"cut short: 3 dipoles are announced and 2"),
        (HEADER + "many\n" + ROWS, "no whole number"),
        (HEADER.replace("114.73", "-1") + "2\n" + ROWS, "line 1: dIdtmax=-1"),
    ],
)
def test_malformed_files_are_refused_by_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        coils.read(written(tmp_path, text))


def test_binary_and_missing_files_are_refused(tmp_path):
    path = tmp_path / "T.ccd"
    with pytest.raises(FileNotFoundError, match=r"T\.ccd: coil file not found"):
        coils.read(path)
    path.write_bytes(b"\xff\x00\x01")
    with pytest.raises(ValueError, match=r"T\.ccd: this is no text in UTF-8"):
        coils.read(path)


def test_more_dipoles_than_announced_are_used_with_a_warning(tmp_path):
    with pytest.warns(UserWarning, match="1 dipoles are announced, but 2"):
        coil = coils.read(written(tmp_path, HEADER + "1\n" + ROWS))
    assert len(coil.sources().dipole_positions) == 2


def test_real_files_agree_with_a_direct_sum(test_data, rng):
    points = rng.uniform(-0.1, 0.1, (1000, 3)) + np.array([0, 0, 0.15])
    for path in sorted((test_data / "coils").glob("*.ccd")):
        coil = coils.read(path)
        rows = np.genfromtxt(path.read_text().splitlines()[3:])
        r = points[:, None] - rows[None, :, :3]
        each = (
            np.cross(rows[None, :, 3:], r) / np.linalg.norm(r, axis=2)[..., None] ** 3
        )
        np.testing.assert_allclose(
            coil.vector_potential(jnp.asarray(points)),
            1e-7 * each.sum(axis=1),
            rtol=1e-9,
            atol=1e-9 * 1e-7 * np.abs(each.sum(axis=1)).max(),
        )
