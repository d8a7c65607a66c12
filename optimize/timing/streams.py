"""Streams of the Lab Streaming Layer, by pylsl: EEG in, markers out.

Time stamps are those of the sender's clock, taken to the clock of this machine by what the
layer measures of the difference.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .live import GAP


SILENCE = 3.0  # After which a stream is taken as lost. [s]

_POLL = 0.1  # So long a call may keep an interruption waiting. [s]
_TWINS = 0.3  # How long to look for another stream of a name. [s]
_LOOK = 0.5  # How long to list all streams at a time. [s]
_MOST = 1024  # Samples at once.
_RATE_WITHIN = 0.01  # Of the rate that the stream states.


class LabStream:
    """An open stream of numbers at a regular rate.

    Attributes:
        name: Of the stream.
        rate: Samples in a second, as it states. [Hz]
        names: Of its channels, by number from 1 on where it has none.
    """

    def __init__(self, name: str, rate: float, names: tuple[str, ...], inlet: Any):
        self.name, self.rate, self.names = name, rate, names
        self._inlet = inlet

    def channels(self, wanted: tuple[str, ...]) -> list[int]:
        """Places of channels by name, of either case.

        Raises:
            ValueError: There is no such channel.
        """
        known = {name.lower(): i for i, name in enumerate(self.names)}
        missing = [name for name in wanted if name.lower() not in known]
        if missing:
            few = ", ".join(self.names[:12])
            raise ValueError(
                f"stream {self.name}: there is no channel {', '.join(missing)}; the first "
                f"of {len(self.names)} are {few}."
            )
        return [known[name.lower()] for name in wanted]

    def chunks(
        self, least: int, most: int | None = None
    ) -> Iterator[tuple[Float[ndarray, "channel time"], Float[ndarray, "time"]]]:
        """Samples as they arrive, with their time stamps on this machine's clock. [s]

        Args:
            least: Samples to wait for; fewer come after a while without them.
            most: Samples after which to stop.

        Raises:
            ValueError: The stream is lost or falls silent.
        """
        silent, left = time.monotonic(), most
        while left is None or left > 0:
            values, stamps = self._pull(least, left)
            if len(stamps):
                silent = time.monotonic()
                left = None if left is None else left - len(stamps)
            elif time.monotonic() - silent > SILENCE:
                raise ValueError(
                    f"stream {self.name}: no sample came for {SILENCE:g} s; is the "
                    "amplifier still sending?"
                )
            yield values, stamps

    def collect(
        self, count: int
    ) -> tuple[Float[ndarray, "channel time"], Float[ndarray, "time"]]:
        """The next samples, without a gap.

        Raises:
            ValueError: As `chunks`, or samples are missing, or they come at another rate.
        """
        found = list(self.chunks(min(count, round(_POLL * self.rate)), count))
        values = np.concatenate([each for each, _ in found], axis=1)
        stamps = np.concatenate([each for _, each in found])
        jumps = np.diff(stamps) - 1 / self.rate
        worst = int(np.argmax(np.abs(jumps)))
        if abs(jumps[worst]) > GAP:
            raise ValueError(
                f"stream {self.name}: {worst / self.rate:.1f} s after the beginning the "
                f"time stamps jump by {jumps[worst]:.3f} s: samples are missing, or are "
                "sent late. Start again when the stream is steady."
            )
        rate = (count - 1) / (stamps[-1] - stamps[0])
        if abs(rate / self.rate - 1) > _RATE_WITHIN:
            raise ValueError(
                f"stream {self.name}: {rate:.1f} samples come in a second, but it states a "
                f"rate of {self.rate:g} Hz."
            )
        return values, stamps

    def close(self) -> None:
        """Take no more samples."""
        self._inlet.close_stream()

    def _pull(self, least: int, left: int | None) -> tuple[ndarray, ndarray]:
        from pylsl.util import LostError

        most = _MOST if left is None else min(left, _MOST)
        first = min(least, most)
        try:
            samples, stamps = self._inlet.pull_chunk(_POLL, first)
            if len(stamps) == first < most:
                more, later = self._inlet.pull_chunk(0.0, most - first)
                samples, stamps = samples + more, stamps + later
        except LostError:
            raise ValueError(f"stream {self.name}: it is gone.") from None
        values = np.array(samples, dtype=np.float64).reshape(-1, len(self.names))
        return values.T, np.array(stamps, dtype=np.float64)


class MarkerStream:
    """An outlet of markers, which programs of the laboratory can listen to."""

    def __init__(self, name: str):
        """Open it.

        Raises:
            ModuleNotFoundError: pylsl is not installed.
            ValueError: The name is empty, or holds control characters.
        """
        if not name.strip() or not name.isprintable():
            raise ValueError(
                f"a stream of markers cannot be named {name!r}: give a name of letters, "
                "digits and signs."
            )
        pylsl = lab_library()
        about = pylsl.StreamInfo(name, "Markers", 1, 0.0, "string", f"tmsgrad {name}")
        self._outlet = pylsl.StreamOutlet(about)

    def send(self, word: str, stamp: float) -> None:
        """Send a marker now, with the time that it holds for. [s]"""
        self._outlet.push_sample([word], stamp)


def open_stream(name: str, wait: float = 5.0) -> LabStream:
    """Find a stream by its name and open it.

    Args:
        name: Of the stream.
        wait: How long to look for it. [s]

    Raises:
        ModuleNotFoundError: pylsl is not installed.
        ValueError: The name is empty, there is no such stream or more than one, or it has
            no regular rate or no numbers.
    """
    if not name.strip():
        raise ValueError(
            "the name of the stream is empty: give the one that it states."
        )
    pylsl = lab_library()
    found = streams_named(pylsl, name, 1, wait)
    if not found:
        there = sorted({each.name() for each in pylsl.resolve_streams(1.0)})
        shown = (
            f"those there are {', '.join(there)}" if there else "there is none at all"
        )
        raise ValueError(
            f"no stream of the Lab Streaming Layer is named {name!r} ({wait:g} s "
            f"waited); {shown}."
        )
    # The first search ends with the first answer.
    found = streams_named(pylsl, name, 2, _TWINS) or found
    if len(found) > 1:
        hosts = ", ".join(each.hostname() for each in found)
        raise ValueError(
            f"{len(found)} streams are named {name!r} (on {hosts}): give one another name."
        )
    about = found[0]
    if about.channel_format() == pylsl.cf_string:
        raise ValueError(f"stream {name}: it has words, not numbers.")
    if not about.nominal_srate() > 0:
        raise ValueError(f"stream {name}: it has no regular rate, which a phase needs.")
    inlet = pylsl.StreamInlet(about, processing_flags=pylsl.proc_clocksync)
    try:
        whole = inlet.info(wait + 5.0)
        inlet.open_stream(wait + 5.0)
    except (pylsl.util.TimeoutError, pylsl.util.LostError):
        raise ValueError(f"stream {name}: it was found, but does not answer.") from None
    count = about.channel_count()
    labels = whole.get_channel_labels() or [None] * count
    names = tuple(label or str(i + 1) for i, label in enumerate(labels))
    return LabStream(name, float(about.nominal_srate()), names, inlet)


def stream_clock() -> float:
    """The time on the clock of the stamps. [s]

    Raises:
        ModuleNotFoundError: pylsl is not installed.
    """
    return float(lab_library().local_clock())


def streams_named(pylsl: Any, name: str, least: int, wait: float) -> list[Any]:
    """Look for streams of a name until so many are found, or time is over [s]."""
    # Queries are XPath in single quotes: other names are compared here.
    if "'" in name or not name.isprintable():
        end, found = time.monotonic() + wait, []
        while len(found) < least and (left := end - time.monotonic()) > 0:
            there = pylsl.resolve_streams(min(left, _LOOK))
            found = [each for each in there if each.name() == name]
        return found
    return pylsl.resolve_byprop("name", name, least, wait)


def lab_library() -> Any:
    """Pylsl.

    Raises:
        ModuleNotFoundError: It is not installed, or finds no liblsl.
    """
    try:
        import pylsl
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "live streams are read by pylsl, which is not installed: "
            "pip install 'tmsgrad[lsl]'"
        ) from None
    except (RuntimeError, OSError) as error:
        raise ModuleNotFoundError(
            f"pylsl finds no library of the Lab Streaming Layer ({error}): install liblsl, "
            "and name it in PYLSL_LIB."
        ) from None
    return pylsl
