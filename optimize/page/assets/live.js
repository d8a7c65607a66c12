// A tracked coil: what the program sends of it becomes the plan, the newest only.

import { inMm } from "./words.js";

const AGAIN = 500; // After a connection is lost. [ms]
const SILENT = 1500; // Without a word from the program. [ms]
const MOST_DELAYS = 512;

const part = (name) => document.getElementById(name);

export class Live {
  constructor(model, plan, stage) {
    Object.assign(this, { model, plan, stage, newest: null, busy: false, following: true });
    this.delays = [];
    this.connections = 0;
    part("live").hidden = false;
    part("live-follow").addEventListener("change", ({ target }) => {
      this.following = target.checked;
      this.next();
    });
    part("live-pulse").addEventListener("click", () => this.pulse());
    this.connect();
  }

  connect() {
    const socket = new WebSocket(`ws://${location.host}/poses${location.search}`);
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.connections += 1;
    });
    socket.addEventListener("message", ({ data }) => {
      this.newest = JSON.parse(data);
      this.heard();
      if (!this.busy) this.next();
    });
    socket.addEventListener("close", () => {
      this.say({ state: "lost" });
      setTimeout(() => this.connect(), AGAIN);
    });
  }

  heard() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.say({ state: "lost" }), SILENT);
  }

  pulse() {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send('{"kind":"pulse"}');
  }

  // Show the newest; what comes before it is drawn is dropped for what comes after.
  next() {
    const found = this.newest;
    if (found === null) return;
    this.newest = null;
    this.busy = true;
    this.say(found);
    if (found.kind === "pose" && this.following) this.move(found);
    const done = () => {
      this.busy = false;
      this.next();
    };
    if (found.kind === "pose") {
      this.stage.draw(() => {
        this.drawn(found);
        done();
      });
    } else requestAnimationFrame(done);
  }

  move(found) {
    const { model, plan } = this;
    const rows = [0, 4, 8].map((i) => found.pose.slice(i, i + 4));
    const pose = {
      rotation: rows.flatMap((row) => row.slice(0, 3)),
      centre: rows.map((row) => row[3]),
    };
    const { pose: before } = plan.now;
    const same = before.centre.every((x, i) => x === pose.centre[i]) &&
      before.rotation.every((x, i) => x === pose.rotation[i]);
    if (same) return;
    const coil = model.coils[0];
    plan.show({ pose, coil: 0, distance: model.face(coil, pose), rate: found.currentRate }, false);
  }

  // From a pose's arrival at the program until it is drawn, for the screen's next refresh. [s]
  drawn({ age, sent }) {
    const delay = age + Date.now() / 1e3 - sent;
    this.delays = [...this.delays.slice(1 - MOST_DELAYS), delay];
  }

  say(found) {
    this.state = found.state;
    const good = found.state === "live";
    const rhythm = found.rate === null || found.rate === undefined ? "" :
      `${found.rate.toFixed(0)} Hz ± ${((found.jitter || 0) * 1e3).toFixed(0)} ms`;
    const old = found.state === "stale" ? `, the last pose is ${found.age.toFixed(1)} s old` : "";
    part("live-state").textContent = `Tracker: ${found.state}${old}`;
    part("live-state").classList.toggle("warned", !good);
    part("live-rate").textContent = rhythm;
    if (found.kind === "pose") {
      const cut = found.clearance < 0 ? `; cuts the scalp by ${inMm(-found.clearance)} mm` : "";
      part("live-advice").textContent = good ? found.advice + cut : "";
      part("live-pulses").textContent = `${found.pulses} pulses recorded`;
    } else part("live-advice").textContent = "";
    const pale = !good;
    if (this.stage.options.pale !== pale) {
      this.stage.options.pale = pale;
      this.stage.draw();
    }
  }
}
