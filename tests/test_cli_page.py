"""The interactive page: a browser moves the coil, and the library has the same numbers."""

import json
import re
import shlex
import time

import jax.numpy as jnp
import nibabel as nib
import numpy as np
import pytest
from browser import browser
from cli_examples import refused, run
from heads import five_layers, pose_over, scalp_of_five_layers
from scipy import sparse

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.cli.arguments.parser import parser
from tmsgrad.cli.live.server import PageServer, open_port
from tmsgrad.cli.runtime.notices import warn
from tmsgrad.coils import Pose
from tmsgrad.meshing.viewer.script import policy
from tmsgrad.optimize.live import Answered, Inbox
from tmsgrad.optimize.live.sources import Complaints
from tmsgrad.optimize.page.file import page


pytestmark = pytest.mark.usefixtures("program_settings")

TARGET = "30,-20,50"
COIL = "tmsgrad.model.coils[tmsgrad.plan.now.coil]"


@pytest.fixture(scope="module")
def basis(case, conductor, program_settings, tmp_path_factory):
    """A basis of two coils around the target, as `tmsgrad reduce` makes it."""
    folder = tmp_path_factory.mktemp("basis")
    small = optimize.placements(
        scalp_of_five_layers(), [0.03, -0.02, 0.05], 25e-3, distances=(0.0, 10e-3)
    )
    wide = coils.read(case.coil)
    flat = coils.read("magstim-50mm-round")
    gray = meshing.region(five_layers(), five_layers().tags == 2)
    made = efield.reduce(
        *(conductor, [wide, flat], small, gray),
        growth=efield.Growth(tolerance=4e-3, unseen=8),
        about={"head": "spheres", "tissue": "gray matter"},
    )
    efield.write_reduced(folder / "basis.h5", made)
    return folder / "basis.h5", made


def words(case, out, *more):
    return [
        *("page", case.head, f"--coil={case.coil}", f"--target={TARGET}"),
        *("--radius=8", "--search-radius=15", "--out", out, *more),
    ]


def halves(path):
    """An atlas of two gyri, left and right of x = 0, in voxels of 5 mm."""
    labels = np.full((44, 44, 44), 2028, dtype=np.int16)
    labels[:22] = 1028
    affine = np.diag([5.0, 5.0, 5.0, 1.0])
    affine[:3, 3] = -107.5
    nib.Nifti1Image(labels, affine).to_filename(path)
    return path


@pytest.fixture(scope="module")
def made(case, basis, tmp_path_factory):
    out = tmp_path_factory.mktemp("page") / "plan <1>.html"
    electrodes = out.with_name("cap.csv")
    place = scalp_of_five_layers().nearest([0.03, -0.02, 0.08]) * 1e3
    electrodes.write_text(f"Electrode,{place[0]},{place[1]},{place[2]},F4\n")
    more = ["--coil=magstim-50mm-round", "--reduced", basis[0], "--didt=60"]
    more += ["--atlas", halves(out.with_name("aparc+aseg.nii.gz"))]
    result = run(*words(case, out, *more, f"--electrodes={electrodes}"), "--json")
    assert result.status == 0, result.err
    return out, result


@pytest.fixture(scope="module")
def shown(made, tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as page:
        page.open(made[0])
        page.wait_for("!!window.tmsgrad")
        yield page
        assert page.complaints == []
        asked = [each for each in page.requests if not each.startswith("data:")]
        assert asked == [made[0].resolve().as_uri()]


@pytest.fixture(autouse=True)
def _begin(request):
    """Begin each test in the browser at the best placement of the first coil."""
    if "shown" in request.fixturenames:
        page = request.getfixturevalue("shown")
        size(page, 1280, 800)
        page.run(
            "(() => { const { controls, plan, model } = tmsgrad;"
            "controls.setSecond(null); const { pose } = model.coils[0].best;"
            "plan.show({ coil: 0, pose, distance: 0, rate: model.data.didt });"
            "plan.past = []; plan.future = []; controls.look('coil'); plan.tell(); })()"
        )


def size(page, width, height, scheme="light", **more):
    page.send(
        "Emulation.setDeviceMetricsOverride",
        **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.send("Emulation.setEmulatedMedia", features=features, **more)


def pose_shown(page) -> Pose:
    now = page.run("tmsgrad.plan.now.pose")
    return Pose(np.reshape(now["rotation"], (3, 3)), np.array(now["centre"]))


def matrix_shown(page):
    return pose_shown(page).to_matsimnibs()


def at_random_places(page, count, seed, radius=0.015):
    """Lay the coil somewhere around the target, turned anyhow, on both coils in turn."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        shift = rng.normal(size=3) * radius / 2
        angle, distance = rng.uniform(-np.pi, np.pi), rng.uniform(0, 4e-3)
        page.run(
            f"(() => {{ const {{ model, plan }} = tmsgrad; const at = {shift.tolist()};"
            f"const coil = model.coils[{number % 2}];"
            "const foot = model.scalp.onto(model.scalp.foot(coil.best.pose)"
            f".map((x, i) => x + at[i])); const a = {angle};"
            "const handle = [Math.cos(a), Math.sin(a), 0.3];"
            f"plan.show({{ coil: {number % 2}, distance: {distance},"
            f"pose: model.place(coil, foot, handle, {distance}) }}); }})()"
        )
        yield number % 2, distance, pose_shown(page)


def shares_at(nodes):
    """For each node the gray matter that meets it, by volume."""
    head = five_layers()
    inside = np.flatnonzero(head.tags == 2)
    table = np.zeros((len(nodes), len(inside)))
    for row, node in enumerate(nodes):
        met = (head.tetrahedra[inside] == node).any(axis=1)
        table[row, met] = head.volumes[inside[met]]
    return table / table.sum(axis=1, keepdims=True), inside


def test_the_field_is_that_of_the_library_at_any_placement(
    shown, case, basis, conductor
):
    nodes = np.array(
        shown.run(
            "(async () => Array.from(atob(tmsgrad.model.data.cortex.nodes.data),"
            "x => x.charCodeAt(0)))()"
        ),
        dtype=np.uint8,
    ).view("<u4")
    shares, inside = shares_at(nodes)
    region = meshing.ball(five_layers(), [0.03, -0.02, 0.05], 8e-3)
    both = [coils.read(case.coil), coils.read("magstim-50mm-round")]
    reduced = basis[1]
    places = five_layers().nodes[nodes]
    stored = reduced.means(sparse.csr_array(shares), places).stored(np.int8)
    for coil, _, pose in at_random_places(shown, 12, 1):
        shown.settle()
        found = np.array(shown.run("Array.from(tmsgrad.stage.values)"))
        value = shown.run("tmsgrad.stage.found.value") * 60e6
        table = np.asarray(reduced.field(pose, 60e6, coil=coil))
        expected = np.linalg.norm(shares @ table, axis=1)
        peak = expected.max()
        # The modes' bytes are all that differs.
        np.testing.assert_allclose(found, expected, atol=2e-3 * peak)
        same = np.asarray(stored.magnitude(pose, 60e6, coil=coil))
        np.testing.assert_allclose(found, same, atol=1e-5 * peak)
        solved = efield.solve(conductor, both[coil], pose, 60e6)
        vectors = np.asarray(solved.vectors)[inside]
        direct = np.linalg.norm(shares @ vectors, axis=1)
        assert np.linalg.norm(found - direct) <= 0.01 * np.linalg.norm(direct)
        mean = np.linalg.norm(np.asarray(solved.mean(region)))
        assert value == pytest.approx(mean, rel=0.01)
        misfit, outside = shown.run(
            "[tmsgrad.stage.found.misfit, tmsgrad.stage.found.outside]"
        )
        assert outside == bool(reduced.outside(pose, coil=coil))
        known = float(reduced.misfit(pose, 60e6, coil=coil))
        assert misfit == pytest.approx(known, rel=1e-6)


def test_coils_are_laid_on_the_scalp_as_the_search_lays_them(shown, case):
    scalp = scalp_of_five_layers()
    both = [coils.read(case.coil), coils.read("magstim-50mm-round")]
    samples = [optimize.casing_samples(each) for each in both]
    for coil, distance, pose in at_random_places(shown, 12, 2):
        rotation, centre = np.asarray(pose.rotation), np.asarray(pose.translation)
        np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)
        gap = scalp.distance_along(centre, rotation[:, 2])
        foot = centre + gap * rotation[:, 2]
        # The grid of the page is that of the library, in steps of 2 µm.
        normal = scalp.normal(foot[None])[0]
        assert np.degrees(np.arccos(min(1, -normal @ rotation[:, 2]))) < 0.3
        face = optimize.Face(distance)
        start, wanted = face.resting(both[coil], samples[coil], 0.0)
        near = Pose(rotation, centre + (gap - start) * rotation[:, 2])
        rested, _ = optimize.lifted(near, samples[coil], scalp, wanted)
        # Between the points of a grid of 4 mm, a sphere of triangles is not quite itself.
        assert np.linalg.norm(np.asarray(rested.translation) - centre) < 0.4e-3


def test_the_file_is_small_and_fetches_nothing(made):
    text = made[0].read_text("utf-8")
    assert made[0].stat().st_size < 25e6
    found = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert found is not None
    content = found[1].replace("&#39;", "'")
    assert content.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in content
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert not re.search(r"<(img|link|iframe|object|script [^>]*src)", text)


def test_another_script_does_not_run(made, tmp_path):
    text = made[0].read_text("utf-8")
    changed = text.replace("const MOST_STEPS = 200", "const MOST_STEPS = 201")
    assert changed != text
    (tmp_path / "changed.html").write_text(changed, encoding="utf-8")
    with browser(tmp_path) as page:
        page.open(tmp_path / "changed.html")
        page.settle()
        assert page.run("window.tmsgrad === undefined")
        assert "Content Security Policy" in " ".join(page.complaints)


def test_files_are_read_back_as_the_page_has_the_pose(shown, tmp_path):
    shown.run(
        "tmsgrad.model.data.image = { quatern: [0, 0, 0], qoffset: [0, 0, 0],"
        "pixdim: [1, 1, 1, 1] }"
    )
    kinds = ("matsimnibs", "brainsight", "localite", "ant")
    for _, _, pose in at_random_places(shown, 3, 3):
        expected = pose.to_matsimnibs()
        for kind in kinds:
            name, content = shown.run(f"tmsgrad.taking.file('{kind}')")
            (tmp_path / name).write_text(content, encoding="utf-8")
            assert_read(tmp_path / name, expected)
        rate = 60
        found = assert_read(
            "page.html"
            + shown.run(
                "(async () => { await tmsgrad.taking.copyLink();"
                "return location.hash; })()"
            ),
            expected,
        )
        assert found["didt"] == pytest.approx(rate * 1e6)
    shown.run("history.replaceState(null, '', location.href.split('#')[0])")


def test_the_text_says_how_to_verify_the_placement(shown, case):
    name, content = shown.run("tmsgrad.taking.file('text')")
    assert name == "placement.txt"
    for words in ("Where: ", "How turned: ", "V/m in the target", "research use only"):
        assert words in content
    (line,) = [x for x in content.splitlines() if x.startswith("tmsgrad simulate")]
    options = parser().parse_args(shlex.split(line)[1:])
    assert (options.head, options.coil) == (str(case.head), str(case.coil))
    assert options.didt == pytest.approx(60e6)


def assert_read(path, expected):
    result = run("pose", "info", path, "--json")
    assert result.status == 0, result.err
    (found,) = result.json["poses"]
    matrix = np.array(found["matsimnibs"])
    np.testing.assert_allclose(matrix[:3, 3], expected[:3, 3], atol=0.01)
    turn = np.clip((np.trace(matrix[:3, :3].T @ expected[:3, :3]) - 1) / 2, -1, 1)
    assert np.degrees(np.arccos(turn)) < 0.01
    return found


@pytest.mark.parametrize("numbers", ["1,2,3", "x", ",".join(["2"] * 12)])
def test_a_link_without_a_pose_is_refused(numbers, tmp_path, shown):
    refused(["pose", "info", f"page.html#pose={numbers}"], tmp_path, "12 numbers")
    before = matrix_shown(shown)
    shown.run(f"location.hash = '#pose={numbers}'")
    shown.settle()
    np.testing.assert_array_equal(matrix_shown(shown), before)
    shown.run("history.replaceState(null, '', location.href.split('#')[0])")


def test_the_best_placement_is_worth_what_the_command_says(made, shown):
    best = made[1].json["best"]
    for number, each in enumerate(best):
        value = shown.run(f"tmsgrad.model.coils[{number}].bestValue") * 1e6
        name = "target_mean_vector_norm_V_per_m_at_1_A_per_us"
        assert value == pytest.approx(each[name], rel=1e-6)
        rules = shown.run(
            f"Object.fromEntries(tmsgrad.model.coils[{number}].rules"
            ".map((x) => [x.name, x.value]))"
        )
        assert {name: 1e6 * x / value for name, x in rules.items()} == pytest.approx(
            each["rules"], rel=1e-6
        )
    assert abs(made[1].json["target_differs_from_solve"]) < 0.01


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


def test_a_coil_is_dragged_along_the_scalp_and_undone(shown):
    before = matrix_shown(shown)
    x, y = coil_on_screen(shown)
    drag(shown, (x, y), (x + 40, y - 20))
    after = matrix_shown(shown)
    moved = np.linalg.norm(after[:3, 3] - before[:3, 3])
    assert 5 < moved < 25
    now = coil_on_screen(shown)
    np.testing.assert_allclose(now, (x + 40, y - 20), atol=8)
    steps = shown.run("tmsgrad.plan.past.length")
    assert steps == 1
    shown.run("document.getElementById('undo').click()")
    np.testing.assert_allclose(matrix_shown(shown), before, atol=1e-9)
    shown.run("document.getElementById('redo').click()")
    np.testing.assert_allclose(matrix_shown(shown), after, atol=1e-9)


def touch(page, kind, *points):
    page.send(
        "Input.dispatchTouchEvent",
        type=kind,
        touchPoints=[{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)],
    )
    page.settle()


def test_a_finger_drags_the_coil_and_two_turn_it(shown):
    shown.send("Emulation.setTouchEmulationEnabled", enabled=True)
    before = pose_shown(shown)
    x, y = coil_on_screen(shown)
    touch(shown, "touchStart", (x, y))
    touch(shown, "touchMove", (x + 15, y))
    touch(shown, "touchMove", (x + 30, y))
    touch(shown, "touchEnd")
    moved = pose_shown(shown)
    way = np.linalg.norm(np.asarray(moved.translation) - np.asarray(before.translation))
    assert 4e-3 < way < 20e-3
    assert np.linalg.norm(coil_on_screen(shown) - np.array([x + 30, y])) < 8
    touch(shown, "touchStart", (x - 60, y), (x + 60, y))
    angle = np.radians(20)
    for share in (0.5, 1.0):
        a = share * angle
        off = 60 * np.array([np.cos(a), np.sin(a)])
        touch(shown, "touchMove", (x - off[0], y - off[1]), (x + off[0], y + off[1]))
    touch(shown, "touchEnd")
    turned = np.asarray(moved.rotation).T @ np.asarray(pose_shown(shown).rotation)
    assert np.degrees(np.arctan2(turned[1, 0], turned[0, 0])) == pytest.approx(
        20, abs=1
    )
    shown.run("document.getElementById('undo').click()")
    shown.run("document.getElementById('undo').click()")
    assert shown.run("document.getElementById('undo').disabled")
    shown.send("Emulation.setTouchEmulationEnabled", enabled=False)


def test_beside_the_coil_a_drag_turns_the_head_and_a_click_reads(shown):
    before, view = matrix_shown(shown), shown.run("tmsgrad.stage.camera.back")
    drag(shown, (20, 400), (80, 400))
    np.testing.assert_array_equal(matrix_shown(shown), before)
    assert shown.run("tmsgrad.stage.camera.back") != view
    shown.run("document.getElementById('show-coil').click()")
    shown.run("tmsgrad.controls.look('coil')")
    x, y = coil_on_screen(shown)
    shown.click(x, y)
    shown.settle()
    reading = shown.run("document.getElementById('reading').textContent")
    shown.run("document.getElementById('show-coil').click()")
    number = re.fullmatch(r"\|E\| is ([\d.]+) V/m at \(.+\) mm", reading)
    assert number is not None, reading
    values = shown.run("Array.from(tmsgrad.stage.values)")
    assert any(f"{value:.1f}" == number[1] for value in values)


def press(page, key, code="", **more):
    for kind in ("keyDown", "keyUp"):
        page.send("Input.dispatchKeyEvent", type=kind, key=key, code=code, **more)


def test_the_keyboard_alone_moves_turns_and_undoes(shown):
    shown.run("document.getElementById('stage').focus()")
    start = matrix_shown(shown)
    press(shown, "ArrowUp")
    moved = matrix_shown(shown)
    assert 1 < np.linalg.norm(moved[:3, 3] - start[:3, 3]) < 3
    angle = "Number(document.getElementById('angle').value)"
    before = shown.run(angle)
    press(shown, "e")
    turned = matrix_shown(shown)
    cosine = (np.trace(turned[:3, :3].T @ moved[:3, :3]) - 1) / 2
    assert np.degrees(np.arccos(cosine)) == pytest.approx(5, abs=0.2)
    assert abs(shown.run(angle) - before) == pytest.approx(5, abs=1)
    press(shown, "+")
    assert shown.run("tmsgrad.plan.now.distance") == pytest.approx(1e-3)
    for _ in range(3):
        press(shown, "z")
    np.testing.assert_allclose(matrix_shown(shown), start, atol=1e-9)
    # Tab leads from the view through all that can be operated.
    names = "summary, button:not(:disabled), select, input, [tabindex]"
    wanted = shown.run(
        f"[...document.querySelectorAll('{names}')]"
        ".filter((x) => x.offsetParent !== null).length"
    )
    seen = set()
    for _ in range(wanted + 5):
        press(shown, "Tab", "Tab", windowsVirtualKeyCode=9)
        seen.add(shown.run("document.activeElement.outerHTML.slice(0, 120)"))
    assert len(seen) >= wanted - 1


def test_distance_current_and_angle_are_set_by_their_numbers(shown):
    set_to = lambda name, value: shown.run(
        f"(() => {{ const box = document.getElementById('{name}'); box.value = {value};"
        "box.dispatchEvent(new Event('change')); })()"
    )
    gap = lambda: shown.run(f"tmsgrad.model.clearance({COIL}, tmsgrad.plan.now.pose)")
    set_to("distance", 3)
    assert gap() == pytest.approx(3e-3, abs=3e-5)
    value = shown.run("tmsgrad.stage.found.value")
    set_to("didt", 30)
    shown.settle()
    strong = shown.run("document.getElementById('strong').textContent")
    assert strong.startswith(f"{value * 30e6:.0f} V/m")
    set_to("angle", 30)
    back = shown.run("document.getElementById('turned').textContent")
    assert back.startswith("handle 30° outwards")
    set_to("distance", -5)
    assert shown.run("tmsgrad.plan.now.distance") == 0


def test_places_of_rules_and_positions_are_jumped_to(shown):
    rules = shown.run("tmsgrad.model.coils[0].rules.map((x) => x.pose.centre)")
    buttons = "document.querySelectorAll('#jumps button')"
    assert shown.run(f"{buttons}.length") == len(rules) + 1
    shown.run(f"{buttons}[1].click()")
    now = pose_shown(shown)
    np.testing.assert_allclose(now.translation, rules[0], atol=1e-12)
    share = shown.run("document.getElementById('better').textContent")
    assert "% of the best" in share
    shown.run(
        "(() => { const box = document.getElementById('position'); box.value = 'F4';"
        "box.dispatchEvent(new Event('change')); })()"
    )
    where = shown.run("document.getElementById('where').textContent")
    assert where.startswith("at F4")
    turned = shown.run("document.getElementById('turned').textContent")
    assert turned.startswith("handle 45° outwards")


def test_a_second_placement_is_kept_beside(shown):
    shown.run("tmsgrad.controls.keepSecond(); tmsgrad.controls.move(0, 1, 0.01)")
    shown.run("tmsgrad.stage.turnBy(0.3)")
    text = shown.run("document.getElementById('difference').textContent")
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
    shown.run("document.getElementById('swap').click()")
    text = shown.run("document.getElementById('difference').textContent")
    assert f"A {b}, B {a}" in text.replace(f"{b:.0f},", f"{b},")


def test_the_part_across_the_surface_is_that_along_its_normals(shown, basis):
    unpacked = "Array.from(tmsgrad.stage.{0})".format
    shape = shown.run("[tmsgrad.stage.cortex.vertices.length / 3, 3]")
    vertices = np.reshape(shown.run(unpacked("cortex.vertices")), shape)
    triangles = np.reshape(shown.run(unpacked("cortex.triangles")), (-1, 3))
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    normals = np.zeros_like(vertices)
    np.add.at(normals, triangles.ravel(), np.repeat(np.cross(b - a, c - a), 3, axis=0))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    # On a sphere they point outwards.
    assert (np.einsum("vc,vc->v", normals, vertices) > 0).all()
    nodes = shown.run(
        "Array.from(atob(tmsgrad.model.data.cortex.nodes.data), x => x.charCodeAt(0))"
    )
    nodes = np.array(nodes, dtype=np.uint8).view("<u4")
    shares, places = sparse.csr_array(shares_at(nodes)[0]), five_layers().nodes[nodes]
    stored = basis[1].means(shares, places).stored(np.int8)
    field = np.asarray(stored.field(pose_shown(shown), 60e6))
    expected = np.abs(np.einsum("vc,vc->v", field, normals))
    shown.run("document.getElementById('across').click()")
    found = np.array(shown.run(unpacked("values")))
    unit = shown.run("document.getElementById('unit').textContent")
    shown.run("document.getElementById('across').click()")
    # In a sphere hardly anything of the field is radial.
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(field).max())
    assert expected.max() > 1e-3 * np.abs(field).max()
    assert "across" in unit
    assert shown.run("document.getElementById('unit').textContent").startswith("|E|")


def test_the_field_in_a_gyrus_is_that_of_its_vertices(shown):
    names = shown.run("tmsgrad.model.data.regions.names")
    assert names == ["left superior frontal gyrus", "right superior frontal gyrus"]
    places = np.reshape(shown.run("Array.from(tmsgrad.model.places)"), (-1, 3))
    corners = np.reshape(
        shown.run("Array.from(tmsgrad.stage.cortex.triangles)"), (-1, 3)
    )
    areas = efield.vertex_areas(meshing.Surface(places, corners))
    choose = (
        "(() => { const box = document.getElementById('atlas'); box.value = 'NUMBER';"
        "box.dispatchEvent(new Event('change'));"
        "return document.getElementById('regional').textContent; })()"
    )
    text = ""
    for number, side in enumerate((places[:, 0] < 0, places[:, 0] >= 0)):
        text = shown.run(choose.replace("NUMBER", str(number)))
        values = np.array(shown.run("Array.from(tmsgrad.stage.values)"))[side]
        mean = np.average(values, weights=areas[side])
        words = f"{names[number]}: mean {mean:.1f}, at most {values.max():.1f} V/m"
        assert text == f"|E| in the {words}"
    shown.run("tmsgrad.controls.move(0, 1, 0.01)")
    assert shown.run("document.getElementById('regional').textContent") != text
    assert shown.run(choose.replace("NUMBER", "")) == ""


def test_where_little_is_lost_is_marked_around_the_best_place(shown):
    shown.run("tmsgrad.controls.markRegion()")
    shown.wait_for("document.getElementById('marked').textContent.startsWith('Green')")
    shown.run("tmsgrad.controls.move(0, 1, 0.002)")
    assert shown.run("document.getElementById('marked').textContent") == ""


def test_outside_of_what_the_basis_knows_the_page_says_so(shown):
    before = shown.run("document.getElementById('badge').className")
    assert before == "badge"
    shown.run("tmsgrad.controls.setDistance(0.03)")
    assert shown.run("tmsgrad.stage.found.outside")
    badge = shown.run("document.getElementById('badge').textContent")
    assert badge.startswith("Outside of what this page knows")
    sure = shown.run("document.getElementById('sure').textContent")
    assert sure.startswith("do not rely on it here")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_the_first_screen_answers_and_can_be_read(shown, width, height, scheme):
    size(shown, width, height, scheme)
    shown.run("window.scrollTo(0, 0)")
    shown.settle()
    rows = shown.run(
        "[...document.querySelectorAll('.answers dd')].map((x) => {"
        "const box = x.getBoundingClientRect();"
        "return [box.top, box.bottom, box.right, x.textContent.length]; })"
    )
    assert len(rows) == 5
    for top, bottom, right, letters in rows:
        assert 0 <= top < bottom <= height
        assert right <= width
        assert letters > 5
    stage = shown.run("document.getElementById('stage').getBoundingClientRect().top")
    assert stage < height - 200  # The head is seen as well.
    assert shown.run("document.documentElement.scrollWidth") <= width
    assert shown.run(CONTRAST) == []


# WCAG 2: 4.5 for text. Only what is drawn on plain colours has a contrast.
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


def test_all_that_is_operated_has_a_name(shown):
    nameless = shown.run(
        "[...document.querySelectorAll('button, select, input, canvas[tabindex]')]"
        ".filter((x) => !(x.textContent.trim() || x.ariaLabel || x.labels?.length))"
        ".map((x) => x.outerHTML)"
    )
    nameless = [x for x in nameless if "jumps" not in x]
    assert nameless == []
    assert shown.run("document.documentElement.lang") == "en"
    assert shown.run("document.querySelectorAll('h1').length") == 1


def test_slices_show_the_target_and_follow_the_coil(shown):
    pixels = (
        "[...document.querySelectorAll('#slices canvas')].map((x) => Array.from("
        "x.getContext('2d').getImageData(0, 0, x.width, x.height).data)"
        ".reduce((sum, value, i) => (sum + value * (i % 65521)) % 1e9, 0))"
    )
    shown.wait_for("tmsgrad.controls.sections.slices.every((x) => x.image.complete)")
    shown.run("new Promise((go) => setTimeout(go, 200))")
    before = shown.run(pixels)
    assert len(before) == 3
    shown.run("tmsgrad.controls.move(0, 1, 0.01)")
    shown.run("new Promise((go) => setTimeout(go, 200))")
    assert all(a != b for a, b in zip(before, shown.run(pixels), strict=True))


def test_on_paper_the_answers_and_the_view_stay(shown):
    size(shown, 760, 1000, media="print")
    visible = shown.run(
        "[...document.querySelectorAll('.answers, #stage, fieldset')]"
        ".map((x) => [x.className || x.id || x.tagName, x.offsetParent !== null])"
    )
    size(shown, 1280, 800, media="")
    assert dict(map(tuple, visible)) == {
        "answers": True,
        "stage": True,
        "FIELDSET": False,
    }


def test_without_a_basis_one_is_made_for_the_page(case, tmp_path):
    out = tmp_path / "page.html"
    more = ["--order=1", "--tolerance=20", "--reach=20"]
    result = run(*words(case, out, *more), "--json")
    assert result.status == 0, result.err
    assert result.json["error"]["tolerance"] == pytest.approx(0.2)
    assert out.stat().st_size == result.json["bytes"]
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


def test_a_search_writes_the_page_of_its_placement(case, basis, tmp_path):
    more = ["--search-radius=15", "--report", "--order=1", "--interactive", basis[0]]
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
    more, needed, case, basis, tmp_path
):
    out = tmp_path / "page.html"
    refused([*words(case, out), "--reduced", basis[0], *more], tmp_path, needed)


def test_a_page_ends_in_html(case, tmp_path):
    refused(words(case, tmp_path / "page.pdf"), tmp_path, "ends in .html")


def test_the_policy_is_of_this_script_and_style():
    text = policy("a", "b")
    assert text.count("sha256-") == 2
    assert policy("c", "b") != text


def test_means_of_a_reduced_field_are_means_of_its_field(basis, rng):
    reduced = basis[1]
    count = len(reduced.positions)
    shares = sparse.csr_array(rng.uniform(size=(5, count)) / count)
    means = reduced.means(shares, np.zeros((5, 3)))
    pose = pose_over([0.3, -0.2, 1.0], 0.3)
    expected = shares @ np.asarray(reduced.field(pose, 1e6))
    np.testing.assert_allclose(means.field(pose, 1e6), expected, rtol=1e-4)
    assert jnp.sum(means.weights) == pytest.approx(1)
    with pytest.raises(ValueError, match="must be 4 means"):
        reduced.means(shares, np.zeros((4, 3)))


# A tracked coil.


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


def test_a_page_follows_a_tracked_coil_and_says_when_it_is_lost(made, tmp_path):
    content = content_of(made[0]) | {"live": True}
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
