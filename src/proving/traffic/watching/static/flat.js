// Draws without a graphics card: roads with Canvas where there is no WebGL, and vehicles pixel by pixel from afar, which
// is many times faster than WebGL on a processor. The same pictures, a little plainer.

import { NOWHERE, between } from "./lanes.js";
import { onScreen } from "./camera.js";

const css = ([red, green, blue, alpha]) => `rgb(${red * 255} ${green * 255} ${blue * 255} / ${alpha})`;
const asPixel = ([red, green, blue]) => ((255 << 24) | (Math.round(blue * 255) << 16) | (Math.round(green * 255) << 8) | Math.round(red * 255)) >>> 0;
const ofHex = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);

export class FlatRoads {
  constructor(canvas, lanes, areas) {
    Object.assign(this, { lanes, areas, context: canvas.getContext("2d", { alpha: false }) });
  }

  draw(camera, size, ratio, colours) {
    const { context, lanes } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = css(colours.ground);
    context.fillRect(0, 0, ...size);
    context.fillStyle = css(colours.way);
    for (const area of this.areas) {
      context.beginPath();
      for (let i = 0; i < area.length; i += 2) context.lineTo(...onScreen(camera, size, area[i] / 100, area[i + 1] / 100));
      context.fill();
    }
    context.lineJoin = "round";
    for (const isWay of [true, false]) {
      context.strokeStyle = css(isWay ? colours.way : colours.road);
      for (let lane = 0; lane < lanes.count; lane++) {
        if (lanes.edge[lane] < 0 !== isWay) continue;
        context.lineWidth = Math.max(1.4, (lanes.width[lane] + (isWay ? 0 : 0.3)) * camera.scale);
        context.beginPath();
        for (let i = lanes.start[lane]; i < lanes.start[lane + 1]; i++) context.lineTo(...onScreen(camera, size, lanes.x[i], lanes.y[i]));
        context.stroke();
      }
    }
  }
}

export class FlatVehicles {
  constructor(canvas, bars) {
    Object.assign(this, { ends: Float32Array.from(bars.ends, (cm) => cm / 100), context: canvas.getContext("2d") });
  }

  setPalette(colours) {
    this.palette = colours;
    this.pixels = Uint32Array.from(colours, (hex) => asPixel(ofHex(hex)));
  }

  setPair(pair) {
    this.pair = pair;
  }

  showSignals(colours) {
    this.signals = colours;
  }

  draw(camera, size, ratio, look) {
    const { context } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    if (!look.isNear) return this.drawDots(camera, ratio, look);
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.drawBars(camera, size);
    if (this.pair) this.drawBoxes(camera, size, ratio, look);
  }

  // From afar a vehicle is a few pixels; between two moments it moves straight.
  drawDots(camera, ratio, { share, top, smallest, bySpeed, groups, ink }) {
    const { context, pixels } = this;
    const { width, height } = context.canvas;
    if (this.image?.width !== width || this.image?.height !== height) this.image = context.createImageData(width, height);
    const canvas = new Uint32Array(this.image.data.buffer);
    canvas.fill(0);
    const { before, after, body } = this.pair ?? { before: [] };
    const [kinds, rim] = [groups.map(asPixel), asPixel(ink)];
    const [scale, perSpeed] = [camera.scale * ratio, 255 / top];
    const usual = Math.max(1, Math.round(smallest * 2.2 * ratio));
    for (let i = 0, k = 0; i < before.length; i += 4, k += 3) {
      if (before[i] > NOWHERE / 2) continue;
      const isGone = after[i] > NOWHERE / 2;
      const group = body[k + 2];
      const side = group === 1 ? usual + Math.max(2, Math.round(ratio)) : usual;
      const x = Math.round(width / 2 + ((isGone ? before[i] : before[i] + share * (after[i] - before[i])) - camera.x) * scale - side / 2);
      const y = Math.round(height / 2 - ((isGone ? before[i + 1] : before[i + 1] + share * (after[i + 1] - before[i + 1])) - camera.y) * scale - side / 2);
      if (x < 0 || y < 0 || x + side > width || y + side > height) continue;
      const speed = isGone ? before[i + 3] : before[i + 3] + share * (after[i + 3] - before[i + 3]);
      const colour = bySpeed ? pixels[Math.min(255, (speed * perSpeed + 0.5) | 0)] : kinds[group];
      for (let row = 0, at = y * width + x; row < side; row++, at += width) {
        for (let column = 0; column < side; column++) {
          const isRim = group === 1 && (row === 0 || column === 0 || row === side - 1 || column === side - 1);
          canvas[at + column] = isRim ? rim : colour;
        }
      }
    }
    context.putImageData(this.image, 0, 0);
  }

  drawBoxes(camera, size, ratio, look) {
    const { context, pair: { before, after, body } } = this;
    const [reachX, reachY] = [size[0] / 2 / camera.scale, size[1] / 2 / camera.scale];
    for (let i = 0; i < before.length / 4; i++) {
      const slack = 30 + 3 * look.momentS * before[4 * i + 3];
      if (Math.abs(before[4 * i] - camera.x) > reachX + slack || Math.abs(before[4 * i + 1] - camera.y) > reachY + slack) continue;
      const place = between(before, after, 4 * i, look.share, look.momentS);
      if (place === null) continue;
      const [x, y] = onScreen(camera, size, place.x, place.y);
      const group = body[3 * i + 2];
      const grown = group === 1 ? 1.35 : 1;
      const long = Math.max(body[3 * i] * camera.scale, 2.6 * look.smallest * grown);
      const wide = Math.max(body[3 * i + 1] * camera.scale, 2 * look.smallest * grown);
      const step = Math.min(255, Math.max(0, Math.round((255 * place.speed) / look.top)));
      context.fillStyle = look.bySpeed ? this.palette[step] : css(look.groups[group]);
      context.setTransform(ratio * place.dx, -ratio * place.dy, ratio * place.dy, ratio * place.dx, ratio * x, ratio * y);
      const rear = -body[3 * i] * camera.scale * 0.5 - long / 2;
      context.fillRect(rear, -wide / 2, long, wide);
      if (wide > 7) {
        // A windscreen tells front from back.
        context.fillStyle = "rgb(0 0 0 / 0.4)";
        context.fillRect(rear + 0.6 * long, -0.38 * wide, 0.15 * long, 0.76 * wide);
      }
      if (group !== 1) continue;
      context.strokeStyle = css(look.ink);
      context.lineWidth = 1.2;
      context.strokeRect(rear, -wide / 2, long, wide);
    }
  }

  drawBars(camera, size) {
    if (!this.signals) return;
    const { context, ends } = this;
    const [reachX, reachY] = [size[0] / 2 / camera.scale + 10, size[1] / 2 / camera.scale + 10];
    context.lineWidth = Math.max(2.5, 0.55 * camera.scale);
    for (let i = 0; i < this.signals.length; i++) {
      const at = 4 * i;
      if (Math.abs(ends[at] - camera.x) > reachX || Math.abs(ends[at + 1] - camera.y) > reachY) continue;
      context.strokeStyle = css(this.signals[i]);
      context.beginPath();
      context.moveTo(...onScreen(camera, size, ends[at], ends[at + 1]));
      context.lineTo(...onScreen(camera, size, ends[at + 2], ends[at + 3]));
      context.stroke();
    }
  }
}
