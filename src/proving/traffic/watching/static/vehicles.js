// Draws what moves: vehicles as dots from afar and as boxes from near, and stop lines in the colours of their signals.
//
// Nothing is drawn by instances: without a graphics card each instance costs as much as a picture of its own.

import { bindColumns, filledBuffer, programOf, setView } from "./gl.js";
import { NOWHERE } from "./lanes.js";

// Between two moments a vehicle's front bumper follows a cubic curve that leaves and arrives in the lanes' directions;
// `between` in lanes.js is the same for one vehicle.
const DRIVEN = `
layout(location = 0) in vec4 before;
layout(location = 1) in vec4 after;
layout(location = 2) in vec3 body;
uniform vec2 centre, clip, pixel;
uniform float scale, share, momentS, top, smallest;
uniform bool bySpeed;
uniform sampler2D palette;
uniform vec4 groups[3];
flat out vec3 colour;
flat out float isMarked;
void driven(out vec2 front, out vec2 ahead) {
  vec2 leaves = vec2(cos(before.z), sin(before.z));
  bool isGone = after.x > 5e8;
  vec2 end = isGone ? before.xy + leaves * before.w * momentS : after.xy;
  vec2 arrives = isGone ? leaves : vec2(cos(after.z), sin(after.z));
  float last = isGone ? before.w : after.w;
  float chord = distance(before.xy, end);
  if (chord > 20.0 + 3.0 * momentS * max(before.w, last)) { end = before.xy; chord = 0.0; }
  float t = share, s = 1.0 - share;
  front = (1.0 + 2.0 * t) * s * s * before.xy + t * s * s * chord * leaves + t * t * (3.0 - 2.0 * t) * end - t * t * s * chord * arrives;
  vec2 moved = 6.0 * t * s * (end - before.xy) + chord * (s * (1.0 - 3.0 * t) * leaves + t * (3.0 * t - 2.0) * arrives);
  ahead = chord > 0.3 && length(moved) > 0.0 ? normalize(moved) : leaves;
  isMarked = body.z > 0.5 && body.z < 1.5 ? 1.0 : 0.0;
  float speed = mix(before.w, last, share);
  colour = bySpeed ? texture(palette, vec2(clamp(speed / top, 0.0, 1.0) * (255.0 / 256.0) + 0.5 / 256.0, 0.5)).rgb : groups[int(body.z + 0.5)].rgb;
}`;

const DOT_VERTEX = `${DRIVEN}
void main() {
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = 1.0;
  if (before.x > 5e8) return;
  vec2 front, ahead;
  driven(front, ahead);
  gl_Position = vec4((front - ahead * body.x * 0.5 - centre) * clip, 0.0, 1.0);
  gl_PointSize = smallest * (isMarked > 0.5 ? 3.2 : 2.2);
}`;

const DOT_FRAGMENT = `
uniform vec4 ink;
flat in vec3 colour;
flat in float isMarked;
out vec4 painted;
void main() {
  vec2 from = abs(gl_PointCoord - 0.5);
  painted = vec4(isMarked > 0.5 && max(from.x, from.y) > 0.3 ? ink.rgb : colour, 1.0);
}`;

const BOX_VERTEX = `${DRIVEN}
out vec2 corner;
flat out vec2 half_px;
void main() {
  vec2 front, ahead;
  driven(front, ahead);
  half_px = max(body.xy * 0.5 * scale, vec2(smallest * 1.3, smallest) * (isMarked > 0.5 ? 1.35 : 1.0));
  corner = (vec2(gl_VertexID & 1, (gl_VertexID >> 1) & 1) * 2.0 - 1.0) * (half_px + 1.0);
  vec2 offset = ahead * corner.x + vec2(-ahead.y, ahead.x) * corner.y;
  gl_Position = vec4((front - ahead * body.x * 0.5 - centre) * clip + offset * pixel, 0.0, 1.0);
}`;

const BOX_FRAGMENT = `
uniform vec4 ink;
in vec2 corner;
flat in vec2 half_px;
flat in vec3 colour;
flat in float isMarked;
out vec4 painted;
void main() {
  float round = min(half_px.y * 0.55, half_px.x);
  vec2 outside = abs(corner) - half_px + round;
  float far = length(max(outside, 0.0)) + min(max(outside.x, outside.y), 0.0) - round;
  float alpha = clamp(0.5 - far, 0.0, 1.0);
  if (alpha <= 0.0) discard;
  vec3 shade = colour;
  if (half_px.y > 3.5) {
    // A windscreen tells front from back.
    float along = corner.x / half_px.x;
    if (along > 0.18 && along < 0.5 && abs(corner.y) < half_px.y * 0.78) shade *= 0.55;
    if (along < -0.62 && along > -0.8 && abs(corner.y) < half_px.y * 0.7) shade *= 0.68;
  }
  float rim = isMarked > 0.5 ? clamp(half_px.y * 0.35, 0.7, 2.5) : 0.0;
  shade = mix(shade, ink.rgb, rim > 0.0 ? clamp(far + rim + 0.5, 0.0, 1.0) : 0.0);
  painted = vec4(shade * alpha, alpha);
}`;

const BAR_VERTEX = `
layout(location = 0) in vec2 place;
layout(location = 1) in vec2 back;
layout(location = 2) in vec4 shown;
uniform vec2 centre, clip, pixel;
uniform float scale;
out vec4 colour;
void main() {
  gl_Position = vec4((place + back * max(0.55, 2.5 / scale) - centre) * clip, 0.0, 1.0);
  colour = shown;
}`;

const BAR_FRAGMENT = `
in vec4 colour;
out vec4 painted;
void main() { painted = vec4(colour.rgb * colour.a, colour.a); }`;

// Numbers of a corner of a box: before, after, body.
const CORNER_SIZE = 11;

export class VehiclesDrawing {
  constructor(canvas, bars) {
    const gl = (this.gl = canvas.getContext("webgl2", { antialias: false, alpha: true, premultipliedAlpha: true }));
    this.dot = programOf(gl, DOT_VERTEX, DOT_FRAGMENT);
    this.box = programOf(gl, BOX_VERTEX, BOX_FRAGMENT);
    this.stripe = programOf(gl, BAR_VERTEX, BAR_FRAGMENT);
    this.buffers = { before: gl.createBuffer(), after: gl.createBuffer(), body: gl.createBuffer() };
    this.sent = { before: null, after: null, body: null };
    this.dots = gl.createVertexArray();
    this.boxes = gl.createVertexArray();
    [this.corners, this.order] = [gl.createBuffer(), gl.createBuffer()];
    gl.bindVertexArray(this.boxes);
    bindColumns(gl, this.corners, [[0, 4], [1, 4], [2, 3]]);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.order);
    this.room = 0;
    this.palette = gl.createTexture();
    this.addBars(bars);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  addBars(bars) {
    const { gl } = this;
    const corners = [];
    for (let i = 0; i < bars.ends.length; i += 4) {
      const [lx, ly, rx, ry] = bars.ends.slice(i, i + 4).map((cm) => cm / 100);
      const length = Math.hypot(rx - lx, ry - ly) || 1;
      const [bx, by] = [(ry - ly) / length, -(rx - lx) / length];
      corners.push(lx, ly, 0, 0, rx, ry, 0, 0, lx, ly, bx, by, rx, ry, 0, 0, rx, ry, bx, by, lx, ly, bx, by);
    }
    this.barCount = corners.length / 4;
    this.barVertices = gl.createVertexArray();
    gl.bindVertexArray(this.barVertices);
    bindColumns(gl, filledBuffer(gl, new Float32Array(corners), gl.STATIC_DRAW), [[0, 2], [1, 2]]);
    this.shown = gl.createBuffer();
    bindColumns(gl, this.shown, [[2, 4]]);
  }

  // One colour (red, green, blue, alpha in 0-1) per bar.
  showSignals(colours) {
    const { gl } = this;
    const each = new Float32Array(4 * this.barCount);
    for (let i = 0; i < each.length; i++) each[i] = colours[(i / 24) | 0][i & 3];
    gl.bindBuffer(gl.ARRAY_BUFFER, this.shown);
    gl.bufferData(gl.ARRAY_BUFFER, each, gl.DYNAMIC_DRAW);
  }

  setPalette(colours) {
    const { gl } = this;
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    const bytes = Uint8Array.from(colours.flatMap((hex) => [1, 3, 5, 0].map((at) => (at ? parseInt(hex.slice(at, at + 2), 16) : 255))));
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    for (const name of ["MIN_FILTER", "MAG_FILTER"]) gl.texParameteri(gl.TEXTURE_2D, gl[`TEXTURE_${name}`], gl.LINEAR);
    for (const name of ["WRAP_S", "WRAP_T"]) gl.texParameteri(gl.TEXTURE_2D, gl[`TEXTURE_${name}`], gl.CLAMP_TO_EDGE);
  }

  setPair(pair) {
    this.pair = pair;
  }

  // All vehicles as they are. What was "after" is often the next "before": then nothing is sent again.
  sendDots() {
    const { gl, sent, buffers, pair } = this;
    if (sent.after === pair.before && sent.before !== pair.before) {
      [buffers.before, buffers.after] = [buffers.after, buffers.before];
      [sent.before, sent.after] = [sent.after, sent.before];
    }
    for (const [name, data] of Object.entries(pair)) {
      if (sent[name] === data) continue;
      gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
      gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
      sent[name] = data;
    }
    gl.bindVertexArray(this.dots);
    for (const [location, name] of ["before", "after", "body"].entries()) {
      bindColumns(gl, buffers[name], [[location, name === "body" ? 3 : 4]]);
    }
    return pair.before.length / 4;
  }

  // Four corners for each vehicle that may be seen.
  sendBoxes(camera, [width, height], momentS) {
    const { before, after, body } = this.pair;
    const { gl } = this;
    const [reachX, reachY] = [width / 2 / camera.scale, height / 2 / camera.scale];
    if (!this.filled || this.filled.length < 4 * CORNER_SIZE * (before.length / 4)) this.filled = new Float32Array(CORNER_SIZE * before.length);
    let count = 0;
    for (let i = 0; i < before.length; i += 4) {
      // Before the next moment one gets so far at most, and so far does one reach back.
      const slack = 30 + 3 * momentS * before[i + 3];
      if (before[i] > NOWHERE / 2 || Math.abs(before[i] - camera.x) > reachX + slack || Math.abs(before[i + 1] - camera.y) > reachY + slack) continue;
      const at = count++ * 4 * CORNER_SIZE;
      for (let k = 0; k < 4; k++) {
        this.filled[at + k] = before[i + k];
        this.filled[at + 4 + k] = after[i + k];
      }
      for (let k = 0; k < 3; k++) this.filled[at + 8 + k] = body[(i / 4) * 3 + k];
      for (let k = 1; k < 4; k++) this.filled.copyWithin(at + k * CORNER_SIZE, at, at + CORNER_SIZE);
    }
    gl.bindVertexArray(this.boxes);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.corners);
    gl.bufferData(gl.ARRAY_BUFFER, this.filled.subarray(0, count * 4 * CORNER_SIZE), gl.STREAM_DRAW);
    this.makeRoom(count);
    return count;
  }

  // Two triangles for each box.
  makeRoom(count) {
    if (count <= this.room) return;
    this.room = 2 * count;
    const order = new Uint32Array(6 * this.room);
    for (let i = 0; i < this.room; i++) order.set([0, 1, 2, 1, 3, 2].map((corner) => 4 * i + corner), 6 * i);
    this.gl.bufferData(this.gl.ELEMENT_ARRAY_BUFFER, order, this.gl.STATIC_DRAW);
  }

  draw(camera, size, ratio, look) {
    const { gl, box, dot, stripe } = this;
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (this.barCount && look.isNear) {
      gl.useProgram(stripe.program);
      setView(gl, stripe.uniforms, camera, size, ratio);
      gl.bindVertexArray(this.barVertices);
      gl.drawArrays(gl.TRIANGLES, 0, this.barCount);
    }
    if (!this.pair?.before.length) return;
    const { program, uniforms } = look.isNear ? box : dot;
    gl.useProgram(program);
    setView(gl, uniforms, camera, size, ratio);
    gl.uniform1f(uniforms.share, look.share);
    gl.uniform1f(uniforms.momentS, look.momentS);
    gl.uniform1f(uniforms.top, look.top);
    gl.uniform1f(uniforms.smallest, look.smallest * ratio);
    gl.uniform1i(uniforms.bySpeed, look.bySpeed ? 1 : 0);
    gl.uniform4fv(uniforms.groups, look.groups.flat());
    gl.uniform4fv(uniforms.ink, look.ink);
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    if (look.isNear) gl.drawElements(gl.TRIANGLES, 6 * this.sendBoxes(camera, size, look.momentS), gl.UNSIGNED_INT, 0);
    else gl.drawArrays(gl.POINTS, 0, this.sendDots());
  }
}
