"""The first look: a lattice of positions at all angles, and where to start from."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray


COARSE_STEP = 6e-3  # Between positions of the first look. [m]
COARSE_ANGLES = 96

_WORTH = 0.5  # How far below the best a start may be, of the range of all values.
_FILL_APART = 9e-3  # Between starts that are no local maxima and all others. [m]


def triangular_lattice(radius: float, step: float) -> Float[ndarray, "position 2"]:
    """Positions in a disc. [m]"""
    n = int(radius / step) + 1
    i, j = np.meshgrid(np.arange(-2 * n, 2 * n + 1), np.arange(-2 * n, 2 * n + 1))
    u, v = step * (i + j / 2).ravel(), step * np.sqrt(3) / 2 * j.ravel()
    inside = np.hypot(u, v) <= radius * (1 + 1e-9)
    return np.stack([u[inside], v[inside]], axis=1)


def choose_starts(
    lattice: Float[ndarray, "position 2"],
    values: Float[ndarray, "position angle"],
    count: int,
) -> tuple[ndarray, ndarray]:
    """Choose where to start: the best local maxima, and their handles turned round.

    Where these are too few, good places far from them follow.

    Args:
        lattice: Positions. [m]
        values: Of all positions and angles; minus infinity where no coil may be.
        count: How many to choose.

    Returns:
        The index of each start's position and angle.
    """
    apart = np.linalg.norm(lattice[:, None] - lattice[None], axis=-1)
    around = np.maximum(
        values, np.maximum(np.roll(values, 1, axis=1), np.roll(values, -1, axis=1))
    )
    near = apart < 1.1 * COARSE_STEP
    highest = np.stack([around[neighbours].max(axis=0) for neighbours in near])
    known = values[np.isfinite(values)]
    worth = known.max() - _WORTH * np.ptp(known)
    peaks = (values >= highest) & (values >= worth)
    position, angle = np.nonzero(peaks)
    order = np.argsort(-values[position, angle], kind="stable")
    position, angle = position[order], angle[order]
    chosen: list[tuple[int, int]] = []
    half = values.shape[1] // 2
    for place in zip(position.tolist(), angle.tolist(), strict=True):
        # Turned round, most coils have another optimum, whether the lattice shows it or
        # not.
        for start in (place, (place[0], (place[1] + half) % values.shape[1])):
            good = values[start] >= worth
            if good and start not in chosen and len(chosen) < count:
                chosen.append(start)
    best = np.argmax(values, axis=1)
    for index in np.argsort(-values.max(axis=1), kind="stable").tolist():
        far = all(apart[index, other] > _FILL_APART for other, _ in chosen)
        allowed = np.isfinite(values[index, best[index]])
        if far and allowed and len(chosen) < count:
            chosen.append((index, int(best[index])))
    # As many as were asked for, always: the compiled code depends on it.
    every = np.array(chosen)[np.arange(count) % len(chosen)]
    return every[:, 0], every[:, 1]


def finer(
    lattice: Float[ndarray, "position 2"],
    values: Float[ndarray, "position angle"],
    position: ndarray,
    angle: ndarray,
) -> Float[ndarray, "start 3"]:
    """Move starts from lattice points towards the maxima of parabolas through them.

    Returns:
        Two coordinates [m] and an angle [rad] for each.
    """
    step = 2 * np.pi / values.shape[1]
    moved = np.empty((len(position), 3))
    for row, (i, j) in enumerate(zip(position.tolist(), angle.tolist(), strict=True)):
        before, here, after = (
            float(values[i, (j + k) % values.shape[1]]) for k in (-1, 0, 1)
        )
        moved[row] = *lattice[i], (j + _vertex(before, here, after)) * step
        offset = lattice - lattice[i]
        near = np.linalg.norm(offset, axis=1) < 1.1 * COARSE_STEP
        u, v = offset[near].T / COARSE_STEP
        around = values[near, j]
        if len(u) < 7 or not np.isfinite(around).all():
            continue
        table = np.stack([np.ones_like(u), u, v, u * u / 2, u * v, v * v / 2], axis=1)
        _, a, b, uu, uv, vv = np.linalg.lstsq(table, around, rcond=None)[0]
        bend = np.array([[uu, uv], [uv, vv]])
        if np.linalg.eigvalsh(bend)[-1] < 0:
            way = -np.linalg.solve(bend, [a, b])
            way *= min(1.0, 1 / np.linalg.norm(way))
            moved[row, :2] += COARSE_STEP * way
    return moved


def _vertex(before: float, here: float, after: float) -> float:
    """Where the parabola through three values at -1, 0 and 1 is highest."""
    bend = before - 2 * here + after
    if not (np.isfinite(bend) and bend < 0):
        return 0.0
    return float(np.clip((before - after) / (2 * bend), -1, 1))
