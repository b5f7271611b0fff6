"""What each kind of change does to the index, decided by the leader of its commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proving.store import entries
from proving.store.commit import Decide
from proving.store.entries import Entry, Locator, Value
from proving.store.errors import BucketExists, BucketNotEmpty, NoSuchBucket, NoSuchKey, PreconditionFailed
from proving.store.index import View


@dataclass(frozen=True)
class Wish:
    """What a put wants to be true before, and said of the object after."""

    bucket: str
    key: str
    content_type: str
    metadata: Mapping[str, str]
    if_none_match: bool
    if_match: str | None


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
        _require_bucket(view, bucket)
        if view.has_any(entries.objects_name(bucket)):
            raise BucketNotEmpty(f"the bucket '{bucket}' has objects; delete them first")
        return [(entries.bucket_name(bucket), None)]

    return decide


def put_object(wish: Wish, value: Value) -> Decide:
    """Return the change that puts an object; it raises NoSuchBucket, NoSuchKey or PreconditionFailed."""
    name = entries.object_name(wish.bucket, wish.key)

    def decide(view: View, place: Locator | None) -> Sequence[Entry]:
        _require_bucket(view, wish.bucket)
        old = view.get(name) if wish.if_none_match or wish.if_match is not None else None
        if wish.if_none_match and old is not None:
            raise PreconditionFailed(f"'{wish.key}' is there already")
        if wish.if_match is not None:
            _check_match(old, wish.if_match, wish.key)
        return [(name, value if place is None else entries.with_locators(value, [place]))]

    return decide


def delete_object(bucket: str, key: str, if_match: str | None) -> Decide:
    """Return the change that deletes an object; it raises as `put_object`."""
    name = entries.object_name(bucket, key)

    def decide(view: View, _place: Locator | None) -> Sequence[Entry]:
        _require_bucket(view, bucket)
        old = view.get(name)
        if if_match is not None:
            _check_match(old, if_match, key)
        return [] if old is None else [(name, None)]

    return decide


def no_bucket(bucket: str) -> str:
    """Return what is said of a bucket that is not there."""
    return f"there is no bucket '{bucket}'"


def _require_bucket(view: View, bucket: str) -> None:
    if view.get(entries.bucket_name(bucket)) is None:
        raise NoSuchBucket(no_bucket(bucket))


def _check_match(old: Value | None, etag: str, key: str) -> None:
    if old is None:
        raise NoSuchKey(f"there is no '{key}' to match")
    if entries.facts_of(old).etag != etag:
        raise PreconditionFailed(f"'{key}' is another version than the one asked for")
