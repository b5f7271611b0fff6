// Where a run comes from: this page itself, or the process that computes it at this moment.

import { inflated, readReel } from "./reels.js";

const KEPT_POINTS = 6e6;
const breathe = () => new Promise((done) => setTimeout(done, 0));
const asJson = async (packed) => JSON.parse(new TextDecoder().decode(await inflated(packed)));

// A run inside the page: all of it is there from the start.
export class RunInPage {
  constructor() {
    this.status = JSON.parse(document.getElementById("status").textContent);
  }

  scene() {
    return asJson(this.bytes("scene"));
  }

  reel(number) {
    return this.bytes(`reel-${number}`);
  }

  async trip(number) {
    this.trips ??= asJson(this.bytes("trips"));
    const { names, routes, route } = await this.trips;
    return { name: names[number], route: routes[route[number]] };
  }

  bytes(id) {
    const text = document.getElementById(id).textContent;
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const letters = atob(text);
    const bytes = new Uint8Array(letters.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
    return bytes;
  }

  follow() {}
}

// A run that goes on: reels appear as they are computed, and the process goes only so far ahead of who watches.
export class RunGoingOn {
  constructor() {
    this.status = { momentCount: 0, reelCount: 0, top: 10, isDone: false, problem: "" };
  }

  async scene() {
    return asJson(await this.fetched("scene"));
  }

  reel(number) {
    return this.fetched(`reels/${number}`);
  }

  async trip(number) {
    return asJson(await this.fetched(`trips/${number}`));
  }

  async fetched(path) {
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${answer.statusText}`);
    return new Uint8Array(await answer.arrayBuffer());
  }

  // Calls `changed` whenever more of the run is there, and when it or the process has ended.
  follow(changed) {
    const events = new EventSource("progress");
    events.onmessage = (event) => {
      Object.assign(this.status, JSON.parse(event.data));
      if (this.status.isDone) events.close();
      changed();
    };
    events.onerror = () => {
      events.close();
      if (!this.status.isDone) Object.assign(this.status, { isDone: true, problem: "the run has ended" });
      changed();
    };
  }
}

// Reels as they are asked for, with the last few kept.
export class Reels {
  constructor(run, interval, changed) {
    Object.assign(this, { run, interval, changed, kept: new Map(), coming: new Map() });
  }

  numberOf(moment) {
    return Math.max(0, Math.min(Math.floor(moment / this.interval), this.run.status.reelCount - 1));
  }

  // The reel of a moment, or null until it is there; then `changed` is called.
  at(moment) {
    const number = this.numberOf(moment);
    const reel = this.kept.get(number);
    if (!reel) {
      this.load(number);
      return null;
    }
    this.kept.delete(number);
    this.kept.set(number, reel);
    if (moment - reel.first > 0.3 * this.interval) this.load(number + 1);
    return reel;
  }

  load(number) {
    if (number >= this.run.status.reelCount || this.kept.has(number) || this.coming.has(number)) return;
    const loading = (async () => {
      const reel = await readReel(await this.run.reel(number), breathe);
      this.kept.set(number, reel);
      this.forget();
    })();
    this.coming.set(number, loading);
    loading
      .catch((error) => (this.problem = error.message))
      .finally(() => {
        this.coming.delete(number);
        this.changed();
      });
  }

  forget() {
    let points = 0;
    for (const [number, reel] of [...this.kept].reverse()) {
      points += reel.lane.length;
      if (points > KEPT_POINTS && this.kept.size > 2) this.kept.delete(number);
    }
  }
}
