"""Check AWS Signature Version 4 of a request: in the Authorization header or in the query (presigned).

An address that was presigned with version 2 is handed on to `signature_v2`.

Pure functions of the request, the key pair and the time. Source: the public Signature Version 4 pages of the S3 API
reference ("Authenticating Requests"). The path is encoded once and never normalised: `//`, `.` and `..` are parts of
keys. Any region is accepted, because a node has none.
"""

import calendar
import functools
import hashlib
import hmac
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote, unquote

from proving.store.s3.credentials import Secrets
from proving.store.s3.errors import Refused
from proving.store.s3.head import Head
from proving.store.s3.signature_v2 import check_query

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
STREAMING_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
STREAMING_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
STREAMING = frozenset((STREAMING_SIGNED, STREAMING_SIGNED_TRAILER, STREAMING_UNSIGNED_TRAILER))

SKEW_LIMIT_S = 15 * 60
EXPIRY_LIMIT_S = 7 * 24 * 3600

_SHA256 = hashlib.sha256()
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/_.~-]*")
_TIME = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_HEX_64 = re.compile(r"[0-9a-f]{64}")
_SIGNING = frozenset(("X-Amz-Signature", "X-Amz-Algorithm", "X-Amz-Credential", "AWSAccessKeyId", "Signature"))
_PRESIGNED_FIELDS = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders")

_OTHER_DATE = "The credential's date is not the date of the request."

Pairs = Sequence[tuple[str, str]]


class Signature(NamedTuple):
    """A request's verified signature: what the body and its chunks are checked against.

    Attributes:
        payload: 64 hex digits, `UNSIGNED-PAYLOAD` or one of `STREAMING`.
        seed: the request's own signature, the first link of the chain of chunk signatures.
        time: such as 20261121T120000Z.
        scope: date/region/s3/aws4_request.
        key: the derived signing key.
        access_key: whose it is.
        is_presigned: whether it came in the query.
    """

    payload: str
    seed: str
    time: str
    scope: str
    key: bytes
    access_key: str = ""
    is_presigned: bool = False

    def __repr__(self) -> str:
        # The key would be good for a day.
        return f"Signature({self.payload!r}, {self.time!r}, {self.scope!r}, access_key={self.access_key!r})"


class _Terms(NamedTuple):
    """What an Authorization header says beside the signature: the same from request to request.

    Attributes:
        access_key: whose it is.
        scope: date/region/s3/aws4_request.
        date: of the scope.
        region: of the scope.
        names: the signed headers, in the order told.
        pick: gives the values of these headers; raises KeyError where one is not there.
        form: makes their part of the canonical request of these values.
    """

    access_key: str
    scope: str
    date: str
    region: str
    names: tuple[str, ...]
    pick: Callable[[Mapping[str, str]], Any]
    form: str


_Claim: TypeAlias = tuple[_Terms, str, str, str]
"""What the request says about its own signature, not yet believed: terms, signature, time and payload."""


def verify(head: Head, query: Pairs, secrets: Secrets, now_s: float) -> Signature:
    """Return the signature of `head` after checking it; `query` is its decoded query in any order.

    Raises:
        Refused: unsigned, malformed, expired, of an unknown key or not matching.
    """
    headers = head.headers
    signed_query = query
    is_presigned = bool(query) and any(name == "X-Amz-Signature" for name, _ in query)
    if "authorization" in headers:
        if is_presigned:
            raise Refused("InvalidArgument", "Only one way of authentication is allowed: header or query.")
        terms, signature, time, payload = _claim_in_header(headers, now_s)
    elif is_presigned:
        terms, signature, time, payload = _claim_in_query(query, headers, now_s)
        signed_query = [pair for pair in query if pair[0] != "X-Amz-Signature"]
    elif any(name == "AWSAccessKeyId" for name, _ in query):
        access_key = check_query(head, query, secrets, now_s)
        return Signature(UNSIGNED, "", "", "", b"", access_key, is_presigned=True)
    else:
        raise Refused("AccessDenied", "Anonymous access is not allowed: the request is not signed.")
    secret = secrets.secret_of(terms.access_key)
    if secret is None:
        raise Refused("InvalidAccessKeyId", details=(("AWSAccessKeyId", terms.access_key),))
    unsigned = _not_signed(terms.names, tuple(headers))
    if unsigned:
        raise Refused("AccessDenied", *unsigned)
    key = signing_key(secret, terms.date, terms.region)
    expected = sign(key, string_to_sign(time, terms.scope, _canonical_request(head, signed_query, terms, payload)))
    if not signature.isascii() or not hmac.compare_digest(expected, signature):
        raise Refused("SignatureDoesNotMatch", details=(("AWSAccessKeyId", terms.access_key),))
    return Signature(payload, signature, time, terms.scope, key, terms.access_key, is_presigned)


def is_anonymous(head: Head, query: Pairs) -> bool:
    """Return whether a request does not even claim to be signed."""
    return "authorization" not in head.headers and not any(name in _SIGNING for name, _ in query)


def unsigned(head: Head) -> Signature:
    """Return what the body of a request that nobody signed is checked against: what it says of itself.

    Raises:
        Refused: it says that its chunks are signed, or something unknown.
    """
    payload = _known_payload(head.headers.get("x-amz-content-sha256", UNSIGNED))
    if payload in STREAMING and payload != STREAMING_UNSIGNED_TRAILER:
        raise Refused("AccessDenied", "The request is not signed, so its chunks cannot be.")
    return Signature(payload, "", "", "", b"")


def _canonical_request(head: Head, query: Pairs, terms: _Terms, payload: str) -> bytes:
    """Return the bytes whose hash is signed (task 1 of the specification)."""
    path = head.path if _PLAIN_PATH.fullmatch(head.path) else canonical_path(head.path)
    try:
        signed = terms.form % terms.pick(head.headers)
    except KeyError:
        signed = _trimmed_headers(head.headers, terms.names)
    else:
        if "  " in signed or ": " in signed or " \n" in signed or "\t" in signed:
            signed = _trimmed_headers(head.headers, terms.names)
    return f"{head.method}\n{path}\n{canonical_query(query) if query else ''}\n{signed}{payload}".encode("latin-1")


def _trimmed_headers(headers: Mapping[str, str], names: Sequence[str]) -> str:
    """Return the headers' part of a canonical request whose values have blanks to trim, or are not there."""
    lines = []
    for name in names:
        value = headers.get(name, "")
        # Only blanks are collapsed, as the specification says; `split()` alone would also eat other white space.
        if "  " in value:
            value = " ".join(part for part in value.strip().split(" ") if part)
        lines.append(f"{name}:{value.strip()}\n")
    return f"{''.join(lines)}\n{';'.join(names)}\n"


def canonical_path(path: str) -> str:
    """Return `path` with every byte but the unreserved ones and `/` percent-encoded once."""
    if _PLAIN_PATH.fullmatch(path):
        return path
    return quote(unquote(path, encoding="latin-1"), safe="/-_.~", encoding="latin-1")


def canonical_query(query: Pairs) -> str:
    """Return the decoded pairs encoded and sorted by encoded name, then value."""
    if not query:
        return ""
    return "&".join(f"{name}={value}" for name, value in sorted((_encoded(n), _encoded(v)) for n, v in query))


def string_to_sign(time: str, scope: str, canonical: bytes) -> str:
    """Return task 2 of the specification."""
    # A copy of an empty digest: making one anew looks the algorithm up.
    digest = _SHA256.copy()
    digest.update(canonical)
    return f"{ALGORITHM}\n{time}\n{scope}\n{digest.hexdigest()}"


def sign(key: bytes, text: str) -> str:
    """Return the signature of `text` in hex: HMAC-SHA256."""
    inner, outer = _halves(key)
    inside, around = inner.copy(), outer.copy()
    inside.update(text.encode("latin-1"))
    around.update(inside.digest())
    return around.hexdigest()


@functools.lru_cache(maxsize=64)
def _halves(key: bytes) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """Return the two hashes of an HMAC (RFC 2104) that have taken in the key and nothing else.

    Copies of them cost half of what a copy of the `hmac` module's object does.
    """
    padded = key.ljust(64, b"\0")
    return hashlib.sha256(bytes(byte ^ 0x36 for byte in padded)), hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))


@functools.lru_cache(maxsize=64)
def signing_key(secret_key: str, date: str, region: str) -> bytes:
    """Return task 3's key; it changes once a day, so it is kept."""
    key = f"AWS4{secret_key}".encode()
    for part in (date, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


@functools.lru_cache(maxsize=256)
def time_s(text: str) -> int:
    """Return `20261121T120000Z` as seconds since 1970.

    Raises:
        ValueError: it has another form or names no real time.
    """
    if not _TIME.fullmatch(text):
        raise ValueError(f"expected YYYYMMDDTHHMMSSZ, got {text!r}")
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
    hour, minute, second = int(text[9:11]), int(text[11:13]), int(text[13:15])
    if not (year >= 1970 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
        raise ValueError(f"no such time: {text!r}")
    return calendar.timegm((year, month, day, hour, minute, second))


def _claim_in_header(headers: Mapping[str, str], now_s: float) -> _Claim:
    # Only the signature differs from one request to the next: the rest is read once.
    before, mark, signature = headers["authorization"].rpartition("Signature=")
    after = ""
    if "," in signature:
        signature, _, after = signature.partition(",")
        after = f",{after}"
    terms = _terms(before + mark + after if mark else headers["authorization"])
    time, payload = headers.get("x-amz-date"), headers.get("x-amz-content-sha256")
    if time is None:
        raise Refused("AccessDenied", "The x-amz-date header is required.")
    if payload is None:
        raise Refused("InvalidRequest", "The x-amz-content-sha256 header is required.")
    if time[:8] != terms.date:
        raise Refused("AuthorizationHeaderMalformed", _OTHER_DATE)
    try:
        difference_s = abs(time_s(time) - now_s)
    except ValueError:
        raise Refused("AccessDenied", "x-amz-date must be YYYYMMDDTHHMMSSZ.") from None
    if difference_s > SKEW_LIMIT_S:
        raise Refused("RequestTimeTooSkewed", details=(("RequestTime", time),))
    return terms, signature.strip(), time, payload if _HEX_64.fullmatch(payload) else _known_payload(payload)


@functools.lru_cache(maxsize=256)
def _terms(authorization: str) -> _Terms:
    """Return what an Authorization header without its signature says.

    Raises:
        Refused: it is malformed, or of another way of signing.
    """
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        raise Refused("InvalidRequest", f"The way of signing is not supported. Please use {ALGORITHM}.")
    fields: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals or name in fields:
            raise Refused("AuthorizationHeaderMalformed")
        fields[name] = value
    if fields.keys() != {"Credential", "SignedHeaders", "Signature"} or fields["Signature"]:
        raise Refused("AuthorizationHeaderMalformed", "Expected exactly Credential, SignedHeaders and Signature.")
    return _terms_of(fields["Credential"], fields["SignedHeaders"], "AuthorizationHeaderMalformed")


def _claim_in_query(query: Pairs, headers: Mapping[str, str], now_s: float) -> _Claim:
    code = "AuthorizationQueryParametersError"
    fields = dict(query)
    if len(fields) != len(query):
        raise Refused(code, "A query parameter is given twice.")
    missing = [name for name in _PRESIGNED_FIELDS if name not in fields]
    if missing:
        raise Refused(code, f"Missing: {', '.join(missing)}.")
    if fields["X-Amz-Algorithm"] != ALGORITHM:
        raise Refused(code, f"X-Amz-Algorithm only supports {ALGORITHM}.")
    time, expires = fields["X-Amz-Date"], fields["X-Amz-Expires"]
    if not re.fullmatch(r"[0-9]{1,6}", expires) or not 1 <= int(expires) <= EXPIRY_LIMIT_S:
        raise Refused(code, f"X-Amz-Expires must be between 1 and {EXPIRY_LIMIT_S} seconds.")
    try:
        start_s = time_s(time)
    except ValueError:
        raise Refused(code, "X-Amz-Date must be YYYYMMDDTHHMMSSZ.") from None
    if now_s < start_s - SKEW_LIMIT_S:
        raise Refused("AccessDenied", "Request is not valid yet")
    if now_s > start_s + int(expires):
        raise Refused("AccessDenied", "Request has expired")
    terms = _terms_of(fields["X-Amz-Credential"], fields["X-Amz-SignedHeaders"], code)
    if time[:8] != terms.date:
        raise Refused(code, _OTHER_DATE)
    payload = headers.get("x-amz-content-sha256", fields.get("X-Amz-Content-Sha256", UNSIGNED))
    return terms, fields["X-Amz-Signature"], time, _known_payload(payload)


def _terms_of(credential: str, signed_names: str, code: str) -> _Terms:
    access_key, *scope = credential.split("/")
    if len(scope) != 4 or scope[2] != "s3" or scope[3] != "aws4_request" or not credential.isascii():
        raise Refused(code, 'The credential must be "KEY/YYYYMMDD/REGION/s3/aws4_request".')
    names = tuple(signed_names.split(";")) if signed_names.isascii() else ()
    pick: Callable[[Mapping[str, str]], Any] = operator.itemgetter(*names) if names else _nothing
    form = "".join(f"{name}:%s\n" for name in _escaped(names)) + f"\n{';'.join(_escaped(names))}\n"
    return _Terms(access_key, "/".join(scope), scope[0], scope[1], names, pick, form)


def _escaped(names: Sequence[str]) -> list[str]:
    return [name.replace("%", "%%") for name in names]


def _nothing(_headers: Mapping[str, str]) -> tuple[str, ...]:
    return ()


def _known_payload(payload: str) -> str:
    if payload == UNSIGNED or payload in STREAMING or _HEX_64.fullmatch(payload):
        return payload
    if payload.startswith("STREAMING-"):
        raise Refused("NotImplemented", f"x-amz-content-sha256: {payload} is not implemented.")
    raise Refused(
        "InvalidArgument",
        f"x-amz-content-sha256 must be {UNSIGNED}, a known STREAMING mode or 64 lower-case hex digits.",
    )


@functools.lru_cache(maxsize=256)
def _not_signed(names: tuple[str, ...], present: tuple[str, ...]) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    """Return why to refuse what would let a stranger change the meaning: an unsigned host or x-amz-* header."""
    signed = set(names)
    if "host" not in signed:
        return "The host header must be signed.", ()
    unsigned = sorted(name for name in present if name.startswith("x-amz-") and name not in signed)
    if unsigned:
        details = (("HeadersNotSigned", ", ".join(unsigned)),)
        return "There were headers present in the request which were not signed", details
    return None


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~", errors="surrogateescape")
