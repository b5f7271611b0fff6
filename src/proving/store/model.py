"""The simplest correct store: dictionaries."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from proving.store.clock import Clock
from proving.store.errors import (
    BucketExists,
    BucketNotEmpty,
    NoSuchBucket,
    NoSuchKey,
    NotStaged,
    PreconditionFailed,
)
from proving.store.records import BucketInfo, Deleted, Listing, ObjectInfo


@dataclass(frozen=True, eq=False)
class ModelPart:
    """Staged bytes."""

    data: bytes


@dataclass
class ModelStore:
    """What a store holds, and the answers it gives; the methods are those of `Store`.

    Attributes:
        clock: Tells when buckets and objects are made.
        contents: Bucket to key to what lies there.
        created_s: When each bucket was made.
        staged: Parts that were neither put nor discarded.
    """

    clock: Clock
    contents: dict[str, dict[str, tuple[ObjectInfo, bytes]]] = field(default_factory=dict)
    created_s: dict[str, float] = field(default_factory=dict)
    staged: list[ModelPart] = field(default_factory=list)

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket."""
        if bucket in self.contents:
            raise BucketExists(bucket)
        self.contents[bucket] = {}
        self.created_s[bucket] = self.clock.now_s()

    def delete_bucket(self, bucket: str) -> None:
        """Delete an empty bucket."""
        if self._keys(bucket):
            raise BucketNotEmpty(bucket)
        del self.contents[bucket]
        del self.created_s[bucket]

    def buckets(self) -> list[BucketInfo]:
        """Return all buckets by name."""
        return [BucketInfo(name, self.created_s[name]) for name in sorted(self.contents)]

    def put(
        self,
        bucket: str,
        key: str,
        data: bytes | Iterable[bytes],
        *,
        content_type: str = "binary/octet-stream",
        metadata: Mapping[str, str] | None = None,
        etag: str | None = None,
        if_none_match: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """Put an object."""
        whole = data if isinstance(data, bytes) else b"".join(data)
        md5 = hashlib.md5(whole, usedforsecurity=False).hexdigest()
        info = ObjectInfo(
            bucket,
            key,
            len(whole),
            md5 if etag is None else etag,
            self.clock.now_s(),
            content_type,
            dict(metadata or {}),
        )
        return self._keep(info, whole, if_none_match, if_match)

    def stage(self, data: bytes) -> ModelPart:
        """Take bytes in."""
        part = ModelPart(data)
        self.staged.append(part)
        return part

    def put_staged(
        self, bucket: str, key: str, parts: Sequence[ModelPart], *, etag: str, if_none_match: bool = False
    ) -> ObjectInfo:
        """Put the parts as one object."""
        if any(parts.count(part) > 1 or part not in self.staged for part in parts):
            raise NotStaged("used")
        whole = b"".join(part.data for part in parts)
        info = self._keep(ObjectInfo(bucket, key, len(whole), etag, self.clock.now_s()), whole, if_none_match, None)
        for part in parts:
            self.staged.remove(part)
        return info

    def discard(self, part: ModelPart) -> None:
        """Give a staged part back."""
        if part in self.staged:
            self.staged.remove(part)

    def delete(self, bucket: str, key: str, *, if_match: str | None = None) -> None:
        """Delete an object."""
        self._check(bucket, key, if_none_match=False, if_match=if_match)
        self.contents[bucket].pop(key, None)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """Return what is known of an object."""
        return self._found(bucket, key)[0]

    def get(self, bucket: str, key: str, start: int = 0, size: int | None = None) -> bytes:
        """Return an object's bytes."""
        data = self._found(bucket, key)[1]
        return data[start:] if size is None else data[start : start + size]

    def read(self, bucket: str, key: str, start: int = 0, size: int | None = None) -> Iterator[bytes]:
        """Give the same bytes."""
        return iter([self.get(bucket, key, start, size)])

    def list(self, bucket: str, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000) -> Listing:
        """Return a page of a listing."""
        names: dict[str, ObjectInfo | None] = {}
        for key, (info, _) in self._keys(bucket).items():
            if not key.startswith(prefix) or key.encode() <= after.encode():
                continue
            head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            rolled = prefix + head + found
            if not found:
                names[key] = info
            elif rolled != after:
                names[rolled] = None
        ordered = sorted(names, key=str.encode)
        shown = ordered[:limit]
        is_truncated = 0 < limit < len(ordered)
        return Listing(
            tuple(info for name in shown if (info := names[name]) is not None),
            tuple(name for name in shown if names[name] is None),
            is_truncated,
            shown[-1] if is_truncated else "",
        )

    def _keys(self, bucket: str) -> dict[str, tuple[ObjectInfo, bytes]]:
        if bucket not in self.contents:
            raise NoSuchBucket(bucket)
        return self.contents[bucket]

    def _found(self, bucket: str, key: str) -> tuple[ObjectInfo, bytes]:
        keys = self._keys(bucket)
        if key not in keys:
            raise NoSuchKey(key)
        return keys[key]

    def _check(self, bucket: str, key: str, *, if_none_match: bool, if_match: str | None) -> None:
        old = self._keys(bucket).get(key)
        if if_none_match and old is not None:
            raise PreconditionFailed(key)
        if if_match is not None:
            if old is None:
                raise NoSuchKey(key)
            if old[0].etag != if_match:
                raise PreconditionFailed(key)

    def _keep(self, info: ObjectInfo, data: bytes, if_none_match: bool, if_match: str | None) -> ObjectInfo:
        self._check(info.bucket, info.key, if_none_match=if_none_match, if_match=if_match)
        self.contents[info.bucket][info.key] = (info, data)
        return info


@dataclass(frozen=True)
class ModelVersion:
    """One version of a key."""

    version: str
    data: bytes = b""
    is_delete_marker: bool = False


@dataclass
class ModelVersions:
    """One bucket that keeps versions or does not: a list per key, newest first. Version ids are taken as they come.

    Attributes:
        versioning: "", "Enabled" or "Suspended".
        keys: Key to its versions.
    """

    versioning: str = ""
    keys: dict[str, list[ModelVersion]] = field(default_factory=dict)

    def of_key(self, key: str) -> list[ModelVersion]:
        """Return a key's versions."""
        return self.keys.get(key, [])

    def current(self, key: str) -> ModelVersion | None:
        """Return what a plain get sees."""
        return next((newest for newest in self.of_key(key)[:1] if not newest.is_delete_marker), None)

    def put(self, key: str, data: bytes, version: str) -> None:
        """Put an object that was given this version id."""
        self._add(key, ModelVersion(version, data))

    def delete(self, key: str, version: str) -> None:
        """Delete a key; its delete marker was given this version id."""
        if self.versioning:
            self._add(key, ModelVersion(version, is_delete_marker=True))
        else:
            self.keys.pop(key, None)

    def remove(self, key: str, version: str) -> Deleted:
        """Remove one version for good."""
        gone = [each for each in self.of_key(key) if each.version == version]
        self.keys[key] = [each for each in self.of_key(key) if each.version != version]
        return Deleted(version, gone[0].is_delete_marker) if gone else Deleted()

    def listed(self, prefix: str = "", delimiter: str = "") -> list[object]:
        """Return each version's key, id, whether it is a delete marker and the newest, size and MD5; then prefixes."""
        rows: list[object] = []
        rolled: dict[str, None] = {}
        for key in sorted((key for key, found in self.keys.items() if found), key=str.encode):
            if not key.startswith(prefix):
                continue
            head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            if found:
                rolled[prefix + head + found] = None
                continue
            for index, each in enumerate(self.keys[key]):
                md5 = "" if each.is_delete_marker else hashlib.md5(each.data, usedforsecurity=False).hexdigest()
                rows.append((key, each.version, each.is_delete_marker, index == 0, len(each.data), md5))
        return [*rows, *rolled]

    def _add(self, key: str, new: ModelVersion) -> None:
        old = self.of_key(key) if self.versioning else []
        # Where versions are suspended, the null version is replaced wherever it is.
        kept = old if self.versioning == "Enabled" else [each for each in old if each.version]
        self.keys[key] = [new, *kept]
