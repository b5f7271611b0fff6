"""What the store gives and takes: settings, buckets, objects, listings, figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

MAX_KEY_BYTES = 1024
# Room in an extent beside one index entry: frame, journal header, and slack.
_OVERHEAD_BYTES = 256


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """How a store lays out its disk.

    Attributes:
        extent_size_bytes: Size of each file; fixed when the store is made, later opens take what the disk says.
        chunk_size_bytes: Larger objects are cut into chunks of this size; at most a quarter of an extent.
        inline_size_bytes: Values up to this size travel with their index entry in one synced write.
        capacity_bytes: Use no more of the disk than this; None: all of it.
        reserve_extents: Extents kept back so that a full store can still delete and reclaim.
        flush_entries: So many changed index entries become a sorted run.
        flush_journal_bytes: So much journal makes a run as well; it bounds what recovery reads.
        block_size_bytes: So much of a run is read at once to look an entry up.
        index_cache_bytes: So much of the runs is kept in memory, as it is written; it takes about four times that.
    """

    extent_size_bytes: int = 16 << 20
    chunk_size_bytes: int = 1 << 20
    inline_size_bytes: int = 64 << 10
    capacity_bytes: int | None = None
    reserve_extents: int = 3
    flush_entries: int = 20_000
    flush_journal_bytes: int = 48 << 20
    block_size_bytes: int = 4096
    index_cache_bytes: int = 16 << 20

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not 4096 <= self.extent_size_bytes <= 1 << 31:
            raise ValueError(f"extent_size_bytes must be 4 KiB to 2 GiB, got {self.extent_size_bytes}")
        if self.chunk_size_bytes < 1 or self.inline_size_bytes < 0:
            raise ValueError("chunk_size_bytes must be at least 1 and inline_size_bytes at least 0")
        if self.reserve_extents < 2:
            raise ValueError(f"reserve_extents must be at least 2, got {self.reserve_extents}")
        if min(self.flush_entries, self.flush_journal_bytes, self.block_size_bytes) < 1 or self.index_cache_bytes < 0:
            raise ValueError("flush_entries, flush_journal_bytes and block_size_bytes must be at least 1")
        smallest = (self.reserve_extents + 2) * self.extent_size_bytes
        if self.capacity_bytes is not None and self.capacity_bytes < smallest:
            raise ValueError(f"capacity_bytes must be at least {smallest} with these extents")


@dataclass(frozen=True, slots=True)
class BucketInfo:
    """A bucket, when it was made (seconds since 1970), and whether it keeps versions.

    `versioning` is "Enabled", "Suspended" once it was, or "" where it never was.
    """

    name: str
    created_s: float
    versioning: str = ""


class ObjectInfo(NamedTuple):
    """What is known of an object without reading it; a named tuple, because every put and get makes one.

    Attributes:
        bucket: The bucket's name.
        key: The object's key.
        size_bytes: Its length.
        etag: MD5 of its bytes in hex, or what the writer gave instead; without quotes.
        modified_s: When it was put, in seconds since 1970.
        content_type: As given.
        metadata: As given.
        version: Which version it is; "" for the only one of its key that may have no id, S3's "null".
        is_delete_marker: Whether it is no object, but says that its key was deleted.
    """

    bucket: str
    key: str
    size_bytes: int
    etag: str
    modified_s: float
    content_type: str = "binary/octet-stream"
    metadata: Mapping[str, str] = MappingProxyType({})
    version: str = ""
    is_delete_marker: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a listing, in the order of the keys' UTF-8 bytes.

    Attributes:
        objects: Those not rolled up.
        common_prefixes: Each stands for all keys that begin with it.
        is_truncated: Whether there is more.
        next_after: What to give as `after` for the next page; "" when there is none.
    """

    objects: tuple[ObjectInfo, ...]
    common_prefixes: tuple[str, ...]
    is_truncated: bool
    next_after: str


@dataclass(frozen=True, slots=True)
class VersionListing:
    """One page of a listing of versions: by key as in `Listing`, and newest first in a key.

    Attributes:
        versions: Each with whether it is its key's newest; delete markers are among them.
        common_prefixes: Each stands for all keys that begin with it.
        is_truncated: Whether there is more.
        next_after: Key or common prefix, and version id, to give as `after` for the next page; the version id is None
            behind a common prefix.
    """

    versions: tuple[tuple[ObjectInfo, bool], ...]
    common_prefixes: tuple[str, ...]
    is_truncated: bool
    next_after: tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Deletion:
    """A wish to delete a key, or one version of it for good.

    Attributes:
        key: Which.
        version: Which version; "" for the null version, None for none in particular.
        if_match: Only if the current object has this ETag.
    """

    key: str
    version: str | None = None
    if_match: str | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion did.

    Attributes:
        version: The version that was removed, or that the new delete marker has; None where neither is so.
        is_delete_marker: Whether that version is a delete marker.
    """

    version: str | None = None
    is_delete_marker: bool = False


@dataclass(frozen=True, slots=True)
class StoreStats:
    """How full a store is.

    Attributes:
        bucket_count: Buckets.
        object_count: Objects, older versions and delete markers included.
        live_bytes: What objects and index runs take on the disk, frames included.
        used_bytes: What is written in extents, garbage included.
        extent_size_bytes: Size of an extent.
        extent_count: Extents in all.
        free_extent_count: Extents that hold nothing.
        run_count: Sorted runs of the index.
        index_bytes: What these take on the disk, frames included.
        journal_bytes: What recovery would have to replay.
        capacity_bytes: What the store may use of the disk; None: all of it.
        reclaimed_extent_count: Extents emptied by moving what was live in them, since the store was opened.
        moved_bytes: Payload of the chunks that were moved for that.
        read_only_reason: Why the store takes no more changes; "" where it does.
    """

    bucket_count: int
    object_count: int
    live_bytes: int
    used_bytes: int
    extent_size_bytes: int
    extent_count: int
    free_extent_count: int
    run_count: int
    index_bytes: int
    journal_bytes: int
    capacity_bytes: int | None
    reclaimed_extent_count: int
    moved_bytes: int
    read_only_reason: str


@dataclass(frozen=True, slots=True)
class ExtentStats:
    """One extent, for a map of them.

    Attributes:
        number: Its place in the map, and in its file's name.
        role: "free", "data" or "journal".
        life: How often it was taken into use.
        used_bytes: What is written in it, garbage included.
        live_bytes: What objects and index runs take of that.
        is_open: Whether more is still written to it.
    """

    number: int
    role: str
    life: int
    used_bytes: int
    live_bytes: int
    is_open: bool


def largest_entry_bytes(extent_size_bytes: int) -> int:
    """Return how long one index entry may be: two of them fit in an extent."""
    return extent_size_bytes // 2 - _OVERHEAD_BYTES
