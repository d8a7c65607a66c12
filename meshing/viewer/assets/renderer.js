// Surfaces on a canvas by WebGL 2: a colour for each vertex, or one for all.

const VERTEX = `#version 300 es
in vec3 place; in vec3 normal; in float value;
uniform mat4 camera; uniform mat4 model;
out vec3 facing; out float level;
void main() {
  facing = mat3(model) * normal;
  level = value;
  gl_Position = camera * model * vec4(place, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec3 facing; in float level;
uniform sampler2D palette;
uniform vec3 eye; uniform vec3 colour; uniform vec3 second;
uniform float alpha; uniform float highest; uniform float least; uniform float fade; uniform int kind;
out vec4 found;
void main() {
  vec3 base = colour;
  float share = alpha;
  if (kind == 1) {
    float t = level < least ? 0.0 : clamp(level / highest, 0.0, 1.0);
    base = mix(texture(palette, vec2(t, 0.5)).rgb, vec3(0.72), fade);
  } else if (kind == 2 && level > 0.5) {
    base = second;
    share = min(1.0, alpha + 0.35);
  }
  float size = length(facing);
  float light = size > 0.0 ? 0.45 + 0.6 * abs(dot(facing / size, eye)) : 1.0;
  found = vec4(base * min(light, 1.0) * share, share);
}`;

const SLOW = 40; // A picture that is coarser is then drawn while things move. [ms]
const STILL = 150; // Without a picture, until it is fine again. [ms]
const FIELDS = { place: 3, normal: 3, value: 1 };

export class Renderer {
  constructor(canvas, palette) {
    this.canvas = canvas;
    // Without a graphics card smooth edges take most of the time.
    const wanted = { antialias: !bySoftware(), preserveDrawingBuffer: true };
    const gl = canvas.getContext("webgl2", wanted);
    if (gl === null) throw new Error("this browser does not show WebGL 2");
    this.gl = gl;
    this.program = this.linked();
    this.names = new Map();
    this.sharpness = 1;
    this.paint(palette);
    gl.enable(gl.DEPTH_TEST);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  linked() {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    Object.keys(FIELDS).forEach((name, i) => gl.bindAttribLocation(program, i, name));
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      throw new Error(gl.getProgramInfoLog(program) || "the shaders do not compile");
    }
    return program;
  }

  paint(colours) {
    const { gl } = this;
    const bytes = Uint8Array.from(
      colours.flatMap((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)).concat(255)),
    );
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    const size = [colours.length, 1, 0];
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, ...size, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) {
      gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
    }
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
  }

  // Vertices, three numbers each, and triangles by their corners.
  surface({ vertices, triangles }) {
    const { gl } = this;
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    const values = new Float32Array(vertices.length / 3);
    const parts = { place: vertices, normal: normals(vertices, triangles), value: values };
    const buffers = {};
    Object.entries(FIELDS).forEach(([name, size], i) => {
      buffers[name] = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
      gl.bufferData(gl.ARRAY_BUFFER, parts[name], gl.DYNAMIC_DRAW);
      gl.enableVertexAttribArray(i);
      gl.vertexAttribPointer(i, size, gl.FLOAT, false, 0, 0);
    });
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, triangles, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    return { array, values: buffers.value, count: triangles.length };
  }

  setValues(surface, values) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, surface.values);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, values);
  }

  begin(background) {
    const { gl, canvas } = this;
    const scale = Math.min(window.devicePixelRatio || 1, 2) * this.sharpness;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((x) =>
      Math.max(1, Math.round(x * scale)),
    );
    if (canvas.width !== width || canvas.height !== height) {
      Object.assign(canvas, { width, height });
    }
    gl.viewport(0, 0, width, height);
    gl.clearColor(...background, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.useProgram(this.program);
  }

  // Into a part of the canvas, from `left` to `right` of its width.
  within(left, right) {
    const { gl, canvas } = this;
    gl.viewport(left * canvas.width, 0, (right - left) * canvas.width, canvas.height);
  }

  draw(surface, camera, look) {
    const { gl } = this;
    const shown = { model: IDENTITY, alpha: 1, highest: 1, least: 0, fade: 0, kind: 0, ...look };
    gl.uniformMatrix4fv(this.named("camera"), false, camera.matrix);
    gl.uniformMatrix4fv(this.named("model"), false, shown.model);
    gl.uniform3fv(this.named("eye"), camera.back);
    gl.uniform3fv(this.named("colour"), shown.colour ?? [1, 1, 1]);
    gl.uniform3fv(this.named("second"), shown.second ?? [1, 1, 1]);
    for (const name of ["alpha", "highest", "least", "fade"]) gl.uniform1f(this.named(name), shown[name]);
    gl.uniform1i(this.named("kind"), shown.kind);
    gl.bindVertexArray(surface.array);
    if (shown.alpha < 1) this.drawClear(surface, shown.alone);
    else gl.drawElements(gl.TRIANGLES, surface.count, gl.UNSIGNED_INT, 0);
    gl.bindVertexArray(null);
  }

  // What is seen through: the nearest of its own faces only, where it is `alone`.
  drawClear(surface, alone) {
    const { gl } = this;
    const faces = () => gl.drawElements(gl.TRIANGLES, surface.count, gl.UNSIGNED_INT, 0);
    if (alone) {
      gl.colorMask(false, false, false, false);
      faces();
      gl.colorMask(true, true, true, true);
      gl.depthFunc(gl.LEQUAL);
    } else gl.depthMask(false);
    gl.enable(gl.BLEND);
    if (!alone) gl.enable(gl.CULL_FACE);
    faces();
    gl.disable(gl.BLEND);
    gl.disable(gl.CULL_FACE);
    gl.depthFunc(gl.LESS);
    gl.depthMask(true);
  }

  // Call when all that was asked for is drawn: what takes longer than a frame would queue up.
  finished(then) {
    const { gl } = this;
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    const look = () => {
      if (fence && gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED) {
        setTimeout(look, 1);
        return;
      }
      gl.deleteSync(fence);
      then();
    };
    setTimeout(look, 0); // Its state is told between tasks.
  }

  named(name) {
    if (!this.names.has(name)) {
      this.names.set(name, this.gl.getUniformLocation(this.program, name));
    }
    return this.names.get(name);
  }
}

// Whether the processor draws: as on machines without a graphics card, and in tests.
function bySoftware() {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (gl === null) return false;
  let name = gl.getParameter(gl.RENDERER);
  const more = name === "WebKit WebGL" ? gl.getExtension("WEBGL_debug_renderer_info") : null;
  if (more) name = gl.getParameter(more.UNMASKED_RENDERER_WEBGL);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
}

export const IDENTITY = Float32Array.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);

// Of length 1, of the triangles around each vertex by their areas.
export function normals(vertices, triangles) {
  const found = new Float32Array(vertices.length);
  const at = (corner, c) => vertices[3 * corner + c];
  for (let i = 0; i < triangles.length; i += 3) {
    const [a, b, c] = triangles.subarray(i, i + 3);
    const u = [0, 1, 2].map((k) => at(b, k) - at(a, k));
    const v = [0, 1, 2].map((k) => at(c, k) - at(a, k));
    for (let k = 0; k < 3; k += 1) {
      const [m, n] = [(k + 1) % 3, (k + 2) % 3];
      const area = u[m] * v[n] - u[n] * v[m];
      for (const corner of [a, b, c]) found[3 * corner + k] += area;
    }
  }
  for (let i = 0; i < found.length; i += 3) {
    const size = Math.hypot(found[i], found[i + 1], found[i + 2]) || 1;
    for (let k = 0; k < 3; k += 1) found[i + k] /= size;
  }
  return found;
}

// Where a ray meets a surface first: how far, and at which vertex; null where it misses.
export function hit({ vertices, triangles }, start, direction) {
  let best = null;
  let least = Infinity;
  const [dx, dy, dz] = direction;
  for (let i = 0; i < triangles.length; i += 3) {
    const a = 3 * triangles[i];
    const b = 3 * triangles[i + 1];
    const c = 3 * triangles[i + 2];
    const ux = vertices[b] - vertices[a];
    const uy = vertices[b + 1] - vertices[a + 1];
    const uz = vertices[b + 2] - vertices[a + 2];
    const vx = vertices[c] - vertices[a];
    const vy = vertices[c + 1] - vertices[a + 1];
    const vz = vertices[c + 2] - vertices[a + 2];
    const px = dy * vz - dz * vy;
    const py = dz * vx - dx * vz;
    const pz = dx * vy - dy * vx;
    const scale = ux * px + uy * py + uz * pz;
    if (Math.abs(scale) < 1e-18) continue;
    const tx = start[0] - vertices[a];
    const ty = start[1] - vertices[a + 1];
    const tz = start[2] - vertices[a + 2];
    const s = (tx * px + ty * py + tz * pz) / scale;
    if (s < 0 || s > 1) continue;
    const qx = ty * uz - tz * uy;
    const qy = tz * ux - tx * uz;
    const qz = tx * uy - ty * ux;
    const t = (dx * qx + dy * qy + dz * qz) / scale;
    if (t < 0 || s + t > 1) continue;
    const far = (vx * qx + vy * qy + vz * qz) / scale;
    if (far > 0 && far < least) {
      least = far;
      const corner = s >= t && s >= 1 - s - t ? 1 : t >= 1 - s - t ? 2 : 0;
      best = { far, vertex: triangles[i + corner] };
    }
  }
  return best;
}

// Renders at most once for each frame of the screen, however often it is asked to, and not
// before the last picture is drawn. Where drawing is slow, pictures are coarse until there
// was none for a while. What it is given is called when the picture is drawn.
export function onceAFrame(render, renderer) {
  let [busy, again, waiting, slow, rest] = [false, false, [], false, 0];
  const draw = (then, fine = false) => {
    clearTimeout(rest);
    if (then) waiting.push(then);
    again = true;
    if (busy) return;
    busy = true;
    requestAnimationFrame(() => {
      const told = waiting;
      [again, waiting] = [false, []];
      renderer.sharpness = slow && !fine ? 0.5 : 1;
      const begun = performance.now();
      render();
      renderer.finished(() => {
        slow = slow || performance.now() - begun > SLOW;
        busy = false;
        for (const each of told) each();
        if (again) draw();
        else if (slow && !fine) rest = setTimeout(() => draw(null, true), STILL);
      });
    });
  };
  return draw;
}
