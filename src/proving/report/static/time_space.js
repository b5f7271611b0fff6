// Time-space diagrams: panels on shared axes, moved and zoomed together by pointer, wheel, keys and buttons.

import { linesOf, unpackPoints } from "./unpack.js";
import { firstFrom, panned, zoomed } from "./view.js";
import { MARGIN, drawAxes, lengthUnit, roundTicks, timeUnit, written } from "./axes.js";
import { paintPanel } from "./raster.js";

const HINT = "Click a panel, then turn the wheel or press + and − to zoom; drag or use the arrow keys to move; double-click or press 0 to see all.";
const ZOOM_STEP = 0.7;
const HOVER_REACH_PX = 28;
const PRINT_RATIO = 3;

export async function startDiagrams(figures) {
  for (const figure of figures) {
    const stage = figure.querySelector(".stage");
    try {
      const head = JSON.parse(figure.querySelector(".head").textContent);
      const bodies = [...figure.querySelectorAll(".body")];
      const panels = await Promise.all(head.panels.map((panel, index) => readPanel(panel, bodies[index].textContent)));
      for (const body of bodies) body.remove();
      new Diagram(figure, stage, head, panels).start();
    } catch (error) {
      stage.textContent = `This diagram cannot be shown: ${error.message}`;
      console.error(error);
    }
  }
}

async function readPanel(panel, body) {
  const lines = linesOf(panel);
  const points = await unpackPoints(body, lines.at(-1)?.end ?? 0);
  return { label: panel.label, lines, points };
}

class Diagram {
  constructor(figure, stage, head, panels) {
    Object.assign(this, { figure, stage, head, panels });
    const most = (name) => panels.reduce((high, panel) => panel.points[name].reduce((a, b) => Math.max(a, b), high), 0) || 1;
    this.full = { time: [0, most("time")], position: [0, most("position")] };
    this.view = { ...this.full };
    for (const panel of panels) {
      const driven = panel.lines.reduce((sum, line) => sum + panel.points.time[line.end - 1] - panel.points.time[line.start], 0);
      panel.togetherPerPosition = driven / this.full.time[1] / this.full.position[1];
    }
  }

  start() {
    this.addControls();
    this.grid = element("div", "panels");
    this.stage.append(this.grid);
    for (const panel of this.panels) this.addPanel(panel);
    this.tip = element("div", "tip");
    this.tip.hidden = true;
    this.stage.append(this.tip, element("p", "hint", HINT));
    this.addLegend();
    document.documentElement.addEventListener("appearance", () => this.draw());
    this.watchRatio();
    this.draw();
    const resized = new ResizeObserver(() => this.drawSoon());
    for (const panel of this.panels) resized.observe(panel.plot);
  }

  addControls() {
    const bar = element("div", "controls");
    if (this.panels.length > 1) {
      const choices = element("div", "choices");
      choices.setAttribute("role", "group");
      choices.setAttribute("aria-label", "Panels to show");
      const names = ["all", ...this.panels.map((panel) => panel.label)];
      const buttons = names.map((name, index) => button(name, name, () => {
        this.panels.forEach((panel, other) => (panel.frame.hidden = index > 0 && other !== index - 1));
        buttons.forEach((one, other) => one.setAttribute("aria-pressed", String(other === index)));
        this.draw();
      }));
      buttons.forEach((one, index) => one.setAttribute("aria-pressed", String(index === 0)));
      choices.append(...buttons);
      bar.append(choices);
    }
    const zooms = element("div", "zooms");
    zooms.append(
      button("+", "Zoom in", () => this.zoom(ZOOM_STEP)),
      button("−", "Zoom out", () => this.zoom(1 / ZOOM_STEP)),
      button("all", "Show all of the time and the road", () => this.reset()),
    );
    zooms.lastChild.textContent = "reset";
    bar.append(zooms);
    this.stage.append(bar);
  }

  addPanel(panel) {
    panel.frame = element("div", "panel");
    panel.plot = element("div", "plot");
    panel.canvas = element("canvas", "data");
    panel.marks = element("canvas", "marks");
    panel.scratch = document.createElement("canvas");
    panel.canvas.tabIndex = 0;
    panel.canvas.setAttribute("role", "img");
    panel.canvas.setAttribute("aria-label", `Time-space diagram, ${panel.label}. ${this.summary(panel)} ${HINT}`);
    panel.plot.append(panel.canvas, panel.marks);
    if (panel.label) panel.frame.append(element("p", "panel-label", panel.label));
    panel.frame.append(panel.plot);
    this.grid.append(panel.frame);
    this.listen(panel);
  }

  summary(panel) {
    const vehicles = new Set(panel.lines.map((line) => line.vehicle)).size;
    const { time, position, speed } = this.head;
    const real = (scale, most) => scale.start + scale.step * most;
    return `${vehicles} vehicles, ${written(time.start, 0)} to ${written(real(time, this.full.time[1]), 0)} seconds, `
      + `${written(position.start, 0)} to ${written(real(position, this.full.position[1]), 0)} metres, `
      + `speeds up to ${written(real(speed, 255), 1)} metres per second.`;
  }

  listen(panel) {
    const canvas = panel.canvas;
    let last = null;
    canvas.addEventListener("pointerdown", (event) => {
      last = [event.clientX, event.clientY];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (last === null) return this.hover(panel, event);
      this.pan((last[0] - event.clientX) / panel.box.width, (event.clientY - last[1]) / panel.box.height);
      last = [event.clientX, event.clientY];
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));
    canvas.addEventListener("pointerleave", () => this.hideTip());
    canvas.addEventListener("dblclick", () => this.reset());
    canvas.addEventListener("wheel", (event) => {
      // A page of text must scroll on under the pointer, so the wheel zooms only what was clicked (or with Ctrl).
      if (document.activeElement !== canvas && !event.ctrlKey) return;
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 33 : 1;
      this.zoom(Math.exp(Math.max(-300, Math.min(300, event.deltaY * lines)) * 0.002), this.placeOf(panel, event));
      this.hover(panel, event);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.onKey(event));
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      "+": () => this.zoom(ZOOM_STEP), "=": () => this.zoom(ZOOM_STEP), "-": () => this.zoom(1 / ZOOM_STEP),
      ArrowLeft: () => this.pan(-0.1, 0), ArrowRight: () => this.pan(0.1, 0),
      ArrowUp: () => this.pan(0, 0.1), ArrowDown: () => this.pan(0, -0.1), 0: () => this.reset(),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    this.hideTip();
    action();
  }

  // Zooms about a place given as shares of the shown ranges; about the middle without one.
  zoom(factor, place = { time: 0.5, position: 0.5 }) {
    const next = {};
    for (const axis of ["time", "position"]) {
      const [low, high] = this.view[axis];
      next[axis] = zoomed(this.view[axis], this.full[axis], factor, low + place[axis] * (high - low));
    }
    this.view = next;
    this.drawSoon();
  }

  pan(timeShare, positionShare) {
    const size = (axis) => this.view[axis][1] - this.view[axis][0];
    this.view = {
      time: panned(this.view.time, this.full.time, timeShare * size("time")),
      position: panned(this.view.position, this.full.position, positionShare * size("position")),
    };
    this.hideTip();
    this.drawSoon();
  }

  reset() {
    this.view = { ...this.full };
    this.hideTip();
    this.drawSoon();
  }

  placeOf(panel, event) {
    const bounds = panel.canvas.getBoundingClientRect();
    const share = (value) => Math.min(1, Math.max(0, value));
    return {
      time: share((event.clientX - bounds.left - panel.box.x) / panel.box.width),
      position: 1 - share((event.clientY - bounds.top - panel.box.y) / panel.box.height),
    };
  }

  drawSoon() {
    this.waiting ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.waiting);
    this.waiting = undefined;
    const began = performance.now();
    const look = this.look();
    let count = 0;
    for (const panel of this.panels) if (!panel.frame.hidden) count += this.drawPanel(panel, look);
    this.figure.dataset.drawMs = (performance.now() - began).toFixed(1);
    this.figure.dataset.drawnPoints = count;
  }

  drawPanel(panel, look) {
    this.fit(panel, look.ratio);
    const { box, canvas, scratch } = panel;
    const context = canvas.getContext("2d");
    context.setTransform(look.ratio, 0, 0, look.ratio, 0, 0);
    context.clearRect(0, 0, box.x + box.width + MARGIN.right, canvas.height);
    drawAxes(context, box, { time: this.real("time"), position: this.real("position") }, look);
    const image = new ImageData(Math.max(1, Math.round(box.width * look.ratio)), Math.max(1, Math.round(box.height * look.ratio)));
    const count = paintPanel(image, panel, this.view, look);
    [scratch.width, scratch.height] = [image.width, image.height];
    scratch.getContext("2d").putImageData(image, 0, 0);
    context.drawImage(scratch, box.x, box.y, box.width, box.height);
    return count;
  }

  fit(panel, ratio) {
    // On paper the canvas keeps the proportions that it had on the screen; the style sheet scales it.
    if (!isPrinting() || !panel.size) panel.size = [panel.plot.clientWidth, panel.plot.clientHeight];
    const [width, height] = panel.size;
    for (const canvas of [panel.canvas, panel.marks]) [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    panel.box = {
      x: MARGIN.left, y: MARGIN.top,
      width: Math.max(1, width - MARGIN.left - MARGIN.right), height: Math.max(1, height - MARGIN.top - MARGIN.bottom),
    };
  }

  real(axis) {
    const { start, step } = this.head[axis];
    return { low: start + this.view[axis][0] * step, high: start + this.view[axis][1] * step };
  }

  // Colours come from the style sheet, through properties that browsers resolve for the theme.
  look() {
    const style = getComputedStyle(this.grid);
    const ink = packedColour(style.color.match(/[\d.]+/g).map(Number));
    const colours = this.head.colours.map((hex) => packedColour([1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16))));
    return {
      ink: style.color, rule: style.borderTopColor, quiet: style.caretColor, font: style.fontFamily,
      ratio: isPrinting() ? Math.max(PRINT_RATIO, devicePixelRatio) : devicePixelRatio, colours, casing: new Uint32Array(256).fill(ink),
    };
  }

  watchRatio() {
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", () => {
      this.watchRatio();
      this.drawSoon();
    }, { once: true });
  }

  hover(panel, event) {
    const place = this.placeOf(panel, event);
    const at = {};
    for (const axis of ["time", "position"]) at[axis] = this.view[axis][0] + place[axis] * (this.view[axis][1] - this.view[axis][0]);
    const found = nearest(panel, at, (HOVER_REACH_PX * (this.view.position[1] - this.view.position[0])) / panel.box.height);
    if (found === null) return this.hideTip();
    this.showTip(panel, found);
  }

  showTip(panel, { line, index }) {
    this.hideTip();
    const share = (axis) => (panel.points[axis][index] - this.view[axis][0]) / (this.view[axis][1] - this.view[axis][0]);
    const [x, y] = [panel.box.x + share("time") * panel.box.width, panel.box.y + (1 - share("position")) * panel.box.height];
    this.mark(panel, x, y);
    const real = (axis) => this.head[axis].start + panel.points[axis][index] * this.head[axis].step;
    const unit = timeUnit(this.real("time").high - this.real("time").low);
    const length = lengthUnit(this.real("position").high - this.real("position").low);
    const who = element("strong", "", `vehicle ${line.vehicle}${line.isAutomated ? ", automated" : ""}`);
    const seconds = `${written(real("time"), 1)} s` + (unit.name === "s" ? "" : ` (${written(real("time") / unit.size, 2)} ${unit.name})`);
    const metres = length.name === "m" ? `${written(real("position"), 1)} m` : `${written(real("position") / 1000, 3)} km`;
    const speed = `${written(real("speed"), 1)} m/s (${written(real("speed") * 3.6, 0)} km/h)`;
    this.tip.replaceChildren(who, ...[seconds, metres, speed].map((text) => element("span", "", text)));
    this.tip.hidden = false;
    const [bounds, stage] = [panel.canvas.getBoundingClientRect(), this.stage.getBoundingClientRect()];
    const left = bounds.left - stage.left + x;
    const isRight = left + 16 + this.tip.offsetWidth > stage.width;
    this.tip.style.left = `${Math.max(0, isRight ? left - 14 - this.tip.offsetWidth : left + 14)}px`;
    this.tip.style.top = `${Math.max(0, bounds.top - stage.top + y - this.tip.offsetHeight - 10)}px`;
  }

  mark(panel, x, y) {
    const context = panel.marks.getContext("2d");
    const ratio = devicePixelRatio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.strokeStyle = getComputedStyle(this.grid).color;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, y, 5, 0, 2 * Math.PI);
    context.stroke();
    panel.isMarked = true;
  }

  hideTip() {
    this.tip.hidden = true;
    for (const panel of this.panels) {
      if (!panel.isMarked) continue;
      panel.marks.getContext("2d").clearRect(0, 0, panel.marks.width, panel.marks.height);
      panel.isMarked = false;
    }
  }

  addLegend() {
    const { start, step } = this.head.speed;
    const [low, high] = [start, start + 255 * step];
    const { ticks, decimals } = roundTicks(low, high, 5);
    const labels = ticks.map((tick) => {
      const label = element("span", "", written(tick, decimals));
      label.style.left = `${(100 * (tick - low)) / (high - low)}%`;
      return label;
    });
    this.figure.querySelector(".speed-ticks").append(...labels);
    this.figure.querySelector(".speed-name").textContent = "speed, m/s";
    this.figure.querySelector(".automated-key").hidden = !this.panels.some((panel) => panel.lines.some((line) => line.isAutomated));
    this.figure.querySelector(".speed-legend").hidden = false;
  }
}

// The point nearest in position at (or next to) a time, among lines within `reach`; automated vehicles win ties.
function nearest(panel, at, reach) {
  const { time, position } = panel.points;
  let best = null;
  let bestDistance = reach;
  for (const line of panel.lines) {
    if (time[line.end - 1] < at.time || time[line.start] > at.time) continue;
    const after = Math.min(line.end - 1, firstFrom(time, line.start, line.end, at.time));
    const before = Math.max(line.start, after - 1);
    const share = time[after] > time[before] ? (at.time - time[before]) / (time[after] - time[before]) : 0;
    const distance = Math.abs(position[before] + share * (position[after] - position[before]) - at.position);
    if (distance > bestDistance || (distance === bestDistance && !line.isAutomated)) continue;
    bestDistance = distance;
    best = { line, index: share > 0.5 ? after : before };
  }
  return best;
}

const isPrinting = () => document.documentElement.hasAttribute("data-printing");

// As a little-endian pixel without its alpha.
const packedColour = ([red, green, blue]) => (blue << 16) | (green << 8) | red;

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function button(text, title, action) {
  const made = element("button", "plain-button", text);
  made.type = "button";
  made.title = title;
  made.setAttribute("aria-label", title);
  made.addEventListener("click", action);
  return made;
}
