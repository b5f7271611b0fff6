"""The page in a real browser: silent, self-sufficient, readable in light, dark, on a phone and on paper."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from proving.report import Report, write

pytestmark = pytest.mark.browser

# The lowest contrast (WCAG 2.2, relative luminance) between any text and what lies behind it, and that text.
CONTRAST = """() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([red, green, blue]) => [red, green, blue].map(value => value / 255)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = channels(getComputedStyle(one).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let worst = [99, ""];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest("script, noscript")) continue;
    const style = getComputedStyle(element);
    const ink = luminance(channels(element.closest("svg") ? style.fill : style.color));
    const paper = luminance(behind(element));
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < worst[0]) worst = [contrast, walker.currentNode.data.trim()];
  }
  return worst;
}"""
PAPER = "() => getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def report_path(sample_report: Callable[[int], Report], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write(sample_report(20_000), path)
    return path


@pytest.fixture(scope="module")
def opened(chromium: Browser, report_path: Path) -> Callable[..., Iterator[Page]]:
    """Open the report in a window of some width and scheme; when closed, nothing may have been said or asked for."""

    @contextmanager
    def open_page(width: int = 1280, scheme: str = "light") -> Iterator[Page]:
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        requests: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(report_path.as_uri())
        page.wait_for_selector("html[data-ready]")
        yield page
        page.close()
        assert complaints == []
        assert [url for url in requests if not url.startswith("data:")] == [report_path.as_uri()]

    return open_page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_is_readable(opened: Callable, scheme: str):
    with opened(scheme=scheme) as page:
        contrast, text = page.evaluate(CONTRAST)
        assert contrast >= 4.5, text


def test_the_button_turns_the_page_dark_and_repaints_the_diagram(opened: Callable):
    with opened() as page:
        canvas = page.locator("canvas.data").first
        light, light_picture = page.evaluate(PAPER), canvas.evaluate("one => one.toDataURL()")
        page.locator("button.theme").click()
        assert page.evaluate(PAPER) != light
        assert canvas.evaluate("one => one.toDataURL()") != light_picture
        assert page.evaluate(CONTRAST)[0] >= 4.5
        page.locator("button.theme").click()
        assert page.evaluate(PAPER) == light
        assert canvas.evaluate("one => one.toDataURL()") == light_picture


def test_the_page_follows_the_scheme_of_the_system(opened: Callable):
    with opened() as page:
        before = page.locator("canvas.data").first.evaluate("one => one.toDataURL()")
        page.emulate_media(color_scheme="dark")
        page.wait_for_function("before => document.querySelector('canvas.data').toDataURL() !== before", arg=before)
        assert page.locator("button.theme").inner_text() == "Light"


@pytest.mark.parametrize("width", [320, 400, 760, 1100, 1600])
def test_nothing_is_wider_than_the_window(opened: Callable, width: int):
    with opened(width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_dark_page_prints_on_white(opened: Callable):
    with opened(scheme="dark") as page:
        dark = page.locator("canvas.data").first.evaluate("one => one.toDataURL()")
        page.evaluate(
            "addEventListener('beforeprint', () => {"
            " window.printed = document.querySelector('canvas.data').toDataURL();"
            " window.ink = getComputedStyle(document.querySelector('.panels')).color; })"
        )
        assert page.pdf().startswith(b"%PDF")
        assert page.evaluate("window.ink") == "rgb(29, 33, 38)"
        assert page.evaluate("window.printed") != dark
        assert page.locator("canvas.data").first.evaluate("one => one.toDataURL()") == dark


def test_a_table_sorts_by_a_click_and_keeps_empty_cells_last(opened: Callable):
    with opened() as page:
        first_column = "rows => rows.map(row => row.cells[0].textContent)"
        button = page.get_by_role("button", name="vehicles", exact=True)
        button.click()
        assert page.locator("tbody tr").evaluate_all(first_column) == ["one automated", "human drivers", "not run"]
        button.click()
        assert page.locator("tbody tr").evaluate_all(first_column) == ["human drivers", "one automated", "not run"]
        assert page.locator("th").nth(2).get_attribute("aria-sort") == "descending"


def test_code_can_be_copied(opened: Callable):
    with opened() as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_role("button", name="Copy").click()
        page.get_by_text("Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == "proving corridor run study.toml"


def test_contents_lead_to_every_section(opened: Callable):
    with opened() as page:
        for link in page.locator("nav a").all():
            assert page.locator(f"{link.get_attribute('href')} h2").inner_text() == link.inner_text()


def test_without_javascript_everything_but_the_diagram_is_there(chromium: Browser, report_path: Path):
    with chromium.new_page(java_script_enabled=False) as page:
        page.goto(report_path.as_uri())
        text = page.locator("body").inner_text()
        assert "switch JavaScript on" in text
        assert "118\u202f204" in text
        assert page.locator("button.theme").is_hidden()
