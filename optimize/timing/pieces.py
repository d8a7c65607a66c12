"""The pieces of a recording that may be used: without artefacts, and without a seam inside.

Filters, spectra and phases of one piece know nothing of another. A recording without
annotations is one piece.
"""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy import signal


Pieces = tuple[slice, ...]


def pieces_of(kept: Bool[ndarray, "time"], seams: Sequence[int] = ()) -> Pieces:
    """Cut a recording into pieces.

    Args:
        kept: Which samples may be used.
        seams: First samples after a seam, where the recording was cut and joined.
    """
    count = len(kept)
    changes = np.flatnonzero(np.diff(kept.astype(np.int8))) + 1
    inner = [each for each in seams if 0 < each < count]
    ends = np.unique([0, *changes, *inner, count])
    return tuple(slice(int(a), int(b)) for a, b in itertools.pairwise(ends) if kept[a])


def whole(signals: Float[ndarray, "*b time"]) -> Pieces:
    """A recording as one piece."""
    return (slice(0, signals.shape[-1]),)


def longer_than(pieces: Pieces, samples: int | float) -> Pieces:
    """The pieces with so many samples, or more."""
    return tuple(each for each in pieces if each.stop - each.start >= samples)


def samples_in(pieces: Pieces) -> int:
    """How many samples the pieces have together."""
    return sum(each.stop - each.start for each in pieces)


def until(pieces: Pieces, end: int) -> Pieces:
    """What lies before a sample."""
    return tuple(
        slice(each.start, min(each.stop, end)) for each in pieces if each.start < end
    )


def after(pieces: Pieces, begin: int) -> Pieces:
    """What lies from a sample on."""
    return tuple(
        slice(max(each.start, begin), each.stop) for each in pieces if each.stop > begin
    )


def end_of(pieces: Pieces, samples: int) -> int | None:
    """The sample up to which pieces hold so many; None where they never do."""
    for each in pieces:
        here = each.stop - each.start
        if samples <= here:
            return each.start + samples
        samples -= here
    return None


def halves(pieces: Pieces) -> tuple[Pieces, Pieces]:
    """Cut pieces where half of their samples have passed."""
    middle = end_of(pieces, samples_in(pieces) // 2) or 0
    return until(pieces, middle), after(pieces, middle)


def piece_of_each(pieces: Pieces, count: int) -> Int[ndarray, "time"]:
    """The number of the piece that each of `count` samples is in; -1: in none."""
    number = np.full(count, -1)
    for i, each in enumerate(pieces):
        number[each] = i
    return number


def by_piece(
    function: Callable[[Float[ndarray, "*b time"]], ndarray],
    signals: Float[ndarray, "*b time"],
    pieces: Pieces,
) -> ndarray:
    """Apply a function of signals to each piece; NaN is between them."""
    found = np.full(signals.shape, np.nan)
    for each in pieces:
        found[..., each] = function(signals[..., each])
    return found


def at_times(
    function: Callable[[Float[ndarray, "time"]], Float[ndarray, "time"]],
    recorded: Float[ndarray, "time"],
    rate: float,
    times: Float[ndarray, "moment"],
    pieces: Pieces,
) -> Float[ndarray, "moment"]:
    """Apply a function to the pieces of one signal, and interpolate it at given times.

    Args:
        function: Of the samples of a piece.
        recorded: One signal.
        rate: Samples in a second. [Hz]
        times: From the first sample. [s]
        pieces: Of the recording.

    Raises:
        ValueError: A time lies in no piece.
    """
    sample = np.clip(np.floor(times * rate).astype(int), 0, len(recorded) - 1)
    place = piece_of_each(pieces, len(recorded))[sample]
    if (place < 0).any():
        wrong = times[place < 0][0]
        raise ValueError(f"`times`: {wrong:g} s lies in no piece of the recording.")
    found = np.zeros(len(times))
    for i in np.unique(place):
        here, chosen = pieces[i], place == i
        seconds = np.arange(here.start, here.stop) / rate
        found[chosen] = np.interp(times[chosen], seconds, function(recorded[here]))
    return found


def spectrum(
    signals: Float[ndarray, "*b time"],
    rate: float,
    window: str,
    count: int,
    pieces: Pieces,
    padded: int | None = None,
) -> tuple[Float[ndarray, "frequency"], Float[ndarray, "*b frequency"]]:
    """Power by Welch's method, its windows within pieces, of which one at least is as long.

    Args:
        signals: Of any unit.
        rate: Samples in a second. [Hz]
        window: Its shape, in the words of SciPy.
        count: Samples of a window; the next one shares half of them.
        pieces: That may be used; those shorter than a window are left out.
        padded: Samples of a window with zeros after it; by default none are added.

    Returns:
        Frequencies [Hz], and power in the signals' unit squared over Hz.
    """
    step = count - count // 2
    total, windows, frequencies = 0.0, 0, np.zeros(0)
    for each in longer_than(pieces, count):
        number = (each.stop - each.start - count // 2) // step
        frequencies, power = signal.welch(
            signals[..., each], rate, window, count, nfft=padded
        )
        total, windows = total + number * power, windows + number
    return frequencies, np.asarray(total / windows)
