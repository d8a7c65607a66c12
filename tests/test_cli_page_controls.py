"""The interactive page: what a hand, a key or a finger does to it, and what is shown."""

import re

import numpy as np
import pytest
from page_examples import matrix_shown, pose_shown, size


pytestmark = [pytest.mark.long, pytest.mark.usefixtures("program_settings")]


COIL = "tmsgrad.model.coils[tmsgrad.plan.now.coil]"


def drag(page, start, end):
    press = lambda what, x, y, button="left": page.send(
        "Input.dispatchMouseEvent", type=what, x=x, y=y, button=button, clickCount=1
    )
    press("mousePressed", *start)
    for share in np.linspace(0, 1, 5):
        x, y = (1 - share) * np.array(start) + share * np.array(end)
        press("mouseMoved", float(x), float(y))
        page.settle()
    press("mouseReleased", *end)
    page.settle()


def coil_on_screen(page):
    """Where the middle of the coil is drawn."""
    page.settle()
    x, y = page.run(
        "(() => { const { stage, plan } = tmsgrad; const c = stage.camera;"
        "const box = stage.canvas.getBoundingClientRect();"
        "const { high, wide } = c.seen(box.width / box.height);"
        "const d = plan.now.pose.centre.map((x, i) => x - c.centre[i]);"
        "const on = (v) => v[0] * d[0] + v[1] * d[1] + v[2] * d[2];"
        "return [box.left + box.width * (1 + on(c.right) / wide) / 2,"
        "box.top + box.height * (1 - on(c.up) / high) / 2]; })()"
    )
    return x, y


def test_a_coil_is_dragged_along_the_scalp_and_undone(shown_page):
    before = matrix_shown(shown_page)
    x, y = coil_on_screen(shown_page)
    drag(shown_page, (x, y), (x + 40, y - 20))
    after = matrix_shown(shown_page)
    moved = np.linalg.norm(after[:3, 3] - before[:3, 3])
    assert 5 < moved < 25
    now = coil_on_screen(shown_page)
    np.testing.assert_allclose(now, (x + 40, y - 20), atol=8)
    steps = shown_page.run("tmsgrad.plan.past.length")
    assert steps == 1
    shown_page.run("document.getElementById('undo').click()")
    np.testing.assert_allclose(matrix_shown(shown_page), before, atol=1e-9)
    shown_page.run("document.getElementById('redo').click()")
    np.testing.assert_allclose(matrix_shown(shown_page), after, atol=1e-9)


def touch(page, kind, *points):
    page.send(
        "Input.dispatchTouchEvent",
        type=kind,
        touchPoints=[{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)],
    )
    page.settle()


def test_a_finger_drags_the_coil_and_two_turn_it(shown_page):
    shown_page.send("Emulation.setTouchEmulationEnabled", enabled=True)
    before = pose_shown(shown_page)
    x, y = coil_on_screen(shown_page)
    touch(shown_page, "touchStart", (x, y))
    touch(shown_page, "touchMove", (x + 15, y))
    touch(shown_page, "touchMove", (x + 30, y))
    touch(shown_page, "touchEnd")
    moved = pose_shown(shown_page)
    way = np.linalg.norm(np.asarray(moved.translation) - np.asarray(before.translation))
    assert 4e-3 < way < 20e-3
    assert np.linalg.norm(coil_on_screen(shown_page) - np.array([x + 30, y])) < 8
    touch(shown_page, "touchStart", (x - 60, y), (x + 60, y))
    angle = np.radians(20)
    for share in (0.5, 1.0):
        a = share * angle
        off = 60 * np.array([np.cos(a), np.sin(a)])
        touch(
            shown_page, "touchMove", (x - off[0], y - off[1]), (x + off[0], y + off[1])
        )
    touch(shown_page, "touchEnd")
    turned = np.asarray(moved.rotation).T @ np.asarray(pose_shown(shown_page).rotation)
    assert np.degrees(np.arctan2(turned[1, 0], turned[0, 0])) == pytest.approx(
        20, abs=1
    )
    shown_page.run("document.getElementById('undo').click()")
    shown_page.run("document.getElementById('undo').click()")
    assert shown_page.run("document.getElementById('undo').disabled")
    shown_page.send("Emulation.setTouchEmulationEnabled", enabled=False)


def test_the_wheel_over_the_coil_turns_it_and_beside_it_brings_the_head_nearer(
    shown_page,
):
    def roll(x, y):
        shown_page.send(
            "Input.dispatchMouseEvent",
            **{"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": 100},
        )
        shown_page.settle()
        return matrix_shown(shown_page)

    before = matrix_shown(shown_page)
    turned = roll(*coil_on_screen(shown_page))
    cosine = (np.trace(turned[:3, :3].T @ before[:3, :3]) - 1) / 2
    assert np.degrees(np.arccos(cosine)) == pytest.approx(2, abs=0.1)
    near = shown_page.run("tmsgrad.stage.camera.half")
    np.testing.assert_array_equal(roll(20, 400), turned)
    far = shown_page.run("tmsgrad.stage.camera.half")
    assert far == pytest.approx(1.08 * near)


def test_beside_the_coil_a_drag_turns_the_head_and_a_click_reads(shown_page):
    before, view = matrix_shown(shown_page), shown_page.run("tmsgrad.stage.camera.back")
    drag(shown_page, (20, 400), (80, 400))
    np.testing.assert_array_equal(matrix_shown(shown_page), before)
    assert shown_page.run("tmsgrad.stage.camera.back") != view
    shown_page.run("document.getElementById('show-coil').click()")
    shown_page.run("tmsgrad.controls.look('coil')")
    x, y = coil_on_screen(shown_page)
    shown_page.click(x, y)
    shown_page.settle()
    reading = shown_page.run("document.getElementById('reading').textContent")
    shown_page.run("document.getElementById('show-coil').click()")
    number = re.fullmatch(r"\|E\| is ([\d.]+) V/m at \(.+\) mm", reading)
    assert number is not None, reading
    values = shown_page.run("Array.from(tmsgrad.stage.values)")
    assert any(f"{value:.1f}" == number[1] for value in values)


def press(page, key, code="", **more):
    for kind in ("keyDown", "keyUp"):
        page.send("Input.dispatchKeyEvent", type=kind, key=key, code=code, **more)


def test_the_keyboard_alone_moves_turns_and_undoes(shown_page):
    shown_page.run("document.getElementById('stage').focus()")
    start = matrix_shown(shown_page)
    press(shown_page, "ArrowUp")
    moved = matrix_shown(shown_page)
    assert 1 < np.linalg.norm(moved[:3, 3] - start[:3, 3]) < 3
    angle = "Number(document.getElementById('angle').value)"
    before = shown_page.run(angle)
    press(shown_page, "e")
    turned = matrix_shown(shown_page)
    cosine = (np.trace(turned[:3, :3].T @ moved[:3, :3]) - 1) / 2
    assert np.degrees(np.arccos(cosine)) == pytest.approx(5, abs=0.2)
    assert abs(shown_page.run(angle) - before) == pytest.approx(5, abs=1)
    press(shown_page, "+")
    assert shown_page.run("tmsgrad.plan.now.distance") == pytest.approx(1e-3)
    for _ in range(3):
        press(shown_page, "z")
    np.testing.assert_allclose(matrix_shown(shown_page), start, atol=1e-9)
    # Tab leads from the view through all that can be operated.
    names = "summary, button:not(:disabled), select, input, [tabindex]"
    wanted = shown_page.run(
        f"[...document.querySelectorAll('{names}')]"
        ".filter((x) => x.offsetParent !== null).length"
    )
    seen = set()
    for _ in range(wanted + 5):
        press(shown_page, "Tab", "Tab", windowsVirtualKeyCode=9)
        seen.add(shown_page.run("document.activeElement.outerHTML.slice(0, 120)"))
    assert len(seen) >= wanted - 1


def test_distance_current_and_angle_are_set_by_their_numbers(shown_page):
    set_to = lambda name, value: shown_page.run(
        f"(() => {{ const box = document.getElementById('{name}'); box.value = {value};"
        "box.dispatchEvent(new Event('change')); })()"
    )
    gap = lambda: shown_page.run(
        f"tmsgrad.model.clearance({COIL}, tmsgrad.plan.now.pose)"
    )
    set_to("distance", 3)
    assert gap() == pytest.approx(3e-3, abs=3e-5)
    value = shown_page.run("tmsgrad.stage.found.value")
    set_to("didt", 30)
    shown_page.settle()
    strong = shown_page.run("document.getElementById('strong').textContent")
    assert strong.startswith(f"{value * 30e6:.0f} V/m")
    set_to("angle", 30)
    back = shown_page.run("document.getElementById('turned').textContent")
    assert back.startswith("handle 30° outwards")
    set_to("distance", -5)
    assert shown_page.run("tmsgrad.plan.now.distance") == 0


def test_places_of_rules_and_positions_are_jumped_to(shown_page):
    rules = shown_page.run("tmsgrad.model.coils[0].rules.map((x) => x.pose.centre)")
    buttons = "document.querySelectorAll('#jumps button')"
    assert shown_page.run(f"{buttons}.length") == len(rules) + 1
    shown_page.run(f"{buttons}[1].click()")
    now = pose_shown(shown_page)
    np.testing.assert_allclose(now.translation, rules[0], atol=1e-12)
    share = shown_page.run("document.getElementById('better').textContent")
    assert "% of the best" in share
    shown_page.run(
        "(() => { const box = document.getElementById('position'); box.value = 'F4';"
        "box.dispatchEvent(new Event('change')); })()"
    )
    where = shown_page.run("document.getElementById('where').textContent")
    assert where.startswith("at F4")
    turned = shown_page.run("document.getElementById('turned').textContent")
    assert turned.startswith("handle 45° outwards")


def test_a_second_placement_is_kept_beside(shown_page):
    shown_page.run("tmsgrad.controls.keepSecond(); tmsgrad.controls.move(0, 1, 0.01)")
    shown_page.run("tmsgrad.stage.turnBy(0.3)")
    text = shown_page.run("document.getElementById('difference').textContent")
    found = re.match(
        r"A is ([\d.]+) mm along the scalp and ([\d.]+)° from B\n"
        r"in the target A ([\d.]+), B ([\d.]+) V/m",
        text,
    )
    assert found is not None, text
    apart, angle, a, b = map(float, found.groups())
    assert 8 < apart < 11
    assert 17 < angle < 20
    assert a < b
    shown_page.run("document.getElementById('swap').click()")
    text = shown_page.run("document.getElementById('difference').textContent")
    assert f"A {b}, B {a}" in text.replace(f"{b:.0f},", f"{b},")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_the_first_screen_answers_and_can_be_read(shown_page, width, height, scheme):
    size(shown_page, width, height, scheme)
    shown_page.run("window.scrollTo(0, 0)")
    shown_page.settle()
    rows = shown_page.run(
        "[...document.querySelectorAll('.answers dd')].map((x) => {"
        "const box = x.getBoundingClientRect();"
        "return [box.top, box.bottom, box.right, x.textContent.length]; })"
    )
    assert len(rows) == 5
    for top, bottom, right, letters in rows:
        assert 0 <= top < bottom <= height
        assert right <= width
        assert letters > 5
    stage = shown_page.run(
        "document.getElementById('stage').getBoundingClientRect().top"
    )
    assert stage < height - 200  # The head is seen as well.
    assert shown_page.run("document.documentElement.scrollWidth") <= width
    assert shown_page.run(CONTRAST) == []


CONTRAST = """
(() => {
  const linear = (x) => (x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (text) => {
    const [r, g, b] = parts(text).map((x) => linear(x / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      const values = parts(colour);
      if (values.length === 3 && colour.startsWith("rgb(")) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const words = (x) => x.nodeType === 3 && x.textContent.trim();
    if (![...element.childNodes].some(words) || element.offsetParent === null) continue;
    if (element.matches(":disabled, script")) continue;
    const [a, b] = [getComputedStyle(element).color, ground(element)].map(light);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push([element.outerHTML.slice(0, 80), ratio]);
  }
  return poor;
})()
"""


def test_rows_that_are_hidden_take_no_place(shown_page):
    hide = "document.getElementById('coil-row').hidden = "
    shown = "document.getElementById('coil').offsetParent !== null"
    assert shown_page.run(shown)
    assert not shown_page.run(f"{hide} true; {shown}")
    assert shown_page.run(f"{hide} false; {shown}")


def test_all_that_is_operated_has_a_name(shown_page):
    nameless = shown_page.run(
        "[...document.querySelectorAll('button, select, input, canvas[tabindex]')]"
        ".filter((x) => !(x.textContent.trim() || x.ariaLabel || x.labels?.length))"
        ".map((x) => x.outerHTML)"
    )
    nameless = [x for x in nameless if "jumps" not in x]
    assert nameless == []
    assert shown_page.run("document.documentElement.lang") == "en"
    assert shown_page.run("document.querySelectorAll('h1').length") == 1


def test_slices_show_the_target_and_follow_the_coil(shown_page):
    pixels = (
        "[...document.querySelectorAll('#slices canvas')].map((x) => Array.from("
        "x.getContext('2d').getImageData(0, 0, x.width, x.height).data)"
        ".reduce((sum, value, i) => (sum + value * (i % 65521)) % 1e9, 0))"
    )
    shown_page.wait_for(
        "tmsgrad.controls.sections.slices.every((x) => x.image.complete)"
    )
    shown_page.run("new Promise((go) => setTimeout(go, 200))")
    before = shown_page.run(pixels)
    assert len(before) == 3
    shown_page.run("tmsgrad.controls.move(0, 1, 0.01)")
    shown_page.run("new Promise((go) => setTimeout(go, 200))")
    assert all(a != b for a, b in zip(before, shown_page.run(pixels), strict=True))


def test_on_paper_the_answers_and_the_view_stay(shown_page):
    size(shown_page, 760, 1000, media="print")
    visible = shown_page.run(
        "[...document.querySelectorAll('.answers, #stage, fieldset')]"
        ".map((x) => [x.className || x.id || x.tagName, x.offsetParent !== null])"
    )
    size(shown_page, 1280, 800, media="")
    assert dict(map(tuple, visible)) == {
        "answers": True,
        "stage": True,
        "FIELDSET": False,
    }
