"""How near to a wanted phase pulses come, against the ratio of rhythm to noise.

    python -m benchmarks timing --runs=3

Each run simulates three minutes of one channel whose phase is known. The first minute is
for training; pulses aim at troughs of the rest.
"""

import argparse
import time

import numpy as np
from benchmarks import record, simulated_eeg

from tmsgrad.optimize import timing


DECIBELS = (0, 5, 10, 15, 20)
RATE, TRAINING = 500.0, 60.0  # [Hz], [s]
METHODS = ("autoregressive", "educated")


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks timing")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(words)
    begin = time.process_time()
    rows = []
    for decibels in DECIBELS:
        people = [
            simulated_eeg.simulate(
                np.random.default_rng(number),
                decibels,
                frequency=9 + 0.4 * number % 2.4,
            )
            for number in range(options.runs)
        ]
        rows += [
            {"ratio dB": decibels, "method": method, **_of(people, method)}
            for method in METHODS
        ]
    print(record.table(rows))
    print(f"{time.process_time() - begin:.0f} s of CPU")
    record.write("timing", rows)


def _of(people: list[simulated_eeg.Simulated], method: str) -> dict:
    band = timing.BandPass(RATE, 8.0, 13.0)
    errors, planted, took = [], [], []
    for values, phase in people:
        training = values[: round(TRAINING * RATE)]
        estimator = (
            timing.tuned(training, band)
            if method == "autoregressive"
            else timing.educate(training, band)
        )
        aim = timing.aim_for(training, band, estimator, np.pi)
        pulses = timing.replay(values, band, estimator, np.pi, aim=aim, start=TRAINING)
        errors.append(pulses.errors)
        planted.append(
            np.interp(pulses.times, np.arange(len(phase)) / RATE, phase) - np.pi
        )
        took.append(pulses.decision_times)
    together = np.concatenate(errors)
    mean, spread = _circular(together)
    return {
        "pulses": len(together),
        "mean error °": round(mean, 1),
        "spread °": round(spread, 1),
        "within 45°": round(float(np.mean(np.abs(together) <= np.pi / 4)), 3),
        "spread to planted °": round(_circular(np.concatenate(planted))[1], 1),
        "median decision ms": round(1e3 * float(np.median(np.concatenate(took))), 2),
        "99 % of decisions ms": round(
            1e3 * float(np.percentile(np.concatenate(took), 99)), 2
        ),
    }


def _circular(errors: np.ndarray) -> tuple[float, float]:
    mean = np.exp(1j * errors).mean()
    return tuple(np.degrees([np.angle(mean), np.sqrt(-2 * np.log(np.abs(mean)))]))
