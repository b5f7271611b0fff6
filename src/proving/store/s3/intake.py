"""Take in a request's body: decode it, hash it, stage what is large, and let nothing through that was not verified."""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from proving.store.s3.checksums import PREFIX, Running, Wanted, decoded, encoded, trailer_names, wanted_checksum
from proving.store.s3.chunked import ChunkedDecoder, SignatureChain
from proving.store.s3.errors import Refused
from proving.store.s3.head import Head
from proving.store.s3.signature import (
    EMPTY_SHA256,
    STREAMING,
    STREAMING_SIGNED,
    STREAMING_SIGNED_TRAILER,
    STREAMING_UNSIGNED_TRAILER,
    UNSIGNED,
    Signature,
)

if TYPE_CHECKING:
    from proving.store import StagedPart

SINGLE_LIMIT_BYTES = 5 << 30
_SHA256 = hashlib.sha256()
_MD5 = hashlib.md5(usedforsecurity=False)


@dataclass(frozen=True, slots=True)
class Checksum:
    """A verified checksum: the algorithm's name and the digest."""

    algorithm: str
    digest: bytes

    @property
    def header(self) -> tuple[str, str]:
        """Return the header that tells it."""
        return f"x-amz-checksum-{self.algorithm}", encoded(self.digest)


class Received(NamedTuple):
    """A whole, verified body.

    Attributes:
        data: what was not staged: all of a small body, the rest of a large one.
        staged: what was staged before it, in order.
        size_bytes: of both together.
        md5: of both together; empty where it was not asked for.
        checksum: the one that the request declared, if any.
    """

    data: bytes = b""
    staged: tuple["StagedPart", ...] = ()
    size_bytes: int = 0
    md5: bytes = b""
    checksum: Checksum | None = None


class Intake:
    """One body on its way in; not thread-safe, one call at a time."""

    def __init__(
        self,
        head: Head,
        signature: Signature,
        limit_bytes: int,
        stage: Callable[[bytes], "StagedPart"] | None = None,
        block_bytes: int = 4 << 20,
    ) -> None:
        """Check what the headers promise.

        Args:
            head: the request's head.
            signature: its verified signature, which says how the body is covered.
            limit_bytes: the most that is taken.
            stage: takes a block of `block_bytes` into the store; None keeps everything in memory. It also asks for
                the MD5 that an object's ETag needs.
            block_bytes: see `stage`.

        Raises:
            Refused: the length is missing or too large, or a checksum header is malformed.
        """
        headers, payload = head.headers, signature.payload
        self._stage = stage
        self._block_bytes = block_bytes
        streams = payload in STREAMING
        self._expected_bytes = _promised_bytes(headers, streams, limit_bytes)
        self._wanted = wanted_checksum(headers)
        self._decoder: ChunkedDecoder | None = None
        if streams or headers.get("x-amz-trailer"):
            self._decoder = _decoder(headers, signature, self._expected_bytes)
        self._md5_wanted = decoded(headers["content-md5"], 16, "content-md5") if "content-md5" in headers else None
        self._sha256_wanted = "" if streams or payload == UNSIGNED else payload
        # Copies of an empty digest: making one anew looks the algorithm up, which takes longer than a small body.
        self._sha256 = _SHA256.copy() if self._sha256_wanted else None
        self._md5 = _MD5.copy() if stage is not None or self._md5_wanted else None
        self._running: Running | None = self._wanted.algorithm.start() if self._wanted else None
        self._held: list[bytes | memoryview] = []
        self._held_bytes = 0
        self._size_bytes = 0
        self.staged: list["StagedPart"] = []

    @property
    def expected_bytes(self) -> int:
        """Return how long the body will be when it is right."""
        return self._expected_bytes

    def take(self, pieces: Sequence[bytes]) -> None:
        """Decode and hash more of the body.

        Raises:
            Refused: it is malformed, its chunk signatures are wrong, or it is longer than promised.
        """
        if self._decoder is None:
            self._held += pieces
            self._held_bytes += sum(map(len, pieces)) if len(pieces) != 1 else len(pieces[0])
        else:
            for piece in pieces:
                for part in self._decoder.feed(piece):
                    self._held.append(part)
                    self._held_bytes += len(part)
        if self._size_bytes + self._held_bytes > self._expected_bytes:
            raise Refused("IncompleteBody", "The body is longer than its length header says.")
        if self._stage is not None and self._held_bytes >= self._block_bytes:
            self.staged.append(self._stage(self._hashed()))

    def finish(self) -> Received:
        """Return the body after checking all that its headers and trailers promise.

        Raises:
            Refused: something does not match.
        """
        data = self._hashed()
        if self._size_bytes != self._expected_bytes or (self._decoder is not None and not self._decoder.is_done):
            raise Refused("IncompleteBody")
        if self._sha256 is not None and not hmac.compare_digest(self._sha256.hexdigest(), self._sha256_wanted):
            raise Refused("XAmzContentSHA256Mismatch")
        md5 = self._md5.digest() if self._md5 is not None else b""
        if self._md5_wanted is not None and md5 != self._md5_wanted:
            raise Refused("BadDigest", "The Content-MD5 you specified did not match what was received.")
        checksum = None if self._wanted is None else self._checked_checksum(self._wanted)
        return Received(data, tuple(self.staged), self._size_bytes, md5, checksum)

    def _hashed(self) -> bytes:
        """Return what is held as one block, after feeding it to the digests."""
        data = b"".join(self._held)
        self._held = []
        self._held_bytes = 0
        self._size_bytes += len(data)
        if self._sha256 is not None:
            self._sha256.update(data)
        if self._md5 is not None:
            self._md5.update(data)
        if self._running is not None:
            self._running.update(data)
        return data

    def _checked_checksum(self, promised: Wanted) -> Checksum:
        assert self._running is not None, "what is wanted is computed"
        algorithm, wanted = promised.algorithm, promised.digest
        if wanted is None:
            assert self._decoder is not None, "only the aws-chunked coding has trailers"
            wanted = decoded(self._decoder.trailers[algorithm.header], algorithm.size_bytes, algorithm.header)
        digest = self._running.digest()
        if digest != wanted:
            raise Refused("BadDigest", f"The {algorithm.name.upper()} you specified did not match what was received.")
        return Checksum(algorithm.name, digest)


def without_checksums(head: Head) -> Head:
    """Return a head whose body has no checksum of its own among the headers."""
    return head._replace(headers={name: head.headers[name] for name in head.headers if not name.startswith(PREFIX)})


def no_body(signature: Signature) -> Received:
    """Return the empty body of a request without one.

    Raises:
        Refused: the signature covers another body.
    """
    if signature.payload not in (EMPTY_SHA256, UNSIGNED):
        raise Refused("IncompleteBody" if signature.payload in STREAMING else "XAmzContentSHA256Mismatch")
    return _NOTHING


_NOTHING = Received()


def _promised_bytes(headers: Mapping[str, str], streams: bool, limit_bytes: int) -> int:
    text = headers.get("x-amz-decoded-content-length" if streams else "content-length")
    if text is None:
        raise Refused("MissingContentLength")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Refused("InvalidArgument", "The length header is no whole number.")
    size_bytes = int(text)
    if size_bytes > limit_bytes:
        raise Refused("EntityTooLarge", details=(("ProposedSize", text), ("MaxSizeAllowed", str(limit_bytes))))
    return size_bytes


def _decoder(headers: Mapping[str, str], signature: Signature, size_bytes: int) -> ChunkedDecoder:
    payload = signature.payload
    names = trailer_names(headers)
    if payload not in STREAMING:
        raise Refused("InvalidRequest", "x-amz-trailer needs a STREAMING-...-TRAILER payload.")
    if payload == STREAMING_SIGNED and names:
        raise Refused("InvalidRequest", f"x-amz-trailer needs {STREAMING_SIGNED_TRAILER}.")
    if payload != STREAMING_SIGNED and not names:
        raise Refused("InvalidRequest", "The x-amz-trailer header is required.")
    chain = None if payload == STREAMING_UNSIGNED_TRAILER else SignatureChain(signature)
    return ChunkedDecoder(size_bytes, chain, names)
