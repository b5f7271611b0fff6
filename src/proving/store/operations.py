"""What can be done to a store and its model, as data: the alphabet of the checks in `scenarios.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import md5
from typing import Any, Literal, TypeAlias

from proving.store.records import ObjectInfo

BUCKETS = ("one", "two")
KEYS = ("a", "b", "a/b", "a/c", "ä/b")

Survives: TypeAlias = Literal["any", "nothing", "everything", "prefix", "subset", "torn"]
"""What a power cut leaves of unsynced writes; the words of the simulated disk."""
Seen: TypeAlias = tuple[bytes, str, int, str, tuple[tuple[str, str], ...]] | None
"""What is seen under a name: bytes, ETag, size, content type, metadata; None where there is nothing."""

SeenName: TypeAlias = tuple[str, str]
"""A bucket and a key; the key is "" for the bucket itself."""
BUCKET_IS_THERE = (b"", "", 0, "", ())

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


def seen(info: ObjectInfo, data: bytes) -> Seen:
    """Return what is compared of an object."""
    return data, info.etag, info.size_bytes, info.content_type, tuple(sorted(info.metadata.items()))


def contents_of(each: Any) -> dict[SeenName, Seen]:  # noqa: ANN401  the store or its model
    """Return what is seen under each name."""
    found: dict[SeenName, Seen] = {}
    for bucket in each.buckets():
        found[bucket.name, ""] = BUCKET_IS_THERE
        for info in each.list(bucket.name).objects:
            found[bucket.name, info.key] = seen(info, each.get(bucket.name, info.key))
    return found


def told(seen: Seen) -> str:
    """Return in words what is seen."""
    if seen is None:
        return "nothing"
    data, etag, size_bytes, content_type, _ = seen
    read = md5(data, usedforsecurity=False).hexdigest()
    return f"{size_bytes} bytes, ETag {etag[:8]}, {content_type}, MD5 of what is read {read[:8]}"


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
}
