"""Cross-origin rules: kept for each bucket, asked by a browser before a request (OPTIONS) and told with its answer.

Source: "Using cross-origin resource sharing (CORS)" in the S3 user guide; the first rule that fits is taken.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from re import IGNORECASE, compile

from proving.errors import Error
from proving.store.errors import NoSuchBucket
from proving.store.s3.answers import XML_TYPE
from proving.store.s3.buckets import require_bucket
from proving.store.s3.configuration import delete_setting, put_setting, setting
from proving.store.s3.context import Context
from proving.store.s3.documents import Element, parse_document
from proving.store.s3.errors import Refused
from proving.store.s3.head import Answer, Head
from proving.store.s3.intake import Received
from proving.store.s3.requests import Request, split_path

_log = logging.getLogger(__name__)

_NAME = "cors"
_METHODS = frozenset(("GET", "PUT", "POST", "DELETE", "HEAD"))
_RULE_LIMIT = 100
_SIZE_LIMIT_BYTES = 64 << 10


@dataclass(frozen=True)
class CorsRule:
    """Which pages may do what: origins and headers may have one star."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age_s: str = ""

    def fits(self, origin: str, method: str, headers: Sequence[str]) -> bool:
        """Return whether a page of `origin` may send such a request."""
        return (
            method in self.methods
            and any(_fits(pattern, origin) for pattern in self.origins)
            and all(any(_fits(pattern, name) for pattern in self.headers) for name in headers)
        )

    def told(self, origin: str) -> list[tuple[str, str]]:
        """Return the headers that every answer to such a page has."""
        if "*" in self.origins:
            found = [("Access-Control-Allow-Origin", "*")]
        else:
            found = [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")]
        found.append(("Access-Control-Allow-Methods", ", ".join(self.methods)))
        if self.exposed:
            found.append(("Access-Control-Expose-Headers", ", ".join(self.exposed)))
        if self.max_age_s:
            found.append(("Access-Control-Max-Age", self.max_age_s))
        return [*found, ("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")]


def rules_of(document: bytes) -> list[CorsRule]:
    """Return the rules of a CORSConfiguration.

    Raises:
        Refused: it is malformed, or too large.
    """
    root = parse_document(document, "CORSConfiguration")
    if not 1 <= len(root.inside) <= _RULE_LIMIT or len(document) > _SIZE_LIMIT_BYTES:
        raise Refused("MalformedXML", f"There must be 1 to {_RULE_LIMIT} rules of at most 64 KiB together.")
    return [_rule(entry) for entry in root.inside]


def _rule(entry: Element) -> CorsRule:
    def texts(name: str) -> tuple[str, ...]:
        return tuple(part.text.strip() for part in entry.inside if part.name == name)

    rule = CorsRule(
        texts("AllowedOrigin"),
        texts("AllowedMethod"),
        texts("AllowedHeader"),
        texts("ExposeHeader"),
        (entry.find("MaxAgeSeconds") or "").strip(),
    )
    if entry.name != "CORSRule" or not rule.origins or not rule.methods:
        raise Refused("MalformedXML", "A CORSRule needs AllowedOrigin and AllowedMethod.")
    for method in rule.methods:
        if method not in _METHODS:
            raise Refused(
                "InvalidRequest", f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            )
    for text in (*rule.origins, *rule.headers):
        if text.count("*") > 1:
            raise Refused("InvalidRequest", f'"{text}" can not have more than one wildcard.')
    if not all(
        text.isascii() and text.isprintable() and text for text in (*rule.origins, *rule.headers, *rule.exposed)
    ):
        raise Refused("InvalidRequest", "Origins and header names must be printable ASCII.")
    if rule.max_age_s and not (rule.max_age_s.isdigit() and len(rule.max_age_s) < 10):
        raise Refused("MalformedXML", "MaxAgeSeconds must be a whole number.")
    return rule


def put_cors(context: Context, request: Request, received: Received) -> Answer:
    """Answer PutBucketCors."""
    require_bucket(context, request)
    rules_of(received.data)
    put_setting(context.store, request.bucket, _NAME, received.data)
    return Answer(200)


def get_cors(context: Context, request: Request, _received: Received) -> Answer:
    """Answer GetBucketCors: the document as it was put."""
    document = setting(context.store, request.bucket, _NAME)
    if document is None:
        raise Refused("NoSuchCORSConfiguration", details=(("BucketName", request.bucket),))
    return Answer(200, (XML_TYPE,), document)


def delete_cors(context: Context, request: Request, _received: Received) -> Answer:
    """Answer DeleteBucketCors."""
    delete_setting(context.store, request.bucket, _NAME)
    return Answer(204)


def preflight(context: Context, head: Head, domain: str) -> Answer:
    """Answer OPTIONS, which is never signed: what a browser asks before it sends a page's request.

    Raises:
        Refused: no rule of the bucket fits, or the question is none.
    """
    origin = head.headers.get("origin")
    method = head.headers.get("access-control-request-method", "")
    if not origin:
        raise Refused("BadRequest", "Insufficient information. Origin request header needed.")
    if method not in _METHODS:
        raise Refused("BadRequest", f"Invalid Access-Control-Request-Method: {method}")
    asked = head.headers.get("access-control-request-headers", "")
    names = [name.strip() for name in asked.split(",") if name.strip()]
    bucket, _ = split_path(head.path, head.headers.get("host", ""), domain)
    rule = _fitting(context, bucket, origin, method, names)
    if rule is None:
        raise Refused("AccessForbidden", "CORSResponse: This CORS request is not allowed.")
    told = rule.told(origin)
    return Answer(200, (*told, ("Access-Control-Allow-Headers", ", ".join(names).lower())) if names else tuple(told))


def with_cors(context: Context, bucket: str, method: str, headers: Mapping[str, str], answer: Answer) -> Answer:
    """Return `answer` with what a browser must be told before it shows it to the page that asked."""
    origin = headers.get("origin")
    try:
        rule = _fitting(context, bucket, origin, method, ()) if origin and bucket else None
    except (Error, OSError) as error:
        _log.warning("the cross-origin rules of %s cannot be read: %s", bucket, error)
        return answer
    return answer if rule is None or origin is None else answer._replace(headers=(*answer.headers, *rule.told(origin)))


def told_of(context: Context, head: Head, domain: str, answer: Answer) -> Answer:
    """Return `answer` as `with_cors` does, where nothing of the request is known but its head."""
    if "origin" not in head.headers:
        return answer
    try:
        bucket, _ = split_path(head.path, head.headers.get("host", ""), domain)
    except Refused:
        return answer
    return with_cors(context, bucket, head.method, head.headers, answer)


def _fitting(context: Context, bucket: str, origin: str, method: str, names: Sequence[str]) -> CorsRule | None:
    try:
        document = setting(context.store, bucket, _NAME)
    except NoSuchBucket:
        return None
    rules = rules_of(document) if document is not None else []
    return next((rule for rule in rules if rule.fits(origin, method, names)), None)


def _fits(pattern: str, text: str) -> bool:
    # Only the star means something; what fnmatch would read besides is taken as it stands.
    plain = pattern.replace("[", "[[]").replace("?", "[?]")
    return compile(translate(plain), IGNORECASE).match(text) is not None
