"""Versions, deletions of many, and descriptions: what a store offers beyond a bucket of current objects.

Reached as `store.history`. In a bucket that never kept versions every call here means the same as in the store itself.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import TypeAlias

from proving.store import changes, entries, versions
from proving.store.changes import Placing
from proving.store.clock import Clock
from proving.store.commit import Change, Decide
from proving.store.entries import Facts, Name
from proving.store.errors import NoSuchBucket, NoSuchKey, TooLarge
from proving.store.extents import Extents
from proving.store.gate import Gate
from proving.store.index import Index, Snapshot, View
from proving.store.reading import OpenObject
from proving.store.records import Deleted, Deletion, ObjectInfo, VersionListing
from proving.store.versions import Outgrown

Rows: TypeAlias = Callable[[bytes], Iterator[tuple[bytes, Facts]]]
"""Gives a bucket's versions from a key on."""

_TOKEN_BYTES = 8


@dataclass(frozen=True, kw_only=True)
class History:
    """The versions of a store's objects; thread-safe.

    Attributes:
        index: Where entries are.
        extents: Where chunks are.
        commit: Makes changes durable; each says itself whether it failed.
        commit_only: The same, but room that becomes scarce is left to whoever commits next: making it can take long.
        clock: Tells when a delete marker is made.
        gate: What every call passes through.
        draw: Random bytes for version ids.
        largest_bytes: So much fits in one batch.
    """

    index: Index
    extents: Extents
    commit: Callable[[Sequence[Change]], None]
    commit_only: Callable[[Sequence[Change]], None]
    clock: Clock
    gate: Gate
    draw: Callable[[int], bytes]
    largest_bytes: int

    def versioning(self, bucket: str) -> str:
        """Return "Enabled", "Suspended", or "" where the bucket never kept versions.

        Raises:
            NoSuchBucket: it is not there.
        """
        with self.gate:
            value = self.index.get(entries.bucket_name(bucket))
        if value is None:
            raise NoSuchBucket(changes.no_bucket(bucket))
        return entries.versioning_of(value)

    def keep(self, bucket: str, *, is_enabled: bool) -> None:
        """Keep versions from now on, or keep what is there and make no more.

        Raises:
            NoSuchBucket: it is not there.
        """
        state = versions.ENABLED if is_enabled else versions.SUSPENDED
        with self.gate:
            self.settle(lambda _: changes.keep_versions(bucket, state), Placing(len(bucket) + 64))

    def head(self, bucket: str, key: str, version: str) -> ObjectInfo:
        """Return what is known of one version, which may be a delete marker.

        Raises:
            NoSuchBucket, NoSuchKey: it is not there.
        """
        with self.gate:
            return entries.facts_of(self._found(bucket, key, version)[1]).info(bucket, key)

    def newest(self, bucket: str, key: str) -> ObjectInfo | None:
        """Return what is known of a key's newest version, a delete marker included; None where there is none."""
        with self.gate:
            facts = versions.newest(View(self.index), bucket, key)
        return None if facts is None else facts.info(bucket, key)

    def open_object(self, bucket: str, key: str, version: str) -> OpenObject:
        """Return one version to read from; close it afterwards.

        Raises:
            NoSuchBucket, NoSuchKey: it is not there, or it is a delete marker.
        """
        with self.gate:
            while True:
                pinned = self.index.pinned(self._found(bucket, key, version)[0])
                if pinned is None:
                    # It moved between the two looks.
                    continue
                value, locators = pinned
                facts = entries.facts_of(value)
                if facts.version == version and not facts.is_delete_marker:
                    return OpenObject(self.extents, self.gate, facts.info(bucket, key), locators)
                self.extents.unpin(locator.extent for locator in locators)
                if facts.is_delete_marker:
                    raise NoSuchKey(f"that version of '{key}' is a delete marker")

    def delete(self, bucket: str, wishes: Sequence[Deletion]) -> list[Deleted | Exception]:
        """Delete many keys or versions; those that fit share one durable step. Each says for itself how it went.

        Raises:
            NoSuchBucket: the bucket is not there.
        """
        with self.gate:
            self.versioning(bucket)
            now_s = self.clock.now_s()
            results: dict[int, Deleted | Exception] = {}
            todo = {index: self.placing(bucket, wish.key, 0) for index, wish in enumerate(wishes)}
            while todo:
                made = [
                    (
                        index,
                        placing,
                        Change(
                            changes.delete_object(bucket, wishes[index], placing, now_s),
                            placing.size_bytes,
                            is_urgent=True,
                        ),
                    )
                    for index, placing in todo.items()
                ]
                self.commit([change for _, _, change in made])
                todo = {}
                for index, placing, change in made:
                    if isinstance(change.error, Outgrown):
                        todo[index] = self.grown(placing, change.error)
                    elif change.error is not None:
                        results[index] = change.error
                    else:
                        results[index] = Deleted(placing.version, placing.is_delete_marker)
            return [results[index] for index in range(len(wishes))]

    def describe(self, bucket: str, key: str, updates: Mapping[str, str | None], version: str | None = None) -> str:
        """Set or drop (None) some of an object's metadata and nothing else; return which version it is.

        Raises:
            NoSuchBucket, NoSuchKey: it is not there.
            DiskFull, DiskFailed: the disk refused.
        """
        with self.gate:
            placing = self.settle(
                lambda placing: changes.describe(bucket, key, version, updates, placing), Placing(1024)
            )
            return placing.version or ""

    def list(
        self,
        bucket: str,
        prefix: str = "",
        delimiter: str = "",
        after: tuple[str, str | None] = ("", None),
        limit: int = 1000,
    ) -> VersionListing:
        """Return a page of a bucket's versions.

        Args:
            bucket: Which.
            prefix: Only keys that begin so.
            delimiter: Keys that have it behind the prefix are rolled up to common prefixes; "" for none.
            after: Only what comes behind this key, or behind this version of it.
            limit: Versions and common prefixes together.

        Raises:
            NoSuchBucket: it is not there.
        """
        with self.gate:
            if self.index.get(entries.bucket_name(bucket)) is None:
                raise NoSuchBucket(changes.no_bucket(bucket))
            ranges = [(low, low + b"\xff") for low in (entries.objects_name(bucket), versions.histories(bucket))]
            with self.index.snapshot(*ranges) as snapshot:
                return self._page(partial(_rows, snapshot, bucket), bucket, (prefix, delimiter), after, limit)

    def settle(self, make: Callable[[Placing], Decide], placing: Placing) -> Placing:
        """Commit a change, with more room if it asks for it; return the placing that was used in the end."""
        while True:
            change = Change(make(placing), placing.size_bytes)
            self.commit([change])
            if isinstance(change.error, Outgrown):
                placing = self.grown(placing, change.error)
            elif change.error is not None:
                raise change.error
            else:
                return placing

    def placing(self, bucket: str, key: str, value_bytes: int) -> Placing:
        """Return the room that a change of a key probably needs; what is too little is asked for again."""
        name = entries.object_name(bucket, key)
        name_bytes = len(name) + entries.PAIR_BYTES
        kept = self.index.get(entries.bucket_name(bucket))
        if kept is None or not entries.versioning_of(kept):
            return Placing(name_bytes + value_bytes)
        old_bytes = len(self.index.get(name) or b"")
        return Placing(4 * name_bytes + value_bytes + old_bytes + 256, self._token())

    def grown(self, placing: Placing, needs: Outgrown) -> Placing:
        """Return the room that a change asked for.

        Raises:
            TooLarge: no batch has so much.
        """
        if needs.size_bytes > self.largest_bytes:
            raise TooLarge(f"two versions need {needs.size_bytes} bytes of index, too many for these extents")
        return Placing(max(placing.size_bytes, needs.size_bytes), placing.token or self._token())

    def _token(self) -> str:
        return self.draw(_TOKEN_BYTES).hex()

    def _found(self, bucket: str, key: str, version: str) -> tuple[Name, bytes]:
        found = versions.find(View(self.index), bucket, key, version)
        if found is None:
            if self.index.get(entries.bucket_name(bucket)) is None:
                raise NoSuchBucket(changes.no_bucket(bucket))
            raise NoSuchKey(f"there is no such version of '{key}' in the bucket '{bucket}'")
        return found

    def _page(
        self, rows_from: Rows, bucket: str, wanted: tuple[str, str], after: tuple[str, str | None], limit: int
    ) -> VersionListing:
        start, mark = (text.encode() for text in wanted)
        behind = after[0].encode()
        below_order = _order_of(rows_from, behind, after[1])
        found: list[tuple[ObjectInfo, bool]] = []
        prefixes: list[str] = []
        last: tuple[str, str | None] = ("", None)
        rows = rows_from(max(start, behind))
        key_before = b""
        while (row := next(rows, None)) is not None and row[0].startswith(start):
            key, facts = row
            at = key.find(mark, len(start)) if mark else -1
            rolled = key[: at + len(mark)] if at >= 0 else None
            if rolled is not None and rolled == behind:
                rows = rows_from(rolled + b"\xff")
                continue
            if rolled is None and behind and (key, -facts.order) <= (behind, -below_order):
                key_before = key
                continue
            if len(found) + len(prefixes) == limit:
                return VersionListing(tuple(found), tuple(prefixes), limit > 0, last if limit else ("", None))
            if rolled is not None:
                prefixes.append(rolled.decode())
                last = prefixes[-1], None
                # No UTF-8 text contains this byte, so it comes behind every key with the prefix.
                rows = rows_from(rolled + b"\xff")
                continue
            info = facts.info(bucket, key.decode())
            found.append((info, key != key_before))
            key_before, last = key, (info.key, info.version)
        return VersionListing(tuple(found), tuple(prefixes), False, ("", None))


def _rows(snapshot: Snapshot, bucket: str, low: bytes) -> Iterator[tuple[bytes, Facts]]:
    """Give all versions from a key on, by key and newest first."""
    current, old = entries.objects_name(bucket), versions.histories(bucket)
    escaped = low.replace(b"\0", b"\0\xff")
    newest = snapshot.entries(current + low, current + b"\xff")
    older = snapshot.entries(old + escaped, old + b"\xff")
    first = ((name[len(current) :], 0, name, value) for name, value in newest)
    second = ((versions.key_of(name, bucket), 1, name, value) for name, value in older)
    for key, _, _, value in heapq.merge(first, second):
        yield key, entries.facts_of(value)


def _order_of(rows_from: Rows, key: bytes, version: str | None) -> int:
    """Return the order of a version that a page ended with; below every order where none is named."""
    if version != "":
        return -1 if version is None else versions.order_of(version)
    of_key = takewhile(lambda row: row[0] == key, rows_from(key))
    return next((facts.order for _, facts in of_key if not facts.version), -1)
