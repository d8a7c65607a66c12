"""OpenIGTLink: poses in, and the field out, within bounds whatever is sent.

Messages are coded by pyigtl; its sockets take messages of any size into memory, so they are
read and written here.
"""

import json
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from .following import Answered
from .inbox import Inbox, TrackedPose
from .sources import Complaints, in_metres


_HEADER = 58  # [bytes]
_LARGEST = 1 << 16  # Of messages that are read. [bytes]
_SKIPPED = 1 << 26  # Of messages that are passed over. [bytes]
_AGAIN = 0.5  # Until a connection is tried anew. [s]
_STALLED = 5.0  # Within a message. [s]
_LOOK = 0.2  # How often the end is looked for. [s]
_PULSES = ("pulse", "trigger")
_CLIENTS = 4
_SLOW = 2.0  # A client that takes no more for so long is left. [s]


class _LostError(Exception):
    """The connection has ended, or must."""


@dataclass(frozen=True)
class IgtlSource:
    """Poses from an OpenIGTLink server, such as PLUS, 3D Slicer or NaviNIBS.

    Attributes:
        host: Of the server.
        port: Of the server.
        device: Whose transforms are taken; None for the first that comes.
    """

    host: str
    port: int
    device: str | None = None

    @property
    def name(self) -> str:
        """As it is shown."""
        return f"igtl://{self.host}:{self.port}/{self.device or ''}".rstrip("/")

    def run(self, inbox: Inbox, stop: threading.Event, complain: Complaints) -> None:
        """Connect, and again whenever the connection is lost."""
        coded = messages()
        while not stop.is_set():
            try:
                place = (self.host, self.port)
                with socket.create_connection(place, timeout=2.0) as opened:
                    opened.settimeout(_LOOK)
                    inbox.connected(True)
                    reader = _Reader(opened, stop)
                    _Reception(self, coded, inbox, complain).follow(reader)
            except (OSError, _LostError) as error:
                if not stop.is_set():
                    complain(f"{self.name}: {error}; it is tried again.")
            finally:
                inbox.connected(False)
            stop.wait(_AGAIN)


class _Reader:
    """Reads as many bytes as are asked for, and no more than that into memory."""

    def __init__(self, opened: socket.socket, stop: threading.Event):
        self._opened, self._stop = opened, stop

    def read(self, count: int, *, begun: bool = True) -> bytes:
        """Read so many bytes; a message that has not begun may take any time."""
        found = bytearray(count)
        self._fill(memoryview(found), begun)
        return bytes(found)

    def skip(self, count: int) -> None:
        """Pass over so many bytes."""
        buffer = memoryview(bytearray(_LARGEST))
        while count:
            part = buffer[: min(count, _LARGEST)]
            self._fill(part, True)
            count -= len(part)

    def _fill(self, view: memoryview, begun: bool) -> None:
        at, last = 0, time.monotonic()
        while at < len(view):
            if self._stop.is_set():
                raise _LostError("it is ended")
            try:
                got = self._opened.recv_into(view[at:])
            except TimeoutError:
                if (begun or at) and time.monotonic() - last > _STALLED:
                    raise _LostError("a message stops in its middle") from None
                continue
            if got == 0:
                raise _LostError("the connection is closed")
            at, last = at + got, time.monotonic()


class _Reception:
    """What is made of the messages of a connection."""

    def __init__(self, source: IgtlSource, coded, inbox: Inbox, complain: Complaints):
        self._source, self._coded = source, coded
        self._inbox, self._complain = inbox, complain
        self._device = source.device

    def follow(self, reader: _Reader) -> None:
        """Take messages until the connection is lost."""
        while True:
            raw = reader.read(_HEADER, begun=False)
            try:
                header = self._coded.MessageBase.parse_header(raw)
            except UnicodeDecodeError:
                raise _LostError("what comes is no OpenIGTLink") from None
            kind, size = header["message_type"], int(header["body_size"])
            if not 1 <= header["header_version"] <= 3 or not kind.isprintable():
                raise _LostError("what comes is no OpenIGTLink")
            wanted = kind in ("TRANSFORM", "STRING", "STATUS")
            if size > (_LARGEST if wanted else _SKIPPED):
                raise _LostError(f"a message {kind!r} of {size} bytes is refused")
            if not wanted:
                reader.skip(size)
                continue
            body = reader.read(size)
            (crc,) = struct.unpack(">Q", raw[-8:])
            if crc not in (0, self._coded.CRC64(body)):
                self._complain(f"{self._source.name}: a damaged message is refused.")
                continue
            self._take(header, body)

    def _take(self, header: dict, body: bytes) -> None:
        device = header["device_name"]
        if header["message_type"] != "TRANSFORM":
            if device.lower() in _PULSES:
                self._inbox.pulse(f"igtl {header['message_type'].lower()}")
            return
        if self._device is None:
            self._device = device
        if device != self._device:
            self._complain(
                f"{self._source.name}: poses of {device[:20]!r} are refused; those of "
                f"{self._device!r} are taken."
            )
            return
        message = self._coded.MessageBase.create_message("TRANSFORM")
        try:
            message.unpack(header, body)
        except (struct.error, ValueError, TypeError, IndexError):
            self._complain(f"{self._source.name}: a malformed transform is refused.")
            return
        matrix = np.asarray(message.matrix, dtype=np.float64)
        self._inbox.offer(
            TrackedPose(in_metres(matrix), time.monotonic(), header["timestamp"])
        )


class IgtlServer:
    """Sends each answer to OpenIGTLink clients of this machine, the newest alone.

    A TRANSFORM `CoilToHead` (mm, RAS), a STRING `tmsgrad` of JSON with what a page is sent,
    and a POLYDATA `Cortex` whose points have |E| [V/m].
    """

    def __init__(
        self,
        opened: socket.socket,
        vertices: Float[ndarray, "vertex 3"],
        triangles: Int[ndarray, "triangle 3"],
        complain: Complaints,
    ):
        """Begin to serve.

        Args:
            opened: Listens already.
            vertices: Of the cortex. [m]
            triangles: Of the cortex.
            complain: About clients that are refused.

        Raises:
            ModuleNotFoundError: pyigtl is not installed.
        """
        self._coded, self._complain = messages(), complain
        self._opened, self._stop = opened, threading.Event()
        self._surface = _surface(vertices, triangles)
        self._start = self._coded.CRC64(self._surface)
        self._news = threading.Condition()
        self._latest: tuple[Answered, dict] | None = None
        self._number = 0
        self._clients: set[socket.socket] = set()
        self._run(self._accept)

    def show(self, found: Answered, message: dict) -> None:
        """Let clients have an answer, in the place of any that they had no time for."""
        if found.new and found.answer is not None:
            with self._news:
                self._latest, self._number = (found, message), self._number + 1
                self._news.notify_all()

    def pulse(self, row: dict) -> None:
        """Do nothing: the next message has the number of pulses."""

    def close(self) -> None:
        """Serve no more."""
        self._stop.set()
        with self._news:
            self._news.notify_all()
        for each in list(self._clients):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _run(self, what: Callable[..., None], *given: object) -> None:
        threading.Thread(target=what, args=given, name="igtl", daemon=True).start()

    def _accept(self) -> None:
        with self._opened, selectors.DefaultSelector() as selector:
            selector.register(self._opened, selectors.EVENT_READ)
            while not self._stop.is_set():
                if not selector.select(_LOOK):
                    continue
                with suppress(OSError):
                    client, _ = self._opened.accept()
                    if len(self._clients) >= _CLIENTS:
                        client.close()
                        self._complain("more than four OpenIGTLink clients: refused.")
                        continue
                    client.settimeout(_SLOW)
                    self._clients.add(client)
                    self._run(self._send, client)

    def _send(self, client: socket.socket) -> None:
        sent = 0
        try:
            while (news := self._next(sent)) is not None:
                found, message, sent = news
                client.sendall(self._packed(found, message))
        except OSError:
            return  # It has gone, or takes nothing.
        finally:
            self._clients.discard(client)
            client.close()

    def _next(self, sent: int) -> tuple[Answered, dict, int] | None:
        """Wait for an answer after the one of a number; None at the end."""
        with self._news:
            self._news.wait_for(lambda: self._stop.is_set() or self._number > sent)
            if self._stop.is_set() or self._latest is None:
                return None
            return *self._latest, self._number

    def _packed(self, found: Answered, message: dict) -> bytes:
        assert found.answer is not None
        pose = found.answer.pose.copy()
        pose[:3, 3] *= 1e3
        text = json.dumps(message, allow_nan=False)
        parts = [
            self._coded.TransformMessage(pose, device_name="CoilToHead").pack(),
            self._coded.StringMessage(text, device_name="tmsgrad").pack(),
        ]
        values = found.answer.values.astype(">f4").tobytes()
        crc = self._coded.CRC64(values, self._start)
        size = len(self._surface) + len(values)
        now = time.time()
        head = struct.pack(
            ">H12s20sIIQQ",
            *(1, b"POLYDATA", b"Cortex", int(now), int((now % 1) * 2**32)),
            *(size, crc),
        )
        return b"".join([*parts, head, self._surface, values])


def _surface(
    vertices: Float[ndarray, "vertex 3"], triangles: Int[ndarray, "triangle 3"]
) -> bytes:
    """Write all of a POLYDATA's body but the values, which come last.

    As in the protocol's version 2: numbers of points, and of cells with their sizes;
    points; cells; then a point attribute with its name, padded to an even length.
    """
    count = len(triangles)
    corners = np.column_stack([np.full(count, 3), triangles]).astype(">u4")
    sizes = [len(vertices), 0, 0, 0, 0, count, corners.nbytes, 0, 0, 1]
    name = b"magnE\0"
    attribute = struct.pack(">BBI", 0, 1, len(vertices))
    points = (1e3 * vertices).astype(">f4").tobytes()
    head = struct.pack(">10I", *sizes)
    return b"".join([head, points, corners.tobytes(), attribute, name])


def messages() -> Any:
    """The coding of messages.

    Raises:
        ModuleNotFoundError: pyigtl is not installed.
    """
    try:
        from pyigtl import messages as found
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "OpenIGTLink is coded by pyigtl, which is not installed: "
            "pip install 'tmsgrad[live]'"
        ) from None
    return found
