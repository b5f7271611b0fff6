"""Many small objects put in one commit: one thread writes for all who wait, instead of a thread each.

What `Store.put` does for one small object, told once for many: their bytes travel with their index entries, so one
synced write makes all of them durable. Whatever does not go that way is put by itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proving.errors import Error
from proving.store import changes, entries
from proving.store.changes import Placing, Wish
from proving.store.chunk import crc32c
from proving.store.commit import Change
from proving.store.entries import Facts
from proving.store.errors import DiskFull
from proving.store.names import check_key
from proving.store.versions import Outgrown

if TYPE_CHECKING:
    from proving.store.objects import Store
    from proving.store.records import ObjectInfo

SMALL_BYTES = 64 << 10
"""Up to here an object's bytes may travel with its index entry."""
_LONGEST_TYPE = 256


@dataclass(slots=True)
class NewObject:
    """An object to put: its place and description, its bytes, and what its ETag is to be."""

    wish: Wish
    data: bytes
    etag: str


def put_together(store: "Store", wanted: Sequence[NewObject]) -> "list[ObjectInfo | Exception]":
    """Put objects, each as if alone and in their order; those that were put are durable when this returns.

    Returns:
        For each what is known of it, or why it was not put: what `Store.put` raises.
    """
    results = _put(store, wanted, store.history.commit)
    return [_alone(store, new) if result is None else result for new, result in zip(wanted, results, strict=True)]


def put_at_once(store: "Store", wanted: Sequence[NewObject]) -> "list[ObjectInfo | Exception | None]":
    """Put objects as `put_together` does, but leave what can take longer than a write and its sync.

    Returns:
        For each as `put_together`; None for what was left, and not put.
    """
    if store.history.extents.is_low:
        return [None] * len(wanted)
    return _put(store, wanted, store.history.commit_only)


def _put(
    store: "Store", wanted: Sequence[NewObject], commit: Callable[[Sequence[Change]], None]
) -> "list[ObjectInfo | Exception | None]":
    """Put what is small and fits; None for the others."""
    history = store.history
    results: list[ObjectInfo | Exception | None] = [None] * len(wanted)
    made: list[tuple[int, Change, Facts, Placing]] = []
    small_bytes = min(SMALL_BYTES, history.extents.size_bytes // 8)
    with history.gate:
        now_s = history.clock.now_s()
        for number, new in enumerate(wanted):
            if not 0 < len(new.data) <= small_bytes or len(new.wish.content_type) > _LONGEST_TYPE:
                continue
            try:
                made.append((number, *_change(store, new, now_s)))
            except Error as error:
                results[number] = error
        commit([change for _, change, _, _ in made])
    for number, change, facts, placing in made:
        if change.error is None:
            new = wanted[number]
            told = facts._replace(version=placing.version) if placing.version else facts
            results[number] = told.info(new.wish.bucket, new.wish.key)
        elif not isinstance(change.error, DiskFull | Outgrown):
            results[number] = change.error
    return results


def _change(store: "Store", new: NewObject, now_s: float) -> tuple[Change, Facts, Placing]:
    """Return the change that puts an object; raises BadName. Whether the bucket is there is seen when it is made."""
    history, wish = store.history, new.wish
    check_key(wish.key)
    facts = Facts(len(new.data), new.etag, now_s, wish.content_type, wish.metadata)
    value = entries.object_value((), facts)
    placing = history.placing(wish.bucket, wish.key, len(value) + entries.LOCATOR_BYTES)
    size_bytes = placing.size_bytes + entries.PAIR_BYTES
    decide = changes.put_object(wish, value, placing)
    return Change(decide, size_bytes, (new.data, crc32c(new.data))), facts, placing


def _alone(store: "Store", new: NewObject) -> "ObjectInfo | Exception":
    """Put what is empty or large, or did not fit: that makes room, and tries again where it helps."""
    wish = new.wish
    try:
        return store.put(
            wish.bucket,
            wish.key,
            new.data,
            content_type=wish.content_type,
            metadata=wish.metadata,
            etag=new.etag,
            if_none_match=wish.if_none_match,
            if_match=wish.if_match,
        )
    except (Error, OSError, ValueError) as error:
        return error
