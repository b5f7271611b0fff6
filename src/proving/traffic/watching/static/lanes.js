// The lanes of a scene, ready to be asked where somebody is.

export function lanesOf(scene) {
  const { sizes } = scene.lines;
  const [x, y] = ["x", "y"].map((axis) => undone(scene.lines[axis], 0.01));
  const count = sizes.length;
  const lanes = {
    count, x, y, along: new Float32Array(x.length), heading: new Float32Array(x.length), start: new Uint32Array(count + 1),
    share: new Float32Array(count), width: Float32Array.from(scene.widths, (cm) => cm / 100),
    length: Float32Array.from(scene.lengths, (cm) => cm / 100), edge: Int32Array.from(scene.edge), ways: scene.ways,
  };
  for (let lane = 0, at = 0; lane < count; lane++) {
    lanes.start[lane] = at;
    const end = at + sizes[lane];
    for (let i = at + 1; i < end; i++) {
      const [dx, dy] = [x[i] - x[i - 1], y[i] - y[i - 1]];
      lanes.along[i] = lanes.along[i - 1] + Math.hypot(dx, dy);
      lanes.heading[i - 1] = lanes.heading[i] = Math.atan2(dy, dx);
    }
    lanes.share[lane] = lanes.along[end - 1] / lanes.length[lane];
    at = end;
    lanes.start[lane + 1] = at;
  }
  return lanes;
}

// Whole numbers that were kept as differences, times `step`.
function undone(differences, step) {
  let sum = 0;
  return Float32Array.from(differences, (difference) => (sum += difference) * step);
}

// Writes x, y and heading of a front bumper to out[at], out[at + 1], out[at + 2].
export function placeInto(lanes, lane, positionM, out, at) {
  const last = lanes.start[lane + 1] - 1;
  const wanted = positionM * lanes.share[lane];
  let i = lanes.start[lane];
  if (last - i > 16) {
    let high = last;
    while (high - i > 1) {
      const middle = (i + high) >> 1;
      if (lanes.along[middle] <= wanted) i = middle;
      else high = middle;
    }
  } else {
    while (i < last - 1 && lanes.along[i + 1] <= wanted) i++;
  }
  const length = lanes.along[i + 1] - lanes.along[i];
  const share = length > 0 ? Math.min(1, (wanted - lanes.along[i]) / length) : 0;
  out[at] = lanes.x[i] + share * (lanes.x[i + 1] - lanes.x[i]);
  out[at + 1] = lanes.y[i] + share * (lanes.y[i + 1] - lanes.y[i]);
  out[at + 2] = lanes.heading[i];
}

export const NOWHERE = 1e9;

// Everybody of a reel at one of its moments: x, y, heading and speed per span; x is NOWHERE for who is not there.
export function placedAt(reel, moment, lanes, { positionStep, speedStep }) {
  const placed = new Float32Array(4 * reel.spanCount);
  for (let span = 0, at = 0; span < reel.spanCount; span++, at += 4) {
    const since = moment - reel.begin[span];
    if (since < 0 || since >= reel.size[span]) {
      placed[at] = NOWHERE;
      continue;
    }
    const i = reel.start[span] + since;
    placeInto(lanes, reel.lane[i], reel.position[i] * positionStep, placed, at);
    placed[at + 3] = reel.speed[i] * speedStep;
  }
  return placed;
}

// Front bumper, direction and speed of one vehicle between two moments, as the shader has it.
export function between(before, after, at, share, momentS) {
  if (!(before[at] < NOWHERE / 2)) return null;
  const [ux, uy] = [Math.cos(before[at + 2]), Math.sin(before[at + 2])];
  const isGone = !(after[at] < NOWHERE / 2);
  const way = before[at + 3] * momentS;
  let [ex, ey] = isGone ? [before[at] + ux * way, before[at + 1] + uy * way] : [after[at], after[at + 1]];
  let chord = Math.hypot(ex - before[at], ey - before[at + 1]);
  const speed = isGone ? before[at + 3] : before[at + 3] + share * (after[at + 3] - before[at + 3]);
  if (chord > 20 + 3 * momentS * Math.max(before[at + 3], isGone ? 0 : after[at + 3])) [ex, ey, chord] = [before[at], before[at + 1], 0];
  const [wx, wy] = isGone ? [ux, uy] : [Math.cos(after[at + 2]), Math.sin(after[at + 2])];
  const [t, s] = [share, 1 - share];
  const [h0, h1, h2, h3] = [(1 + 2 * t) * s * s, t * s * s, t * t * (3 - 2 * t), -t * t * s];
  const [d0, d1, d3] = [6 * t * s, s * (1 - 3 * t), t * (3 * t - 2)];
  const x = h0 * before[at] + h1 * chord * ux + h2 * ex + h3 * chord * wx;
  const y = h0 * before[at + 1] + h1 * chord * uy + h2 * ey + h3 * chord * wy;
  const dx = d0 * (ex - before[at]) + chord * (d1 * ux + d3 * wx);
  const dy = d0 * (ey - before[at + 1]) + chord * (d1 * uy + d3 * wy);
  const length = Math.hypot(dx, dy);
  return chord > 0.3 && length > 0 ? { x, y, dx: dx / length, dy: dy / length, speed } : { x, y, dx: ux, dy: uy, speed };
}
