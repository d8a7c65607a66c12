"""How a response grows with intensity at one place: a sigmoid, its threshold, and how sure.

For responses of concurrent images (BOLD) or of potentials evoked in the EEG, which have no
place to be looked for: a table of intensities and responses. The curve is

    base + change s(x),  s(x) = 1 / (1 + exp(-steepness (x / middle - 1))),

of responses themselves, or of their logarithms where they vary by a factor; `change` may be
negative, as BOLD is in places. For given middle and steepness base and change follow by
linear least squares [variable projection, Golub & Pereyra 1973, doi:10.1137/0710036], so
the other two are searched on a grid and nothing depends on a start. The interval of the
threshold holds all thresholds with which the best curve is not worse than an F test allows
[Bates & Watts 1988, doi:10.1002/9780470316757, chapter 6]; an end that the data do not show
is infinite.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.stats import f as fisher, rankdata

from .noise import TAILS, log_likelihood


FEWEST_ROWS = 10  # For four parameters.
FEWEST_INTENSITIES = 4
_PARAMETERS = 4
_STEEP = np.geomspace(1.0, 60.0, 32)
_PLACES = 121  # Of the threshold, over the range of intensities.
_MIDDLES = 41
_BEYOND = 3.0  # Times the range of intensities, that thresholds are looked for in.
_AGAIN = 25  # Weights of heavy tails, anew.
_SHUFFLED = 999
_CONFIDENCE = 0.95
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Recruitment:
    """How a response grows with intensity.

    Attributes:
        logarithmic: Whether the curve is that of logarithms of responses.
        tail: Of the noise, as in `noise`; 0 is normal.
        base: Of responses, or of their logarithms.
        change: From there to the plateau.
        middle: Intensity in the middle of the change.
        steepness: By relative intensity, at the middle.
        explained: R².
        of_line: R² of a straight line over intensity, or one of logarithms.
        chance: Share of shuffled responses that a curve explains as well.
        noise: Standard deviation of responses, or of logarithms, about the curve.
        threshold: The intensity of the response that is asked for; NaN where none has it.
        interval: That holds it with a probability of 0.95; an end is 0 or infinite where
            the data do not show one.
        response: What was asked for; None for a share of the change.
        share: Of the change, that was asked for.
    """

    logarithmic: bool
    tail: float
    base: float
    change: float
    middle: float
    steepness: float
    explained: float
    of_line: float
    chance: float
    noise: float
    threshold: float
    interval: tuple[float, float]
    response: float | None
    share: float

    @property
    def grows(self) -> bool:
        """Whether responses depend on intensity more than by chance (1 in 20)."""
        return self.chance <= 1 - _CONFIDENCE

    def __call__(self, intensities: Float[ndarray, "*step"]) -> Float[ndarray, "*step"]:
        """The response in the middle of what is to be expected, at intensities."""
        share = _share(np.asarray(intensities, float), self.middle, self.steepness)
        found = self.base + self.change * share
        return np.exp(found) if self.logarithmic else np.asarray(found)


def recruit(
    intensities: Float[ndarray, "row"],
    responses: Float[ndarray, "row"],
    *,
    response: float | None = None,
    share: float = 0.5,
    logarithmic: bool | None = None,
    tail: float | None = None,
    seed: int = 0,
) -> Recruitment:
    """Fit a sigmoid to responses over intensity, with the threshold and its interval.

    Args:
        intensities: Of each row, not negative, of any unit.
        responses: Of each row, of any unit.
        response: Whose intensity is the threshold; None for a share of the change.
        share: Of the change from base to plateau, whose intensity is the threshold where
            no `response` is asked for; of logarithms where these are fitted.
        logarithmic: Whether logarithms are fitted; None for what is more likely.
        tail: Of the noise: 0 is normal; None for what is more likely.
        seed: Of the shuffles that `chance` comes from.

    Raises:
        ValueError: Rows or intensities are too few, a number is out of range, or responses
            do not vary.
    """
    x, y = np.asarray(intensities, float), np.asarray(responses, float)
    _check(x, y, response, share, logarithmic)
    if logarithmic is None and (y <= 0).any():
        logarithmic = False
    best = None
    for logs in (False, True) if logarithmic is None else (logarithmic,):
        values = np.log(y) if logs else y
        lost = values.sum() if logs else 0.0  # Densities are of responses, not of logs.
        for each in TAILS if tail is None else (tail,):
            found = _Problem(x, values, each).free()
            likely = (
                float(log_likelihood(np.asarray(found.errors), len(y), each)) - lost
            )
            likely -= each > 0  # For one more parameter.
            if best is None or likely > best[0]:
                best = likely, logs, each, found
    assert best is not None
    _, logs, chosen, found = best
    values = np.log(y) if logs else y
    problem = _Problem(x, values, chosen)
    asked = None
    if response is not None:
        asked = float(np.log(response)) if logs else response
    threshold, interval = problem.threshold(found, asked, share)
    spread = problem.constant()
    line = 1 - problem.line() / spread
    free = max(len(y) - _PARAMETERS, 1)
    return Recruitment(
        *(logs, chosen, found.base, found.change, found.middle, found.steepness),
        *(1 - found.errors / spread, line, _chance(x, values, chosen, seed)),
        *(float(np.sqrt(found.errors / free)), threshold, interval, response, share),
    )


def _check(x, y, response: float | None, share: float, logarithmic) -> None:
    if x.shape != y.shape or len(x) < FEWEST_ROWS:
        raise ValueError(
            f"{len(x)} intensities and {len(y)} responses: a curve takes as many of both, "
            f"{FEWEST_ROWS} at the least."
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("intensities and responses must be finite.")
    if (x < 0).any():
        raise ValueError(f"an intensity is negative, {x.min():g}.")
    if len(np.unique(x)) < FEWEST_INTENSITIES:
        raise ValueError(
            f"there are {len(np.unique(x))} different intensities: a curve takes "
            f"{FEWEST_INTENSITIES} at the least, below and above threshold."
        )
    if np.ptp(y) < 1e-9 * max(float(np.abs(y).max()), _TINY):
        raise ValueError("all responses are the same: they do not depend on intensity.")
    if not 0.01 <= share <= 0.99:
        raise ValueError(f"`share` must lie between 0.01 and 0.99, got {share!r}.")
    if logarithmic and (y <= 0).any():
        raise ValueError(
            f"{np.count_nonzero(y <= 0)} responses are zero or less, which have no "
            "logarithm: fit them as they are."
        )
    if logarithmic and response is not None and response <= 0:
        raise ValueError(
            f"a response of {response:g} has no logarithm: ask for another."
        )


@dataclass(frozen=True)
class _Curve:
    base: float
    change: float
    middle: float
    steepness: float
    errors: float


class _Problem:
    """Responses, or their logarithms, over intensity."""

    def __init__(self, x: Float[ndarray, "row"], y: Float[ndarray, "row"], tail: float):
        self.x, self.y, self.tail = x, y, tail
        positive = x[x > 0]
        self.ends = float(positive.min()) / _BEYOND, float(x.max()) * _BEYOND

    def free(self) -> _Curve:
        """Find the best curve: on a grid, which is made finer around the best."""
        best = self._best(np.geomspace(*self.ends, _PLACES), _STEEP)
        ratio = (self.ends[1] / self.ends[0]) ** (1 / (_PLACES - 1))
        step = _STEEP[1] / _STEEP[0]
        for _ in range(2):
            m, k = best.middle, best.steepness
            middles = np.geomspace(m / ratio, m * ratio, 15)
            steep = np.geomspace(k / step, k * step, 15)
            best = self._best(middles, np.clip(steep, _STEEP[0], _STEEP[-1]))
            ratio, step = ratio**0.2, step**0.2
        return best

    def _best(
        self, middles: Float[ndarray, "middle"], steep: Float[ndarray, "steepness"]
    ) -> _Curve:
        m, k = (each.ravel() for each in np.meshgrid(middles, steep))
        errors, base, change = self.fitted(_share(self.x, m[:, None], k[:, None]))
        best = int(np.argmin(errors))
        found = (each[best] for each in (base, change, m, k, errors))
        return _Curve(*(float(each) for each in found))

    def fitted(
        self, shares: Float[ndarray, "shape row"], base: float | None = None
    ) -> tuple[ndarray, ndarray, ndarray]:
        """Fit base and change for each shape; the base may be given."""
        y, weights = self.y, np.ones_like(shares)
        rounds = 1 if self.tail == 0 else _AGAIN
        change = middle = np.zeros(len(shares))
        rest = np.zeros_like(shares)
        scale = np.ones((len(shares), 1))
        for number in range(rounds):
            total = weights.sum(axis=1)
            if base is None:
                mean = (weights * shares).sum(axis=1) / total
                centre = (weights @ y) / total
                apart = shares - mean[:, None]
                change = ((weights * apart) @ y) / (
                    (weights * apart**2).sum(axis=1) + _TINY
                )
                middle = centre - change * mean
            else:
                change = ((weights * shares) @ (y - base)) / (
                    (weights * shares**2).sum(axis=1) + _TINY
                )
                middle = np.full(len(shares), base)
            rest = y - middle[:, None] - change[:, None] * shares
            if self.tail == 0:
                break
            if number == 0:
                scale = np.median(rest**2, axis=1, keepdims=True) + _TINY
            else:
                scale = (weights * rest**2).mean(axis=1, keepdims=True) + _TINY
            weights = (1 + self.tail) / (1 + self.tail * rest**2 / scale)
        if self.tail == 0:
            return (rest**2).sum(axis=1), middle, change
        logs = np.log1p(self.tail * rest**2 / scale).mean(axis=1)
        errors = len(y) * scale[:, 0] * np.exp(logs * (1 + self.tail) / self.tail - 1)
        return errors, middle, change

    def threshold(
        self, found: _Curve, asked: float | None, share: float
    ) -> tuple[float, tuple[float, float]]:
        """Find the threshold, and all that the data allow."""
        if asked is not None:
            if found.change == 0:
                return np.nan, (0.0, np.inf)
            share = (asked - found.base) / found.change
        at = _where(share, found.middle, found.steepness)
        places = np.geomspace(*self.ends, _PLACES)
        if at > 0 and np.isfinite(at):
            places = np.unique(np.append(places, at))
        left = np.array([self._bound(each, asked, share) for each in places])
        count = len(self.y)
        allowed = 1 + fisher.ppf(_CONFIDENCE, 1, count - _PARAMETERS) / (
            count - _PARAMETERS
        )
        least = min(found.errors, float(np.nanmin(left)))
        beyond = count * np.log(left / (least * allowed))
        return float(at), _crossings(places, beyond)

    def _bound(self, place: float, asked: float | None, share: float) -> float:
        """What is left at the best curve of a given threshold."""
        if asked is None:
            return self._of_share(place, share)
        middles = np.geomspace(*self.ends, _MIDDLES)
        steep, ratio = _STEEP[::2], (middles[1] / middles[0])
        step, least = _STEEP[2] / _STEEP[0], np.inf
        for _ in range(3):
            m, k = (each.ravel()[:, None] for each in np.meshgrid(middles, steep))
            shapes = _share(self.x, m, k) - _share(np.array([place]), m, k)
            errors = self.fitted(shapes, asked)[0]
            best = int(np.argmin(errors))
            least = min(least, float(errors[best]))
            middles = np.geomspace(m[best, 0] / ratio, m[best, 0] * ratio, 9)
            steep = np.geomspace(k[best, 0] / step, k[best, 0] * step, 9)
            steep = np.clip(steep, _STEEP[0], _STEEP[-1])
            ratio, step = ratio**0.3, step**0.3
        return least

    def _of_share(self, place: float, share: float) -> float:
        steep, step, least = _STEEP, _STEEP[1] / _STEEP[0], np.inf
        for _ in range(2):
            with np.errstate(divide="ignore"):
                middle = place / (1 + np.log(share / (1 - share)) / steep)
            good = (middle > 0) & np.isfinite(middle)
            if not good.any():
                return np.inf
            shapes = _share(self.x, middle[good][:, None], steep[good][:, None])
            errors = self.fitted(shapes)[0]
            best = int(np.argmin(errors))
            least = min(least, float(errors[best]))
            around = steep[good][best]
            steep = np.geomspace(around / step, around * step, 9)
            steep = np.clip(steep, _STEEP[0], _STEEP[-1])
        return least

    def constant(self) -> float:
        """What is left without a curve."""
        flat = np.zeros((1, len(self.y)))
        return float(self.fitted(flat)[0][0])

    def line(self) -> float:
        """What is left of a straight line."""
        return float(self.fitted(self.x[None] / self.x.max())[0][0])


def _share(x, middle, steepness) -> ndarray:
    exponent = np.clip(steepness * (x / middle - 1), -500, 500)
    return 1 / (1 + np.exp(-exponent))


def _where(share: float, middle: float, steepness: float) -> float:
    """The intensity at which a share of the change is reached; NaN where none has it."""
    if not 0 < share < 1:
        return float("nan")
    found = middle * (1 + np.log(share / (1 - share)) / steepness)
    return float(found) if found > 0 else float("nan")


def _crossings(
    places: Float[ndarray, "place"], beyond: Float[ndarray, "place"]
) -> tuple[float, float]:
    """Find the ends of what lies below zero, between places where it crosses."""
    inside = np.flatnonzero(beyond <= 0)
    if not len(inside):
        return 0.0, float("inf")
    first, last = int(inside[0]), int(inside[-1])

    def between(one: int, other: int) -> float:
        a, b = beyond[one], beyond[other]
        part = 0.5 if not np.isfinite([a, b]).all() else a / (a - b)
        return float(places[one] + part * (places[other] - places[one]))

    low = 0.0 if first == 0 else between(first, first - 1)
    high = float("inf") if last == len(places) - 1 else between(last, last + 1)
    return low, high


def _chance(x, y, tail: float, seed: int) -> float:
    """Share of shuffled responses that some curve explains as well; of ranks with tails."""
    values = y if tail == 0 else rankdata(y)
    middles = np.geomspace(max(x[x > 0].min() / 2, _TINY), 2 * x.max(), _MIDDLES)
    m, k = (each.ravel()[:, None] for each in np.meshgrid(middles, _STEEP[::3]))
    shapes = _share(x, m, k)
    shapes = shapes - shapes.mean(axis=1, keepdims=True)
    size = np.linalg.norm(shapes, axis=1, keepdims=True)
    shapes = shapes[size[:, 0] > 1e-9] / size[size[:, 0] > 1e-9]
    centred = values - values.mean()
    rng = np.random.default_rng(seed)
    drawn = rng.permuted(np.tile(centred, (_SHUFFLED, 1)), axis=1)
    most = np.abs(shapes @ drawn.T).max(axis=0)
    real = np.abs(shapes @ centred).max()
    # The real one is one of them.
    return float((1 + np.count_nonzero(most >= real * (1 - 1e-12))) / (1 + _SHUFFLED))
