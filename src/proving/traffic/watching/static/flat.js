// Draws roads and vehicles without WebGL, on machines that have none: the same pictures, plainer and slower.

import { between } from "./lanes.js";
import { onScreen } from "./camera.js";

const css = ([red, green, blue, alpha]) => `rgb(${red * 255} ${green * 255} ${blue * 255} / ${alpha})`;

export class FlatDrawing {
  constructor(ground, top, lanes, { bars, areas }) {
    Object.assign(this, { lanes, bars, areas, ground: ground.getContext("2d", { alpha: false }), top: top.getContext("2d") });
  }

  setPalette(colours) {
    this.palette = colours;
  }

  setPair(pair) {
    this.pair = pair;
  }

  showSignals(colours) {
    this.signals = colours;
  }

  draw(camera, size, ratio, look) {
    if (look.ground) return this.drawRoads(camera, size, ratio, look);
    const context = this.top;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, ...size);
    this.drawBars(context, camera, size);
    if (!this.pair) return;
    const { before, after, body } = this.pair;
    for (let i = 0; i < before.length / 4; i++) {
      const place = between(before, after, 4 * i, look.share, look.momentS);
      if (place === null) continue;
      const [x, y] = onScreen(camera, size, place.x, place.y);
      if (x < -20 || y < -20 || x > size[0] + 20 || y > size[1] + 20) continue;
      const group = body[3 * i + 2];
      const grown = group === 1 ? 1.35 : 1;
      const long = Math.max(body[3 * i] * camera.scale, 2.6 * look.smallest * grown);
      const wide = Math.max(body[3 * i + 1] * camera.scale, 2 * look.smallest * grown);
      const step = Math.min(255, Math.max(0, Math.round((255 * place.speed) / look.top)));
      context.fillStyle = look.bySpeed ? this.palette[step] : css(look.groups[group]);
      context.setTransform(ratio * place.dx, -ratio * place.dy, ratio * place.dy, ratio * place.dx, ratio * x, ratio * y);
      const rear = -body[3 * i] * camera.scale * 0.5 - long / 2;
      context.fillRect(rear, -wide / 2, long, wide);
      if (group !== 1) continue;
      context.strokeStyle = css(look.ink);
      context.strokeRect(rear, -wide / 2, long, wide);
    }
  }

  drawBars(context, camera, size) {
    if (!this.signals || camera.scale < 0.25) return;
    context.lineWidth = Math.max(2.5, 0.55 * camera.scale);
    this.signals.forEach((colour, i) => {
      const [lx, ly, rx, ry] = this.bars.ends.slice(4 * i, 4 * i + 4).map((cm) => cm / 100);
      context.strokeStyle = css(colour);
      context.beginPath();
      context.moveTo(...onScreen(camera, size, lx, ly));
      context.lineTo(...onScreen(camera, size, rx, ry));
      context.stroke();
    });
  }

  drawRoads(camera, size, ratio, colours) {
    const { ground: context, lanes } = this;
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
        context.lineWidth = Math.max(1.4, lanes.width[lane] * camera.scale);
        context.beginPath();
        for (let i = lanes.start[lane]; i < lanes.start[lane + 1]; i++) context.lineTo(...onScreen(camera, size, lanes.x[i], lanes.y[i]));
        context.stroke();
      }
    }
  }
}
