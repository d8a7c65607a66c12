"""The field while a coil moves: registered, answered, advised, and never queued."""

import threading

import jax.numpy as jnp
import numpy as np
import pytest
from heads import boxed_coil, five_layers, pose_over, scalp_of_five_layers
from hypothesis import given, strategies as st
from scipy import sparse
from scipy.spatial.transform import Rotation

from tmsgrad import efield, meshing, optimize
from tmsgrad.coils import Pose
from tmsgrad.optimize import live


def rigid(rng, size=0.1):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.random(rng=rng).as_matrix()
    matrix[:3, 3] = rng.normal(size=3) * size
    return matrix


def moved(matrix, points):
    return points @ matrix[:3, :3].T + matrix[:3, 3]


HEAD = np.array(
    [
        [0, 0.1, -0.03],
        [-0.08, 0, -0.04],
        [0.08, 0, -0.04],
        [0, 0, 0.12],
        [0.03, 0.07, 0.09],
    ]
)


@pytest.mark.parametrize("count", [3, 4, 5])
def test_a_registration_by_fiducials_is_the_motion_they_made(rng, count):
    tracker_to_head = rigid(rng)
    points = moved(np.linalg.inv(tracker_to_head), HEAD[:count])
    found = live.fit_rigid(points, HEAD[:count])
    np.testing.assert_allclose(found.to_head, tracker_to_head, atol=1e-12)
    assert found.residual == pytest.approx(0, abs=1e-12)


def test_a_registration_is_the_least_squares_one(rng):
    """No small motion on top of it makes the residual smaller."""
    points = moved(rigid(rng), HEAD) + 1e-3 * rng.normal(size=HEAD.shape)
    found = live.fit_rigid(points, HEAD, ("a", "b", "c", "d", "e"))
    squares = lambda matrix: np.sum((moved(matrix, points) - HEAD) ** 2)
    least = squares(found.to_head)
    assert found.residual is not None
    assert len(HEAD) * found.residual**2 == pytest.approx(least)
    for _ in range(20):
        other = np.eye(4)
        other[:3, :3] = Rotation.from_rotvec(1e-3 * rng.normal(size=3)).as_matrix()
        other[:3, 3] = 1e-4 * rng.normal(size=3)
        assert squares(other @ found.to_head) > least
    assert "5 fiducials" in found.words
    assert max(found.residuals) < 10e-3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: x * [-1, 1, 1], "mirrored"),
        (lambda x: x * 1e3, "same unit"),
        (lambda x: x[[1, 0, 2, 4, 3]], "do not fit|mirrored"),
        (lambda x: x[:2], "three fiducials"),
        (lambda x: np.where(x == x[0, 1], np.nan, x), "finite"),
        (lambda x: np.outer(np.arange(5), [0, 0, 0.05]), "on a line"),
        (lambda x: x[:, :2], "three numbers"),
    ],
)
def test_fiducials_that_cannot_be_right_are_refused(change, said):
    found = change(HEAD)
    with pytest.raises(ValueError, match=said):
        live.fit_rigid(found, HEAD[: len(found)])


SHEAR = np.array([[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (SHEAR, "shear|scale"),
        (np.diag([1.0, 1.0, -1.0, 1.0]), "reflection"),
        (np.diag([2.0, 2.0, 2.0, 1.0]), "scale"),
        (np.full((4, 4), np.nan), "not finite"),
        (np.ones((3, 4)), "4×4"),
        (np.eye(4)[[3, 0, 1, 2]], "0 0 0 1"),
    ],
)
def test_poses_that_are_not_rigid_are_refused(matrix, said):
    with pytest.raises(ValueError, match=said):
        live.Registration()(matrix)
    if matrix.shape == (4, 4):
        with pytest.raises(ValueError, match=said):
            live.Registration(matrix)


def test_a_pose_goes_from_tool_over_tracker_to_the_head(rng):
    to_head, tool, pose = rigid(rng), rigid(rng), rigid(rng)
    found = live.Registration(to_head, tool)(np.float32(pose))
    # Single precision, as OpenIGTLink sends it, is made rigid again.
    np.testing.assert_allclose(found, to_head @ pose @ tool, atol=1e-6)
    axes = found[:3, :3]
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-12)


def matrix_of(pose):
    matrix = np.array(pose.to_matsimnibs())
    matrix[:3, 3] *= 1e-3
    return matrix


@given(
    st.floats(-0.02, 0.02),
    st.floats(-0.02, 0.02),
    st.floats(-2.5, 2.5),
    st.floats(0, 0.01),
)
def test_advice_that_is_followed_leads_to_the_best(forward, right, turn, height):
    """Undo in the coil's own plane what the advice names, and be there."""
    best = matrix_of(pose_over([0.2, 0.3, 1.0], 0.4))
    out = -best[:3, 2]
    ahead = np.array([0.0, 1.0, 0.0])
    ahead -= (ahead @ out) * out
    ahead /= np.linalg.norm(ahead)
    side = np.cross(ahead, out)
    assert side[0] > 0  # To the right.
    pose = best.copy()
    pose[:3, 3] -= forward * ahead + right * side
    clockwise = Rotation.from_rotvec(-turn * out).as_matrix()  # As seen from outside.
    pose[:3, :3] = clockwise.T @ best[:3, :3]
    found = live.advise(pose, best, out, height)
    expected = (forward, right, height, turn, 0.0)
    given_ = (found.forward, found.right, found.nearer, found.turn, found.tilt)
    np.testing.assert_allclose(given_, expected, atol=1e-7)


def test_advice_is_said_in_words():
    said = live.Advice(4e-3, -2e-3, 0.0, np.radians(-12), 0.0).words
    assert said == "move 4 mm forward, 2 mm left; turn 12° counter-clockwise"
    assert live.Advice(1e-3, 0.0, 1e-3, 0.01, 0.05).words == "at the optimum"
    assert "tilted by 9°" in live.Advice(0.0, 0.0, 0.0, 0.0, np.radians(9)).words


def posed(number):
    matrix = np.eye(4)
    matrix[0, 3] = number
    return live.TrackedPose(matrix, float(number))


def test_the_newest_pose_wins_and_others_are_counted():
    inbox = live.Inbox()
    for number in range(100):
        inbox.offer(posed(number))
    found = inbox.take(0.0)
    assert found.pose is not None
    assert found.pose.matrix[0, 3] == 99
    assert (inbox.received, inbox.dropped) == (100, 99)
    assert inbox.take(0.0).pose is None


def test_pulses_wait_in_order_with_their_poses_and_not_without_end():
    inbox = live.Inbox()
    assert inbox.pulse("key")
    inbox.offer(posed(1))
    inbox.pulse("key", 7e7)
    inbox.offer(posed(2))
    inbox.pulse("key")
    found = inbox.take(0.0)
    places = [each.pose and each.pose.arrived for each in found.pulses]
    assert places == [None, 1.0, 2.0]
    assert found.pulses[1].current_rate == 7e7
    taken = [inbox.pulse("flood") for _ in range(1200)]
    assert sum(taken) == 1000
    assert inbox.refused == 200
    assert len(inbox.take(0.0).pulses) == 1000


def test_who_waits_is_woken_by_a_pose_from_another_thread():
    inbox = live.Inbox()
    thread = threading.Thread(target=lambda: inbox.offer(posed(3)))
    thread.start()
    found = inbox.take(30.0)
    thread.join()
    assert found.pose is not None
    inbox.end()
    assert inbox.take(30.0).ended


def test_rate_and_jitter_are_those_of_the_arrivals():
    pace = live.Pace()
    assert np.isnan(pace.rate)
    assert np.isnan(pace.jitter)
    times = np.cumsum(np.tile([0.04, 0.06], 100))
    for each in times:
        pace.add(each)
    assert pace.rate == pytest.approx(20)
    assert pace.jitter == pytest.approx(0.01)


def test_a_walk_is_rigid_stays_near_and_is_lost_as_often_as_it_should():
    start = matrix_of(pose_over([0.2, 0.3, 1.0]))
    how = live.Walk(noise=0.0, dropouts=0.2, gap=0.2)
    walked = live.walk(start, 0.09, 20.0, how)
    found = [next(walked) for _ in range(4000)]
    seen = [each for each in found if each is not None]
    assert 1 - len(seen) / len(found) == pytest.approx(0.2, abs=0.05)
    np.testing.assert_allclose(seen[0], start, atol=1e-12)
    live.Registration()(seen[-1])
    away = np.linalg.norm(np.array(seen)[:, :3, 3] - start[:3, 3], axis=1)
    assert 5e-3 < away.max() < 30e-3
    again = live.walk(start, 0.09, 20.0, how)
    np.testing.assert_array_equal(next(again), found[0])
    with pytest.raises(ValueError, match="dropouts"):
        live.Walk(dropouts=1.0)


# The field.


@pytest.fixture(scope="module")
def made(conductor):
    """A small basis, its means at some nodes and in a target, and what is live of it."""
    head, scalp = five_layers(), scalp_of_five_layers()
    place = [0.03, -0.02, 0.05]
    domain = optimize.placements(scalp, place, 20e-3, distances=(2e-3, 10e-3))
    gray = meshing.region(head, head.tags == 2)
    reduced = efield.reduce(
        *(conductor, boxed_coil(), domain, gray),
        growth=efield.Growth(tolerance=2e-2, unseen=4),
    )
    count = len(reduced.positions)
    near = np.linalg.norm(reduced.positions - place, axis=1) < 8e-3
    weights = near * np.asarray(reduced.weights)
    shares = sparse.csr_array((weights / weights.sum())[None])
    in_target = reduced.means(shares, np.array([place]))
    best = domain(1, 5)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = best.rotation[0], best.translation[0]
    samples = optimize.casing_samples(boxed_coil())
    cortex = reduced.subset(np.arange(0, count, 7))
    return live.LiveField(cortex, in_target, scalp, samples, matrix), reduced, shares


def test_an_answer_is_the_reduced_field_of_the_pose(made):
    field, reduced, shares = made
    poses = live.walk(field.best, 0.09, 20.0, live.Walk(dropouts=0.0))
    for matrix in [next(poses) for _ in range(60)][::20]:
        assert matrix is not None
        pose = Pose(matrix[:3, :3], matrix[:3, 3])
        answer = field(matrix, 65e6)
        whole = np.asarray(reduced.field(pose, 65e6))
        values = np.linalg.norm(whole[::7], axis=1)
        np.testing.assert_allclose(answer.values, values, rtol=1e-5)
        mean = np.linalg.norm(shares @ whole)
        assert answer.target == pytest.approx(mean, rel=1e-5)
        assert answer.peak == pytest.approx(values.max(), rel=1e-5)
        np.testing.assert_array_equal(
            answer.peak_at, reduced.positions[::7][values.argmax()]
        )
        assert answer.error == pytest.approx(float(reduced.estimated_error(pose)))
        assert answer.outside == bool(reduced.outside(pose))
        placed = field.samples @ matrix[:3, :3].T + matrix[:3, 3]
        gap = field.scalp.surface.signed_distance(placed).min()
        assert answer.clearance == pytest.approx(gap, abs=1e-9)
        assert not answer.off_head


def test_the_best_placement_is_worth_all_and_asks_for_nothing(made):
    field = made[0]
    answer = field(field.best)
    assert answer.share == pytest.approx(1)
    assert answer.advice.forward == answer.advice.turn == 0
    far = field.best.copy()
    far[:3, 3] -= 0.2 * far[:3, 2]
    away = field(far)
    assert away.off_head
    assert away.outside
    assert away.clearance == pytest.approx(answer.clearance + 0.2, abs=2e-3)
    assert 0 < away.share < 0.1
    beside = field.best.copy()
    beside[:3, 2] *= -1  # The axis misses the head.
    beside[:3, 0] *= -1
    assert field(beside).distance == np.inf


def test_matrices_of_a_generator_are_answered_one_by_one(made):
    field = made[0]
    tracker = rigid(np.random.default_rng(5))
    registration = live.Registration(tracker)
    ahead = np.linalg.inv(tracker) @ field.best
    matrices = (each for each in (ahead, ahead * np.nan, ahead))
    found = list(live.follow(matrices, field, registration, current_rate=50e6))
    assert [each.refused is None for each in found] == [True, False, True]
    assert "not finite" in str(found[1].refused)
    assert [each.state for each in found] == ["live"] * 3
    assert found[0].answer is not None
    assert found[0].answer.share == pytest.approx(1, rel=1e-6)
    assert found[0].answer.current_rate == 50e6


def test_states_are_those_of_the_clock_and_the_connection(made):
    field = made[0]
    inbox, now = live.Inbox(), [0.0]
    answers = live.follow(
        inbox, field, live.Registration(), tick=0.0, clock=lambda: now[0]
    )
    assert next(answers).state == "waiting"
    inbox.connected(True)
    inbox.offer(live.TrackedPose(field.best, 0.0))
    found = next(answers)
    assert (found.state, found.new) == ("live", True)
    now[0] = 0.2
    found = next(answers)
    assert (found.state, found.new) == ("live", False)
    now[0] = 0.4
    found = next(answers)
    assert (found.state, found.age) == ("stale", 0.4)
    inbox.connected(False)
    assert next(answers).state == "lost"
    inbox.connected(True)
    away = field.best.copy()
    away[:3, 3] -= 0.1 * away[:3, 2]
    inbox.offer(live.TrackedPose(away, 0.4))
    assert next(answers).state == "off the head"
    assert inbox.connections == 2
    inbox.pulse("key", 30e6)
    inbox.end()
    ((pulse, answer),) = next(answers).pulses
    assert pulse.source == "key"
    assert answer is not None
    assert answer.current_rate == 30e6
    assert jnp.isclose(answer.target, 30 * field(away).target)
    assert next(answers, None) is None
