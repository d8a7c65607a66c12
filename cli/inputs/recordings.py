"""One signal of a recording or a stream: channels weighed and added."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...optimize import timing
from ...optimize.timing import Pieces, Recording
from ..runtime.notices import warn


@dataclass(frozen=True)
class Channels:
    """The channels that are asked for, and how they become one signal.

    Attributes:
        plus: Whose mean is taken, or which are weighed; none for all.
        minus: Whose mean is taken off.
        weighed: Whether a filter weighs them.
        at: The channel that the rhythm gives most power, or None for any.
    """

    plus: tuple[str, ...]
    minus: tuple[str, ...] = ()
    weighed: bool = False
    at: str | None = None

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Channels":
        """Take them from the options; not all commands subtract or weigh.

        Raises:
            ValueError: A channel is named twice, or a filter does not go with the others.
        """
        at = getattr(options, "filter_at", None)
        weighed = at is not None or getattr(options, "filter", False)
        minus = tuple(getattr(options, "minus", ()))
        found = cls(tuple(options.channels or ()), minus, weighed, at)
        if weighed and minus:
            raise ValueError("--filter weighs channels itself: leave --minus out.")
        if len({name.lower() for name in found.names}) < len(found.names):
            raise ValueError(f"a channel is named twice: {', '.join(found.names)}.")
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """All that are named, those to subtract last."""
        return (*self.plus, *self.minus)

    def find(self, names: Sequence[str]) -> int | None:
        """Find the channel whose rhythm is wanted, if one is, among others.

        Raises:
            ValueError: It is none of those that are weighed.
        """
        if self.at is None:
            return None
        known = [name.lower() for name in names]
        if self.at.lower() not in known:
            raise ValueError(
                f"--filter-at {self.at}: it is none of the channels that are "
                f"weighed: {', '.join(names)}."
            )
        return known.index(self.at.lower())

    def weights(
        self,
        names: Sequence[str],
        training: Float[ndarray, "channel time"],
        rate: float,
        band: tuple[float, float],
        pieces: Pieces | None = None,
    ) -> Float[ndarray, "channel"]:
        """Weigh channels: by the rhythm of a training, or as a mean.

        Raises:
            ValueError: There is no such channel or no such rhythm.
        """
        if not self.weighed:
            return channel_weights(len(self.plus), len(self.minus))
        at = self.find(names)
        try:
            return timing.strongest_rhythm(training, rate, band, at, pieces)
        except ValueError as error:
            option = "--filter" if at is None else f"--filter-at {self.at}"
            raise ValueError(f"{option}: {error}") from None


def checked_recording(
    path: str, channels: Channels, unit: str | None = None
) -> Recording:
    """Read channels, those to subtract last, or all, and warn of what was assumed.

    Raises:
        ValueError: A channel is flat or not finite.
    """
    recording = timing.read_eeg(path, channels.names or None, unit)
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


def channel_weights(plus: int, minus: int) -> Float[ndarray, "channel"]:
    """The mean of the first channels, less the mean of the others."""
    return np.array([1 / plus] * plus + [-1 / max(minus, 1)] * minus)
