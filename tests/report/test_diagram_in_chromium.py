"""The time-space diagram in a real browser: painted, fast, and moved by pointer, wheel, keys and buttons."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from proving.report import Report, Section, TimeSpace, Tracks, write

pytestmark = pytest.mark.browser

COLOURS = """canvas => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""
PICTURE = "canvas => canvas.toDataURL()"
DRAWN_POINTS = "figure => Number(figure.dataset.drawnPoints)"


@pytest.fixture(scope="module")
def page(
    chromium: Browser, sample_report: Callable[[int], Report], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write(sample_report(100_000), path)
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    yield page
    page.close()


@pytest.fixture(autouse=True)
def everything_shown(request: pytest.FixtureRequest) -> None:
    if "page" in request.fixturenames:
        page = request.getfixturevalue("page")
        page.get_by_role("button", name="all", exact=True).click()
        page.get_by_role("button", name="Show all of the time and the road").click()
        settle(page)


def settle(page: Page) -> None:
    """Wait until what was asked for is drawn: drawing happens in the next frame."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def picture(page: Page, panel: int = 0) -> str:
    settle(page)
    return page.locator("canvas.data").nth(panel).evaluate(PICTURE)


def drawn_points(page: Page) -> int:
    settle(page)
    return page.locator(".time-space").evaluate(DRAWN_POINTS)


def test_both_panels_are_painted_in_many_colours(page: Page):
    for panel in range(2):
        assert page.locator("canvas.data").nth(panel).evaluate(COLOURS) > 200
    assert drawn_points(page) == 100_000
    assert picture(page, 0) != picture(page, 1)


def test_legend_names_the_unit_and_the_automated_vehicles(page: Page):
    legend = page.locator(".speed-legend")
    assert "speed, m/s" in legend.inner_text()
    assert "automated vehicle" in legend.inner_text()
    ticks = [float(tick) for tick in legend.locator(".speed-ticks span").all_inner_texts()]
    assert ticks[0] == 0
    assert len(ticks) >= 4
    assert set(np.diff(ticks)) == {2.0}


def test_the_wheel_zooms_only_what_was_clicked(page: Page):
    canvas = page.locator("canvas.data").first
    canvas.scroll_into_view_if_needed()
    before = picture(page)
    page.evaluate("document.activeElement.blur()")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 150)
    page.mouse.wheel(0, -1)
    assert picture(page) == before
    page.mouse.click(box["x"] + 200, box["y"] + 150)
    page.mouse.wheel(0, -400)
    page.wait_for_function("before => document.querySelector('canvas.data').toDataURL() !== before", arg=before)
    assert drawn_points(page) < 100_000
    page.mouse.dblclick(box["x"] + 200, box["y"] + 150)
    assert drawn_points(page) == 100_000


def test_keys_zoom_move_and_reset(page: Page):
    page.locator("canvas.data").first.focus()
    whole = picture(page)
    page.keyboard.press("+")
    zoomed = picture(page)
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown", "-"):
        before = picture(page)
        page.keyboard.press(key)
        assert picture(page) != before, key
    page.keyboard.press("0")
    assert picture(page) == whole != zoomed


def test_dragging_moves_both_panels(page: Page):
    page.get_by_role("button", name="Zoom in").click()
    before = [picture(page, panel) for panel in range(2)]
    box = page.locator("canvas.data").first.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 190)
    page.mouse.up()
    assert [picture(page, panel) != before[panel] for panel in range(2)] == [True, True]


def test_a_button_shows_one_panel_alone(page: Page):
    page.get_by_role("button", name="with automated vehicles", exact=True).click()
    settle(page)
    assert [panel.is_visible() for panel in page.locator(".panel").all()] == [False, True]
    assert drawn_points(page) == 50_000
    assert page.locator("canvas.data").nth(1).bounding_box()["width"] > 800


def test_hovering_reads_out_the_nearest_point(page: Page, ring_tracks: Callable[..., Tracks]):
    tracks = ring_tracks(50_000, has_automation=True)
    canvas = page.locator("canvas.data").nth(1)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 150)
    name, seconds, metres, speed = page.locator(".tip > *").all_inner_texts()
    vehicle = int(name.removeprefix("vehicle ").removesuffix(", automated"))
    assert name.endswith("automated") == tracks.is_automated[vehicle]
    mine = tracks.vehicle == vehicle
    nearest = np.argmin(np.abs(tracks.time_s[mine] - float(seconds.removesuffix(" s"))))
    assert float(metres.removesuffix(" m")) == pytest.approx(tracks.position_m[mine][nearest], abs=0.1)
    assert float(speed.split(" ")[0]) == pytest.approx(tracks.speed_mps[mine][nearest], abs=0.1)
    page.mouse.move(5, 5)
    assert not page.locator(".tip").is_visible()


def test_the_canvas_follows_the_window(page: Page):
    page.set_viewport_size({"width": 700, "height": 900})
    settle(page)
    sizes = page.locator("canvas.data").evaluate_all("all => all.map(one => [one.width, one.clientWidth])")
    page.set_viewport_size({"width": 1280, "height": 900})
    assert all(pixels == shown > 500 for pixels, shown in sizes)


def test_a_fine_screen_gets_fine_pixels(chromium: Browser, page: Page):
    with chromium.new_page(viewport={"width": 400, "height": 800}, device_scale_factor=2) as fine:
        fine.goto(page.url)
        fine.wait_for_selector("html[data-ready]")
        pixels, shown = fine.locator("canvas.data").first.evaluate("one => [one.width, one.clientWidth]")
        assert pixels == 2 * shown


@pytest.mark.slow
def test_a_million_points_are_ready_in_three_seconds(
    chromium: Browser, ring_tracks: Callable[..., Tracks], tmp_path: Path
):
    path = tmp_path / "report.html"
    panels = (ring_tracks(500_000), ring_tracks(500_000, has_automation=True))
    write(Report("t", "s", (Section("h", (TimeSpace("", panels),)),)), path)
    with chromium.new_page() as page:
        began = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        assert time.perf_counter() - began < 3
        assert drawn_points(page) == 1_000_000


def test_odd_tracks_are_drawn_without_complaint(chromium: Browser, tmp_path: Path):
    zero = np.zeros(0)
    none = Tracks("no vehicle", zero, zero, zero, zero.astype(int), zero.astype(bool))
    one = np.array([5.0])
    point = Tracks("one point", one, one, one, np.array([0]), np.array([True]))
    still = Tracks("standing", np.arange(3.0), np.full(3, 7.0), np.zeros(3), np.zeros(3, int), np.array([False]))
    path = tmp_path / "report.html"
    sections = [
        Section("h", (TimeSpace("", panels),)) for panels in ((none,), (point,), (still,), (none, point, still))
    ]
    write(Report("t", "s", tuple(sections)), path)
    with chromium.new_page() as page:
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        assert complaints == []
        assert page.locator(".time-space").evaluate_all(f"all => all.map({DRAWN_POINTS})") == [0, 1, 3, 4]


def test_a_diagram_that_cannot_be_unpacked_says_so(chromium: Browser, page: Page):
    with chromium.new_page() as old:
        old.add_init_script("delete window.DecompressionStream")
        old.goto(page.url)
        old.wait_for_selector("html[data-ready]")
        assert old.locator(".stage").inner_text().startswith("This diagram cannot be shown: DecompressionStream")
