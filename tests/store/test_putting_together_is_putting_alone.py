"""Objects that are put together are as if each were put alone, one after the other; one's failure is its own."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as some

from proving.check.sim_disk import SimDisk
from proving.errors import Error
from proving.store import Store, StoreSettings
from proving.store.changes import Wish
from proving.store.together import SMALL_BYTES, NewObject, put_together

SIZES = (0, 1, 1000, SMALL_BYTES, SMALL_BYTES + 1)
SMALL = StoreSettings(extent_size_bytes=1 << 20, chunk_size_bytes=1 << 17)
Seen = list[tuple[str, bytes, str]]


def alone(store: Store, new: NewObject) -> str:
    wish = new.wish
    try:
        store.put(
            wish.bucket,
            wish.key,
            new.data,
            content_type=wish.content_type,
            metadata=wish.metadata,
            etag=new.etag,
            if_none_match=wish.if_none_match,
            if_match=wish.if_match,
        )
    except (Error, ValueError) as error:
        return type(error).__name__
    return "put"


def seen(store: Store, bucket: str) -> Seen:
    return [(info.key, store.get(bucket, info.key), info.etag) for info in store.list(bucket).objects]


@given(
    some.lists(
        some.tuples(
            some.sampled_from(("kept", "versioned", "absent")),
            some.sampled_from(("a", "b", "c", "", "x" * 2000)),
            some.sampled_from(SIZES),
            some.booleans(),
            some.sampled_from((None, None, "0", "1")),
        ),
        max_size=8,
    )
)
@settings(max_examples=25)
def test_the_same_is_put_and_the_same_refused(wanted: list[tuple[str, str, int, bool, str | None]]):
    news = [
        NewObject(Wish(bucket, key, "a/b", {"n": str(at)}, absent, match), bytes([at]) * size, str(at % 2))
        for at, (bucket, key, size, absent, match) in enumerate(wanted)
    ]
    # What is not small is put after the others, so the order of such a key's puts is not told.
    keys = {(new.wish.bucket, new.wish.key) for new in news if not 0 < len(new.data) <= SMALL_BYTES}
    news = [new for new in news if (new.wish.bucket, new.wish.key) not in keys or not 0 < len(new.data) <= SMALL_BYTES]
    with Store.open(SimDisk(), SMALL) as one, Store.open(SimDisk(), SMALL) as other:
        for store in (one, other):
            store.create_bucket("kept")
            store.create_bucket("versioned")
            store.history.keep("versioned", is_enabled=True)
        told = [type(result).__name__ if isinstance(result, Exception) else "put" for result in put_together(one, news)]
        assert told == [alone(other, new) for new in news]
        for bucket in ("kept", "versioned"):
            assert seen(one, bucket) == seen(other, bucket)
            kept, kept_alone = one.history.list(bucket).versions, other.history.list(bucket).versions
            assert [(info.key, info.etag, newest) for info, newest in kept] == [
                (info.key, info.etag, newest) for info, newest in kept_alone
            ]


def test_what_was_put_together_is_there_after_a_restart(tmp_path: Path):
    news = [NewObject(Wish("road", f"key {at}", "a/b", {}, False, None), b"%d" % at, str(at)) for at in range(50)]
    with Store.open(tmp_path) as store:
        store.create_bucket("road")
        infos = put_together(store, news)
        assert [info.size_bytes for info in infos if not isinstance(info, Exception)] == [len(new.data) for new in news]
    with Store.open(tmp_path) as store:
        assert {key: data for key, data, _ in seen(store, "road")} == {new.wish.key: new.data for new in news}


def test_a_full_store_refuses_some_and_keeps_the_rest():
    full = StoreSettings(extent_size_bytes=1 << 18, capacity_bytes=8 << 18)
    with Store.open(SimDisk(), full) as store:
        store.create_bucket("road")
        kept: dict[str, bytes] = {}
        names: list[str] = []
        while "DiskFull" not in names:
            news = [
                NewObject(Wish("road", f"{len(names)} {at}", "a/b", {}, False, None), bytes([at]) * 30_000, "e")
                for at in range(4)
            ]
            for new, result in zip(news, put_together(store, news), strict=True):
                names.append(type(result).__name__)
                if not isinstance(result, Exception):
                    kept[new.wish.key] = new.data
        assert {key: data for key, data, _ in seen(store, "road")} == kept
        assert len(kept) > 10
