"""Take the aws-chunked coding off a body: a state machine that accepts any split of the bytes.

    size in hex [;chunk-signature=64 hex] CRLF  data CRLF   ...repeated; the last chunk has size 0 and no data
    name:value CRLF ...                                     trailers, where x-amz-trailer named some
    CRLF

Source: "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks" of the S3 API
reference. It may sit inside HTTP's own chunked coding; the two layers are decoded apart.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence

from proving.store.s3.errors import Refused
from proving.store.s3.signature import EMPTY_SHA256, Signature, sign

LINE_LIMIT_BYTES = 512
TRAILER_LIMIT_BYTES = 4096
TRAILER_SIGNATURE = "x-amz-trailer-signature"

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})")
_SIGNED_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16});chunk-signature=([0-9a-f]{64})")
_TRAILER_LINE = re.compile(rb"([A-Za-z0-9-]+):[ \t]*([!-~]*)[ \t]*")

# What the next bytes are.
_SIZE, _DATA, _AFTER_DATA, _TRAILER, _DONE = range(5)


class SignatureChain:
    """Checks each chunk's signature, which covers the one before it; the request's own is the first."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._previous = signature.seed

    def check_chunk(self, data_sha256: str, claimed: str) -> None:
        """Check one chunk.

        Raises:
            Refused: the signature does not match.
        """
        self._check("PAYLOAD", f"{EMPTY_SHA256}\n{data_sha256}", claimed)

    def check_trailer(self, lines: bytes, claimed: str) -> None:
        """Check the canonical trailer lines.

        Raises:
            Refused: the signature does not match.
        """
        self._check("TRAILER", hashlib.sha256(lines).hexdigest(), claimed)

    def _check(self, kind: str, covered: str, claimed: str) -> None:
        signature = self._signature
        text = f"AWS4-HMAC-SHA256-{kind}\n{signature.time}\n{signature.scope}\n{self._previous}\n{covered}"
        expected = sign(signature.key, text)
        if not hmac.compare_digest(expected, claimed):
            raise Refused("SignatureDoesNotMatch", f"The signature of a {kind.lower()} chunk does not match.")
        self._previous = expected


class ChunkedDecoder:
    """Decodes one body; `trailers` is filled, by lower-case name, once `is_done`."""

    def __init__(self, size_bytes: int, chain: SignatureChain | None, trailer_names: frozenset[str]) -> None:
        """Expect `size_bytes` decoded bytes, chunks signed along `chain`, and exactly the trailers named."""
        self.trailers: dict[str, str] = {}
        self._chain = chain
        self._trailer_names = trailer_names
        self._left_bytes = size_bytes
        self._state = _SIZE
        self._line = bytearray()
        self._chunk_left_bytes = 0
        self._chunk_hash = hashlib.sha256()
        self._chunk_signature = ""
        self._trailer_bytes = 0
        self._trailer_lines: list[tuple[str, str]] = []

    @property
    def is_done(self) -> bool:
        """Whether the end of the coding was seen and the length was as promised."""
        return self._state == _DONE and self._left_bytes == 0

    def feed(self, data: bytes) -> Sequence[memoryview]:
        """Return the decoded pieces inside `data`, as views of it.

        Raises:
            Refused: the coding is malformed, a signature is wrong, or there is more than the promised length.
        """
        pieces: list[memoryview] = []
        view = memoryview(data)
        at = 0
        while at < len(data):
            if self._state == _DATA:
                end = min(len(data), at + self._chunk_left_bytes)
                pieces.append(self._take(view[at:end]))
                at = end
            elif self._state == _DONE:
                raise Refused("IncompleteBody", "There are bytes after the last chunk.")
            else:
                at = self._fill_line(data, at)
        return pieces

    def _take(self, piece: memoryview) -> memoryview:
        self._chunk_left_bytes -= len(piece)
        if self._chain is not None:
            self._chunk_hash.update(piece)
        if self._chunk_left_bytes == 0:
            self._state = _AFTER_DATA
            self._check_chunk()
        return piece

    def _check_chunk(self) -> None:
        if self._chain is not None:
            self._chain.check_chunk(self._chunk_hash.hexdigest(), self._chunk_signature)
            self._chunk_hash = hashlib.sha256()

    def _fill_line(self, data: bytes, at: int) -> int:
        newline = data.find(b"\n", at, at + LINE_LIMIT_BYTES + 1)
        end = len(data) if newline < 0 else newline + 1
        if len(self._line) + end - at > LINE_LIMIT_BYTES:
            raise Refused("InvalidRequest", "A line of the aws-chunked coding is too long.")
        self._line += data[at:end]
        if newline >= 0:
            if self._line[-2:] != b"\r\n":
                raise Refused("InvalidRequest", "A line of the aws-chunked coding does not end in CR LF.")
            line = bytes(self._line[:-2])
            self._line.clear()
            self._read_line(line)
        return end

    def _read_line(self, line: bytes) -> None:
        if self._state == _SIZE:
            self._start_chunk(line)
        elif self._state == _AFTER_DATA:
            if line:
                raise Refused("InvalidRequest", "A chunk is longer than its size says.")
            self._state = _SIZE
        elif line:
            self._read_trailer(line)
        else:
            self._finish()

    def _start_chunk(self, line: bytes) -> None:
        match = (_SIZE_LINE if self._chain is None else _SIGNED_SIZE_LINE).fullmatch(line)
        if match is None:
            raise Refused("InvalidRequest", "A chunk's size line is malformed.")
        size_bytes = int(match.group(1), 16)
        if size_bytes > self._left_bytes:
            raise Refused("IncompleteBody", "The chunks hold more than x-amz-decoded-content-length says.")
        if self._chain is not None:
            self._chunk_signature = match.group(2).decode()
        self._left_bytes -= size_bytes
        self._chunk_left_bytes = size_bytes
        if size_bytes == 0:
            self._check_chunk()
        self._state = _DATA if size_bytes else _TRAILER

    def _read_trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line)
        match = _TRAILER_LINE.fullmatch(line)
        if match is None or self._trailer_bytes > TRAILER_LIMIT_BYTES:
            raise Refused("MalformedTrailerError")
        self._trailer_lines.append((match.group(1).decode().lower(), match.group(2).decode()))

    def _finish(self) -> None:
        lines = dict(self._trailer_lines)
        if len(lines) != len(self._trailer_lines):
            raise Refused("MalformedTrailerError", "A trailer is given twice.")
        claimed = lines.pop(TRAILER_SIGNATURE, None)
        if lines.keys() != self._trailer_names:
            raise Refused("MalformedTrailerError")
        if self._chain is not None and lines:
            if claimed is None:
                raise Refused("MalformedTrailerError", f"{TRAILER_SIGNATURE} is missing.")
            canonical = "".join(f"{name}:{value}\n" for name, value in sorted(lines.items()))
            self._chain.check_trailer(canonical.encode(), claimed)
        self.trailers = lines
        self._state = _DONE
