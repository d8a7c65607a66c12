"""The source of poses that `--from` names."""

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import coils
from ...optimize.live import Registration, Walk
from ...optimize.live.igtl import IgtlSource, messages
from ...optimize.live.lab import LabPoses
from ...optimize.live.sources import Replay, Simulated, Source
from ...optimize.timing.streams import lab_library
from ..inputs.poses import PoseRequest, read_pose_list


_IGTL_PORT = 18944  # That OpenIGTLink has registered.
Opened = Callable[[Float[ndarray, "4 4"]], Source]


def open_source(
    word: str, head: str, speed: float, registration: Registration, registered: bool
) -> Opened:
    """Look at what `--from` names, before anything is computed.

    Args:
        word: Of the command line, as `live_options.source` takes it.
        head: As the command line names it.
        speed: Of a replay.
        registration: From tracker to head.
        registered: Whether one was given; else the poses are those of the head.

    Returns:
        What makes the source once the best placement is known [m].

    Raises:
        ValueError: What it names is malformed.
        FileNotFoundError: There is no such file.
        ModuleNotFoundError: A package is not installed.
    """
    kind, _, rest = word.partition(":")
    if kind == "replay":
        poses = (
            coils.read_poses(rest)
            if registered
            else read_pose_list(PoseRequest(rest, head))
        )
        if len(poses) == 0:
            raise ValueError(f"--from {word}: the file holds no poses.")
        found = Replay(rest, poses, speed)
        return lambda _: found
    if kind == "lsl":
        lab_library()
        return lambda _: LabPoses(rest)
    if kind == "igtl":
        messages()  # Before minutes of computing.
        parts = urlsplit(word)
        assert parts.hostname is not None
        device = unquote(parts.path.strip("/")) or None
        tracked = IgtlSource(parts.hostname, parts.port or _IGTL_PORT, device)
        return lambda _: tracked
    assert kind == "simulate", word
    walk = Walk(seed=int(rest or 0))

    def simulated(best: Float[ndarray, "4 4"]) -> Source:
        inverse = np.linalg.inv
        start = inverse(registration.to_head) @ best
        return Simulated(start @ inverse(registration.coil_to_tool), walk)

    return simulated
