// A coil: what it drives, and where it can be put.

import { fromMatrix } from "./vectors.js";
import { unpack } from "./arrays.js";

const MU0_OVER_4PI = 1e-7; // [T m/A]

export class Coil {
  constructor(data) {
    Object.assign(this, data);
    this.samples = unpack(data.samples);
    this.sources = Object.fromEntries(
      Object.entries(data.sources).map(([name, values]) => [name, unpack(values)]),
    );
    const spot = (each) => ({ ...each, pose: fromMatrix(each.pose) });
    this.best = spot(data.best);
    this.rules = data.rules.map(spot);
  }

  // dA/dt at points at 1 A/s, one after the other. [V/m]
  reading(points, { rotation: r, centre }) {
    const found = new Float64Array(points.length);
    const local = [0, 0, 0];
    const sum = [0, 0, 0];
    for (let i = 0; i < points.length; i += 3) {
      const x = points[i] - centre[0];
      const y = points[i + 1] - centre[1];
      const z = points[i + 2] - centre[2];
      for (let c = 0; c < 3; c += 1) local[c] = r[c] * x + r[3 + c] * y + r[6 + c] * z;
      sum.fill(0);
      addCurrents(this.sources, local, sum);
      addDipoles(this.sources, local, sum);
      for (let c = 0; c < 3; c += 1) {
        const row = 3 * c;
        found[i + c] =
          MU0_OVER_4PI * (r[row] * sum[0] + r[row + 1] * sum[1] + r[row + 2] * sum[2]);
      }
    }
    return found;
  }
}

function addCurrents({ currentPositions: places, currentVectors: vectors }, [x, y, z], sum) {
  let a = 0;
  let b = 0;
  let c = 0;
  for (let i = 0; i < places.length; i += 3) {
    const dx = x - places[i];
    const dy = y - places[i + 1];
    const dz = z - places[i + 2];
    const inverse = 1 / Math.sqrt(dx * dx + dy * dy + dz * dz);
    a += inverse * vectors[i];
    b += inverse * vectors[i + 1];
    c += inverse * vectors[i + 2];
  }
  sum[0] += a;
  sum[1] += b;
  sum[2] += c;
}

// m × r / |r|³
function addDipoles({ dipolePositions: places, dipoleMoments: moments }, [x, y, z], sum) {
  for (let i = 0; i < places.length; i += 3) {
    const dx = x - places[i];
    const dy = y - places[i + 1];
    const dz = z - places[i + 2];
    const square = dx * dx + dy * dy + dz * dz;
    const scale = 1 / (square * Math.sqrt(square));
    sum[0] += scale * (moments[i + 1] * dz - moments[i + 2] * dy);
    sum[1] += scale * (moments[i + 2] * dx - moments[i] * dz);
    sum[2] += scale * (moments[i] * dy - moments[i + 1] * dx);
  }
}
