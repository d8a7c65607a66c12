"""How much stronger a pulse of another waveform must be to reach threshold.

A membrane that leaks sums the field up and forgets it with the time constant of its
strength-duration curve; at threshold the largest depolarisation is the same whatever the
waveform. In the motor cortex the constant is 196 µs [Peterchev et al. 2013, Clin.
Neurophysiol., abstract; 181 to 210], or 231 and 294 µs where the current flows to the front
and to the back [D'Ostilio et al. 2016, doi:10.1016/j.clinph.2015.05.017, abstract].
"""

import numpy as np

from ...coils import Waveform


TIME_CONSTANT = 196e-6  # [s]
_SHORTEST, _LONGEST = 1e-6, 0.1  # [s]


def effect(waveform: Waveform, time_constant: float = TIME_CONSTANT) -> float:
    """Measure the largest depolarisation per peak dI/dt, relative to a pulse without end.

    A rectangle of duration d has 1 - exp(-d / time_constant), Lapicque's curve.

    Args:
        waveform: Its dI/dt, to which the field is in proportion. Either direction counts.
        time_constant: Of the membrane. [s]

    Raises:
        ValueError: The time constant is out of range, or the waveform is zero.
    """
    if not _SHORTEST <= time_constant <= _LONGEST:
        raise ValueError(
            f"`time_constant` must lie between {_SHORTEST:g} and {_LONGEST:g} s, got "
            f"{time_constant!r}."
        )
    shape = waveform.signal if waveform.fit is None else waveform.fit
    peak = float(np.abs(shape).max())
    if peak == 0:
        raise ValueError(f"the waveform {waveform.name!r} is zero.")
    depolarised, largest = 0.0, 0.0
    steps = np.diff(waveform.time) / time_constant
    for step, begin, end in zip(steps, shape[:-1], shape[1:], strict=True):
        # Exact for a field that changes evenly within the step.
        kept = np.exp(-step)
        slope = (end - begin) / step
        depolarised = depolarised * kept + end - begin * kept - slope * (1 - kept)
        largest = max(largest, abs(depolarised))
    return float(largest / peak)


def threshold_ratio(
    known: Waveform, other: Waveform, time_constant: float = TIME_CONSTANT
) -> float:
    """Give the threshold with another waveform, over that with a known one.

    Of peak dI/dt, or of the peak field, at the same place and in the same direction.

    Raises:
        ValueError: The time constant is out of range, or a waveform is zero.
    """
    return effect(known, time_constant) / effect(other, time_constant)
