"""The aws-chunked coding: any body, any chunks, any split of the bytes; and nothing that is not exactly right."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.store.s3.chunked import ChunkedDecoder, SignatureChain
from proving.store.s3.errors import Refused
from proving.store.s3.signature import Signature, signing_key

# The example "Transferring Payload in Multiple Chunks" of the S3 API reference: 65 KiB of "a" in chunks of 64 KiB.
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
CHUNKS = (
    (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
    (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
    (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
)
TRAILER = "x-amz-checksum-crc32"


def chain() -> SignatureChain:
    key = signing_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524", "us-east-1")
    scope = "20130524/us-east-1/s3/aws4_request"
    return SignatureChain(Signature("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", SEED, "20130524T000000Z", scope, key))


def example() -> bytes:
    return b"".join(b"%x;chunk-signature=%s\r\n%s\r\n" % (size, mark.encode(), b"a" * size) for size, mark in CHUNKS)


def decode(coded: bytes, cuts: list[int], decoder: ChunkedDecoder) -> bytes:
    places = sorted({min(cut, len(coded)) for cut in cuts} | {0, len(coded)})
    pieces = [bytes(p) for a, b in pairwise(places) for p in decoder.feed(coded[a:b])]
    return b"".join(pieces)


def encode(chunks: list[bytes], trailer: str | None) -> bytes:
    coded = b"".join(b"%X\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk)
    return coded + b"0\r\n" + (f"{TRAILER}:{trailer}\r\n".encode() if trailer else b"") + b"\r\n"


bodies = st.lists(st.binary(min_size=1, max_size=40), max_size=6)
cuts = st.lists(st.integers(0, 500), max_size=12)


@given(bodies, cuts)
def test_any_split_gives_the_same_bytes(chunks: list[bytes], cuts: list[int]):
    decoder = ChunkedDecoder(sum(map(len, chunks)), None, frozenset((TRAILER,)))
    assert decode(encode(chunks, "AAAAAA=="), cuts, decoder) == b"".join(chunks)
    assert decoder.is_done
    assert decoder.trailers == {TRAILER: "AAAAAA=="}


def test_one_byte_at_a_time_gives_the_same_bytes():
    coded = encode([b"ab", b"\r\n0\r\n"], "AAAAAA==")
    decoder = ChunkedDecoder(7, None, frozenset((TRAILER,)))
    assert decode(coded, list(range(len(coded))), decoder) == b"ab\r\n0\r\n"
    assert decoder.is_done


@given(st.lists(st.integers(0, 70_000), max_size=5))
def test_the_published_signed_chunks_verify_in_any_split(cuts: list[int]):
    decoder = ChunkedDecoder(66560, chain(), frozenset())
    assert decode(example(), cuts, decoder) == b"a" * 66560
    assert decoder.is_done


@given(st.integers(0, 10_000_000), st.sampled_from(b"0bXY;"))
def test_no_changed_byte_of_signed_chunks_goes_through(at: int, byte: int):
    coded = bytearray(example())
    at %= len(coded)
    if coded[at] == byte or (at < 5 and chr(coded[at]).lower() == chr(byte)):
        return
    coded[at] = byte
    decoder = ChunkedDecoder(66560, chain(), frozenset())
    with pytest.raises(Refused):
        decode_whole(decoder, bytes(coded))


def decode_whole(decoder: ChunkedDecoder, coded: bytes) -> None:
    decoder.feed(coded)
    if not decoder.is_done:
        raise Refused("IncompleteBody")


@given(bodies.filter(bool), st.integers(0, 400))
def test_a_cut_off_body_is_not_done(chunks: list[bytes], at: int):
    coded = encode(chunks, "AAAAAA==")
    decoder = ChunkedDecoder(sum(map(len, chunks)), None, frozenset((TRAILER,)))
    decoder.feed(coded[: min(at, len(coded) - 1)])
    assert not decoder.is_done


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(junk: bytes):
    decoder = ChunkedDecoder(100, None, frozenset())
    try:
        pieces = decoder.feed(junk)
    except Refused:
        return
    assert sum(map(len, pieces)) <= 100


@pytest.mark.parametrize(
    ("coded", "code"),
    [
        (b"5\r\nabc\r\n0\r\n\r\n", "IncompleteBody"),
        (b"2\r\nabc\r\n0\r\n\r\n", "InvalidRequest"),
        (b"3\nabc\n0\n\n", "InvalidRequest"),
        (b"-3\r\nabc\r\n0\r\n\r\n", "InvalidRequest"),
        (b"3;x=y\r\nabc\r\n0\r\n\r\n", "InvalidRequest"),
        (b"fffffffffffffff\r\nabc", "IncompleteBody"),
        (b"3\r\nabc\r\n0\r\n\r\nmore", "IncompleteBody"),
        (b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "MalformedTrailerError"),
        (b"1" * 600, "InvalidRequest"),
    ],
)
def test_malformed_chunks_are_refused_by_name(coded: bytes, code: str):
    decoder = ChunkedDecoder(3, None, frozenset())
    with pytest.raises(Refused) as refused:
        decode_whole(decoder, coded)
    assert refused.value.code == code
