"""What `make run` shows: a road of our own, its damage found, its report readable by a stranger."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from proving.corridor.errors import FolderInUse
from proving.corridor.sample import DAMAGE, write_sample
from proving.runs import read_rows

pytestmark = pytest.mark.slow
PROVING = str(Path(sys.executable).with_name("proving"))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    subprocess.run([PROVING, "corridor", "sample", str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def finished(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The output folder of the finished study, and its summary on the terminal."""
    out = tmp_path_factory.mktemp("out")
    done = subprocess.run(
        [PROVING, "corridor", "run", str(sample / "study.toml"), "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # Nothing but progress goes to stderr: simulated crashes warn of nothing.
    stages = ["keep", "fetch", "inspect", "ask", "simulate", "survive"]
    assert [line.split()[0] for line in done.stderr.splitlines()] == stages
    return out, done.stdout


def test_a_sample_is_written_over_nothing_but_a_sample(tmp_path: Path) -> None:
    (tmp_path / "cameras").mkdir()
    (tmp_path / "cameras" / "camera_1.mp4").write_bytes(b"somebody's")
    with pytest.raises(FolderInUse, match="in use"):
        write_sample(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["camera_1.mp4"]


def test_the_same_seed_writes_the_same_sample_over_one_that_was_begun(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "cameras").mkdir()
    (tmp_path / "cameras" / "camera_1.mp4").write_bytes(b"half a clip")
    (tmp_path / "truth.json").write_text("{}")
    (tmp_path / "study.toml").write_text("# changed by hand")
    write_sample(tmp_path, 0)
    assert (tmp_path / "study.previous.toml").read_text() == "# changed by hand"
    assert "Sample road" in (tmp_path / "study.toml").read_text()
    files = [path for path in sorted(sample.rglob("*")) if path.is_file() and path.name != "study.toml"]
    assert len(files) == 10
    for path in files:
        assert path.read_bytes() == (tmp_path / path.relative_to(sample)).read_bytes(), path


def test_exactly_the_damaged_clips_are_set_aside(sample: Path, finished: tuple[Path, str]) -> None:
    out, summary = finished
    truths = json.loads((sample / "truth.json").read_text())
    damaged = {name for name, found in truths.items() if found}
    assert len(damaged) == len(DAMAGE) == 2
    rows = read_rows(out / "rows" / "inspect.parquet")
    assert {row["name"] for row in rows if row["finding_count"]} == damaged
    for row in rows:
        findings = json.loads(str(row["findings"]))
        for truth in truths[str(row["name"])]:
            same = [finding for finding in findings if finding["detector"] == truth["defect"]]
            assert any(
                abs(finding["start_s"] - truth["start_s"]) < 0.3 and abs(finding["end_s"] - truth["end_s"]) < 0.3
                for finding in same
            ), (truth, findings)
    assert all(f"set aside  {name}" in summary for name in damaged)


def test_the_tables_answer_as_the_files_do_and_the_store_loses_nothing(finished: tuple[Path, str]) -> None:
    out, _ = finished
    answers = json.loads((out / "tables" / "answers.json").read_text())
    assert {asked["is_rearranged"] for asked in answers["asked"]} == {True, False}
    assert answers["adjustment"]["state"] in ("kept", "rolled_back", "not_proposed")
    (survived,) = read_rows(out / "rows" / "survive.parquet")
    assert survived["failure_count"] == 0
    assert survived["scenario_count"] == 50


@dataclass(frozen=True)
class Opened:
    """The report in a browser, and everything that the browser complained of or asked the network for."""

    page: Page
    complaints: list[str]


@pytest.fixture(scope="module")
def opened(finished: tuple[Path, str], chromium: Browser) -> Iterator[Opened]:
    page, complaints = chromium.new_page(), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if request.url[:4] == "http" else None)
    page.goto((finished[0] / "report.html").as_uri())
    page.wait_for_load_state("networkidle")
    yield Opened(page, complaints)
    page.close()


@pytest.mark.browser
def test_the_report_opens_without_a_complaint_and_asks_the_network_for_nothing(opened: Opened) -> None:
    assert opened.complaints == []
    assert opened.page.locator("canvas").count() >= 1
    headings = " ".join(opened.page.locator("h2").all_inner_texts())
    for heading in ("What went in", "What was wrong with it", "What automation changes", "How sure", "How to repeat"):
        assert heading in headings


@pytest.mark.browser
def test_the_report_says_what_was_found_and_how_to_repeat_it(opened: Opened, finished: tuple[Path, str]) -> None:
    text = opened.page.locator("body").inner_text()
    for number in DAMAGE:
        assert f"camera_{number + 1}.mp4" in text
    assert "people only" in text
    assert re.search(rf"proving corridor run \S+study\.toml --out {re.escape(str(finished[0]))}", text)
    for word in ("FollowerStopper", "Throughput changed by", "mean speed by", "ranges are over leaders"):
        assert word in text
    assert "nan" not in text.lower().split()
