"""The store's embedded API: buckets and objects, safe to use from several threads, durable when a call returns.

    with Store.open(Path("store")) as store:
        store.create_bucket("clips")
        store.put("clips", "a/b.mp4", data)

Data that is too large to be put in one call is staged: `stage` writes chunks that nobody sees, `put_staged` joins them
to an object without copying, `discard` gives their space back. Staged parts live as long as the process: a restart
forgets them and takes their space back.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from secrets import token_bytes
from types import TracebackType

from proving.store import changes, entries
from proving.store.changes import Wish
from proving.store.clock import Clock, SystemClock
from proving.store.commit import Change, Committer, Decide
from proving.store.disk import Disk, FolderDisk
from proving.store.entries import Facts
from proving.store.errors import DiskFailed, DiskFull, NoSuchBucket, NoSuchKey, NotStaged, TooLarge
from proving.store.gate import Gate
from proving.store.history import History
from proving.store.listing import page_of
from proving.store.names import check_bucket, check_key
from proving.store.reading import OpenObject, Pieces
from proving.store.reclaim import Reclaimer
from proving.store.records import (
    BucketInfo,
    Deletion,
    Listing,
    ObjectInfo,
    StoreSettings,
    StoreStats,
    largest_entry_bytes,
)
from proving.store.recover import recover
from proving.store.runs import Runs
from proving.store.versions import Outgrown
from proving.store.writing import Body, Data, StagedPart, Writer

_log = logging.getLogger(__name__)

DEFAULT_CONTENT_TYPE = "binary/octet-stream"
_LONGEST_BATCH_BYTES = 4 << 20


class Store:
    """One open store; make it with `Store.open`.

    After `close` every call raises StoreClosed.

    Attributes:
        gate: What every call passes through; `close` waits for those that are inside.
        history: Versions of objects, and changes that are more than one put or delete.
    """

    def __init__(self, disk: Disk, settings: StoreSettings, clock: Clock, draw: Callable[[int], bytes]) -> None:
        """Recover what is on the disk; see `open`."""
        recovered = recover(disk, settings, draw)
        self._disk = disk
        self._clock = clock
        self._settings = settings
        self._extents, self._index = recovered.extents, recovered.index
        self._journal, self._superblock = recovered.journal, recovered.superblock
        size_bytes = self._extents.size_bytes
        chunk_size_bytes = min(settings.chunk_size_bytes, size_bytes // 4)
        self._largest_entry_bytes = largest_entry_bytes(size_bytes)
        self._runs = Runs(self._extents, self._superblock, chunk_size_bytes)
        self._committer = Committer(
            self._index, self._journal, min(size_bytes, _LONGEST_BATCH_BYTES), self._flush_when_due
        )
        self._reclaimer = Reclaimer(
            self._extents,
            self._index,
            self._runs,
            self._committer,
            lambda: self._runs.flush(self._index, self._journal),
        )
        self._writer = Writer(
            self._extents, chunk_size_bytes, min(settings.inline_size_bytes, size_bytes // 8), self._make_room
        )
        self.gate = Gate()
        largest_bytes = size_bytes - 512 - min(settings.inline_size_bytes, size_bytes // 8)
        self.history = History(self._index, self._extents, self._commit_all, clock, self.gate, draw, largest_bytes)
        self._next_flush_bytes = 0
        self._staged: set[StagedPart] = set()
        self._staged_lock = threading.Lock()

    @classmethod
    def open(
        cls,
        place: Disk | Path | str,
        settings: StoreSettings | None = None,
        clock: Clock | None = None,
        draw: Callable[[int], bytes] = token_bytes,
    ) -> "Store":
        """Open the store in a folder or on a disk, or make an empty one there.

        Args:
            place: A folder, or a `Disk`, which the store closes.
            settings: How it is laid out; an existing store keeps its extent size.
            clock: Tells when objects were modified; the system's by default.
            draw: Gives so many random bytes; give a seeded one to repeat a run exactly.

        Raises:
            StoreInUse: another process has it.
            NotAStore: something else is there, or a store of a newer version.
            Corrupt: something that was durable cannot be read.
            DiskFailed, OSError: the disk refused.
        """
        disk = FolderDisk(Path(place)) if isinstance(place, Path | str) else place
        try:
            return cls(disk, settings or StoreSettings(), clock or SystemClock(), draw)
        except BaseException:
            disk.close()
            raise

    # Buckets.

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket.

        Raises:
            BucketExists: it is there.
            BadName: it cannot be called so.
        """
        with self.gate:
            check_bucket(bucket)
            name, value = entries.bucket_name(bucket), entries.bucket_value(self._clock.now_s())

            self._commit(changes.make_bucket(bucket, value), len(name) + len(value))

    def delete_bucket(self, bucket: str) -> None:
        """Delete an empty bucket.

        Raises:
            NoSuchBucket: it is not there.
            BucketNotEmpty: it has objects.
        """
        with self.gate:
            self._commit(changes.delete_bucket(bucket), len(entries.bucket_name(bucket)), is_urgent=True)

    def buckets(self) -> list[BucketInfo]:
        """Return all buckets by name."""
        with self.gate:
            with self._index.lock:
                found = [(name, self._index.get(name)) for name in self._index.names(*entries.all_buckets())]
            return [entries.bucket_of(name, value) for name, value in found if value is not None]

    # Write.

    def put(
        self,
        bucket: str,
        key: str,
        data: Data,
        *,
        content_type: str = DEFAULT_CONTENT_TYPE,
        metadata: Mapping[str, str] | None = None,
        etag: str | None = None,
        if_none_match: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """Put an object, or replace it whole; it is durable when this returns, and visible only then.

        Args:
            bucket: Where.
            key: Under what.
            data: Bytes, or an iterable of them, which is taken piece by piece; if it raises, nothing is put.
            content_type: Kept with it.
            metadata: Kept with it.
            etag: What its ETag is to be, if the caller has hashed the bytes already; None: MD5 in hex.
            if_none_match: Only if there is none under that key.
            if_match: Only if the one under that key has this ETag.

        Raises:
            NoSuchBucket, BadName, TooLarge: it cannot be put there.
            NoSuchKey: `if_match` is given and there is none.
            PreconditionFailed: another is there.
            DiskFull, DiskFailed: the disk refused.
        """
        with self.gate:
            wish = Wish(bucket, key, content_type, metadata or {}, if_none_match, if_match)
            self._check_wish(wish)
            body = self._writer.take(data, is_hashed=etag is None)
            try:
                return self._put(wish, body, body.md5 if etag is None else etag)
            finally:
                self._writer.drop(body)

    def stage(self, data: Data, *, is_hashed: bool = False) -> StagedPart:
        """Take bytes in for a later `put_staged`; they are made durable there.

        Raises:
            DiskFull, DiskFailed: the disk refused.
        """
        with self.gate:
            body = self._writer.take(data, is_hashed=is_hashed, may_inline=False)
            part = StagedPart(body.size_bytes, body.md5, body)
            with self._staged_lock:
                self._staged.add(part)
            return part

    def put_staged(
        self,
        bucket: str,
        key: str,
        parts: Sequence[StagedPart],
        *,
        etag: str,
        content_type: str = DEFAULT_CONTENT_TYPE,
        metadata: Mapping[str, str] | None = None,
        if_none_match: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """Put an object that is the parts one behind the other; no data is copied.

        The parts are used up. If it fails they stay staged, to be tried again or discarded.

        Args:
            bucket: Where.
            key: Under what.
            parts: In order, each once.
            etag: What the object's ETag is to be.
            content_type: As for `put`.
            metadata: As for `put`.
            if_none_match: As for `put`.
            if_match: As for `put`.

        Raises:
            NotStaged: a part was used or discarded before.
            (others): as `put`.
        """
        with self.gate:
            wish = Wish(bucket, key, content_type, metadata or {}, if_none_match, if_match)
            self._check_wish(wish)
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
            self._writer.drop(body)
            return info

    def discard(self, part: StagedPart) -> None:
        """Give the space of a staged part back; one that was used or discarded before is fine."""
        with self._staged_lock:
            if part not in self._staged:
                return
            self._staged.remove(part)
        self._writer.drop(part._body)

    def delete(self, bucket: str, key: str, *, if_match: str | None = None) -> None:
        """Delete an object; one that is not there is fine, unless `if_match` asks for it.

        Where the bucket keeps versions, a delete marker says so and older versions stay.

        Raises:
            NoSuchBucket: the bucket is not there.
            NoSuchKey, PreconditionFailed: the object is not as `if_match` wants it.
        """
        with self.gate:
            (result,) = self.history.delete(bucket, [Deletion(key, if_match=if_match)])
            if isinstance(result, Exception):
                raise result

    # Read.

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """Return what is known of an object.

        Raises:
            NoSuchBucket, NoSuchKey: it is not there.
        """
        with self.gate:
            value = self._index.get(entries.object_name(bucket, key))
            if value is None:
                raise self._absent(bucket, key)
            return entries.facts_of(value).info(bucket, key)

    def open_object(self, bucket: str, key: str) -> OpenObject:
        """Return an object as it is now, to read from as often as wanted; close it afterwards.

        Raises:
            NoSuchBucket, NoSuchKey: it is not there.
        """
        with self.gate:
            found = self._index.pinned(entries.object_name(bucket, key))
            if found is None:
                raise self._absent(bucket, key)
            value, locators = found
            return OpenObject(self._extents, self.gate, entries.facts_of(value).info(bucket, key), locators)

    def get(self, bucket: str, key: str, start: int = 0, size: int | None = None) -> bytes:
        """Return an object's bytes from `start` on, at most `size`.

        Raises:
            NoSuchBucket, NoSuchKey: it is not there.
            Corrupt: its bytes are damaged.
            DiskFailed: the disk refused.
        """
        with self.gate, self.open_object(bucket, key) as opened:
            return opened.get(start, size)

    def read(self, bucket: str, key: str, start: int = 0, size: int | None = None) -> Pieces:
        """Return an iterator over the same bytes as `get`, chunk by chunk; its `info` tells which object it is.

        Raises:
            NoSuchBucket, NoSuchKey: now; Corrupt, DiskFailed: on the way.
        """
        return Pieces(self.open_object(bucket, key), start, size)

    def list(self, bucket: str, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000) -> Listing:
        """Return a page of a bucket's objects in the order of their keys' UTF-8 bytes.

        Args:
            bucket: Which.
            prefix: Only keys that begin so.
            delimiter: Keys that have it behind the prefix are rolled up to common prefixes; "" for none.
            after: Only what comes behind it.
            limit: Objects and common prefixes together.

        Raises:
            NoSuchBucket: it is not there.
            ValueError: a negative limit.
        """
        with self.gate:
            if limit < 0:
                raise ValueError(f"limit must not be negative, got {limit}")
            beginning = entries.objects_name(bucket)
            with self._index.lock:
                if self._index.get(entries.bucket_name(bucket)) is None:
                    raise NoSuchBucket(changes.no_bucket(bucket))
                page = page_of(
                    lambda low: (
                        name[len(beginning) :] for name in self._index.names(beginning + low, beginning + b"\xff")
                    ),
                    prefix,
                    delimiter,
                    after,
                    limit,
                )
                values = [(key, self._index.get(entries.object_name(bucket, key))) for key in page.keys]
            objects = tuple(entries.facts_of(value).info(bucket, key) for key, value in values if value is not None)
            return Listing(objects, tuple(page.common_prefixes), page.is_truncated, page.next_after)

    # Upkeep.

    def flush(self) -> None:
        """Write the changed index entries as a sorted run, so that recovery has less to replay.

        Raises:
            DiskFull, DiskFailed: the disk refused.
        """
        with self.gate:
            self._committer.alone(self._flush)

    def reclaim(self) -> int:
        """Move live chunks out of extents that are mostly garbage; return how many extents that set free.

        Raises:
            DiskFull, DiskFailed: the disk refused; nothing is lost.
        """
        with self.gate:
            return self._reclaimer.reclaim()

    def stats(self) -> StoreStats:
        """Return how full the store is."""
        with self.gate:
            free_count = self._extents.free_count()
            extents = list(self._extents.all)
            with self._index.lock:
                bucket_count = sum(1 for _ in self._index.names(*entries.all_buckets()))
                object_count = len(self._index) - bucket_count
            return StoreStats(
                bucket_count=bucket_count,
                object_count=object_count,
                live_bytes=sum(extent.live_bytes for extent in extents),
                used_bytes=sum(extent.pointer for extent in extents),
                extent_size_bytes=self._extents.size_bytes,
                extent_count=len(extents),
                free_extent_count=free_count,
                run_count=len(self._superblock.state.runs),
                journal_bytes=self._journal.tail_bytes,
            )

    def close(self) -> None:
        """Write the index as a run and let go of the disk; closing twice is fine."""
        if not self.gate.close():
            return
        try:
            self._committer.alone(self._flush)
        finally:
            self._disk.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Inside.

    def _put(self, wish: Wish, body: Body, etag: str) -> ObjectInfo:
        """Make the body durable, then the entry that names it."""
        bucket, key = wish.bucket, wish.key
        name = entries.object_name(bucket, key)
        facts = Facts(body.size_bytes, etag, self._clock.now_s(), wish.content_type, wish.metadata)
        value = entries.object_value(body.locators, facts)
        size_bytes = len(name) + len(value) + entries.LOCATOR_BYTES
        if size_bytes > self._largest_entry_bytes:
            raise TooLarge(
                f"'{key}' has {len(body.locators)} chunks and {len(wish.metadata)} metadata entries, too many for "
                f"extents of {self._extents.size_bytes} bytes; make the store with larger ones"
            )

        placing = self.history.placing(bucket, key, size_bytes - len(name))
        self._extents.sync(body.dependency)
        assert body.dependency.is_durable(), "an index entry never names a chunk that is not durable"
        while True:
            try:
                self._commit(changes.put_object(wish, value, placing), placing.size_bytes, value=body.inline)
            except Outgrown as needs:
                placing = self.history.grown(placing, needs)
            except DiskFull:
                if not self._make_room():
                    raise
            else:
                return replace(facts, version=placing.version or "").info(bucket, key)

    def _commit(
        self,
        decide: Decide,
        size_bytes: int,
        *,
        value: tuple[bytes, int] | None = None,
        is_urgent: bool = False,
    ) -> None:
        change = Change(decide, size_bytes + entries.PAIR_BYTES, value, is_urgent)
        self._commit_all([change])
        if change.error is not None:
            raise change.error

    def _commit_all(self, made: Sequence[Change]) -> None:
        self._committer.commit(made)
        if self._extents.is_low:
            # In good time: copies need some of the reserve themselves.
            self._extents.is_low = False
            try:
                self._make_room()
            except (DiskFull, DiskFailed) as error:
                _log.warning("the reserve is low and cannot be filled up: %s", error)

    def _check_wish(self, wish: Wish) -> None:
        """Refuse early what cannot succeed; a bucket that goes away meanwhile is seen at the commit."""
        check_key(wish.key)
        if self._index.get(entries.bucket_name(wish.bucket)) is None:
            raise NoSuchBucket(changes.no_bucket(wish.bucket))

    def _unstage(self, parts: Sequence[StagedPart]) -> None:
        with self._staged_lock:
            if len(set(parts)) < len(parts) or not self._staged.issuperset(parts):
                raise NotStaged("a staged part was used or discarded before; stage its bytes again")
            self._staged.difference_update(parts)

    def _absent(self, bucket: str, key: str) -> NoSuchBucket | NoSuchKey:
        if self._index.get(entries.bucket_name(bucket)) is None:
            return NoSuchBucket(changes.no_bucket(bucket))
        return NoSuchKey(f"there is no '{key}' in the bucket '{bucket}'")

    def _flush(self) -> None:
        self._runs.flush(self._index, self._journal)

    def _flush_when_due(self) -> None:
        tail_bytes = self._journal.tail_bytes
        is_due = (
            len(self._index.changed) >= self._settings.flush_entries or tail_bytes >= self._settings.flush_journal_bytes
        )
        if is_due and tail_bytes >= self._next_flush_bytes:
            # Should it fail, it is not tried again with each batch.
            self._next_flush_bytes = tail_bytes + self._extents.size_bytes // 4
            self._flush()
            self._next_flush_bytes = 0

    def _make_room(self) -> bool:
        return self._reclaimer.make_room()
