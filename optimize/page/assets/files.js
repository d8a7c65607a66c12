// What one takes along: the pose in the files of navigation systems, as text, as a link.

import { fromMatrix, toMatrix } from "./vectors.js";

const DIGITS = 9;

// Rows of a 4×4 matrix [mm], with the axes of the coil as another system has them.
const withAxes = (rows, axes) =>
  rows.slice(0, 3).map((row) => [
    ...axes.map((axis) => axis.reduce((sum, factor, i) => sum + factor * row[i], 0)),
    row[3],
  ]);

export function matsimnibs(pose) {
  const row = (values) => values.map((x) => x.toExponential(12)).join(" ");
  return `${toMatrix(pose).map(row).join("\n")}\n`;
}

// Brainsight's axes are -x, y and -z of SimNIBS.
export function brainsight(pose, name, generator) {
  const rows = withAxes(toMatrix(pose), [[-1, 0, 0], [0, 1, 0], [0, 0, -1]]);
  const axes = [0, 1, 2].flatMap((axis) => [0, 1, 2].map((c) => `m${axis}n${c}`));
  const columns = ["Loc. X", "Loc. Y", "Loc. Z", ...axes];
  const values = [
    ...rows.map((row) => row[3].toFixed(6)),
    ...[0, 1, 2].flatMap((axis) => rows.map((row) => row[axis].toFixed(DIGITS))),
  ];
  return [
    "# Version: 14",
    "# Coordinate system: NIfTI:Q:Aligned",
    `# Created by: ${generator}`,
    "# Units: millimetres, degrees, milliseconds, and microvolts",
    "# Encoding: UTF-8",
    "# Notes: Each column is delimited by a tab. Each value within a column is delimited by a semicolon.",
    ["# Target Name", ...columns].join("\t"),
    [name, ...values].join("\t"),
    ["# Session Name", ...columns].join("\t"),
    "",
  ].join("\n");
}

// Localite's axes are z, -y and x of SimNIBS.
export function localite(pose, name) {
  const rows = withAxes(toMatrix(pose), [[0, 0, 1], [0, -1, 0], [1, 0, 0]]);
  const cells = [...rows, [0, 0, 0, 1]].flatMap((row, r) =>
    row.map((value, c) => `data${r}${c}="${value.toFixed(DIGITS)}"`),
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<InstrumentMarkerList coordinateSpace="RAS">',
    '    <InstrumentMarker alwaysVisible="false" index="0" selected="false">',
    `        <Marker additionalInformation="" color="#ff0000" description="${escaped(name)}" set="true">`,
    `            <Matrix4D ${cells.join(" ")}/>`,
    "        </Marker>",
    "    </InstrumentMarker>",
    "</InstrumentMarkerList>",
    "",
  ].join("\n");
}

export function ant(pose, name, coil, image, generator) {
  const [program, version] = generator.split(" ");
  const place = {
    NIfTI_quatern: image.quatern,
    NIfTI_qoffset: image.qoffset,
    NIfTI_pixdim: image.pixdim,
  };
  const target = {
    Name: name,
    CoordinateSystem: "ASSOCIATED_IMAGE",
    PositionalUnit: "mm",
    CoilAxesConvention: "simnibs",
    CoilInfo: { Type: coil, Id: "" },
    CoilPose: { RigidTransformMatrix4x4: toMatrix(pose) },
  };
  const content = {
    Configuration: {
      SourceInfo: { AppName: program, AppVersion: version ?? "" },
      AssociatedImageInfo: place,
    },
    TargetMarkers: [{ CoilTarget: target }],
  };
  return `${JSON.stringify(content, null, 1)}\n`;
}

// The pose in the part of an address that no server is sent: millimetres and axes.
export function link({ coil, pose, distance, rate }) {
  const numbers = toMatrix(pose)
    .slice(0, 3)
    .flatMap((row) => [...row.slice(0, 3).map((x) => x.toFixed(7)), row[3].toFixed(4)]);
  return `#pose=${numbers.join(",")}&coil=${coil}&face=${(1e3 * distance).toFixed(2)}&didt=${(rate / 1e6).toFixed(3)}`;
}

// What a link says, or null where it holds no pose.
export function fromLink(text, coils) {
  const said = new URLSearchParams(text.replace(/^#/, ""));
  const numbers = (said.get("pose") ?? "").split(",").map(Number);
  const coil = Number(said.get("coil") ?? 0);
  if (numbers.length !== 12 || !numbers.every(Number.isFinite) || !(coil in coils)) return null;
  const rows = [0, 4, 8].map((start) => numbers.slice(start, start + 4));
  const pose = fromMatrix(rows.map((row) => [...row.slice(0, 3), row[3] / 1e3]));
  if (!isRigid(pose.rotation)) return null;
  const rate = 1e6 * Number(said.get("didt"));
  const distance = 1e-3 * Number(said.get("face"));
  return {
    coil,
    pose,
    ...(rate > 0 && rate < 1e9 ? { rate } : {}),
    ...(distance >= 0 && distance <= 0.05 ? { distance } : {}),
  };
}

function isRigid(r) {
  const row = (i) => r.slice(3 * i, 3 * i + 3);
  const product = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  const [a, b, c] = [row(0), row(1), row(2)];
  const off = [
    product(a, a) - 1, product(b, b) - 1, product(c, c) - 1,
    product(a, b), product(b, c), product(c, a),
  ];
  const volume =
    a[0] * (b[1] * c[2] - b[2] * c[1]) -
    a[1] * (b[0] * c[2] - b[2] * c[0]) +
    a[2] * (b[0] * c[1] - b[1] * c[0]);
  return off.every((x) => Math.abs(x) < 1e-4) && volume > 0;
}

const escaped = (text) =>
  text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

export function save(name, content, kind = "text/plain") {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(
    content instanceof Blob ? content : new Blob([content], { type: kind }),
  );
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
}
