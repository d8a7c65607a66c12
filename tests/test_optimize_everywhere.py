"""Objectives over the whole cortex, by a reduced field, and the search that climbs them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from heads import boxed_coil, five_layers, scalp_of_five_layers

from tmsgrad import efield, meshing, optimize
from tmsgrad.optimize.everywhere import places_of


PLACE = np.array([0.02, -0.015, 0.08])
CENTRE = 0.064 * np.array([0.4, -0.1, 0.9])


@functools.cache
def conductor():
    return efield.assemble(five_layers(), efield.isotropic(five_layers()))


@functools.cache
def gray():
    return meshing.region(five_layers(), five_layers().tags == 2)


@functools.cache
def domain():
    return optimize.placements(
        scalp_of_five_layers(), PLACE, 40e-3, distances=(3e-3, 6e-3)
    )


@functools.cache
def reduced():
    growth = efield.Growth(tolerance=1e-2, unseen=8)
    return efield.reduce(conductor(), boxed_coil(), domain(), gray(), growth=growth)


@functools.cache
def target():
    """A ball of cortex, as a mask over the places."""
    ball = meshing.ball(five_layers(), CENTRE, 18e-3)
    return np.isin(gray().tetrahedra, ball.tetrahedra)


def solved(pose):
    field = efield.solve(conductor(), boxed_coil(), pose)
    return np.asarray(field.magnitude[gray().tetrahedra])


def focality_of(magnitude):
    weights, inside = gray().weights, target()
    mean = lambda where: weights[where] @ magnitude[where] / weights[where].sum()
    return mean(inside) / mean(~inside)


def overlap_of(magnitude, hottest):
    order = np.argsort(-magnitude)
    hot = order[np.cumsum(gray().weights[order]) <= hottest]
    weights = gray().weights[hot]
    return weights @ target()[hot] / weights.sum()


@pytest.mark.long
def test_objectives_are_what_they_say_of_the_whole_field():
    pose = jax.tree.map(lambda x: x[3], domain()(4, 5))
    mean = reduced().coefficients(pose)
    magnitude = np.asarray(reduced().magnitude(pose), dtype=float)
    focality = optimize.FocalityEverywhere(reduced(), target())
    np.testing.assert_allclose(focality.value(mean), focality_of(magnitude), rtol=1e-5)
    average = optimize.MeanOfMagnitude(reduced())
    np.testing.assert_allclose(
        average.value(mean), gray().weights @ magnitude, rtol=1e-5
    )
    sharp = optimize.HotSpotOverlap(reduced(), target(), 0.05, softness=1e-4)
    # The hottest places counted one by one are 5% but for one of them.
    one = gray().weights.max() / 0.05
    np.testing.assert_allclose(sharp.value(mean), overlap_of(magnitude, 0.05), atol=one)
    share = lambda edge: gray().weights[magnitude > edge].sum()
    peak = float(optimize.PeakMagnitude(reduced(), 0.99).value(mean))
    np.testing.assert_allclose(share(peak), 0.01, atol=gray().weights.max())
    compact = optimize.Compactness(reduced(), below=0.99, softness=1e-4)
    expected = 1 / share(peak / 2)
    np.testing.assert_allclose(compact.value(mean), expected, rtol=one * expected / 20)
    np.testing.assert_allclose(focality.centre, CENTRE, atol=3e-3)


def test_some_places_stand_for_all():
    pose = jax.tree.map(lambda x: x[3], domain()(4, 5))
    mean = reduced().coefficients(pose)
    few, numbers = places_of(reduced(), target().astype(float), 400)
    assert len(numbers) == len(np.unique(numbers)) == 400
    assert set(np.flatnonzero(target())) <= set(numbers.tolist())
    share = np.asarray(few.weights)[target()[numbers]].sum()
    np.testing.assert_allclose(share, gray().weights[target()].sum(), rtol=1e-12)
    exact = gray().weights @ np.asarray(reduced().magnitude(pose), float)
    np.testing.assert_allclose(few.mean_magnitude(mean), exact, rtol=0.1)


def test_a_first_look_takes_fewer_places_and_all_of_the_target():
    pose = jax.tree.map(lambda x: x[3], domain()(4, 5))
    mean = reduced().coefficients(pose)
    whole = optimize.FocalityEverywhere(reduced(), target())
    rough = whole.coarse
    assert len(rough.target) == len(whole.target) // 4
    assert np.count_nonzero(rough.target) == np.count_nonzero(whole.target)
    np.testing.assert_allclose(rough.value(mean), whole.value(mean), rtol=0.05)
    average = optimize.MeanOfMagnitude(reduced())
    assert average.coarse is average


def slope_error(objective, value, at):
    """Of the slope of an objective, from a central difference of `value`, relative."""
    np.testing.assert_allclose(value(at), objective.value(at), rtol=1e-6)
    gradient = jax.grad(objective.value)(at)
    ways = gradient * at**2
    # Modes are of single precision: steps are as large as that asks for.
    ways = 3e-3 * ways * jnp.linalg.norm(at) / jnp.linalg.norm(ways)
    difference = (float(value(at + ways)) - float(value(at - ways))) / 2
    return abs(difference / float(jnp.vdot(gradient, ways)) - 1)


@functools.cache
def coefficients_tried():
    return reduced().coefficients(domain()(4, 5))


@pytest.mark.parametrize("number", range(4))
def test_slopes_equal_finite_differences(number):
    at = coefficients_tried()[number]
    focality = optimize.FocalityEverywhere(reduced(), target())
    assert slope_error(focality, focality.value, at) < 2e-4
    average = optimize.MeanOfMagnitude(reduced())
    assert slope_error(average, average.value, at) < 2e-4


def edge_of(places, share, at):
    """Return |E| at that place where the edge of the hottest share lies in one field."""
    edge = optimize.PeakMagnitude(reduced(), 1 - share).value(at)
    place = jnp.argmin(jnp.abs(places.magnitude(at) - edge))
    return lambda mean: float(places.magnitude(mean)[place])


def weights_above(places, edge, softness=0.05):
    """Return the weights of what is hot: an edge that is soft, as its width says."""
    hotness = lambda mean: np.asarray(places.magnitude(mean)) / edge(mean) - 1
    weights = np.asarray(places.weights)
    return lambda mean: weights / (1 + np.exp(-hotness(mean) / softness))


@pytest.mark.parametrize("number", range(4))
def test_slopes_of_hot_spots_equal_finite_differences(number):
    # The edge goes from place to place, where slopes jump: a difference is taken of the
    # same value by the same place, which is smooth.
    at = coefficients_tried()[number]
    peak = optimize.PeakMagnitude(reduced(), 0.99)
    edge = edge_of(peak.places, 0.01, at)
    assert slope_error(peak, edge, at) < 1e-3
    compact = optimize.Compactness(reduced(), below=0.99)
    above = weights_above(compact.places, lambda mean: edge(mean) / 2)
    assert slope_error(compact, lambda mean: 1 / np.sum(above(mean)), at) < 1e-3
    spot = optimize.HotSpotOverlap(reduced(), target(), 0.1)
    hot = weights_above(spot.places, edge_of(spot.places, 0.1, at))
    inside = np.asarray(spot.network)
    overlap = lambda mean: hot(mean) @ inside / np.sum(hot(mean))
    assert slope_error(spot, overlap, at) < 1e-3


@pytest.mark.parametrize("make", [optimize.PeakMagnitude, optimize.Compactness])
def test_maps_of_the_whole_field_are_the_objective_at_each_pose(make):
    objective, scalp = make(reduced(), below=0.99), scalp_of_five_layers()
    points = optimize.spread(scalp, 8e-3, centre=scalp.nearest(PLACE), radius=12e-3)
    found = optimize.sweep(objective, boxed_coil(), scalp, points, angles=32)
    some = [(i, j) for i in range(len(points)) for j in (0, 11)]
    at = lambda place: objective.value(reduced().coefficients(found.pose(*place)))
    expected = [float(at(place)) for place in some]
    mapped = [found.values[place] for place in some]
    np.testing.assert_allclose(mapped, expected, rtol=2e-3)


@pytest.mark.long
def test_a_search_for_focality_needs_no_list_of_what_to_spare():
    search = functools.partial(
        *(optimize.find_pose,),
        coil=boxed_coil(),
        scalp=scalp_of_five_layers(),
        starts=3,
    )
    ball = meshing.ball(five_layers(), CENTRE, 18e-3)
    strongest = search(optimize.MeanMagnitude(efield.reciprocal(conductor(), ball)))
    focality = optimize.FocalityEverywhere(reduced(), target())
    focal = search(focality, around=CENTRE)
    assert not bool(reduced().outside(focal.pose))
    found = focality_of(solved(focal.pose))
    np.testing.assert_allclose(focal.value, found, rtol=0.02)
    assert found > focality_of(solved(strongest.pose))
    tried = jax.vmap(focality.value)(reduced().coefficients(domain()(80, 21)))
    assert focal.value > float(jnp.max(tried))
    network = optimize.HotSpotOverlap(reduced(), target(), 0.05)
    best = search(network, around=CENTRE)
    assert overlap_of(solved(best.pose), 0.05) > 0.9 * overlap_of(
        solved(focal.pose), 0.05
    )


def test_what_fits_no_place_is_refused():
    for shares, why in (
        (np.ones(3), "for each of"),
        (np.zeros(len(target())), "nowhere"),
        (np.ones(len(target())), "everywhere"),
        (2.0 * target(), "from 0 to 1"),
    ):
        with pytest.raises(ValueError, match=f"`target` .*{why}"):
            optimize.FocalityEverywhere(reduced(), shares)
    with pytest.raises(ValueError, match="`below` must lie between 0 and 1"):
        optimize.PeakMagnitude(reduced(), 1.0)
    with pytest.raises(ValueError, match="`above`, `below` and `softness`"):
        optimize.Compactness(reduced(), 1.5)
    with pytest.raises(ValueError, match="`hottest` and `softness`"):
        optimize.HotSpotOverlap(reduced(), target(), 0.0)
