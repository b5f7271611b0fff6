"""What a caller of the store may handle.

proving.Error
├── NoSuchBucket(KeyError)        no bucket of that name
├── NoSuchKey(KeyError)           no object under that key
├── BucketExists(ValueError)      the bucket is there already
├── BucketNotEmpty(ValueError)    a bucket with objects cannot be deleted
├── BadName(ValueError)           a bucket's name or a key is not allowed
├── BadSize(ValueError)           a disk cannot be so large
├── PreconditionFailed(ValueError)  `if_match` or `if_none_match` does not hold
├── TooLarge(ValueError)          the object needs more index than an extent holds
├── NotStaged(ValueError)         a staged part was used, discarded, or belongs to another store
├── StoreClosed(ValueError)       the store was closed
├── DiskFull(OSError)             no room; what is there stays readable
├── DiskFailed(OSError)           the disk refused a write: whether the change survives a restart is not known
│   └── ReadOnly                  it refused again and again: the store takes no more changes until it is opened anew
├── StoreInUse(OSError)           another process has the store open
├── Corrupt(ValueError)           bytes on the disk are not those that were written
├── NotAStore(ValueError)         the folder holds something else, or a store of another version
└── NotAnExport(ValueError)       what was to be imported is no export, or not a whole one
"""

from proving.errors import Error


class NoSuchBucket(Error, KeyError):
    """No bucket of that name."""

    def __str__(self) -> str:  # pyrefly: ignore[missing-override-decorator]  typing has it from 3.12 on
        # KeyError would put quotes around the message.
        return Exception.__str__(self)


class NoSuchKey(Error, KeyError):
    """No object under that key."""

    def __str__(self) -> str:  # pyrefly: ignore[missing-override-decorator]  typing has it from 3.12 on
        return Exception.__str__(self)


class BucketExists(Error, ValueError):
    """The bucket is there already."""


class BucketNotEmpty(Error, ValueError):
    """A bucket with objects cannot be deleted."""


class BadName(Error, ValueError):
    """A bucket's name or a key is not allowed."""


class BadSize(Error, ValueError):
    """A disk in one file cannot be so large, or is there with another size."""


class PreconditionFailed(Error, ValueError):
    """The object is not as `if_match` or `if_none_match` wants it."""


class TooLarge(Error, ValueError):
    """The object has so many chunks or so much metadata that its index entry does not fit."""


class NotStaged(Error, ValueError):
    """A staged part was used already, discarded, or belongs to another store."""


class StoreClosed(Error, ValueError):
    """The store was closed."""


class DiskFull(Error, OSError):
    """There is no room for more; what is there stays readable, and deleting makes room."""


class DiskFailed(Error, OSError):
    """The disk refused a write; the change is not visible, but may be there after a restart."""


class ReadOnly(DiskFailed):
    """The disk refused so often that the store takes no more changes; what it holds can be read."""


class StoreInUse(Error, OSError):
    """Another process has the store open."""


class Corrupt(Error, ValueError):
    """Bytes on the disk are not those that were written; they are never given out."""


class NotAStore(Error, ValueError):
    """The folder holds something else than a store, or one of another format version."""


class NotAnExport(Error, ValueError):
    """What was to be imported is no export of a store, or not a whole one."""
