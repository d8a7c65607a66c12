"""An interactive page: milliseconds for each position of a drag, and errors against solves.

    tmsgrad page template:1000000 --coil magstim-70mm-double --target-mni -44,40,29 \
        --out page.html
    python -m benchmarks page --page=page.html --placements=50

In headless Chromium: the coil is carried along the scalp over 200 positions around its best
one; each is laid on the scalp, evaluated, and shown, answers and colours included. What the
browser then draws is its own affair, and a graphics card's. Where there are more coils than
one, changing them is timed as well.

With `--placements` the coils of the page are laid at random around their best places,
turned anyhow and up to 5 mm off the scalp; with `--whole-head` anywhere on the upper head.
Each is solved for directly, with the same elements, and compared with what the page shows:
in the target, at all vertices, and at the hot ones.

    tmsgrad page template:1000000 --coil magstim-70mm-double --target-mni -44,40,29 \
        --whole-head --out whole.html
    python -m benchmarks page --page=whole.html --placements=20 --whole-head
"""

import argparse
import base64
import importlib
import json
import sys
import tempfile
from pathlib import Path

import jax
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.coils import Pose
from tmsgrad.efield.reduced.averaging import shares_at_nodes


_RATE = 60e6  # [A/s]
_RADIUS = 30e-3  # Around the best place. [m]
_FARTHEST = 5e-3  # From the scalp. [m]
_GRAY = 2

_DRAG = """
(() => {
  const { model, plan } = tmsgrad;
  const coil = model.coils[0];
  const handle = model.handle(coil.best.pose);
  const foot = model.scalp.foot(coil.best.pose);
  const parts = { scalp: [], field: [], whole: [] };
  for (let i = 0; i < COUNT; i += 1) {
    const a = (2 * Math.PI * i) / 50;
    const r = (0.02 * i) / COUNT;
    const at = [foot[0] + r * Math.cos(a), foot[1] + r * Math.sin(a), foot[2]];
    const begin = performance.now();
    const pose = model.place(coil, model.scalp.onto(at), handle, 0);
    const laid = performance.now();
    model.at(coil, pose);
    const found = performance.now();
    plan.show({ coil: 0, pose, distance: 0 }, false);
    parts.scalp.push(laid - begin);
    parts.field.push(found - laid);
    parts.whole.push(performance.now() - begin - (found - laid));
  }
  const switches = model.coils.map((_, i) => {
    const begin = performance.now();
    tmsgrad.controls.switchTo(i);
    return performance.now() - begin;
  });
  const share = (values, part) => values.sort((x, y) => x - y)[Math.floor(COUNT * part)];
  return {
    vertices: model.field.count,
    modes: model.field.modes,
    "currents of the coil": coil.sources.currentPositions.length / 3,
    "on the scalp [ms]": share(parts.scalp, 0.5),
    "coefficients [ms]": share(parts.field, 0.5),
    "in all, median [ms]": share(parts.whole, 0.5),
    "95% within [ms]": share(parts.whole, 0.95),
    "change of coil [ms]": model.coils.length > 1 ? Math.max(...switches) : null,
  };
})()
"""

_PLACE = """
(() => {
  const { model, plan } = tmsgrad;
  const coil = model.coils[COIL];
  const foot = BASE ?? model.scalp.foot(coil.best.pose);
  const to = model.scalp.onto(foot.map((x, i) => x + SHIFT[i]));
  const pose = model.place(coil, to, TURN, AWAY);
  const found = model.at(coil, pose);
  const values = new Float32Array(model.field.count);
  model.magnitudes(found, RATE, values);
  return {
    values: Array.from(values), value: RATE * found.value, error: found.error,
    best: RATE * coil.bestValue,
    outside: found.outside, rotation: pose.rotation, centre: pose.centre,
  };
})()
"""
_SHOWN = "tmsgrad.model.data"


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks page")
    parser.add_argument("--page", required=True, help="of `tmsgrad page`")
    parser.add_argument("--positions", type=int, default=200)
    parser.add_argument("--placements", type=int, default=0)
    parser.add_argument(
        "--whole-head",
        action="store_true",
        help="placements anywhere on the upper head",
    )
    options = parser.parse_args(words)
    # The tests drive the same browser.
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    browser = importlib.import_module("browser").browser
    path = Path(options.page)
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder)) as page:
        page.open(path)
        page.wait_for("!!window.tmsgrad")
        page.settle()
        found = page.run(_DRAG.replace("COUNT", str(options.positions)))
        row = {"file [MB]": path.stat().st_size / 1e6, **found}
        print(json.dumps(row), flush=True)
        if options.placements:
            row |= _errors(page, options.placements, options.whole_head)
    print(record.table([row]))
    print("written to", record.write(f"page-{path.stem}", [row]))


def summary(rows: list[dict]) -> dict:
    """The only row, a figure a line."""
    return rows[0]


def _errors(page, count: int, whole: bool) -> dict:
    """Compare the field of random placements with direct solves."""
    about = page.run(
        f"(() => {{ const d = {_SHOWN}; return {{ source: d.head.source,"
        "coils: d.coils.map((c) => c.source), target: d.target.centre,"
        "radius: d.target.radius, order: d.cortex.basis.order,"
        "nodes: d.cortex.nodes.data }; })()"
    )
    head = head_of(about["source"])
    conductor = efield.assemble(head, efield.isotropic(head), order=about["order"])
    target = meshing.ball(head, np.array(about["target"]), about["radius"])
    inside = np.flatnonzero(head.tags == _GRAY)
    nodes = np.frombuffer(base64.b64decode(about["nodes"]), "<u4").astype(int)
    shares = shares_at_nodes(head, inside, nodes)
    every = [coils.read(each) for each in about["coils"]]
    rng = np.random.default_rng(1)
    bases = [None] * count
    if whole:
        drawn = optimize.placements(meshing.scalp(head), None)(count, 1)
        bases = np.asarray(drawn.translation).tolist()
    rows = []
    for number in range(count):
        which = number % len(every)
        shown = page.run(_script(which, bases[number], rng))
        pose = Pose(np.reshape(shown["rotation"], (3, 3)), np.array(shown["centre"]))
        solved = efield.solve(conductor, every[which], pose, _RATE)
        direct = np.linalg.norm(shares @ np.asarray(solved.vectors)[inside], axis=1)
        mean = np.linalg.norm(np.asarray(solved.mean(target)))
        rows.append(_compared(shown, direct, float(mean)))
        print(number, json.dumps(rows[-1]), flush=True)
    return _worst_and_median(rows)


def _script(coil: int, base: list[float] | None, rng: np.random.Generator) -> str:
    """Place a coil at a base, or at random around its best place."""
    angle = rng.uniform(-np.pi, np.pi)
    shift = rng.normal(size=3)
    shift *= _RADIUS * rng.uniform() ** 0.5 / np.linalg.norm(shift)
    if base is not None:
        shift = np.zeros(3)
    turn = [float(np.cos(angle)), float(np.sin(angle)), 0.3]
    values = {"COIL": coil, "SHIFT": shift.tolist(), "TURN": turn, "RATE": _RATE}
    values["BASE"] = base
    script = _PLACE.replace("AWAY", repr(float(rng.uniform(0, _FARTHEST))))
    for name, value in values.items():
        script = script.replace(name, json.dumps(value))
    return script


def _compared(shown: dict, direct: np.ndarray, mean: float) -> dict:
    found = np.array(shown["values"])
    hot = direct > direct.max() / 2
    return {
        "in the target": abs(shown["value"] - mean) / mean,
        "in the target, of the best": abs(shown["value"] - mean) / shown["best"],
        "all vertices, L2": np.linalg.norm(found - direct) / np.linalg.norm(direct),
        "hot vertices, largest": (abs(found - direct)[hot] / direct[hot]).max(),
        "stated by the page": shown["error"],
        "outside": shown["outside"],
    }


def _worst_and_median(rows: list[dict]) -> dict:
    found: dict = {
        "placements": len(rows),
        "called outside": sum(each["outside"] for each in rows),
    }
    for name in list(rows[0])[:-1]:
        values = 100 * np.array([each[name] for each in rows if not each["outside"]])
        found[f"{name}: median error [%]"] = float(np.median(values))
        found[f"{name}: worst error [%]"] = float(values.max())
    return found
