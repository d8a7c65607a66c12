// Means of the field over named regions of the cortex.

import { unpack } from "./arrays.js";

const part = (name) => document.getElementById(name);

export class Regions {
  constructor(model, plan, stage) {
    const { regions } = model.data;
    part("atlas-row").hidden = !regions;
    if (!regions) return;
    Object.assign(this, { stage, of: unpack(regions.of), areas: unpack(regions.areas) });
    const box = part("atlas");
    const options = regions.names.map((name, i) => new Option(name, i));
    box.append(new Option("choose", ""), ...options);
    box.title = regions.source;
    box.addEventListener("change", () => this.show());
    // After the stage has the values of the placement.
    plan.listen(() => this.show());
  }

  // The mean by area, and the largest value. [V/m]
  measure(number, values) {
    let [sum, area, most] = [0, 0, 0];
    for (let i = 0; i < values.length; i += 1) {
      if (this.of[i] === number) {
        sum += this.areas[i] * values[i];
        area += this.areas[i];
        most = Math.max(most, values[i]);
      }
    }
    return { mean: sum / area, most };
  }

  show() {
    const { stage } = this;
    const box = part("atlas");
    const out = part("regional");
    if (box.value === "") {
      out.textContent = "";
      return;
    }
    const words = (values) => {
      const { mean, most } = this.measure(Number(box.value), values);
      return `mean ${mean.toFixed(1)}, at most ${most.toFixed(1)} V/m`;
    };
    const what = stage.options.across ? "E across the surface" : "|E|";
    const name = box.selectedOptions[0].text;
    const other = stage.second ? `; B: ${words(stage.secondValues)}` : "";
    out.textContent = `${what} in the ${name}: ${words(stage.values)}${other}`;
  }
}
