"""What can be done to a store and its model, as data: the alphabet of the checks in `scenarios.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import md5
from typing import Any, Literal, TypeAlias

from proving.store.records import Deletion, ObjectInfo

BUCKETS = ("one", "two")
KEYS = ("a", "b", "a/b", "a/c", "ä/b")

Survives: TypeAlias = Literal["any", "nothing", "everything", "prefix", "subset", "torn"]
"""What a power cut leaves of unsynced writes; the words of the simulated disk."""
SeenObject: TypeAlias = tuple[bytes, str, int, str, tuple[tuple[str, str], ...]]
"""What is seen of an object: bytes, ETag, size, content type, metadata."""
SeenVersion: TypeAlias = tuple[SeenObject, bool, bool]
"""An object or delete marker; whether it is a delete marker, and whether it has a version id."""
Seen: TypeAlias = tuple[SeenVersion, ...] | None
"""What is seen under a name: all versions, newest first; None where there is nothing."""

SeenName: TypeAlias = tuple[str, str]
"""A bucket and a key; the key is "" for the bucket itself."""

_PATTERN = bytes(place * 7 % 251 for place in range(20_000))


@dataclass(frozen=True)
class Get:
    """Read a whole object."""

    bucket: int
    key: int


@dataclass(frozen=True)
class Put:
    """Put `size` bytes that are told apart by `fill`."""

    bucket: int
    key: int
    size: int
    fill: int
    if_none_match: bool

    @property
    def data(self) -> bytes:
        """The bytes."""
        return _PATTERN[self.fill : self.fill + self.size]


@dataclass(frozen=True)
class PutParts:
    """Stage two parts and put them as one object."""

    bucket: int
    key: int
    first: int
    second: int
    fill: int

    @property
    def parts(self) -> tuple[bytes, bytes]:
        """The bytes of each part."""
        middle = self.fill + self.first
        return _PATTERN[self.fill : middle], _PATTERN[middle : middle + self.second]


@dataclass(frozen=True)
class Delete:
    """Delete an object."""

    bucket: int
    key: int


@dataclass(frozen=True)
class GetRange:
    """Read a part of an object, or as much of the part as is there."""

    bucket: int
    key: int
    start: int
    size: int


@dataclass(frozen=True)
class Head:
    """Ask about an object."""

    bucket: int
    key: int


@dataclass(frozen=True)
class List:
    """List a page."""

    bucket: int
    prefix: str
    delimiter: str
    after: str
    limit: int


@dataclass(frozen=True)
class CreateBucket:
    """Make a bucket."""

    bucket: int


@dataclass(frozen=True)
class DeleteBucket:
    """Delete a bucket."""

    bucket: int


@dataclass(frozen=True)
class KeepVersions:
    """Let a bucket keep versions, or make no more."""

    bucket: int
    is_enabled: bool


@dataclass(frozen=True)
class RemoveVersion:
    """Remove one of a key's versions for good, counted from the newest; or one that is not there."""

    bucket: int
    key: int
    place: int


@dataclass(frozen=True)
class GetVersion:
    """Read one of a key's versions, counted from the newest."""

    bucket: int
    key: int
    place: int


@dataclass(frozen=True)
class ListVersions:
    """List all versions, page by page."""

    bucket: int
    prefix: str
    delimiter: str
    limit: int


@dataclass(frozen=True)
class Flush:
    """Write an index run."""


@dataclass(frozen=True)
class Reclaim:
    """Move live chunks together."""


@dataclass(frozen=True)
class Reopen:
    """Close the store in order and open it again."""


@dataclass(frozen=True)
class Kill:
    """Let the process die and start a new one; the machine stays up."""


@dataclass(frozen=True)
class Crash:
    """Cut the power now."""

    survives: Survives
    choice: int


@dataclass(frozen=True)
class PlanPowerCut:
    """Let the power go away after some more changes of the disk, and again during the recovery from that."""

    changes: int
    survives: Survives
    choice: int
    changes_in_recovery: int


@dataclass(frozen=True)
class Break:
    """Let a call of the disk fail, once or until `Mend`."""

    verb: Literal["read", "write", "sync"]
    after: int
    is_forever: bool
    arrived: bool


@dataclass(frozen=True)
class Mend:
    """Let the disk work again."""


def seen(info: ObjectInfo, data: bytes) -> SeenObject:
    """Return what is compared of an object."""
    return data, info.etag, info.size_bytes, info.content_type, tuple(sorted(info.metadata.items()))


def seen_bucket(versioning: str) -> Seen:
    """Return what is compared of a bucket: whether it keeps versions."""
    return (((b"", versioning, 0, "", ()), False, False),)


def contents_of(each: Any) -> dict[SeenName, Seen]:  # noqa: ANN401  the store or its model
    """Return what is seen under each name."""
    found: dict[SeenName, Seen] = {}
    for bucket in each.buckets():
        name = bucket.name
        found[name, ""] = seen_bucket(bucket.versioning)
        current = {info.key for info in each.list(name).objects}
        for info, is_newest in each.history.list(name).versions:
            assert not is_newest or (info.key in current) != info.is_delete_marker, "a key is listed if it is there"
            versions = found.get((name, info.key)) or ()
            data = b"" if info.is_delete_marker else _bytes_of(each, info)
            assert not is_newest or info.is_delete_marker or each.get(name, info.key) == data, "the newest is current"
            found[name, info.key] = (*versions, (seen(info, data), info.is_delete_marker, bool(info.version)))
            current.discard(info.key)
        assert not current, "what is listed has a version"
    return found


def told(seen: Seen) -> str:
    """Return in words what is seen."""
    return "nothing" if seen is None else ", before that ".join(_told(*version) for version in seen)


def _told(seen: SeenObject, is_delete_marker: bool, has_id: bool) -> str:
    data, etag, size_bytes, content_type, _ = seen
    read = md5(data, usedforsecurity=False).hexdigest()
    what = "a delete marker" if is_delete_marker else f"{size_bytes} bytes, ETag {etag[:8]}, {content_type}"
    return f"{what}, MD5 of what is read {read[:8]}, {'a' if has_id else 'no'} version id"


def _bytes_of(each: Any, info: ObjectInfo) -> bytes:  # noqa: ANN401
    with each.history.open_object(info.bucket, info.key, info.version) as opened:
        return opened.get()


def _put(each: Any, operation: Put) -> object:  # noqa: ANN401  the store and its model have one shape
    info = each.put(
        BUCKETS[operation.bucket],
        KEYS[operation.key],
        operation.data,
        content_type=f"x/{operation.fill}",
        metadata={"fill": str(operation.fill)} if operation.fill % 2 else {},
        if_none_match=operation.if_none_match,
    )
    return seen(info, b"")


def _put_parts(each: Any, operation: PutParts) -> object:  # noqa: ANN401
    staged: list[object] = []
    try:
        staged += (each.stage(part) for part in operation.parts)
        info = each.put_staged(BUCKETS[operation.bucket], KEYS[operation.key], staged, etag=f"parts-{operation.fill}")
    except Exception:
        for part in staged:
            each.discard(part)
        raise
    return seen(info, b"")


def _get(each: Any, operation: Get) -> object:  # noqa: ANN401
    return each.get(BUCKETS[operation.bucket], KEYS[operation.key])


def _get_range(each: Any, operation: GetRange) -> object:  # noqa: ANN401
    return each.get(BUCKETS[operation.bucket], KEYS[operation.key], operation.start, operation.size)


def _head(each: Any, operation: Head) -> object:  # noqa: ANN401
    return seen(each.head(BUCKETS[operation.bucket], KEYS[operation.key]), b"")


def _delete(each: Any, operation: Delete) -> object:  # noqa: ANN401
    return each.delete(BUCKETS[operation.bucket], KEYS[operation.key])


def _list(each: Any, operation: List) -> object:  # noqa: ANN401
    page = each.list(
        BUCKETS[operation.bucket],
        prefix=operation.prefix,
        delimiter=operation.delimiter,
        after=operation.after,
        limit=operation.limit,
    )
    return [info.key for info in page.objects], page.common_prefixes, page.is_truncated, page.next_after


def _create_bucket(each: Any, operation: CreateBucket) -> object:  # noqa: ANN401
    return each.create_bucket(BUCKETS[operation.bucket])


def _delete_bucket(each: Any, operation: DeleteBucket) -> object:  # noqa: ANN401
    return each.delete_bucket(BUCKETS[operation.bucket])


def _keep_versions(each: Any, operation: KeepVersions) -> object:  # noqa: ANN401
    return each.history.keep(BUCKETS[operation.bucket], is_enabled=operation.is_enabled)


def _version_at(each: Any, operation: RemoveVersion | GetVersion) -> str:  # noqa: ANN401
    """Return the id of the version that is meant; no id of any where the key has not so many."""
    key = KEYS[operation.key]
    versions = each.history.list(BUCKETS[operation.bucket], prefix=key).versions
    ids = [info.version for info, _ in versions if info.key == key]
    return ids[operation.place] if operation.place < len(ids) else "f" * 32


def _remove_version(each: Any, operation: RemoveVersion) -> object:  # noqa: ANN401
    wish = Deletion(KEYS[operation.key], version=_version_at(each, operation))
    (result,) = each.history.delete(BUCKETS[operation.bucket], [wish])
    if isinstance(result, Exception):
        raise result
    return result.version is None, result.is_delete_marker


def _get_version(each: Any, operation: GetVersion) -> object:  # noqa: ANN401
    version = _version_at(each, operation)
    with each.history.open_object(BUCKETS[operation.bucket], KEYS[operation.key], version) as opened:
        return opened.get()


def _list_versions(each: Any, operation: ListVersions) -> object:  # noqa: ANN401
    rows: list[object] = []
    prefixes: list[str] = []
    after: tuple[str, str | None] = ("", None)
    while True:
        page = each.history.list(
            BUCKETS[operation.bucket], operation.prefix, operation.delimiter, after, operation.limit
        )
        rows += [
            (info.key, bool(info.version), info.is_delete_marker, is_newest, seen(info, b""))
            for info, is_newest in page.versions
        ]
        prefixes += page.common_prefixes
        if not page.is_truncated:
            return rows, prefixes
        after = page.next_after


API: dict[type, Callable[[Any, Any], object]] = {
    Get: _get,
    Put: _put,
    PutParts: _put_parts,
    Delete: _delete,
    GetRange: _get_range,
    Head: _head,
    List: _list,
    CreateBucket: _create_bucket,
    DeleteBucket: _delete_bucket,
    KeepVersions: _keep_versions,
    RemoveVersion: _remove_version,
    GetVersion: _get_version,
    ListVersions: _list_versions,
}
