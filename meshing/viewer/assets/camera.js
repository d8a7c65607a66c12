// Where one looks from, without perspective; and simple bodies to look at.

import { add, along, cross, dot, times, turned, unit } from "./vectors.js";

const DEPTH = 0.6; // In front of the camera's centre and behind it. [m]
const WIDEST = 0.16; // Half of what is seen, at most and at least. [m]
const CLOSEST = 0.02;

export class Camera {
  constructor(centre) {
    this.centre = centre;
    this.half = 0.115;
    this.look([0, 0, 1], [0, 1, 0]);
  }

  look(back, up) {
    this.back = unit(back);
    this.up = along(Math.abs(dot(unit(up), this.back)) > 0.98 ? [0, 1, 0] : up, this.back);
    this.right = cross(this.up, this.back);
  }

  orbit(x, y) {
    const back = turned(turned(this.back, this.up, -x), this.right, -y);
    const up = turned(this.up, this.right, -y);
    this.look(back, up);
  }

  zoom(factor) {
    this.half = Math.min(WIDEST, Math.max(CLOSEST, this.half * factor));
  }

  // For a picture so many times as wide as high: the smaller side shows `half`.
  seen(aspect) {
    const high = this.half * Math.max(1, 1 / aspect);
    return { high, wide: high * aspect };
  }

  shot(aspect) {
    const { high, wide } = this.seen(aspect);
    const rows = [times(this.right, 1 / wide), times(this.up, 1 / high), times(this.back, -1 / DEPTH)];
    const matrix = new Float32Array(16);
    rows.forEach((row, i) => {
      for (let c = 0; c < 3; c += 1) matrix[4 * c + i] = row[c];
      matrix[12 + i] = -dot(row, this.centre);
    });
    matrix[15] = 1;
    return { matrix, back: this.back };
  }

  // Where a point is in such a picture, from -1 to 1, and how far in front of the centre.
  onto(point, aspect) {
    const { high, wide } = this.seen(aspect);
    const off = add(point, this.centre, -1);
    return [dot(off, this.right) / wide, dot(off, this.up) / high, dot(off, this.back)];
  }

  // The ray through a place of the picture, from -1 to 1.
  ray(x, y, aspect) {
    const { high, wide } = this.seen(aspect);
    const at = add(add(this.centre, this.right, x * wide), this.up, y * high);
    return { start: add(at, this.back, DEPTH), direction: times(this.back, -1) };
  }
}

export function middle(vertices) {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < vertices.length; i += 1) {
    low[i % 3] = Math.min(low[i % 3], vertices[i]);
    high[i % 3] = Math.max(high[i % 3], vertices[i]);
  }
  return times(add(low, high), 0.5);
}

export function ball(centre, radius, rings = 12, spokes = 20) {
  const vertices = [];
  const triangles = [];
  for (let i = 0; i <= rings; i += 1) {
    for (let j = 0; j < spokes; j += 1) {
      const [polar, around] = [(Math.PI * i) / rings, (2 * Math.PI * j) / spokes];
      const out = [
        Math.sin(polar) * Math.cos(around),
        Math.sin(polar) * Math.sin(around),
        Math.cos(polar),
      ];
      vertices.push(...add(centre, out, radius));
      if (i === rings) continue;
      const [here, next] = [i * spokes + j, i * spokes + ((j + 1) % spokes)];
      triangles.push(here, here + spokes, next, next, here + spokes, next + spokes);
    }
  }
  return { vertices: Float32Array.from(vertices), triangles: Uint32Array.from(triangles) };
}
