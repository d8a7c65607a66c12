"""What `tmsgrad map motor` is asked for, as one frozen value."""

import argparse
from dataclasses import dataclass

from ...optimize import mapping
from ...optimize.mapping import MepWindow
from ..inputs.conduction import Conduction
from ..inputs.poses import PoseRequest


CURVES = {
    "sigmoid": mapping.Sigmoid(),
    "log-sigmoid": mapping.LogSigmoid(),
    "exponential": mapping.Exponential(),
    "linear": mapping.Linear(),
}


TAILS = {None: None, "log-normal": 0.0, "heavy": 0.25}


@dataclass(frozen=True)
class MotorRequest:
    """What `tmsgrad map motor` is asked for.

    Attributes:
        head: As the command line names it.
        force: Checks of the head whose errors do not stop.
        coil: As the command line names it.
        conduction: Of the head.
        pulses: Their poses.
        rate: dI/dt of all; None for those recorded. [A/s]
        maximum: dI/dt at full output; None for what the coil's file says. [A/s]
        table: Of responses, or a recording of muscles.
        window: Where the recording is measured; None for a table.
        event: What pulses are annotated with in the recording, or None.
        muscles: Columns of it, or None for all.
        unit: Of columns whose header has none, or None.
        way: To match rows and pulses, or None.
        region: Centre and radius [m], a gyrus, a file, or None for beneath the pulses.
        curve: Of responses over the field.
        tail: Of the noise; None for what is more likely.
        component: Of the field that is mapped.
        criterion: That half of the pulses evoke at threshold. [V]
        draws: Of pulses.
        proposed: How many pulses to propose; 0 for none.
        report: Whether a page is wanted.
        out: Folder.
    """

    head: str
    force: tuple[str, ...]
    coil: str
    conduction: Conduction
    pulses: PoseRequest
    rate: float | None
    maximum: float | None
    table: str
    window: MepWindow | None
    event: str | None
    muscles: tuple[str, ...] | None
    unit: str | None
    way: str | None
    region: tuple[tuple[float, float, float], float] | str | None
    curve: str
    tail: float | None
    component: str
    criterion: float
    draws: int
    proposed: int
    report: bool
    out: str

    @classmethod
    def of(cls, options: argparse.Namespace) -> "MotorRequest":
        """Take it from the options.

        Raises:
            ValueError: Several dI/dt are given, or options do not fit each other.
        """
        if isinstance(options.didt, tuple):
            raise ValueError(
                "--didt: one dI/dt is needed, of a coil with one stimulator."
            )
        return cls(
            head=options.head,
            force=tuple(options.force),
            coil=options.coil,
            conduction=Conduction.of(options),
            pulses=PoseRequest.of(options, options.pulses),
            rate=None if options.didt == "recorded" else options.didt,
            maximum=options.max_didt,
            table=options.mep or options.emg,
            window=_window(options),
            event=options.emg_event,
            muscles=options.muscle,
            unit=options.mep_unit,
            way=options.match,
            region=options.region,
            curve=options.curve,
            tail=TAILS[options.noise],
            component=options.component,
            criterion=options.criterion * 1e-6,
            draws=options.draws,
            proposed=options.next or 0,
            report=options.report,
            out=options.out,
        )


def _window(options: argparse.Namespace) -> MepWindow | None:
    given = {
        "--emg-event": options.emg_event,
        "--emg-window": options.emg_window,
        "--emg-quiet": options.emg_quiet,
    }
    if options.emg is None:
        for name, value in given.items():
            if value is not None:
                raise ValueError(f"{name} is of a recording: give --emg, not --mep.")
        return None
    if options.mep_unit is not None:
        raise ValueError("--mep-unit is of a table: a recording says its unit itself.")
    usual = MepWindow()
    window, quiet = options.emg_window, options.emg_quiet
    return MepWindow(
        usual.response if window is None else (window[0] * 1e-3, window[1] * 1e-3),
        usual.rest,
        usual.quiet if quiet is None else quiet * 1e-6,
    )
