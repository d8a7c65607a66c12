"""The report: what it says is what the files hold, and a browser shows it."""

import base64
import json
import re
from html.parser import HTMLParser

import h5py
import nibabel
import numpy as np
import pytest
from browser import browser
from cli_examples import refused, run
from heads import five_layers, pose_over
from PIL import Image
from tables import tables

from tmsgrad.cli.report import page as report
from tmsgrad.meshing.drawing.shapes import compact
from tmsgrad.meshing.pictures import view as report_view


pytestmark = pytest.mark.usefixtures("program_settings")


@pytest.fixture(scope="module")
def plan(case, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan") / "a <b> & c"
    atlas = folder.parent / "aparc.nii.gz"
    labels = np.full((50, 50, 50), 1024, np.int16)
    labels[25:] = 2024
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -100.0
    nibabel.save(nibabel.Nifti1Image(labels, affine), atlas)
    words = case.optimize(folder, efield="80", threshold="40", atlas=atlas)
    result = run(*words, "--max-didt=50", "--report")
    assert result.status == 0, result.err
    return folder


class _Text(HTMLParser):
    """The words of a page, and whether its elements are closed."""

    VOID = ("meta", "input", "img", "br", "link")

    def __init__(self, page):
        super().__init__()
        self.text, self.open, self.attributes = [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.attributes.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)

    @property
    def words(self):
        return re.sub(r"\s+", " ", " ".join(self.text))


@pytest.fixture(scope="module")
def page(plan):
    return _Text((plan / "report.html").read_text(encoding="utf-8"))


def test_the_page_says_what_the_summary_holds(plan, page):
    summary = json.loads((plan / "summary.json").read_text(encoding="utf-8"))
    assert page.open == []
    field = summary["value"] * summary["didt"] / 1e6
    centre = ", ".join(f"{x:.1f}" for x in np.asarray(summary["matsimnibs"])[:3, 3])
    for words in (
        "For research use only.",
        f"{field:.4g} V/m",
        f"{summary['didt'] / 1e6:.4g} A/µs",
        f"{summary['dose']['stimulator_output']:.0%}",
        "of the stimulator's output",
        centre,
        f"{summary['scalp_clearance_mm']:.2f} mm clear of the scalp",
        f"{summary['field']['gray_matter_percentiles']['99.9']:.4g} V/m",
        summary["provenance"]["inputs"]["head"]["sha256"],
        summary["provenance"]["inputs"]["coil"]["sha256"],
        summary["versions"]["jax"],
        "--max-didt=50",
        "a <b> & c",
    ):
        assert words in page.words, words
    volumes = summary["field"]["focality"]["volume_mm3_above_percent"]
    assert f"{volumes['50'] / 1e3:.3g} cm³" in page.words


def test_the_tables_hold_the_figures_of_the_summary(plan):
    summary = json.loads((plan / "summary.json").read_text(encoding="utf-8"))
    found = tables((plan / "report.html").read_text(encoding="utf-8"))
    shown = {row[0]: row[1] for table in found for row in table if len(row) == 2}
    number = lambda name: float(shown[name].split()[0])
    field = summary["field"]
    for share, value in field["gray_matter_percentiles"].items():
        assert number(f"{share}% of gray matter below") == pytest.approx(
            value, rel=6e-4
        )
    for share, volume in field["focality"]["volume_mm3_above_percent"].items():
        name = f"focality: gray matter above {share}% of its 99.9th percentile"
        assert number(name) == pytest.approx(volume / 1e3, rel=6e-3)


def test_the_warnings_are_on_the_page(plan, page):
    summary = json.loads((plan / "summary.json").read_text(encoding="utf-8"))
    statement = summary["dose"]["statement"]
    assert statement in page.words
    assert ("look here" in page.words) == (not summary["dose"]["reachable"])
    assert (f"{statement}." in summary["warnings"]) == (
        not summary["dose"]["reachable"]
    )
    at_edge = any("border of what was searched" in w for w in summary["warnings"])
    assert at_edge == summary["search"]["at_edge"]
    for warning in summary["warnings"]:
        assert warning in page.words


def test_focality_is_the_volume_above_shares_of_the_strongest(plan):
    summary = json.loads((plan / "summary.json").read_text(encoding="utf-8"))
    head = five_layers()
    with h5py.File(plan / "field.h5") as file:
        magnitude = np.asarray(file["magnE"])[0]  # pyright: ignore[reportArgumentType]
    gray = head.tags == 2
    strong = summary["field"]["gray_matter_percentiles"]["99.9"]
    for share, volume in summary["field"]["focality"][
        "volume_mm3_above_percent"
    ].items():
        above = gray & (magnitude >= float(share) / 100 * strong)
        assert volume == pytest.approx(head.volumes[above].sum() * 1e9, rel=1e-12)


def test_the_page_fetches_nothing_and_fits(plan, page):
    size = (plan / "report.html").stat().st_size
    assert size < report.MOST_BYTES
    for _tag, attributes in page.attributes:
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:")
    policy = next(a for _, a in page.attributes if "http-equiv" in a)
    assert policy["content"].startswith("default-src 'none'")


def test_the_pictures_on_the_page_are_the_files(plan, page):
    images = [a for tag, a in page.attributes if tag == "img"]
    for image, name in zip(images, ("target.png", "overview.png"), strict=True):
        data = image["src"].removeprefix("data:image/png;base64,")
        assert base64.b64decode(data) == (plan / name).read_bytes()
        assert image["alt"]


def test_the_first_screen_answers_a_clinics_questions(plan, page):
    summary = json.loads((plan / "summary.json").read_text(encoding="utf-8"))
    output = summary["dose"]["stimulator_output"]
    assert summary["share_of_motor_threshold"] == pytest.approx(output / 0.4)
    peak = np.asarray(summary["field"]["gray_matter_maximum_at_mm"])
    apart = np.linalg.norm(peak - summary["target"]["centre_mm"])
    gyri = summary["gyri"]
    assert gyri["target"] == "right precentral gyrus"
    side = "right" if peak[0] >= -2 else "left"
    assert gyri["strongest"] == f"{side} precentral gyrus"
    first = page.words.partition("Do not trust")[0]
    for words in (
        "Where",
        gyri["target"],
        "How turned",
        "How strong",
        f"{output:.0%} of the stimulator, {output / 0.4:.0%} of motor threshold",
        "How sure",
        "Against today's rules",
    ):
        assert words in first, words
    far = f"{apart:.0f} mm from the target's centre, {gyri['strongest']}"
    assert (far in first) == (apart > summary["target"]["radius_mm"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"threshold": "55"}, "--efield"),
        ({"threshold": "3.1", "efield": "80"}, "--map-threshold"),
        ({"threshold": "0.5", "efield": "80"}, "looks like a share"),
    ],
)
def test_a_threshold_that_says_nothing_is_refused(changes, said, case, tmp_path):
    refused(case.optimize(tmp_path / "out", **changes), tmp_path, said)


def test_a_threshold_needs_the_dose_of_full_output(case, tmp_path):
    text, found = re.subn(r"dIdtmax=[^;\n]*", "", case.coil.read_text())
    assert found == 1
    bare = tmp_path / "bare.ccd"
    bare.write_text(text)
    words = case.optimize(tmp_path / "out", coil=bare, threshold="55", efield="80")
    refused(words, tmp_path, "give --max-didt")


def test_the_answers_stand_on_the_first_printed_page(plan, tmp_path):
    with browser(tmp_path) as shown:
        shown.open(plan / "report.html")
        for width, height in ((1280, 800), (390, 844)):
            shown.size(width, height)
            lowest = shown.run(
                "document.querySelector('.answers dl').getBoundingClientRect().bottom"
            )
            assert lowest < height
        outside = shown.run(
            "[...document.body.children].filter((x) => x.innerText && !x.matches("
            "'header, main, footer, aside, nav, script, style')).map((x) => x.outerHTML)"
        )
        assert outside == []  # Readers of screens go from landmark to landmark.
        shown.size(687, 1016, media="print")  # A4 without margins of 14 mm, at 96 dpi.
        lowest = shown.run(
            "document.querySelector('.first').getBoundingClientRect().bottom"
        )
        assert lowest < 1016


def test_everything_that_is_operated_has_a_name(page):
    inputs = [a for tag, a in page.attributes if tag == "input"]
    assert inputs
    assert all(a["type"] == "checkbox" or "id" in a for a in inputs)
    labelled = {a.get("for") for tag, a in page.attributes if tag == "label"}
    assert "threshold" in labelled


@pytest.mark.long
def test_a_click_reads_what_the_files_hold(plan, tmp_path):
    with h5py.File(plan / "field.h5") as file:
        magnitude = np.asarray(file["magnE"])[0]  # pyright: ignore[reportArgumentType]
    head = five_layers()
    with browser(tmp_path) as shown:
        shown.open(plan / "report.html")
        assert shown.wait_for("document.body && document.body.dataset.ready") == "yes"
        shown.run("document.getElementById('view').scrollIntoView({block: 'center'})")
        box = shown.run(
            "(() => {const r = document.getElementById('view').getBoundingClientRect();"
            "return [r.left, r.top, r.width, r.height]})()"
        )
        middle = [box[0] + box[2] / 2, box[1] + box[3] / 2]

        def read(x, y):
            """Click, and wait for an answer to this click."""
            shown.run("delete document.getElementById('reading').dataset.node")
            shown.click(x, y)
            shown.wait_for("'node' in document.getElementById('reading').dataset")
            return shown.run(
                "Object.assign({text: document.getElementById('reading').textContent},"
                "document.getElementById('reading').dataset)"
            )

        nodes = []
        for shift in (0, 60):
            found = read(middle[0] + shift, middle[1])
            node = int(found["node"])
            at_node = (head.tetrahedra == node).any(axis=1) & (head.tags == 2)
            value = magnitude[at_node].mean()
            assert float(found["value"]) == pytest.approx(value, rel=1e-6)
            assert found["text"].startswith(f"{value:.5g}"[:4])
            place = ", ".join(f"{x:.1f}" for x in head.nodes[node] * 1e3)
            assert place.replace("-0.0", "0.0") in found["text"].replace("-0.0", "0.0")
            nodes.append(node)
        assert nodes[0] != nodes[1]
        # The scalp and the casing in front do not hide the cortex from a click.
        for part in ("scalp", "casing"):
            shown.run(f"document.querySelector('[data-part={part}]').click()")
        assert int(read(*middle)["node"]) == nodes[0]
        # Another side, another place; beside the head, nothing.
        shown.run("document.querySelector('[data-view=front]').click()")
        front = int(read(*middle)["node"])
        assert front != nodes[0]
        assert head.nodes[front, 1] > 0.06
        shown.click(box[0] + 5, box[1] + box[3] - 5)
        node = shown.run("document.getElementById('reading').dataset.node")
        assert int(node) == front
        # The threshold gives the volume of gray matter above.
        shown.run(
            "(() => {const s = document.getElementById('threshold'); s.value = 50;"
            "s.dispatchEvent(new Event('input'))})()"
        )
        given = shown.run("document.getElementById('above').textContent")
        summary = json.loads((plan / "summary.json").read_text(encoding="utf-8"))
        limit = summary["field"]["gray_matter_percentiles"]["99.9"] / 2
        assert given.startswith(f"{limit:.1f} V/m")
        shown.picture(tmp_path / "page.png")
        assert shown.complaints == []
        assert all(url.startswith(("file:", "data:")) for url in shown.requests)
    with Image.open(tmp_path / "page.png") as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=float)
    assert (np.ptp(pixels, axis=2) > 60).mean() > 0.01


@pytest.mark.long
def test_the_page_of_given_poses_has_them_all(case, tmp_path, undrawn):
    poses = [pose_over([0.2, 0.3, 1.0]), pose_over([0.2, -0.3, 1.0])]
    file = tmp_path / "two.json"
    matrices = [pose.to_matsimnibs().tolist() for pose in poses]
    file.write_text(json.dumps({"matsimnibs": matrices}))
    words = case.simulate(tmp_path / "fields", pose=file)
    assert run(*words, "--report").status == 0
    page = _Text((tmp_path / "fields" / "report.html").read_text(encoding="utf-8"))
    assert "was computed for 2 poses" in page.words
    summary = json.loads((tmp_path / "fields" / "summary.json").read_text())
    np.testing.assert_allclose(summary["shown"]["matsimnibs"], matrices[0], atol=1e-9)
    words = [*words[:-1], tmp_path / "session", "--target=30,-20,50", "--radius=8"]
    assert run(*words, "--report").status == 0
    page = _Text((tmp_path / "session" / "report.html").read_text(encoding="utf-8"))
    summary = json.loads((tmp_path / "session" / "summary.json").read_text())
    assert f"{summary['strongest']['value']:.4g} V/m" in page.words
    assert "Each pulse is a row of pulses.csv." in page.words


def test_a_page_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "MOST_BYTES", 1000)
    empty = report.Page("title", "", (), (), (), {}, {}, ())
    with pytest.raises(ValueError, match="more than 0 MB"):
        report.write_report(tmp_path / "report.html", empty)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("budget", [200, 600])
def test_a_thinned_surface_keeps_true_places(budget):
    head = five_layers()
    vertices, triangles, _ = compact(head.nodes, head.boundary())
    assert len(triangles) > budget
    few, faces, stayed = report_view.thinned(vertices, triangles, budget)
    assert len(faces) <= budget
    np.testing.assert_array_equal(few, vertices[stayed])
    assert faces.min() == 0
    assert faces.max() == len(few) - 1
    a, b, c = (few[faces[:, i]] for i in range(3))
    outwards = np.einsum("tc,tc->t", np.cross(b - a, c - a), a + b + c)
    assert (outwards > 0).mean() > 0.9


def test_what_is_to_be_kept_stays_while_others_suffice():
    head = five_layers()
    vertices, triangles, _ = compact(head.nodes, head.boundary())
    kept = vertices[:, 2] > 0.05
    _, faces, stayed = report_view.thinned(
        0.2 * vertices, triangles, len(triangles) * 2 // 3, kept
    )
    assert len(faces) < len(triangles)
    assert set(np.flatnonzero(kept)) <= set(stayed)
