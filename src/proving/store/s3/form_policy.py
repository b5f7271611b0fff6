"""What a form may upload: the policy document that its maker signed, and whether the form keeps to it.

Pure functions of the fields, the keys and the time. Source: "POST Policy" and "Authenticating Requests: Browser-Based
Uploads Using POST" in the S3 API reference; version 2 of signing as in its older edition.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from proving.store.s3.credentials import Secrets
from proving.store.s3.errors import Refused
from proving.store.s3.signature import ALGORITHM, sign, signing_key

# What a policy need not speak of.
_FREE = frozenset(("policy", "x-amz-signature", "signature", "awsaccesskeyid", "file"))


@dataclass(frozen=True)
class Policy:
    """A policy that was believed and kept to.

    Attributes:
        access_key: whose signature it bears.
        least_bytes: the smallest file allowed.
        most_bytes: the largest file allowed; None where nothing is said.
    """

    access_key: str
    least_bytes: int = 0
    most_bytes: int | None = None


def checked_policy(fields: Mapping[str, str], bucket: str, secrets: Secrets, now_s: float) -> Policy:
    """Return the policy of a form after checking its signature, its time, and all fields against it.

    Args:
        fields: by lower-case name, as they will be used: "${filename}" is replaced before.
        bucket: where the form is sent.
        secrets: who knows the signer's.
        now_s: the time.

    Raises:
        Refused: no policy, a wrong signature, or a form that does not keep to it.
    """
    if "policy" not in fields:
        raise Refused("AccessDenied", "Anonymous access is not allowed: the form has no policy.")
    if not fields["policy"].isascii():
        raise _malformed("it must be JSON in Base64.")
    access_key = _signer(fields, secrets)
    document = _document(fields["policy"])
    _check_expiration(document, now_s)
    conditions = document.get("conditions")
    if not isinstance(conditions, list):
        raise _malformed("there must be a list of conditions.")
    given = {name: value for name, value in fields.items() if name not in _FREE and not name.startswith("x-ignore-")}
    given["bucket"] = bucket
    spoken_of = {"bucket"}
    least_bytes, most_bytes = 0, None
    for condition in conditions:
        kind, name, wanted = _read(condition)
        if kind == "content-length-range":
            least_bytes, most_bytes = _bounds(name, wanted)
            continue
        spoken_of.add(name)
        if not _holds(kind, name, wanted, given.get(name, "")):
            raise Refused(
                "AccessDenied", f"Invalid according to Policy: Policy Condition failed: {json.dumps(condition)}"
            )
    extra = sorted(given.keys() - spoken_of)
    if extra:
        raise Refused("AccessDenied", f"Invalid according to Policy: Extra input fields: {', '.join(extra)}")
    return Policy(access_key, least_bytes, most_bytes)


def _signer(fields: Mapping[str, str], secrets: Secrets) -> str:
    """Return the access key whose signature the policy bears."""
    policy = fields["policy"]
    if "x-amz-signature" not in fields:
        access_key, given = fields.get("awsaccesskeyid", ""), fields.get("signature", "")
        if not access_key or not given:
            raise Refused("AccessDenied", "The form is not signed.")
        expected = base64.b64encode(hmac.digest(_secret(access_key, secrets).encode(), policy.encode(), "sha1"))
        return _same(expected, given, access_key)
    missing = [name for name in ("x-amz-algorithm", "x-amz-credential", "x-amz-date") if name not in fields]
    if missing:
        raise Refused("InvalidArgument", f"Bucket POST must contain a field named '{missing[0]}'.")
    if fields["x-amz-algorithm"] != ALGORITHM:
        raise Refused("InvalidArgument", f"x-amz-algorithm only supports {ALGORITHM}.")
    access_key, *scope = fields["x-amz-credential"].split("/")
    if len(scope) != 4 or scope[2:] != ["s3", "aws4_request"] or scope[0] != fields["x-amz-date"][:8]:
        raise Refused("InvalidArgument", 'The credential must be "KEY/YYYYMMDD/REGION/s3/aws4_request".')
    key = signing_key(_secret(access_key, secrets), scope[0], scope[1])
    return _same(sign(key, policy).encode(), fields["x-amz-signature"], access_key)


def _secret(access_key: str, secrets: Secrets) -> str:
    secret = secrets.secret_of(access_key)
    if secret is None:
        raise Refused("InvalidAccessKeyId", details=(("AWSAccessKeyId", access_key),))
    return secret


def _same(expected: bytes, given: str, access_key: str) -> str:
    if not hmac.compare_digest(expected, given.encode("utf-8", "surrogateescape")):
        raise Refused("SignatureDoesNotMatch", details=(("AWSAccessKeyId", access_key),))
    return access_key


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise _malformed("it must be JSON in Base64.") from None
    if not isinstance(document, dict):
        raise _malformed("it must be an object.")
    return document


def _check_expiration(document: Mapping[str, Any], now_s: float) -> None:
    try:
        expires = datetime.fromisoformat(document["expiration"])
        expires_s = expires.timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        raise _malformed("it needs an expiration such as 2026-12-30T12:00:00.000Z.") from None
    if expires.tzinfo is None:
        raise _malformed("its expiration needs a time zone.")
    if now_s > expires_s:
        raise Refused("AccessDenied", "Invalid according to Policy: Policy expired.")


def _read(condition: object) -> tuple[str, str, Any]:
    """Return a condition's kind, what it is about (or its lower bound), and what it wants."""
    if isinstance(condition, dict) and len(condition) == 1:
        ((name, wanted),) = condition.items()
        if isinstance(wanted, str):
            return "eq", name.lower(), wanted
    if isinstance(condition, list) and len(condition) == 3 and isinstance(condition[0], str):
        kind, name, wanted = condition[0].lower(), condition[1], condition[2]
        if kind == "content-length-range":
            return kind, name, wanted
        if kind in ("eq", "starts-with") and isinstance(name, str) and name[:1] == "$" and isinstance(wanted, str):
            return kind, name[1:].lower(), wanted
    raise _malformed(f"this is no condition: {json.dumps(condition)[:200]}")


def _bounds(least: object, most: object) -> tuple[int, int]:
    try:
        bounds = int(str(least)), int(str(most))
    except ValueError:
        raise _malformed("content-length-range needs two whole numbers.") from None
    if not 0 <= bounds[0] <= bounds[1]:
        raise _malformed("content-length-range needs two rising numbers.")
    return bounds


def _holds(kind: str, name: str, wanted: str, given: str) -> bool:
    if kind == "eq":
        return given == wanted
    # Several types may be told in one field; each must fit.
    parts: Sequence[str] = given.split(",") if name == "content-type" else (given,)
    return all(part.strip().startswith(wanted) if name == "content-type" else part.startswith(wanted) for part in parts)


def _malformed(message: str) -> Refused:
    return Refused("InvalidPolicyDocument", f"Invalid Policy: {message}")
