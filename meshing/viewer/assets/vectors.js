// Vectors of three numbers, and poses: a rotation by rows and the coil's centre [m].

export const add = (a, b, scale = 1) => [
  a[0] + scale * b[0],
  a[1] + scale * b[1],
  a[2] + scale * b[2],
];
export const minus = (a, b) => add(a, b, -1);
export const times = (a, scale) => [a[0] * scale, a[1] * scale, a[2] * scale];
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const length = (a) => Math.hypot(a[0], a[1], a[2]);
export const unit = (a) => times(a, 1 / length(a));
export const cross = (a, b) => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
export const degrees = (angle) => (angle * 180) / Math.PI;
export const radians = (angle) => (angle * Math.PI) / 180;

// The part of a vector that lies in the plane of a normal, of length 1.
export const along = (vector, normal) => unit(add(vector, normal, -dot(vector, normal)));

export const axis = (pose, number) => [0, 3, 6].map((row) => pose.rotation[row + number]);

export function poseOf(x, y, z, centre) {
  const rotation = [0, 1, 2].flatMap((row) => [x[row], y[row], z[row]]);
  return { rotation, centre: [...centre] };
}

export function fromMatrix(rows) {
  return {
    rotation: rows.slice(0, 3).flatMap((row) => row.slice(0, 3)),
    centre: rows.slice(0, 3).map((row) => row[3]),
  };
}

// As SimNIBS has it: coil to head, lengths in mm.
export function toMatrix(pose) {
  const rows = [0, 1, 2].map((row) => [
    ...pose.rotation.slice(3 * row, 3 * row + 3),
    pose.centre[row] * 1e3,
  ]);
  return [...rows, [0, 0, 0, 1]];
}

// Of the turn from one pose to another. [rad]
export function angleBetween(one, other) {
  let trace = 0;
  for (let i = 0; i < 9; i += 1) trace += one.rotation[i] * other.rotation[i];
  return Math.acos(Math.min(1, Math.max(-1, (trace - 1) / 2)));
}

// A vector turned about a unit axis.
export function turned(vector, about, angle) {
  const aside = cross(about, vector);
  const kept = dot(about, vector) * (1 - Math.cos(angle));
  return add(add(times(vector, Math.cos(angle)), aside, Math.sin(angle)), about, kept);
}
