"""The page's scripts, run in Chromium: they unpack what Python packed, and their axes and views keep their promises."""

import base64
from collections.abc import Callable, Iterator
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from proving.report import Tracks
from proving.report.page import EXPORT_WORD
from proving.report.timespace import pack, unpack

pytestmark = pytest.mark.browser

ASKS = settings(max_examples=60)


@pytest.fixture(scope="module")
def scripts(chromium: Browser) -> Iterator[Page]:
    """A page in which the modules that need no document are loaded."""
    with chromium.new_page() as page:
        for name in ("unpack.js", "view.js", "axes.js"):
            text = resources.files("proving.report").joinpath("static", name).read_text(encoding="utf-8")
            page.add_script_tag(content=EXPORT_WORD.sub("", text))
        yield page


def test_the_browser_unpacks_the_same_points(scripts: Page, ring_tracks: Callable[..., Tracks]):
    tracks = ring_tracks(20_000, has_automation=True)
    packed = pack((tracks,))
    expected = unpack(packed)[0]
    body = base64.b64encode(packed.panels[0].body).decode()
    unpacked = scripts.evaluate(
        "async ([body, count]) => Object.fromEntries(Object.entries(await unpackPoints(body, count))"
        ".map(([name, column]) => [name, [...column]]))",
        [body, len(tracks.time_s)],
    )
    for name, column, scale in (
        ("time", expected.time_s, packed.time_s),
        ("position", expected.position_m, packed.position_m),
        ("speed", expected.speed_mps, packed.speed_mps),
    ):
        np.testing.assert_array_equal(scale.start + np.array(unpacked[name]) * scale.step, column)


@ASKS
@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e6), st.integers(1, 20))
def test_ticks_are_round_inside_and_evenly_apart(scripts: Page, low: float, size: float, count: int):
    answer = scripts.evaluate(
        "([low, high, count]) => { const {ticks, decimals} = roundTicks(low, high, count);"
        " return {ticks, texts: ticks.map(tick => written(tick, decimals))}; }",
        [low, low + size, count],
    )
    ticks, texts = np.array(answer["ticks"]), answer["texts"]
    slack = size * 1e-5
    assert len(ticks) <= count + 1
    assert len(set(texts)) == len(texts)
    assert "−0" not in texts
    assert ((low - slack <= ticks) & (ticks <= low + size + slack)).all()
    np.testing.assert_allclose([float(text.replace("−", "-")) for text in texts], ticks, rtol=0, atol=slack)


@ASKS
@given(st.lists(st.tuples(st.floats(0.2, 5), st.floats(0, 1), st.floats(-2, 2)), max_size=8))
def test_views_stay_inside_and_keep_the_place_under_the_pointer(scripts: Page, moves: list[tuple[float, float, float]]):
    full = [0.0, 65_535.0]
    view = full
    for factor, share, distance in moves:
        anchor = view[0] + share * (view[1] - view[0])
        view = scripts.evaluate(
            "([view, full, factor, at]) => zoomed(view, full, factor, at)", [view, full, factor, anchor]
        )
        assert view[0] - 1e-6 <= anchor <= view[1] + 1e-6
        step = distance * (view[1] - view[0])
        moved = scripts.evaluate("([view, full, step]) => panned(view, full, step)", [view, full, step])
        assert moved[1] - moved[0] == pytest.approx(view[1] - view[0])
        view = moved
        assert full[0] - 1e-6 <= view[0] < view[1] <= full[1] + 1e-6
