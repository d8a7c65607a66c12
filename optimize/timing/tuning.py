"""Which window, edge and order of the model give a person's phase best."""

from itertools import product

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .judging import judged_phases
from .phase import Autoregressive, BandPass
from .pieces import Pieces, longer_than, samples_in, whole


# A filter of order 1 was better than one of order 2 in 15 of 16 signals of four
# recordings, as it rings for less long beside the present.
_ORDER = 1
_WINDOWS = (0.6, 1.0, 1.5)  # [s]
_EDGES = (0.04, 0.07, 0.1)  # [s]
_SPANS = (0.03, 0.05, 0.12)  # [s]
_EVERY = 0.2  # Between estimates. [s]
_RINGS = 2.0  # How long filters that judge may err at the ends. [s]
_AGREED = 0.8  # Below, there is no phase to compare with.
_FEWEST = 50  # Estimates.


def tuned(
    training: Float[ndarray, "time"], band: BandPass, pieces: Pieces | None = None
) -> Autoregressive:
    """Choose the settings of an autoregressive model whose phases scatter least.

    Each of some settings estimates the phase every fifth of a second of a training from
    what came before; many filters say afterwards what the phase was. The idea of tuning by
    person is that of Zrenner et al. 2020 [doi:10.1016/j.neuroimage.2020.116761], who search
    by a genetic algorithm; here all combinations of a few values are tried.

    Args:
        training: A minute or more before the first pulse.
        band: The rhythm's.
        pieces: Of the recording that may be used; by default all of it.

    Raises:
        ValueError: The recording has fewer than 50 places to compare at.
    """
    pieces = whole(training) if pieces is None else pieces
    ring = round(_RINGS * band.rate)
    first = max(ring, round(max(_WINDOWS) * band.rate))
    pieces = longer_than(pieces, first + ring)
    step = round(_EVERY * band.rate)
    ranges = [np.arange(each.start + first, each.stop - ring, step) for each in pieces]
    ends = np.concatenate([np.zeros(0, dtype=int), *ranges])
    judged = judged_phases(training, band, (ends - 1) / band.rate, pieces)
    agreed = judged.agreement >= _AGREED
    ends, phases = ends[agreed], judged.phases[agreed]
    if len(ends) < _FEWEST:
        raise ValueError(
            f"`training` has {samples_in(pieces) / band.rate:.1f} s and {len(ends)} places "
            f"with a phase that filters agree about; {_FEWEST} are needed."
        )
    narrow = BandPass(band.rate, band.low, band.high, _ORDER)
    best, longest = None, -1.0
    for window, edge, span in product(_WINDOWS, _EDGES, _SPANS):
        if window - 2 * edge < max(2 / band.low, 2 * span):
            continue
        tried = Autoregressive(narrow, window, edge, span)
        found = [tried(training[end - tried.samples : end]).phase for end in ends]
        length = float(np.abs(np.exp(1j * (np.array(found) - phases)).mean()))
        if length > longest:
            best, longest = tried, length
    if best is None:
        raise ValueError(
            f"no window is long enough for a rhythm of {band.low:g} Hz: two periods of it "
            "must be left."
        )
    return best
