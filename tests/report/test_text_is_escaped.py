"""No text of a report can become markup, and no drawing can carry a script."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure as Drawing
from playwright.sync_api import Browser

from proving.report import (
    Code,
    Figure,
    KeyFigure,
    KeyFigures,
    Report,
    Section,
    Table,
    Text,
    Thumbnail,
    Thumbnails,
    TimeSpace,
    Tracks,
    UnsafeSvg,
    figure,
    render,
)

PNG = b"\x89PNG\r\n\x1a\n"
EVIL = [
    "<script>alert('{}')</script>",
    "</script><script>alert('{}')</script>",
    '"><img src=x onerror=alert("{}")>',
    "<!--{}",
    "{{{{ {} }}}}",
]


def report_of(text: str) -> Report:
    """A report with `text` in every field that takes any."""
    names = iter(range(100))

    def evil() -> str:
        return text.format(f"field {next(names)}")

    drawing = Drawing()
    drawing.subplots().set_xlabel(evil())
    one = np.zeros(1)
    tracks = Tracks(evil(), one, one, one, np.zeros(1, dtype=int), np.zeros(1, dtype=bool))
    blocks = (
        Text(evil()),
        KeyFigures((KeyFigure(evil(), evil(), evil()),)),
        Table((evil(),), ((evil(),),), evil()),
        figure(drawing, evil()),
        TimeSpace(evil(), (tracks, tracks)),
        Thumbnails((Thumbnail(PNG, evil(), evil()),)),
        Code(evil()),
    )
    return Report(evil(), evil(), (Section(evil(), blocks), Section(evil(), ())), evil())


@pytest.mark.parametrize("text", EVIL)
def test_markup_in_any_field_stays_text(text: str):
    plain, evil = render(report_of("{}")), render(report_of(text))
    for tag in ("<script", "</script", "<img", "<!--", "<text"):
        assert evil.count(tag) == plain.count(tag), tag
    assert len(set(re.findall(r"field \d+", evil))) == 19


@pytest.mark.browser
@pytest.mark.parametrize("text", EVIL)
def test_a_browser_shows_markup_as_text_and_runs_nothing(chromium: Browser, tmp_path: Path, text: str):
    path = tmp_path / "report.html"
    path.write_text(render(report_of(text)), encoding="utf-8")
    page = chromium.new_page()
    complaints: list[str] = []
    page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    assert complaints == []
    shown = {text.format(f"field {number}") for number in range(19)}
    assert {page.title(), page.locator("h1").inner_text(), page.locator("code").inner_text()} <= shown
    page.close()


@pytest.mark.parametrize(
    "svg",
    [
        "<svg><script>alert(1)</script></svg>",
        '<svg onload="alert(1)"></svg>',
        "<svg><foreignObject><b>x</b></foreignObject></svg>",
        '<svg><a href="https://example.org"><path d="M0 0"/></a></svg>',
        '<svg><use href="https://example.org/x.svg#y"/></svg>',
        '<svg><image href="https://example.org/x.png"/></svg>',
        '<svg><path d="M0 0" style="fill: url(https://example.org/x)"/></svg>',
        "<svg><style>@import 'x'</style></svg>",
        '<!DOCTYPE svg [<!ENTITY x "y">]><svg>&x;</svg>',
        "<svg><![CDATA[x]]></svg>",
        "<svg><path></svg>",
        "<div></div>",
        "",
    ],
)
def test_an_svg_that_is_more_than_a_drawing_is_refused(svg: str):
    with pytest.raises(UnsafeSvg, match="SVG"):
        Figure(svg)


def test_what_is_no_picture_is_refused():
    with pytest.raises(ValueError, match="JPEG or PNG"):
        Thumbnail(b"<svg onload=alert(1)>", "x")
