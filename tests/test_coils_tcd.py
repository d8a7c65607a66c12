import base64
import json
import pickle
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tmsgrad import coils
from tmsgrad.coils import (
    Casing,
    Coil,
    Details,
    MagneticDipoles,
    Part,
    Range,
    Rotation,
    SampledPotential,
    Stimulator,
    StraightSegments,
    Translation,
    Waveform,
)


def flexible():
    """A coil with everything a .tcd can hold."""
    rng = np.random.default_rng(0)
    hull = Casing(
        jnp.asarray(rng.uniform(-0.05, 0.05, (4, 3))),
        jnp.array([[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]),
        jnp.asarray(rng.uniform(-0.05, 0.05, (2, 3))),
    )
    turn = Rotation.through(np.array([0.05, 0, 0]), np.array([0.05, 0.1, 0]), 0)
    shift = Translation(direction=jnp.array([0.0, 0, 1]), setting=1)
    affine = np.diag([0.02, 0.02, 0.02, 1])
    affine[:3, 3] = -0.03
    elements = (
        Part(
            MagneticDipoles(*rng.normal(scale=0.05, size=(2, 5, 3))),
            hull,
            (turn, shift),
            0,
            "left",
        ),
        Part(
            StraightSegments(*rng.normal(scale=0.05, size=(2, 7, 3))),
            None,
            (shift,),
            1,
            "right",
        ),
        Part(SampledPotential(rng.normal(size=(3, 4, 5, 3)), affine)),
    )
    time = np.linspace(0, 3e-4, 20)
    wave = Waveform("biphasic", time, np.cos(time * 1e4), np.cos(time * 1e4) ** 2)
    return Coil(
        elements,
        hull.points,
        "flexible",
        1.2e8,
        hull.triangles,
        jnp.array([0.1, -0.002]),
        None,
        (Range(0.1, -0.3, 0.4), Range(-0.002, -0.01, 0.0)),
        (Stimulator("S1", "maker", 1.2e8, (wave,)), Stimulator("S2", "", 1.5e8)),
        Details("maker", "2.0", ((-0.1, 0.1),) * 3, (0.002,) * 3, ((0, 1, 2),)),
        hull.distance_points,
    )


POINTS = jnp.asarray(np.random.default_rng(1).uniform(-0.02, 0.02, (20, 3)))


@pytest.mark.parametrize("packed", [True, False])
def test_round_trips_lose_nothing(tmp_path, packed):
    coil = flexible()
    coils.write_tcd(tmp_path / "c.tcd", coil, packed=packed)
    back = coils.read(tmp_path / "c.tcd")
    before, after = jax.tree.leaves(coil), jax.tree.leaves(back)
    assert len(before) == len(after)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-18)
    assert (back.name, back.max_current_rate) == (coil.name, coil.max_current_rate)
    assert back.details.apart == coil.details.apart
    assert coil.details.limits is not None
    assert back.details.limits is not None
    np.testing.assert_allclose(back.details.limits, coil.details.limits)
    for one, other in zip(coil.ranges, back.ranges, strict=True):
        np.testing.assert_allclose(
            [one.initial, one.lowest, one.highest],
            [other.initial, other.lowest, other.highest],
            rtol=1e-13,
        )
    assert [each.name for each in back.stimulators] == ["S1", "S2"]
    waves = [each.stimulators[0].waveforms[0] for each in (coil, back)]
    np.testing.assert_array_equal(waves[0].time, waves[1].time)
    np.testing.assert_array_equal(waves[0].fit, waves[1].fit)


def test_parts_move_about_their_axis_and_take_their_casing_along():
    coil = flexible()
    # A quarter turn about the y direction through x = 5 cm takes +x to -z.
    moved = coil.elements[0]
    assert isinstance(moved, Part)
    assert isinstance(moved.element, MagneticDipoles)
    quarter = Coil(
        (Part(moved.element, moved.casing, moved.motions[:1]),),
        settings=jnp.array([np.pi / 2]),
        ranges=(Range(0.0, -2.0, 2.0),),
    )
    x, y, z = np.asarray(moved.element.positions).T
    np.testing.assert_allclose(
        quarter.sources().dipole_positions,
        np.stack([0.05 + z, y, 0.05 - x], axis=1),
        atol=1e-15,
    )
    assert moved.casing is not None
    x, y, z = np.asarray(moved.casing.points).T
    np.testing.assert_allclose(
        quarter.surface_points, np.stack([0.05 + z, y, 0.05 - x], axis=1), atol=1e-15
    )


def test_the_field_is_that_of_the_moved_sources():
    coil = flexible()
    still = Coil(coil.elements[:1], settings=coil.settings, ranges=coil.ranges)
    sources = still.sources()
    dipoles = MagneticDipoles(sources.dipole_positions, sources.dipole_moments)
    np.testing.assert_allclose(
        still.vector_potential(POINTS), dipoles.vector_potential(POINTS), rtol=1e-10
    )


def test_gradients_in_settings_and_rates_equal_finite_differences():
    coil = Coil(
        flexible().elements[:2],
        settings=jnp.array([0.1, -0.002]),
        ranges=flexible().ranges,
    )

    def energy(amounts):
        moved = coil.shaped(amounts[:2]).driven(amounts[2:])
        return 1e10 * jnp.sum(moved.vector_potential(POINTS + 0.3) ** 2)

    amounts = jnp.array([0.2, -0.004, 1.0, -0.5])
    for step in 1e-6 * np.eye(4):
        slope = (energy(amounts + step) - energy(amounts - step)) / 2
        np.testing.assert_allclose(
            jax.grad(energy)(amounts) @ jnp.asarray(step), slope, rtol=1e-6
        )


def test_settings_outside_their_range_are_refused():
    coil = flexible()
    with pytest.raises(ValueError, match=r"setting 1 .* outside its range"):
        coil.shaped(np.array([0.0, 0.01]))
    with pytest.raises(ValueError, match="2 settings"):
        coil.shaped(np.zeros(3))
    with pytest.raises(ValueError, match="2 stimulators"):
        coil.driven(np.ones(3))
    np.testing.assert_array_equal(coil.clipped(jnp.array([1.0, 1.0])), [0.4, 0.0])


def small(**changes):
    root = {
        "coilElementList": [
            {
                "type": 1,
                "stimulator": 0,
                "points": [[1, 2, 3]],
                "values": [[0, 0, 1e-5]],
            }
        ],
        "stimulatorList": [{"name": "S", "maxdIdt": 1e8}],
    }
    return root | changes


def element(**changes):
    return {"coilElementList": [small()["coilElementList"][0] | changes]}


def packed(content):
    return base64.b64encode(content).decode()


class Runs:
    """A pickle of this would make a file if it were loaded."""

    def __reduce__(self):
        return (open, ("executed", "w"))


BOMB = packed(zlib.compress(bytes(1 << 29), 9))


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ([], "JSON object"),
        (small(surprise=1), "unknown field 'surprise'"),
        ({"stimulatorList": [{}]}, "coilElementList: is missing"),
        (small(stimulatorList=[]), "stimulatorList: is missing"),
        (small(**element(points=[[1, 2]])), r"points: has the shape \(1, 2\)"),
        (small(**element(points=[[1, 2, 3], [1, 2]])), "rows of different lengths"),
        (small(**element(points=[["a", 2, 3]])), "no number"),
        (small(**element(points=[[1e7, 2, 3]])), r"reaches 1e\+04 m"),
        (small(**element(values=[[0, 0, 1]] * 2)), "2 rows for 1 points"),
        (small(**element(type=4)), "must be 1"),
        (small(**element(type=True)), "must be 1"),
        (small(**element(stimulator=1)), r"stimulator: must be an index from 0 to 0"),
        (small(**element(deformations=[0])), r"deformations\[0\]: must be an index"),
        (small(**element(elementCasing=0)), "elementCasing: must be an index"),
        (small(**element(affine=[[1]])), "has no"),
        (small(**element(points="%%%")), "no base64"),
        (small(**element(points=packed(b"abc"))), "not compressed by zlib"),
        (small(**element(points=packed(zlib.compress(b"abc")))), "8-byte numbers"),
        (small(**element(points=packed(zlib.compress(bytes(80))))), "not to rows of 3"),
        (small(**element(points=packed(zlib.compress(bytes(48))[:-6]))), "cut short"),
        (small(**element(points=BOMB)), "unpacks to more than"),
        (small(**element(points=packed(pickle.dumps(Runs())))), "pickled object"),
        (small(stimulatorList=[{"maxdIdt": -1}]), "maxdIdt: must be positive"),
        (small(limits=[[0, 1]]), r"limits: has the shape \(1, 2\)"),
        (small(selfIntersectionTest=[[0, 7]]), "index from 0 to 1"),
    ],
)
def test_malformed_files_are_refused_by_field(tmp_path, monkeypatch, root, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.tcd").write_text(json.dumps(root))
    with pytest.raises(ValueError, match=rf"bad\.tcd.*{message}"):
        coils.read(tmp_path / "bad.tcd")
    assert [each.name for each in tmp_path.iterdir()] == ["bad.tcd"]


@pytest.mark.parametrize("text", ["", "{", "[" * 100000, '{"name": NaN}', "\xff"])
def test_broken_json_is_refused(tmp_path, text):
    (tmp_path / "bad.tcd").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"bad\.tcd: this is no (JSON|text)"):
        coils.read(tmp_path / "bad.tcd")


def test_real_flexible_coils_move_within_their_ranges(test_data):
    for name, count in (("Brainsway_H1", 3), ("MagVenture_MST-Twin", 6)):
        coil = coils.read(test_data / "coils" / f"{name}.tcd")
        assert len(coil.ranges) == count
        far = np.array([each.highest for each in coil.ranges])
        rest, moved = coil.sources(), coil.shaped(far).sources()
        for one, other in zip(
            jax.tree.leaves(rest), jax.tree.leaves(moved), strict=True
        ):
            assert one.shape == other.shape
        assert (
            np.abs(coil.shaped(far).surface_points - coil.surface_points).max() > 1e-3
        )
        near = np.array([each.lowest for each in coil.ranges])
        for setting in range(count):
            for end, step in ((near, -0.01), (far, 0.01)):
                beyond = end + step * np.eye(count)[setting]
                with pytest.raises(ValueError, match=f"setting {setting} .* outside"):
                    coil.shaped(beyond)
                np.testing.assert_allclose(coil.clipped(jnp.asarray(beyond)), end)


def unpacked(text):
    flat = np.frombuffer(zlib.decompress(base64.b64decode(text)), "<f8")
    return flat.reshape(-1, 3)


def dipole_sum(points, places, moments):
    r = points[:, None] - places[None]
    cross = np.cross(moments[None], r)
    return 1e-7 * (cross / np.linalg.norm(r, axis=2)[..., None] ** 3).sum(1)


def wire_sum(points, places, vectors):
    """Finite wires, by the logarithm: ∫ dl / r from their starts to their ends."""
    kept = np.linalg.norm(vectors, axis=1) > 0
    places, vectors = places[kept], vectors[kept]
    to_start = np.linalg.norm(points[:, None] - (places - vectors / 2)[None], axis=2)
    to_end = np.linalg.norm(points[:, None] - (places + vectors / 2)[None], axis=2)
    length = np.linalg.norm(vectors, axis=1)[None]
    both = to_start + to_end
    sizes = np.log1p(2 * length / (both - length)) / length
    return 1e-7 * sizes @ vectors


@pytest.mark.parametrize(
    ("name", "kind"), [("MagVenture_MST-Twin", 1), ("Brainsway_H1", 2)]
)
def test_a_real_coil_agrees_with_a_direct_sum(test_data, rng, name, kind):
    path = test_data / "coils" / f"{name}.tcd"
    points = rng.uniform(-0.08, 0.08, (1000, 3))
    points += [0, 0, 0.15] if kind == 1 else [0, 0, 0.05]
    expected = np.zeros((1000, 3))
    for each in json.loads(path.read_text())["coilElementList"]:
        assert each["type"] == kind
        places, values = unpacked(each["points"]), unpacked(each["values"])
        if kind == 1:
            expected += dipole_sum(points, 1e-3 * places, values)
            continue
        for block in range(0, len(places), 1000):
            rows = slice(block, block + 1000)
            expected += wire_sum(points, 1e-3 * places[rows], 1e-3 * values[rows])
    actual = coils.joined(coils.read(path)).vector_potential(jnp.asarray(points))
    error = np.abs(actual - expected).max()
    assert error < 1e-9 * np.abs(expected).max()
