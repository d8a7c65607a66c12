"""Field strengths that no stimulation has: asked about in words."""

from collections.abc import Iterable

from ..runtime.notices import warn


_LEAST, _MOST = 1.0, 500.0  # Of |E| in the cortex; usual doses make 40 to 150. [V/m]
_PER_UNIT = 1e6  # What fields are given per, where no dI/dt is asked for. [A/s]


def ask_of_strength(found: Iterable[tuple[float, float]], where: str) -> None:
    """Ask whether a dI/dt is meant that gives the cortex next to nothing, or too much.

    Args:
        found: Of each pose, its dI/dt [A/s] and the field there. [V/m]
        where: In words.
    """
    for rate, strength in found:
        if abs(rate) == _PER_UNIT or _LEAST <= strength <= _MOST:
            continue
        usual = "usual doses give some 40 to 150"
        warn(
            f"{strength:.3g} V/m {where} at {rate / 1e6:.4g} A/µs, but {usual}: is dI/dt "
            "the one meant, and the coil near the head and in its unit?"
        )
        return
