// The status page: asks for the figures every other second and shows them; rates are differences of two answers.

const EVERY_MS = 2000;
const KEPT = 150;
const BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000];
const at = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

let before = null;
let latest = null;
let chosen = -1;
let columns = 1;
const trace = [];

function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (Math.abs(count) >= 1024 && unit < units.length - 1) {
    count /= 1024;
    unit += 1;
  }
  return `${short.format(count)} ${units[unit]}`;
}

function made(tag, text, name = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = name;
  return element;
}

function fill(list, pairs) {
  list.replaceChildren(
    ...pairs.map(([name, value]) => {
      const pair = document.createElement("div");
      pair.append(made("dt", name), made("dd", value));
      return pair;
    }),
  );
}

// A drawing surface of the size it has on the page, sharp on any screen.
function surface(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  return pen;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// Canvas does not know light-dark(), so the colours are asked of an element that does.
function palette() {
  const probe = document.createElement("i");
  document.body.append(probe);
  const found = {};
  for (const name of ["ink", "quiet", "rule", "dead", "half", "live", "journal"]) {
    probe.style.color = colour(name);
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}

function blend(first, second, share) {
  const parts = (text) => text.match(/[\d.]+/g).map(Number);
  const [one, other] = [parts(first), parts(second)];
  return `rgb(${[0, 1, 2].map((k) => Math.round(one[k] + (other[k] - one[k]) * share)).join(" ")})`;
}

function liveness(share, colours) {
  return share < 0.5
    ? blend(colours.dead, colours.half, share * 2)
    : blend(colours.half, colours.live, share * 2 - 1);
}

function drawMap() {
  const canvas = at("map");
  const extents = latest.extents;
  const size = latest.store.extent_size_bytes;
  const width = canvas.clientWidth;
  const cell = extents.length > 4000 ? 9 : extents.length > 600 ? 15 : 24;
  const gap = cell > 10 ? 3 : 1;
  columns = Math.max(1, Math.floor((width + gap) / (cell + gap)));
  const rows = Math.max(1, Math.ceil(extents.length / columns));
  const height = rows * (cell + gap);
  canvas.style.height = `${height}px`;
  const pen = surface(canvas, width, height);
  const colours = palette();
  extents.forEach(([role, , used, live, isOpen], number) => {
    const x = (number % columns) * (cell + gap);
    const y = Math.floor(number / columns) * (cell + gap);
    if (used > 0) {
      const filled = Math.max(1, (cell * used) / size);
      pen.fillStyle = liveness(Math.min(1, live / used), colours);
      pen.fillRect(x, y + cell - filled, cell, filled);
    }
    const isJournal = role === "journal";
    pen.strokeStyle = number === chosen ? colours.ink : isJournal ? colours.journal : colours.rule;
    pen.lineWidth = number === chosen || isJournal ? 2 : 1;
    const edge = pen.lineWidth / 2;
    pen.strokeRect(x + edge, y + edge, cell - 2 * edge, cell - 2 * edge);
    if (isOpen) {
      pen.fillStyle = colours.ink;
      pen.beginPath();
      pen.arc(x + cell / 2, y + cell / 2, cell / 7, 0, 2 * Math.PI);
      pen.fill();
    }
  });
  const count = (role) => whole.format(extents.filter((extent) => extent[0] === role).length);
  canvas.setAttribute(
    "aria-label",
    `${whole.format(extents.length)} extents: ${count("data")} data, ${count("journal")} journal, ${count("free")} free`,
  );
  canvas.dataset.cell = cell + gap;
  tellExtent();
}

function tellExtent() {
  const extent = latest.extents[chosen];
  if (!extent) {
    at("extent").textContent = "Point at an extent, or use the arrow keys, to read what it holds.";
    return;
  }
  const [role, life, used, live, isOpen] = extent;
  const share = used ? `${Math.round((100 * live) / used)} % of it live` : "nothing in it";
  at("extent").textContent =
    `extent ${chosen}: ${role}${isOpen ? ", being written" : ""}, ${bytes(used)} written, ${share}, life ${life}`;
}

function drawScale() {
  const colours = palette();
  const pen = surface(at("scale"), 120, 12);
  at("scale").style.width = "120px";
  for (let x = 0; x < 120; x += 1) {
    pen.fillStyle = liveness(x / 119, colours);
    pen.fillRect(x, 0, 1, 12);
  }
}

function drawTrace() {
  const canvas = at("trace");
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const pen = surface(canvas, width, height);
  const colours = palette();
  const top = Math.max(1, ...trace);
  pen.strokeStyle = colours.rule;
  pen.strokeRect(0.5, 0.5, width - 1, height - 1);
  pen.strokeStyle = colours.live;
  pen.lineWidth = 1.5;
  pen.beginPath();
  trace.forEach((rate, index) => {
    const x = width - 1 - ((trace.length - 1 - index) * (width - 2)) / (KEPT - 1);
    pen.lineTo(x, height - 3 - ((height - 20) * rate) / top);
  });
  pen.stroke();
  pen.fillStyle = colours.quiet;
  pen.font = "12px system-ui, sans-serif";
  pen.fillText(`${short.format(top)} a second at most, in the last ${(KEPT * EVERY_MS) / 60000} minutes`, 8, 14);
  canvas.setAttribute("aria-label", `requests a second lately; now ${short.format(trace.at(-1) ?? 0)}`);
}

function sumOf(rows, name) {
  return rows.reduce((sum, row) => sum + row[name], 0);
}

function rate(name, rows) {
  if (!before) return 0;
  const old = before.answered.filter((row) => rows === latest.answered || row.operation === rows[0]?.operation);
  return Math.max(0, (sumOf(rows, name) - sumOf(old, name)) / Math.max(0.001, latest.now_s - before.now_s));
}

function within(rows) {
  const times = BOUNDS_MS.concat(Infinity).map((_, k) => rows.reduce((sum, row) => sum + row.times[k], 0));
  const wanted = 0.99 * times.reduce((sum, count) => sum + count, 0);
  let passed = 0;
  for (let k = 0; k < times.length; k += 1) {
    passed += times[k];
    if (passed >= wanted) return k < BOUNDS_MS.length ? short.format(BOUNDS_MS[k]) : "> 10,000";
  }
  return "";
}

function showRequests() {
  const rows = latest.answered;
  const perSecond = rate("count", rows);
  if (before) trace.push(perSecond);
  if (trace.length > KEPT) trace.shift();
  fill(at("rates"), [
    ["requests a second", short.format(perSecond)],
    ["taken in a second", bytes(rate("received_bytes", rows))],
    ["given out a second", bytes(rate("sent_bytes", rows))],
    ["connections", whole.format(latest.connection_count)],
    ["multipart uploads", whole.format(latest.upload_count)],
  ]);
  const names = [...new Set(rows.map((row) => row.operation))];
  at("operations").replaceChildren(
    ...names.map((name) => {
      const own = rows.filter((row) => row.operation === name);
      const count = sumOf(own, "count");
      const of = (low, high) => sumOf(own.filter((row) => row.status >= low && row.status < high), "count");
      const line = document.createElement("tr");
      const mean = count ? (1000 * sumOf(own, "took_s")) / count : 0;
      const cells = [short.format(rate("count", own)), whole.format(count), whole.format(of(400, 500))];
      cells.push(whole.format(of(500, 600)), short.format(mean), within(own));
      line.append(...[name || "(refused unread)", ...cells].map((text) => made("td", text)));
      return line;
    }),
  );
  drawTrace();
}

function showCapacity() {
  const store = latest.store;
  const all = store.capacity_bytes ?? store.extent_count * store.extent_size_bytes;
  const garbage = store.used_bytes - store.live_bytes;
  const parts = [["live", store.live_bytes], ["dead", garbage]];
  at("bar").replaceChildren(
    ...parts.map(([name, size]) => {
      const part = document.createElement("span");
      part.style.background = `var(--${name})`;
      part.style.width = `${all ? (100 * size) / all : 0}%`;
      return part;
    }),
  );
  at("bar").setAttribute("aria-label", `${bytes(store.live_bytes)} live, ${bytes(garbage)} garbage of ${bytes(all)}`);
  fill(at("capacity"), [
    ["objects", whole.format(store.object_count)],
    ["buckets", whole.format(store.bucket_count)],
    ["live", bytes(store.live_bytes)],
    ["garbage", bytes(garbage)],
    [store.capacity_bytes === null ? "taken from the disk" : "capacity", bytes(all)],
    ["index", `${bytes(store.index_bytes)} in ${whole.format(store.run_count)} runs`],
    ["journal", bytes(store.journal_bytes)],
  ]);
  fill(at("reclaiming"), [
    ["extents free", `${whole.format(store.free_extent_count)} of ${whole.format(store.extent_count)}`],
    ["extents emptied", whole.format(store.reclaimed_extent_count)],
    ["moved for that", bytes(store.moved_bytes)],
    ["garbage to reclaim", bytes(garbage)],
  ]);
}

function showChecks() {
  at("checks").replaceChildren(
    ...latest.checks.map((check) => {
      const state = check.is_well === null ? "unknown" : check.is_well ? "well" : "bad";
      const line = made("li", "", state);
      const mark = made("span", { well: "✓", bad: "!", unknown: "–" }[state], "mark");
      mark.setAttribute("aria-label", { well: "well", bad: "not well", unknown: "not known" }[state]);
      line.append(mark, made("span", check.name), made("span", check.told, "told"));
      return line;
    }),
  );
}

function show() {
  const minutes = (latest.now_s - latest.started_s) / 60;
  const up = minutes < 90 ? `${Math.floor(minutes)} minutes` : `${short.format(minutes / 60)} hours`;
  const since = at("since");
  since.className = "";
  since.textContent = `as of ${new Date(latest.now_s * 1000).toLocaleTimeString()}; up ${up}`;
  showChecks();
  showCapacity();
  showRequests();
  drawMap();
}

async function refresh() {
  try {
    const answer = await fetch("status.json", { cache: "no-store" });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    before = latest;
    latest = await answer.json();
    show();
  } catch (error) {
    at("since").className = "stale";
    at("since").textContent = `no figures: ${error.message}; trying again`;
  }
}

async function keepOn() {
  if (!document.hidden) await refresh();
  setTimeout(keepOn, EVERY_MS);
}

at("map").addEventListener("pointermove", (event) => {
  if (!latest) return;
  const box = at("map").getBoundingClientRect();
  const step = Number(at("map").dataset.cell);
  chosen = Math.floor((event.clientY - box.top) / step) * columns + Math.floor((event.clientX - box.left) / step);
  drawMap();
});
at("map").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  if (!step || !latest) return;
  event.preventDefault();
  chosen = Math.min(latest.extents.length - 1, Math.max(0, chosen + step));
  drawMap();
});
const redraw = () => {
  drawScale();
  if (latest) {
    drawMap();
    drawTrace();
  }
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
window.addEventListener("resize", redraw);
drawScale();
keepOn();
