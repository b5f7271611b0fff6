"""A small object that was read lately is told only while it is the one that is there."""

from hypothesis import given, settings
from hypothesis import strategies as some

from proving.check.sim_disk import SimDisk
from proving.store import Store, StoreSettings
from proving.store.s3.recent import OBJECT_LIMIT_BYTES, Recent

SMALL = StoreSettings(extent_size_bytes=1 << 20, chunk_size_bytes=1 << 12, inline_size_bytes=1 << 10)
SIZES = (0, 1, 1000, 5000, OBJECT_LIMIT_BYTES, OBJECT_LIMIT_BYTES + 1)


@given(
    some.lists(
        some.one_of(
            some.tuples(some.just("put"), some.sampled_from("ab"), some.sampled_from(SIZES)),
            some.tuples(some.sampled_from(("delete", "tag")), some.sampled_from("ab"), some.just(0)),
            some.tuples(some.sampled_from(("flush", "reclaim")), some.just(""), some.just(0)),
        ),
        max_size=20,
    )
)
@settings(max_examples=40)
def test_whatever_happened_since_what_is_read_is_what_is_there(steps: list[tuple[str, str, int]]):
    with Store.open(SimDisk(), SMALL) as store:
        store.create_bucket("road")
        recent = Recent(store, limit_bytes=70_000)
        for number, (step, key, size) in enumerate(steps):
            if step == "put":
                store.put("road", key, bytes([number]) * size, metadata={"n": str(number)})
            elif step == "delete":
                store.delete("road", key)
            elif step == "tag" and store.list("road", prefix=key).objects:
                store.history.describe("road", key, {"tagged": str(number)})
            elif step == "flush":
                store.flush()
            elif step == "reclaim":
                store.reclaim()
            for name in "ab":
                there = store.list("road", prefix=name).objects
                # Twice: read anew, then perhaps from memory.
                for _ in range(2):
                    found = recent.read("road", name)
                    if not there or there[0].size_bytes > OBJECT_LIMIT_BYTES:
                        assert found is None
                    else:
                        assert found is not None
                        assert (found.info, found.data) == (there[0], store.get("road", name))


def test_no_more_is_kept_than_was_allowed():
    with Store.open(SimDisk(), SMALL) as store:
        store.create_bucket("road")
        recent = Recent(store, limit_bytes=20_000)
        for number in range(100):
            store.put("road", str(number), b"x" * 4000)
            recent.read("road", str(number))
            assert recent.held_bytes <= 20_000
        assert recent.held_bytes > 10_000
