"""Check AWS Signature Version 2 in the query: what boto3 presigns by default in the oldest regions.

Only addresses are taken, never an Authorization header. Source: "Signing and authenticating REST requests (AWS
signature version 2)" in the S3 user guide, section "Query string request authentication alternative".
"""

import base64
import hmac
import re
from collections.abc import Mapping, Sequence

from proving.store.s3.credentials import Secrets
from proving.store.s3.errors import Refused
from proving.store.s3.head import Head

_FIELDS = ("AWSAccessKeyId", "Signature", "Expires")
# The parameters that are a part of what is signed; other ones may be changed by anybody, so they are refused.
_SIGNED = frozenset(
    ("accelerate", "acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy",
     "replication", "requestPayment", "response-cache-control", "response-content-disposition",
     "response-content-encoding", "response-content-language", "response-content-type", "response-expires", "tagging",
     "uploadId", "uploads", "versionId", "versioning", "versions", "website")
)  # fmt: skip


def check_query(head: Head, query: Sequence[tuple[str, str]], secrets: Secrets, now_s: float) -> str:
    """Return the access key of an address after checking its signature; `query` is its decoded query.

    Raises:
        Refused: malformed, expired, of an unknown key, not matching, or with a parameter that is not signed.
    """
    fields = dict(query)
    missing = [name for name in _FIELDS if name not in fields]
    if missing or len(fields) != len(query):
        raise Refused("AccessDenied", "Query-string authentication needs AWSAccessKeyId, Signature and Expires, once.")
    if not re.fullmatch(r"[0-9]{1,12}", fields["Expires"]):
        raise Refused("AccessDenied", "Invalid date (should be seconds since epoch).")
    if now_s > int(fields["Expires"]):
        raise Refused("AccessDenied", "Request has expired")
    unsigned = fields.keys() - _SIGNED - frozenset(_FIELDS)
    if unsigned:
        raise Refused("AccessDenied", f"Version 2 does not sign: {', '.join(sorted(unsigned))}.")
    if head.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD") != "UNSIGNED-PAYLOAD":
        raise Refused("InvalidRequest", "x-amz-content-sha256 needs a signature of version 4.")
    given = fields["AWSAccessKeyId"]
    secret = secrets.secret_of(given)
    if secret is None:
        raise Refused("InvalidAccessKeyId", details=(("AWSAccessKeyId", given),))
    text = string_to_sign(head, fields)
    expected = base64.b64encode(hmac.digest(secret.encode(), text, "sha1"))
    if not hmac.compare_digest(expected, fields["Signature"].encode("utf-8", "surrogateescape")):
        raise Refused("SignatureDoesNotMatch", details=(("AWSAccessKeyId", given),))
    return given


def string_to_sign(head: Head, fields: Mapping[str, str]) -> bytes:
    """Return the bytes that are signed: the time of expiry stands where a header has the date."""
    headers = head.headers
    amz = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers) if name.startswith("x-amz-"))
    chosen = sorted((name, value) for name, value in fields.items() if name in _SIGNED)
    resource = "&".join(f"{name}={value}" if value else name for name, value in chosen)
    first = (head.method, headers.get("content-md5", ""), headers.get("content-type", ""), fields["Expires"])
    text = "\n".join(first) + f"\n{amz}{head.path}"
    # Headers and path are Latin-1 as received; the query's values were decoded as UTF-8.
    query = f"?{resource}".encode("utf-8", "surrogateescape") if resource else b""
    return text.encode("latin-1") + query
