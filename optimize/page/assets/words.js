// The five answers in words: where, how turned, how strong, how sure, how much better.

import { degrees, length, minus } from "./vectors.js";
import { handleAngle, outwards } from "./scalp.js";

const LEAST_ERROR = 1e-3; // That is shown.
const LEAST = 1.5e-3; // A way that is shorter is none. [m]
const NEAR = 60e-3; // Positions farther away say little. [m]
const USUAL = [40, 150]; // That cortex usually gets, by published simulations. [V/m]

export const inMm = (value, digits = 1) => (1e3 * value).toFixed(digits);
export const perCent = (share, digits = 0) => `${(100 * share).toFixed(digits)}%`;
const points = (place) => `(${place.map((x) => inMm(x, 0)).join(", ")}) mm`;

export function where(model, pose) {
  const foot = model.scalp.foot(pose);
  const named = Object.entries(model.data.named)
    .map(([name, place]) => ({ name, place, apart: length(minus(place, foot)) }))
    .sort((a, b) => a.apart - b.apart);
  const centre = `coil centre ${points(pose.centre)}`;
  if (named.length === 0 || named[0].apart > NEAR) {
    return [centre, "in the head file; no EEG position is known nearby"];
  }
  const usual = foot[0] > 0 ? "F4" : "F3";
  const also = named.find((each) => each.name === usual && each.apart < NEAR);
  const others = also && also !== named[0] ? [wayFrom(model, also, foot)] : [];
  return [wayFrom(model, named[0], foot), [...others, centre].join("; ")];
}

function wayFrom(model, { name, place }, foot) {
  const { forward, outward } = model.scalp.steps(place, foot);
  const parts = [
    [forward, "forward", "back"],
    [outward, "outwards", "to the midline"],
  ]
    .filter(([size]) => Math.abs(size) >= LEAST)
    .map(([size, ahead, behind]) => `${inMm(Math.abs(size), 0)} mm ${size > 0 ? ahead : behind}`);
  return parts.length ? `${parts.join(" and ")} from ${name}` : `at ${name}`;
}

// Degrees outwards from straight back.
export function turn(pose) {
  const angle = handleAngle(pose);
  return degrees(angle) * outwards(pose.centre, angle);
}

export function turnedTo(model, coil, pose) {
  const angle = turn(pose);
  const side = angle > 0 ? "outwards" : "inwards";
  const words =
    Math.abs(angle) < 0.5
      ? "handle straight back"
      : `handle ${Math.abs(angle).toFixed(0)}° ${side} from straight back`;
  const gap = model.clearance(coil, pose);
  const face = gap < 5e-4 ? "touching the scalp" : `${inMm(gap)} mm off the scalp`;
  const lifted = gap < -5e-4 ? `cutting the scalp by ${inMm(-gap)} mm` : face;
  const bare = coil.casing ? "" : " (no casing is known)";
  return [words, `coil ${lifted}${bare}`];
}

export function strong(coil, found, rate) {
  const field = found.value * rate;
  const output = coil.maximum ? `${perCent(rate / coil.maximum)} of the stimulator’s output, ` : "";
  const over = coil.maximum && rate > coil.maximum ? "; more than this coil is made for" : "";
  return [
    `${field.toFixed(field < 10 ? 1 : 0)} V/m in the target`,
    `at ${output}${(rate / 1e6).toFixed(1)} A/µs (usual are ${USUAL[0]} to ${USUAL[1]} V/m)${over}`,
  ];
}

// What is estimated is never nothing.
export const within = (share) => perCent(Math.max(share, LEAST_ERROR), 1);

// Errors are of the field where it is strong: where the target gets less of it, they
// are a larger share of what it gets.
export function sure(model, coil, found) {
  const { mesh, word, bounds, words } = model.data.sure;
  const share = Math.max(1, coil.bestValue / found.value);
  const parts = [];
  if (mesh !== null) parts.push(`mesh ± ${within(share * mesh)}`);
  parts.push(found.outside ? "outside of what the page knows" : `this page ± ${within(share * found.error)}`);
  if (coil.lost) {
    const [place, angle] = coil.lost;
    parts.push(`5% are lost ${inMm(place, 0)} mm or ${degrees(angle).toFixed(0)}° off the best`);
  }
  if (found.outside) return [`${words[2]} here`, parts.join("; ")];
  if (mesh === null) return [word, parts.join("; ")];
  const both = share * (mesh + found.error);
  const rank = bounds.filter((bound) => both > bound).length;
  const answer = words[Math.max(rank, words.indexOf(word))];
  return [`${answer}: ± ${within(both)} for this model of the head`, parts.join("; ")];
}

export function better(coil, found) {
  const share = `${perCent(found.value / coil.bestValue)} of the best`;
  const usual = coil.rules.find((each) => each.usual);
  if (!usual) return [share, "no rule is known to compare with"];
  const gain = found.value / usual.value - 1;
  const rules = coil.rules.map((each) => `${each.name} ${perCent(each.value / coil.bestValue)}`);
  return [
    `${share}; ${gainWords(gain)} ${sentence(usual.name)}`,
    `share of the best: ${rules.join(", ")}`,
  ];
}

// The name of a rule within a sentence.
const sentence = (name) => (name.startsWith("like ") ? `a rule ${name}` : `the ${name}`);

function gainWords(gain) {
  if (Math.abs(gain) < 0.005) return "the same as";
  return `${perCent(Math.abs(gain))} ${gain > 0 ? "more" : "less"} than`;
}
