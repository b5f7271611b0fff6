// Paints many lines into an image, pixel by pixel: a million points take tens of milliseconds, canvas paths hundreds.
//
// A stroke covers the pixels beside it by the share that lies under it, kept as alpha; where strokes meet, the
// greater alpha wins. Edges are smooth, and nothing has to be blended twice.

import { shownPoints } from "./view.js";

const LEAST_STROKE_PX = 0.75;
const CASING_PX = 1.2;

// `panel` has points and lines; `view` has time and position ranges; returns how many points were looked at.
export function paintPanel(image, panel, view, look) {
  const surface = { pixels: new Uint32Array(image.data.buffer), width: image.width, height: image.height };
  const half = strokeWidth(panel, view, surface.height / look.ratio) * look.ratio / 2;
  let count = 0;
  for (const isAutomated of [false, true]) {
    const lines = panel.lines.filter((line) => line.isAutomated === isAutomated);
    if (isAutomated) {
      for (const line of lines) paintLine(surface, panel.points, line, view, half * 1.25 + CASING_PX * look.ratio, look.casing);
    }
    for (const line of lines) count += paintLine(surface, panel.points, line, view, isAutomated ? half * 1.25 : half, look.colours);
  }
  return count;
}

// Lines as thick as the room between vehicles allows, in CSS pixels.
function strokeWidth(panel, view, height) {
  const together = panel.togetherPerPosition * (view.position[1] - view.position[0]);
  return Math.min(2.4, Math.max(1, (0.4 * height) / Math.max(1, together)));
}

function paintLine(surface, { time, position, speed }, line, view, half, colours) {
  const [first, end] = shownPoints(time, line, view.time);
  const xPerStep = surface.width / (view.time[1] - view.time[0]);
  const yPerStep = surface.height / (view.position[1] - view.position[0]);
  let x = (time[first] - view.time[0]) * xPerStep;
  let y = surface.height - (position[first] - view.position[0]) * yPerStep;
  if (end - first === 1) paintStroke(surface, x - half, y, x + half, y, half, colours[speed[first]]);
  for (let i = first + 1; i < end; i++) {
    const nextX = (time[i] - view.time[0]) * xPerStep;
    const nextY = surface.height - (position[i] - view.position[0]) * yPerStep;
    // Steps far below a pixel are joined; the last point always counts.
    if (Math.abs(nextX - x) + Math.abs(nextY - y) < LEAST_STROKE_PX && i < end - 1) continue;
    paintStroke(surface, x, y, nextX, nextY, half, colours[speed[i]]);
    x = nextX;
    y = nextY;
  }
  return end - first;
}

function paintStroke(surface, x0, y0, x1, y1, half, colour) {
  const [across, up] = [x1 - x0, y1 - y0];
  if (Math.abs(across) >= Math.abs(up)) {
    const slope = across === 0 ? 0 : up / across;
    paintAlong(surface.pixels, 1, surface.width, surface.width, surface.height, x0, y0, x1, slope, half, colour);
  } else {
    paintAlong(surface.pixels, surface.width, 1, surface.height, surface.width, y0, x0, y1, across / up, half, colour);
  }
}

// Walks the long axis from `from` to `to`; for each pixel on it paints the pixels across. `alongStep` and
// `acrossStep` are how far apart neighbours on the two axes lie in `pixels`. Long, so that it runs without allocation.
function paintAlong(pixels, alongStep, acrossStep, alongSize, acrossSize, from, start, to, slope, half, colour) {
  const reach = half * Math.sqrt(1 + slope * slope);
  const first = Math.max(0, Math.floor(Math.min(from, to)));
  const last = Math.min(alongSize - 1, Math.floor(Math.max(from, to)));
  const [low, high] = from < to ? [from, to] : [to, from];
  for (let along = first; along <= last; along++) {
    const centre = start + slope * (Math.min(high, Math.max(low, along + 0.5)) - from);
    const near = Math.max(0, Math.floor(centre - reach));
    const far = Math.min(acrossSize - 1, Math.floor(centre + reach));
    for (let across = near; across <= far; across++) {
      const covered = Math.min(across + 1, centre + reach) - Math.max(across, centre - reach);
      const alpha = (covered * 255) | 0;
      const at = along * alongStep + across * acrossStep;
      if (alpha >= pixels[at] >>> 24) pixels[at] = ((alpha << 24) | colour) >>> 0;
    }
  }
}
