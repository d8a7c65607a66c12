// Arrays of the page's data: base64 of little-endian numbers, with kind and shape.

const KINDS = {
  f8: Float64Array,
  f4: Float32Array,
  f2: Uint16Array,
  i2: Int16Array,
  i1: Int8Array,
  u4: Uint32Array,
};

export function unpack({ kind, data, unit }) {
  const text = atob(data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  const values = new KINDS[kind](bytes.buffer);
  if (kind === "f2") return fromHalves(values);
  if (unit === undefined) return values;
  return Float32Array.from(values, (value) => value * unit);
}

// Halves are not read by all browsers of today: sign, 5 bits of exponent, 10 of fraction.
function fromHalves(halves) {
  const floats = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i += 1) {
    const bits = halves[i];
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const size =
      exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    floats[i] = bits & 32768 ? -size : size;
  }
  return floats;
}
