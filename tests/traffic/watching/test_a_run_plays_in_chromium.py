"""The page of a run in a real browser: what is drawn is what was recorded, and it does what is asked of it."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from proving.traffic.watching import Show, places_of, write_watch_page
from proving.traffic.watching.moments import NOBODY, joined

pytestmark = pytest.mark.browser

# What the tests ask of the page, in its own language.
ASKING = """
globalThis.everybody = () => watching.everybody().map(({trip, x, y, speed}) =>
  [trip, x + watching.scene.origin[0], y + watching.scene.origin[1], speed]);
globalThis.one = trip => watching.everybody().find(other => other.trip === trip);
// The pixel of the middle of a vehicle.
globalThis.pixel = trip => {
  const {camera, stage, body} = watching;
  const {x, y, dx, dy, span} = one(trip);
  const half = body[3 * span] / 2;
  return [stage.size[0] / 2 + (x - dx * half - camera.x) * camera.scale,
          stage.size[1] / 2 - (y - dy * half - camera.y) * camera.scale];
};
// Put the middle of a vehicle into the middle of the window.
globalThis.lookAt = (trip, scale) => {
  const {x, y, dx, dy, span} = one(trip);
  const half = watching.body[3 * span] / 2;
  watching.move({x: x - half * dx, y: y - half * dy, scale});
};
globalThis.painted = ([x, y]) => {
  const canvas = document.querySelectorAll(".stage canvas")[1];
  const shot = Object.assign(document.createElement("canvas"), {width: canvas.width, height: canvas.height});
  watching.draw();
  shot.getContext("2d").drawImage(canvas, 0, 0);
  return [...shot.getContext("2d").getImageData(Math.round(x), Math.round(y), 1, 1).data];
};
globalThis.isAt = seconds => {
  const {reel, within, share, scene} = watching;
  return reel && Math.abs((reel.first + within + share) * scene.momentS - seconds) < 1e-6;
};
globalThis.ground = ([px, py]) => {
  const {camera, stage} = watching;
  return [camera.x + (px - stage.size[0] / 2) / camera.scale, camera.y - (py - stage.size[1] / 2) / camera.scale];
};
// The colours that the stop lines are given.
globalThis.signals = () => {
  const {stage} = watching;
  const drawing = stage.vehicles;
  let found = null;
  drawing.showSignals = all => { found = all; };
  stage.shownPhases = null;
  stage.showSignals();
  delete drawing.showSignals;
  return found;
};
"""
EVERYBODY = "() => everybody()"
NO_WEBGL = """
const get = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind === "webgl2" ? null : get.call(this, kind, ...rest);
};
"""


@pytest.fixture(scope="module")
def show(town: Callable[..., Show]) -> Show:
    return town()


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    return []


@pytest.fixture(scope="module")
def page(
    chromium: Browser, show: Show, complaints: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    path = tmp_path_factory.mktemp("watch") / "town.html"
    write_watch_page(show, path, "a <small> town")
    with chromium.new_page(viewport={"width": 900, "height": 700}, color_scheme="light") as page:
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if "file:" not in request.url else None)
        page.add_init_script(ASKING)
        # There is no graphics card here; WebGL is asked for all the same.
        page.goto(path.as_uri() + "#webgl")
        page.wait_for_selector("html[data-ready]")
        assert page.locator(".stage").get_attribute("data-drawing") == "webgl"
        yield page


@pytest.fixture(autouse=True)
def paused(page: Page) -> None:
    page.evaluate(
        "() => { watching.setPlaying(false); watching.choose(null); watching.showAll(); watching.setColouring(true) }"
    )


def settle(page: Page) -> None:
    """Wait until what was asked for is drawn."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def go_to(page: Page, seconds: float) -> None:
    page.evaluate("seconds => watching.seek(seconds)", seconds)
    page.wait_for_function("seconds => isAt(seconds)", arg=seconds)
    settle(page)


@pytest.mark.parametrize("moment", [40, 3, 88, 17, 60])
def test_seeking_shows_everybody_where_they_were_recorded(page: Page, show: Show, moment: int):
    go_to(page, moment * show.moment_s)
    drawn = {trip: rest for trip, *rest in page.evaluate(EVERYBODY)}
    moments = joined(list(show.moments()))
    there = moments.trip[moment] != NOBODY
    places, _ = places_of(show.scene).at(moments.lane[moment, there], moments.position_m[moment, there])
    assert set(drawn) == set(moments.trip[moment, there].tolist())
    for trip, place, speed in zip(
        moments.trip[moment, there].tolist(), places, moments.speed_mps[moment, there], strict=True
    ):
        # Half a step of positions, half a centimetre of lanes' points at both ends, single precision.
        np.testing.assert_allclose(drawn[trip], [*place, speed], atol=0.04)


def test_between_two_moments_vehicles_are_between_the_two(page: Page, show: Show):
    moments = joined(list(show.moments()))
    go_to(page, 20.25)
    drawn = {trip: rest for trip, *rest in page.evaluate(EVERYBODY)}
    ends = []
    for moment in (40, 41):
        there = moments.trip[moment] != NOBODY
        places, _ = places_of(show.scene).at(moments.lane[moment, there], moments.position_m[moment, there])
        ends.append(dict(zip(moments.trip[moment, there].tolist(), places, strict=True)))
    shared = ends[0].keys() & ends[1].keys()
    assert len(shared) > 20
    for trip in shared:
        apart = np.linalg.norm(ends[0][trip] - ends[1][trip])
        for end in ends:
            assert np.linalg.norm(drawn[trip][:2] - end[trip]) < 0.6 * apart + 0.05


def test_a_click_chooses_the_vehicle_under_the_pointer(page: Page, show: Show):
    go_to(page, 20.0)
    for trip in page.evaluate("() => watching.everybody().map(one => one.trip)")[::9]:
        page.evaluate("trip => lookAt(trip, 8)", trip)
        settle(page)
        page.mouse.click(*page.evaluate("trip => pixel(trip)", trip))
        page.wait_for_function("trip => watching.chosen === trip && watching.route.length", arg=trip)
        settle(page)
        panel = page.locator(".chosen")
        assert panel.locator("h2").inner_text() == f"<trip {trip}>"
        assert panel.locator(".kind").inner_text() == ("car", "bus", "robot, automated")[trip % 3]
        assert panel.locator(".speed").inner_text().startswith(f"{3 + trip % 11:.1f} m/s")
        route = [show.scene.edge_names[edge] for edge in show.travellers.route(trip)]
        assert panel.locator("li").all_inner_texts() == route
        assert panel.locator("li[aria-current]").inner_text() in route
    page.keyboard.press("Escape")
    assert not page.locator(".chosen").is_visible()


def test_the_gap_is_that_to_the_next_on_the_way(page: Page, show: Show):
    go_to(page, 20.0)
    moments = joined(list(show.moments())).part(40, 41)
    lengths = np.array([kind.length_m for kind in show.travellers.kinds])[show.travellers.kind]
    told = 0
    for place in np.flatnonzero(moments.trip[0] != NOBODY)[:12].tolist():
        trip, lane, at_m = (int(moments.trip[0, place]), moments.lane[0, place], moments.position_m[0, place])
        ahead = (moments.lane[0] == lane) & (moments.position_m[0] > at_m) & (moments.trip[0] != NOBODY)
        if not ahead.any():
            continue
        page.evaluate("trip => watching.choose(trip)", trip)
        settle(page)
        gap_m = np.min(moments.position_m[0, ahead] - lengths[moments.trip[0, ahead]]) - at_m
        assert float(page.locator(".gap").inner_text().removesuffix(" m")) == pytest.approx(gap_m, abs=0.1)
        told += 1
    assert told


def test_pause_stops_and_play_goes_on(page: Page):
    go_to(page, 10.0)
    before = page.evaluate(EVERYBODY)
    settle(page)
    settle(page)
    assert page.evaluate(EVERYBODY) == before
    page.keyboard.press(" ")
    page.wait_for_function("() => watching.time > 10.2")
    page.get_by_role("button", name="Pause").click()
    stopped = page.evaluate("() => watching.time")
    settle(page)
    assert page.evaluate("() => watching.time") == stopped
    assert page.evaluate(EVERYBODY) != before


def test_keys_seek_zoom_and_change_the_speed(page: Page):
    go_to(page, 10.0)
    page.keyboard.press("ArrowRight")
    page.keyboard.press(".")
    assert page.evaluate("() => watching.time") == pytest.approx(15.5)
    page.keyboard.press("Home")
    assert page.evaluate("() => watching.time") == 0
    page.keyboard.press("ArrowUp")
    assert page.locator(".rate").input_value() == "2"
    page.keyboard.press("ArrowDown")
    scale = page.evaluate("() => watching.camera.scale")
    page.keyboard.press("+")
    assert page.evaluate("() => watching.camera.scale") == pytest.approx(1.5 * scale)
    page.keyboard.press("0")
    assert page.evaluate("() => watching.camera.scale") == pytest.approx(scale)


def test_the_wheel_keeps_what_is_under_the_pointer_and_dragging_moves_it(page: Page):
    ground = "() => ground([300, 200])"
    before = page.evaluate(ground)
    page.mouse.move(300, 200)
    page.mouse.wheel(0, -300)
    page.wait_for_function(
        "scale => watching.camera.scale > scale", arg=page.evaluate("() => 1.5 * watching.smallestScale")
    )
    assert page.evaluate(ground) == pytest.approx(before)
    page.mouse.down()
    page.mouse.move(350, 260, steps=4)
    page.mouse.up()
    moved = page.evaluate(ground)
    scale = page.evaluate("() => watching.camera.scale")
    assert [(before[0] - moved[0]) * scale, (moved[1] - before[1]) * scale] == pytest.approx([50, 60], abs=1)
    assert page.evaluate("() => watching.chosen") is None


def test_however_far_one_goes_some_of_the_map_stays_in_the_picture(page: Page):
    west, south, east, north = page.evaluate("() => Array.from(watching.scene.bounds)")
    for scale in (0.5, 60):
        for x, y in ((-1e6, 1e6), (1e6, -1e6)):
            page.evaluate("camera => watching.move(camera)", {"x": x, "y": y, "scale": scale})
            left, top, right, bottom = page.evaluate("() => [...ground([0, 0]), ...ground(watching.stage.size)]")
            assert left < east
            assert right > west
            assert bottom < north
            assert top > south
    page.keyboard.press("0")


def test_vehicles_are_painted_in_the_colour_of_their_speed_or_driver(page: Page):
    go_to(page, 20.0)
    top, colours = page.evaluate("() => [watching.status.top, watching.scene.colours]")
    drawn = {trip: rest for trip, *rest in page.evaluate(EVERYBODY)}
    places = np.array([place for *place, _ in drawn.values()])

    def is_alone(trip: int) -> bool:
        return bool(np.sum(np.linalg.norm(places - drawn[trip][:2], axis=1) < 18) == 1)

    alone = [trip for trip in drawn if trip % 3 == 0 and is_alone(trip)]
    assert len(alone) > 2
    for trip in alone[:4]:
        page.evaluate("trip => lookAt(trip, 12)", trip)
        settle(page)
        wanted = colours[round(255 * min(1, drawn[trip][2] / top))]
        painted = page.evaluate("at => painted(at)", [450, 350])
        assert np.abs(np.array(painted[:3]) - [int(wanted[i : i + 2], 16) for i in (1, 3, 5)]).max() <= 6
        page.keyboard.press("c")
        settle(page)
        assert page.evaluate("at => painted(at)", [450, 350])[:3] == [0x4D, 0x5A, 0x68]
        page.keyboard.press("c")


def test_from_afar_vehicles_are_dots_of_the_same_colour(page: Page):
    go_to(page, 20.0)
    drawn = {trip: rest for trip, *rest in page.evaluate(EVERYBODY)}
    places = np.array([place for *place, _ in drawn.values()])
    far = max(
        drawn, key=lambda trip: np.sort(np.linalg.norm(places - drawn[trip][:2], axis=1))[1] if trip % 3 == 0 else 0
    )
    page.evaluate("trip => lookAt(trip, 0.4)", far)
    settle(page)
    top, colours = page.evaluate("() => [watching.status.top, watching.scene.colours]")
    wanted = colours[round(255 * min(1, drawn[far][2] / top))]
    painted = page.evaluate("at => painted(at)", [450, 350])
    assert np.abs(np.array(painted[:3]) - [int(wanted[i : i + 2], 16) for i in (1, 3, 5)]).max() <= 6


def test_signals_show_the_colours_of_their_phases(page: Page, show: Show):
    phases = joined(list(show.moments())).phase
    bars, letters = show.scene.bars, show.scene.signals
    for moment in (12, 40):
        go_to(page, moment * show.moment_s)
        painted = page.evaluate("() => signals()")
        names = {"G": "go", "g": "yield", "y": "ready", "r": "stop"}
        wanted = [
            names[letters[s][phases[moment, s]][i]]
            for s, i in zip(bars.signal.tolist(), bars.index.tolist(), strict=True)
        ]
        assert len(set(wanted)) > 1
        colours = page.evaluate("() => watching.stage.colours")
        assert painted == [colours[name] for name in wanted]


def test_following_keeps_the_vehicle_in_the_middle(page: Page):
    go_to(page, 10.0)
    trip = page.evaluate("() => watching.everybody()[3].trip")
    page.evaluate("async trip => { await watching.choose(trip); watching.setFollowing(true) }", trip)
    page.keyboard.press("ArrowRight")
    settle(page)
    where = page.evaluate("trip => [one(trip).x - watching.camera.x, one(trip).y - watching.camera.y]", trip)
    assert where == pytest.approx([0, 0], abs=1e-6)


def test_dark_and_light_and_narrow_windows_fit(page: Page):
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.keyboard.press("d")
    assert page.evaluate(ground) != light
    page.keyboard.press("d")
    page.set_viewport_size({"width": 380, "height": 700})
    settle(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 380
    for name in ("Play", "Show the whole network", "Light or dark"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 380
    page.set_viewport_size({"width": 900, "height": 700})
    settle(page)
    assert page.evaluate("() => watching.stage.size") == [900, 700]


def test_without_webgl_the_same_is_shown(chromium: Browser, page: Page):
    with chromium.new_page(viewport={"width": 900, "height": 700}) as plain:
        plain.add_init_script(NO_WEBGL)
        plain.add_init_script(ASKING)
        plain.goto(page.url.removesuffix("#webgl"))
        plain.wait_for_selector("html[data-ready]")
        assert plain.locator(".stage").get_attribute("data-drawing") == "canvas"
        plain.evaluate("() => watching.setPlaying(false)")
        go_to(plain, 20.0)
        go_to(page, 20.0)
        assert plain.evaluate(EVERYBODY) == page.evaluate(EVERYBODY)
        trip = plain.evaluate("() => watching.everybody()[0].trip")
        # As a dot from afar, as a box from near.
        for scale in (0.4, 6):
            plain.evaluate("([trip, scale]) => lookAt(trip, scale)", [trip, scale])
            settle(plain)
            assert plain.evaluate("at => painted(at)", [450, 350])[3] == 255
            assert plain.evaluate("at => painted(at)", [450, 10])[3] == 0


def test_nothing_was_complained_about_and_nothing_asked_of_anybody(page: Page, complaints: list[str]):
    assert page.url.startswith("file:")
    assert complaints == []
