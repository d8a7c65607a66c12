// All that is computed: the field of a coil at a pose, what it is worth, how sure that is.

import { length, times, axis } from "./vectors.js";
import { Coil } from "./coil.js";
import { Field } from "./field.js";
import { Scalp } from "./scalp.js";
import { unpack } from "./arrays.js";

export class Model {
  constructor(data) {
    this.data = data;
    this.scalp = new Scalp(data.scalp.grid);
    this.coils = data.coils.map((each) => new Coil(each));
    this.places = unpack(data.cortex.places);
    const { basis } = data.cortex;
    this.field = new Field(basis, data.target.modes, this.places.length / 3);
    for (const coil of this.coils) {
      coil.bestValue = this.at(coil, coil.best.pose).value;
      for (const rule of coil.rules) rule.value = this.at(coil, rule.pose).value;
    }
  }

  // The field of a pose at 1 A/s, as coefficients, and its value in the target. [V/m]
  at(coil, pose) {
    const { field } = this;
    const found = field.read(coil.reading(field.points, pose));
    const [low, high] = coil.strengths;
    const known = found.misfit <= field.limit;
    return {
      ...found,
      value: length(field.inTarget(found.coefficients)),
      error: field.ratio * found.misfit,
      // What is not a number is outside as well.
      outside: !(known && found.strength >= low && found.strength <= high),
    };
  }

  magnitudes(found, rate, values, normals) {
    return this.field.magnitudes(found.coefficients, rate, values, normals);
  }

  place(coil, foot, handle, distance) {
    return this.scalp.place(coil, foot, handle, distance);
  }

  // From the coil's face to the scalp; of windings that are covered, from the cover. [m]
  clearance(coil, pose) {
    return this.scalp.gap(coil, pose) - coil.clearance;
  }

  // The distance at which a coil was laid that lies like this: the grid of the scalp knows
  // it to some tenths of a millimetre, and hands set it by half ones. [m]
  face(coil, pose) {
    return Math.max(0, Math.round(2e3 * this.clearance(coil, pose)) / 2e3);
  }

  handle(pose) {
    return times(axis(pose, 1), -1);
  }
}
