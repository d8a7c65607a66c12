"""One signal of a recording or a stream: channels weighed and added."""

import argparse
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...optimize import timing
from ...optimize.timing import Pieces, Recording
from ..runtime.notices import warn


def checked_recording(
    path: str,
    plus: tuple[str, ...] | None,
    minus: tuple[str, ...],
    unit: str | None = None,
) -> Recording:
    """Read channels, those to subtract last, or all, and warn of what was assumed.

    Raises:
        ValueError: A channel is named twice, flat or not finite.
    """
    wanted = (*plus, *minus) if plus else None
    check_names(wanted or ())
    recording = timing.read_eeg(path, wanted, unit)
    for remark in recording.remarks:
        warn(f"{path}: {remark}")
    used = np.concatenate([recording.signals[:, p] for p in recording.pieces], axis=1)
    check_signals(path, recording.names, used, ": cut or annotate them as bad before")
    return recording


def check_passband(
    path: str, recording: Recording, band: tuple[float, float], filtered: bool
) -> None:
    """Refuse a band that a filter of the file has cut.

    Raises:
        ValueError: It has.
    """
    low, high = recording.passband
    if band[0] < low or band[1] > high:
        raise ValueError(
            f"{path}: it was filtered before to {low:g} to {high:g} Hz; the band "
            f"{band[0]:g} to {band[1]:g} Hz reaches beyond. Take the recording without "
            "that filter, or another --band."
        )
    beside = 1.0 + (band[1] - band[0]) / 2
    if filtered and (band[0] - beside < low or band[1] + beside > high):
        warn(
            f"{path}: it was filtered before to {low:g} to {high:g} Hz, which cuts the "
            "flanks that --filter compares the band with."
        )


def check_names(wanted: Sequence[str]) -> None:
    """Refuse a channel that is named twice, in either case."""
    if len({name.lower() for name in wanted}) < len(wanted):
        raise ValueError(f"a channel is named twice: {', '.join(wanted)}.")


def check_signals(
    source: str,
    names: Sequence[str],
    signals: Float[ndarray, "channel time"],
    what_to_do: str = "",
) -> None:
    """Refuse channels that are flat or not finite, with what is to be done of these."""
    for name, values in zip(names, signals, strict=True):
        if not np.isfinite(values).all():
            raise ValueError(
                f"{source}: {name} has values that are not finite{what_to_do}."
            )
        if np.ptp(values) == 0:
            raise ValueError(f"{source}: {name} is flat: leave it out.")


def check_filter(options: argparse.Namespace) -> None:
    """Refuse a filter with --minus."""
    if filtered(options) and options.minus:
        raise ValueError("--filter weighs channels itself: leave --minus out.")


def filtered(options: argparse.Namespace) -> bool:
    """Whether a filter is asked for, of any channel."""
    return options.filter or options.filter_at is not None


def filter_channel(options: argparse.Namespace, names: Sequence[str]) -> int | None:
    """Find the channel whose rhythm is wanted, if one is.

    Raises:
        ValueError: It is none of those that are weighed.
    """
    if options.filter_at is None:
        return None
    known = [name.lower() for name in names]
    if options.filter_at.lower() not in known:
        raise ValueError(
            f"--filter-at {options.filter_at}: it is none of the channels that are "
            f"weighed: {', '.join(names)}."
        )
    return known.index(options.filter_at.lower())


def filter_weights(
    options: argparse.Namespace,
    names: Sequence[str],
    training: Float[ndarray, "channel time"],
    rate: float,
    band: tuple[float, float],
    pieces: Pieces | None = None,
) -> Float[ndarray, "channel"]:
    """Weigh channels by the rhythm of a training.

    Raises:
        ValueError: There is no such channel or no such rhythm.
    """
    at = filter_channel(options, names)
    try:
        return timing.strongest_rhythm(training, rate, band, at, pieces)
    except ValueError as error:
        option = "--filter" if at is None else f"--filter-at {options.filter_at}"
        raise ValueError(f"{option}: {error}") from None


def learned_weights(
    options: argparse.Namespace,
    names: Sequence[str],
    training: Float[ndarray, "channel time"],
    rate: float,
    pieces: Pieces | None = None,
) -> Float[ndarray, "channel"]:
    """Weigh channels as the options say: by the rhythm of a training, or as a mean."""
    if filtered(options):
        return filter_weights(options, names, training, rate, options.band, pieces)
    return channel_weights(len(options.channels), len(options.minus))


def channel_weights(plus: int, minus: int) -> Float[ndarray, "channel"]:
    """The mean of the first channels, less the mean of the others."""
    return np.array([1 / plus] * plus + [-1 / max(minus, 1)] * minus)
