"""A headless Chromium, spoken to through pipes by its DevTools protocol."""

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"),
    *("--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--hide-scrollbars"),
    *("--window-size=1280,1000", "--remote-debugging-pipe"),
)
_START = """
import fcntl, os, sys
one, other = (fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) for n in sys.argv[1:3])
os.dup2(one, 3)
os.dup2(other, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
_PATIENCE = 60.0  # [s]


def find_chromium() -> str:
    """Its path; the test is skipped where there is none."""
    for name in _NAMES:
        path = shutil.which(name)
        if path is not None:
            return path
    pytest.skip("no Chromium is installed (apt-get install chromium)")


class Browser:
    """One page of a browser, and all that it complained of."""

    def __init__(self, to: int, answers: int):
        self._to, self._answers, self._buffer, self._count = to, answers, b"", 0
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._session = ""
        page = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters) -> dict:
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return answer["result"]
            self._note(answer)

    def _read(self) -> dict:
        while b"\0" not in self._buffer:
            part = os.read(self._answers, 1 << 20)
            assert part, "Chromium has ended"
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict) -> None:
        found, kind = event.get("params", {}), event.get("method")
        if kind == "Runtime.consoleAPICalled" and found["type"] in ("error", "warning"):
            self.complaints.append(json.dumps(found["args"]))
        elif kind == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(found["exceptionDetails"]))
        elif kind == "Log.entryAdded" and found["entry"]["level"] == "error":
            self.complaints.append(found["entry"]["text"])
        elif kind == "Network.requestWillBeSent":
            self.requests.append(found["request"]["url"])

    def open(self, path: Path) -> None:
        self.send("Page.navigate", url=path.resolve().as_uri())

    def size(self, width: int, height: int, media: str = "screen") -> None:
        """Set the window's size, and whether the page is as on a screen or on paper."""
        shape = {"width": width, "height": height, "deviceScaleFactor": 1}
        self.send("Emulation.setDeviceMetricsOverride", mobile=False, **shape)
        self.send("Emulation.setEmulatedMedia", media=media)

    def run(self, script: str):
        answer = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, script: str):
        """Wait until an expression is true, and give its value."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            value = self.run(script)
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"{script} never became true: {self.complaints}")

    def settle(self) -> None:
        """Wait until what was changed is drawn."""
        self.run(
            "new Promise((go) => setTimeout(() => requestAnimationFrame(go), 300))"
        )

    def click(self, x: float, y: float) -> None:
        self.settle()
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.send(
                "Input.dispatchMouseEvent",
                type=kind,
                x=x,
                y=y,
                button="none" if kind == "mouseMoved" else "left",
                clickCount=1,
            )

    def picture(self, path: Path) -> None:
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Start a browser with a profile of its own, and end it."""
    # Chromium reads commands from descriptor 3 and answers on descriptor 4.
    (theirs, ours), (answers, their_answers) = os.pipe(), os.pipe()
    words = [find_chromium(), *_OPTIONS, f"--user-data-dir={folder / 'profile'}"]
    process = subprocess.Popen(
        [
            *(sys.executable, "-S", "-c", _START),
            str(theirs),
            str(their_answers),
            *words,
        ],
        pass_fds=(theirs, their_answers),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    os.close(their_answers)
    try:
        page = Browser(ours, answers)
        yield page
        page._session = ""
        page.send("Browser.close")
    finally:
        os.close(ours)
        os.close(answers)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
