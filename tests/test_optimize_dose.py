import numpy as np
import pytest

from tmsgrad import optimize
from tmsgrad.coils import Stimulator
from tmsgrad.optimize.currents import best_currents


def test_the_smallest_current_reaches_what_is_wanted():
    machine = Stimulator("R30", "MagVenture", 150e6)
    found = optimize.dose(1.2, 1e6, 90.0, stimulator=machine)
    assert found.current_rate == pytest.approx(75e6)
    assert found.output == pytest.approx(0.5)
    assert found.reached == pytest.approx(90.0)
    assert found.reachable
    assert "50% of the maximum" in found.statement


def test_what_is_out_of_reach_is_reported_with_what_is_reached():
    machine = Stimulator("R30", "MagVenture", 60e6)
    found = optimize.dose(0.5, 1e6, 100.0, stimulator=machine, highest=80e6)
    assert not found.reachable
    assert found.current_rate == 60e6
    assert found.reached == pytest.approx(30.0)
    assert "100 V/m cannot be reached: it takes 200 A/µs" in found.statement
    assert "the stimulator R30 allows 60 A/µs at most" in found.statement
    assert "the target gets 30 V/m" in found.statement


def test_the_lowest_limit_binds():
    eye = optimize.FieldLimit("the eyes", 0.4, 10.0)
    rest = optimize.FieldLimit("the rest", 2.0, 100.0)
    found = optimize.dose(1.0, 1e6, 100.0, highest=1e8, limits=[eye, rest])
    assert found.highest == pytest.approx(25e6)
    assert found.reached == pytest.approx(25.0)
    assert "the limit of 10 V/m in the eyes" in found.statement
    free = optimize.dose(1.0, 1e6, None, limits=[eye])
    assert free.reached == pytest.approx(25.0)
    assert free.reachable
    nothing = optimize.FieldLimit("nowhere", 0.0, 1.0)
    assert optimize.dose(1.0, 1e6, 5.0, limits=[nothing]).reachable


@pytest.mark.parametrize(
    "arguments",
    [(0.0, 1e6, 1.0), (1.0, -1.0, 1.0), (1.0, 1e6, np.nan), (1.0, 1e6, None)],
)
def test_impossible_doses_are_refused(arguments):
    with pytest.raises(ValueError, match=r"must be a positive number|is needed"):
        optimize.dose(*arguments)


def test_a_limit_must_be_one():
    with pytest.raises(ValueError, match="'eye' needs a value"):
        optimize.FieldLimit("eye", -1.0, 2.0)


def random_fields(seed=0, count=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 3)), rng.normal(size=(count, 6))


def samples(count, limits):
    rng = np.random.default_rng(1)
    return rng.uniform(-1, 1, (20000, count)) * limits


def test_without_limits_elsewhere_all_currents_help_as_much_as_they_can():
    fields, _ = random_fields()
    unit = np.array([0.0, 0.6, 0.8])
    found = best_currents(fields, 3e6, direction=unit)
    expected = 3.0 * np.sign(fields @ unit)
    np.testing.assert_allclose(found.rates, expected * 1e6)
    assert found.value == pytest.approx(float(expected @ fields @ unit))
    assert len(found.bound_by) == 5


def test_currents_within_limits_are_the_best_of_all():
    fields, avoid = random_fields()
    unit = np.array([1.0, 0.0, 0.0])
    found = best_currents(fields, 2e6, direction=unit, avoided=[avoid], limits=[1.5])
    assert found.avoided[0] <= 1.5 * (1 + 1e-9)
    assert "the limit of 1.5 V/m in region 0" in found.bound_by
    tried = samples(5, 2.0)
    size = np.linalg.norm(tried @ avoid, axis=1)
    tried *= np.minimum(1, 1.5 / size)[:, None]
    assert found.value > (tried @ fields @ unit).max()
    # The conditions of Karush, Kuhn and Tucker, for currents that no stimulator binds.
    free = np.abs(found.rates) < 1.99e6
    gain, cost = fields @ unit, avoid @ (found.rates / 1e6 @ avoid)
    ratio = gain[free] / cost[free]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)


def test_the_strongest_field_is_a_corner_of_the_box():
    fields, _ = random_fields(3)
    found = best_currents(fields, 1e6)
    corners = np.array(np.meshgrid(*[[-1, 1]] * 5)).reshape(5, -1).T
    best = np.linalg.norm(corners @ fields, axis=1).max()
    assert found.value == pytest.approx(best)


def test_a_wanted_vector_is_reached_exactly_or_as_nearly_as_allowed():
    fields, avoid = random_fields(2)
    aim = np.array([0.5, -0.2, 0.1])
    found = best_currents(fields, 2e6, wanted=aim)
    np.testing.assert_allclose(found.field, aim, atol=1e-4)
    far = best_currents(fields, 2e6, wanted=100 * aim, avoided=[avoid], limits=[1.0])
    assert far.avoided[0] <= 1.0 + 1e-9
    tried = samples(5, 2.0)
    tried *= np.minimum(1, 1.0 / np.linalg.norm(tried @ avoid, axis=1))[:, None]
    distances = np.linalg.norm(tried @ fields - 100 * aim, axis=1)
    assert -far.value <= distances.min()


def test_currents_that_do_not_fit_are_refused():
    fields, avoid = random_fields()
    with pytest.raises(ValueError, match="`highest` must be positive"):
        best_currents(fields, 0.0)
    with pytest.raises(ValueError, match="`limits` must be 1 positive"):
        best_currents(fields, 1e6, avoided=[avoid])
    with pytest.raises(ValueError, match="not both"):
        best_currents(fields, 1e6, direction=[1, 0, 0], wanted=[1, 0, 0])
