"""A search as notebooks show it: its words, and the climbs."""

import html

import numpy as np
from jaxtyping import Float
from numpy import ndarray


WIDTH, HEIGHT = 360, 120  # Of the chart within its margins. [pixel]
_MARGIN = 20  # [pixel]


def climbs(words: str, history: Float[ndarray, "round start"]) -> str:
    """Draw the best value so far of each start over the rounds of evaluations. [V/m]

    Args:
        words: What is written above.
        history: Of the search; what is not finite is left out.
    """
    finite = history[np.isfinite(history)]
    if not len(finite):
        return f"<div><pre>{html.escape(words)}</pre></div>"
    low, high = float(finite.min()), float(finite.max())
    # All starts may be worth the same.
    step = WIDTH / max(len(history) - 1, 1), HEIGHT / ((high - low) or 1.0)
    lines = "".join(_line(column, high, step) for column in history.T)
    label = 'x="{}" y="{}" font-size="11" font-family="sans-serif"'
    ends = (
        f"<text {label.format(_MARGIN, _MARGIN - 6)}>{high:.4g} V/m</text>"
        f"<text {label.format(_MARGIN, HEIGHT + _MARGIN + 14)}>{low:.4g} V/m, "
        f"{len(history)} rounds</text>"
    )
    size = f'width="{WIDTH + 2 * _MARGIN}" height="{HEIGHT + 2 * _MARGIN}"'
    return f"<div><pre>{html.escape(words)}</pre><svg {size}>{lines}{ends}</svg></div>"


def _line(
    values: Float[ndarray, "round"], high: float, step: tuple[float, float]
) -> str:
    points = " ".join(
        f"{_MARGIN + step[0] * number:.1f},{_MARGIN + step[1] * (high - value):.1f}"
        for number, value in enumerate(values.tolist())
        if np.isfinite(value)
    )
    return f'<polyline points="{points}" fill="none" stroke="#0a5cad"/>'
