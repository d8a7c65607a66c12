"""Poses, triggers and figures of `tmsgrad live` by the Lab Streaming Layer."""

import os
import threading

import numpy as np
import pytest
from heads import pose_over

from tmsgrad.cli.arguments import live_options
from tmsgrad.cli.runtime.notices import warn
from tmsgrad.optimize import live
from tmsgrad.optimize.live.lab import FIGURES, LabFigures, LabPoses, listen_to_triggers
from tmsgrad.optimize.live.sources import Complaints, running


PATIENCE = 30.0  # [s]
OWN = f"tmsgrad {os.getpid()}"  # Streams of other tests on this network are not ours.
POSE = np.array(pose_over([0.2, 0.3, 1.0], 0.4).to_matsimnibs())


@pytest.fixture(scope="module")
def pylsl():
    pylsl = pytest.importorskip("pylsl")
    about = pylsl.StreamInfo(f"{OWN} live", "Markers", 1, 0, "string", "live")
    outlet = pylsl.StreamOutlet(about)
    if not pylsl.resolve_byprop("name", f"{OWN} live", 1, 3.0):
        pytest.skip("liblsl finds no stream of this machine: the network forbids it")
    yield pylsl
    del outlet


def outlet_of(pylsl, name, channels, kind="double64"):
    about = pylsl.StreamInfo(name, "Pose", channels, 0.0, kind, name)
    return pylsl.StreamOutlet(about)


@pytest.mark.parametrize("channels", [12, 16])
def test_samples_of_a_stream_are_poses(pylsl, channels):
    outlet = outlet_of(pylsl, f"{OWN} pose {channels}", channels)
    inbox = live.Inbox()
    with running(LabPoses(f"{OWN} pose {channels}"), inbox, Complaints(warn)):
        assert outlet.wait_for_consumers(PATIENCE)
        outlet.push_sample(POSE.ravel()[:channels].tolist())
        found = inbox.take(PATIENCE)
        while found.pose is None and not found.ended:
            found = inbox.take(PATIENCE)
    assert found.pose is not None
    expected = POSE.copy()
    expected[:3, 3] *= 1e-3
    np.testing.assert_allclose(found.pose.matrix, expected, atol=1e-12)
    assert inbox.connections == 1


def test_markers_are_pulses(pylsl):
    outlet = outlet_of(pylsl, f"{OWN} triggers", 1, "string")
    inbox, stop = live.Inbox(), threading.Event()
    listen_to_triggers(f"{OWN} triggers", inbox, stop, Complaints(warn))
    assert outlet.wait_for_consumers(PATIENCE)
    outlet.push_sample(["pulse"])
    outlet.push_sample(["x" * 500])
    pulses = []
    while len(pulses) < 2:
        pulses += inbox.take(PATIENCE).pulses
    stop.set()
    assert [each.source for each in pulses] == ["lsl pulse", "lsl " + "x" * 40]


def test_figures_are_sent(pylsl):
    sink = LabFigures(f"{OWN} figures")
    (about,) = pylsl.resolve_byprop("name", f"{OWN} figures", 1, PATIENCE)
    inlet = pylsl.StreamInlet(about)
    inlet.open_stream(PATIENCE)
    matrix = POSE.copy()
    matrix[:3, 3] *= 1e-3
    answer = live.LiveAnswer(
        *(matrix, 65e6, np.ones(3), 80.0, 0.9, 120.0, np.zeros(3)),
        *(np.inf, 1e-3, 0.01, True, live.Advice(0.0, 0.0, 0.0, 0.0, 0.0)),
    )
    assert sink._outlet.wait_for_consumers(PATIENCE)
    for new in (False, True):
        sink.show(live.Answered("live", answer, 0.02, new, 0.01, ()), {})
    sample, _ = inlet.pull_sample(PATIENCE)
    found = dict(zip(FIGURES, sample, strict=True))
    np.testing.assert_allclose(sample[:12], POSE[:3].ravel(), atol=1e-9)
    assert found["target_V_per_m"] == 80.0
    assert (found["clearance_mm"], found["outside"]) == (1.0, 1.0)
    assert found["age_s"] == 0.02
    assert inlet.pull_sample(0.0)[0] is None


def test_a_stream_of_other_channels_is_refused(pylsl):
    outlet = outlet_of(pylsl, "tmsgrad wrong", 5)
    inbox, refused = live.Inbox(), threading.Event()

    def heard(message):
        warn(message)
        if "12 or 16" in message:
            refused.set()

    with running(LabPoses("tmsgrad wrong"), inbox, complain := Complaints(heard)):
        assert refused.wait(PATIENCE)
    assert inbox.received == 0
    assert complain.count >= 1
    del outlet


def test_names_of_streams_are_checked():
    assert live_options.source("lsl:Tracker") == "lsl:Tracker"
    for wrong in ("lsl:", "lsl: ", "lsl:\x1b"):
        with pytest.raises(Exception, match="names no stream"):
            live_options.source(wrong)
