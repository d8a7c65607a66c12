"""`tmsgrad live`: the field while a tracked coil moves."""

import argparse
import math
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...optimize import casing_samples
from ...optimize.constraints import spread_out
from ...optimize.live import Inbox, LiveField, Registration, follow
from ..live.figures import Figures
from ..live.opening import Opened, open_source
from ..live.record import PULSES, Record
from ..live.registering import read_registration
from ..live.session import Sink, Terminal, listen_to_keys, session
from ..live.sources import Complaints, running
from ..page.brain import Brain
from ..page.scene import Scene
from ..results.live_result import LiveResult
from ..runtime.interruption import ENDINGS
from ..runtime.outcome import Outcome
from ..runtime.outputs import write_json
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.setup import set_up
from .page_request import SceneRequest
from .scene import make_scene


_SAMPLES = 3000  # Of the coil's casing.


@dataclass(frozen=True, eq=False)
class LiveRequest:
    """What `tmsgrad live` is asked for.

    Attributes:
        scene: Head, coil, field and target.
        opened: Makes the source of poses.
        registration: From tracker to head.
        bids: What names of NIBS-BIDS begin with, or None.
        duration: After which it ends. [s]
        out: Folder.
    """

    scene: SceneRequest
    opened: Opened
    registration: Registration
    bids: str | None
    duration: float
    out: Path

    @classmethod
    def of(cls, options: argparse.Namespace) -> "LiveRequest":
        """Take it from the options.

        Raises:
            ValueError: They do not fit each other, or a file is malformed.
            FileNotFoundError: There is no such file.
            ModuleNotFoundError: A package is not installed.
        """
        out = Path(options.out)
        if (out / PULSES).exists():
            raise ValueError(
                f"--out {out}: it holds {PULSES} of an earlier session. Name another "
                "folder."
            )
        scene = SceneRequest.of(options, (options.coil,))
        files = (options.registration, options.fiducials, options.tool)
        registration = read_registration(*files)
        registered = any(each is not None for each in files)
        opened = open_source(
            *(options.source, options.head, options.speed, registration, registered)
        )
        duration = math.inf if options.duration is None else options.duration
        return cls(scene, opened, registration, options.bids, duration, out)


def live(options: argparse.Namespace) -> Outcome:
    """Follow the coil until its source ends, time is over, or Ctrl-C."""
    set_up()
    request = LiveRequest.of(options)
    origin = Provenance.of(options, request.scene.target.settled)
    progress = Progress()
    made = make_scene(request.scene, origin, progress, str(request.out))
    progress.stage("cortex", "the cortex' field")
    field = live_field(made.scene)
    field(field.best)  # Compiles it.
    progress.close()
    return Outcome(_follow(request, made.scene, field, origin).to_json())


def live_field(scene: Scene) -> LiveField:
    """Take what is answered for each pose of a scene's first coil."""
    placed = scene.coils[0]
    samples = casing_samples(placed.coil)
    return LiveField(
        *(Brain.of(scene).field, scene.in_target, scene.scalp),
        samples[spread_out(samples, _SAMPLES)],
        *(np.asarray(placed.best.pose), placed.number),
    )


def _follow(
    request: LiveRequest, scene: Scene, field: LiveField, origin: Provenance
) -> LiveResult:
    inbox, complain = Inbox(), Complaints()
    source = request.opened(field.best)
    figures, begun = Figures(inbox), time.monotonic()
    coil = scene.coils[0].coil.name
    record = Record(request.out, request.bids, coil, scene.target.centre, begun)
    print(f"source          {source.name}; registered {request.registration.words}")
    print("ready           Enter records a pulse, Ctrl-C ends the session", flush=True)
    sinks: list[Sink] = [Terminal(figures)]
    stopped = None
    with ExitStack() as stack:
        stack.callback(record.close)
        for each in sinks:
            stack.callback(each.close)
        stack.enter_context(running(source, inbox, complain))
        listen_to_keys(inbox)
        answers = follow(inbox, field, request.registration, current_rate=scene.didt)
        try:
            session(answers, figures, record, sinks, complain, begun + request.duration)
        except ENDINGS as stop:
            stopped = stop
    result = LiveResult(
        *(source.name, request.registration.words, inbox.received),
        *(figures.answered, inbox.dropped, figures.refused, complain.count),
        *(inbox.connections, record.count, figures.latencies, scene.field.accuracy),
        *(str(request.out / PULSES), origin),
    )
    write_json(request.out / "live.json", result.to_json())
    result.describe()
    if stopped is not None:
        stopped.args = (f"{record.count} pulses are kept in {request.out}.",)
        raise stopped
    return result
