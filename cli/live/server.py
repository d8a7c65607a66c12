"""The page, served with its answers: one page, one stream, for who knows the token."""

import asyncio
import hmac
import json
import logging
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from ...optimize.live import Answered, Inbox
from ...optimize.live.sources import Complaints


if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response


HERE = "127.0.0.1"
_VIEWERS = 8  # That are sent answers.
_CONNECTIONS = 64  # Of any kind, at a time.
_PATIENCE = 5.0  # For a request to be whole. [s]
_LARGEST = 1024  # Of what a page sends. [bytes]
_PULSE = {"kind": "pulse"}


def open_port(address: str, port: int, option: str) -> socket.socket:
    """Listen at an address of this machine.

    Raises:
        ValueError: That is not possible.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family)
    except OSError as error:
        raise ValueError(
            f"{option}: {address} port {port} cannot be listened on ({error.strerror}). "
            "Name another one; 0 takes a free one."
        ) from None


class PageServer:
    """Serves a page and streams answers to it, from a thread of its own.

    Each viewer is sent the newest answer when it is ready for one: what it had no time for
    is left out.
    """

    def __init__(
        self,
        opened: socket.socket,
        make_page: Callable[[str], str],
        inbox: Inbox,
        complain: Complaints,
    ):
        """Begin to serve.

        Args:
            opened: Listens already.
            make_page: The page, that may connect to the address it is given.
            inbox: For pulses that a viewer records.
            complain: About requests that are refused.

        Raises:
            ModuleNotFoundError: websockets is not installed.
        """
        self._library = _library()
        host, port = opened.getsockname()[:2]
        name = f"[{host}]" if ":" in host else host
        self._hosts = {f"{name}:{port}"}
        self._anywhere = host not in (HERE, "::1")
        self._token = secrets.token_urlsafe(16)
        shown = socket.gethostname() if host in ("0.0.0.0", "::") else name
        self.address = f"http://{shown}:{port}/?token={self._token}"
        stream = f"ws://*:{port}" if self._anywhere else f"ws://{name}:{port}"
        self._page = make_page(stream).encode()
        self._inbox, self._complain = inbox, complain
        self._latest = ""
        self._viewers: set[asyncio.Event] = set()
        self._asked = False
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(
            target=self._run, args=(opened,), name="page", daemon=True
        )
        self._thread.start()

    def show(self, found: Answered, message: dict) -> None:
        """Send a message in the place of any that was not sent yet."""
        self._latest = json.dumps(message, allow_nan=False)
        if not self._asked:
            self._asked = True
            self._call(self._wake)

    def pulse(self, row: dict) -> None:
        """Do nothing: the next message has the number of pulses."""

    def close(self) -> None:
        """Serve no more."""
        self._call(self._stop.set)
        self._thread.join(5.0)

    def _call(self, what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # The loop has ended.
            self._loop.call_soon_threadsafe(what)

    def _wake(self) -> None:
        self._asked = False
        for viewer in self._viewers:
            viewer.set()

    def _run(self, opened: socket.socket) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve(opened))
        finally:
            opened.close()
            self._loop.close()

    async def _serve(self, opened: socket.socket) -> None:
        quiet = logging.getLogger("tmsgrad.live.page")
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False
        limits = {"max_size": _LARGEST, "max_queue": 4, "open_timeout": _PATIENCE}
        async with self._library.serve(
            self._stream,
            sock=opened,
            process_request=self._answer,
            create_connection=_limited(self._library.ServerConnection),
            compression=None,
            close_timeout=1.0,
            logger=quiet,
            server_header=None,
            **limits,
        ):
            await self._stop.wait()

    def _answer(
        self, connection: "ServerConnection", request: "Request"
    ) -> "Response | None":
        """Give the page, refuse, or let a stream begin."""
        refusal = self._refusal(request)
        if refusal is not None:
            self._complain(f"a request to the page is refused: {refusal[1]}.")
            return connection.respond(refusal[0], f"{refusal[1]}\n")
        if urlsplit(request.path).path == "/poses":
            return None
        response = connection.respond(HTTPStatus.OK, "")
        response.body = self._page
        headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Length": str(len(self._page)),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
        for name, value in headers.items():
            if name in response.headers:
                del response.headers[name]
            response.headers[name] = value
        return response

    def _refusal(self, request: "Request") -> tuple[HTTPStatus, str] | None:
        parts = urlsplit(request.path)
        if parts.path not in ("/", "/poses"):
            return HTTPStatus.NOT_FOUND, "there is nothing but the page"
        # Names that lead here from elsewhere would let other pages in.
        hosts = request.headers.get_all("Host")
        if not self._anywhere and not (len(hosts) == 1 and hosts[0] in self._hosts):
            return HTTPStatus.FORBIDDEN, "it is for another host"
        token = parse_qs(parts.query).get("token", [""])[0]
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return HTTPStatus.FORBIDDEN, "the token is missing or wrong"
        if parts.path == "/poses":
            origins = request.headers.get_all("Origin")
            if origins != [f"http://{host}" for host in hosts]:
                return HTTPStatus.FORBIDDEN, "it comes from another page"
            if len(self._viewers) >= _VIEWERS:
                return HTTPStatus.SERVICE_UNAVAILABLE, f"{_VIEWERS} pages are open"
        return None

    async def _stream(self, connection: "ServerConnection") -> None:
        """Send what is newest until the viewer goes."""
        ready = asyncio.Event()
        ready.set()
        self._viewers.add(ready)
        sending = asyncio.create_task(self._send(connection, ready))
        try:
            await self._hear(connection)
        finally:
            self._viewers.discard(ready)
            sending.cancel()

    async def _send(self, connection: "ServerConnection", ready: asyncio.Event) -> None:
        with suppress(self._library.ConnectionClosed):
            while True:
                await ready.wait()
                ready.clear()
                if self._latest:
                    await connection.send(self._latest)

    async def _hear(self, connection: "ServerConnection") -> None:
        with suppress(self._library.ConnectionClosed):
            async for text in connection:
                try:
                    asked = json.loads(text) == _PULSE
                except (ValueError, RecursionError):
                    asked = False
                if not asked:
                    self._complain("a page sends what is no pulse.")
                    await connection.close(1008, "only pulses are taken")
                    return
                self._inbox.pulse("page")


def _limited(kind: type) -> type:
    """Make connections of which only so many live at a time; others are cut at once."""
    count = [0]

    class Limited(kind):
        _cut = False

        def connection_made(self, transport: Any) -> None:
            count[0] += 1
            if count[0] > _CONNECTIONS:
                self._cut = True
                transport.abort()
            else:
                super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            count[0] -= 1
            if not self._cut:
                super().connection_lost(exc)

    return Limited


class _Library:
    """What is needed of the package."""

    def __init__(self) -> None:
        from websockets.asyncio.server import ServerConnection, serve
        from websockets.exceptions import ConnectionClosed

        self.serve: Any = serve
        self.ServerConnection: Any = ServerConnection
        self.ConnectionClosed: Any = ConnectionClosed


def _library() -> _Library:
    try:
        return _Library()
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "pages are served by websockets, which is not installed: "
            "pip install 'tmsgrad[live]'"
        ) from None
