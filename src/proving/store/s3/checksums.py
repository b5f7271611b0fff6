"""The checksums that S3 clients send and ask for: running digests, their Base64 form, and joining those of parts."""

import base64
import binascii
import functools
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import google_crc32c

from proving.store.s3 import crc
from proving.store.s3.errors import Refused

PREFIX = "x-amz-checksum-"
COMPOSITE = "COMPOSITE"
FULL_OBJECT = "FULL_OBJECT"
_NONE: frozenset[str] = frozenset()
# In today's service, but not here; each is refused by name.
_NOT_YET = frozenset(("xxhash64", "xxhash3", "xxhash128"))
# Headers that begin like a checksum and are none.
_NO_CHECKSUM = frozenset(("x-amz-checksum-mode", "x-amz-checksum-algorithm", "x-amz-checksum-type"))


class Running(Protocol):
    """A digest that is fed piece by piece, as in `hashlib`."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Feed the next piece."""
        ...

    def digest(self) -> bytes:
        """Return the digest of all pieces, big-endian."""
        ...


class _RunningCrc:
    """A CRC in the shape of a `hashlib` digest."""

    def __init__(self, step: Callable[[bytes, int], int], size_bytes: int) -> None:
        self._step = step
        self._size_bytes = size_bytes
        self._value = 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._value = self._step(bytes(data), self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size_bytes, "big")


@dataclass(frozen=True)
class Algorithm:
    """One checksum algorithm.

    Attributes:
        name: S3's name in lower case, such as "crc32c".
        start: makes a running digest.
        size_bytes: the digest's size.
        polynomial: of a CRC, whose parts can be joined; None for hashes.
        multipart_types: what multipart uploads may ask for, the default first.
    """

    name: str
    start: Callable[[], Running]
    size_bytes: int
    polynomial: crc.Polynomial | None
    multipart_types: tuple[str, ...]

    @property
    def header(self) -> str:
        """Return the header that carries the value."""
        return PREFIX + self.name


def _crc32c_step(data: bytes, before: int) -> int:
    return google_crc32c.extend(before, data)


ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("crc32", lambda: _RunningCrc(zlib.crc32, 4), 4, crc.CRC32, (COMPOSITE, FULL_OBJECT)),
        Algorithm("crc32c", lambda: _RunningCrc(_crc32c_step, 4), 4, crc.CRC32C, (COMPOSITE, FULL_OBJECT)),
        Algorithm("crc64nvme", lambda: _RunningCrc(crc.crc64nvme, 8), 8, crc.CRC64NVME, (FULL_OBJECT,)),
        Algorithm("sha1", lambda: hashlib.sha1(usedforsecurity=False), 20, None, (COMPOSITE,)),
        Algorithm("sha256", hashlib.sha256, 32, None, (COMPOSITE,)),
        Algorithm("sha512", hashlib.sha512, 64, None, (COMPOSITE,)),
        Algorithm("md5", lambda: hashlib.md5(usedforsecurity=False), 16, None, (COMPOSITE,)),
    )
}


@dataclass(frozen=True)
class Wanted:
    """The one checksum that a request declares: its value is in the headers, or will be in the trailer."""

    algorithm: Algorithm
    digest: bytes | None


def wanted_checksum(headers: Mapping[str, str]) -> Wanted | None:
    """Return the checksum that the request's body must have, or None where it declares none.

    Raises:
        Refused: more than one, an unknown one, or a malformed value.
    """
    found = _checksum_names(tuple(headers))
    trailing = trailer_names(headers) if "x-amz-trailer" in headers else _NONE
    if not found and not trailing:
        return None
    if len(found) + len(trailing) > 1:
        raise Refused("InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum types given.")
    for name in found:
        algorithm = algorithm_named(name.removeprefix(PREFIX))
        return Wanted(algorithm, decoded(headers[name], algorithm.size_bytes, name))
    (name,) = trailing
    return Wanted(algorithm_named(name.removeprefix(PREFIX)), None)


def declared_names(headers: Mapping[str, str]) -> list[str]:
    """Return the algorithms whose values the headers tell."""
    return [name.removeprefix(PREFIX) for name in _checksum_names(tuple(headers))]


@functools.lru_cache(maxsize=256)
def _checksum_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name.startswith(PREFIX) and name not in _NO_CHECKSUM)


def trailer_names(headers: Mapping[str, str]) -> frozenset[str]:
    """Return the trailers that x-amz-trailer announces, in lower case.

    Raises:
        Refused: one of them is no checksum.
    """
    if "x-amz-trailer" not in headers:
        return _NONE
    names = frozenset(name.strip().lower() for name in headers["x-amz-trailer"].split(",") if name.strip())
    if any(not name.startswith(PREFIX) for name in names):
        raise Refused("InvalidRequest", "x-amz-trailer may only announce x-amz-checksum- trailers.")
    return names


def algorithm_named(name: str) -> Algorithm:
    """Return the algorithm that S3 calls `name`, in any case.

    Raises:
        Refused: it is not known, or known and not implemented.
    """
    algorithm = ALGORITHMS.get(name.lower())
    if algorithm is not None:
        return algorithm
    if name.lower() in _NOT_YET:
        raise Refused("NotImplemented", f"The checksum algorithm {name.upper()} is not implemented.")
    raise Refused("InvalidRequest", f"The checksum algorithm {name} is not known; known: {', '.join(ALGORITHMS)}.")


def decoded(text: str, size_bytes: int, where: str) -> bytes:
    """Return the digest that `text` gives in Base64.

    Raises:
        Refused: no Base64, or not of `size_bytes`.
    """
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != size_bytes:
        code = "InvalidDigest" if where == "content-md5" else "InvalidRequest"
        raise Refused(code, f"Value for {where} is not valid.")
    return digest


def encoded(digest: bytes) -> str:
    """Return `digest` in Base64."""
    return base64.b64encode(digest).decode()


def composite(algorithm: Algorithm, digests: Sequence[bytes]) -> str:
    """Return the checksum of the parts' digests, `base64-N`."""
    running = algorithm.start()
    running.update(b"".join(digests))
    return f"{encoded(running.digest())}-{len(digests)}"


def full_object(algorithm: Algorithm, parts: Sequence[tuple[bytes, int]]) -> str:
    """Return the checksum of the whole from each part's digest and size, without reading the data again."""
    assert algorithm.polynomial is not None, "only CRCs of parts can be joined"
    value = 0
    for digest, size_bytes in parts:
        value = crc.combine(algorithm.polynomial, value, int.from_bytes(digest, "big"), size_bytes)
    return encoded(value.to_bytes(algorithm.size_bytes, "big"))
