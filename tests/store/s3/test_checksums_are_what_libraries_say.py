"""Running checksums, joined checksums and CRC-64/NVME against their definitions."""

import base64
import hashlib
import zlib

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.store.s3 import crc
from proving.store.s3.checksums import ALGORITHMS, composite, encoded, full_object, wanted_checksum
from proving.store.s3.errors import Refused

KNOWN = {
    "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "crc32c": lambda data: google_crc32c.value(data).to_bytes(4, "big"),
    "crc64nvme": lambda data: bit_by_bit(data).to_bytes(8, "big"),
    "sha1": lambda data: hashlib.sha1(data).digest(),
    "sha256": lambda data: hashlib.sha256(data).digest(),
    "sha512": lambda data: hashlib.sha512(data).digest(),
    "md5": lambda data: hashlib.md5(data).digest(),
}


def bit_by_bit(data: bytes) -> int:
    """CRC-64/NVME as its definition says, one bit at a time."""
    register = (1 << 64) - 1
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x9A6C9329AC4BC9B5 if register & 1 else 0)
    return register ^ ((1 << 64) - 1)


def test_crc64nvme_has_its_published_check_value():
    assert crc.crc64nvme(b"123456789") == 0xAE8B14860A799888


@pytest.mark.parametrize("size", [0, 1, 2047, 2048, 2049, 2304, 4096, 5000, 8191, 33_333])
def test_crc64nvme_is_the_same_at_every_size(size: int):
    data = bytes((index * 131 + (index >> 7)) % 256 for index in range(size))
    assert crc.crc64nvme(data) == bit_by_bit(data)


@pytest.mark.parametrize("name", ALGORITHMS)
@given(parts=st.lists(st.binary(max_size=64), max_size=5))
def test_a_running_checksum_is_that_of_the_whole(name: str, parts: list[bytes]):
    running = ALGORITHMS[name].start()
    for part in parts:
        running.update(part)
    assert running.digest() == KNOWN[name](b"".join(parts))


@pytest.mark.parametrize("name", ["crc32", "crc32c", "crc64nvme"])
@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_joined_crcs_of_parts_are_that_of_the_whole(name: str, parts: list[bytes]):
    joined = full_object(ALGORITHMS[name], [(KNOWN[name](part), len(part)) for part in parts])
    assert joined == encoded(KNOWN[name](b"".join(parts)))


def test_a_composite_covers_the_parts_digests():
    digests = [hashlib.sha256(part).digest() for part in (b"a", b"b")]
    expected = base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
    assert composite(ALGORITHMS["sha256"], digests) == f"{expected}-2"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha1": "x"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": "AAAA"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": "no base64"}, "InvalidRequest"),
        ({"x-amz-checksum-xxhash3": "AAAA"}, "NotImplemented"),
        ({"x-amz-checksum-crc99": "AAAA"}, "InvalidRequest"),
        ({"x-amz-trailer": "x-amz-meta-a"}, "InvalidRequest"),
    ],
)
def test_a_checksum_that_cannot_be_checked_is_refused(headers: dict[str, str], code: str):
    with pytest.raises(Refused) as refused:
        wanted_checksum(headers)
    assert refused.value.code == code
