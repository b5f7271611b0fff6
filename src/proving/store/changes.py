"""What each kind of change does to the index, decided by the leader of its commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from proving.store import entries, versions
from proving.store.commit import Decide
from proving.store.entries import Entry, Locator, Value
from proving.store.errors import BucketExists, BucketNotEmpty, NoSuchBucket, NoSuchKey, PreconditionFailed
from proving.store.index import View
from proving.store.records import Deletion
from proving.store.versions import Outgrown


class Wish(NamedTuple):
    """What a put wants to be true before, and said of the object after."""

    bucket: str
    key: str
    content_type: str
    metadata: Mapping[str, str]
    if_none_match: bool
    if_match: str | None


@dataclass
class Placing:
    """What a change may take, and what it did in the end.

    Attributes:
        size_bytes: Its room in the batch.
        token: 16 hex digits for a version id; "" where no versions are expected.
        version: The version that was made or removed; None for neither.
        is_delete_marker: Whether that is a delete marker.
    """

    size_bytes: int
    token: str = ""
    version: str | None = None
    is_delete_marker: bool = False


def make_bucket(bucket: str, value: Value) -> Decide:
    """Return the change that makes a bucket; it raises BucketExists."""
    name = entries.bucket_name(bucket)

    def decide(view: View, _place: Locator | None) -> Sequence[Entry]:
        if view.get(name) is not None:
            raise BucketExists(f"the bucket '{bucket}' is there already")
        return [(name, value)]

    return decide


def delete_bucket(bucket: str) -> Decide:
    """Return the change that deletes a bucket; it raises NoSuchBucket or BucketNotEmpty."""

    def decide(view: View, _place: Locator | None) -> Sequence[Entry]:
        require_bucket(view, bucket)
        if view.has_any(entries.objects_name(bucket)) or view.has_any(versions.histories(bucket)):
            raise BucketNotEmpty(f"the bucket '{bucket}' has objects; delete them first")
        return [(entries.bucket_name(bucket), None)]

    return decide


def put_object(wish: Wish, value: Value, placing: Placing) -> Decide:
    """Return the change that puts an object; it raises NoSuchBucket, NoSuchKey, PreconditionFailed or Outgrown."""
    name = entries.object_name(wish.bucket, wish.key)

    def decide(view: View, place: Locator | None) -> Sequence[Entry]:
        require_bucket(view, wish.bucket)
        old = view.get(name) if wish.if_none_match or wish.if_match is not None else None
        if wish.if_none_match and old is not None:
            raise PreconditionFailed(f"'{wish.key}' is there already")
        if wish.if_match is not None:
            _check_match(old, wish.if_match, wish.key)
        placed = value if place is None else entries.with_first_locator(value, place)
        made, placing.version = versions.put(view, wish.bucket, wish.key, placed, placing.token)
        _check_room(made, placing)
        return made

    return decide


def delete_object(bucket: str, wish: Deletion, placing: Placing, now_s: float) -> Decide:
    """Return the change that deletes an object or one version of it; it raises as `put_object`."""
    name = entries.object_name(bucket, wish.key)

    def decide(view: View, _place: Locator | None) -> Sequence[Entry]:
        require_bucket(view, bucket)
        if wish.if_match is not None:
            _check_match(view.get(name), wish.if_match, wish.key)
        if wish.version is None:
            made, facts = versions.delete(view, bucket, wish.key, placing.token, now_s)
        else:
            made, facts = versions.remove(view, bucket, wish.key, wish.version)
        _check_room(made, placing)
        placing.version = None if facts is None else facts.version
        placing.is_delete_marker = facts is not None and facts.is_delete_marker
        return made

    return decide


def keep_versions(bucket: str, versioning: str) -> Decide:
    """Return the change that makes a bucket keep versions, or no more; it raises NoSuchBucket."""
    name = entries.bucket_name(bucket)

    def decide(view: View, _place: Locator | None) -> Sequence[Entry]:
        require_bucket(view, bucket)
        value = view.get(name)
        assert value is not None, "a bucket that was required is there"
        return [(name, entries.bucket_value(entries.bucket_of(name, value).created_s, versioning))]

    return decide


def describe(bucket: str, key: str, version: str | None, updates: Mapping[str, str | None], placing: Placing) -> Decide:
    """Return the change that sets or drops (None) some of an object's metadata; it raises as `put_object`."""

    def decide(view: View, _place: Locator | None) -> Sequence[Entry]:
        require_bucket(view, bucket)
        name = entries.object_name(bucket, key)
        value = view.get(name)
        if version is not None:
            name, value = versions.find(view, bucket, key, version) or (name, None)
        if value is None:
            raise NoSuchKey(f"there is no '{key}' to describe")
        facts = entries.facts_of(value)
        if facts.is_delete_marker:
            raise NoSuchKey(f"that version of '{key}' is a delete marker")
        metadata = {name: text for name, text in {**facts.metadata, **updates}.items() if text is not None}
        made = [(name, entries.object_value(entries.locators_of(value), facts._replace(metadata=metadata)))]
        _check_room(made, placing)
        placing.version = facts.version
        return made

    return decide


def _check_room(made: Sequence[Entry], placing: Placing) -> None:
    needed_bytes = versions.room_bytes(made)
    if needed_bytes > placing.size_bytes:
        raise Outgrown(needed_bytes)


def no_bucket(bucket: str) -> str:
    """Return what is said of a bucket that is not there."""
    return f"there is no bucket '{bucket}'"


def require_bucket(view: View, bucket: str) -> None:
    """Raise NoSuchBucket where there is none."""
    if view.get(entries.bucket_name(bucket)) is None:
        raise NoSuchBucket(no_bucket(bucket))


def _check_match(old: Value | None, etag: str, key: str) -> None:
    if old is None:
        raise NoSuchKey(f"there is no '{key}' to match")
    if entries.facts_of(old).etag != etag:
        raise PreconditionFailed(f"'{key}' is another version than the one asked for")
