"""The page of a run that goes on: served on the loopback only, computed as it is looked at, gone afterwards."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from proving.traffic.errors import BadSettings, Overflow
from proving.traffic.watching import Moments, Serving, Show, served, unpack
from proving.traffic.watching.moments import NOBODY, joined
from proving.traffic.watching.page import reel_interval


def asked(address: str, path: str, host: str | None = None) -> http.client.HTTPResponse:
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    connection.request("GET", path, headers={} if host is None else {"Host": host})
    return connection.getresponse()


def progress(address: str, until: Callable[[dict[str, object]], bool]) -> dict[str, object]:
    """What the page is told, once it is so."""
    answer = asked(address, "/progress")
    for line in answer:
        if line.startswith(b"data: "):
            status = json.loads(line.removeprefix(b"data: "))
            if until(status):
                answer.close()
                return status
    raise AssertionError("the server stopped telling")


def counted(show: Show, made: list[int]) -> Show:
    """The same show, told how many of its parts were computed."""

    def moments() -> Iterator[Moments]:
        for part in show.moments():
            made.append(len(part))
            yield part

    return replace(show, moments=moments)


def test_reels_hold_what_happened(town: Callable[..., Show]):
    show = town()
    with served(show) as address:
        progress(address, lambda status: bool(status["isDone"]))
        body = asked(address, "/reels/0").read()
    first, moments = unpack(body)
    whole = joined(list(show.moments()))
    assert first == 0
    assert len(moments) == reel_interval(show) + 1
    for moment in range(len(moments)):
        assert set(moments.trip[moment]) - {NOBODY} == set(whole.trip[moment]) - {NOBODY}


def test_the_run_goes_only_so_far_ahead_of_who_looks(town: Callable[..., Show]):
    made: list[int] = []
    show = counted(town(moment_count=600, parts=100), made)
    interval = reel_interval(show)
    with served(show, Serving(ahead_s=show.moment_s)) as address:
        ahead = progress(address, lambda status: int(str(status["momentCount"])) > interval + 1)
        assert not ahead["isDone"]
        assert sum(made) <= 3 * interval
        for number in range(600 // interval):
            progress(address, lambda status, number=number: int(str(status["reelCount"])) > number)
            assert asked(address, f"/reels/{number}").status == 200
        assert progress(address, lambda status: bool(status["isDone"]))["momentCount"] == 600


def test_only_this_machine_is_answered_and_only_what_is_there(town: Callable[..., Show]):
    with served(town()) as address:
        assert urlsplit(address).hostname == "127.0.0.1"
        assert asked(address, "/", host="evil.example:80").status == 403
        assert asked(address, "/", host=f"localhost:{urlsplit(address).port}").status == 200
        assert "connect-src 'self'" in asked(address, "/").read().decode()
        for path in ("/reels/999", "/reels/-1", "/reels/x", "/trips/60", "/trips/", "/etc/passwd", "/../setup"):
            assert asked(address, path).status == 404


def test_what_goes_wrong_in_the_run_is_told(town: Callable[..., Show]):
    def moments() -> Iterator[Moments]:
        yield next(iter(town().moments()))
        raise Overflow("more than 5 vehicles were on the road at once: raise capacity")

    with served(replace(town(), moments=moments)) as address:
        assert "raise capacity" in str(progress(address, lambda status: bool(status["isDone"]))["problem"])


def test_nothing_is_left_afterwards(town: Callable[..., Show]):
    before = set(threading.enumerate())
    with served(town(moment_count=600, parts=100), Serving(ahead_s=1)) as address:
        listener = asked(address, "/progress")
        assert listener.readline().startswith(b"data: ")
    listener.close()
    left = {thread for thread in threading.enumerate() if not thread.daemon} - before
    assert left == set()
    with pytest.raises(ConnectionRefusedError):
        asked(address, "/")


def test_a_taken_port_is_one_clear_line(town: Callable[..., Show]):
    with served(town()) as address:
        port = urlsplit(address).port or 0
        with (
            pytest.raises(BadSettings, match=f"port {port} of 127.0.0.1 cannot be had"),
            served(town(), Serving(port=port)),
        ):
            pass


@pytest.mark.browser
def test_a_browser_plays_it_as_it_comes(chromium: Browser, town: Callable[..., Show]):
    show = town()
    complaints: list[str] = []
    with served(show) as address, chromium.new_page() as page:
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(address) else complaints.append(request.url))
        page.goto(address)
        page.wait_for_selector("html[data-ready]")
        page.wait_for_function("() => watching.status.isDone && watching.everybody().length")
        page.evaluate("() => { watching.setPlaying(false); watching.seek(20) }")
        page.wait_for_function("() => watching.reel && watching.reel.first + watching.within === 40")
        there = joined(list(show.moments())).trip[40]
        assert set(page.evaluate("() => watching.everybody().map(one => one.trip)")) == set(
            there[there != NOBODY].tolist()
        )
        trip = int(there[there != NOBODY][0])
        page.evaluate("trip => watching.choose(trip)", trip)
        page.wait_for_function("() => watching.route.length")
        assert page.locator(".chosen h2").inner_text() == f"<trip {trip}>"
        assert complaints == []
        page.goto("about:blank")


def test_ctrl_c_ends_the_command(tmp_path: Path):
    path = tmp_path / "tracks.csv"
    rows = [f"{time_s},{vehicle},{10 * vehicle + 5 * time_s},5.0" for vehicle in range(3) for time_s in range(20)]
    path.write_text("\n".join(["time_s,vehicle,position_m,speed_mps", *rows]))
    command = [sys.executable, "-m", "proving", "traffic", "watch", str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("tracks.csv: http://127.0.0.1:")
        assert asked(line.split()[1], "/").status == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors == "ended\n"
    assert [one.name for one in tmp_path.iterdir()] == ["tracks.csv"]
