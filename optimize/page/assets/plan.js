// What is shown: coil, pose, current and a second pose to compare with; and its history.
//
// Whatever knows a pose calls `show`: a hand that drags, a link, or a stream of poses.

const MOST_STEPS = 200;

export class Plan {
  constructor(first) {
    this.now = first;
    this.past = [];
    this.future = [];
    this.listeners = [];
    this.kept = first;
  }

  listen(listener) {
    this.listeners.push(listener);
  }

  // Change what is shown. A change that is not kept, such as one within a drag, leaves
  // no step to undo.
  show(change, kept = true) {
    this.now = { ...this.now, ...change };
    if (kept) this.store();
    this.tell();
  }

  // Make a step to undo of what is shown.
  keep() {
    if (this.now === this.kept) return;
    this.store();
    this.tell();
  }

  store() {
    this.past = [...this.past.slice(-MOST_STEPS), this.kept];
    this.future = [];
    this.kept = this.now;
  }

  undo() {
    this.go(this.past, this.future);
  }

  redo() {
    this.go(this.future, this.past);
  }

  go(from, to) {
    if (from.length === 0) return;
    to.push(this.kept);
    this.kept = from.pop();
    this.now = this.kept;
    this.tell();
  }

  tell() {
    for (const listener of this.listeners) listener(this.now);
  }
}
