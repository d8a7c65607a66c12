// The field on the cortex for any dA/dt: coefficients of modes, and their sum.

import { unpack } from "./arrays.js";

export class Field {
  constructor(basis, target, vertices) {
    this.points = unpack(basis.points);
    this.directions = unpack(basis.directions);
    this.toModes = unpack(basis.toModes);
    [this.modes, this.rank] = basis.toModes.shape;
    this.tables = basis.tables.map(({ values, scale }) => ({
      values: unpack(values),
      scale: unpack(scale),
      shape: values.shape,
    }));
    this.target = unpack(target);
    const [chunks, , width] = this.tables[0].shape;
    this.sum = new Float32Array(chunks * width);
    this.count = vertices;
    Object.assign(this, { ratio: basis.ratio, limit: basis.limit });
  }

  // Coefficients of the modes, and what of dA/dt the basis does not know. The directions
  // are orthonormal: what they leave of a reading is what its square has more than theirs.
  read(reading) {
    const { directions, rank } = this;
    const size = reading.length;
    const known = new Float64Array(rank);
    for (let d = 0; d < rank; d += 1) {
      const at = d * size;
      let sum = 0;
      for (let i = 0; i < size; i += 1) sum += directions[at + i] * reading[i];
      known[d] = sum;
    }
    const strength = norm(reading);
    const left = 1 - (norm(known) / strength) ** 2;
    const misfit = Math.sqrt(Math.max(left, 0));
    return { coefficients: this.coefficients(known), misfit, strength };
  }

  coefficients(known) {
    const found = new Float64Array(this.modes);
    for (let mode = 0; mode < this.modes; mode += 1) {
      let sum = 0;
      for (let d = 0; d < this.rank; d += 1) sum += this.toModes[mode * this.rank + d] * known[d];
      found[mode] = sum;
    }
    return found;
  }

  // The mean vector in the target, for coefficients at 1 A/s. [V/m]
  inTarget(coefficients) {
    const mean = [0, 0, 0];
    for (let mode = 0; mode < this.modes; mode += 1) {
      for (let c = 0; c < 3; c += 1) mean[c] += coefficients[mode] * this.target[3 * mode + c];
    }
    return mean;
  }

  // |E| at all vertices, or its part along normals, whichever way that points. [V/m]
  magnitudes(coefficients, rate, found, normals = null) {
    const { sum } = this;
    sum.fill(0);
    let first = 0;
    for (const table of this.tables) {
      addModes(table, coefficients, first, rate, sum);
      first += table.shape[1];
    }
    for (let i = 0, at = 0; i < this.count; i += 1, at += 3) {
      const x = sum[at];
      const y = sum[at + 1];
      const z = sum[at + 2];
      found[i] = normals
        ? Math.abs(x * normals[at] + y * normals[at + 1] + z * normals[at + 2])
        : Math.sqrt(x * x + y * y + z * z);
    }
    return found;
  }
}

// Four modes at a time, as the sums are read and written once for all of them.
function addModes({ values, scale, shape }, coefficients, first, rate, sum) {
  const [chunks, modes, width] = shape;
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    const part = sum.subarray(chunk * width, (chunk + 1) * width);
    const row = chunk * modes;
    for (let mode = 0; mode < modes; mode += 4) {
      const share = [0, 1, 2, 3].map((i) =>
        mode + i < modes ? rate * coefficients[first + mode + i] * scale[row + mode + i] : 0,
      );
      const at = [0, 1, 2, 3].map((i) => (row + Math.min(mode + i, modes - 1)) * width);
      addFour(part, values, at, share);
    }
  }
}

function addFour(part, values, [p, q, r, s], [a, b, c, d]) {
  const width = part.length;
  for (let i = 0; i < width; i += 1) {
    part[i] += a * values[p + i] + b * values[q + i] + c * values[r + i] + d * values[s + i];
  }
}

function norm(values) {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += values[i] * values[i];
  return Math.sqrt(sum);
}
