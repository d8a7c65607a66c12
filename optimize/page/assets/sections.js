// Slices through the target, with the target and the coil where they are cut.

import { add, cross, dot, minus, times } from "./vectors.js";

export class Sections {
  constructor(sections, target, bodies, panel) {
    Object.assign(this, { target, bodies });
    this.slices = sections.map((section) => ({ ...section, canvas: canvasIn(panel, section) }));
    for (const slice of this.slices) {
      slice.image = new Image();
      slice.image.onload = () => this.draw(this.shown);
      slice.image.src = slice.picture;
    }
  }

  draw(now) {
    if (!now) return;
    this.shown = now;
    for (const slice of this.slices) {
      const context = slice.canvas.getContext("2d");
      context.drawImage(slice.image, 0, 0);
      this.drawTarget(context, slice);
      this.drawCoil(context, slice, now);
    }
  }

  drawTarget(context, slice) {
    const [x, y] = flat(slice, this.target.centre);
    context.lineWidth = 2;
    context.strokeStyle = "#0b7fab";
    context.beginPath();
    context.arc(x, y, Math.max(3, this.target.radius / slice.pixel), 0, 2 * Math.PI);
    context.stroke();
  }

  // Each triangle that the plane cuts gives a line.
  drawCoil(context, slice, { pose, coil }) {
    const { vertices, triangles } = this.bodies[coil];
    const normal = cross(slice.right, slice.up);
    const r = pose.rotation;
    const placed = (i) =>
      [0, 1, 2].map(
        (c) =>
          r[3 * c] * vertices[3 * i] +
          r[3 * c + 1] * vertices[3 * i + 1] +
          r[3 * c + 2] * vertices[3 * i + 2] +
          pose.centre[c],
      );
    const heights = heightsOf(vertices, pose, normal, dot(normal, slice.centre));
    context.strokeStyle = "#c2410c";
    context.lineWidth = 1.6;
    context.beginPath();
    for (let i = 0; i < triangles.length; i += 3) {
      const corners = [triangles[i], triangles[i + 1], triangles[i + 2]];
      const above = corners.filter((each) => heights[each] > 0).length;
      if (above === 0 || above === 3) continue;
      const ends = [[0, 1], [1, 2], [2, 0]]
        .map(([a, b]) => [corners[a], corners[b]])
        .filter(([a, b]) => heights[a] > 0 !== heights[b] > 0)
        .map(([a, b]) => {
          const share = heights[a] / (heights[a] - heights[b]);
          const [p, q] = [placed(a), placed(b)];
          return flat(slice, add(p, minus(q, p), share));
        });
      context.moveTo(...ends[0]);
      context.lineTo(...ends[1]);
    }
    context.stroke();
  }
}

// How far vertices of a placed body are above a plane. [m]
function heightsOf(vertices, { rotation: r, centre }, normal, level) {
  const local = [0, 1, 2].map((c) => r[c] * normal[0] + r[3 + c] * normal[1] + r[6 + c] * normal[2]);
  const start = dot(normal, centre) - level;
  const found = new Float32Array(vertices.length / 3);
  for (let i = 0, at = 0; i < found.length; i += 1, at += 3) {
    found[i] =
      local[0] * vertices[at] + local[1] * vertices[at + 1] + local[2] * vertices[at + 2] + start;
  }
  return found;
}

// Where a point is on a slice, in its pixels.
function flat({ centre, right, up, pixel, size }, point) {
  const off = times(minus(point, centre), 1 / pixel);
  return [size / 2 + dot(off, right), size / 2 - dot(off, up)];
}

function canvasIn(panel, { name, of, size }) {
  const figure = document.createElement("figure");
  const canvas = Object.assign(document.createElement("canvas"), { width: size, height: size });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${of} in the slice ${name} through the target, with target and coil`);
  const caption = document.createElement("figcaption");
  caption.textContent = name;
  figure.append(canvas, caption);
  panel.append(figure);
  return canvas;
}
