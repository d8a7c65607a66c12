"""What `tmsgrad dose` tells of trains of pulses, from published safety tables."""

import argparse
from collections.abc import Sequence

from ...optimize import dosing
from ...optimize.dosing import Output, TrainCheck, safety
from ..runtime.notices import warn


def check_trains(options: argparse.Namespace) -> None:
    """Check that the options of trains fit each other.

    Raises:
        ValueError: They do not.
    """
    if options.frequency is None and options.train is None:
        if options.intertrain is not None:
            raise ValueError("--intertrain needs --frequency and --train.")
        return
    if options.frequency is None or options.train is None:
        raise ValueError("--frequency and --train go together: give both.")
    if options.train * options.frequency < 1 - 1e-9:
        raise ValueError(
            f"--train {options.train:g}: at {options.frequency:g} Hz there is no pulse in "
            "it."
        )
    if options.target_coil is not None:
        raise ValueError(
            "--frequency: safety tables count in motor thresholds of the coil that "
            "stimulates, which is not known for --target-coil. Leave out one of them."
        )


def trains_of(
    outputs: Sequence[Output], options: argparse.Namespace
) -> tuple[TrainCheck, ...]:
    """Compare the trains with the tables at each output; nothing without --frequency."""
    if options.frequency is None:
        return ()
    return tuple(
        dosing.check_train(
            options.frequency, options.train, each.of_threshold, options.intertrain
        )
        for each in outputs
    )


def trains_report(
    trains: Sequence[TrainCheck], options: argparse.Namespace
) -> dict | None:
    """Put the comparison in the words of `dose.json`, in the order of its outputs."""
    if not trains:
        return None
    return {
        "frequency_Hz": options.frequency,
        "train_s": options.train,
        "intertrain_s": options.intertrain,
        "sources": [safety.SOURCE, safety.INTERVAL_SOURCE],
        "outputs": [
            {
                "longest_train_s": each.limit,
                "only_tried": each.tried_only,
                "within": each.within,
                "problems": list(each.problems),
            }
            for each in trains
        ],
    }


def tell_trains(outputs: Sequence[Output], trains: Sequence[TrainCheck]) -> None:
    """Print where the tables end, and warn of what is beyond them."""
    if not trains:
        return
    within = sum(each.within for each in trains)
    print(
        f"trains           at {within} of {len(trains)} outputs within the tables "
        f"({safety.SOURCE})"
    )
    for output, each in zip(outputs, trains, strict=True):
        for problem in each.problems:
            warn(f"{output.rule}: {problem}. Check it with the guidelines.")
