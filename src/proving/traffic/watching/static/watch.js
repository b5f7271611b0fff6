// Plays a run: the clock, the camera, what was chosen, and everything that one can press.

import { fitted, keptNear, onGround, onScreen, pannedBy, scaleBar, zoomedAt } from "./camera.js";
import { NOWHERE, between, lanesOf, placedAt } from "./lanes.js";
import { Reels, RunGoingOn, RunInPage } from "./source.js";
import { edgeOf, gapAhead, waysFrom } from "./ahead.js";
import { Stage } from "./stage.js";

const RATES = [0.25, 0.5, 1, 2, 5, 10, 20, 50, 100];
const SCHEME = matchMedia("(prefers-color-scheme: dark)");
const REACH_PX = 14;
const LARGEST_SCALE = 60;
const find = (name) => document.querySelector(name);

class Player {
  constructor(run, scene) {
    Object.assign(this, { run, scene, time: 0, isPlaying: true, rate: 1, chosen: null, isFollowing: false, bySpeed: true });
    this.lanes = lanesOf(scene);
    this.ways = waysFrom(this.lanes);
    this.reels = new Reels(run, scene.interval, () => this.drawSoon());
    this.stage = new Stage(find(".stage"), scene, this.lanes, scene.colours);
    this.placed = new Map();
    this.measured = { frames: 0, busyMs: 0, slowestMs: 0, placings: 0 };
    this.stage.fit();
    this.showAll();
    this.listen();
    run.follow(() => this.drawSoon());
    this.drawSoon();
  }

  get status() {
    return this.run.status;
  }

  // Time of the last moment that is there, in seconds since the first.
  get end() {
    return Math.max(0, this.status.momentCount - 1) * this.scene.momentS;
  }

  drawSoon() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame((now) => {
      this.asked = false;
      this.frame(now);
    });
  }

  frame(now) {
    const began = performance.now();
    const elapsed = Math.min(0.1, (now - (this.last ?? now)) / 1000);
    this.last = now;
    const isReady = this.showMoment();
    if (this.isPlaying && isReady) {
      this.time = Math.min(this.end, this.time + this.rate * elapsed);
      if (this.time >= this.end && this.status.isDone) this.setPlaying(false);
    }
    if (this.stage.fit() && !this.hasMoved) this.showAll();
    this.draw();
    this.writeClock(isReady);
    const spent = performance.now() - began;
    this.measured.frames++;
    this.measured.busyMs += spent;
    this.measured.slowestMs = Math.max(this.measured.slowestMs, spent);
    if (this.isPlaying) this.drawSoon();
    else this.last = undefined;
  }

  // Gives the stage the pair of moments around the time; false while they are on their way.
  showMoment() {
    if (!this.status.reelCount) return false;
    const exact = this.time / this.scene.momentS;
    const moment = Math.max(0, Math.min(Math.floor(exact + 1e-6), this.status.momentCount - 2));
    const reel = this.reels.at(moment);
    if (!reel) return false;
    const within = Math.min(moment - reel.first, Math.max(0, reel.momentCount - 2));
    const next = Math.min(within + 1, reel.momentCount - 1);
    if (this.reel !== reel) this.takeReel(reel);
    this.share = Math.min(1, Math.max(0, exact - reel.first - within));
    this.pair = { before: this.placedAt(within), after: this.placedAt(next), body: this.body };
    this.within = within;
    this.stage.vehicles.setPair(this.pair);
    const near = this.share > 0.5 ? next : within;
    this.stage.setPhases(reel.phase.subarray(near * reel.signalCount, (near + 1) * reel.signalCount));
    return true;
  }

  takeReel(reel) {
    this.reel = reel;
    this.placed.clear();
    this.body = new Float32Array(3 * reel.spanCount);
    const { body, scene } = this;
    const group = scene.kinds.map((kind) => (kind.isAutomated ? 1 : kind.name === "replayed" ? 2 : 0));
    for (let span = 0, at = 0; span < reel.spanCount; span++) {
      const kind = scene.kind[reel.trip[span]];
      body[at++] = scene.kinds[kind].lengthM;
      body[at++] = scene.kinds[kind].widthM;
      body[at++] = group[kind];
    }
  }

  placedAt(moment) {
    if (!this.placed.has(moment)) {
      if (this.placed.size > 3) this.placed.clear();
      this.placed.set(moment, placedAt(this.reel, moment, this.lanes, this.scene));
      this.measured.placings++;
    }
    return this.placed.get(moment);
  }

  draw() {
    const chosen = this.chosen === null ? null : this.placeOf(this.chosen);
    if (chosen && this.isFollowing) this.camera = { ...this.camera, x: chosen.x, y: chosen.y };
    if (this.camera !== this.drawnCamera || this.isStale) {
      this.stage.drawRoads(this.camera);
      this.drawnCamera = this.camera;
      this.isStale = false;
      this.writeScale();
    }
    this.stage.drawVehicles(this.camera, {
      share: this.share ?? 0, momentS: this.scene.momentS, top: this.status.top, bySpeed: this.bySpeed, smallest: 1.35,
    });
    this.markChosen(chosen);
  }

  spanOf(trip) {
    if (!this.reel) return -1;
    for (let span = 0; span < this.reel.spanCount; span++) {
      if (this.reel.trip[span] === trip && this.pair.before[4 * span] < NOWHERE / 2) return span;
    }
    return -1;
  }

  placeOf(trip) {
    const span = this.spanOf(trip);
    return span < 0 ? null : { span, ...between(this.pair.before, this.pair.after, 4 * span, this.share, this.scene.momentS) };
  }

  // Everybody as drawn now: trip, place of the front bumper in metres, speed.
  everybody() {
    if (!this.pair) return [];
    return [...this.reel.trip].flatMap((trip, span) => {
      const place = between(this.pair.before, this.pair.after, 4 * span, this.share, this.scene.momentS);
      return place ? [{ trip, span, ...place }] : [];
    });
  }

  // The trip nearest to a pixel, within reach; its middle counts, not its bumper.
  tripAt(px, py) {
    let [best, nearest] = [null, REACH_PX];
    for (const one of this.everybody()) {
      const half = this.body[3 * one.span] / 2;
      const [x, y] = onScreen(this.camera, this.stage.size, one.x - one.dx * half, one.y - one.dy * half);
      const along = Math.abs((px - x) * one.dx - (py - y) * one.dy) - half * this.camera.scale;
      const across = Math.abs((px - x) * one.dy + (py - y) * one.dx);
      const distance = Math.hypot(Math.max(0, along), across);
      if (distance < nearest) [best, nearest] = [one.trip, distance];
    }
    return best;
  }

  async choose(trip) {
    this.chosen = trip;
    this.isFollowing = false;
    find(".chosen").hidden = trip === null;
    find(".mark").hidden = trip === null;
    find(".follow").setAttribute("aria-pressed", "false");
    this.route = [];
    this.drawSoon();
    if (trip === null) return;
    this.writeChosen({ name: `${trip}`, route: [] });
    const known = await this.run.trip(trip);
    if (this.chosen !== trip) return;
    this.route = known.route;
    this.writeChosen(known);
    this.drawSoon();
  }

  writeChosen({ name, route }) {
    const kind = this.scene.kinds[this.scene.kind[this.chosen]];
    find(".chosen h2").textContent = name;
    find(".chosen .kind").textContent = `${kind.name}${kind.isAutomated && !/automated/.test(kind.name) ? ", automated" : ""}`;
    find(".route").replaceChildren(...route.map((edge) => Object.assign(document.createElement("li"), { textContent: this.scene.edgeNames[edge] })));
    find(".route-part").hidden = !route.length;
  }

  markChosen(place) {
    if (this.chosen === null) return;
    const mark = find(".mark");
    mark.hidden = !place;
    find(".speed").textContent = place ? `${place.speed.toFixed(1)} m/s · ${(3.6 * place.speed).toFixed(0)} km/h` : "not on the road";
    if (!place) return ["gap", "where"].forEach((name) => (find(`.${name}`).textContent = "–"));
    const half = this.body[3 * place.span] / 2;
    const [x, y] = onScreen(this.camera, this.stage.size, place.x - place.dx * half, place.y - place.dy * half);
    const radius = Math.max(12, half * this.camera.scale * 1.35);
    mark.style.cssText = `width:${2 * radius}px;height:${2 * radius}px;transform:translate(${x - radius}px,${y - radius}px)`;
    this.writeGap(place.span);
  }

  // Gap and place are those of the last moment; they are looked up once per moment.
  writeGap(span) {
    const key = `${this.chosen} ${this.reel.first + this.within} ${this.route.length}`;
    if (this.gapKey === key) return;
    this.gapKey = key;
    const people = new Map();
    for (let other = 0; other < this.reel.spanCount; other++) {
      const since = this.within - this.reel.begin[other];
      if (since < 0 || since >= this.reel.size[other]) continue;
      const i = this.reel.start[other] + since;
      const one = { span: other, lane: this.reel.lane[i], position: this.reel.position[i] * this.scene.positionStep, length: this.body[3 * other] };
      if (!people.has(one.lane)) people.set(one.lane, []);
      people.get(one.lane).push(one);
    }
    const self = [...people.values()].flat().find((one) => one.span === span);
    if (!self) return;
    const gap = gapAhead(people, self, this.route, this.lanes, this.ways);
    const edge = edgeOf(self.lane, this.lanes, this.ways);
    find(".gap").textContent = gap === null ? "nobody near ahead" : `${gap.toFixed(1)} m`;
    const inJunction = self.lane >= this.ways.firstWay ? "after " : "";
    find(".where").textContent = `${inJunction}${this.scene.edgeNames[edge]}, ${self.position.toFixed(0)} m`;
    const place = this.route.indexOf(edge);
    [...find(".route").children].forEach((item, i) => {
      if (item.toggleAttribute("aria-current", i === place)) item.scrollIntoView({ block: "nearest" });
    });
  }

  setPlaying(isPlaying) {
    if (isPlaying && this.time >= this.end && this.status.isDone) this.time = 0;
    this.isPlaying = isPlaying;
    const button = find(".play");
    button.dataset.state = isPlaying ? "playing" : "paused";
    button.setAttribute("aria-label", isPlaying ? "Pause" : "Play");
    this.drawSoon();
  }

  seek(seconds) {
    this.time = Math.min(this.end, Math.max(0, seconds));
    this.drawSoon();
  }

  setRate(rate) {
    this.rate = rate;
    find(".rate").value = String(rate);
  }

  showAll() {
    const [width, height] = this.stage.size;
    // The map is fitted into what the controls leave free.
    const covered = find(".controls").offsetHeight;
    this.camera = fitted(this.scene.bounds, [width, height - covered], Math.min(50, width / 14));
    this.camera.y -= covered / 2 / this.camera.scale;
    this.smallestScale = Math.min(this.camera.scale / 3, 1);
    this.hasMoved = false;
    this.setFollowing(false);
    this.drawSoon();
  }

  move(camera) {
    this.camera = keptNear(camera, this.scene.bounds, this.stage.size);
    this.hasMoved = true;
    this.drawSoon();
  }

  zoom(factor, [px, py] = this.stage.size.map((one) => one / 2)) {
    this.move(zoomedAt(this.camera, this.stage.size, factor, px, py, [this.smallestScale, LARGEST_SCALE]));
  }

  setFollowing(isFollowing) {
    this.isFollowing = isFollowing && this.chosen !== null;
    find(".follow").setAttribute("aria-pressed", String(this.isFollowing));
    if (this.isFollowing) this.move({ ...this.camera, scale: Math.max(this.camera.scale, 3) });
  }

  setColouring(bySpeed) {
    this.bySpeed = bySpeed;
    find(".colouring").value = bySpeed ? "speed" : "kind";
    find(".by-speed").hidden = !bySpeed;
    find(".by-kind").hidden = bySpeed;
    this.drawSoon();
  }

  repaint() {
    this.stage.readColours();
    this.isStale = true;
    this.drawSoon();
  }

  writeClock(isReady) {
    const { startS, momentS, allMoments } = this.scene;
    find(".clock").textContent = written(startS + this.time);
    const slider = find(".seek");
    slider.max = Math.max(1, ((this.status.isDone ? this.status.momentCount : allMoments) - 1) * momentS);
    if (document.activeElement !== slider || !this.isSliding) slider.value = this.time;
    slider.setAttribute("aria-valuetext", written(startS + this.time));
    slider.style.setProperty("--there", `${(100 * this.end) / slider.max}%`);
    find(".top").textContent = `${this.status.top} m/s`;
    const problem = this.status.problem || this.reels.problem;
    const isWaiting = !isReady || (this.isPlaying && this.time >= this.end && !this.status.isDone);
    find(".notice").textContent = problem || (isWaiting ? "waiting for the run" : "");
    const root = document.documentElement;
    root.dataset.time = String(this.time);
    if (isReady) root.dataset.ready = "true";
  }

  writeScale() {
    const { px, text } = scaleBar(this.camera.scale, 120);
    find(".scale").style.width = `${px}px`;
    find(".scale").textContent = text;
  }

  listen() {
    listenToButtons(this);
    listenToPointer(this, find(".stage"));
    addEventListener("keydown", (event) => pressed(this, event));
    addEventListener("resize", () => this.drawSoon());
    SCHEME.addEventListener("change", () => this.repaint());
  }
}

function listenToButtons(player) {
  find(".play").addEventListener("click", () => player.setPlaying(!player.isPlaying));
  const slider = find(".seek");
  slider.addEventListener("input", () => {
    player.isSliding = true;
    player.seek(Number(slider.value));
  });
  slider.addEventListener("change", () => (player.isSliding = false));
  const rate = find(".rate");
  rate.replaceChildren(...RATES.map((one) => new Option(`${one}×`, String(one), one === 1, one === 1)));
  rate.addEventListener("change", () => player.setRate(Number(rate.value)));
  find(".colouring").addEventListener("change", (event) => player.setColouring(event.target.value === "speed"));
  find(".all").addEventListener("click", () => player.showAll());
  find(".theme").addEventListener("click", () => toggleTheme(player));
  find(".follow").addEventListener("click", () => player.setFollowing(!player.isFollowing));
  find(".close").addEventListener("click", () => player.choose(null));
}

function toggleTheme(player) {
  const { dataset } = document.documentElement;
  const isDark = (dataset.theme ?? (SCHEME.matches ? "dark" : "light")) === "dark";
  dataset.theme = isDark ? "light" : "dark";
  player.repaint();
}

function listenToPointer(player, stage) {
  const down = new Map();
  let moved = 0;
  const placeOf = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  stage.addEventListener("pointerdown", (event) => {
    down.set(event.pointerId, placeOf(event));
    moved = 0;
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId);
    if (!before) return;
    const now = placeOf(event);
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    down.set(event.pointerId, now);
    moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (moved < 4) return;
    if (other) player.zoom(apart(now, other) / Math.max(1, apart(before, other)), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
    else if (!player.isFollowing) player.move(pannedBy(player.camera, now[0] - before[0], now[1] - before[1]));
  });
  stage.addEventListener("pointerup", (event) => {
    if (down.delete(event.pointerId) && moved < 4) player.choose(player.tripAt(...placeOf(event)));
  });
  stage.addEventListener("pointercancel", (event) => down.delete(event.pointerId));
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 30 : 1);
    player.zoom(Math.exp(-Math.max(-400, Math.min(400, pixels)) / 400), player.isFollowing ? undefined : placeOf(event));
  }, { passive: false });
  stage.addEventListener("dblclick", (event) => player.zoom(2, placeOf(event)));
}

const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

// Keys work wherever the focus is, save where a control uses them itself.
function pressed(player, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || /SELECT|INPUT/.test(event.target.tagName)) return;
  if (event.key === " " && event.target.tagName === "BUTTON") return;
  const { momentS } = player.scene;
  const pan = 80;
  const faster = (by) => player.setRate(RATES[Math.max(0, Math.min(RATES.length - 1, RATES.indexOf(player.rate) + by))]);
  const shifted = { ArrowLeft: [pan, 0], ArrowRight: [-pan, 0], ArrowUp: [0, pan], ArrowDown: [0, -pan] };
  const actions = {
    " ": () => player.setPlaying(!player.isPlaying),
    ArrowLeft: () => player.seek(player.time - 5),
    ArrowRight: () => player.seek(player.time + 5),
    ArrowUp: () => faster(1),
    ArrowDown: () => faster(-1),
    ",": () => player.seek(player.time - momentS),
    ".": () => player.seek(player.time + momentS),
    Home: () => player.seek(0),
    End: () => player.seek(player.end),
    "+": () => player.zoom(1.5),
    "=": () => player.zoom(1.5),
    "-": () => player.zoom(1 / 1.5),
    0: () => player.showAll(),
    c: () => player.setColouring(!player.bySpeed),
    d: () => toggleTheme(player),
    f: () => player.setFollowing(!player.isFollowing),
    Escape: () => player.choose(null),
  };
  const action = event.shiftKey && shifted[event.key] ? () => player.move(pannedBy(player.camera, ...shifted[event.key])) : actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

function written(seconds) {
  const whole = Math.floor(seconds + 1e-6);
  const two = (number) => String(number).padStart(2, "0");
  const text = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}.${Math.floor(10 * (seconds + 1e-6 - whole))}`;
  return `${Math.floor(whole / 3600)}:${text}`;
}

async function start() {
  const run = document.getElementById("status") ? new RunInPage() : new RunGoingOn();
  try {
    const player = new Player(run, await run.scene());
    // For whoever scripts the page: seek, pause, ask who is where.
    globalThis.watching = player;
  } catch (error) {
    find(".notice").textContent = `This run cannot be shown: ${error.message}`;
    throw error;
  }
}

await start();
