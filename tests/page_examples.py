"""The interactive page of five layers, in a browser, for several tests."""

from contextlib import contextmanager

import nibabel as nib
import numpy as np
from browser import browser
from cli_examples import run
from heads import five_layers, scalp_of_five_layers

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.coils import Pose


TARGET = "30,-20,50"


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


def write_basis(folder, case, conductor):
    """Write a basis of two coils around the target, as `tmsgrad reduce` does."""
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


def write_page(folder, case, basis):
    """Write the page of both coils, with an atlas and a position."""
    out = folder / "plan <1>.html"
    electrodes = out.with_name("cap.csv")
    place = scalp_of_five_layers().nearest([0.03, -0.02, 0.08]) * 1e3
    electrodes.write_text(f"Electrode,{place[0]},{place[1]},{place[2]},F4\n")
    more = ["--coil=magstim-50mm-round", "--reduced", basis[0], "--didt=60"]
    more += ["--atlas", halves(out.with_name("aparc+aseg.nii.gz"))]
    result = run(*words(case, out, *more, f"--electrodes={electrodes}"), "--json")
    assert result.status == 0, result.err
    return out, result


@contextmanager
def opened(folder, path):
    """Open a page in a browser, which must complain of nothing and ask for nothing."""
    with browser(folder) as page:
        page.open(path)
        page.wait_for("!!window.tmsgrad")
        yield page
        assert page.complaints == []
        asked = [each for each in page.requests if not each.startswith("data:")]
        assert asked == [path.resolve().as_uri()]


def begin(page):
    """Show the best placement of the first coil."""
    size(page, 1280, 800)
    page.run(
        "(() => { const { controls, plan, model } = tmsgrad;"
        "controls.setSecond(null); const { pose } = model.coils[0].best;"
        "plan.show({ coil: 0, pose, distance: 0, rate: model.data.didt });"
        "plan.past = []; plan.future = []; controls.look('coil'); plan.tell(); })()"
    )
