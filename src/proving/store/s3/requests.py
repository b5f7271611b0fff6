"""Read a request's head into one S3 operation; what is not known here is 501, never a silent PutObject."""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes

from proving.store.s3.configuration import RESERVED_PREFIX
from proving.store.s3.errors import Refused
from proving.store.s3.head import Head
from proving.store.s3.users import User

KEY_LIMIT_BYTES = 1024
METADATA_LIMIT_BYTES = 2048
METADATA_PREFIX = "x-amz-meta-"
OWNER_ID = "proving"

# Parameters that any request may carry: the SDKs' operation name, and the fields of a presigned one.
_EVERYWHERE = frozenset(("x-id", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires")) | frozenset(
    ("X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Content-Sha256", "AWSAccessKeyId", "Signature", "Expires")
)
RESPONSE_OVERRIDES = {
    "response-content-type": "Content-Type",
    "response-content-language": "Content-Language",
    "response-expires": "Expires",
    "response-cache-control": "Cache-Control",
    "response-content-disposition": "Content-Disposition",
    "response-content-encoding": "Content-Encoding",
}
_READ = frozenset(("versionId", "partNumber", *RESPONSE_OVERRIDES))
_VERSION = frozenset(("versionId",))
_UNSET = (
    "accelerate encryption logging notification object-lock ownershipControls "
    "publicAccessBlock replication requestPayment website"
)
_NOTHING: frozenset[str] = frozenset()
_NO_QUERY: Mapping[str, str] = MappingProxyType({})
_LIST = frozenset(("prefix", "delimiter", "max-keys", "encoding-type"))


@dataclass(frozen=True)
class Route:
    """An operation, the parameters that select it, and those that it understands besides."""

    operation: str
    selectors: frozenset[str] = frozenset()
    understood: frozenset[str] = frozenset()


def _route(operation: str, selectors: str = "", understood: frozenset[str] = frozenset()) -> Route:
    return Route(operation, frozenset(selectors.split()), understood)


# By level and method; the first route whose selectors are all there is taken.
ROUTES: dict[tuple[str, str], tuple[Route, ...]] = {
    ("service", "GET"): (
        _route("ListBuckets", "", frozenset(("max-buckets", "continuation-token", "prefix", "bucket-region"))),
    ),
    ("bucket", "GET"): (
        _route("GetBucketLocation", "location"),
        _route("GetBucketVersioning", "versioning"),
        _route("GetBucketAcl", "acl"),
        _route(
            "ListMultipartUploads",
            "uploads",
            frozenset(("prefix", "delimiter", "key-marker", "upload-id-marker", "max-uploads", "encoding-type")),
        ),
        _route("GetBucketCors", "cors"),
        _route("GetBucketPolicy", "policy"),
        _route("GetBucketTagging", "tagging"),
        _route("GetBucketPolicyStatus", "policyStatus"),
        _route("GetBucketLifecycle", "lifecycle"),
        *(_route(f"GetBucket:{name}", name) for name in _UNSET.split()),
        _route("ListObjectVersions", "versions", _LIST | frozenset(("key-marker", "version-id-marker"))),
        _route("ListObjectsV2", "list-type", _LIST | frozenset(("continuation-token", "start-after", "fetch-owner"))),
        _route("ListObjects", "", _LIST | frozenset(("marker",))),
    ),
    ("bucket", "HEAD"): (_route("HeadBucket"),),
    ("bucket", "PUT"): (
        _route("PutBucketAcl", "acl"),
        _route("PutBucketVersioning", "versioning"),
        _route("PutBucketCors", "cors"),
        _route("PutBucketPolicy", "policy"),
        _route("PutBucketTagging", "tagging"),
        _route("PutBucketLifecycle", "lifecycle"),
        _route("CreateBucket"),
    ),
    ("bucket", "DELETE"): (
        _route("DeleteBucketCors", "cors"),
        _route("DeleteBucketPolicy", "policy"),
        _route("DeleteBucketTagging", "tagging"),
        _route("DeleteBucketLifecycle", "lifecycle"),
        _route("DeleteBucket"),
    ),
    ("bucket", "POST"): (_route("DeleteObjects", "delete"),),
    ("object", "GET"): (
        _route("GetObjectAcl", "acl", _VERSION),
        _route("GetObjectTagging", "tagging", _VERSION),
        _route("GetObjectAttributes", "attributes", _VERSION),
        _route("ListParts", "uploadId", frozenset(("max-parts", "part-number-marker", "encoding-type"))),
        _route("GetObject", "", _READ),
    ),
    ("object", "HEAD"): (_route("HeadObject", "", _READ),),
    ("object", "PUT"): (
        _route("PutObjectAcl", "acl", _VERSION),
        _route("PutObjectTagging", "tagging", _VERSION),
        _route("UploadPart", "partNumber uploadId"),
        _route("PutObject"),
    ),
    ("object", "POST"): (
        _route("CreateMultipartUpload", "uploads"),
        _route("CompleteMultipartUpload", "uploadId"),
    ),
    ("object", "DELETE"): (
        _route("AbortMultipartUpload", "uploadId"),
        _route("DeleteObjectTagging", "tagging", _VERSION),
        _route("DeleteObject", "", _VERSION),
    ),
}
_COPIES = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}
# A header that asks for what is not here must not be passed over: the client would believe that it has it.
_UNKNOWN_HEADERS = re.compile(
    r"x-amz-(server-side-encryption|copy-source-server-side|object-lock|bucket-object-lock|grant"
    r"|website-redirect|write-offset|mfa|if-match-|rename-source|fwd)"
)
_BY_VALUE = frozenset(("x-amz-storage-class", "x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"))


class Request(NamedTuple):
    """One operation on a bucket and a key.

    Attributes:
        operation: its name.
        head: the request's head.
        headers: those of the head, by lower-case name.
        bucket: empty where the operation has none.
        key: empty where the operation has none.
        query: the decoded query.
        user: who asks for it.
    """

    operation: str
    head: Head
    headers: Mapping[str, str]
    bucket: str
    key: str
    query: Mapping[str, str]
    user: User | None = None


def parse_query(raw: str) -> list[tuple[str, str]]:
    """Return the decoded pairs in their order; a bare name has an empty value, "+" is a blank.

    Bytes that are no UTF-8 become lone surrogates, so that they can be signed and then refused.
    """
    if not raw:
        return []
    pairs = []
    for part in raw.encode("latin-1").decode("utf-8", "surrogateescape").split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((_decoded(name), _decoded(value)))
    return pairs


def _decoded(text: str) -> str:
    return unquote(text.replace("+", " "), errors="surrogateescape") if "%" in text or "+" in text else text


def parse_request(head: Head, pairs: Sequence[tuple[str, str]], domain: str = "", user: User | None = None) -> Request:
    """Return the operation that `head` and its decoded query ask for.

    Args:
        head: the request's head.
        pairs: its decoded query.
        domain: where set, "bucket.domain" in the Host header names the bucket.
        user: who asks; None where everything is allowed.

    Raises:
        Refused: the address is malformed, a key is too long, or something is asked that is not here.
    """
    headers = head.headers
    bucket, key = split_path(head.path, headers.get("host", "") if domain else "", domain)
    level = "object" if key else "bucket" if bucket else "service"
    query = _checked(pairs) if pairs else _NO_QUERY
    operation = _operation(level, head.method, frozenset(query) if query else _NOTHING)
    if operation in _COPIES and "x-amz-copy-source" in headers:
        operation = _COPIES[operation]
    check_bucket_name(bucket)
    for name in _telling(tuple(headers)):
        _check_header(name, headers[name])
    return Request(operation, head, headers, bucket, key, query, user)


def split_path(path: str, host: str, domain: str) -> tuple[str, str]:
    """Return bucket and key of a raw path; the key is taken as it is, `..` and `//` included.

    Raises:
        Refused: no UTF-8, or the key is over 1,024 bytes.
    """
    rest = path.removeprefix("/")
    bucket, _, key = rest.partition("/")
    if domain and (name := host.partition(":")[0].lower()).endswith(f".{domain}"):
        bucket, key = name.removesuffix(f".{domain}"), rest
    raw_bytes = len(key)
    if "%" in path or not path.isascii():
        try:
            bucket, key = _path_text(bucket), _path_text(key)
        except UnicodeDecodeError:
            raise Refused("InvalidURI", "The path is no valid UTF-8.") from None
    if raw_bytes > KEY_LIMIT_BYTES and len(key.encode()) > KEY_LIMIT_BYTES:
        raise Refused("KeyTooLongError", details=(("MaxSizeAllowed", str(KEY_LIMIT_BYTES)),))
    return bucket, key


def _path_text(raw: str) -> str:
    if raw.isascii() and "%" not in raw:
        return raw
    return unquote_to_bytes(raw.encode("latin-1")).decode("utf-8")


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _checked(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    query = dict(pairs)
    if len(query) != len(pairs):
        raise Refused("InvalidArgument", "A query parameter is given twice.")
    for name, value in pairs:
        if not (name + value).isprintable() and not _is_utf8(name + value):
            raise Refused("InvalidArgument", "A query parameter is no valid UTF-8.")
    return query


@functools.lru_cache(maxsize=256)
def _operation(level: str, method: str, asked: frozenset[str]) -> str:
    names = asked - _EVERYWHERE
    for route in ROUTES.get((level, method), ()):
        if route.selectors <= names:
            unknown = names - route.selectors - route.understood
            if unknown:
                raise Refused("NotImplemented", f"{method} with {', '.join(sorted(unknown))} is not implemented.")
            return route.operation
    if names:
        raise Refused("NotImplemented", f"{method} with {', '.join(sorted(names))} is not implemented.")
    raise Refused("MethodNotAllowed", f"{method} is not allowed against a {level}.")


def check_bucket_name(bucket: str) -> None:
    """Refuse a bucket that is this server's own, or whose name would end early in an entry's; raises Refused."""
    if bucket[: len(RESERVED_PREFIX)] == RESERVED_PREFIX or "\0" in bucket:
        raise Refused("InvalidBucketName", details=(("BucketName", bucket),))


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse headers that ask for what is not here.

    Raises:
        Refused: NotImplemented, or what fits one of them better.
    """
    for name in _telling(tuple(headers)):
        _check_header(name, headers[name])


@functools.lru_cache(maxsize=256)
def _telling(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the headers that may ask for something that is not here."""
    return tuple(name for name in names if name in _BY_VALUE or _UNKNOWN_HEADERS.match(name))


def _check_header(name: str, value: str) -> None:
    if name == "x-amz-storage-class" and value != "STANDARD":
        raise Refused("InvalidStorageClass")
    if name in ("x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner") and value != OWNER_ID:
        raise Refused("AccessDenied", "The bucket has another owner than x-amz-expected-bucket-owner says.")
    if name not in _BY_VALUE:
        raise Refused("NotImplemented", f"The header {name} asks for something that is not implemented.")


def user_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the x-amz-meta- headers without their prefix.

    Raises:
        Refused: names and values together are over 2,048 bytes.
    """
    named = _metadata_names(tuple(headers))
    if not named:
        return {}
    if sum(len(name) - len(METADATA_PREFIX) + len(headers[name]) for name in named) > METADATA_LIMIT_BYTES:
        raise Refused("MetadataTooLarge")
    return {name.removeprefix(METADATA_PREFIX): _utf8_or_latin(headers[name]) for name in named}


@functools.lru_cache(maxsize=256)
def _metadata_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name.startswith(METADATA_PREFIX))


def _utf8_or_latin(value: str) -> str:
    try:
        return value if value.isascii() else value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return value


def whole_number(text: str, name: str, least: int, most: int) -> int:
    """Return the number that a parameter gives.

    Raises:
        Refused: no number, or outside of `least` to `most`.
    """
    if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
        raise Refused(
            "InvalidArgument",
            f"{name} must be a whole number between {least} and {most}.",
            (("ArgumentName", name), ("ArgumentValue", text)),
        )
    return int(text)
