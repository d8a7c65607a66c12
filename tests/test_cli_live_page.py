"""What serves the page of `tmsgrad live`: it gives the page, and nothing to others."""

import json
import socket
import time
from contextlib import ExitStack

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tmsgrad.cli.arguments import live_options
from tmsgrad.cli.live.server import PageServer, open_port
from tmsgrad.cli.runtime.notices import warn
from tmsgrad.optimize.live import Answered, Inbox
from tmsgrad.optimize.live.sources import Complaints


NOTHING = Answered("waiting", None, np.inf, False, 0.0, ())
PATIENCE = 30.0  # [s]


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def served(inbox):
    port = open_port("127.0.0.1", 0, "--port")
    made = PageServer(port, lambda stream: f"<p>{stream}</p>", inbox, Complaints(warn))
    yield made
    made.close()


def host_of(served):
    return served.address.removeprefix("http://").split("/")[0]


def ask(served, *lines, rest=b""):
    """Send a request of HTTP, and give all that comes back."""
    host, port = host_of(served).split(":")
    with socket.create_connection((host, int(port)), PATIENCE) as opened:
        opened.settimeout(PATIENCE)
        opened.sendall("\r\n".join([*lines, "", ""]).encode() + rest)
        found = b""
        try:
            while part := opened.recv(65536):
                found += part
        except ConnectionResetError:
            pass
        return found


def token_of(served):
    return served.address.split("token=")[1]


HERE = Origin("here")


def viewer(served, origin: Origin | None = HERE):
    host = host_of(served)
    address = f"ws://{host}/poses?token={token_of(served)}"
    given = Origin(f"http://{host}") if origin == HERE else origin
    return connect(address, origin=given)


def test_the_page_is_given_to_who_knows_the_token(served):
    host = host_of(served)
    found = ask(served, f"GET /?token={token_of(served)} HTTP/1.1", f"Host: {host}")
    head, _, body = found.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == f"<p>ws://{host}</p>".encode()
    for header in (b"no-store", b"nosniff", b"no-referrer", b"text/html"):
        assert header in head
    assert len(token_of(served)) >= 20


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 403),
        ("/?token=", 403),
        ("/?token=x", 403),
        ("/poses", 403),
        ("/../", 404),
        ("/../../etc/passwd?token={token}", 404),
        ("/%2e%2e/etc/passwd?token={token}", 404),
        ("//etc/passwd?token={token}", 404),
        ("/index.html?token={token}", 404),
        ("/?token={token}&token=é", 200),
    ],
)
def test_nothing_else_is_given(served, path, status):
    path = path.format(token=token_of(served)).encode().decode("latin-1")
    found = ask(served, f"GET {path} HTTP/1.1", f"Host: {host_of(served)}")
    # A request that is no HTTP gets no answer, or that it is none.
    if status == 200:
        assert found.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 400 ")) or not found
    else:
        assert found.startswith(b"HTTP/1.1 %d " % status), found[:80]
        assert b"<p>" not in found
        assert b"root:" not in found


def test_a_name_that_leads_here_from_elsewhere_is_refused(served):
    for host in ("evil.example", "evil.example:80", ""):
        found = ask(served, f"GET /?token={token_of(served)} HTTP/1.1", f"Host: {host}")
        assert not found.startswith(b"HTTP/1.1 200 ")
        assert b"<p>" not in found


def test_another_page_gets_no_stream(served):
    for origin in (Origin("http://evil.example"), None, Origin("null")):
        with pytest.raises(InvalidStatus) as refused, viewer(served, origin=origin):
            pass
        assert refused.value.response.status_code == 403


def numbered(served, number):
    served.show(NOTHING, {"kind": "state", "number": number})


def receive(opened, wanted):
    """Receive until a number comes; how many messages that took."""
    for count in range(1, 100_000):
        if json.loads(opened.recv(PATIENCE))["number"] == wanted:
            return count
    raise AssertionError(wanted)


def test_a_viewer_gets_the_newest_and_the_program_never_waits(served):
    with viewer(served) as quick, viewer(served) as slow:
        for number in range(20_000):
            numbered(served, number)
        assert receive(quick, 19_999) <= 20_000
        # One that reads late is sent what is newest, and what the sockets held.
        assert receive(slow, 19_999) <= 20_000
        numbered(served, 20_000)
        assert receive(quick, 20_000) == 1


def test_only_so_many_pages_are_open_and_one_may_come_again(served):
    with ExitStack() as opened:
        for _ in range(7):
            opened.enter_context(viewer(served))
        with viewer(served):
            with pytest.raises(InvalidStatus) as refused, viewer(served):
                pass
            assert refused.value.response.status_code == 503
        end = time.monotonic() + PATIENCE
        while True:
            try:
                again = opened.enter_context(viewer(served))
                break
            except InvalidStatus:
                assert time.monotonic() < end
        numbered(served, 1)
        assert receive(again, 1) == 1


@pytest.mark.parametrize(
    "words", ["x", "{}", '{"kind": "stop"}', "[" * 500, "\x00", "1" * 900]
)
def test_a_page_that_sends_anything_but_a_pulse_is_shut_out(served, inbox, words):
    with viewer(served) as opened:
        opened.send(words)
        with pytest.raises(ConnectionClosed):
            opened.recv(PATIENCE)
    assert not inbox.take(0.0).pulses


def test_a_message_that_is_too_large_is_refused(served, inbox):
    def send(opened):
        opened.send("x" * 5_000_000)
        for _ in range(2):
            opened.recv(PATIENCE)

    with viewer(served) as opened, pytest.raises(ConnectionClosed):
        send(opened)
    with viewer(served) as opened:
        opened.send('{"kind":"pulse"}')
        assert inbox.take(PATIENCE).pulses[0].source == "page"


@pytest.mark.long
def test_a_thousand_connections_are_cut_and_viewers_go_on(served):
    host, port = host_of(served).split(":")
    with viewer(served) as opened:
        crowd = []
        for _ in range(1000):
            try:
                crowd.append(socket.create_connection((host, int(port)), PATIENCE))
            except OSError:
                break
            if len(crowd) > 200:
                crowd.pop(0).close()
        numbered(served, 7)
        receive(opened, 7)
        for each in crowd:
            each.close()
    end = time.monotonic() + PATIENCE
    while True:
        found = ask(served, "GET / HTTP/1.1", f"Host: {host}:{port}")
        if found.startswith(b"HTTP/1.1 403 "):
            break
        assert time.monotonic() < end


def test_requests_that_are_no_http_get_nothing(served):
    for lines in (
        ["\x16\x03\x01"],
        ["GET / HTTP/1.1", "x" * 100_000],
        ["POST / HTTP/1.1"],
    ):
        assert b"<p>" not in ask(served, *lines)


def test_a_port_that_is_taken_is_refused(served):
    port = int(host_of(served).split(":")[1])
    with pytest.raises(ValueError, match="cannot be listened on"):
        open_port("127.0.0.1", port, "--port")
    with pytest.raises(ValueError, match="--listen"):
        open_port("192.0.2.1", 0, "--listen")
    for wrong in ("-1", "65536", "x", "٣"):
        with pytest.raises(Exception, match="port"):
            live_options.port(wrong)
