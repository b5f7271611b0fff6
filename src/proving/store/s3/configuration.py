"""Where a bucket's settings lie: as objects of a bucket of their own, whose name no client can use.

A setting remembers when its bucket was made, so one that outlived its bucket says nothing of a later namesake.
"""

import contextlib
from typing import TYPE_CHECKING

from proving.store import entries
from proving.store.errors import BucketExists, NoSuchBucket, NoSuchKey
from proving.store.names import SETTINGS_BUCKET

if TYPE_CHECKING:
    from proving.store import Store

# S3 forbids buckets that begin with "xn--", the store itself does not.
RESERVED_PREFIX = "xn--"
_MADE = ":made"
_SETTINGS_NAME = entries.bucket_name(SETTINGS_BUCKET)


def put_setting(store: "Store", bucket: str, name: str, document: bytes) -> None:
    """Keep a bucket's setting; it is durable when this returns.

    Raises:
        proving.store.errors.NoSuchBucket: there is no such bucket.
    """
    made = _made(store, bucket)
    with contextlib.suppress(BucketExists):
        store.create_bucket(SETTINGS_BUCKET)
    store.put(SETTINGS_BUCKET, f"{bucket}/{name}", document, metadata={_MADE: made})


def setting_entry(store: "Store", bucket: str, name: str) -> bytes | None:
    """Return what changes whenever a setting or its bucket does; None where there can be no setting."""
    history = store.history
    # Buckets are kept in memory: where nothing was ever set, this is all that a request pays for it.
    if history.index.get(_SETTINGS_NAME) is None:
        return None
    with history.gate:
        of_setting = history.index.get(entries.object_name(SETTINGS_BUCKET, f"{bucket}/{name}"))
        of_bucket = history.index.get(entries.bucket_name(bucket))
    return None if of_setting is None or of_bucket is None else of_setting + of_bucket


def setting(store: "Store", bucket: str, name: str) -> bytes | None:
    """Return a bucket's setting; None where it has none.

    Raises:
        proving.store.errors.NoSuchBucket: there is no such bucket.
    """
    made = _made(store, bucket)
    try:
        with store.open_object(SETTINGS_BUCKET, f"{bucket}/{name}") as opened:
            return opened.get(0, None) if opened.info.metadata.get(_MADE) == made else None
    except (NoSuchBucket, NoSuchKey):
        return None


def delete_setting(store: "Store", bucket: str, name: str) -> None:
    """Forget a bucket's setting; one that is not there is fine.

    Raises:
        proving.store.errors.NoSuchBucket: there is no such bucket.
    """
    if setting(store, bucket, name) is not None:
        store.delete(SETTINGS_BUCKET, f"{bucket}/{name}")


def _made(store: "Store", bucket: str) -> str:
    for found in store.buckets():
        if found.name == bucket:
            return repr(found.created_s)
    raise NoSuchBucket(f"there is no bucket '{bucket}'")
