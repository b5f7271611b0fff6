"""An object store node that loses nothing in a crash.

`Store.open(Path("folder"))` gives the embedded store: buckets, put, get, list, delete, durable when a call returns.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proving.store.clock import Clock
    from proving.store.disk import Disk, FolderDisk
    from proving.store.errors import (
        BadName,
        BadSize,
        BucketExists,
        BucketNotEmpty,
        Corrupt,
        DiskFailed,
        DiskFull,
        NoSuchBucket,
        NoSuchKey,
        NotAnExport,
        NotAStore,
        NotStaged,
        PreconditionFailed,
        ReadOnly,
        StoreClosed,
        StoreInUse,
        TooLarge,
    )
    from proving.store.export import Exported
    from proving.store.file_disk import FileDisk
    from proving.store.graph import Graph, Node
    from proving.store.history import History
    from proving.store.objects import Store
    from proving.store.reading import OpenObject, Pieces
    from proving.store.records import (
        BucketInfo,
        Deleted,
        Deletion,
        ExtentStats,
        Listing,
        ObjectInfo,
        StoreSettings,
        StoreStats,
        VersionListing,
    )
    from proving.store.scrub import Damage, ScrubReport
    from proving.store.writing import StagedPart

__all__ = [
    "BadName",
    "BadSize",
    "BucketExists",
    "BucketInfo",
    "BucketNotEmpty",
    "Clock",
    "Corrupt",
    "Damage",
    "Deleted",
    "Deletion",
    "Disk",
    "DiskFailed",
    "DiskFull",
    "Exported",
    "ExtentStats",
    "FileDisk",
    "FolderDisk",
    "Graph",
    "History",
    "Listing",
    "NoSuchBucket",
    "NoSuchKey",
    "Node",
    "NotAStore",
    "NotAnExport",
    "NotStaged",
    "ObjectInfo",
    "OpenObject",
    "Pieces",
    "PreconditionFailed",
    "ReadOnly",
    "ScrubReport",
    "StagedPart",
    "Store",
    "StoreClosed",
    "StoreInUse",
    "StoreSettings",
    "StoreStats",
    "TooLarge",
    "VersionListing",
]

_ELSEWHERE = {
    "Clock": "clock",
    **dict.fromkeys(("Disk", "FolderDisk"), "disk"),
    "Exported": "export",
    "FileDisk": "file_disk",
    **dict.fromkeys(("Graph", "Node"), "graph"),
    "History": "history",
    **dict.fromkeys(("Damage", "ScrubReport"), "scrub"),
    "StagedPart": "writing",
    "Store": "objects",
    **dict.fromkeys(("OpenObject", "Pieces"), "reading"),
    **dict.fromkeys(("BucketInfo", "Deleted", "Deletion", "Listing", "ObjectInfo"), "records"),
    **dict.fromkeys(("ExtentStats", "StoreSettings", "StoreStats", "VersionListing"), "records"),
}


def __getattr__(name: str) -> object:
    # Lazy (PEP 562), so that importing the package costs nothing.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_ELSEWHERE.get(name, 'errors')}"), name)
