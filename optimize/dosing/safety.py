"""Limits of published safety tables for trains of pulses.

The tables are about motor cortex and healthy people, and no answer of theirs means that a
protocol is safe for somebody.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray


SOURCE = (
    "Rossi et al. 2009, doi:10.1016/j.clinph.2009.08.016, table 4, "
    "secondary: as quoted in later literature, not checked"
)
INTERVAL_SOURCE = "Chen et al. 1997, doi:10.1016/s0924-980x(97)00036-2, abstract"

FREQUENCIES = np.array([1.0, 5.0, 10.0, 20.0, 25.0])  # [Hz]
INTENSITIES = np.array([0.9, 1.0, 1.1, 1.2, 1.3])  # In units of the motor threshold.
LONGEST_TRAINS: Float[ndarray, "frequency intensity"] = np.array(
    [
        [1800.0, 1800.0, 1800.0, 360.0, 50.0],
        [10.0, 10.0, 10.0, 10.0, 10.0],
        [5.0, 5.0, 5.0, 4.2, 2.9],
        [2.05, 2.05, 1.6, 1.0, 0.55],
        [1.28, 1.28, 0.84, 0.4, 0.24],
    ]
)  # [s]
# Where the table says `more than`: as long as was tried, without harm.
ONLY_TRIED: Bool[ndarray, "frequency intensity"] = np.array(
    [[True] * 5, [True] * 5, [True, True, True, False, False]] + [[False] * 5] * 2
)

# Of a limit, that a train keeps where it is repeated [Chen et al. 1997, abstract: "reducing
# the duration for individual rTMS trains by 25%"].
_REPEATED = 0.75
_SAFE_INTERVAL, _UNSAFE_INTERVAL = 5.0, 1.0  # [s]
_SAME = 1e-9


@dataclass(frozen=True)
class TrainCheck:
    """What the tables say of a train of pulses.

    Attributes:
        limit: For the train, or None where the table has nothing so fast or strong. [s]
        tried_only: Whether the limit is only the longest train that was tried.
        problems: What is beyond the tables, in words; empty where nothing is.
    """

    limit: float | None
    tried_only: bool
    problems: tuple[str, ...]

    @property
    def within(self) -> bool:
        """Whether nothing is beyond the tables."""
        return not self.problems


def check_train(
    frequency: float,
    train: float,
    of_threshold: float,
    intertrain: float | None = None,
) -> TrainCheck:
    """Compare a train of pulses with published safety tables.

    Between the entries of the table, that of the next higher frequency and intensity
    holds. Pulses are single and even: bursts, as of theta burst, are not in the table.

    Args:
        frequency: Of the pulses in a train. [Hz]
        train: How long a train lasts. [s]
        of_threshold: Intensity in units of the resting motor threshold, 1.2 for 120%, of
            the same coil and stimulator.
        intertrain: Pause from the end of a train to the next, or None where there is one
            train only. [s]

    Raises:
        ValueError: A number is not positive.
    """
    given = {"frequency": frequency, "train": train, "of_threshold": of_threshold}
    given |= {} if intertrain is None else {"intertrain": intertrain}
    for name, value in given.items():
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"`{name}` must be a positive number, got {value!r}.")
    row = int(np.searchsorted(FREQUENCIES * (1 + _SAME), frequency))
    column = int(np.searchsorted(INTENSITIES * (1 + _SAME), of_threshold))
    problems = []
    if row == len(FREQUENCIES):
        problems.append(
            f"{frequency:g} Hz is more than the table's {FREQUENCIES[-1]:g} Hz"
        )
    if column == len(INTENSITIES):
        problems.append(
            f"{of_threshold:.0%} of the motor threshold is more than the table's "
            f"{INTENSITIES[-1]:.0%}"
        )
    limit, tried = None, False
    if not problems:
        limit = float(LONGEST_TRAINS[row, column])
        tried = bool(ONLY_TRIED[row, column])
        if train > limit * (1 + _SAME):
            kind = "the longest that was tried" if tried else "the limit"
            problems.append(
                f"a train of {train:g} s is longer than {limit:g} s, {kind} at "
                f"{FREQUENCIES[row]:g} Hz and {INTENSITIES[column]:.0%} of the motor "
                "threshold"
            )
        elif not tried and intertrain is not None:
            problems += _of_repetition(train, limit)
    if intertrain is not None:
        problems += _of_pause(frequency, of_threshold, intertrain)
    return TrainCheck(limit, tried, tuple(problems))


def _of_repetition(train: float, limit: float) -> list[str]:
    shorter = _REPEATED * limit
    if train <= shorter * (1 + _SAME):
        return []
    return [
        f"a train of {train:g} s that is repeated is longer than {shorter:g} s, the limit "
        f"of {limit:g} s less a quarter (Chen et al. 1997, abstract)"
    ]


def _of_pause(frequency: float, of_threshold: float, intertrain: float) -> list[str]:
    # The study is of 20 Hz; pulses at 1 Hz or less are as far apart as its short pauses.
    if frequency <= FREQUENCIES[0] or intertrain >= _SAFE_INTERVAL:
        return []
    if intertrain <= _UNSAFE_INTERVAL and of_threshold > 1 + _SAME:
        return [
            f"pauses of {_UNSAFE_INTERVAL:g} s or less were unsafe above 100% of the motor "
            f"threshold, and these are {intertrain:g} s (20 Hz for 1.6 s: Chen et al. 1997)"
        ]
    return [
        f"a pause of {intertrain:g} s is shorter than the {_SAFE_INTERVAL:g} s that were "
        "found safe (20 Hz for 1.6 s at 110%: Chen et al. 1997)"
    ]
