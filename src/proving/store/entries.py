"""Index entries as bytes: what names them, what they hold, and how many of them are written together.

An entry's name is one byte for its sort, then the bucket, then for objects a zero byte and the key, so names sort as
the listing wants them. Its value begins with the locators of its chunks:

    count 4 | (extent 4, offset 4, size 4, CRC32C 4) x count | the rest, by sort

for an object: size 8, time 8 (float), and lengths 2+2+2 of ETag, content type, and number of metadata pairs;
then these texts, each metadata text preceded by its length 4; then, of what was put while the bucket kept versions:
order 8, is-a-delete-marker 1, version id. For a bucket: time 8 (float), then 1 byte if it keeps versions: 1 yes, 2 no
more.
"""

import itertools
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from proving.store.chunk import FRAME_BYTES
from proving.store.errors import Corrupt
from proving.store.records import BucketInfo, ObjectInfo

Name: TypeAlias = bytes
Value: TypeAlias = bytes
Entry: TypeAlias = tuple[Name, Value | None]
"""A changed name and its new value; None where it is no more."""

_COUNT = struct.Struct("<I")
_LOCATOR = struct.Struct("<IIII")
_OBJECT = struct.Struct("<QdHHH")
_TIME = struct.Struct("<d")
_VERSION = struct.Struct("<QB")
_VERSIONING = ("", "Enabled", "Suspended")
VERSION_BYTES = _VERSION.size + 32
_PAIR = struct.Struct("<HI")
LOCATOR_BYTES = _LOCATOR.size
PAIR_BYTES = _PAIR.size
_NONE, _ONE = _COUNT.pack(0), _COUNT.pack(1)
_GONE = 0xFFFFFFFF
_GONE_BYTES = _COUNT.pack(_GONE)
_BUCKET, _KEY = b"b", b"o"


class Locator(NamedTuple):
    """Where a chunk lies: extent number, offset of its frame, size and CRC32C of its payload."""

    extent: int
    offset: int
    size_bytes: int
    crc: int

    @property
    def frame_bytes(self) -> int:
        """Return the size of the whole frame."""
        return self.size_bytes + FRAME_BYTES


class Facts(NamedTuple):
    """What an object's entry says beside its chunks; a named tuple, because every put and get makes one."""

    size_bytes: int
    etag: str
    modified_s: float
    content_type: str
    metadata: Mapping[str, str]
    version: str = ""
    order: int = 0
    is_delete_marker: bool = False

    def info(self, bucket: str, key: str) -> ObjectInfo:
        """Return it with its names."""
        return ObjectInfo(
            bucket,
            key,
            self.size_bytes,
            self.etag,
            self.modified_s,
            self.content_type,
            dict(self.metadata),
            self.version,
            self.is_delete_marker,
        )


@lru_cache(maxsize=256)
def bucket_name(bucket: str) -> Name:
    """Return the entry name of a bucket."""
    return _BUCKET + bucket.encode()


def bucket_of(name: Name, value: Value) -> BucketInfo:
    """Return the bucket that an entry is for."""
    return BucketInfo(name[1:].decode(), _TIME.unpack_from(value, _COUNT.size)[0], versioning_of(value))


def versioning_of(value: Value) -> str:
    """Return whether a bucket's entry says that it keeps versions, as in `BucketInfo`; every put asks this.

    Raises:
        Corrupt: it says something else.
    """
    end = _COUNT.size + _TIME.size
    state = value[end] if len(value) > end else 0
    if state >= len(_VERSIONING):
        raise Corrupt("a bucket's entry says something unknown of versions")
    return _VERSIONING[state]


def bucket_value(created_s: float, versioning: str = "") -> Value:
    """Return the entry of a bucket."""
    state = bytes((_VERSIONING.index(versioning),)) if versioning else b""
    return _COUNT.pack(0) + _TIME.pack(created_s) + state


# Each step of a put and of a get asks for the same name again.
@lru_cache(maxsize=1024)
def object_name(bucket: str, key: str) -> Name:
    """Return the entry name of an object."""
    return b"".join((_KEY, bucket.encode(), b"\0", key.encode()))


def objects_name(bucket: str) -> Name:
    """Return what the entry names of all objects in a bucket begin with."""
    return b"".join((_KEY, bucket.encode(), b"\0"))


def object_value(locators: Sequence[Locator], facts: Facts) -> Value:
    """Return the entry of an object."""
    etag, content_type = facts.etag.encode(), facts.content_type.encode()
    if len(content_type) > 0xFFFF or len(etag) > 0xFFFF or len(facts.metadata) > 0xFFFF:
        raise ValueError("content type, ETag and number of metadata entries must stay below 65,536")
    texts = [etag, content_type]
    if facts.metadata:
        for text in itertools.chain.from_iterable(facts.metadata.items()):
            encoded = text.encode()
            texts += (_COUNT.pack(len(encoded)), encoded)
    fixed = _OBJECT.pack(facts.size_bytes, facts.modified_s, len(etag), len(content_type), len(facts.metadata))
    value = b"".join((packed(locators), fixed, *texts))
    if not facts.order:
        return value
    return with_version(value, facts.order, facts.version, is_delete_marker=facts.is_delete_marker)


def with_version(value: Value, order: int, version: str, *, is_delete_marker: bool = False) -> Value:
    """Return an object's entry that said nothing of versions, and now tells which one it is."""
    return b"".join((value, _VERSION.pack(order, is_delete_marker), version.encode()))


def facts_of(value: Value) -> Facts:
    """Return what an object's entry says.

    Raises:
        Corrupt: the entry is no object's.
    """
    try:
        at = _COUNT.size + _COUNT.unpack_from(value)[0] * _LOCATOR.size
        size_bytes, modified_s, etag_size, type_size, pair_count = _OBJECT.unpack_from(value, at)
        at += _OBJECT.size
        etag = value[at : at + etag_size].decode()
        at += etag_size
        content_type = value[at : at + type_size].decode()
        at += type_size
        texts = []
        for _ in range(2 * pair_count):
            (size,) = _COUNT.unpack_from(value, at)
            at += _COUNT.size
            texts.append(value[at : at + size].decode())
            at += size
        order, is_delete_marker, version = 0, 0, ""
        if at != len(value):
            order, is_delete_marker = _VERSION.unpack_from(value, at)
            version = value[at + _VERSION.size :].decode()
            if is_delete_marker > 1 or len(version) not in (0, 32):
                raise Corrupt("an index entry has another length than it says")
    except (struct.error, UnicodeDecodeError) as error:
        raise Corrupt(f"an index entry cannot be read: {error}") from error
    metadata = dict(zip(texts[::2], texts[1::2], strict=True))
    return Facts(size_bytes, etag, modified_s, content_type, metadata, version, order, bool(is_delete_marker))


def locators_of(value: Value) -> list[Locator]:
    """Return the chunks of an entry, in order.

    Raises:
        Corrupt: the entry is cut off.
    """
    try:
        (count,) = _COUNT.unpack_from(value)
        end = _COUNT.size + count * _LOCATOR.size
        if end > len(value):
            raise Corrupt("an index entry is cut off")
        if count == 1:
            return [Locator._make(_LOCATOR.unpack_from(value, _COUNT.size))]
        return [Locator._make(row) for row in _LOCATOR.iter_unpack(value[_COUNT.size : end])]
    except struct.error as error:
        raise Corrupt(f"an index entry cannot be read: {error}") from error


def with_first_locator(value: Value, locator: Locator) -> Value:
    """Return an object's entry that named no chunk, and now names one; every small put asks for that."""
    return _ONE + _LOCATOR.pack(*locator) + value[_COUNT.size :]


def with_locators(value: Value, locators: Sequence[Locator]) -> Value:
    """Return the same entry for chunks that lie elsewhere."""
    rest = _COUNT.size + _COUNT.unpack_from(value)[0] * _LOCATOR.size
    return packed(locators) + value[rest:]


def encode_entry(name: Name, value: Value | None) -> bytes:
    """Return one entry as it is written."""
    if value is None:
        return _PAIR.pack(len(name), _GONE) + name
    return b"".join((_PAIR.pack(len(name), len(value)), name, value))


def decode_entries(data: bytes, at: int = 0) -> Iterator[Entry]:
    """Give the entries written one behind the other.

    Raises:
        Corrupt: the last one is cut off.
    """
    while at < len(data):
        if at + _PAIR.size > len(data):
            raise Corrupt("a list of index entries is cut off")
        name_size, value_size = _PAIR.unpack_from(data, at)
        at += _PAIR.size
        name = data[at : at + name_size]
        at += name_size
        is_gone = value_size == _GONE
        end = at if is_gone else at + value_size
        if end > len(data):
            raise Corrupt("a list of index entries is cut off")
        yield name, None if is_gone else data[at:end]
        at = end


def raw_entries(data: bytes) -> Iterator[tuple[Name, bytes]]:
    """Give each entry's name, and the entry as it is written.

    Raises:
        Corrupt: the last one is cut off.
    """
    at, total = 0, len(data)
    try:
        while at < total:
            name_size, value_size = _PAIR.unpack_from(data, at)
            start = at + _PAIR.size
            middle = start + name_size
            end = middle if value_size == _GONE else middle + value_size
            if end > total:
                raise Corrupt("a list of index entries is cut off")
            yield data[start:middle], data[at:end]
            at = end
    except struct.error as error:
        raise Corrupt(f"a list of index entries cannot be read: {error}") from error


def is_gone(raw: bytes) -> bool:
    """Return whether an entry, as it is written, says that its name is no more."""
    return raw[2:6] == _GONE_BYTES


def extents_of(raw: bytes, name_size: int) -> tuple[int, ...]:
    """Return the extents of the chunks of an entry as it is written.

    Raises:
        Corrupt: the entry is cut off.
    """
    at = _PAIR.size + name_size
    if at == len(raw):
        return ()
    try:
        (count,) = _COUNT.unpack_from(raw, at)
        at += _COUNT.size
        if count == 1:
            return _COUNT.unpack_from(raw, at)
        return tuple(_COUNT.unpack_from(raw, at + index * _LOCATOR.size)[0] for index in range(count))
    except struct.error as error:
        raise Corrupt(f"an index entry cannot be read: {error}") from error


def packed(locators: Sequence[Locator]) -> bytes:
    """Return locators as they are written: their number, then each."""
    if not locators:
        return _NONE
    return b"".join((_COUNT.pack(len(locators)), *(_LOCATOR.pack(*locator) for locator in locators)))
