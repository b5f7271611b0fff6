"""The simplest correct store: dictionaries."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
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
from proving.store.records import BucketInfo, Deleted, Deletion, Listing, ObjectInfo, VersionListing


@dataclass(frozen=True, eq=False)
class ModelPart:
    """Staged bytes."""

    data: bytes


@dataclass(frozen=True)
class ModelVersion:
    """One version of a key, and what is known of it where that was told."""

    version: str
    data: bytes = b""
    is_delete_marker: bool = False
    info: ObjectInfo | None = None


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

    def put(self, key: str, data: bytes, version: str, info: ObjectInfo | None = None) -> None:
        """Put an object that was given this version id."""
        self._add(key, ModelVersion(version, data, info=info))

    def delete(self, key: str, version: str, info: ObjectInfo | None = None) -> None:
        """Delete a key; its delete marker was given this version id."""
        if self.versioning:
            self._add(key, ModelVersion(version, is_delete_marker=True, info=info))
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


@dataclass
class ModelStore:
    """What a store holds, and the answers it gives; the methods are those of `Store`.

    Attributes:
        clock: Tells when buckets and objects are made.
        contents: Bucket to what lies there.
        created_s: When each bucket was made.
        staged: Parts that were neither put nor discarded.
        version_count: Version ids given out; they are not those of a store.
    """

    clock: Clock
    contents: dict[str, ModelVersions] = field(default_factory=dict)
    created_s: dict[str, float] = field(default_factory=dict)
    staged: list[ModelPart] = field(default_factory=list)
    version_count: int = 0

    @property
    def history(self) -> "ModelHistory":
        """Return what is done with versions."""
        return ModelHistory(self)

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket."""
        if bucket in self.contents:
            raise BucketExists(bucket)
        self.contents[bucket] = ModelVersions()
        self.created_s[bucket] = self.clock.now_s()

    def delete_bucket(self, bucket: str) -> None:
        """Delete an empty bucket."""
        if any(self.of_bucket(bucket).keys.values()):
            raise BucketNotEmpty(bucket)
        del self.contents[bucket]
        del self.created_s[bucket]

    def buckets(self) -> list[BucketInfo]:
        """Return all buckets by name."""
        return [
            BucketInfo(name, self.created_s[name], self.contents[name].versioning) for name in sorted(self.contents)
        ]

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
        version = self.new_version(bucket)
        marker = ObjectInfo(bucket, key, 0, "", self.clock.now_s(), "", {}, version, is_delete_marker=True)
        self.contents[bucket].delete(key, version, marker)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """Return what is known of an object."""
        return info_of(self._found(bucket, key))

    def get(self, bucket: str, key: str, start: int = 0, size: int | None = None) -> bytes:
        """Return an object's bytes."""
        data = self._found(bucket, key).data
        return data[start:] if size is None else data[start : start + size]

    def read(self, bucket: str, key: str, start: int = 0, size: int | None = None) -> Iterator[bytes]:
        """Give the same bytes."""
        return iter([self.get(bucket, key, start, size)])

    def list(self, bucket: str, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000) -> Listing:
        """Return a page of a listing."""
        names: dict[str, ObjectInfo | None] = {}
        found = self.of_bucket(bucket)
        current = {key: now for key in found.keys if (now := found.current(key)) is not None}
        for key, now in current.items():
            if not key.startswith(prefix) or key.encode() <= after.encode():
                continue
            head, mark, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            rolled = prefix + head + mark
            if not mark:
                names[key] = info_of(now)
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

    def of_bucket(self, bucket: str) -> ModelVersions:
        """Return what lies in a bucket."""
        if bucket not in self.contents:
            raise NoSuchBucket(bucket)
        return self.contents[bucket]

    def new_version(self, bucket: str) -> str:
        """Return the id that a new version has there."""
        if self.of_bucket(bucket).versioning != "Enabled":
            return ""
        self.version_count += 1
        return f"version {self.version_count}"

    def _found(self, bucket: str, key: str) -> ModelVersion:
        found = self.of_bucket(bucket).current(key)
        if found is None:
            raise NoSuchKey(key)
        return found

    def _check(self, bucket: str, key: str, *, if_none_match: bool, if_match: str | None) -> None:
        old = self.of_bucket(bucket).current(key)
        if if_none_match and old is not None:
            raise PreconditionFailed(key)
        if if_match is not None:
            if old is None:
                raise NoSuchKey(key)
            if info_of(old).etag != if_match:
                raise PreconditionFailed(key)

    def _keep(self, info: ObjectInfo, data: bytes, if_none_match: bool, if_match: str | None) -> ObjectInfo:
        self._check(info.bucket, info.key, if_none_match=if_none_match, if_match=if_match)
        info = info._replace(version=self.new_version(info.bucket))
        self.contents[info.bucket].put(info.key, data, info.version, info)
        return info


@dataclass(frozen=True)
class ModelHistory:
    """The versions of a model store's objects; the methods are those of `History`."""

    store: ModelStore

    def keep(self, bucket: str, *, is_enabled: bool) -> None:
        """Keep versions from now on, or make no more."""
        self.store.of_bucket(bucket).versioning = "Enabled" if is_enabled else "Suspended"

    def delete(self, bucket: str, wishes: Sequence[Deletion]) -> "list[Deleted | Exception]":
        """Remove versions for good."""
        return [self.store.of_bucket(bucket).remove(wish.key, wish.version or "") for wish in wishes]

    def list(
        self, bucket: str, prefix: str = "", delimiter: str = "", after: object = None, limit: int = 1000
    ) -> VersionListing:
        """Return all versions in one page, whatever was asked for."""
        del after, limit
        found = self.store.of_bucket(bucket)
        infos: list[tuple[ObjectInfo, bool]] = []
        rolled: dict[str, None] = {}
        for key in sorted((key for key, versions in found.keys.items() if versions), key=str.encode):
            head, mark, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            if key.startswith(prefix) and mark:
                rolled[prefix + head + mark] = None
            elif key.startswith(prefix):
                infos += [(info_of(each), index == 0) for index, each in enumerate(found.of_key(key))]
        return VersionListing(tuple(infos), tuple(rolled), False, ("", None))

    def open_object(self, bucket: str, key: str, version: str) -> "nullcontext[ModelObject]":
        """Return one version to read from."""
        for each in self.store.of_bucket(bucket).of_key(key):
            if each.version == version and not each.is_delete_marker:
                return nullcontext(ModelObject(each.data))
        raise NoSuchKey(key)


@dataclass(frozen=True)
class ModelObject:
    """An open object."""

    data: bytes

    def get(self) -> bytes:
        """Return its bytes."""
        return self.data


def info_of(version: ModelVersion) -> ObjectInfo:
    """Return what is known of a version that a model store keeps."""
    assert version.info is not None, "a model store is told of each version what is known"
    return version.info
