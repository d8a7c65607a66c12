"""Kill -9 of program, tracker and browser at random moments of a live session.

    python -m benchmarks live --kills=12

A tracker in a process of its own sends 20 OpenIGTLink transforms a second and a pulse every
0.4 s to `tmsgrad live`, whose answers a client and a page in headless Chromium follow. What
the client was told of the number of pulses is acknowledged. Counted are acknowledged rows
that the record lacks, rows that are not whole, and how long it takes from the moment at
which the killed part is there again until new poses flow.
"""

import importlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tmsgrad import coils
from tmsgrad.optimize import live


_HEADER = struct.Struct(">H12s20sIIQQ")
_RATE, _PULSE_EVERY = 20.0, 0.4  # [Hz], [s]
_LONGEST = 240.0  # To wait for anything. [s]
_SOON = (0.5, 3.0)  # A kill comes after as long. [s]
VICTIMS = ("program", "tracker", "browser")


@dataclass
class Client:
    """Follows the answers, and knows the last of them."""

    port: int
    pulses: int = 0
    heard: float = 0.0
    ended: threading.Event = field(default_factory=threading.Event)

    def follow(self) -> None:
        """Take answers until it is ended, from one program after the other."""
        while not self.ended.is_set():
            address = ("127.0.0.1", self.port)
            with (
                suppress(OSError, EOFError),
                socket.create_connection(address, 1.0) as opened,
            ):
                self._hear(opened)  # The limit of a second stays.
            time.sleep(0.02)

    def _hear(self, opened: socket.socket) -> None:
        while not self.ended.is_set():
            kind, body = read_message(opened)
            if kind.startswith(b"STRING"):
                message = json.loads(body[4:].decode())
                if message["state"] == "live":
                    self.pulses, self.heard = message["pulses"], time.monotonic()


def count_kills(head: str, coil: str, kills: int, seed: int) -> list[dict]:
    """Kill, and say what was lost and how long it took.

    Args:
        head: Of the session.
        coil: Of the session.
        kills: How many.
        seed: Of their moments and victims.

    Returns:
        A row for each kind of victim.
    """
    with tempfile.TemporaryDirectory() as place:
        lab = Lab(Path(place), head, coil, np.random.default_rng(seed))
        try:
            lab.begin()
            for number in range(kills):
                lab.kill(VICTIMS[number % len(VICTIMS)])
            lab.check()
            return lab.rows()
        finally:
            lab.end()


class Lab:
    """Tracker, program, client and browser, each of which may be killed."""

    def __init__(self, folder: Path, head: str, coil: str, rng: np.random.Generator):
        """Make the basis that all sessions share."""
        self._folder, self._rng = folder, rng
        self._head = [head, "--coil", coil]
        self._ports = [_free_port() for _ in range(3)]
        self._client = Client(self._ports[1])
        self._sessions = 0
        self._browsers = ExitStack()
        self._waits: dict[str, list[float]] = {victim: [] for victim in VICTIMS}
        self._acknowledged = self._kept = self._lost = self._torn = 0
        basis = [*self._head, "--around", "-50,50,50", "--radius", "30"]
        self._run("reduce", *basis, "--tolerance", "2", "--out", str(folder / "b.h5"))

    def begin(self) -> None:
        """Start all of them."""
        self._tracker = self._track()
        self._program = self._follow()
        threading.Thread(target=self._client.follow, daemon=True).start()
        self._look()
        self._await("program", time.monotonic())
        for waits in self._waits.values():
            waits.clear()  # The first start is none again.

    def kill(self, victim: str) -> None:
        """Kill one of them at a random moment, and start it again."""
        time.sleep(self._rng.uniform(*_SOON))
        if victim == "tracker":
            _kill(self._tracker)
            time.sleep(self._rng.uniform(*_SOON))
            self._tracker = self._track()
            self._await("tracker", time.monotonic())
        elif victim == "browser":
            self._kill_browser()
            self._look()
        else:
            _kill(self._program)
            self.check()
            self._program = self._follow()
            self._await("program", time.monotonic())
            self._kill_browser()
            self._look(count=False)

    def check(self) -> None:
        """Hold the record of the session against what was acknowledged."""
        text = (self._record / "pulses.csv").read_bytes()
        *rows, rest = text.split(b"\n")
        self._torn += rest != b""
        listed = coils.read_poses(self._record / "pulses.csv")
        found = len(listed) + listed.skipped
        self._torn += len(rows) - 1 - found
        self._acknowledged += self._client.pulses
        self._kept += found
        self._lost += max(0, self._client.pulses - found)

    def rows(self) -> list[dict]:
        """What was found."""
        counts = {
            "rows acknowledged": self._acknowledged,
            "rows kept": self._kept,
            "acknowledged and lost": self._lost,
            "rows not whole": self._torn,
        }
        return [
            {"killed": victim, "times": len(waits)}
            | {"until poses flow again, longest [s]": max(waits, default=np.nan)}
            | counts
            for victim, waits in self._waits.items()
        ]

    def end(self) -> None:
        """End all of them."""
        self._client.ended.set()
        for name in ("_program", "_tracker"):
            process = getattr(self, name, None)
            if process is not None:
                _kill(process)
        self._kill_browser()

    def _await(self, victim: str, since: float) -> None:
        """Wait until the client hears of a new pose."""
        _until(lambda: self._client.heard > since)
        self._waits[victim].append(self._client.heard - since)

    def _track(self) -> subprocess.Popen:
        command = [sys.executable, "-m", "benchmarks.live_kills", str(self._ports[0])]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    def _follow(self) -> subprocess.Popen:
        """Start the program, and wait until it is ready."""
        tracker, out, page = self._ports
        self._sessions += 1
        self._client.pulses = 0
        self._record = self._folder / f"session{self._sessions}"
        words = ["live", *self._head, "--target-mni", "-44,40,29"]
        words += ["--reduced", str(self._folder / "b.h5"), "--out", str(self._record)]
        words += ["--from", f"igtl://127.0.0.1:{tracker}", "--igtl", str(out)]
        words += ["--serve", "--port", str(page)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tmsgrad.cli.main", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("page "):
                self._address = line.split()[1]
            if line.startswith("OpenIGTLink "):
                break
        threading.Thread(target=process.stdout.read, daemon=True).start()
        return process

    def _look(self, count: bool = True) -> None:
        """Open the page in a new browser, and wait until it shows poses."""
        page = self._browsers.enter_context(_browser(self._folder))
        begun = time.monotonic()
        page.send("Page.navigate", url=self._address)
        page.wait_for("window.tmsgrad?.live?.delays.length > 2")
        if count:
            self._waits["browser"].append(time.monotonic() - begun)

    def _kill_browser(self) -> None:
        import psutil

        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                if str(self._folder / "profile") in " ".join(child.cmdline()):
                    child.kill()
        self._browsers.close()

    def _run(self, *words: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "tmsgrad.cli.main", *words],
            check=True,
            stdout=subprocess.DEVNULL,
        )


def chromium(folder: Path) -> AbstractContextManager:
    """Start the browser that the tests drive, with its profile in a folder."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    return importlib.import_module("browser").browser(folder)


@contextmanager
def _browser(folder: Path) -> Iterator:
    """Start a browser that may be killed."""
    with suppress(AssertionError, OSError), chromium(folder) as page:
        yield page


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + _LONGEST
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("no new pose came.")
        time.sleep(0.005)


def _kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return opened.getsockname()[1]


def read_message(opened: socket.socket) -> tuple[bytes, bytes]:
    """Read an OpenIGTLink message: its kind, padded by zeros, and its body.

    Raises:
        EOFError: The connection has ended.
    """
    _, kind, *_, size, _ = _HEADER.unpack(_read(opened, _HEADER.size))
    return kind, _read(opened, size)


def _read(opened: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        part = opened.recv(count - len(found))
        if not part:
            raise EOFError
        found += part
    return bytes(found)


def _track(port: int) -> None:
    """Send poses and pulses to whoever connects."""
    from pyigtl.messages import StringMessage, TransformMessage

    best = np.diag([1.0, -1.0, -1.0, 1.0])
    best[:3, 3] = [-0.05, 0.06, 0.09]
    listening = socket.create_server(("127.0.0.1", port))
    print("listening", flush=True)
    while True:
        opened, _ = listening.accept()
        walk = live.walk(best, 0.09, _RATE, live.Walk(dropouts=0.0))
        with suppress(OSError), opened:
            for number, matrix in enumerate(walk):
                assert matrix is not None
                matrix[:3, 3] *= 1e3
                opened.sendall(TransformMessage(matrix, device_name="coil").pack())
                if number % round(_RATE * _PULSE_EVERY) == 0:
                    opened.sendall(StringMessage("1", device_name="pulse").pack())
                time.sleep(1 / _RATE)


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    _track(int(sys.argv[1]))
