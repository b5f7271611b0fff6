// The two canvases, one for the roads and one for what moves, and the colours of the page.

import { RoadsDrawing, roadMeshes } from "./roads.js";
import { FlatDrawing } from "./flat.js";
import { VehiclesDrawing } from "./vehicles.js";

const SIGNAL_COLOURS = { G: "go", g: "yield", y: "ready", r: "stop", s: "stop", o: "off", O: "off" };

export class Stage {
  constructor(frame, scene, lanes, palette) {
    [this.ground, this.top] = frame.querySelectorAll("canvas");
    Object.assign(this, { frame, scene, palette, ratio: 1, size: [1, 1] });
    const meshes = roadMeshes(lanes, scene.areas);
    if (hasWebGl()) {
      this.roads = new RoadsDrawing(this.ground, meshes);
      this.vehicles = new VehiclesDrawing(this.top, scene.bars);
    } else {
      this.roads = this.vehicles = new FlatDrawing(this.ground, this.top, lanes, scene);
    }
    this.vehicles.setPalette(palette);
    frame.dataset.drawing = this.vehicles instanceof FlatDrawing ? "canvas" : "webgl";
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

  // `phases`: per signal the number of its phase.
  showSignals(phases) {
    const { bars, signals } = this.scene;
    const key = phases.join();
    if (!bars.signal.length || key === this.shownPhases) return;
    this.shownPhases = key;
    this.vehicles.showSignals(
      bars.signal.map((signal, i) => {
        const letter = signals[signal][phases[signal]][bars.index[i]];
        return this.colours[SIGNAL_COLOURS[letter] ?? "off"];
      }),
    );
  }

  drawVehicles(camera, look) {
    const { human, automated, replayed, ink } = this.colours;
    this.vehicles.draw(camera, this.size, this.ratio, { ...look, groups: [human, automated, replayed], ink });
  }
}

function hasWebGl() {
  const probe = document.createElement("canvas").getContext("webgl2");
  probe?.getExtension("WEBGL_lose_context")?.loseContext();
  return probe !== null;
}
