"""`tmsgrad live`: the field while a tracked coil moves."""

import argparse
import math
import socket
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...coils import casing_samples
from ...disk.as_json import write_json
from ...optimize.constraints import spread_out
from ...optimize.live import Inbox, LiveField, Registration, follow
from ...optimize.live.figures import Figures
from ...optimize.live.igtl import IgtlServer, messages
from ...optimize.live.lab import LabFigures, listen_to_triggers
from ...optimize.live.record import PULSES, Record
from ...optimize.live.session import Sink, session
from ...optimize.live.sources import Complaints, running
from ...optimize.page.brain import Brain
from ...optimize.page.building import live_page
from ...optimize.page.scene import Scene
from ...optimize.timing.streams import lab_library
from ..live.opening import Opened, open_source
from ..live.registering import read_registration
from ..live.server import HERE, PageServer, open_port
from ..live.terminal import Terminal, listen_to_keys
from ..results.live_result import LiveResult
from ..runtime.interruption import ENDINGS
from ..runtime.notices import warn
from ..runtime.outcome import Outcome
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
        page: Where the page is served, or None.
        igtl: Where OpenIGTLink clients are served, or None.
        triggers: Name of a stream of markers, or None.
        lsl: Name of the stream of figures, or None.
        out: Folder.
    """

    scene: SceneRequest
    opened: Opened
    registration: Registration
    bids: str | None
    duration: float
    page: socket.socket | None
    igtl: socket.socket | None
    triggers: str | None
    lsl: str | None
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
        page, igtl = _page_port(options), None
        if options.igtl is not None:
            messages()
            igtl = open_port(HERE, options.igtl, "--igtl")
        if options.triggers is not None or options.lsl is not None:
            lab_library()
        return cls(
            *(scene, opened, registration, options.bids, duration, page, igtl),
            *(options.triggers, options.lsl, out),
        )


def _page_port(options: argparse.Namespace) -> socket.socket | None:
    """Listen for the page, where one is asked for."""
    address = HERE if options.listen is None else options.listen
    if not options.serve and options.port is None and options.listen is None:
        return None
    if address not in (HERE, "::1", "localhost"):
        warn(
            f"--listen {address}: other machines reach the page, without encryption. "
            "Whoever has its address with the token sees this person's head, and can "
            "record pulses."
        )
    option = "--port" if options.listen is None else "--listen"
    return open_port(address, options.port or 0, option)


def live(options: argparse.Namespace) -> Outcome:
    """Follow the coil until its source ends, time is over, or Ctrl-C."""
    set_up()
    request = LiveRequest.of(options)
    origin = Provenance.of(options, request.scene.target.settled)
    progress = Progress()
    made = make_scene(request.scene, origin, progress, str(request.out))
    progress.stage("cortex", "the cortex' field")
    brain = Brain.of(made.scene)
    field = live_field(made.scene, brain)
    field(field.best)  # Compiles it.
    progress.close()
    return Outcome(_follow(request, made.scene, brain, field, origin).to_json())


def live_field(scene: Scene, brain: Brain) -> LiveField:
    """Take what is answered for each pose of a scene's first coil."""
    placed = scene.coils[0]
    samples = casing_samples(placed.coil)
    return LiveField(
        *(brain.field, scene.in_target, scene.scalp),
        samples[spread_out(samples, _SAMPLES)],
        *(np.asarray(placed.best.pose), placed.number),
    )


def _sinks(
    request: LiveRequest, scene: Scene, brain: Brain, figures: Figures, complain
) -> list[Sink]:
    """Where answers go."""
    sinks: list[Sink] = [Terminal(figures)]
    if request.page is not None:
        served = PageServer(request.page, live_page(scene), figures.inbox, complain)
        print(f"page            {served.address}", flush=True)
        sinks.append(served)
    if request.igtl is not None:
        print(f"OpenIGTLink     {HERE}:{request.igtl.getsockname()[1]}", flush=True)
        surface = (brain.drawn, brain.triangles)
        sinks.append(IgtlServer(request.igtl, *surface, complain))
    if request.lsl is not None:
        sinks.append(LabFigures(request.lsl))
    return sinks


def _follow(
    request: LiveRequest,
    scene: Scene,
    brain: Brain,
    field: LiveField,
    origin: Provenance,
) -> LiveResult:
    inbox, complain = Inbox(), Complaints(warn)
    source = request.opened(field.best)
    figures, begun = Figures(inbox), time.monotonic()
    coil = scene.coils[0].coil.name
    record = Record(
        request.out, request.bids, coil, scene.region.centre.tolist(), begun
    )
    print(f"source          {source.name}; registered {request.registration.words}")
    print("ready           Enter records a pulse, Ctrl-C ends the session", flush=True)
    stopped = None
    with ExitStack() as stack:
        stack.callback(record.close)
        sinks = _sinks(request, scene, brain, figures, complain)
        for each in sinks:
            stack.callback(each.close)
        stack.enter_context(running(source, inbox, complain))
        listen_to_keys(inbox)
        if request.triggers is not None:
            ended = threading.Event()
            stack.callback(ended.set)
            listen_to_triggers(request.triggers, inbox, ended, complain)
        answers = follow(inbox, field, request.registration, current_rate=scene.didt)
        end = begun + request.duration
        try:
            session(answers, figures, record, sinks, complain, end)
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
