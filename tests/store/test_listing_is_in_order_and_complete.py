"""Pages of any size give every key and common prefix once, in the order of UTF-8 bytes, as the model says."""

from hypothesis import given
from hypothesis import strategies as st

from proving.check.sim_clock import SimClock
from proving.store.listing import page_of
from proving.store.model import ModelStore

NAMES = st.text(alphabet="ab/-\u00e9\uffff\U00010000", min_size=1, max_size=6)


@given(
    keys=st.sets(NAMES, max_size=12),
    prefix=st.text(alphabet="ab/", max_size=2),
    delimiter=st.sampled_from(["", "/", "a", "//", "a/"]),
    after=st.one_of(st.just(""), NAMES),
    limit=st.integers(0, 5),
)
def test_a_page_is_the_model_s(keys: set[str], prefix: str, delimiter: str, after: str, limit: int) -> None:
    model = ModelStore(SimClock())
    model.create_bucket("one")
    for key in keys:
        model.put("one", key, b"")
    ordered = sorted(key.encode() for key in keys)
    page = page_of(lambda low: (key for key in ordered if key >= low), prefix, delimiter, after, limit)
    expected = model.list("one", prefix, delimiter, after, limit)
    assert page.keys == [info.key for info in expected.objects]
    assert tuple(page.common_prefixes) == expected.common_prefixes
    assert (page.is_truncated, page.next_after) == (expected.is_truncated, expected.next_after)


@given(
    keys=st.sets(NAMES, max_size=15),
    delimiter=st.sampled_from(["", "/", "a", "//"]),
    limit=st.integers(1, 4),
)
def test_pages_together_give_everything_once(keys: set[str], delimiter: str, limit: int) -> None:
    ordered = sorted(key.encode() for key in keys)
    found: list[str] = []
    after = ""
    while True:
        page = page_of(lambda low: (key for key in ordered if key >= low), "", delimiter, after, limit)
        found += sorted([*page.keys, *page.common_prefixes], key=str.encode)
        if not page.is_truncated:
            break
        after = page.next_after
    rolled = {key[: key.index(delimiter) + len(delimiter)] if delimiter and delimiter in key else key for key in keys}
    assert found == sorted(rolled, key=str.encode)
