"""How a server and its store are: one record, for the status page, for Prometheus, and for tests.

Nothing here names a bucket, a key or a user.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from proving.store.s3.tally import Counted, Tally

if TYPE_CHECKING:
    from proving.store import ExtentStats, ScrubReport, Store, StoreStats

_MUCH_TO_REPLAY_BYTES = 512 << 20
_LITTLE_ROOM_SHARE = 0.05


@dataclass(frozen=True)
class Check:
    """One thing that is looked after: whether it is well (None where that is not known yet), and in words."""

    name: str
    is_well: bool | None
    told: str


@dataclass
class Upkeep:
    """What the passes beside the requests did last; written by the server, read for the status.

    Attributes:
        scrubbed_s: when the last scrub ended, in seconds since 1970; None before the first.
        scrub: what it found.
        failure: why the last pass of any kind failed; "" where it did not.
    """

    scrubbed_s: float | None = None
    scrub: "ScrubReport | None" = None
    failure: str = ""


@dataclass(frozen=True)
class Sources:
    """Where the status comes from."""

    store: "Store"
    tally: Tally
    connection_count: Callable[[], int]
    upload_count: Callable[[], int]
    upkeep: Upkeep = field(default_factory=Upkeep)
    started_s: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Status:
    """A server and its store at one moment."""

    now_s: float
    started_s: float
    store: "StoreStats"
    extents: "Sequence[ExtentStats]"
    answered: Sequence[Counted]
    connection_count: int
    upload_count: int
    checks: Sequence[Check]


def status_of(sources: Sources) -> Status:
    """Return how things are now; asks the store, so not on the event loop."""
    stats = sources.store.stats()
    answered = sources.tally.counted()
    now_s = time.time()
    return Status(
        now_s,
        sources.started_s,
        stats,
        sources.store.extents(),
        answered,
        sources.connection_count(),
        sources.upload_count(),
        checks(stats, answered, sources.upkeep, now_s),
    )


def checks(stats: "StoreStats", answered: Sequence[Counted], upkeep: Upkeep, now_s: float) -> list[Check]:
    """Return what is looked after, and how it is."""
    failed = sum(counted.count for counted in answered if counted.status == 500)
    full = sum(counted.count for counted in answered if counted.status == 507)
    return [
        Check("requests", failed == 0, f"{failed:,} failed inside the server since it started"),
        _room(stats, full),
        Check(
            "recovery",
            stats.journal_bytes <= _MUCH_TO_REPLAY_BYTES,
            f"{stats.journal_bytes / 2**20:,.1f} MiB of journal to read after a crash",
        ),
        _damage(upkeep, now_s),
        Check("upkeep", not upkeep.failure, upkeep.failure or "expiring and scrubbing work"),
    ]


def _room(stats: "StoreStats", full: int) -> Check:
    refused = f"; {full:,} puts refused for want of room" if full else ""
    if stats.capacity_bytes is None:
        return Check("room", not full, f"all of the disk may be used{refused}")
    taken = (stats.extent_count - stats.free_extent_count) * stats.extent_size_bytes
    share = 1 - taken / stats.capacity_bytes
    return Check("room", share > _LITTLE_ROOM_SHARE, f"{share:.0%} of the capacity is free{refused}")


def _damage(upkeep: Upkeep, now_s: float) -> Check:
    if upkeep.scrub is None or upkeep.scrubbed_s is None:
        return Check("damage", None, "not scrubbed since the server started")
    found = len(upkeep.scrub.damages)
    hours = (now_s - upkeep.scrubbed_s) / 3600
    told = f"{found:,} damaged" if found else "nothing damaged"
    return Check("damage", not found, f"{told} among {upkeep.scrub.object_count:,} objects, {hours:.1f} h ago")


def as_json(status: Status) -> dict[str, Any]:
    """Return the status as what JSON can hold; the extents as rows, for there may be many."""
    return {
        "now_s": status.now_s,
        "started_s": status.started_s,
        "store": dataclasses.asdict(status.store),
        "extents": [
            [extent.role, extent.life, extent.used_bytes, extent.live_bytes, extent.is_open]
            for extent in status.extents
        ],
        "answered": [counted._asdict() for counted in status.answered],
        "connection_count": status.connection_count,
        "upload_count": status.upload_count,
        "checks": [dataclasses.asdict(check) for check in status.checks],
    }
