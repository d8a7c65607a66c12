"""OpenIGTLink of `tmsgrad live`: pyigtl, the C++ library, and what must not come."""

import contextlib
import json
import shutil
import socket
import struct
import subprocess
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pyigtl
import pytest
from heads import pose_over
from pyigtl.messages import CRC64, MessageBase

from tmsgrad.cli.arguments import live_options
from tmsgrad.cli.live.opening import open_source
from tmsgrad.cli.live.server import open_port
from tmsgrad.cli.runtime.notices import warn
from tmsgrad.optimize import live
from tmsgrad.optimize.live.igtl import IgtlServer, IgtlSource
from tmsgrad.optimize.live.sources import Complaints, running


PATIENCE = 30.0  # [s]
POSE = np.array(pose_over([0.2, 0.3, 1.0], 0.4).to_matsimnibs())


class Tracker:
    """A server that sends what it is told to the one who connects."""

    def __init__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(PATIENCE)
        self.port = self._listening.getsockname()[1]
        self.client = None

    def meet(self):
        if self.client is not None:
            self.client.close()
        self.client, _ = self._listening.accept()
        self.client.settimeout(PATIENCE)
        return self.client

    def send(self, *parts):
        assert self.client is not None
        self.client.sendall(b"".join(parts))

    def close(self):
        if self.client is not None:
            self.client.close()
        self._listening.close()


@pytest.fixture
def tracker():
    made = Tracker()
    yield made
    made.close()


def transform(matrix=POSE, name="coil"):
    return pyigtl.TransformMessage(matrix, device_name=name).pack()


def header(kind=b"TRANSFORM", size=48, version=1, name=b"coil", crc=0):
    return struct.pack(">H12s20sIIQQ", version, kind, name, 0, 0, size, crc)


def newest(inbox):
    found = inbox.take(PATIENCE)
    while found.pose is None and not found.ended:
        found = inbox.take(PATIENCE)
    assert found.pose is not None
    return found.pose


def test_a_transform_of_pyigtl_is_the_pose_it_was_made_of(tracker):
    inbox = live.Inbox()
    with running(IgtlSource("127.0.0.1", tracker.port), inbox, Complaints(warn)):
        tracker.meet()
        whole = transform()
        tracker.send(whole[:30])  # Messages may come in pieces, and together.
        tracker.send(whole[30:], transform(POSE @ POSE))
        wanted = (POSE @ POSE)[0, 3] * 1e-3
        while abs((pose := newest(inbox)).matrix[0, 3] - wanted) > 1e-6:
            pass
    expected = POSE @ POSE
    expected[:3, 3] *= 1e-3
    np.testing.assert_allclose(pose.matrix, expected, atol=1e-6)
    assert pose.stamp > 1e9


def test_a_server_of_pyigtl_is_followed():
    server = pyigtl.OpenIGTLinkServer(port=0, start_now=False)
    port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    inbox = live.Inbox()
    try:
        with running(IgtlSource("127.0.0.1", port), inbox, Complaints(warn)):
            message = pyigtl.TransformMessage(POSE, device_name="coil")
            server.send_message(message, wait=False)
            pose = newest(inbox)
    finally:
        server.communication_thread_stop_requested = True
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)
    np.testing.assert_allclose(pose.matrix[:3, :3], POSE[:3, :3], atol=1e-6)


def test_a_lost_connection_is_taken_up_again(tracker):
    inbox = live.Inbox()
    with running(IgtlSource("127.0.0.1", tracker.port), inbox, Complaints(warn)):
        for number in range(3):
            tracker.meet()
            matrix = POSE.copy()
            matrix[0, 3] = number
            tracker.send(transform(matrix), transform(matrix)[:20])
            assert newest(inbox).matrix[0, 3] == pytest.approx(number * 1e-3)
            tracker.client.close()
    assert inbox.connections == 3


def test_only_poses_of_the_device_are_taken(tracker):
    inbox, complain = live.Inbox(), Complaints(warn)
    with running(IgtlSource("127.0.0.1", tracker.port, "coil"), inbox, complain):
        tracker.meet()
        tracker.send(*[transform(np.eye(4), f"pointer {i}") for i in range(100)])
        tracker.send(transform())
        assert newest(inbox).matrix[0, 3] == pytest.approx(POSE[0, 3] * 1e-3)
    assert inbox.received == 1
    assert complain.count == 100


def test_strings_named_pulse_are_pulses_and_other_messages_are_passed_over(tracker):
    inbox, complain = live.Inbox(), Complaints(warn)
    word = lambda name: pyigtl.StringMessage("x", device_name=name).pack()
    image = pyigtl.ImageMessage(np.zeros((20, 30, 40)), device_name="scan").pack()
    with running(IgtlSource("127.0.0.1", tracker.port), inbox, complain):
        tracker.meet()
        tracker.send(transform(), word("Pulse"), image, word("other"), word("trigger"))
        pulses = []
        while len(pulses) < 2:
            pulses += inbox.take(PATIENCE).pulses
    assert [each.source for each in pulses] == ["igtl string"] * 2
    assert complain.count == 0


DAMAGED = bytearray(transform())
DAMAGED[-1] ^= 1
NEWER = pyigtl.TransformMessage(POSE, device_name="coil")
NEWER.header_version = 2
NEWER.metadata = {"a": "b"}


@pytest.mark.parametrize(
    ("sent", "ends", "said"),
    [
        (header(size=2**63), True, "is refused"),
        (header(size=2**17), True, "is refused"),
        (header(b"IMAGE", size=2**40), True, "is refused"),
        (b"GET / HTTP/1.1\r\n" + b"x" * 100, True, "no OpenIGTLink"),
        (b"\xff" * 58, True, "no OpenIGTLink"),
        (header(size=7) + b"x" * 7, False, "malformed"),
        (header(size=0), False, "malformed"),
        (header(size=48, version=2) + b"\xff" * 48, False, "malformed"),
        (bytes(DAMAGED), False, "damaged"),
        (NEWER.pack(), False, None),
    ],
    ids=[
        *("huge", "large", "image", "http", "bytes", "short", "empty", "newer"),
        *("damaged", "metadata"),
    ],
)
def test_what_must_not_come_is_refused_in_a_line_and_poses_go_on(
    tracker, capsys, sent, ends, said
):
    inbox, complain = live.Inbox(), Complaints(warn)
    with running(IgtlSource("127.0.0.1", tracker.port), inbox, complain):
        tracker.meet()
        tracker.send(sent)
        if ends:
            with contextlib.suppress(ConnectionResetError):
                assert tracker.client.recv(1) == b""
            tracker.meet()
        other = POSE.copy()
        other[0, 3] = 1.0
        tracker.send(transform(other))
        while newest(inbox).matrix[0, 3] != pytest.approx(1e-3):
            assert said is None
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == complain.count == (said is not None)
    assert said is None or said in lines[0]


def test_memory_does_not_grow_with_what_is_sent(tracker):
    """64 MB of a message that nobody wants take no more than a buffer."""
    inbox = live.Inbox()
    with running(IgtlSource("127.0.0.1", tracker.port), inbox, Complaints(warn)):
        tracker.meet()
        tracker.send(transform())
        newest(inbox)
        part = bytes(1 << 20)
        tracemalloc.start()
        tracker.send(header(b"VIDEO", size=2**26))
        for _ in range(64):
            tracker.send(part)
        tracker.send(transform())
        newest(inbox)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 1e6


def test_poses_that_are_not_rigid_pass_to_who_refuses_them(tracker):
    inbox = live.Inbox()
    with running(IgtlSource("127.0.0.1", tracker.port), inbox, Complaints(warn)):
        tracker.meet()
        for matrix in (
            POSE * np.nan,
            np.diag([1.0, 1, -1, 1]),
            np.diag([2.0, 2, 2, 1]),
        ):
            tracker.send(transform(matrix))
            with pytest.raises(ValueError, match=r"finite|reflection|scale"):
                live.Registration()(newest(inbox).matrix)


# The field, sent.


def answered(values, number=0):
    pose = POSE.copy()
    pose[:3, 3] *= 1e-3
    pose[0, 3] = number * 1e-3
    answer = live.LiveAnswer(
        *(pose, 65e6, values, 80.0, 0.9, 120.0, np.zeros(3)),
        *(np.inf, 1e-3, 0.01, False, live.Advice(0.0, 0.0, 0.0, 0.0, 0.0)),
    )
    return live.Answered("live", answer, 0.01, True, 0.01, ())


VERTICES = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]])
TRIANGLES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


@pytest.fixture
def sender():
    port = open_port("127.0.0.1", 0, "--igtl")
    number = port.getsockname()[1]
    made = IgtlServer(port, VERTICES, TRIANGLES, Complaints(warn))
    yield made, number
    made.close()


def messages_of(opened):
    """Whole messages, as they come: kind, device and body, with the CRC checked."""

    def read(count):
        found = b""
        while len(found) < count:
            part = opened.recv(count - len(found))
            if not part:
                return None
            found += part
        return found

    while raw := read(58):
        found = MessageBase.parse_header(raw)
        body = read(found["body_size"])
        assert body is not None
        assert struct.unpack(">Q", raw[-8:])[0] == CRC64(body)
        yield found, body


def test_a_client_gets_pose_figures_and_the_surface(sender):
    made, port = sender
    made.show(answered(np.array([1.0, 2.0, 3.0, 4.5])), {"kind": "pose", "share": 0.9})
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as opened:
        opened.settimeout(PATIENCE)
        stream = messages_of(opened)
        found = {
            head["device_name"]: (head, body)
            for head, body in (next(stream) for _ in range(3))
        }
    assert set(found) == {"CoilToHead", "tmsgrad", "Cortex"}
    pose = pyigtl.TransformMessage()
    pose.unpack(*found["CoilToHead"])
    np.testing.assert_allclose(pose.matrix[:3, :3], POSE[:3, :3], atol=1e-6)
    text = pyigtl.StringMessage()
    text.unpack(*found["tmsgrad"])
    assert json.loads(text.string)["share"] == 0.9
    head, body = found["Cortex"]
    assert head["message_type"] == "POLYDATA"
    # As openigtlink.org has it: ten numbers, points, polygons, attributes.
    sizes = struct.unpack(">10I", body[:40])
    assert sizes == (4, 0, 0, 0, 0, 4, 64, 0, 0, 1)
    points = np.frombuffer(body[40:88], ">f4").reshape(4, 3)
    np.testing.assert_allclose(points, VERTICES * 1e3)
    cells = np.frombuffer(body[88:152], ">u4").reshape(4, 4)
    np.testing.assert_array_equal(cells, np.column_stack([[3] * 4, TRIANGLES]))
    assert struct.unpack(">BBI", body[152:158]) == (0, 1, 4)
    assert body[158:164] == b"magnE\0"
    np.testing.assert_allclose(np.frombuffer(body[164:], ">f4"), [1, 2, 3, 4.5])


def test_a_client_of_pyigtl_gets_the_newest(sender):
    made, port = sender
    client = pyigtl.OpenIGTLinkClient("127.0.0.1", port)
    try:
        for number in range(200):
            made.show(answered(np.ones(4), number), {"kind": "pose"})
        seen = None
        while seen is None or round(seen.matrix[0, 3]) != 199:
            made.show(answered(np.ones(4), 199), {"kind": "pose"})
            seen = client.wait_for_message("CoilToHead", timeout=30)
            assert seen is not None
    finally:
        client.stop()


# The protocol's own library, in C++.


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    headers = Path("/usr/include/openigtlink")  # Where Debian puts them.
    compiler = shutil.which("g++")
    if compiler is None or not headers.is_dir():
        pytest.skip("needs g++ and OpenIGTLink (apt-get install libopenigtlink-dev)")
    program = tmp_path_factory.mktemp("peer") / "igtl_peer"
    source = Path(__file__).with_name("igtl_peer.cxx")
    words = [compiler, f"-I{headers}", source, "-lOpenIGTLink", "-lpthread"]
    subprocess.run([*words, "-o", program], check=True)
    return program


def test_a_server_of_the_library_is_followed(peer):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    inbox, pulses = live.Inbox(), ()
    with subprocess.Popen([peer, "send", str(port)], stdout=subprocess.PIPE) as serving:
        assert serving.stdout is not None
        assert serving.stdout.readline() == b"listening\n"
        with running(IgtlSource("127.0.0.1", port, "Coil"), inbox, Complaints(warn)):
            pose = newest(inbox)
            while not pulses:
                pulses = inbox.take(PATIENCE).pulses
        serving.kill()
    expected = [[0, -1, 0, 12.5e-3], [1, 0, 0, -34.25e-3], [0, 0, 1, 99e-3]]
    np.testing.assert_allclose(pose.matrix[:3], expected, atol=1e-9)
    assert pulses[0].source == "igtl string"


def test_a_client_of_the_library_gets_pose_figures_and_the_surface(peer, sender):
    made, port = sender
    found = answered(np.array([1.0, 2.0, 3.0, 4.5]), 7)
    made.show(found, {"kind": "pose", "share": 0.9})
    done = subprocess.run(
        [peer, "hear", str(port)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    heard = {each["kind"]: each for each in map(json.loads, done.stdout.splitlines())}
    expected = POSE[:3].copy()
    expected[0, 3] = 7.0
    matrix = np.reshape(heard["TRANSFORM"]["matrix"], (3, 4))
    np.testing.assert_allclose(matrix, expected, atol=1e-4)
    assert heard["STRING"]["of"] == {"kind": "pose", "share": 0.9}
    surface = heard["POLYDATA"]
    np.testing.assert_allclose(surface["points"], 1e3 * VERTICES, rtol=1e-6)
    np.testing.assert_array_equal(surface["triangles"], TRIANGLES)
    assert surface["name"] == "magnE"
    assert surface["values"] == [1.0, 2.0, 3.0, 4.5]


def test_a_client_that_reads_nothing_holds_up_nobody(sender):
    made, port = sender
    crowd = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(3)]
    for number in range(2000):
        made.show(answered(np.ones(4), number), {"kind": "pose"})
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as opened:
        opened.settimeout(PATIENCE)
        assert next(messages_of(opened))[0]["device_name"] == "CoilToHead"
    for each in crowd:
        each.close()


def test_words_for_a_server_are_read():
    for word, host, port, device in (
        ("igtl://localhost:18944", "localhost", 18944, None),
        ("igtl://10.0.0.7:5000/Coil%20A", "10.0.0.7", 5000, "Coil A"),
        ("igtl://[::1]:7/", "::1", 7, None),
        ("igtl://plus", "plus", 18944, None),
    ):
        assert live_options.source(word) == word
        found = open_source(word, "head", 1.0, live.Registration(), False)(np.eye(4))
        assert found == IgtlSource(host, port, device)
    for wrong in ("igtl:", "igtl://", "igtl://h:p", "igtl://a b", "igtl://h:1/a/b"):
        with pytest.raises(Exception, match="igtl://HOST"):
            live_options.source(wrong)
