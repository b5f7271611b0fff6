// Draws what does not move: lanes and their markings. Only done when the camera moves.

import { trianglesOf } from "./areas.js";
import { bindColumns, filledBuffer, programOf, setView } from "./gl.js";

const ROAD_VERTEX = `
layout(location = 0) in vec2 place;
layout(location = 1) in vec2 side;
layout(location = 2) in vec3 more;
uniform vec2 centre, clip, pixel;
uniform float scale, thinnest;
out float along;
flat out float kind;
void main() {
  float widened = max(1.0, thinnest / (more.x * scale));
  gl_Position = vec4((place + side * more.x * widened - centre) * clip, 0.0, 1.0);
  along = more.y;
  kind = more.z;
}`;

const ROAD_FRAGMENT = `
uniform vec4 colours[4];
in float along;
flat in float kind;
out vec4 painted;
void main() {
  if (kind > 2.5 && fract(along / 9.0) > 0.34) discard;
  painted = colours[int(kind + 0.5)];
  painted.rgb *= painted.a;
}`;

const [WAY, LANE, BORDER, DASHED] = [0, 1, 2, 3];
const MARK_HALF_M = 0.08;
// A lane is drawn a little longer than it is, or bends would show gaps where lanes meet.
const OVERLAP_M = 0.25;
// From so many pixels per metre on.
const DRAWN_FROM = { ways: 0.12, surfaces: 0, marks: 1.4 };

// Lanes as strips: first ways across junctions, then lanes, then markings, so that later ones lie on top.
export function roadMeshes(lanes, areas) {
  const [ways, surfaces, marks] = [new Mesh(), new Mesh(), new Mesh()];
  for (const area of areas) ways.addArea(area.map((cm) => cm / 100), WAY);
  for (let lane = 0; lane < lanes.count; lane++) {
    const half = lanes.width[lane] / 2;
    const isWay = lanes.edge[lane] < 0;
    if (isWay) ways.addLine(lanes, lane, 0, half, WAY);
    else surfaces.addLine(lanes, lane, 0, half + 0.15, LANE, OVERLAP_M);
    if (isWay) continue;
    const isRightmost = lane === 0 || lanes.edge[lane - 1] !== lanes.edge[lane];
    const isLeftmost = lane + 1 === lanes.count || lanes.edge[lane + 1] !== lanes.edge[lane];
    if (isRightmost) marks.addLine(lanes, lane, half, MARK_HALF_M, BORDER);
    marks.addLine(lanes, lane, -half, MARK_HALF_M, isLeftmost ? BORDER : DASHED);
  }
  return { ways, surfaces, marks };
}

class Mesh {
  constructor() {
    this.corners = [];
    this.order = [];
  }

  addArea(outline, kind) {
    const at = this.corners.length / 7;
    for (let i = 0; i < outline.length; i += 2) this.corners.push(outline[i], outline[i + 1], 0, 0, 1, 0, kind);
    for (const corner of trianglesOf(outline)) this.order.push(at + corner);
  }

  // A strip beside the middle of a lane, `right` metres to its right.
  addLine({ x, y, start, along }, lane, right, half, kind, longer = 0) {
    const [first, end] = [start[lane], start[lane + 1]];
    for (let i = first; i < end; i++) {
      const [ax, ay] = direction(x, y, i > first ? i - 1 : i);
      const [bx, by] = direction(x, y, i < end - 1 ? i : i - 1);
      const [mx, my] = [ax + bx, ay + by];
      // A corner is cut where the two directions meet; `stretch` keeps the distance there.
      const stretch = 2 / Math.max(mx * mx + my * my, 0.5);
      const [sx, sy] = [my * stretch, -mx * stretch];
      const at = this.corners.length / 7;
      const further = i === first ? -longer : i === end - 1 ? longer : 0;
      const [px, py] = [x[i] + sx * right + ax * further, y[i] + sy * right + ay * further];
      for (const sign of [-1, 1]) this.corners.push(px, py, sign * sx, sign * sy, half, along[i], kind);
      if (i < end - 1) this.order.push(at, at + 1, at + 2, at + 1, at + 3, at + 2);
    }
  }
}

function direction(x, y, i) {
  const [dx, dy] = [x[i + 1] - x[i], y[i + 1] - y[i]];
  const length = Math.hypot(dx, dy) || 1;
  return [dx / length, dy / length];
}

export class RoadsDrawing {
  constructor(canvas, meshes) {
    const gl = (this.gl = canvas.getContext("webgl2", { antialias: true, alpha: false }));
    this.line = programOf(gl, ROAD_VERTEX, ROAD_FRAGMENT);
    this.parts = Object.entries(meshes).map(([name, mesh]) => {
      const vertices = gl.createVertexArray();
      gl.bindVertexArray(vertices);
      bindColumns(gl, filledBuffer(gl, new Float32Array(mesh.corners), gl.STATIC_DRAW), [[0, 2], [1, 2], [2, 3]]);
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, new Uint32Array(mesh.order), gl.STATIC_DRAW);
      return { name, vertices, count: mesh.order.length };
    });
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  draw(camera, size, ratio, colours) {
    const { gl, line } = this;
    gl.clearColor(...colours.ground.slice(0, 3), 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.useProgram(line.program);
    setView(gl, line.uniforms, camera, size, ratio);
    gl.uniform4fv(line.uniforms.colours, [...colours.way, ...colours.road, ...colours.border, ...colours.dashed]);
    for (const part of this.parts) {
      if (camera.scale < DRAWN_FROM[part.name]) continue;
      gl.uniform1f(line.uniforms.thinnest, (part.name === "marks" ? 0.4 : 0.7) * ratio);
      gl.bindVertexArray(part.vertices);
      gl.drawElements(gl.TRIANGLES, part.count, gl.UNSIGNED_INT, 0);
    }
  }
}
