// The two canvases, one for the roads and one for what moves, and the colours of the page.

import { RoadsDrawing, roadMeshes } from "./roads.js";
import { FlatRoads, FlatVehicles } from "./flat.js";
import { VehiclesDrawing } from "./vehicles.js";

// Vehicles are boxes, and signals seen, from so many pixels per metre on.
const NEAR_FROM = 0.45;
const SIGNAL_COLOURS = { G: "go", g: "yield", y: "ready", r: "stop", s: "stop", o: "off", O: "off" };

export class Stage {
  constructor(frame, scene, lanes, palette) {
    [this.ground, this.top] = frame.querySelectorAll("canvas");
    Object.assign(this, { frame, scene, palette, ratio: 1, size: [1, 1] });
    // WebGL on a processor is good enough for roads, which are drawn when the camera moves, and too slow for vehicles;
    // the address may end in #webgl to have it all the same.
    const renderer = rendererName();
    const isSoftware = /SwiftShader|llvmpipe|softpipe|Basic Render/i.test(renderer);
    this.roads = renderer ? new RoadsDrawing(this.ground, roadMeshes(lanes, scene.areas)) : new FlatRoads(this.ground, lanes, scene.areas);
    const hasCard = renderer && (!isSoftware || location.hash === "#webgl");
    this.vehicles = hasCard ? new VehiclesDrawing(this.top, scene.bars) : new FlatVehicles(this.top, scene.bars);
    frame.dataset.drawing = hasCard ? "webgl" : "canvas";
    this.vehicles.setPalette(palette);
    this.readColours();
  }

  readColours() {
    const probe = this.frame.querySelector(".probe");
    const colour = (name) => {
      probe.style.color = `var(--${name})`;
      const [red, green, blue, alpha = 1] = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
      return [red / 255, green / 255, blue / 255, alpha];
    };
    this.colours = Object.fromEntries(
      ["ground", "way", "road", "border", "dashed", "ink", "human", "automated", "replayed", "go", "yield", "ready", "stop", "off"].map(
        (name) => [name, colour(name)],
      ),
    );
    this.shownPhases = null;
  }

  // Returns whether the size has changed.
  fit() {
    const ratio = Math.min(devicePixelRatio, 2);
    const size = [this.frame.clientWidth, this.frame.clientHeight];
    if (ratio === this.ratio && size[0] === this.size[0] && size[1] === this.size[1]) return false;
    Object.assign(this, { ratio, size });
    for (const canvas of [this.ground, this.top]) {
      [canvas.width, canvas.height] = size.map((one) => Math.round(one * ratio));
    }
    return true;
  }

  drawRoads(camera) {
    this.roads.draw(camera, this.size, this.ratio, this.colours);
  }

  // `phases`: per signal the number of its phase. Colours are looked up only where they can be seen.
  setPhases(phases) {
    this.phases = phases;
  }

  showSignals() {
    const { bars, signals } = this.scene;
    if (!bars.signal.length || !this.phases || this.phases === this.shownPhases) return;
    const isKnown = this.shownPhases?.length === this.phases.length && this.phases.every((phase, i) => phase === this.shownPhases[i]);
    this.shownPhases = this.phases;
    if (isKnown) return;
    this.vehicles.showSignals(
      bars.signal.map((signal, i) => this.colours[SIGNAL_COLOURS[signals[signal][this.phases[signal]][bars.index[i]]] ?? "off"]),
    );
  }

  drawVehicles(camera, look) {
    const { human, automated, replayed, ink } = this.colours;
    const isNear = camera.scale >= NEAR_FROM;
    if (isNear) this.showSignals();
    this.vehicles.draw(camera, this.size, this.ratio, { ...look, isNear, groups: [human, automated, replayed], ink });
  }
}

// Who draws WebGL; empty where nobody does.
function rendererName() {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return "";
  const known = gl.getExtension("WEBGL_debug_renderer_info");
  const name = gl.getParameter(known ? known.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return name || "unknown";
}
