"""Trains of pulses that `tmsgrad dose` compares with published tables."""

import argparse
from dataclasses import dataclass


@dataclass(frozen=True)
class Trains:
    """Trains of pulses.

    Attributes:
        frequency: Of the pulses. [Hz]
        train: How long one is. [s]
        intertrain: From the end of one to the next, or None. [s]
    """

    frequency: float
    train: float
    intertrain: float | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Trains | None":
        """Take them from the options, and check that they fit each other.

        Raises:
            ValueError: They do not.
        """
        if options.frequency is None and options.train is None:
            if options.intertrain is not None:
                raise ValueError("--intertrain needs --frequency and --train.")
            return None
        if options.frequency is None or options.train is None:
            raise ValueError("--frequency and --train go together: give both.")
        if options.train * options.frequency < 1 - 1e-9:
            raise ValueError(
                f"--train {options.train:g}: at {options.frequency:g} Hz there is no pulse "
                "in it."
            )
        if options.target_coil is not None:
            raise ValueError(
                "--frequency: safety tables count in motor thresholds of the coil that "
                "stimulates, which is not known for --target-coil. Leave out one of them."
            )
        return cls(options.frequency, options.train, options.intertrain)
