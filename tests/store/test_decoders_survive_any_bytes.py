"""A decoder gives back what was encoded, or raises its one declared error: for any bytes."""

import contextlib
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.store import Corrupt, NotAStore
from proving.store.chunk import FRAME_BYTES, Kind, crc32c, decode, encode, peek_life
from proving.store.entries import (
    Facts,
    Locator,
    decode_entries,
    encode_entry,
    facts_of,
    locators_of,
    object_value,
    with_locators,
)
from proving.store.journal import batches, holds_later_batch
from proving.store.superblock import Checkpoint, ExtentRecord, Role, Run, State
from proving.store.superblock import decode as decode_superblock
from proving.store.superblock import encode as encode_superblock

WORD = st.integers(0, 2**32 - 1)
LOCATORS = st.lists(st.builds(Locator, WORD, WORD, WORD, WORD), max_size=3)
FACTS = st.builds(
    Facts,
    st.integers(0, 2**60),
    st.text(max_size=5),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=3),
    version=st.just(""),
    order=st.just(0),
    is_delete_marker=st.just(False),
)
STATES = st.builds(
    State,
    sequence=st.integers(0, 2**60),
    store_id=st.binary(min_size=16, max_size=16),
    extent_size_bytes=WORD,
    checkpoint=st.builds(Checkpoint, st.integers(0, 2**60), WORD, st.integers(0, 2**60)),
    entry_count=st.integers(0, 2**60),
    extents=st.lists(st.builds(ExtentRecord, st.sampled_from(Role), WORD, WORD, WORD, WORD), max_size=3).map(tuple),
    runs=st.lists(st.builds(Run, WORD, *[LOCATORS.map(tuple)] * 4), max_size=2).map(tuple),
)


def frame(payload: bytes, kind: Kind = Kind.DATA) -> bytes:
    return b"".join(encode(kind, payload, crc32c(payload), bytes(range(16)), life=3, offset=64))


@given(payload=st.binary(max_size=200), kind=st.sampled_from(Kind), behind=st.binary(max_size=10))
def test_a_frame_comes_back(payload: bytes, kind: Kind, behind: bytes) -> None:
    chunk = decode(frame(payload, kind) + behind, life=3, offset=64)
    assert (chunk.payload, chunk.kind, chunk.size_bytes) == (payload, kind, len(payload) + FRAME_BYTES)


@given(payload=st.binary(max_size=40), data=st.data())
def test_a_changed_frame_is_refused(payload: bytes, data: st.DataObject) -> None:
    whole = bytearray(frame(payload))
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    whole[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Corrupt):
        decode(bytes(whole), life=3, offset=64)


@pytest.mark.parametrize(("life", "offset"), [(2, 64), (4, 64), (3, 0), (3, 65)])
def test_a_frame_of_another_place_is_refused(life: int, offset: int) -> None:
    with pytest.raises(Corrupt):
        decode(frame(b"here"), life, offset)


@given(locators=LOCATORS, facts=FACTS, moved=LOCATORS)
def test_an_entry_comes_back_also_when_its_chunks_move(
    locators: list[Locator], facts: Facts, moved: list[Locator]
) -> None:
    value = object_value(locators, facts)
    assert (locators_of(value), facts_of(value)) == (locators, facts)
    elsewhere = with_locators(value, moved)
    assert (locators_of(elsewhere), facts_of(elsewhere)) == (moved, facts)


@given(entries=st.lists(st.tuples(st.binary(max_size=9), st.none() | st.binary(max_size=9)), max_size=4))
def test_entries_come_back(entries: list[tuple[bytes, bytes | None]]) -> None:
    assert list(decode_entries(b"".join(encode_entry(*entry) for entry in entries))) == entries


@given(state=STATES)
def test_a_superblock_comes_back(state: State) -> None:
    assert decode_superblock(encode_superblock(state)) == state


@given(state=STATES, cut=st.integers(0, 60))
def test_a_torn_superblock_is_refused(state: State, cut: int) -> None:
    with pytest.raises(Corrupt):
        decode_superblock(encode_superblock(state)[: cut - 61])


def test_a_batch_counts_only_with_its_own_chunks_and_in_its_own_life() -> None:
    def batch(uuid_of_value: bytes) -> bytes:
        value = b"".join(encode(Kind.DATA, b"value", crc32c(b"value"), uuid_of_value, life=3, offset=0))
        payload = struct.pack("<QII", 7, crc32c(b"u" * 16), 0) + encode_entry(b"name", b"entry")
        return value + b"".join(encode(Kind.JOURNAL, payload, crc32c(payload), b"j" * 16, life=3, offset=len(value)))

    (found,) = batches(batch(b"u" * 16), 0, 3)
    assert (found.sequence, found.entries, found.end) == (7, ((b"name", b"entry"),), len(batch(b"u" * 16)))
    # After a crash: a value of a later, torn batch in the place of the first one's.
    assert list(batches(batch(b"x" * 16), 0, 3)) == []
    assert list(batches(batch(b"u" * 16), 0, 4)) == []


@given(data=st.binary(max_size=300))
def test_random_bytes_are_refused(data: bytes) -> None:
    for decoder in (
        lambda: decode(data, 0, 0),
        lambda: facts_of(data),
        lambda: locators_of(data),
        lambda: list(decode_entries(data)),
        lambda: decode_superblock(data),
    ):
        with contextlib.suppress(Corrupt, NotAStore):
            decoder()
    assert list(batches(data, 0, 0)) == []
    assert not holds_later_batch(data, 0, 0, 0)
    assert peek_life(data) is None


def test_many_mutated_frames_and_entries_raise_nothing_else() -> None:
    rng = random.Random(5)
    entry = object_value([Locator(1, 2, 3, 4)] * 2, Facts(10, "e" * 32, 1.5, "text/plain", {"a": "b", "c": "ü"}))
    state = State(
        sequence=5,
        store_id=bytes(16),
        extent_size_bytes=8192,
        checkpoint=Checkpoint(1, 2, 3),
        extents=(ExtentRecord(Role.DATA, 1, 2, 3),) * 3,
        runs=(Run(2, *[(Locator(1, 2, 3, 4),)] * 4),),
    )
    whole = (frame(b"payload" * 9), entry, encode_entry(b"name", entry), encode_superblock(state))
    decoders = (lambda data: decode(data, 3, 64), facts_of, lambda data: list(decode_entries(data)), decode_superblock)
    for _ in range(20_000):
        index = rng.randrange(len(whole))
        data = bytearray(whole[index])
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(data))
            how = rng.randrange(4)
            if how == 0:
                data[at] ^= 1 << rng.randrange(8)
            elif how == 1:
                data[at] = rng.choice((0, 1, 255))
            elif how == 2:
                data[at:at] = data[: rng.randrange(8)]
            elif len(data) > 1:
                del data[at : at + rng.randrange(1, 9)]
                data = data or bytearray(1)
        try:
            decoders[index](bytes(data))
        except (Corrupt, NotAStore):
            continue
