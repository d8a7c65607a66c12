// The scalp: how far points are outside of it, where it faces, and how coils lie on it.

import { add, along, axis, cross, dot, length, minus, poseOf, times, unit } from "./vectors.js";
import { unpack } from "./arrays.js";

const FAR = 0.4; // From where rays begin and where they end. [m]
const STEEP = 0.9; // Of a normal's part to front or back: there back is up or down.
const BESIDE = 20e-3; // Nearer to the midline a handle may point to either side. [m]
const STEPS = 40; // Along the scalp.

export class Scalp {
  constructor({ origin, spacing, distance, smoothed }) {
    this.origin = origin;
    this.spacing = spacing;
    this.shape = distance.shape;
    this.distances = unpack(distance);
    this.smoothed = unpack(smoothed);
  }

  // Trilinear, with the nearest value beyond the grid.
  interpolate(values, point) {
    const at = this.cell(point);
    let sum = 0;
    for (let corner = 0; corner < 8; corner += 1) {
      const weight = this.weight(at, corner);
      if (weight !== 0) sum += weight * values[this.index(at, corner)];
    }
    return sum;
  }

  cell(point) {
    const low = [0, 0, 0];
    const share = [0, 0, 0];
    for (let c = 0; c < 3; c += 1) {
      const last = this.shape[c] - 1;
      const x = Math.min(last, Math.max(0, (point[c] - this.origin[c]) / this.spacing));
      low[c] = Math.min(last - 1, Math.floor(x));
      share[c] = x - low[c];
    }
    return { low, share };
  }

  weight({ share }, corner) {
    return (
      (corner & 4 ? share[0] : 1 - share[0]) *
      (corner & 2 ? share[1] : 1 - share[1]) *
      (corner & 1 ? share[2] : 1 - share[2])
    );
  }

  index({ low }, corner) {
    const [, rows, columns] = this.shape;
    const i = low[0] + ((corner >> 2) & 1);
    const j = low[1] + ((corner >> 1) & 1);
    return (i * rows + j) * columns + low[2] + (corner & 1);
  }

  // Signed, positive outside; at least so far where the point is beyond the grid. [m]
  distance(point) {
    let beyond = 0;
    for (let c = 0; c < 3; c += 1) {
      const x = point[c] - this.origin[c];
      const off = Math.max(-x, x - this.spacing * (this.shape[c] - 1), 0);
      beyond += off * off;
    }
    const inside = this.interpolate(this.distances, point);
    return beyond > 0 ? Math.sqrt(inside * inside + beyond) : inside;
  }

  // Outward unit normal of the smoothed scalp.
  normal(point) {
    const at = this.cell(point);
    const sum = [0, 0, 0];
    const strides = [this.shape[1] * this.shape[2], this.shape[2], 1];
    for (let corner = 0; corner < 8; corner += 1) {
      const weight = this.weight(at, corner);
      const here = this.index(at, corner);
      for (let c = 0; c < 3; c += 1) {
        const place = at.low[c] + ((corner >> (2 - c)) & 1);
        const up = place < this.shape[c] - 1 ? strides[c] : 0;
        const down = place > 0 ? strides[c] : 0;
        const step = (up > 0 ? 1 : 0) + (down > 0 ? 1 : 0);
        sum[c] += (weight * (this.smoothed[here + up] - this.smoothed[here - down])) / step;
      }
    }
    return unit(sum);
  }

  // Where a ray meets the scalp; where it misses, the point of it that comes nearest.
  cast(start, direction) {
    let nearest = Infinity;
    let best = start;
    let gone = 0;
    while (gone < 2 * FAR) {
      const point = add(start, direction, gone);
      const gap = this.distance(point);
      if (gap < 1e-5) return { hit: true, point: this.refined(point, direction), gone };
      if (gap < nearest) {
        nearest = gap;
        best = point;
      }
      gone += Math.max(0.7 * gap, 1e-4);
    }
    return { hit: false, point: best, gone: Infinity };
  }

  refined(inside, direction) {
    let low = -2e-3;
    let high = 0;
    for (let i = 0; i < 20; i += 1) {
      const middle = (low + high) / 2;
      if (this.distance(add(inside, direction, middle)) > 0) low = middle;
      else high = middle;
    }
    return add(inside, direction, (low + high) / 2);
  }

  // Bring a point near the scalp onto it, along its normal.
  onto(point) {
    const out = this.normal(point);
    const found = this.cast(add(point, out, 0.05), times(out, -1));
    return found.hit ? found.point : point;
  }

  // Where a coil's axis meets the scalp.
  foot(pose) {
    const inwards = axis(pose, 2);
    const found = this.cast(add(pose.centre, inwards, -0.05), inwards);
    return found.hit ? found.point : this.onto(pose.centre);
  }

  // Lay a coil on the scalp: tangential, its face at a distance, no part of it nearer.
  place(coil, foot, handle, distance) {
    const out = this.normal(foot);
    const back = along(handle, out);
    const y = times(back, -1);
    const z = times(out, -1);
    const pose = poseOf(cross(y, z), y, z, add(foot, out, coil.base + distance));
    const lift = this.lift(coil, pose, coil.clearance + distance);
    pose.centre = add(pose.centre, out, lift);
    return pose;
  }

  // How far a coil has to go back along its axis to be clear of the scalp. [m]
  lift(coil, pose, wanted) {
    const back = times(axis(pose, 2), -1);
    let lift = 0;
    for (let i = 0; i < 50 && lift < 0.05; i += 1) {
      const gap = this.gap(coil, pose, times(back, lift));
      if (gap >= wanted) break;
      lift += Math.max(wanted - gap, 1e-5);
    }
    return lift;
  }

  // From the nearest sample of a coil's casing to the scalp. [m]
  gap(coil, pose, shift = [0, 0, 0]) {
    const r = pose.rotation;
    const [x, y, z] = add(pose.centre, shift);
    const { samples } = coil;
    const point = [0, 0, 0];
    let least = Infinity;
    for (let i = 0; i < samples.length; i += 3) {
      const a = samples[i];
      const b = samples[i + 1];
      const c = samples[i + 2];
      point[0] = r[0] * a + r[1] * b + r[2] * c + x;
      point[1] = r[3] * a + r[4] * b + r[5] * c + y;
      point[2] = r[6] * a + r[7] * b + r[8] * c + z;
      const gap = this.distance(point);
      if (gap < least) least = gap;
    }
    return least;
  }

  // Measure along the scalp, over the straight line between two places. [m]
  way(start, end) {
    let last = this.onto(start);
    let sum = 0;
    for (let i = 1; i < STEPS; i += 1) {
      const next = this.onto(add(start, minus(end, start), i / (STEPS - 1)));
      sum += length(minus(next, last));
      last = next;
    }
    return sum;
  }

  // The way from one place to another: forward, and outwards from the midline. [m]
  steps(start, end) {
    const out = this.normal(times(add(start, end), 0.5));
    const back = straightBack(out);
    const right = cross(back, times(out, -1));
    const way = minus(end, start);
    const side = start[0] + end[0] > 0 ? 1 : -1;
    const flat = [-dot(way, back), side * dot(way, right)];
    const size = Math.hypot(...flat);
    const longer = size > 0 ? this.way(start, end) / size : 1;
    return { forward: flat[0] * longer, outward: flat[1] * longer };
  }
}

// The direction along the scalp that leads straight back, at an outward normal.
export function straightBack(normal) {
  const steep = Math.abs(normal[1]) > STEEP;
  return along(steep ? [0, 0, Math.sign(normal[1])] : [0, -1, 0], normal);
}

// The angle of a handle from straight back, positive to the right. [rad]
export function handleAngle(pose) {
  const inwards = axis(pose, 2);
  const back = straightBack(times(inwards, -1));
  const handle = times(axis(pose, 1), -1);
  return Math.atan2(dot(handle, cross(back, inwards)), dot(handle, back));
}

// The handle that lies at an angle from straight back, positive to the right.
export function handleAt(normal, angle) {
  const back = straightBack(normal);
  const right = cross(back, times(normal, -1));
  return add(times(back, Math.cos(angle)), right, Math.sin(angle));
}

// Whether outwards is to the right (1) or the left (-1) of a place; near the midline it
// is to the side that a handle points to.
export function outwards(place, angle) {
  if (Math.abs(place[0]) >= BESIDE) return Math.sign(place[0]);
  return Math.abs(angle) > 1e-9 ? Math.sign(angle) : 1;
}
