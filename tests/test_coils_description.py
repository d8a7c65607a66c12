import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest

from tmsgrad import coils
from tmsgrad.coils import (
    CircularTurns,
    Coil,
    Discharge,
    MagneticDipoles,
    SampledPotential,
    Stimulator,
    wire,
)


MU0 = 4e-7 * np.pi


def ring(height=-0.01):
    return CircularTurns(
        np.array([0, 0, height]), np.array([0, 0, 1.0]), np.array([0.04])
    )


def test_a_ring_in_numbers():
    found = coils.describe(Coil((ring(),), name="ring", max_current_rate=1e8))
    assert (found.name, found.max_current_rate) == ("ring", 1e8)
    np.testing.assert_allclose(found.moment, [0, 0, np.pi * 0.04**2], atol=1e-12)
    assert found.dipole_count > 200
    assert found.warnings == ()
    on_axis = MU0 * 0.04**2 / 2 / (0.04**2 + 0.05**2) ** 1.5
    peak = found.peaks[3]
    assert peak.magnitude_b == pytest.approx(on_axis, rel=1e-6)
    np.testing.assert_allclose(peak.place_b, [0, 0, 0.04], atol=1e-12)
    json.dumps(dataclasses.asdict(found))  # It is plain data.


def test_what_looks_wrong_is_said():
    about = lambda *elements, **more: " ".join(
        coils.warnings_about(Coil(elements, **more))
    )
    moments = np.array([[0, 0, 1e-5]] * 2)
    assert "does z point away" in about(ring(0.02))
    far = MagneticDipoles(np.array([[40.0, 0, -9], [-40.0, 0, -9]]), moments)
    assert "millimetres" in about(far)
    assert "scaled twice" in about(MagneticDipoles(np.zeros((2, 3)) - 1e-5, moments))
    corners = np.array([[0.0, 0, -0.01], [0.05, 0, -0.01], [0.05, 0.05, -0.01]])
    assert "not closed" in about(wire(corners))
    assert about(wire(corners, closed=True)) == ""
    below = jnp.asarray(np.random.default_rng(0).uniform(0.02, 0.04, (20, 3)))
    assert "within the casing" in about(ring(), casing=below)


def test_a_grid_is_described_without_sources():
    found = coils.describe(SampledPotential(np.ones((3, 3, 3, 3)), np.eye(4)))
    assert not found.has_sources
    assert found.dipole_count == 0


def test_real_coils_look_right(test_data):
    for path in sorted((test_data / "coils").glob("*.?cd")):
        found = coils.describe(coils.read(path), depths=())
        assert found.warnings == (), path.name


def test_neumanns_formula_gives_the_inductance_of_two_coaxial_loops():
    # Grover, *Inductance Calculations*, ch. 11, in complete elliptic integrals.
    from scipy.special import ellipe, ellipk

    a, b, distance = 0.04, 0.03, 0.02
    m = 4 * a * b / ((a + b) ** 2 + distance**2)
    k = np.sqrt(m)
    expected = MU0 * np.sqrt(a * b) * ((2 / k - k) * ellipk(m) - 2 / k * ellipe(m))
    angle = np.linspace(0, 2 * np.pi, 721)[:-1]
    path = np.stack([b * np.cos(angle), b * np.sin(angle), 0 * angle + 0.01], axis=1)
    actual = coils.mutual_inductance(ring(-0.01), jnp.asarray(path))
    np.testing.assert_allclose(actual, expected, rtol=2e-5)


def test_one_thin_turn_has_grovers_inductance():
    width = 1e-4
    expected = MU0 * 0.04 * (np.log(8 * 0.04 / (0.447 * width)) - 2)
    actual = coils.self_inductance(ring(), width, width)
    assert actual == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="needs the winding"):
        coils.self_inductance(
            MagneticDipoles(np.ones((1, 3)), np.ones((1, 3))), 1e-3, 1e-3
        )


def test_pulses_keep_charge_energy_and_their_peak():
    circuit = Discharge(185e-6, 16e-6, 0.05, 2000.0)
    assert circuit.peak_rate == pytest.approx(2000 / 16e-6)
    assert circuit.energy == pytest.approx(370)
    for wave in (
        circuit.biphasic(20001),
        circuit.half_sine(20001),
        circuit.monophasic(20001),
    ):
        assert wave.signal[0] == pytest.approx(1)
        current = wave.current(circuit.peak_rate)
        assert current.max() == pytest.approx(circuit.peak_current, rel=1e-5)
        assert abs(current[-1]) < 4e-3 * current.max()
    lossless = dataclasses.replace(circuit, resistance=0.0)
    stored = 16e-6 * lossless.peak_current**2 / 2
    assert stored == pytest.approx(lossless.energy, rel=1e-12)


def test_output_and_rate_are_each_others_inverse():
    stimulator = Stimulator("S", "", 1.5e8)
    assert stimulator.output_for(stimulator.current_rate(0.4)) == pytest.approx(0.4)
    with pytest.raises(ValueError, match="from 0 to 1"):
        stimulator.current_rate(40.0)
    with pytest.raises(ValueError, match="not known"):
        Stimulator("S").current_rate(0.5)
