"""From a pose on a socket to the field on a socket: how late, how steady, what memory.

    python -m benchmarks live --size=100000 --seconds=600

A tracker in a process of its own sends 20 OpenIGTLink transforms a second over the
loopback; `tmsgrad live`'s own source, loop and OpenIGTLink server answer, with |E| at
`--places` places and `--modes` modes over the upper head. The tracker takes the time from
before it sends a pose until it has the whole answer, values on the surface included. The
load of the machine stands beside. With `--verify=N` that many of its poses are solved
directly afterwards instead: what was streamed for each is held against them and against the
error that the badge stated.

With `--kills=N` program, tracker and browser are killed in turn (`live_kills`).

With `--page` it is the page instead: `tmsgrad live --from simulate: --serve` on the same
head, opened in headless Chromium, which notes for each pose the time from its arrival at
the program until the picture that shows it is drawn, for the screen's next refresh.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of
from benchmarks.live_kills import chromium, count_kills, read_message
from scipy import sparse

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.cli.live.server import open_port
from tmsgrad.optimize import live
from tmsgrad.optimize.constraints import spread_out
from tmsgrad.optimize.live.figures import Figures
from tmsgrad.optimize.live.igtl import IgtlServer, IgtlSource
from tmsgrad.optimize.live.sources import Complaints, Simulated, running


#: What else is measured: about it, and the command.
OTHERS = {
    "live-page": (
        "From a pose at the program to the drawn picture in headless Chromium.",
        "python -m benchmarks live --page --seconds=25",
    ),
    "live-direct": (
        "What a live session streamed, against direct solves of the same poses.",
        "python -m benchmarks live --seconds=60 --verify=200",
    ),
    "live-kills": (
        "Program, tracker and browser of a live session killed at random moments.",
        "python -m benchmarks live --size=30000 --kills=15",
    ),
}
_RATE = 20.0  # [Hz]
_TARGET = 10e-3  # [m]
_AT_ONCE = 16  # Direct solves.
_NOTED = 500  # Poses that the page remembers.


def _say(message):
    print(message, file=sys.stderr)


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks live")
    parser.add_argument("--size", default="100000", help="of the template, tetrahedra")
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--modes", type=int, default=300)
    parser.add_argument("--places", type=int, default=30_000)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--verify", type=int, default=0, help="solve so many directly")
    parser.add_argument("--page", action="store_true", help="time the page instead")
    parser.add_argument("--kills", type=int, help="kill so often instead")
    options = parser.parse_args(words)
    if options.kills is not None:
        head = f"template:{options.size}"
        rows = count_kills(head, options.coil, options.kills, seed=0)
        print(record.table(rows))
        print("written to", record.write("live-kills", rows))
        return
    if options.page:
        rows = [_shown(options)]
        print(record.table(rows))
        print("written to", record.write("live-page", rows))
        return
    field, direct = _field(options)
    field(field.best)
    row, kept = _session(field, options)
    rows = [_verified(kept, direct) if options.verify else row]
    name = "live-direct" if options.verify else "live"
    print(record.table(rows))
    print("written to", record.write(name, rows))


@dataclass(frozen=True, eq=False)
class _Direct:
    """What solves a pose of the session directly, at the same places."""

    conductor: efield.Conductor
    coil: coils.Coil
    tetrahedra: np.ndarray
    volumes: np.ndarray
    in_target: np.ndarray  # A weight for each tetrahedron of gray matter.
    gray: np.ndarray

    def __call__(self, poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """|E| at the places and of the mean in the target, at 1 A/µs. [V/m]"""
        placed = coils.Pose(poses[:, :3, :3], poses[:, :3, 3])
        found = efield.solve(self.conductor, self.coil, placed, 1e6)
        vectors = np.asarray(found.vectors)
        means = np.einsum("t,ptx->px", self.in_target, vectors[:, self.gray])
        places = vectors[:, self.tetrahedra]
        return np.linalg.norm(places, axis=-1), np.linalg.norm(means, axis=-1)


def _field(options) -> tuple[live.LiveField, _Direct]:
    head, coil = head_of(f"template:{options.size}"), coils.read(options.coil)
    scalp, gray = meshing.scalp(head), meshing.region(head, head.of("gray matter"))
    domain = optimize.placements(scalp)
    conductor = efield.assemble(head, efield.isotropic(head))
    made = efield.reduce(
        *(conductor, coil, domain, gray),
        growth=efield.Growth(tolerance=1e-4, modes=options.modes, unseen=8),
    )
    places = np.linspace(0, len(gray.weights) - 1, options.places).astype(int)
    pose = domain(1, 7)
    best = np.eye(4)
    best[:3, :3], best[:3, 3] = pose.rotation[0], pose.translation[0]
    under = best[:3, 3] + 0.03 * best[:3, 2]
    near = np.linalg.norm(made.positions - under, axis=1) < _TARGET
    weights = near * np.asarray(made.weights)
    weights = weights / weights.sum()
    shares = sparse.csr_array(weights[None])
    samples = coils.casing_samples(coil)
    field = live.LiveField(
        *(made.subset(places).stored(np.int8), made.means(shares, under[None]), scalp),
        *(samples[spread_out(samples, 3000)], best),
    )
    chosen, volumes = gray.tetrahedra[places], np.asarray(made.weights)[places]
    solved = _Direct(conductor, coil, chosen, volumes, weights, gray.tetrahedra)
    return field, solved


def _session(field: live.LiveField, options) -> tuple[dict, list[live.LiveAnswer]]:
    inbox, complain, done = live.Inbox(), Complaints(_say), threading.Event()
    figures = Figures(inbox)
    opened = open_port("127.0.0.1", 0, "--igtl")
    port = opened.getsockname()[1]
    triangles = np.arange(3 * (options.places // 3)).reshape(-1, 3)
    places = np.asarray(field.cortex.positions)
    server = IgtlServer(opened, places, triangles, complain)
    command = [sys.executable, "-m", "benchmarks.bench_live", str(port)]
    command += [str(options.seconds), json.dumps(field.best.tolist())]
    tracker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert tracker.stdout is not None
    source = IgtlSource("127.0.0.1", int(tracker.stdout.readline()))
    answers = live.follow(inbox, field, live.Registration(), current_rate=60e6)
    said: list[str] = []

    def wait() -> None:
        # All of it is read before the end is waited for: a full pipe has no end.
        said.append(tracker.communicate()[0])
        done.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    load, memory, kept = [os.getloadavg()[0]], [], []
    every = max(1, int(0.9 * options.seconds * _RATE / max(options.verify, 1)))
    with running(source, inbox, complain):
        for found in answers:
            figures.add(found)
            server.show(found, figures.message(found))
            answer = found.answer
            if answer is not None and found.new and figures.answered % every == 0:
                kept.append(answer)
            if figures.answered % 20 == 0:
                memory.append(_resident())
                load.append(os.getloadavg()[0])
            if done.is_set():
                break
    server.close()
    waiting.join()
    late = np.array(json.loads(said[0])) * 1e3
    within = figures.latencies
    assert within is not None
    row = {
        "modes": field.cortex.modes.count,
        "places": options.places,
        "poses sent": round(options.seconds * _RATE),
        "answered": figures.answered,
        "dropped": inbox.dropped,
        "round trip, median [ms]": float(np.median(late)),
        "95% within [ms]": float(np.quantile(late, 0.95)),
        "worst [ms]": float(late.max()),
        "pose to answer, median [ms]": within.median * 1e3,
        "95% within [ms] ": within.most * 1e3,
        "memory, after a tenth [MB]": memory[len(memory) // 10] / 1e6,
        "memory, at the end [MB]": memory[-1] / 1e6,
        "load of the machine": float(np.mean(load)),
    }
    return row, kept[: options.verify]


def _verified(kept: list[live.LiveAnswer], direct: _Direct) -> dict:
    """Compare what was streamed with direct solves of the same poses."""
    misses, in_target = [], []
    for start in range(0, len(kept), _AT_ONCE):
        some = kept[start : start + _AT_ONCE]
        values, targets = direct(np.array([each.pose for each in some]))
        for each, value, target in zip(some, values, targets, strict=True):
            scale = 1e6 / each.current_rate
            miss = direct.volumes @ (each.values * scale - value) ** 2
            misses.append(np.sqrt(miss / (direct.volumes @ value**2)))
            in_target.append(abs(each.target * scale / target - 1))
    stated = np.array([each.error for each in kept])
    return {
        "poses solved directly": len(kept),
        "within the badge's error": int((np.array(misses) <= stated).sum()),
        "target within it": int((np.array(in_target) <= stated).sum()),
        "error streamed, worst": float(max(misses)),
        "in the target, worst": float(max(in_target)),
        "badge, median": float(np.median(stated)),
    }


def _shown(options) -> dict:
    """Let Chromium show a session, and take what its page has noted at the end."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tmsgrad.cli.main", "live"]
        command += [f"template:{options.size}", "--coil", options.coil, "--serve"]
        command += ["--target-mni", "-44,40,29", "--from", "simulate:"]
        program = subprocess.Popen(
            [*command, "--out", f"{folder}/out"], stdout=subprocess.PIPE, text=True
        )
        try:
            assert program.stdout is not None
            line = next(x for x in program.stdout if "token" in x)
            with chromium(Path(folder)) as page:
                page.send("Page.navigate", url=line.split()[1])
                page.wait_for("window.tmsgrad?.live?.delays.length > 100")
                page.run("tmsgrad.live.delays = [], true")
                load = os.getloadavg()[0]
                time.sleep(min(options.seconds, _NOTED / _RATE))
                field = page.run(
                    "({ delays: tmsgrad.live.delays, vertices: tmsgrad.model.field.count,"
                    " modes: tmsgrad.model.field.modes })"
                )
        finally:
            program.terminate()  # One in the background may not hear SIGINT.
            program.wait()
    late = np.array(field["delays"]) * 1e3
    return {
        "vertices": field["vertices"],
        "modes": field["modes"],
        "poses drawn": len(late),
        "pose to picture, median [ms]": float(np.median(late)),
        "95% within [ms]": float(np.quantile(late, 0.95)),
        "worst [ms]": float(late.max()),
        "load of the machine": load,
    }


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# The tracker, in a process of its own.


def _track(port: int, seconds: float, best: np.ndarray) -> None:
    from pyigtl import TransformMessage

    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    to_live, _ = listening.accept()
    answers = socket.create_connection(("127.0.0.1", port))
    sent: dict[int, float] = {}
    late: list[float] = []
    threading.Thread(target=_hear, args=(answers, sent, late), daemon=True).start()
    walk = live.walk(best, Simulated._RADIUS, _RATE, live.Walk(dropouts=0.0))
    begun = time.monotonic()
    for number in range(round(seconds * _RATE)):
        time.sleep(max(0.0, begun + number / _RATE - time.monotonic()))
        matrix = next(walk)
        assert matrix is not None
        matrix[:3, 3] *= 1e3
        message = TransformMessage(matrix, device_name="coil").pack()
        sent[_key(matrix[:3, 3].astype(np.float32))] = time.monotonic()
        to_live.sendall(message)
    time.sleep(1.0)
    print(json.dumps(late))


def _hear(answers: socket.socket, sent: dict, late: list) -> None:
    key = None
    with suppress(EOFError):
        while True:
            kind, body = read_message(answers)
            if kind.startswith(b"TRANSFORM"):
                key = _key(np.frombuffer(body[36:], ">f4"))
            elif kind.startswith(b"POLYDATA") and key in sent:
                late.append(time.monotonic() - sent.pop(key))


def _key(centre: np.ndarray) -> int:
    """A number for a place, in steps of 10 µm: single precision errs by less."""
    x, y, z = np.round(np.asarray(centre, dtype=np.float64) * 100).astype(int).tolist()
    return (x * 100_003 + y) * 100_003 + z


if __name__ == "__main__":
    _track(int(sys.argv[1]), float(sys.argv[2]), np.array(json.loads(sys.argv[3])))
