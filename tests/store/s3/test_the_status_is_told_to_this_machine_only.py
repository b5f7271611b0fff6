"""The status: told where it is asked for, to this machine only, true, and without a name of what is stored."""

import json
import socket
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.error import HTTPError

import pytest
from playwright.sync_api import Browser, expect
from prometheus_client.parser import text_string_to_metric_families

from proving.store import Store
from proving.store.s3.credentials import Credentials
from proving.store.s3.server import Running, ServerSettings, serve_in_thread
from proving.store.s3.status import Upkeep, checks
from proving.store.s3.tally import BOUNDS_S, Counted, Tally

PATHS = ("/", "/status.json", "/metrics")
PAIR = Credentials(access_key="AKIDPROVING", secret_key="a secret that is only used in tests")


@pytest.fixture
def told(store: Store) -> Iterator[Running]:
    with serve_in_thread(store, PAIR, settings=ServerSettings(status_port=0)) as running:
        yield running


def ask(running: Running, path: str, host: str = "", method: str = "GET") -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{running.status_port}{path}", method=method)
    if host:
        request.add_header("Host", host)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def samples(running: Running) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(ask(running, "/metrics")[1])
    return {
        (sample.name, tuple(sample.labels.values())): sample.value for family in families for sample in family.samples
    }


def test_it_is_not_told_unless_asked_for(running: Running, talk: Callable[..., bytes], sign: Callable[..., bytes]):
    assert running.status_port is None
    # On the port of S3 these are names of buckets that cannot be, for whoever asks.
    for path in PATHS[1:]:
        assert b"403 Forbidden" in talk(running, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = talk(running, sign(running, "GET", path))
        assert b"NoSuchBucket" in answer
        assert b"extent" not in answer


def test_only_this_machine_by_its_own_name_is_answered(told: Running):
    port = told.status_port
    with closing(socket.socket()) as other:
        other.settimeout(20)
        # Another address of this machine stands for one of another network.
        assert other.connect_ex(("127.0.0.2", port)) != 0
    for path in PATHS:
        assert ask(told, path)[0] == 200
        assert ask(told, path, f"localhost:{port}")[0] == 200
        for name in (f"evil.example:{port}", "127.0.0.1.evil.example", "[::2]", "x"):
            assert ask(told, path, name)[0] == 403
        assert ask(told, path, method="POST")[0] == 405
    assert ask(told, "/road")[0] == 404


def test_no_name_of_what_is_stored_is_told(told: Running, connect: Callable[..., Any]):
    client = connect(told.endpoint)
    client.create_bucket(Bucket="very-private")
    client.put_object(Bucket="very-private", Key="salaries.csv", Body=b"x", Metadata={"owner": "somebody"})
    for path in PATHS:
        text = ask(told, path)[1]
        for name in ("very-private", "salaries", "somebody", "AKIDPROVING"):
            assert name not in text


def test_what_is_told_is_what_happened(told: Running, connect: Callable[..., Any], store: Store):
    client = connect(told.endpoint)
    client.create_bucket(Bucket="road")
    for index in range(5):
        client.put_object(Bucket="road", Key=str(index), Body=b"x" * 100)
    client.get_object(Bucket="road", Key="0")["Body"].read()
    with pytest.raises(client.exceptions.NoSuchKey):
        client.get_object(Bucket="road", Key="absent")
    upload = client.create_multipart_upload(Bucket="road", Key="large")
    status = json.loads(ask(told, "/status.json")[1])
    assert status["store"]["object_count"] == 5
    assert status["upload_count"] == 1
    assert len(status["extents"]) == status["store"]["extent_count"]
    assert sum(extent[3] for extent in status["extents"]) == status["store"]["live_bytes"]
    found = samples(told)
    assert found["proving_store_requests_total", ("PutObject", "200")] == 5
    assert found["proving_store_requests_total", ("GetObject", "404")] == 1
    assert found["proving_store_received_bytes_total", ("PutObject",)] == 500
    assert found["proving_store_sent_bytes_total", ("GetObject",)] >= 100
    assert found["proving_store_request_seconds_count", ("PutObject",)] == 5
    assert found["proving_store_objects", ()] == 5
    client.abort_multipart_upload(Bucket="road", Key="large", UploadId=upload["UploadId"])
    assert samples(told)["proving_store_uploads", ()] == 0


def test_times_fall_in_their_class():
    tally = Tally()
    for took_s in (0.0, BOUNDS_S[0], 0.002, 99.0):
        tally.add("GetObject", 200, 1, 2, took_s)
    (row,) = tally.counted()
    assert row.times == (2, 1, *[0] * (len(BOUNDS_S) - 2), 1)
    assert (row.count, row.received_bytes, row.sent_bytes) == (4, 4, 8)


def test_checks_tell_what_is_not_well(store: Store):
    stats, report = store.stats(), store.scrub()
    now_s = 1000.0
    assert [check.is_well for check in checks(stats, (), Upkeep(), now_s)] == [True, True, True, None, True]
    failed = [Counted("PutObject", 500, 1, 0, 0, 0.0, ()), Counted("PutObject", 507, 1, 0, 0, 0.0, ())]
    upkeep = Upkeep(now_s - 3600, report, "a pass failed")
    told = {check.name: check for check in checks(stats, failed, upkeep, now_s)}
    assert [name for name, check in told.items() if not check.is_well] == ["requests", "room", "upkeep"]
    assert told["damage"].told == "nothing damaged among 0 objects, 1.0 h ago"


@pytest.mark.browser
def test_the_page_keeps_up_in_chromium_without_a_complaint(
    told: Running, connect: Callable[..., Any], chromium: Browser
):
    client = connect(told.endpoint)
    client.create_bucket(Bucket="road")
    complaints: list[str] = []
    for scheme in ("light", "dark"):
        page = chromium.new_page(color_scheme=scheme)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"http://127.0.0.1:{told.status_port}/")
        page.wait_for_selector("#checks li.well")
        client.put_object(Bucket="road", Key=scheme, Body=b"x" * 2000)
        count = "1" if scheme == "light" else "2"
        expect(page.locator("#capacity dd").first).to_have_text(count, timeout=20_000)
        assert f"{len(store_extents(told))} extents" in str(page.get_attribute("#map", "aria-label"))
        page.focus("#map")
        page.keyboard.press("ArrowRight")
        assert page.inner_text("#extent").startswith("extent 0: ")
        assert "PutObject" in page.inner_text("#operations")
        # The map is drawn, in the colours of the scheme.
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, ground[4:-1].split(", "))) > 384) is (scheme == "light")
        drawn = "[...document.querySelector('#map').getContext('2d').getImageData(0, 0, 60, 20).data].some(x => x)"
        assert page.evaluate(drawn)
        page.close()
    assert complaints == []


def store_extents(running: Running) -> list[Any]:
    return json.loads(ask(running, "/status.json")[1])["extents"]
