"""Writes of a simulated disk that are not durable yet: what of them a crash leaves, and what a failed sync does."""

import dataclasses
import random
from dataclasses import dataclass, field
from typing import Literal

Survives = Literal["any", "nothing", "everything", "prefix", "subset", "torn"]


@dataclass
class SimWrite:
    """One write that is not durable yet, with what it covered, so that it can be taken back."""

    number: int
    offset: int
    before: bytes
    after: bytes
    size_before: int
    is_stuck: bool = False


@dataclass
class SimFile:
    """What reads see, and the writes since the last sync, oldest first."""

    image: bytearray
    pending: list[SimWrite] = field(default_factory=list)


def after_crash(file: SimFile, sector_bytes: int, mode: Survives, last: int, choice: random.Random) -> bytes:
    """Return what a file holds after the crash; `last` is the write that the power cut tore ("prefix")."""
    if mode == "everything" or not file.pending:
        return bytes(file.image)
    durable = bytearray(file.image)
    for write in reversed(file.pending):
        durable[write.offset : write.offset + len(write.before)] = write.before
    del durable[file.pending[0].size_before :]
    reached = _reached(file.pending, sector_bytes, mode, last, choice)
    for write in file.pending:
        for start, end in _sectors(write, sector_bytes):
            if reached.get(start // sector_bytes, -1) >= write.number:
                if end > len(durable):
                    durable.extend(bytes(end - len(durable)))
                durable[start:end] = write.after[start - write.offset : end - write.offset]
    return bytes(durable)


def _sectors(write: SimWrite, sector_bytes: int) -> list[tuple[int, int]]:
    """Return the (start, end) of a write's part in each sector that it touches, as offsets in the file."""
    end = write.offset + len(write.after)
    first = write.offset // sector_bytes * sector_bytes
    return [(max(at, write.offset), min(at + sector_bytes, end)) for at in range(first, end, sector_bytes)]


def _reached(
    pending: list[SimWrite], sector_bytes: int, mode: Survives, last: int, choice: random.Random
) -> dict[int, int]:
    """Return for each sector the number of the last write whose content it holds; sectors left out hold none."""
    reached: dict[int, int] = {}
    if mode == "nothing":
        return reached
    for write in pending:
        is_kept = choice.random() < 0.5 if mode == "subset" else write.number < last
        for start, _ in _sectors(write, sector_bytes):
            is_torn_in = (mode == "torn" or write.number == last) and choice.random() < 0.5
            if is_kept or is_torn_in:
                reached[start // sector_bytes] = write.number
    return reached


def stuck(pending: list[SimWrite], sector_bytes: int) -> list[SimWrite]:
    """Return the writes, split at sectors, marked as never to become durable by a later sync."""
    return [
        SimWrite(
            write.number,
            start,
            write.before[start - write.offset : end - write.offset],
            write.after[start - write.offset : end - write.offset],
            write.size_before,
            is_stuck=True,
        )
        for write in pending
        for start, end in _sectors(write, sector_bytes)
    ]


def still_stuck(file: SimFile, sector_bytes: int) -> list[SimWrite]:
    """Return what a sync that succeeds leaves behind: stuck sectors that no later write made dirty again."""
    if not file.pending or not any(write.is_stuck for write in file.pending):
        return []
    stuck = [write for write in file.pending if write.is_stuck]
    dirty = {
        start // sector_bytes
        for write in file.pending
        if not write.is_stuck
        for start, _ in _sectors(write, sector_bytes)
    }
    # The size of the file is durable now, whatever the stuck sectors hold.
    return [
        dataclasses.replace(write, size_before=len(file.image))
        for write in stuck
        if write.offset // sector_bytes not in dirty
    ]


def flipped(data: bytes, at: int, bit: int) -> bytes:
    """Return the bytes with one bit turned round."""
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
