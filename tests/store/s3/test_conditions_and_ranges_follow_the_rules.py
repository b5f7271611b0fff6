"""Range and conditional headers: pure rules, one table each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.store.s3.conditions import check_read, chosen_range, write_conditions
from proving.store.s3.errors import Refused

BEFORE, AT, AFTER = (f"Thu, 01 Jan 1970 00:16:{second} GMT" for second in ("39", "40", "41"))
WRITTEN_S = 1000.9


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-0", (0, 1)),
        ("bytes=2-5", (2, 4)),
        ("bytes=2-", (2, 8)),
        ("bytes=-3", (7, 3)),
        ("bytes=-30", (0, 10)),
        ("bytes=2-99", (2, 8)),
        ("bytes=9-9", (9, 1)),
        ("bytes=5-2", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
    ],
)
def test_a_range_of_ten_bytes(header: str | None, expected: tuple[int, int] | None):
    assert chosen_range(header, 10) == expected


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0)])
def test_a_range_with_nothing_to_give_is_416(header: str, size: int):
    with pytest.raises(Refused) as refused:
        chosen_range(header, size)
    assert (refused.value.status, refused.value.headers) == (416, (("Content-Range", f"bytes */{size}"),))


@given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 60))
def test_a_range_is_what_slicing_gives(size: int, first: int, last: int):
    data = bytes(range(size))
    expected = data[first : last + 1]
    try:
        chosen = chosen_range(f"bytes={first}-{last}", size)
    except Refused:
        assert expected == b""
    else:
        assert chosen is None or data[chosen[0] : sum(chosen)] == expected
        assert (chosen is None) == (last < first)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"if-match": '"abc"'}, 200),
        ({"if-match": "abc"}, 200),
        ({"if-match": "*"}, 200),
        ({"if-match": '"x", "abc"'}, 200),
        ({"if-match": '"x"'}, 412),
        ({"if-none-match": '"abc"'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"x"'}, 200),
        ({"if-unmodified-since": BEFORE}, 412),
        ({"if-unmodified-since": AT}, 200),
        ({"if-modified-since": AT}, 304),
        ({"if-modified-since": BEFORE}, 200),
        ({"if-modified-since": "no date"}, 200),
        ({"if-match": '"abc"', "if-unmodified-since": BEFORE}, 200),
        ({"if-none-match": '"abc"', "if-modified-since": BEFORE}, 304),
        ({"if-none-match": '"x"', "if-modified-since": AFTER}, 200),
    ],
)
def test_a_conditional_read(headers: dict[str, str], status: int):
    assert status_of(headers) == status


def status_of(headers: dict[str, str]) -> int:
    try:
        check_read(headers, "abc", WRITTEN_S)
    except Refused as refused:
        return refused.status
    return 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({}, (False, None)), ({"if-none-match": "*"}, (True, None)), ({"if-match": '"abc"'}, (False, "abc"))],
)
def test_a_conditional_write(headers: dict[str, str], expected: tuple[bool, str | None]):
    assert write_conditions(headers) == expected


@pytest.mark.parametrize(
    "headers", [{"if-none-match": '"abc"'}, {"if-match": "*"}, {"if-match": "a", "if-none-match": "*"}]
)
def test_a_write_condition_that_cannot_be_kept_is_refused(headers: dict[str, str]):
    with pytest.raises(Refused):
        write_conditions(headers)
