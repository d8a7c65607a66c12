// The view of a report: cortex with its field, scalp, coil and target, to turn and to read.

import { add, axis, dot, fromMatrix, length, times } from "./vectors.js";
import { Camera, ball, middle } from "./camera.js";
import { Renderer, hit, onceAFrame } from "./renderer.js";
import { unpack } from "./arrays.js";

const STILL = 4; // Pixels that a click may move.
const INK = "#1d2126";
const LETTER_OFF = 14e-3; // From the cortex to the letters of directions. [m]
const EYES = {
  left: [-1, 0, 0],
  right: [1, 0, 0],
  front: [0, 1, 0],
  back: [0, -1, 0],
  top: [0, 0, 1],
};

// Lengths of the data are in mm.
const inMetres = (values) => values.map((x) => x * 1e-3);

class View {
  constructor(frame, data) {
    Object.assign(this, { frame, data, highest: data.highest, least: 0 });
    [this.canvas, this.paper] = [0, 1].map(() => document.createElement("canvas"));
    frame.append(this.canvas, this.paper);
    this.renderer = new Renderer(this.canvas, data.palette);
    this.draw = onceAFrame(() => this.render(), this.renderer);
    const mesh = ({ vertices, triangles }) => ({
      vertices: inMetres(unpack(vertices)),
      triangles: unpack(triangles),
    });
    this.cortex = mesh(data.cortex);
    Object.assign(this.cortex, {
      values: unpack(data.cortex.values),
      nodes: unpack(data.cortex.nodes),
      places: unpack(data.cortex.places),
    });
    this.pose = fromMatrix(data.pose.map((row) => [...row.slice(0, 3), row[3] * 1e-3]));
    this.shown = { cortex: true, scalp: false, coil: true, casing: false, target: true };
    this.surfaces = this.surfacesOf(mesh);
    this.camera = new Camera(middle(this.cortex.vertices));
    this.spans = spansOf(this.cortex.vertices);
    this.camera.half = 0.64 * Math.max(...this.spans.map(([low, high]) => high - low));
    this.chosen = null;
    this.onRead = () => {};
    this.look("coil");
    this.listen();
  }

  surfacesOf(mesh) {
    const { data, renderer } = this;
    const cortex = renderer.surface(this.cortex);
    renderer.setValues(cortex, this.cortex.values);
    const casing = renderer.surface(mesh(data.coil));
    renderer.setValues(casing, unpack(data.coil.handle));
    const scalp = renderer.surface(mesh(data.scalp));
    if (!data.target) return { cortex, casing, scalp };
    const { centre, radius } = data.target;
    return { cortex, casing, scalp, target: renderer.surface(ball(inMetres(centre), radius * 1e-3)) };
  }

  look(name) {
    const back = name === "coil" ? times(axis(this.pose, 2), -1) : EYES[name];
    this.camera.look(back, [0, 0, 1]);
    this.draw();
  }

  get aspect() {
    return this.canvas.clientWidth / Math.max(1, this.canvas.clientHeight);
  }

  render() {
    const { renderer, surfaces, shown } = this;
    const shot = this.camera.shot(this.aspect);
    const draw = (name, look) => {
      if (shown[name] && surfaces[name]) renderer.draw(surfaces[name], shot, look);
    };
    renderer.begin([1, 1, 1]);
    draw("cortex", { kind: 1, highest: this.highest, least: this.least });
    draw("casing", { kind: 2, colour: [0.37, 0.41, 0.46], second: [0.17, 0.18, 0.21] });
    draw("target", { colour: [0.04, 0.4, 0.76], alpha: 0.55, alone: true });
    draw("scalp", { colour: [0.87, 0.75, 0.68], alpha: 0.25 });
    this.annotate();
  }

  // Lines and letters, over the surfaces: paler where what they are of is behind the head.
  annotate() {
    const { paper, canvas, shown, data } = this;
    Object.assign(paper, { width: canvas.width, height: canvas.height });
    const context = paper.getContext("2d");
    const scale = canvas.width / Math.max(1, canvas.clientWidth);
    context.lineWidth = 2.5 * scale;
    context.strokeStyle = INK;
    context.globalAlpha = dot(axis(this.pose, 2), this.camera.back) < 0.2 ? 1 : 0.25;
    if (shown.coil) {
      this.line(context, data.coil.outline.map((point) => point && inMetres(point)));
      context.setLineDash([6 * scale, 5 * scale]);
      const along = (way) => add(this.pose.centre, axis(this.pose, 2), way * 1e-3);
      this.line(context, [along(-8), along(45)]);
      context.setLineDash([]);
    }
    context.globalAlpha = 1;
    this.letters(context, scale);
    if (this.chosen !== null) this.mark(context, scale);
  }

  at(point) {
    const [x, y] = this.camera.onto(point, this.aspect);
    return [((1 + x) / 2) * this.paper.width, ((1 - y) / 2) * this.paper.height];
  }

  // A line through points; where there is none, another one begins.
  line(context, points) {
    context.beginPath();
    points.forEach((point, i) => {
      if (!point) return;
      if (i === 0 || !points[i - 1]) context.moveTo(...this.at(point));
      else context.lineTo(...this.at(point));
    });
    context.stroke();
  }

  letters(context, scale) {
    Object.assign(context, { textAlign: "center", textBaseline: "middle", fillStyle: "#59626c" });
    context.font = `${16 * scale}px system-ui, sans-serif`;
    ["LR", "PA", "IS"].forEach((pair, number) => {
      [...pair].forEach((sign, end) => {
        // What is looked along would stand before the brain.
        if (Math.abs(this.camera.back[number]) > 0.6) return;
        const point = this.spans.map(([low, high]) => (low + high) / 2);
        point[number] = this.spans[number][end] + (end ? LETTER_OFF : -LETTER_OFF);
        context.fillText(sign, ...this.at(point));
      });
    });
  }

  mark(context, scale) {
    const { vertices } = this.cortex;
    const point = [0, 1, 2].map((c) => vertices[3 * this.chosen + c]);
    context.lineWidth = 2 * scale;
    context.fillStyle = "#ffffff";
    context.beginPath();
    context.arc(...this.at(point), 5 * scale, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }

  listen() {
    const { canvas } = this;
    this.touches = new Map();
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => this.release(event));
    }
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  press(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.touches.set(event.pointerId, event);
    this.moved = 0;
  }

  // One pointer turns the head, two zoom.
  move(event) {
    const last = this.touches.get(event.pointerId);
    if (!last) return;
    const before = this.apart();
    this.touches.set(event.pointerId, event);
    const [dx, dy] = [event.clientX - last.clientX, event.clientY - last.clientY];
    this.moved += Math.abs(dx) + Math.abs(dy);
    if (this.moved < STILL) return;
    if (this.touches.size > 1) this.camera.zoom(before / Math.max(1, this.apart()));
    else this.camera.orbit(dx / 150, dy / 150);
    this.draw();
  }

  apart() {
    const [a, b] = [...this.touches.values()];
    return b ? length([a.clientX - b.clientX, a.clientY - b.clientY, 0]) : 1;
  }

  release(event) {
    this.touches.delete(event.pointerId);
    if (event.type === "pointerup" && this.moved < STILL) this.read(event);
  }

  wheel(event) {
    event.preventDefault();
    this.camera.zoom(1.08 ** Math.sign(event.deltaY));
    this.draw();
  }

  // The cortex beneath a click, whether coil and scalp are in front of it or not.
  read({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    const x = (2 * (clientX - box.left)) / box.width - 1;
    const y = 1 - (2 * (clientY - box.top)) / box.height;
    const ray = this.camera.ray(x, y, this.aspect);
    const found = hit(this.cortex, ray.start, ray.direction);
    if (!found) return;
    this.chosen = found.vertex;
    this.draw();
    this.onRead(found.vertex);
  }
}

function spansOf(vertices) {
  const spans = [0, 1, 2].map(() => [Infinity, -Infinity]);
  vertices.forEach((x, i) => {
    const span = spans[i % 3];
    span[0] = Math.min(span[0], x);
    span[1] = Math.max(span[1], x);
  });
  return spans;
}

const part = (name) => document.getElementById(name);

function say({ nodes, values, places }, index) {
  const [x, y, z] = [0, 1, 2].map((row) => places[3 * index + row].toFixed(1));
  const reading = part("reading");
  const strong = document.createElement("b");
  strong.textContent = `${values[index].toPrecision(5)} V/m`;
  const where = `at (${x}, ${y}, ${z}) mm, node ${nodes[index] + 1} of field.msh`;
  reading.replaceChildren(strong, `${where}: mean |E| of the gray matter there`);
  reading.dataset.node = nodes[index];
  reading.dataset.value = values[index];
}

function colourFrom(view, { above, highest, palette }) {
  const slider = part("threshold");
  const share = Number(slider.value);
  const volume = above[share];
  const size = volume < 10 ? volume.toFixed(2) : volume.toFixed(0);
  part("above").textContent =
    share === 0
      ? `everything; gray matter has ${volume.toFixed(0)} cm³`
      : `${((share / 100) * highest).toFixed(1)} V/m: reached by ${size} cm³ of gray matter`;
  slider.setAttribute("aria-valuetext", part("above").textContent);
  // What lies below is shown in the colour of a cortex without a field.
  view.least = (share / 100) * highest;
  const steps = palette.length - 1;
  const shades = palette.map((shade, i) => {
    const seen = i / steps < share / 100 ? palette[0] : shade;
    return `${seen} ${(100 * i) / steps}%`;
  });
  part("bar").style.background = `linear-gradient(to right, ${shades.join(", ")})`;
  view.draw();
}

function operate(view, data) {
  part("ticks").replaceChildren(
    ...[0, 0.25, 0.5, 0.75, 1].map((share) => {
      const tick = document.createElement("span");
      tick.textContent = (share * data.highest).toPrecision(3);
      return tick;
    }),
  );
  part("has-target").hidden = !data.target;
  for (const box of document.querySelectorAll("[data-part]")) {
    box.addEventListener("change", () => {
      view.shown[box.dataset.part] = box.checked;
      view.draw();
    });
  }
  for (const button of document.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => view.look(button.dataset.view));
  }
  part("threshold").addEventListener("input", () => colourFrom(view, data));
  view.onRead = (index) => say(view.cortex, index);
  colourFrom(view, data);
}

try {
  const data = JSON.parse(part("data").textContent);
  operate(new View(part("view"), data), data);
  document.body.dataset.ready = "yes";
} catch (error) {
  part("view").textContent =
    "This browser cannot draw the view: it needs WebGL 2. The pictures below show the same.";
  document.body.dataset.ready = "no";
  console.info(error);
}
