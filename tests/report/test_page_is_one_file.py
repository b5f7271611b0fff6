"""A report is one file: it asks for nothing, is the same every time, stays small and is written whole or not at all."""

import base64
import hashlib
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from proving.report import Report, Section, Text, TimeSpace, Tracks, render, write
from proving.report.page import SCRIPTS, bundled_script

SMALL = Report("title", "summary", (Section("heading", (Text("one\n\ntwo"),)),), "footer")


def test_the_page_refers_to_nothing_outside(sample_report: Callable[[int], Report]):
    page = render(sample_report(2000))
    assert re.findall(r"https?://\S+", page) == []
    assert re.findall(r"""(?:src|href)=["'](?!data:image/|#)[^"']*""", page) == []
    assert re.findall(r"@import|url\((?!#)", page) == []


def test_the_page_forbids_every_request_and_every_script_but_its_own(sample_report: Callable[[int], Report]):
    page = render(sample_report(2000))
    script = re.search(r'<script type="module">(.*?)</script>', page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1].replace("&#39;", "'")
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy.replace("&#43;", "+")
    assert "connect-src" not in policy


def test_the_same_report_gives_the_same_bytes(sample_report: Callable[[int], Report]):
    assert render(sample_report(2000)) == render(sample_report(2000))


def test_another_process_gives_the_same_bytes():
    program = (
        "from matplotlib.figure import Figure as Drawing\n"
        "from proving.report import Report, Section, figure, render\n"
        "drawing = Drawing(); drawing.subplots().plot([1, 3, 2], 'o-')\n"
        "import hashlib; page = render(Report('t', 's', (Section('h', (figure(drawing),)),)))\n"
        "print(hashlib.sha256(page.encode()).hexdigest())"
    )
    digests = {subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout for _ in "ab"}
    assert len(digests) == 1


def test_a_million_points_stay_below_two_and_a_half_megabytes(ring_tracks: Callable[..., Tracks]):
    diagram = TimeSpace("", (ring_tracks(500_000), ring_tracks(500_000, has_automation=True, seed=2)))
    page = render(Report("t", "s", (Section("h", (diagram,)),)))
    assert sum(len(tracks.time_s) for tracks in diagram.panels) == 1_000_000
    assert len(page.encode()) <= 2_500_000


def test_modules_are_joined_whole_and_without_imports():
    script = bundled_script()
    assert not re.search(r"^(import|export) ", script, re.MULTILINE)
    assert "</script" not in script.lower()
    assert len(SCRIPTS) == 6


def test_writing_replaces_the_old_file_and_leaves_nothing_beside_it(tmp_path: Path):
    path = tmp_path / "report.html"
    path.write_text("old")
    write(SMALL, path)
    assert path.read_text(encoding="utf-8") == render(SMALL)
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path):
    path = tmp_path / "report.html"
    write(SMALL, path)
    broken = Report("\udc80 is no text that UTF-8 knows", "", ())
    with pytest.raises(UnicodeEncodeError):
        write(broken, path)
    assert path.read_text(encoding="utf-8") == render(SMALL)
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_importing_the_package_is_light():
    program = "import sys, proving.report; print([m for m in ('numpy', 'matplotlib', 'jinja2') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout
    assert out.strip() == "[]"


def test_every_public_name_is_there():
    import proving.report

    for name in proving.report.__all__:
        assert getattr(proving.report, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        proving.report.nothing  # noqa: B018  the access itself is the test
