"""Putting objects: a body is made durable, then the entry that names it; staged parts wait for that in between."""

import threading
from collections.abc import Sequence

from proving.store import changes, entries
from proving.store.changes import Wish
from proving.store.engine import Engine
from proving.store.entries import Facts
from proving.store.errors import DiskFull, NoSuchBucket, NotStaged, TooLarge
from proving.store.journal import NOTHING_BESIDE, Beside
from proving.store.names import check_key
from proving.store.records import ObjectInfo
from proving.store.versions import Outgrown
from proving.store.writing import Body, Data, StagedPart

_MOST_BESIDE = 8


class Puts:
    """What `Store.put`, `stage`, `put_staged` and `discard` do."""

    def __init__(self, engine: Engine) -> None:
        """Put into this store."""
        self._engine = engine
        self._staged: set[StagedPart] = set()
        self._staged_lock = threading.Lock()

    def put(self, wish: Wish, data: Data, etag: str | None) -> ObjectInfo:
        """Put bytes; see `Store.put`."""
        self._check(wish)
        body = self._engine.writer.take(data, is_hashed=etag is None)
        try:
            return self._put(wish, body, body.md5 if etag is None else etag)
        finally:
            self._engine.writer.drop(body)

    def stage(self, data: Data, *, is_hashed: bool) -> StagedPart:
        """Take a part in; see `Store.stage`."""
        self._engine.extents.health.check()
        body = self._engine.writer.take(data, is_hashed=is_hashed, may_inline=False)
        part = StagedPart(body.size_bytes, body.md5, body)
        with self._staged_lock:
            self._staged.add(part)
        return part

    def put_staged(self, wish: Wish, parts: Sequence[StagedPart], etag: str) -> ObjectInfo:
        """Put the parts; see `Store.put_staged`."""
        self._check(wish)
        self._unstage(parts)
        body = Body(size_bytes=sum(part.size_bytes for part in parts))
        for part in parts:
            body.locators += part._body.locators
            body.dependency = body.dependency.and_(part._body.dependency)
        try:
            info = self._put(wish, body, etag)
        except BaseException:
            with self._staged_lock:
                self._staged.update(parts)
            raise
        self._engine.writer.drop(body)
        return info

    def discard(self, part: StagedPart) -> None:
        """Forget a part; see `Store.discard`."""
        with self._staged_lock:
            if part not in self._staged:
                return
            self._staged.remove(part)
        self._engine.writer.drop(part._body)

    def staged(self) -> list[StagedPart]:
        """Return the parts that were neither put nor discarded."""
        with self._staged_lock:
            return sorted(self._staged, key=_size)

    def _put(self, wish: Wish, body: Body, etag: str) -> ObjectInfo:
        """Make the body durable, then the entry that names it."""
        engine, bucket, key = self._engine, wish.bucket, wish.key
        name_bytes = len(entries.object_name(bucket, key))
        facts = Facts(body.size_bytes, etag, engine.clock.now_s(), wish.content_type, wish.metadata)
        value = entries.object_value(body.locators, facts)
        value_bytes = len(value) + entries.LOCATOR_BYTES
        if name_bytes + value_bytes > engine.largest_entry_bytes:
            raise TooLarge(
                f"'{key}' has {len(body.locators)} chunks and {len(wish.metadata)} metadata entries, too many for "
                f"extents of {engine.extents.size_bytes} bytes; make the store with larger ones"
            )

        placing = engine.history.placing(bucket, key, value_bytes)
        beside = self._beside(body)
        while True:
            try:
                change = changes.put_object(wish, value, placing)
                engine.commit(change, placing.size_bytes, value=body.inline, beside=beside)
            except Outgrown as needs:
                placing = engine.history.grown(placing, needs)
            except DiskFull:
                if not engine.reclaimer.make_room():
                    raise
            else:
                if placing.version:
                    facts = facts._replace(version=placing.version)
                return facts.info(bucket, key)

    def _beside(self, body: Body) -> Beside:
        """Return which chunks become durable together with the entry; of many, all are durable before it.

        What is beside the last batch is read when the store is opened after a crash.
        """
        if not body.locators:
            return NOTHING_BESIDE
        if len(body.locators) > _MOST_BESIDE:
            self._engine.extents.soft.hurry(body.dependency)
            return Beside(after=body.dependency)
        if body.dependency.is_durable():
            return NOTHING_BESIDE
        return Beside(tuple(body.locators), body.dependency)

    def _check(self, wish: Wish) -> None:
        """Refuse early what cannot succeed; a bucket that goes away meanwhile is seen at the commit."""
        self._engine.extents.health.check()
        check_key(wish.key)
        if self._engine.index.get(entries.bucket_name(wish.bucket)) is None:
            raise NoSuchBucket(changes.no_bucket(wish.bucket))

    def _unstage(self, parts: Sequence[StagedPart]) -> None:
        with self._staged_lock:
            if len(set(parts)) < len(parts) or not self._staged.issuperset(parts):
                raise NotStaged("a staged part was used or discarded before; stage its bytes again")
            self._staged.difference_update(parts)


def _size(part: StagedPart) -> int:
    return part.size_bytes
