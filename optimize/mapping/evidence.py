"""Where it is that responds: how probable each place is, and a region that holds it.

The likelihood of a place is that of its curve with its own best noise. Noise is never quite
what a model says it is, and the coil never quite where it was recorded, so that likelihoods
alone are too sure. They are averaged over samples of the pulses, drawn with replacement:
bagged posteriors [Bühlmann 2014, doi:10.1080/00031305.2014.951137; Huggins & Miller 2023,
doi:10.1214/22-AOS2226] hold as much uncertainty as the pulses show.

The region is one of likelihood: places whose best curve is not much less likely than that
of the best place. How much is what samples of the pulses show: how much more likely their
own best place is than the best place of all pulses [Hall 1987,
doi:10.1093/biomet/74.3.481]. It is no less than Fisher's F allows for two coordinates,
which trusts the noise of the fit. Neither knows of fields that are wrong. Those of a mesh
are constant in its elements, so the region is closed: what lies within half an edge of a
place of it belongs to it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.spatial import KDTree
from scipy.stats import f as fisher

from .around import HALF_AN_EDGE, Around, spread
from .curves import AbstractCurve
from .fitting import Fit, fields_for, fit, predicted, refit, tail_of
from .noise import errors_alone


FEWEST = 20  # Pulses, for three or four parameters at each of many places.
_CANDIDATES = (128, 512, 2048)  # Places that are fitted to samples.
_HOPELESS = 30.0  # So much less log-likelihood than at the best place.
_FOLDS = 10
_DRAWN = 4000  # Places with curves, that an interval is taken of.
_CONFIDENCE = 0.95


@dataclass(frozen=True, eq=False)
class Samples:
    """Curves at the candidates for samples of the pulses.

    Attributes:
        candidates: Which places were fitted.
        probabilities: Of each candidate, in each sample.
        parameters: Of the curves.
        errors: Weighted sums of squared differences of logarithms.
    """

    candidates: Int[ndarray, "candidate"]
    probabilities: Float[ndarray, "sample candidate"]
    parameters: Float[ndarray, "sample candidate parameter"]
    errors: Float[ndarray, "sample candidate"]


@dataclass(frozen=True, eq=False)
class ResponseMap:
    """What fields and responses say about places.

    Attributes:
        fit: At every place.
        cross_validated: R² of left-out pulses at every place.
        of_method: R² of left-out pulses, at the place that the other pulses choose. It is
            about zero or less where nothing was found.
        probability: Of each place, of sum 1.
        optimum: The place from which that which responds is least far, on average, of those
            that explain the responses themselves.
        region: The places that hold it with a confidence of 0.95.
        samples: Of the pulses.
        around: What lies within half an edge of a place.
    """

    fit: Fit
    cross_validated: Float[ndarray, "place"]
    of_method: float
    probability: Float[ndarray, "place"]
    optimum: int
    region: Bool[ndarray, "place"]
    samples: Samples
    around: Around

    @property
    def best(self) -> int:
        """The place whose curve explains most."""
        return int(np.argmax(self.fit.explained))

    @property
    def threshold(self) -> float:
        """The field that evokes `fit.response` in half of pulses. [V/m]

        The median over places and curves as probable as they are; NaN where none of half
        of these has it.
        """
        found = self._thresholds
        return np.nan if np.isnan(found).mean() > 0.5 else float(np.nanmedian(found))

    @cached_property
    def _draws(self) -> tuple[ndarray, ndarray]:
        return self.drawn(_DRAWN)

    @cached_property
    def _thresholds(self) -> Float[ndarray, "draw"]:
        return self._fields_for(*self._draws)

    def _fields_for(
        self, places: ndarray, parameters: ndarray
    ) -> Float[ndarray, "draw"]:
        references = self.fit.references[places]
        return fields_for(self.fit.curve, parameters, references, self.fit.response)

    @cached_property
    def _jumps(self) -> Float[ndarray, "draw"]:
        places, _ = self._draws
        beside = self.around.one_of(places)
        here, there = (
            self._fields_for(each, self.fit.parameters[each])
            for each in (places, beside)
        )
        ratio = there / here
        return np.where(np.isfinite(ratio), ratio, 1.0)

    def drawn(self, count: int, seed: int = 0) -> tuple[ndarray, ndarray]:
        """Draw places with curves, as probable as they are.

        Returns:
            Places, (count,), and parameters of their curves, (count, parameters).
        """
        rng, found = np.random.default_rng(seed), self.samples
        number = rng.integers(len(found.probabilities), size=count)
        below = rng.uniform(size=count)
        heaped = np.cumsum(found.probabilities[number], axis=1)
        at = (heaped < below[:, None] * heaped[:, -1:]).sum(axis=1)
        return found.candidates[at], found.parameters[number, at]

    def threshold_interval(self, share: float = _CONFIDENCE) -> tuple[float, float]:
        """An interval that holds the threshold, wherever the place is. [V/m]

        Fields jump between the elements of a mesh, and thresholds with them: each sample's
        is changed by the ratio that all pulses give for a place within half an edge of its
        own. NaN where more samples than lie outside of it have no threshold.
        """
        found = self._thresholds * self._jumps
        if np.isnan(found).mean() > (1 - share) / 2:
            return np.nan, np.nan
        low, high = np.nanquantile(found, [(1 - share) / 2, (1 + share) / 2])
        return float(low), float(high)


def respond(
    curve: AbstractCurve,
    fields: Float[ndarray, "place column"],
    responses: Float[ndarray, "pulse"],
    positions: Float[ndarray, "place 3"],
    areas: Float[ndarray, "place"],
    *,
    response: float,
    resolution: float = 0.0,
    draws: int = 200,
    seed: int = 0,
    tail: float | None = None,
) -> ResponseMap:
    """Regress responses on the fields at every place.

    Args:
        curve: What a response is of the field.
        fields: Such as |E|, at each place, for each pulse. [V/m]
        responses: Of each pulse, positive.
        positions: Of the places. [m]
        areas: That each place stands for, of any unit.
        response: Whose field is the threshold, 50e-6 V for muscles at rest.
        resolution: Fields do not separate places that are so near, a standard deviation,
            such as that of `CortexPatch`. [m]
        draws: Samples of the pulses.
        seed: Of these; the same samples of the same number of pulses for the same seed.
        tail: Of the noise of logarithms: 0 is normal, 1/4 Student's t with four degrees of
            freedom; None for that which the data choose.

    Raises:
        ValueError: There are too few pulses, a number is not positive or not finite, or
            fields or responses do not vary.
    """
    _check(fields, responses)
    found = fit(curve, fields, responses, response, tail or 0.0)
    if tail is None and (chosen := tail_of(found, fields, responses)):
        found = fit(curve, fields, responses, response, chosen)
    weights = _resampled(len(responses), draws, seed)
    samples = _samples(found, fields, responses, areas, weights)
    sharp = np.zeros(len(fields))
    sharp[samples.candidates] = samples.probabilities.mean(axis=0)
    probability = spread(sharp, positions, areas, resolution)
    cross, of_method = _left_out(found, fields, responses, seed)
    return ResponseMap(
        *(found, cross, of_method, probability, _middle(sharp, positions)),
        *(_region(found, samples, positions, resolution), samples),
        Around(positions, areas, float(HALF_AN_EDGE * resolution)),
    )


def _check(fields: Float[ndarray, "place column"], responses: ndarray) -> None:
    count = len(responses)
    if fields.shape[1:] != (count,):
        raise ValueError(
            f"`fields` must be (places, {count}), a column for each response, got "
            f"{fields.shape}."
        )
    if count < FEWEST:
        raise ValueError(
            f"{count} pulses are too few for a map: it takes {FEWEST} at the very least, "
            "and some 100 for a sure one."
        )
    if not (np.isfinite(responses).all() and (responses > 0).all()):
        raise ValueError("`responses` must be positive and finite.")
    if not np.isfinite(fields).all():
        raise ValueError("`fields` must be finite.")
    if np.ptp(np.log(responses)) < 1e-9:
        raise ValueError(
            "all responses are the same: nothing can be learned from them."
        )
    mean = np.abs(fields).mean(axis=1)
    if not (mean > 0).all():
        raise ValueError("`fields` are zero for all pulses at some place.")


def _resampled(pulses: int, draws: int, seed: int) -> Float[ndarray, "sample pulse"]:
    rng = np.random.default_rng(seed)
    return rng.multinomial(pulses, np.full(pulses, 1 / pulses), draws).astype(float)


def _samples(
    found: Fit,
    fields: Float[ndarray, "place pulse"],
    responses: Float[ndarray, "pulse"],
    areas: Float[ndarray, "place"],
    weights: Float[ndarray, "sample pulse"],
) -> Samples:
    likely = found.log_likelihood
    order = np.argsort(-likely, kind="stable")
    hopeful = np.count_nonzero(likely > likely.max() - _HOPELESS)
    # As many as one of these sizes, for which programs are compiled.
    size = next((each for each in _CANDIDATES if each >= hopeful), _CANDIDATES[-1])
    chosen = np.sort(order[:size])
    parameters, errors = refit(found.at(chosen), fields[chosen], responses, weights)
    log = np.log(areas[chosen]) - found.pulses / 2 * np.log(errors)
    probability = np.exp(log - log.max(axis=1, keepdims=True))
    probability /= probability.sum(axis=1, keepdims=True)
    return Samples(chosen, probability, parameters, errors)


def _left_out(
    found: Fit,
    fields: Float[ndarray, "place pulse"],
    responses: Float[ndarray, "pulse"],
    seed: int,
) -> tuple[Float[ndarray, "place"], float]:
    """Predict each tenth of the pulses from the others, at all places and at the chosen."""
    count, logs = len(responses), np.log(responses)
    fold = np.random.default_rng(seed).permutation(count) % _FOLDS
    kept = np.stack([fold != number for number in range(_FOLDS)]).astype(float)
    parameters, errors = refit(found, fields, responses, kept)
    relative = fields / found.references[:, None]
    missed = np.zeros(fields.shape)
    chosen, alone = np.zeros(count), np.zeros(count)
    for number in range(_FOLDS):
        out = fold == number
        missed[:, out] = (
            predicted(found.curve, parameters[number], relative[:, out]) - logs[out]
        )
        chosen[out] = missed[np.argmin(errors[number]), out]
        middle = logs[~out].mean() if found.tail == 0 else np.median(logs[~out])
        alone[out] = logs[out] - middle
    spread = errors_alone(alone, found.tail)
    cross = 1 - errors_alone(missed, found.tail) / spread
    return cross, float(1 - errors_alone(chosen, found.tail) / spread)


def _middle(
    probability: Float[ndarray, "place"], positions: Float[ndarray, "place 3"]
) -> int:
    """Find the place with the least mean distance to all, by their probabilities."""
    likely = np.flatnonzero(probability > 1e-4 * probability.max())
    at = positions[likely]
    means = np.array(
        [np.linalg.norm(at - each, axis=1) @ probability[likely] for each in at]
    )
    return int(likely[np.argmin(means)])


def _region(
    found: Fit,
    samples: Samples,
    positions: Float[ndarray, "place 3"],
    resolution: float,
) -> Bool[ndarray, "place"]:
    """Take places that are as likely as samples of the pulses allow, and what is near."""
    best = np.searchsorted(samples.candidates, np.argmin(found.errors))
    errors, half = samples.errors, found.pulses / 2
    lost = half * np.log(errors[:, best] / errors.min(axis=1))
    parameters = found.parameters.shape[1] + 2
    free = max(found.pulses - parameters, 1)
    trusting = half * np.log1p(2 / free * fisher.ppf(_CONFIDENCE, 2, free))
    allowed = max(float(np.quantile(lost, _CONFIDENCE)), float(trusting))
    likely = found.log_likelihood
    inside = likely >= likely.max() - allowed
    if resolution <= 0:
        return inside
    apart, _ = KDTree(positions[inside]).query(positions)
    return apart <= HALF_AN_EDGE * resolution


def distance_between(
    one: ResponseMap,
    other: ResponseMap,
    positions: Float[ndarray, "place 3"],
    share: float = _CONFIDENCE,
) -> tuple[float, float, float]:
    """Measure how far apart two responses to the same pulses are.

    Both must have been sampled alike, by one seed: what the samples do to both, as coil
    errors do, then cancels.

    Returns:
        The distance of the optima, and an interval that holds it. [m]

    Raises:
        ValueError: They are not of the same samples.
    """
    count = len(one.samples.probabilities)
    if len(other.samples.probabilities) != count or one.fit.pulses != other.fit.pulses:
        raise ValueError("the two maps must be of the same pulses and samples.")
    middles = [
        positions[
            each.samples.candidates[np.argmax(each.samples.probabilities, axis=1)]
        ]
        for each in (one, other)
    ]
    apart = np.linalg.norm(middles[0] - middles[1], axis=1)
    low, high = np.quantile(apart, [(1 - share) / 2, (1 + share) / 2])
    direct = np.linalg.norm(positions[one.optimum] - positions[other.optimum])
    return float(direct), float(low), float(high)
