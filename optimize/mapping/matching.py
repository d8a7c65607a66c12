"""Which response belongs to which pulse: by number, time or trigger, or in order."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from ...coils import PoseList
from .responses import Responses


_NEAR = 0.5  # Of a pulse, by clocks that agree but for an offset. [s]
_TRIED = 5  # First pulses and rows, any two of which may belong together.


@dataclass(frozen=True, eq=False)
class Matched:
    """Pulses and rows that belong together.

    Attributes:
        pulses: Their numbers, from 0.
        rows: Of the table, from 0.
        how: In words.
        lone_pulses: Without a row.
        lone_rows: Without a pulse.
    """

    pulses: Int[ndarray, "match"]
    rows: Int[ndarray, "match"]
    how: str
    lone_pulses: tuple[int, ...]
    lone_rows: tuple[int, ...]

    @property
    def words(self) -> str:
        """How, and what was left over."""
        left = [
            f"{what} {_listed(each)} without {other}"
            for what, each, other in (
                ("pulses", self.lone_pulses, "a response"),
                ("rows", self.lone_rows, "a pulse"),
            )
            if each
        ]
        return "; ".join([f"{len(self.pulses)} matched {self.how}", *left])


def match(
    poses: PoseList, found: Responses, way: str | None, source: str, table: str
) -> Matched:
    """Find the pulse of each response.

    Args:
        poses: Of the pulses.
        found: Responses.
        way: `number`, `time`, `trigger` or `order`; None for the first that fits.
        source: Of the pulses, for messages.
        table: Of the responses, for messages.

    Raises:
        ValueError: They cannot be matched in that way, or none belong together.
    """
    usable = [each for each in ("number", "trigger", "time") if each in found.keys]
    if "time" in usable and not np.isfinite(poses.times).all():
        usable.remove("time")
    if "trigger" in usable and not set(found.keys["trigger"]) & set(poses.names):
        usable.remove("trigger")
    chosen = way or (usable[0] if usable else "order")
    if chosen not in (*usable, "order"):
        raise ValueError(
            f"{table}: pulses cannot be found by {chosen}: there is no such column, or "
            f"{source} does not say it of its pulses. The table has "
            f"{', '.join(found.keys) or 'none'}."
        )
    ways = {"number": _by_number, "trigger": _by_trigger, "time": _by_time}
    if chosen == "order":
        if len(poses) != len(found):
            raise ValueError(
                f"{table} has {len(found)} rows and {source} {len(poses)} pulses, and "
                "nothing says which belong together. Add a column `number`, `time` or "
                "`trigger`."
            )
        pairs = [(each, each) for each in range(len(poses))]
        how = "in order"
    else:
        pairs, how = ways[chosen](poses, found.keys[chosen], table)
    if not pairs:
        raise ValueError(f"no row of {table} belongs to a pulse of {source}, {how}.")
    pulses, rows = (np.array(each) for each in zip(*pairs, strict=True))
    return Matched(
        *(pulses, rows, how),
        tuple(np.setdiff1d(np.arange(len(poses)), pulses).tolist()),
        tuple(np.setdiff1d(np.arange(len(found)), rows).tolist()),
    )


def _by_number(poses: PoseList, words: tuple[str, ...], table: str):
    numbers = np.array([_number(word, table, "number") for word in words])
    if (numbers != np.round(numbers)).any():
        raise ValueError(f"{table}: a number of a pulse is no whole number.")
    _only_once(words, table, "number")
    first = 0 if (numbers == 0).any() else 1
    at = numbers.astype(int) - first
    pairs = [(int(p), row) for row, p in enumerate(at) if 0 <= p < len(poses)]
    return pairs, f"by number, from {first} on"


def _by_trigger(poses: PoseList, words: tuple[str, ...], table: str):
    _only_once(words, table, "trigger")
    _only_once(poses.names, "the list of pulses", "name")
    at = {name: number for number, name in enumerate(poses.names)}
    return [(at[w], row) for row, w in enumerate(words) if w in at], "by trigger"


def _by_time(poses: PoseList, words: tuple[str, ...], table: str):
    """Match times of two clocks, the offset between which makes most of them agree."""
    times = np.array([_number(word, table, "time") for word in words])
    offsets = times[:_TRIED, None] - poses.times[None, :_TRIED]
    best: list[tuple[int, int]] = []
    shift = 0.0
    for offset in offsets.ravel():
        pairs = _nearest(poses.times + offset, times)
        if len(pairs) > len(best):
            best, shift = pairs, float(offset)
    return best, f"by time, shifted by {shift:.3g} s"


def _nearest(pulses: ndarray, rows: ndarray) -> list[tuple[int, int]]:
    """Pair what is nearest to each other, within half a second."""
    apart = np.abs(pulses[:, None] - rows[None])
    to_row, to_pulse = apart.argmin(axis=1), apart.argmin(axis=0)
    return [
        (number, int(row))
        for number, row in enumerate(to_row)
        if to_pulse[row] == number and apart[number, row] <= _NEAR
    ]


def _number(word: str, table: str, what: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ValueError(f"{table}: the {what} {word!r} is no number.") from None


def _only_once(words: tuple[str, ...], table: str, what: str) -> None:
    seen = set()
    for word in words:
        if word in seen:
            raise ValueError(f"{table}: the {what} {word!r} is there twice.")
        seen.add(word)


def _listed(numbers: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, numbers[:10]))
    return f"{shown}, … ({len(numbers)})" if len(numbers) > 10 else shown
