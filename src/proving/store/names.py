"""Which bucket names and keys are allowed."""

import re

from proving.store.errors import BadName
from proving.store.records import MAX_KEY_BYTES

SETTINGS_BUCKET = "xn--proving-settings"
"""Where the S3 server keeps what buckets are set to; no client can name it, and no list of buckets shows it."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")


def check_bucket(bucket: str) -> None:
    """Refuse a name that S3 would refuse.

    Raises:
        BadName: with the rule.
    """
    if not _BUCKET.fullmatch(bucket) or ".." in bucket or _ADDRESS.fullmatch(bucket):
        raise BadName(
            f"{bucket!r} is no bucket name: 3 to 63 lower-case letters, digits, dots and hyphens, and no IP address"
        )


def check_key(key: str) -> None:
    """Refuse a key that cannot be kept.

    Raises:
        BadName: it is empty, too long, or no text.
    """
    try:
        size_bytes = len(key.encode())
    except UnicodeEncodeError as error:
        raise BadName(f"the key {key!r} cannot be written as UTF-8") from error
    if not 1 <= size_bytes <= MAX_KEY_BYTES:
        raise BadName(f"a key must have 1 to {MAX_KEY_BYTES} bytes as UTF-8, this one has {size_bytes}")
