"""What a clinic reads first: where on the head, how sure, and with what limits."""

import numpy as np
import pytest
from heads import scalp_of_five_layers

from tmsgrad import optimize
from tmsgrad.efield.verdict import GOOD, UNSURE, USABLE, verdict


RADIUS = 86e-3  # Of the outermost sphere of the tests.


def on_sphere(x, y):
    return np.array([x, y, np.sqrt(RADIUS**2 - x**2 - y**2)])


def over(point):
    scalp = scalp_of_five_layers()
    (pose,) = [optimize.tangential(scalp, np.asarray(point)[None])]
    return type(pose)(pose.rotation[0], pose.translation[0])


def test_ways_along_the_scalp_are_arcs_of_a_sphere():
    start, end = on_sphere(0.0, 0.0), on_sphere(0.05, 0.0)
    arc = RADIUS * np.arcsin(0.05 / RADIUS)
    assert optimize.along(scalp_of_five_layers(), start, end) == pytest.approx(
        arc, rel=0.01
    )


@pytest.mark.parametrize("side", [1, -1])
def test_steps_go_forward_and_outwards_at_either_side(side):
    named = {"F3": on_sphere(-0.03, 0.03), "F4": on_sphere(0.03, 0.03)}
    named["Cz"] = on_sphere(0.0, 0.0)
    coil = over(on_sphere(side * 0.04, 0.04))
    place = optimize.ScalpPlace.of(scalp_of_five_layers(), coil, named, None)
    assert place is not None
    step = place.steps[0]
    assert step.name == ("F4" if side > 0 else "F3")
    assert 0.01 < step.forward < 0.02
    assert 0.01 < step.outward < 0.02
    assert step.words == (
        f"{step.forward * 1e3:.0f} mm forward and {step.outward * 1e3:.0f} mm outwards "
        f"from {step.name}"
    )
    arc = RADIUS * np.arcsin(np.hypot(0.04, 0.04) / RADIUS)
    assert place.tapes["vertex"] == pytest.approx(arc, rel=0.02)


def test_at_a_position_no_way_is_said_and_without_positions_no_place():
    named = {"F3": on_sphere(-0.03, 0.03)}
    place = optimize.ScalpPlace.of(
        scalp_of_five_layers(), over(named["F3"]), named, None
    )
    assert place is not None
    assert place.steps[0].words == "at F3"
    assert (
        optimize.ScalpPlace.of(scalp_of_five_layers(), over(named["F3"]), None, None)
        is None
    )


@pytest.mark.parametrize(
    ("error", "others", "word"),
    [
        (0.03, (), GOOD),
        (0.03, ("no casing",), USABLE),
        (0.109, (), USABLE),
        (0.16, (), UNSURE),
        (None, (), USABLE),
    ],
)
def test_a_verdict_has_limits_and_says_them(error, others, word):
    found = verdict(error, others)
    assert found.word == word
    assert found.passed == (word != UNSURE)
    assert set(others) <= set(found.reasons)
    if error is not None and error > 0.05:
        assert "good up to 5%, usable up to 15%" in found.reasons[0]
