"""Milliseconds of script for each position of a drag on an interactive page.

    tmsgrad page template:1000000 --coil magstim-70mm-double --target-mni -44,40,29 \
        --out page.html
    python -m benchmarks page --page=page.html

In headless Chromium: the coil is carried along the scalp over 200 positions around its best
one; each is laid on the scalp, evaluated, and shown, answers and colours included. What the
browser then draws is its own affair, and a graphics card's. Where there are more coils than
one, changing them is timed as well.
"""

import argparse
import importlib
import json
import sys
import tempfile
from pathlib import Path

from benchmarks import record


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


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks page")
    parser.add_argument("--page", required=True, help="of `tmsgrad page`")
    parser.add_argument("--positions", type=int, default=200)
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
    print(record.table([row]))
    print(json.dumps(record.machine()))
