"""The store's embedded API: buckets and objects, safe to use from several threads, durable when a call returns.

    with Store.open(Path("store")) as store:
        store.create_bucket("clips")
        store.put("clips", "a/b.mp4", data)

Data that is too large to be put in one call is staged: `stage` writes chunks that nobody sees, `put_staged` joins them
to an object without copying, `discard` gives their space back. Staged parts live as long as the process: a restart
forgets them and takes their space back.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from secrets import token_bytes
from types import TracebackType

from proving.store import changes, entries
from proving.store.changes import Wish
from proving.store.clock import Clock, SystemClock
from proving.store.disk import UNFINISHED, Disk, FolderDisk, files_in
from proving.store.engine import Engine
from proving.store.errors import NoSuchBucket, NoSuchKey
from proving.store.export import Exported, export_to, import_from
from proving.store.file_disk import FileDisk
from proving.store.gate import Gate
from proving.store.graph import Graph, graph_of
from proving.store.history import History
from proving.store.listing import page_of
from proving.store.names import SETTINGS_BUCKET, check_bucket
from proving.store.puts import Puts
from proving.store.reading import OpenObject, Pieces
from proving.store.records import (
    BucketInfo,
    Deletion,
    ExtentStats,
    Listing,
    ObjectInfo,
    StoreSettings,
    StoreStats,
)
from proving.store.recover import refuse_foreign
from proving.store.scrub import ScrubReport, scrub
from proving.store.writing import Data, StagedPart

DEFAULT_CONTENT_TYPE = "binary/octet-stream"


class Store:
    """One open store; make it with `Store.open`.

    After `close` every call raises StoreClosed.
    """

    def __init__(self, disk: Disk, settings: StoreSettings, clock: Clock, draw: Callable[[int], bytes]) -> None:
        """Recover what is on the disk; see `open`."""
        self._engine = Engine(disk, settings, clock, draw)
        self._puts = Puts(self._engine)

    @property
    def gate(self) -> Gate:
        """Return what every call passes through; `close` waits for those that are inside."""
        return self._engine.gate

    @property
    def history(self) -> History:
        """Return what is done with versions of objects, and with many objects at once."""
        return self._engine.history

    @classmethod
    def open(
        cls,
        place: Disk | Path | str,
        settings: StoreSettings | None = None,
        clock: Clock | None = None,
        draw: Callable[[int], bytes] = token_bytes,
    ) -> "Store":
        """Open the store in a folder, in a file or on a disk, or make an empty one there.

        Args:
            place: A folder; a file that is a disk, see `FileDisk.open`; or a `Disk`, which the store closes.
            settings: How it is laid out; an existing store keeps its extent size.
            clock: Tells when objects were modified; the system's by default.
            draw: Gives so many random bytes; give a seeded one to repeat a run exactly.

        Raises:
            StoreInUse: another process has it.
            NotAStore: something else is there, or a store of a newer version.
            Corrupt: something that was durable cannot be read.
            DiskFailed, OSError: the disk refused.
        """
        disk = _disk_at(Path(place)) if isinstance(place, Path | str) else place
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
            name, value = entries.bucket_name(bucket), entries.bucket_value(self._engine.clock.now_s())

            self._engine.commit(changes.make_bucket(bucket, value), len(name) + len(value))

    def delete_bucket(self, bucket: str) -> None:
        """Delete an empty bucket.

        Raises:
            NoSuchBucket: it is not there.
            BucketNotEmpty: it has objects.
        """
        with self.gate:
            self._engine.commit(changes.delete_bucket(bucket), len(entries.bucket_name(bucket)), is_urgent=True)

    def buckets(self) -> list[BucketInfo]:
        """Return all buckets by name, but for the one that holds the others' settings."""
        with self.gate:
            found = [entries.bucket_of(name, value) for name, value in self._engine.index.buckets()]
        return [bucket for bucket in found if bucket.name != SETTINGS_BUCKET]

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
            ReadOnly: it refused so often that the store takes no more changes.
        """
        with self.gate:
            wish = Wish(bucket, key, content_type, metadata or {}, if_none_match, if_match)
            return self._puts.put(wish, data, etag)

    def stage(self, data: Data, *, is_hashed: bool = False) -> StagedPart:
        """Take bytes in for a later `put_staged`; they are made durable there.

        Raises:
            DiskFull, DiskFailed: the disk refused.
        """
        with self.gate:
            return self._puts.stage(data, is_hashed=is_hashed)

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
            return self._puts.put_staged(wish, parts, etag)

    def discard(self, part: StagedPart) -> None:
        """Give the space of a staged part back; one that was used or discarded before is fine."""
        self._puts.discard(part)

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
            value = self._engine.index.get(entries.object_name(bucket, key))
            if value is None:
                raise self._absent(bucket, key)
            return entries.facts_of(value).info(bucket, key)

    def open_object(self, bucket: str, key: str) -> OpenObject:
        """Return an object as it is now, to read from as often as wanted; close it afterwards.

        Raises:
            NoSuchBucket, NoSuchKey: it is not there.
        """
        with self.gate:
            found = self._engine.index.pinned(entries.object_name(bucket, key))
            if found is None:
                raise self._absent(bucket, key)
            value, locators = found
            return OpenObject(self._engine.extents, self.gate, entries.facts_of(value).info(bucket, key), locators)

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
            if self._engine.index.get(entries.bucket_name(bucket)) is None:
                raise NoSuchBucket(changes.no_bucket(bucket))
            beginning = entries.objects_name(bucket)
            end = beginning + b"\xff"
            values: dict[bytes, bytes] = {}
            with self._engine.index.snapshot((beginning, end)) as snapshot:

                def keys_from(low: bytes) -> Iterator[bytes]:
                    for name, value in snapshot.entries(beginning + low, end):
                        key = name[len(beginning) :]
                        values[key] = value
                        yield key

                page = page_of(keys_from, prefix, delimiter, after, limit)
            objects = tuple(entries.facts_of(values[key.encode()]).info(bucket, key) for key in page.keys)
            return Listing(objects, tuple(page.common_prefixes), page.is_truncated, page.next_after)

    # Upkeep.

    def flush(self) -> None:
        """Write the changed index entries as a sorted run, so that recovery has less to replay.

        Raises:
            DiskFull, DiskFailed: the disk refused.
        """
        with self.gate:
            self._engine.flush()

    def reclaim(self) -> int:
        """Move live chunks out of extents that are mostly garbage; return how many extents that set free.

        Raises:
            DiskFull, DiskFailed: the disk refused; nothing is lost.
        """
        with self.gate:
            return self._engine.reclaimer.reclaim()

    def scrub(self) -> ScrubReport:
        """Read every chunk that the index names; return what was read, and which objects are damaged.

        It goes on beside all other work, and reads as fast as the disk gives.
        """
        return scrub(self._engine)

    def export_to(self, place: Path) -> Exported:
        """Write all that the store holds to a new folder or .tar file; see `export.export_to`."""
        return export_to(self._engine, place)

    def import_from(self, place: Path) -> Exported:
        """Put all that an export holds into this store, exactly as it was; see `export.import_from`."""
        return import_from(self._engine, place)

    def graph(self) -> Graph:
        """Return what of the store is durable now, what waits, and what must be durable before what."""
        with self.gate:
            engine = self._engine
            pending = [(f"a staged part of {part.size_bytes:,} bytes", part.dependency) for part in self._puts.staged()]
            return graph_of(engine.extents, engine.superblock.state, engine.journal.tail_bytes, pending)

    def stats(self) -> StoreStats:
        """Return how full the store is."""
        with self.gate:
            free_count = self._engine.extents.free_count()
            extents = list(self._engine.extents.all)
            bucket_count = self._engine.index.bucket_count
            object_count = self._engine.index.entry_count - bucket_count
            has_settings = self._engine.index.get(entries.bucket_name(SETTINGS_BUCKET)) is not None
            return StoreStats(
                bucket_count=bucket_count - has_settings,
                object_count=object_count,
                live_bytes=sum(extent.live_bytes for extent in extents),
                used_bytes=sum(extent.pointer for extent in extents),
                extent_size_bytes=self._engine.extents.size_bytes,
                extent_count=len(extents),
                free_extent_count=free_count,
                run_count=len(self._engine.superblock.state.runs),
                index_bytes=self._engine.extents.index_bytes,
                journal_bytes=self._engine.journal.tail_bytes,
                capacity_bytes=self._engine.settings.capacity_bytes,
                reclaimed_extent_count=self._engine.reclaimer.emptied_count,
                moved_bytes=self._engine.reclaimer.moved_bytes,
                read_only_reason=self._engine.extents.health.reason,
            )

    def extents(self) -> tuple[ExtentStats, ...]:
        """Return all extents in the order of their numbers, as they are now."""
        with self.gate:
            return tuple(
                ExtentStats(
                    extent.number,
                    extent.role.name.lower(),
                    extent.life,
                    extent.pointer,
                    extent.live_bytes,
                    extent.is_open,
                )
                for extent in tuple(self._engine.extents.all)
            )

    def close(self) -> None:
        """Write the index as a run and let go of the disk; closing twice is fine."""
        self._engine.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _absent(self, bucket: str, key: str) -> NoSuchBucket | NoSuchKey:
        if self._engine.index.get(entries.bucket_name(bucket)) is None:
            return NoSuchBucket(changes.no_bucket(bucket))
        return NoSuchKey(f"there is no '{key}' in the bucket '{bucket}'")


def _disk_at(place: Path) -> Disk:
    """Return the disk in a file or folder, which is left as it is if something else than a store is there."""
    if place.is_file():
        return FileDisk.open(place)
    if place.is_dir():
        refuse_foreign([name for name in files_in(place) if not name.endswith(UNFINISHED)])
    return FolderDisk(place)
