"""The interactive page as a file: what `tmsgrad page` writes, and what it may do."""

import json
import re
import time

import numpy as np
import pytest
from browser import browser
from cli_examples import refused, run
from page_examples import matrix_shown, opened, words

from tmsgrad.cli.live.server import PageServer, open_port
from tmsgrad.cli.runtime.notices import warn
from tmsgrad.meshing.viewer.script import policy
from tmsgrad.optimize.live import Answered, Inbox
from tmsgrad.optimize.live.sources import Complaints
from tmsgrad.optimize.page.file import page


pytestmark = pytest.mark.usefixtures("program_settings")


@pytest.mark.long
def test_the_file_is_small_and_fetches_nothing(made_page):
    text = made_page[0].read_text("utf-8")
    assert made_page[0].stat().st_size < 25e6
    found = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert found is not None
    content = found[1].replace("&#39;", "'")
    assert content.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in content
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert not re.search(r"<(img|link|iframe|object|script [^>]*src)", text)


@pytest.mark.long
def test_another_script_does_not_run(made_page, tmp_path):
    text = made_page[0].read_text("utf-8")
    changed = text.replace("const MOST_STEPS = 200", "const MOST_STEPS = 201")
    assert changed != text
    (tmp_path / "changed.html").write_text(changed, encoding="utf-8")
    with browser(tmp_path) as page:
        page.open(tmp_path / "changed.html")
        page.settle()
        for _ in range(20):  # Complaints come when the browser has time for them.
            assert page.run("window.tmsgrad === undefined")
            if page.complaints:
                break
            page.settle()
        assert "Content Security Policy" in " ".join(page.complaints)


@pytest.mark.long
def test_without_a_basis_one_is_made_for_the_page(case, tmp_path):
    out = tmp_path / "page.html"
    more = ["--order=1", "--tolerance=20", "--reach=20"]
    result = run(*words(case, out, *more), "--json")
    assert result.status == 0, result.err
    assert result.json["error"]["tolerance"] == pytest.approx(0.2)
    assert out.stat().st_size == result.json["bytes"]
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


def test_a_search_writes_the_page_of_its_placement(case, page_basis, tmp_path):
    more = [
        "--search-radius=15",
        "--report",
        "--order=1",
        "--interactive",
        page_basis[0],
    ]
    result = run(*case.optimize(tmp_path / "plan"), *more, "--json")
    assert result.status == 0, result.err
    text = (tmp_path / "plan" / "page.html").read_text("utf-8")
    found = re.search(r'id="data">(.*?)</script>', text, re.S)
    assert found is not None
    data = json.loads(found[1])
    (coil,) = data["coils"]
    best = np.array(coil["best"]["pose"]) * [[1, 1, 1, 1e3]] * np.ones((4, 1))
    np.testing.assert_allclose(best[:3], np.array(result.json["matsimnibs"])[:3])
    rules = {each["name"] for each in coil["rules"]}
    assert "scalp projection" in rules
    report = (tmp_path / "plan" / "report.html").read_text("utf-8")
    assert 'href="page.html"' in report


@pytest.mark.parametrize(
    ("more", "needed"),
    [
        (["--reach=30"], "--reach is of a basis that is made"),
        (["--order=2"], "was made with elements of order 1"),
        (["--tissue=wm"], "another tissue"),
        (["--coil=magstim-70mm-double"], "made for the coil"),
    ],
)
def test_options_that_do_not_fit_the_basis_are_refused(
    more, needed, case, page_basis, tmp_path
):
    out = tmp_path / "page.html"
    refused([*words(case, out), "--reduced", page_basis[0], *more], tmp_path, needed)


@pytest.mark.long
def test_a_search_and_its_page_and_a_page_alone_state_one_field(case, tmp_path):
    alone, plan = tmp_path / "page.html", tmp_path / "plan"
    made = run(*words(case, alone), "--json")
    assert made.status == 0, made.err
    found = run(*case.optimize(plan), "--search-radius=15", "--interactive", "--json")
    assert found.status == 0, found.err
    (coil,) = content_of(plan / "page.html")["coils"]
    poses = [each["pose"] for each in (coil["best"], *coil["rules"])]
    one, other = (
        values_at(poses, path, tmp_path / path.parent.name / "browser")
        for path in (plan / "page.html", alone)
    )
    # Two bases of 0.3% each, of the same elements; first order is several per cent off.
    np.testing.assert_allclose(one, other, rtol=3e-3)
    direct = found.json["mesh_error"]["direct_solution"]
    assert one[0] == pytest.approx(direct, rel=3e-3)
    mesh = content_of(plan / "page.html")["sure"]["mesh"]
    assert one[0] == pytest.approx(found.json["value"], rel=mesh + 3e-3)


def values_at(poses, path, folder):
    """The field in the target that a page has at placements, at 1 A/µs. [V/m]"""
    folder.mkdir(parents=True)
    with opened(folder, path) as page:
        return page.run(
            "(() => { const { model } = tmsgrad; return " + json.dumps(poses) + ".map("
            "(m) => 1e6 * model.at(model.coils[0], { rotation: m.slice(0, 3).flatMap("
            "(row) => row.slice(0, 3)), centre: m.slice(0, 3).map((row) => row[3]) })"
            ".value); })()"
        )


@pytest.mark.parametrize(
    ("more", "needed"),
    [
        ([], "elements of order 1, but the field in the target is stated with order 2"),
        (
            ["--order=2"],
            "Give --order 1, or make a basis by `tmsgrad reduce --order 2`",
        ),
        (["--order=1", "--shape"], "write --interactive alone"),
        (["--order=1", "--coil=magstim-70mm-double"], "made for the coil"),
        (["--order=1", "--tissue=wm"], "the basis knows the field in gray matter"),
    ],
)
def test_a_basis_that_does_not_serve_the_page_is_refused_before_the_search(
    more, needed, case, page_basis, tmp_path
):
    line = case.optimize(tmp_path / "plan")
    text = refused([*line, "--interactive", page_basis[0], *more], tmp_path, needed)
    assert "--interactive" in text
    assert "--reduced" not in text


def test_a_page_ends_in_html(case, tmp_path):
    refused(words(case, tmp_path / "page.pdf"), tmp_path, "ends in .html")


def test_the_policy_is_of_this_script_and_style():
    text = policy("a", "b")
    assert text.count("sha256-") == 2
    assert policy("c", "b") != text


def content_of(path):
    """The data of a page."""
    found = re.search(r'id="data">(.*?)</script>', path.read_text("utf-8"), re.S)
    assert found is not None
    return json.loads(found[1])


SHOWN = Answered("live", None, 0.0, False, 0.0, ())


def message(pose, **changes):
    """What `tmsgrad live` sends of a pose."""
    return {
        **{"kind": "pose", "state": "live", "age": 0.0, "rate": 20.0, "jitter": 1e-3},
        **{"pose": pose[:3].ravel().tolist(), "currentRate": 50e6, "pulses": 3},
        **{"clearance": 2e-3, "advice": "move 4 mm forward", "sent": time.time()},
        **changes,
    }


@pytest.mark.long
def test_a_page_follows_a_tracked_coil_and_says_when_it_is_lost(made_page, tmp_path):
    content = content_of(made_page[0]) | {"live": True}
    inbox, complain = Inbox(), Complaints(warn)
    port = open_port("127.0.0.1", 0, "--port")
    served = PageServer(port, lambda to: page("live", content, to), inbox, complain)
    best = np.array(content["coils"][0]["best"]["pose"])
    moved = best.copy()
    moved[:3, 3] += [0.004, 0.002, 0.001]
    with browser(tmp_path) as shown:
        shown.send("Page.navigate", url=served.address)
        shown.wait_for("!!window.tmsgrad && tmsgrad.live.connections === 1")
        for number in range(50):
            part = number / 49
            between = best.copy()
            between[:3, 3] += part * (moved[:3, 3] - best[:3, 3])
            served.show(SHOWN, message(between))
        shown.wait_for("tmsgrad.plan.now.rate === 50e6")
        same = "Math.abs(tmsgrad.plan.now.pose.centre[0] - %r) < 1e-12"
        shown.wait_for(same % float(moved[0, 3]))
        np.testing.assert_allclose(matrix_shown(shown)[:3, 3], moved[:3, 3] * 1e3)
        text = lambda name: shown.run(f"document.getElementById('{name}').textContent")
        assert text("live-advice") == "move 4 mm forward"
        assert text("live-state") == "Tracker: live"
        assert text("live-rate") == "20 Hz ± 1 ms"
        assert text("live-pulses") == "3 pulses recorded"
        assert shown.run("tmsgrad.plan.past.length") == 0
        # What is stale is pale; what is lost says so.
        served.show(SHOWN, message(moved, state="stale", age=0.4))
        shown.wait_for("tmsgrad.live.state === 'stale' && tmsgrad.stage.options.pale")
        shown.run("document.getElementById('live-pulse').click()")
        found = inbox.take(30.0)
        assert [each.source for each in found.pulses] == ["page"]
        served.close()
        shown.wait_for("tmsgrad.live.state === 'lost'")
        # Nothing but this server was asked for anything.
        origin = served.address.split("/?")[0]
        asked = [x for x in shown.requests if not x.startswith(("data:", "about:"))]
        assert all(each.startswith(origin) for each in asked)
    assert complain.count == 0
