"""Scrubbing: read every chunk that the index names, and tell which objects can no longer be given out."""

from dataclasses import dataclass

from proving.store import entries, versions
from proving.store.engine import Engine
from proving.store.entries import Name
from proving.store.errors import Corrupt, DiskFailed


@dataclass(frozen=True, slots=True)
class Damage:
    """An object, or a run of the index, that cannot be read.

    Attributes:
        bucket: Its bucket; "" for a run.
        key: Its key; "" for a run.
        version: Its version id; "" for the only or the null version.
        reason: What is wrong and where, in words.
    """

    bucket: str
    key: str
    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class ScrubReport:
    """What a scrub read, and the damage it found.

    Attributes:
        object_count: Objects and older versions that were read.
        chunk_count: Chunks that were read and are as they were written.
        size_bytes: Payload of these.
        damages: What cannot be given out; reading it raises Corrupt or DiskFailed, never other bytes.
    """

    object_count: int
    chunk_count: int
    size_bytes: int
    damages: tuple[Damage, ...]


def scrub(engine: Engine) -> ScrubReport:
    """Read everything once, beside all other work; what is put or moved meanwhile may be read or not."""
    chunk_count, size_bytes, damages = _scrub_runs(engine)
    object_count = 0
    for name in engine.walk((b"o", b"p"), (b"v", b"w")):
        with engine.gate:
            found = engine.index.pinned(name)
            if found is None:
                continue
            value, locators = found
            try:
                object_count += 1
                for locator in locators:
                    engine.extents.read(locator)
                    chunk_count += 1
                    size_bytes += locator.size_bytes
            except (Corrupt, DiskFailed) as error:
                bucket, key = _names_of(name)
                damages.append(Damage(bucket, key, entries.facts_of(value).version, str(error)))
            finally:
                engine.extents.unpin(locator.extent for locator in locators)
    return ScrubReport(object_count, chunk_count, size_bytes, tuple(damages))


def _scrub_runs(engine: Engine) -> tuple[int, int, list[Damage]]:
    """Return how many chunks of the index's runs are as they were written, their payload, and the damage."""
    chunk_count = size_bytes = 0
    damages: list[Damage] = []
    for number, run in enumerate(engine.superblock.state.runs):
        for locator in run.locators:
            with engine.gate:
                # Pinned before the look, so that what is still listed then stays as it is.
                engine.extents.pin((locator.extent,))
                try:
                    if not any(locator in each.locators for each in engine.superblock.state.runs):
                        continue
                    engine.extents.read(locator)
                    chunk_count += 1
                    size_bytes += locator.size_bytes
                except (Corrupt, DiskFailed) as error:
                    damages.append(Damage("", "", "", f"run {number} of the index: {error}"))
                finally:
                    engine.extents.unpin((locator.extent,))
    return chunk_count, size_bytes, damages


def _names_of(name: Name) -> tuple[str, str]:
    """Return the bucket and the key that an entry's name is for."""
    bucket, _, key = name[1:].partition(b"\0")
    if name.startswith(b"v"):
        key = versions.key_of(name, bucket.decode())
    return bucket.decode(), key.decode()
