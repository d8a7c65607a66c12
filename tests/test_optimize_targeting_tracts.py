import nibabel
import numpy as np
import pytest
from heads import five_layers
from tract_examples import DEEP, PATCH, STATION, bundle, grid, planted, write

from tmsgrad import efield, meshing
from tmsgrad.meshing import Tractogram
from tmsgrad.optimize import targeting


def target():
    return targeting.ball_place(DEEP, 8e-3)


def test_the_planted_patch_of_cortex_is_found(rng):
    tracts = planted(rng)
    found = targeting.reaching(tracts, target())
    np.testing.assert_array_equal(found.which, np.arange(60))
    assert (found.weights == 1).all()
    assert (found.far.sum(axis=1) == 1).all()
    mapped = targeting.connection_map(five_layers(), tracts, found, grid())
    planted_end = PATCH * 0.064 / np.linalg.norm(PATCH)
    assert np.linalg.norm(mapped.centre - planted_end) < 4e-3
    assert mapped.density.values.max() == pytest.approx(1.0)
    assert mapped.cluster.values[mapped.cluster.values > 0].min() >= 0.5
    assert mapped.lost < 0.2
    assert mapped.streamlines == pytest.approx(60, abs=12)
    region = targeting.mapped_region(five_layers(), mapped.cluster.at).region
    assert np.linalg.norm(region.centre - planted_end) < 8e-3


def test_the_search_region_and_reach_bound_the_cluster(rng):
    tracts = planted(rng)
    everywhere = lambda points: np.ones(len(points))
    all_of_them = targeting.reaching(tracts, everywhere)
    found = targeting.Reaching(
        all_of_them.which, all_of_them.weights, ~all_of_them.far, 120
    )
    right = lambda points: (points[:, 0] > 0).astype(float)
    mapped = targeting.connection_map(
        five_layers(), tracts, found, grid(), search=right, smoothing=8e-3
    )
    assert mapped.cluster.positions(mapped.cluster.values > 0)[:, 0].min() > 0
    assert mapped.density.values.max() > 1
    with pytest.raises(ValueError, match="no gray matter that a coil reaches"):
        targeting.connection_map(
            five_layers(), tracts, found, grid(), search=lambda x: np.zeros(len(x))
        )
    short = Tractogram.of(bundle(rng, DEEP, STATION, 20))
    to_white = targeting.reaching(short, target())
    with pytest.raises(ValueError, match=r"within 4 mm of gray matter.*white matter"):
        targeting.connection_map(five_layers(), short, to_white, grid())


def test_waypoints_and_stations_choose_and_lead_on(rng):
    station = targeting.ball_place(STATION, 10e-3)
    cortex = STATION * 0.064 / np.linalg.norm(STATION)
    lines = bundle(rng, DEEP, STATION, 15) + bundle(rng, DEEP, PATCH, 45)
    tracts = Tractogram.of(lines + bundle(rng, STATION, cortex, 30))
    through = targeting.reaching(tracts, target(), waypoints=[station])
    np.testing.assert_array_equal(through.which, np.arange(15))
    onward = targeting.reaching(tracts, target(), stations=[station])
    assert onward.direct == 60
    # Of the target's 60 streamlines, 15 reach the station.
    np.testing.assert_allclose(onward.weights[60:], 0.25)
    assert len(onward.which) == 90
    ends = tracts.ends[onward.which][60:][onward.far[60:]]
    np.testing.assert_allclose(ends, np.tile(cortex, (30, 1)), atol=0.01)
    nowhere = targeting.ball_place(np.array([0, 0, -0.05]), 1e-3)
    with pytest.raises(ValueError, match=r"0 of 90 streamlines.*0 pass waypoint 1"):
        targeting.reaching(tracts, target(), waypoints=[nowhere])


@pytest.mark.parametrize("ending", [".trk", ".tck"])
def test_tractograms_come_back_from_files(tmp_path, rng, ending):
    tracts = planted(rng)
    back = meshing.read_tracts(write(tmp_path / f"a{ending}", tracts))
    np.testing.assert_array_equal(back.starts, tracts.starts)
    np.testing.assert_allclose(back.points, tracts.points, atol=1e-7)
    assert meshing.check_tracts(five_layers(), back) > 0.95


def test_numbers_at_points_are_written_for_viewers(tmp_path, rng):
    tracts, values = planted(rng), rng.normal(size=7200)
    meshing.write_tracts(tmp_path / "b.trk", tracts, grid(), {"E_t": values})
    back = nibabel.streamlines.load(tmp_path / "b.trk")
    np.testing.assert_allclose(
        back.streamlines.get_data(), tracts.points * 1e3, atol=1e-4
    )
    kept = back.tractogram.data_per_point["E_t"].get_data()
    np.testing.assert_allclose(kept[:, 0], values, rtol=1e-6)
    assert list(tmp_path.iterdir()) == [tmp_path / "b.trk"]


def test_another_frame_is_refused_with_what_would_explain_it(rng):
    tracts = planted(rng)
    # A sphere looks the same when reversed, so take a head that does not.
    offset = np.array([0.05, 0.04, 0.03])
    ball = five_layers()
    head = meshing.HeadMesh(ball.nodes + offset, ball.tetrahedra, ball.tags)
    lies = Tractogram(tracts.points + offset, tracts.starts, "lies.trk")
    assert meshing.check_tracts(head, lies) > 0.95
    lps = Tractogram((tracts.points + offset) * [-1, -1, 1], tracts.starts, "lps.trk")
    with pytest.raises(
        ValueError, match=r"lps.trk: \d+% .*With x and y reversed \(LPS"
    ):
        meshing.check_tracts(head, lps)
    origin = Tractogram(tracts.points - 0.1, tracts.starts, "corner.trk")
    with pytest.raises(ValueError, match=r"corner.trk: .*With a shift by \("):
        meshing.check_tracts(head, origin)
    large = Tractogram(tracts.points * 30, tracts.starts, "large.trk")
    with pytest.raises(ValueError, match="Neither a reversed axis nor a shift"):
        meshing.check_tracts(head, large)


def test_malformed_tractograms_are_refused(tmp_path, rng):
    tracts = planted(rng)
    with pytest.raises(FileNotFoundError, match="tractogram not found"):
        meshing.read_tracts(tmp_path / "none.trk")
    (tmp_path / "a.vtk").touch()
    with pytest.raises(ValueError, match=r"not from \.vtk"):
        meshing.read_tracts(tmp_path / "a.vtk")
    (tmp_path / "a.trk").write_bytes(b"TRACK" + bytes(20))
    with pytest.raises(ValueError, match="damaged or none"):
        meshing.read_tracts(tmp_path / "a.trk")
    nibabel.streamlines.save(
        nibabel.streamlines.tractogram.Tractogram([], affine_to_rasmm=np.eye(4)),
        str(tmp_path / "empty.tck"),
    )
    with pytest.raises(ValueError, match="there are no streamlines"):
        meshing.read_tracts(tmp_path / "empty.tck")
    points = tracts.points.copy()
    points[65, 1] = np.nan

    def holed(line):
        line = line.copy()
        line[5, 1] = np.nan
        return line

    write(tmp_path / "nan.trk", tracts, holed)
    with pytest.raises(ValueError, match=r"120 of 7200 points are not finite"):
        meshing.read_tracts(tmp_path / "nan.trk")
    with pytest.raises(ValueError, match=r"the first in streamline 1 \(from 0\)"):
        Tractogram(points, tracts.starts)
    with pytest.raises(ValueError, match=r"number 1 .* has 1"):
        Tractogram(points[:3], [0, 2, 3])


def test_a_straight_fibre_in_a_linear_field_equals_the_formula(rng):
    direction = np.array([2.0, -1.0, 2.0]) / 3
    s = np.sort(rng.uniform(0, 0.08, 70))
    origin = np.array([0.01, 0.02, 0.03])
    lines = [origin + s[:, None] * direction, origin + s[::-1, None] * direction]
    tracts = Tractogram.of(lines)
    gradient, constant = rng.normal(size=(3, 3)) * 1e3, rng.normal(size=3) * 50
    vectors = tracts.points @ gradient.T + constant
    found = efield.along_fibres(tracts, vectors)
    exact = direction @ vectors[:70].T
    slope = direction @ gradient @ direction
    np.testing.assert_allclose(found.along[:70], exact, rtol=1e-10)
    np.testing.assert_allclose(found.along[70:], -exact[::-1], rtol=1e-10)
    # It does not depend on which end comes first.
    np.testing.assert_allclose(found.activating, -slope, rtol=1e-10)
    np.testing.assert_allclose(found.outward[0], [-exact[0], exact[-1]], rtol=1e-10)
    np.testing.assert_allclose(found.outward[1], found.outward[0, ::-1], rtol=1e-10)
    assert found.strongest[0] == np.argmax(np.abs(exact))
    np.testing.assert_allclose(found.magnitude, np.linalg.norm(vectors, axis=1))


def test_a_bent_fibre_converges_to_its_formula():
    """On a circle of radius r in a uniform field E, -dE_t/ds is E cos(angle) / r."""
    errors = []
    for count in (100, 200, 400):
        angle = np.linspace(0, np.pi, count)
        line = 0.03 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
        tracts = Tractogram.of([line])
        vectors = np.tile([100.0, 0, 0], (count, 1))
        found = efield.along_fibres(tracts, vectors, window=0.03 * np.pi / count * 2)
        exact = 100 * np.cos(angle) / 0.03
        errors.append(np.abs(found.activating - exact)[5:-5].max())
        assert found.most_activated[0] < 5
    assert np.log2(errors[0] / errors[1]) > 1.7
    assert np.log2(errors[1] / errors[2]) > 1.7


def test_resampling_keeps_ends_and_evens_steps(rng):
    tracts = planted(rng)
    even = tracts.resampled(2e-3)
    np.testing.assert_allclose(even.ends, tracts.ends, atol=1e-12)
    steps = np.diff(even.arc)[np.diff(even.owners) == 0]
    assert steps.max() <= 2e-3 + 1e-9
    np.testing.assert_allclose(even.lengths, tracts.lengths, rtol=2e-3)
    with pytest.raises(ValueError, match="finite vector at each"):
        efield.along_fibres(even, np.zeros((3, 3)))
    still = Tractogram([[0, 0, 0], [1, 0, 0], [2, 2, 2], [2, 2, 2]], [0, 2, 4])
    with pytest.raises(ValueError, match=r"streamline 1 .* stands"):
        efield.along_fibres(still, np.zeros((4, 3)))
