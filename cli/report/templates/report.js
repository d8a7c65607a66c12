"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const view = document.getElementById("view");
  const kinds = { f4: Float32Array, u4: Uint32Array };
  const unpack = ({ type, data: text }) => {
    const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
    return new kinds[type](bytes.buffer);
  };
  const column = (rows, number) => rows.filter((_, place) => place % 3 === number);
  const columns = (rows) => [0, 1, 2].map((number) => column(rows, number));

  const cortex = {
    at: columns(unpack(data.cortex.vertices)),
    corners: columns(unpack(data.cortex.triangles)),
    values: unpack(data.cortex.values),
    nodes: unpack(data.cortex.nodes),
    places: unpack(data.cortex.places),
  };
  const { highest, palette } = data;
  const axis = [0, 1, 2].map((row) => data.pose[row][2]);
  const centre = [0, 1, 2].map((row) => data.pose[row][3]);
  const along = (way) => centre.map((x, i) => x + way * axis[i]);

  const faces = (part) => {
    const [x, y, z] = columns(unpack(part.vertices));
    const [i, j, k] = columns(unpack(part.triangles));
    return { type: "mesh3d", x, y, z, i, j, k, hoverinfo: "skip", showscale: false };
  };

  // What lies below the threshold is shown in the colour of a cortex without a field.
  const colours = (from) => {
    const steps = palette.length - 1;
    const scale = from > 0 ? [[0, palette[0]], [from, palette[0]]] : [];
    palette.forEach((colour, step) => {
      if (step / steps > from || from === 0) scale.push([step / steps, colour]);
    });
    if (from > 0) {
      const nearest = palette[Math.round(from * steps)];
      scale.splice(2, 0, [from, nearest]);
    }
    if (scale[scale.length - 1][0] < 1) scale.push([1, palette[steps]]);
    return scale;
  };

  function line(points, style) {
    const [x, y, z] = [0, 1, 2].map((row) => points.map((point) => point && point[row]));
    return {
      type: "scatter3d", mode: "lines", hoverinfo: "skip", part: "coil", x, y, z,
      line: { color: "#1d2126", ...style },
    };
  }

  const light = { ambient: 0.62, diffuse: 0.55, specular: 0.06, roughness: 0.7, fresnel: 0.05 };
  const traces = [
    {
      type: "mesh3d", x: cortex.at[0], y: cortex.at[1], z: cortex.at[2],
      i: cortex.corners[0], j: cortex.corners[1], k: cortex.corners[2],
      intensity: cortex.values, cmin: 0, cmax: highest, colorscale: colours(0),
      showscale: false, hoverinfo: "skip", lighting: light, part: "cortex",
    },
    { ...faces(data.scalp), color: "#dfc0ad", opacity: 0.25, visible: false, part: "scalp" },
    {
      ...faces(data.coil), intensity: unpack(data.coil.handle), part: "casing", visible: false,
      colorscale: [[0, "#5e6875"], [1, "#2b2e35"]], lighting: { ...light, specular: 0.3 },
    },
    line(data.coil.outline, { width: 6 }),
    line([along(-8), along(45)], { width: 5, dash: "dash" }),
  ];
  if (data.target) {
    const ball = sphere(data.target.centre, data.target.radius);
    traces.push({ ...ball, color: "#0a66c2", opacity: 0.55, part: "target" });
    traces.push({
      type: "scatter3d", mode: "markers", hoverinfo: "skip", part: "target",
      x: [data.target.centre[0]], y: [data.target.centre[1]], z: [data.target.centre[2]],
      marker: { size: 5, color: "#0a66c2" },
    });
  } else {
    document.getElementById("has-target").hidden = true;
  }
  const chosen = {
    type: "scatter3d", mode: "markers", hoverinfo: "skip", x: [], y: [], z: [],
    marker: { size: 6, color: "#ffffff", line: { color: "#1d2126", width: 2 }, symbol: "circle" },
  };
  traces.push(letters(), chosen);

  function sphere(at, radius) {
    const rows = 12, around = 24, points = [[], [], []], corners = [[], [], []];
    for (let row = 0; row <= rows; row++) {
      for (let turn = 0; turn < around; turn++) {
        const up = (Math.PI * row) / rows, side = (2 * Math.PI * turn) / around;
        points[0].push(at[0] + radius * Math.sin(up) * Math.cos(side));
        points[1].push(at[1] + radius * Math.sin(up) * Math.sin(side));
        points[2].push(at[2] + radius * Math.cos(up));
        if (row === rows) continue;
        const a = row * around + turn, b = row * around + ((turn + 1) % around);
        for (const [p, q, r] of [[a, a + around, b], [b, a + around, b + around]]) {
          corners[0].push(p); corners[1].push(q); corners[2].push(r);
        }
      }
    }
    const [x, y, z] = points, [i, j, k] = corners;
    return { type: "mesh3d", x, y, z, i, j, k, hoverinfo: "skip", showscale: false };
  }

  function letters() {
    const ends = cortex.at.map((row) => row.reduce(
      ([low, high], x) => [Math.min(low, x), Math.max(high, x)], [Infinity, -Infinity]));
    const middle = ends.map(([low, high]) => (low + high) / 2);
    const at = [[], [], []], text = [];
    ["LR", "PA", "IS"].forEach((pair, number) => [...pair].forEach((sign, end) => {
      middle.forEach((x, row) => at[row].push(row === number ? ends[row][end] + (end ? 14 : -14) : x));
      text.push(sign);
    }));
    const [x, y, z] = at;
    return {
      type: "scatter3d", mode: "text", x, y, z, text, hoverinfo: "skip",
      textfont: { size: 16, color: "#59626c" },
    };
  }

  // The frame holds scalp and coil, shown or not, so that nothing jumps; a head fills it.
  const spans = [0, 1, 2].map((row) => {
    const ends = [traces[0], traces[1], traces[2]].map((trace) => [trace.x, trace.y, trace.z][row]);
    return ends.reduce(([low, high], line) => line.reduce(
      ([least, most], x) => [Math.min(least, x), Math.max(most, x)], [low, high]), [Infinity, -Infinity]);
  });
  const sizes = spans.map(([low, high]) => high - low);
  const brain = cortex.at.map((line) => line.reduce(
    ([least, most], x) => [Math.min(least, x), Math.max(most, x)], [Infinity, -Infinity]));
  const unit = 1.5 / Math.max(...brain.map(([low, high]) => high - low));
  const middle = spans.map(([low, high], row) => unit * ((brain[row][0] + brain[row][1] - low - high) / 2));
  const hidden = (row) => ({ visible: false, range: spans[row], autorange: false });
  const outwards = axis.map((x) => -x);
  const eyes = {
    coil: outwards, left: [-1, 0, 0], right: [1, 0, 0], front: [0, 1, 0], back: [0, -1, 0], top: [0, 0, 1],
  };
  const camera = (name) => {
    const eye = eyes[name].map((x, row) => middle[row] + 3 * x);
    const upright = Math.abs(eyes[name][2]) > 0.9 ? { x: 0, y: 1, z: 0 } : { x: 0, y: 0, z: 1 };
    return {
      eye: { x: eye[0], y: eye[1], z: eye[2] }, up: upright,
      center: { x: middle[0], y: middle[1], z: middle[2] }, projection: { type: "orthographic" },
    };
  };
  const layout = {
    margin: { l: 0, r: 0, t: 0, b: 0 }, showlegend: false, paper_bgcolor: "#ffffff",
    scene: {
      xaxis: hidden(0), yaxis: hidden(1), zaxis: hidden(2), aspectmode: "manual",
      aspectratio: { x: unit * sizes[0], y: unit * sizes[1], z: unit * sizes[2] },
      camera: camera("coil"), dragmode: "orbit",
    },
  };
  const options = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["hoverClosest3d"] };

  const say = (index) => {
    const [x, y, z] = [0, 1, 2].map((row) => cortex.places[3 * index + row].toFixed(1));
    const reading = document.getElementById("reading");
    const strong = document.createElement("b");
    strong.textContent = `${cortex.values[index].toPrecision(5)} V/m`;
    reading.replaceChildren(strong, `at (${x}, ${y}, ${z}) mm, node ${cortex.nodes[index] + 1} of field.msh: mean |E| of the gray matter there`);
    reading.dataset.node = cortex.nodes[index];
    reading.dataset.value = cortex.values[index];
    // A little off the surface, towards the viewer, so that the marker is not cut by it.
    const { eye, center } = view._fullLayout.scene.camera;
    const towards = ["x", "y", "z"].map((name) => eye[name] - center[name]);
    const away = Math.hypot(...towards);
    const [px, py, pz] = cortex.at.map((line, row) => line[index] + (4 * towards[row]) / away);
    Plotly.restyle(view, { x: [[px]], y: [[py]], z: [[pz]] }, [traces.length - 1]);
  };

  // plotly picks whatever is in front, the coil or a translucent scalp too. What is wanted is
  // the cortex beneath, so its vertices are projected as plotly's camera does.
  const projected = () => {
    const scene = view._fullLayout.scene._scene;
    const { model, view: seen, projection } = scene.glplot.cameraParams;
    const product = (a, b) => Array.from({ length: 16 }, (_, n) =>
      [0, 1, 2, 3].reduce((sum, k) => sum + a[4 * k + (n % 4)] * b[4 * Math.floor(n / 4) + k], 0));
    const m = product(product(projection, seen), model);
    const [x, y, z] = cortex.at, [sx, sy, sz] = scene.dataScale;
    const out = new Float64Array(3 * x.length);
    for (let n = 0; n < x.length; n++) {
      const p = x[n] * sx, q = y[n] * sy, r = z[n] * sz;
      const w = m[3] * p + m[7] * q + m[11] * r + m[15];
      for (let row = 0; row < 3; row++) {
        out[3 * n + row] = (m[row] * p + m[4 + row] * q + m[8 + row] * r + m[12 + row]) / w;
      }
    }
    return out;
  };

  // The vertex nearest to a click, of the foremost triangle there; -1 beside the cortex.
  const vertexAt = ({ clientX, clientY }) => {
    const box = view.querySelector("canvas").getBoundingClientRect();
    const column = (2 * (clientX - box.left)) / box.width - 1;
    const row = 1 - (2 * (clientY - box.top)) / box.height;
    const at = projected(), [first, second, third] = cortex.corners;
    let best = -1, foremost = Infinity;
    for (let n = 0; n < first.length; n++) {
      const a = 3 * first[n], b = 3 * second[n], c = 3 * third[n];
      const ux = at[b] - at[a], uy = at[b + 1] - at[a + 1];
      const vx = at[c] - at[a], vy = at[c + 1] - at[a + 1];
      const px = column - at[a], py = row - at[a + 1];
      const area = ux * vy - uy * vx;
      if (area === 0) continue;
      const s = (px * vy - py * vx) / area, t = (ux * py - uy * px) / area;
      if (s < 0 || t < 0 || s + t > 1) continue;
      const depth = at[a + 2] + s * (at[b + 2] - at[a + 2]) + t * (at[c + 2] - at[a + 2]);
      if (depth >= foremost) continue;
      foremost = depth;
      const rest = 1 - s - t;
      best = rest >= s && rest >= t ? first[n] : s >= t ? second[n] : third[n];
    }
    return best;
  };

  const threshold = document.getElementById("threshold");
  const colour = () => {
    const share = Number(threshold.value);
    const volume = data.above[share];
    document.getElementById("above").textContent = share === 0
      ? `everything; gray matter has ${volume.toFixed(0)} cm³`
      : `${((share / 100) * highest).toFixed(1)} V/m: reached by ${volume < 10 ? volume.toFixed(2) : volume.toFixed(0)} cm³ of gray matter`;
    threshold.setAttribute("aria-valuetext", document.getElementById("above").textContent);
    const scale = colours(Math.min(share / 100, 0.999));
    document.getElementById("bar").style.background =
      `linear-gradient(to right, ${scale.map(([at, shade]) => `${shade} ${100 * at}%`).join(", ")})`;
    return scale;
  };
  document.getElementById("ticks").replaceChildren(...[0, 0.25, 0.5, 0.75, 1].map((share) => {
    const tick = document.createElement("span");
    tick.textContent = (share * highest).toPrecision(3);
    return tick;
  }));
  colour();

  Plotly.newPlot(view, traces, layout, options).then(() => {
    let pressed = null;
    view.addEventListener("pointerdown", (event) => {
      pressed = [event.clientX, event.clientY];
    }, true);
    view.addEventListener("pointerup", (event) => {
      if (!pressed || event.target.tagName !== "CANVAS") return;
      if (Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > 4) return;
      const index = vertexAt(event);
      if (index >= 0) say(index);
    }, true);
    document.querySelectorAll("[data-part]").forEach((box) => {
      box.addEventListener("change", () => {
        const which = traces.flatMap((trace, number) => (trace.part === box.dataset.part ? [number] : []));
        Plotly.restyle(view, { visible: box.checked }, which);
      });
    });
    document.querySelectorAll("[data-view]").forEach((button) => {
      button.addEventListener("click", () => {
        Plotly.relayout(view, { "scene.camera": camera(button.dataset.view) });
      });
    });
    threshold.addEventListener("input", () => {
      Plotly.restyle(view, { colorscale: [colour()] }, [0]);
    });
    document.body.dataset.ready = "yes";
  }).catch(() => {
    view.textContent = "This browser cannot draw the view: it needs WebGL. The pictures below show the same.";
    document.body.dataset.ready = "no";
  });
})();
