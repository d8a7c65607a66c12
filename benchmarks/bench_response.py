"""How often intervals of response curves hold a planted threshold, and chance responds.

    python -m benchmarks response --tables=60

Tables have nine intensities, six rows for each. Responses change by 1.5 about a middle of
60, with noise of 0.3 that is normal, normal in the logarithm, or Student's t with two
degrees of freedom; those that do not respond are noise alone. The fit chooses the noise.
"""

import argparse
from functools import partial

import numpy as np
from benchmarks import record

from tmsgrad.optimize import mapping


LEVELS = np.repeat(np.linspace(20, 100, 9), 6)
MIDDLE, STEEPNESS, CHANGE, NOISE = 60.0, 10.0, 1.5, 0.3
KINDS = ("normal", "log-normal", "Student's t, 2", "no response")


def table_of(kind: str, seed: int) -> np.ndarray:
    """Simulate the responses of a table."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    heavy = kind.startswith("Student")
    count = len(LEVELS)
    noise = NOISE * (rng.standard_t(2, count) if heavy else rng.normal(size=count))
    if kind == "no response":
        return noise
    grown = CHANGE / (1 + np.exp(-STEEPNESS * (LEVELS / MIDDLE - 1))) + noise
    return np.exp(grown) if kind == "log-normal" else grown


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks response")
    parser.add_argument("--tables", type=int, default=60)
    options = parser.parse_args(words)
    rows = [_row(kind, options.tables) for kind in KINDS]
    print(record.table(rows))
    record.write("response", rows)


def _row(kind: str, count: int) -> dict:
    found = [mapping.recruit(LEVELS, table_of(kind, seed)) for seed in range(count)]
    low, high = np.transpose([each.interval for each in found])
    responds = kind != "no response"
    held = float(np.mean((low <= MIDDLE) & (high >= MIDDLE)))
    off = float(np.median([abs(each.threshold - MIDDLE) for each in found]))
    rounded = partial(round, ndigits=2)
    return {
        "noise": kind,
        "tables": count,
        "interval holds the threshold": rounded(held) if responds else None,
        "off, median (of 60)": rounded(off) if responds else None,
        "stated to respond": rounded(float(np.mean([each.grows for each in found]))),
    }
