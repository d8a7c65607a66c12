// Buttons, fields and keys: each changes the plan, and all show what it is.

import { add, angleBetween, cross, degrees, length, minus, radians, times } from "./vectors.js";
import { handleAt, outwards, straightBack } from "./scalp.js";
import { better, inMm, perCent, strong, sure, turn, turnedTo, where, within } from "./words.js";
import { Sections } from "./sections.js";

const STEP = 2e-3; // Of the arrow keys and buttons. [m]
const STRIDE = 10e-3; // With Shift. [m]
const USUAL_ANGLE = radians(45);
const BESIDE = 20e-3; // Nearer to the midline a handle by rule points straight back. [m]
const AROUND = 35e-3; // Of the coil, where losses are looked at. [m]
const KEPT = 0.95;
const KNOWN = 0.01; // An error that says too little where nothing is known.
const TURN = 20; // Milliseconds of work before the browser may draw. [ms]
const REST = 120; // [ms]
const SPEAK = 600; // After the last change. [ms]
const LOOKS = {
  left: [[-1, 0, 0], [0, 0, 1]],
  right: [[1, 0, 0], [0, 0, 1]],
  front: [[0, 1, 0], [0, 0, 1]],
  top: [[0, 0, 1], [0, 1, 0]],
};

const part = (name) => document.getElementById(name);

export class Controls {
  constructor(model, plan, stage) {
    Object.assign(this, { model, plan, stage, second: null });
    this.fill();
    this.bind();
    plan.listen((now) => this.update(now));
  }

  get coil() {
    return this.model.coils[this.plan.now.coil];
  }

  get unit() {
    return this.stage.options.across
      ? "E across the cortex’s surface, size, V/m"
      : "|E| on the cortex, V/m";
  }

  fill() {
    const { model } = this;
    const named = Object.keys(model.data.named);
    const option = (text, value) => new Option(text, value);
    part("position").append(option("choose", ""), ...named.map((name) => option(name, name)));
    part("position").parentElement.querySelector("label").hidden = named.length === 0;
    part("position").hidden = named.length === 0;
    part("coil").append(...model.coils.map((coil, i) => option(coil.name, i)));
    part("coil-row").hidden = model.coils.length < 2;
    const { cortex, sure: mesh } = model.data;
    part("trust").textContent =
      `The field is a sum of ${model.field.modes} modes of solved placements with elements of order ${cortex.basis.order}; of placements that these had not seen E was within ${perCent(cortex.basis.worst, 2)}. ` +
      `The number behind “this page” is the error estimated for the placement shown.\n` +
      `The mesh in the target: ${mesh.word} (${mesh.limits}).${mesh.reasons.length ? ` Against it speaks: ${mesh.reasons.join("; ")}.` : ""}\n` +
      "Do not trust it where head and navigation do not share one T1, or a lesion, an implant or a hole in the skull is not among the head's tissues.";
    const { sections, target } = model.data;
    this.sections = new Sections(sections, target, this.stage.bodies, part("slices"));
    this.fillBar();
  }

  fillBar() {
    const context = part("bar").getContext("2d");
    const { palette } = this.model.data;
    palette.forEach((colour, i) => {
      context.fillStyle = colour;
      context.fillRect((i * 256) / palette.length, 0, 256 / palette.length + 1, 1);
    });
  }

  fillJumps() {
    const { coil } = this;
    if (this.shownJumps === coil) return;
    this.shownJumps = coil;
    const button = (spot, text) => {
      const found = Object.assign(document.createElement("button"), { type: "button", textContent: text });
      found.addEventListener("click", () => this.jump(spot.pose));
      return found;
    };
    const rules = coil.rules.map((rule) => button(rule, rule.name));
    part("jumps").replaceChildren(button(coil.best, "Best placement"), ...rules);
  }

  bind() {
    const { plan, stage } = this;
    const click = (name, action) => part(name).addEventListener("click", action);
    const change = (name, action) =>
      part(name).addEventListener("change", ({ target }) => action(target));
    click("undo", () => plan.undo());
    click("redo", () => plan.redo());
    click("keep", () => this.keepSecond());
    click("swap", () => this.swap());
    click("drop", () => this.setSecond(null));
    click("region", () => this.markRegion());
    change("position", (box) => this.goTo(box.value));
    change("coil", (box) => this.switchTo(Number(box.value)));
    change("angle", (box) => this.setAngle(radians(Number(box.value))));
    change("distance", (box) => this.setDistance(1e-3 * Number(box.value)));
    change("didt", (box) => this.setRate(1e6 * Number(box.value)));
    change("output", (box) => this.setRate((this.coil.maximum * Number(box.value)) / 100));
    for (const name of ["scalp", "coil"]) {
      change(`show-${name}`, (box) => {
        stage.options[name] = box.checked;
        stage.draw();
      });
    }
    change("follow", (box) => {
      stage.options.follow = box.checked;
      plan.tell();
    });
    change("across", (box) => {
      stage.options.across = box.checked;
      part("unit").textContent = this.unit;
      plan.tell();
    });
    for (const each of document.querySelectorAll("[data-way]")) {
      const [right, forward] = each.dataset.way.split(",").map(Number);
      each.addEventListener("click", () => this.move(right, forward, STEP));
    }
    for (const each of document.querySelectorAll("[data-view]")) {
      each.addEventListener("click", () => this.look(each.dataset.view));
    }
    stage.canvas.addEventListener("keydown", (event) => this.key(event));
    stage.onRead = (vertex) => this.readAt(vertex);
  }

  key(event) {
    if (event.altKey || event.metaKey) return;
    const step = event.shiftKey ? STRIDE : STEP;
    const angle = radians(event.shiftKey ? 1 : 5);
    const actions = {
      ArrowUp: () => this.move(0, 1, step),
      ArrowDown: () => this.move(0, -1, step),
      ArrowLeft: () => this.move(-1, 0, step),
      ArrowRight: () => this.move(1, 0, step),
      q: () => this.stage.turnBy(-angle),
      e: () => this.stage.turnBy(angle),
      "+": () => this.setDistance(this.plan.now.distance + 1e-3),
      "-": () => this.setDistance(this.plan.now.distance - 1e-3),
      b: () => this.jump(this.coil.best.pose),
      z: () => this.plan.undo(),
      y: () => this.plan.redo(),
      c: () => this.keepSecond(),
    };
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!(key in actions)) return;
    event.preventDefault();
    actions[key]();
  }

  // Lay the coil anew where something of its placement changes.
  lay(foot, handle, distance = this.plan.now.distance) {
    const pose = this.model.place(this.coil, foot, handle, distance);
    this.plan.show({ pose, distance });
  }

  move(right, forward, step) {
    const { pose } = this.plan.now;
    const { scalp } = this.model;
    const foot = scalp.foot(pose);
    const normal = scalp.normal(foot);
    const back = straightBack(normal);
    const way = add(times(back, -forward), cross(back, times(normal, -1)), right);
    this.lay(scalp.onto(add(foot, way, step)), this.model.handle(pose));
  }

  setAngle(angle) {
    const { pose } = this.plan.now;
    const foot = this.model.scalp.foot(pose);
    const side = outwards(foot, radians(turn(pose)) || 1);
    this.lay(foot, handleAt(this.model.scalp.normal(foot), side * angle));
  }

  setDistance(asked) {
    const distance = Math.min(0.03, Math.max(0, asked || 0));
    const { pose } = this.plan.now;
    this.lay(this.model.scalp.foot(pose), this.model.handle(pose), distance);
  }

  setRate(rate) {
    if (rate > 0 && rate < 1e9) this.plan.show({ rate });
    else this.plan.tell();
  }

  jump(pose) {
    this.plan.show({ pose, distance: this.model.face(this.coil, pose) });
    this.stage.lookAtCoil();
  }

  // Over a 10-20 position, with the handle as clinics have it.
  goTo(name) {
    const place = this.model.data.named[name];
    if (!place) return;
    const { scalp } = this.model;
    const foot = scalp.onto(place);
    const side = Math.abs(foot[0]) < BESIDE ? 0 : Math.sign(foot[0]);
    this.lay(foot, handleAt(scalp.normal(foot), side * USUAL_ANGLE));
    this.stage.lookAtCoil();
  }

  // Another coil takes the same place; where this one is at its best, so does that one.
  switchTo(number) {
    const { coil, plan, model } = this;
    const { pose, distance } = plan.now;
    const best = pose === coil.best.pose;
    const next = model.coils[number];
    const foot = model.scalp.foot(pose);
    const laid = best ? next.best.pose : model.place(next, foot, model.handle(pose), distance);
    plan.show({ coil: number, pose: laid });
  }

  look(name) {
    if (name === "coil") this.stage.lookAtCoil();
    else {
      this.stage.camera.look(...LOOKS[name]);
      this.stage.draw();
    }
  }

  keepSecond() {
    this.setSecond(this.plan.now);
  }

  setSecond(now) {
    this.second = now && { now, found: this.model.at(this.model.coils[now.coil], now.pose) };
    for (const name of ["swap", "drop"]) part(name).disabled = !now;
    part("halves").hidden = !now;
    this.plan.tell();
  }

  swap() {
    const { now } = this.plan;
    const { second } = this;
    this.setSecond(now);
    this.plan.show(second.now);
  }

  update(now) {
    const { model, stage, coil } = this;
    const found = model.at(coil, now.pose);
    stage.show(now, found, this.second);
    this.fillJumps();
    this.answer(now, found);
    this.setFields(now);
    this.badge(found);
    part("highest").textContent = stage.highest.toFixed(0);
    part("middle").textContent = (stage.highest / 2).toFixed(0);
    part("undo").disabled = this.plan.past.length === 0;
    part("redo").disabled = this.plan.future.length === 0;
    part("difference").textContent = this.second ? this.difference(now, found) : "";
    if (this.readVertex !== undefined) this.readAt(this.readVertex);
    this.clearRegion();
    // Slices follow when the hand rests: they are not needed within a drag.
    clearTimeout(this.slicing);
    this.slicing = setTimeout(() => this.sections.draw(now), REST);
  }

  answer(now, found) {
    const { model, coil } = this;
    const words = {
      where: where(model, now.pose),
      turned: turnedTo(model, coil, now.pose),
      strong: strong(coil, found, now.rate),
      sure: sure(model, coil, found),
      better: better(coil, found),
    };
    for (const [name, [answer, note]] of Object.entries(words)) {
      const strongly = document.createElement("strong");
      strongly.textContent = answer;
      const aside = document.createElement("span");
      aside.textContent = note;
      part(name).replaceChildren(strongly, aside);
    }
    part("sure").classList.toggle("warned", found.outside);
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => {
      part("spoken").textContent = Object.values(words).map(([answer]) => answer).join("; ");
    }, SPEAK);
    this.words = words;
  }

  setFields(now) {
    const set = (name, value) => {
      if (document.activeElement !== part(name)) part(name).value = value;
    };
    set("angle", turn(now.pose).toFixed(0));
    set("distance", inMm(now.distance));
    set("didt", (now.rate / 1e6).toFixed(1));
    part("coil").value = now.coil;
    part("output-row").hidden = !this.coil.maximum;
    if (this.coil.maximum) set("output", ((100 * now.rate) / this.coil.maximum).toFixed(0));
    const foot = part("position");
    if (document.activeElement !== foot) foot.value = "";
  }

  badge(found) {
    // What lies outside by its distance alone can still be fitted well.
    const off = found.error > KNOWN ? ` (off by ${perCent(found.error)} or more)` : "";
    const text = found.outside
      ? `Outside of what this page knows: do not rely on the field${off}`
      : `Field on the cortex within about ${within(found.error)} of a full solution`;
    part("badge").textContent = text;
    part("badge").classList.toggle("warned", found.outside);
  }

  difference(now, found) {
    const { second, model } = this;
    const [here, there] = [now.pose, second.now.pose];
    const apart = length(minus(model.scalp.foot(here), model.scalp.foot(there)));
    const angle = degrees(angleBetween(here, there));
    const [a, b] = [found.value * now.rate, second.found.value * second.now.rate];
    return `A is ${inMm(apart)} mm along the scalp and ${angle.toFixed(1)}° from B\nin the target A ${a.toFixed(1)}, B ${b.toFixed(1)} V/m (${a >= b ? "+" : "−"}${Math.abs(a - b).toFixed(1)} V/m)`;
  }

  readAt(vertex) {
    this.readVertex = vertex;
    const { places } = this.model;
    const place = [0, 1, 2].map((c) => places[3 * vertex + c]);
    const at = place.map((x) => inMm(x)).join(", ");
    const value = this.stage.values[vertex].toFixed(1);
    const other = this.second ? `, B ${this.stage.secondValues[vertex].toFixed(1)} V/m` : "";
    const what = this.stage.options.across ? "E across the surface" : "|E|";
    part("reading").textContent = `${what} is ${value} V/m${other} at (${at}) mm`;
  }

  // Try places around the coil with its present handle, a few at a time.
  markRegion() {
    const { model, stage, plan, coil } = this;
    const { pose, distance } = plan.now;
    const foot = model.scalp.foot(pose);
    const { vertices } = stage.head;
    const shares = new Float32Array(vertices.length / 3);
    const place = (i) => [0, 1, 2].map((c) => vertices[3 * i + c]);
    const near = [...shares.keys()].filter((i) => length(minus(place(i), foot)) < AROUND);
    const handle = model.handle(pose);
    const least = KEPT * coil.bestValue;
    let done = 0;
    const run = { over: false };
    this.region = run;
    const work = () => {
      if (run.over) return;
      const until = performance.now() + TURN;
      while (done < near.length && performance.now() < until) {
        const i = near[done];
        const tried = model.place(coil, model.scalp.onto(place(i)), handle, distance);
        shares[i] = model.at(coil, tried).value >= least ? 1 : 0;
        done += 1;
      }
      stage.mark(shares);
      const whole = done === near.length;
      part("marked").textContent = whole
        ? "Green on the scalp: with the handle as it is, the target gets 95% of the best or more."
        : `${done} of ${near.length} places were tried`;
      if (!whole) setTimeout(work);
    };
    work();
  }

  clearRegion() {
    if (!this.region) return;
    this.region.over = true;
    this.region = null;
    part("marked").textContent = "";
    this.stage.mark(new Float32Array(this.stage.head.vertices.length / 3));
  }
}
