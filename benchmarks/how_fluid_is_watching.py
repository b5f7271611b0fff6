"""How fluid is a run with 100,000 vehicles in the browser: pictures per second, and our own time for each.

A city whose vehicles drive by a formula (the engine is not asked here) is written as one page, played in a headless
Chromium and looked at. There is no graphics card: the pictures per second are those of a machine without one, where
vehicles are drawn with Canvas; `cpu_ms` is the time of all of Chromium's processes for a picture, which says what a
quiet machine could do. The milliseconds of our JavaScript are by the clock. `webgl_...` is our JavaScript's part where
WebGL draws, without the drawing itself, which a graphics card would do. No peer is run.

    python benchmarks/how_fluid_is_watching.py [--smoke] [--json]
"""

import argparse
import json
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from playwright.sync_api import sync_playwright

from proving.traffic.roads import City
from proving.traffic.watching import Kind, Moments, Show, Travellers, scene_of, write_watch_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

FLAGS = ["--no-sandbox", "--disable-background-networking"]
MOMENT_S = 0.5
KINDS = (Kind(name="car"),)
WITHOUT_CARD, SOFTWARE_WEBGL = ["--disable-gpu"], ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
# Our own time for a moment and for a picture between moments, sent to WebGL and not waited for.
SENT = """() => {
  watching.setPlaying(false);
  const {stage} = watching;
  const timed = (times, what) => {
    const all = Array.from({length: times}, () => {
      const began = performance.now();
      what();
      return performance.now() - began;
    });
    return all.sort((a, b) => a - b)[times >> 1];
  };
  const look = {share: 0.5, momentS: 0.5, top: 15, bySpeed: true, smallest: 1.35};
  return {
    drawing: document.querySelector(".stage").dataset.drawing,
    placing_ms: timed(9, () => { watching.placed.clear(); watching.placedAt(1); }),
    picture_ms: timed(9, () => stage.drawVehicles(watching.camera, look)),
  };
}"""
# Plays so many seconds and tells when each picture was drawn and how long our own code took.
PLAY = """async ([rate, seconds, zoom]) => {
  watching.setPlaying(false);
  watching.showAll();
  watching.seek(0);
  if (zoom > 1) watching.zoom(zoom);
  watching.setRate(rate);
  await new Promise(done => setTimeout(done, 500));
  const [times, busy, began] = [[], [], performance.now()];
  const frame = watching.frame;
  watching.frame = function (now) {
    const before = performance.now();
    frame.call(this, now);
    times.push(now);
    busy.push(performance.now() - before);
  };
  watching.setPlaying(true);
  while (performance.now() - began < 1000 * seconds) await new Promise(done => setTimeout(done, 50));
  watching.setPlaying(false);
  watching.frame = frame;
  return {times, busy, drawn: watching.everybody().length, drawing: document.querySelector(".stage").dataset.drawing};
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="2,000 vehicles for a moment")
    parser.add_argument("--json", action="store_true", help="end in one JSON object")
    parser.add_argument("--vehicles", type=int, default=None)
    arguments = parser.parse_args()
    vehicle_count = arguments.vehicles or (2_000 if arguments.smoke else 100_000)
    answer: dict[str, float | int | str] = {"vehicles": vehicle_count}
    with tempfile.TemporaryDirectory() as folder:
        page_file = Path(folder) / "city.html"
        show = _show(vehicle_count, moment_count=20 if arguments.smoke else 80)
        began = time.perf_counter()
        write_watch_page(show, page_file)
        answer |= {
            "seconds_to_write": round(time.perf_counter() - began, 1),
            "page_mb": round(page_file.stat().st_size / 1e6, 1),
            "bytes_per_vehicle_and_moment": round(page_file.stat().st_size / vehicle_count / show.moment_count, 2),
        }
        answer |= _played(page_file, seconds=1.0 if arguments.smoke else 6.0)
    for name, value in answer.items():
        print(f"{name:34} {value}")
    if arguments.json:
        print(json.dumps(answer))


def _show(vehicle_count: int, moment_count: int) -> Show:
    """Return a city of one vehicle per 40 m whose vehicles go round their own streets, each at its own speed."""
    side = max(2, round(math.sqrt(vehicle_count / 16)))
    scene = scene_of(City(row_count=side, column_count=side).road_map())
    chance = np.random.default_rng(0)
    lane = chance.integers(0, int((scene.edge >= 0).sum()), vehicle_count)
    begin_m = chance.uniform(0, scene.length_m[lane])
    speed_mps = chance.uniform(0, 14, vehicle_count)

    def moments() -> Iterator[Moments]:
        for moment in range(moment_count):
            # Faster and slower by turns, so that speeds and differences of positions are not for nothing.
            swing = 1 + 0.3 * np.sin(0.3 * moment + begin_m)
            yield Moments(
                trip=np.arange(vehicle_count)[None],
                lane=lane[None],
                position_m=((begin_m + speed_mps * moment * MOMENT_S + swing) % scene.length_m[lane])[None],
                speed_mps=(speed_mps * swing)[None],
                phase=np.full((1, len(scene.signals)), moment // 20 % 4),
            )

    def route(trip: int) -> list[int]:
        return [int(scene.edge[lane[trip]])]

    return Show(
        scene=scene,
        travellers=Travellers([f"car_{i}" for i in range(vehicle_count)], np.zeros(vehicle_count, int), KINDS, route),
        moment_s=MOMENT_S,
        start_s=0.0,
        moment_count=moment_count,
        moments=moments,
    )


def _played(page_file: Path, seconds: float) -> dict[str, float | int | str]:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        sys.exit("Chromium is missing: install the package chromium, or set CHROMIUM to the program")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS + WITHOUT_CARD)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        began = time.perf_counter()
        page.goto(page_file.as_uri())
        page.wait_for_selector("html[data-ready]", timeout=120_000)
        answer: dict[str, float | int | str] = {"seconds_to_open": round(time.perf_counter() - began, 2)}
        for name, rate, zoom in (("all", 1, 1), ("all_at_5x", 5, 1), ("streets", 1, 30)):
            answer |= {f"{name}_{what}": value for what, value in _measured(page, (rate, seconds, zoom)).items()}
        browser.close()
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS + SOFTWARE_WEBGL)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(page_file.as_uri() + "#webgl")
        page.wait_for_selector("html[data-ready]", timeout=120_000)
        sent = page.evaluate(SENT)
        if sent.pop("drawing") == "webgl":
            answer |= {f"webgl_{name}": round(value, 2) for name, value in sent.items()}
        browser.close()
    return answer


def _measured(page: "Page", how: tuple[float, float, float]) -> dict[str, float | int | str]:
    cpu_s = _cpu_s()
    found = page.evaluate(PLAY, list(how))
    cpu_s = _cpu_s() - cpu_s
    times, busy = found["times"], sorted(found["busy"])
    if len(times) < 3:
        sys.exit(f"only {len(times)} pictures were drawn")
    return {
        "pictures_per_s": round(1000 * (len(times) - 1) / (times[-1] - times[0]), 1),
        "cpu_ms": round(1000 * cpu_s / len(times), 1),
        "own_ms_median": round(statistics.median(busy), 2),
        "own_ms_99": round(busy[min(len(busy) - 1, int(0.99 * len(busy)))], 1),
        "drawn": found["drawn"],
        "drawing": found["drawing"],
    }


def _cpu_s() -> float:
    """Return the processor time so far of all processes that this one has started: Chromium's, the driver's."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # It has ended meanwhile.
        number = int(entry.parent.name)
        parents[number], ticks[number] = int(fields[1]), int(fields[11]) + int(fields[12])
    family = {os.getpid()}
    while grown := {number for number, parent in parents.items() if parent in family} - family:
        family |= grown
    return sum(ticks[number] for number in family - {os.getpid()}) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
