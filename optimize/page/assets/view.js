// The stage: cortex, scalp, coil and target to look at, and hands that move them.

import { add, axis, dot, minus, times, turned } from "./vectors.js";
import { Camera, ball, middle } from "./camera.js";
import { Renderer, hit, normals, onceAFrame } from "./renderer.js";
import { unpack } from "./arrays.js";

const STILL = 4; // Pixels that a click may move.
// The coil and its handle, before paper and before a dark screen.
const DIM = { colour: [0.3, 0.36, 0.44], second: [0.13, 0.16, 0.2] };
const PALE = { colour: [0.6, 0.67, 0.76], second: [0.5, 0.56, 0.64] };
const BINS = 512;
const HOT = 0.999; // Share of the vertices below the top of the colour bar.

export class Stage {
  constructor(canvas, model, plan) {
    const { data } = model;
    const renderer = new Renderer(canvas, data.palette);
    Object.assign(this, { canvas, model, plan, renderer });
    this.draw = onceAFrame(() => this.render(), renderer);
    this.cortex = meshOf(data.cortex);
    this.head = meshOf(data.scalp);
    this.bodies = model.coils.map((each) => ({ ...meshOf(each.body), handle: unpack(each.body.handle) }));
    this.surfaces = {
      cortex: this.renderer.surface(this.cortex),
      second: this.renderer.surface(this.cortex),
      scalp: this.renderer.surface(this.head),
      target: this.renderer.surface(ball(data.target.centre, Math.max(data.target.radius, 3e-3))),
      coils: this.bodies.map((body) => this.bodyOf(body)),
    };
    this.count = this.cortex.vertices.length / 3;
    this.values = new Float32Array(this.count);
    this.secondValues = new Float32Array(this.count);
    this.normals = normals(this.cortex.vertices, this.cortex.triangles);
    this.options = { scalp: true, coil: true, follow: true, across: false, pale: false };
    this.highest = 1;
    this.camera = new Camera(middle(this.cortex.vertices));
    this.onRead = () => {};
    this.listen();
  }

  bodyOf(body) {
    const surface = this.renderer.surface(body);
    this.renderer.setValues(surface, body.handle);
    return surface;
  }

  // Look at the head from where the coil is.
  lookAtCoil() {
    const { pose } = this.plan.now;
    this.camera.look(times(axis(pose, 2), -1), [0, 0, 1]);
    this.draw();
  }

  show(now, found, second) {
    this.found = found;
    const across = this.options.across ? this.normals : null;
    this.model.magnitudes(found, now.rate, this.values, across);
    this.renderer.setValues(this.surfaces.cortex, this.values);
    this.second = second;
    if (second) {
      this.model.magnitudes(second.found, second.now.rate, this.secondValues, across);
      this.renderer.setValues(this.surfaces.second, this.secondValues);
    }
    if (this.options.follow) this.highest = top(this.values) || 1;
    this.draw();
  }

  render() {
    const { renderer, second, found, plan } = this;
    this.dark = matchMedia("(prefers-color-scheme: dark)").matches;
    renderer.begin(this.dark ? [0.09, 0.1, 0.12] : [1, 1, 1]);
    const one = { now: plan.now, found, surface: this.surfaces.cortex };
    if (!second) {
      this.half(one, null, 0, 1);
      return;
    }
    const other = { now: second.now, found: second.found, surface: this.surfaces.second };
    this.half(one, other, 0, 0.5);
    this.half(other, one, 0.5, 1);
  }

  half({ now, found, surface }, other, left, right) {
    const { renderer, surfaces, options } = this;
    renderer.within(left, right);
    const { clientWidth, clientHeight } = this.canvas;
    const camera = this.camera.shot(((right - left) * clientWidth) / clientHeight);
    const fade = found.outside || options.pale ? 0.75 : 0;
    renderer.draw(surface, camera, { kind: 1, highest: this.highest, fade });
    renderer.draw(surfaces.target, camera, { colour: [0.05, 0.55, 0.75] });
    const skin = { colour: [0.78, 0.72, 0.66], second: [0, 0.62, 0.45], kind: 2 };
    if (options.scalp) renderer.draw(surfaces.scalp, camera, { ...skin, alpha: 0.16 });
    if (!options.coil) return;
    for (const [each, alpha] of [[other, 0.12], [{ now }, 0.3]]) {
      if (each === null) continue;
      const look = { ...(this.dark ? PALE : DIM), kind: 2, alpha, alone: true };
      const model = columns(each.now.pose);
      renderer.draw(surfaces.coils[each.now.coil], camera, { ...look, model });
    }
  }

  mark(values) {
    this.renderer.setValues(this.surfaces.scalp, values);
    this.draw();
  }

  listen() {
    const { canvas } = this;
    this.touches = new Map();
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => this.release(event, name === "pointerup"));
    }
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  // The ray under a pointer, in the half of the picture that it is in.
  ray(event) {
    const box = this.canvas.getBoundingClientRect();
    const parts = this.second ? 2 : 1;
    const share = ((event.clientX - box.left) / box.width) * parts;
    const x = 2 * (share - Math.min(parts - 1, Math.floor(share))) - 1;
    const y = 1 - (2 * (event.clientY - box.top)) / box.height;
    return this.camera.ray(x, y, box.width / parts / box.height);
  }

  // The coil under a ray: whether that is its handle; null where there is none.
  coilAt({ start, direction }) {
    const { coil, pose } = this.plan.now;
    const turn = (v) => [0, 1, 2].map((c) => dot(axis(pose, c), v));
    const found = hit(this.bodies[coil], turn(minus(start, pose.centre)), turn(direction));
    return found && { handle: this.bodies[coil].handle[found.vertex] > 0.5 };
  }

  press(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.touches.set(event.pointerId, event);
    if (this.touches.size === 2) {
      this.grip = { kind: "two", ...this.span() };
      return;
    }
    const ray = this.ray(event);
    const coil = this.options.coil ? this.coilAt(ray) : null;
    const begin = { x: event.clientX, y: event.clientY, moved: 0, onCoil: coil !== null };
    const { pose } = this.plan.now;
    if (coil === null || event.button === 2) this.grip = { kind: "orbit", ...begin };
    else if (coil.handle) this.grip = { kind: "turn", ...begin, off: this.handleOff(ray, pose) };
    else {
      const foot = this.model.scalp.foot(pose);
      const under = this.model.scalp.cast(ray.start, ray.direction).point;
      const handle = this.model.handle(pose);
      this.grip = { kind: "drag", ...begin, off: minus(foot, under), handle };
    }
  }

  move(event) {
    if (!this.touches.has(event.pointerId)) return;
    const last = this.touches.get(event.pointerId);
    this.touches.set(event.pointerId, event);
    const { grip } = this;
    if (grip.kind === "two") {
      this.pinch();
      return;
    }
    const [dx, dy] = [event.clientX - last.clientX, event.clientY - last.clientY];
    grip.moved += Math.abs(dx) + Math.abs(dy);
    if (grip.moved < STILL) return;
    if (grip.kind === "orbit") {
      this.camera.orbit(dx / 150, dy / 150);
      this.draw();
    } else this.wanted(event);
  }

  // Pointers may move more often than pictures are drawn: the last place counts.
  wanted(event) {
    const before = this.next;
    this.next = event;
    if (before) return;
    requestAnimationFrame(() => {
      const at = this.next;
      this.next = null;
      if (at) this.carry(at);
    });
  }

  carry(event) {
    const { grip, model, plan } = this;
    const { pose, coil, distance } = plan.now;
    const ray = this.ray(event);
    const body = model.coils[coil];
    if (grip.kind === "turn") {
      const angle = this.handleOff(ray, pose) - grip.off;
      this.turnBy(angle, false);
    } else if (grip.kind === "drag") {
      const under = model.scalp.cast(ray.start, ray.direction).point;
      const foot = model.scalp.onto(add(under, grip.off));
      plan.show({ pose: model.place(body, foot, grip.handle, distance) }, false);
    }
  }

  release(event, whole) {
    this.touches.delete(event.pointerId);
    const { grip } = this;
    if (!grip || this.touches.size > 0) return;
    if (this.next) {
      const last = this.next;
      this.next = null;
      this.carry(last);
    }
    this.grip = null;
    if (whole && grip.kind !== "two" && grip.moved < STILL) this.read(event);
    this.plan.keep();
  }

  // The angle of the ray's place in the coil's plane from its handle. [rad]
  handleOff({ start, direction }, pose) {
    const [x, y, z] = [0, 1, 2].map((c) => axis(pose, c));
    const far = dot(minus(pose.centre, start), z) / dot(direction, z);
    const at = minus(add(start, direction, far), pose.centre);
    return Math.atan2(dot(at, x), -dot(at, y));
  }

  // Turn the coil about its axis, clockwise as seen from outside. [rad]
  turnBy(angle, kept = true) {
    const { model, plan } = this;
    const { pose, coil, distance } = plan.now;
    const handle = turned(model.handle(pose), axis(pose, 2), angle);
    const foot = model.scalp.foot(pose);
    plan.show({ pose: model.place(model.coils[coil], foot, handle, distance) }, kept);
  }

  span() {
    const [a, b] = [...this.touches.values()];
    const [x, y] = [b.clientX - a.clientX, b.clientY - a.clientY];
    return { apart: Math.hypot(x, y), angle: Math.atan2(y, x) };
  }

  // Two fingers: apart to zoom, around each other to turn the handle.
  pinch() {
    if (this.touches.size < 2) return;
    const now = this.span();
    this.camera.zoom(this.grip.apart / now.apart);
    const angle = Math.atan2(Math.sin(now.angle - this.grip.angle), Math.cos(now.angle - this.grip.angle));
    this.grip = { kind: "two", ...now };
    this.turnBy(angle, false);
  }

  // Over the coil the wheel turns the handle, elsewhere it zooms.
  wheel(event) {
    event.preventDefault();
    const way = Math.sign(event.deltaY);
    if (this.options.coil && this.coilAt(this.ray(event))) this.turnBy((way * Math.PI) / 90);
    else {
      this.camera.zoom(1.08 ** way);
      this.draw();
    }
  }

  read(event) {
    const ray = this.ray(event);
    const found = hit(this.cortex, ray.start, ray.direction);
    if (found) this.onRead(found.vertex);
  }
}

function meshOf({ vertices, triangles }) {
  return { vertices: unpack(vertices), triangles: unpack(triangles) };
}

// A pose as WebGL has matrices: by columns.
function columns({ rotation: r, centre }) {
  return Float32Array.from([
    r[0], r[3], r[6], 0, r[1], r[4], r[7], 0, r[2], r[5], r[8], 0, ...centre, 1,
  ]);
}

// What nearly all values are below.
function top(values) {
  let most = 0;
  for (const value of values) most = Math.max(most, value);
  const counts = new Uint32Array(BINS + 1);
  for (const value of values) counts[Math.floor((value / most) * BINS)] += 1;
  let left = values.length * (1 - HOT);
  let bin = BINS;
  while (bin > 0 && left >= counts[bin]) {
    left -= counts[bin];
    bin -= 1;
  }
  return (most * (bin + 1)) / BINS;
}

