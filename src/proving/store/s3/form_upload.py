"""Browser form upload (POST policy): a form with a signed policy and one file becomes an object.

Source: "POST Object" and "Browser-Based Uploads Using POST" in the S3 API reference.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from proving.store.s3 import canned, properties, tags
from proving.store.s3.answers import XML_TYPE, element, plain_document
from proving.store.s3.buckets import require_bucket
from proving.store.s3.checksums import Running, Wanted, wanted_checksum
from proving.store.s3.context import Context
from proving.store.s3.errors import Refused
from proving.store.s3.form_policy import Policy, checked_policy
from proving.store.s3.forms import FIELDS_LIMIT_BYTES, FormDecoder
from proving.store.s3.head import Answer, Head
from proving.store.s3.intake import SINGLE_LIMIT_BYTES, Checksum, Received
from proving.store.s3.requests import KEY_LIMIT_BYTES, Request, check_headers
from proving.store.s3.saving import save
from proving.store.s3.users import Users
from proving.store.s3.versions import version_headers

if TYPE_CHECKING:
    from proving.store import StagedPart

_BLOCK_BYTES = 4 << 20
_NO_KEY = "Bucket POST must contain a field named 'key'. If it is specified, please check the order of the fields."
# The fields that mean the same as a PutObject's headers.
_AS_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)


class _Allowed(NamedTuple):
    """A form whose policy allows it."""

    request: Request
    fields: Mapping[str, str]
    policy: Policy
    wanted: Wanted | None
    running: Running | None


def is_form(head: Head) -> bool:
    """Return whether a request is a browser's form: such a one bears its signature in its fields."""
    content_type = head.headers.get("content-type", "")
    return (
        head.method == "POST"
        and content_type[:19].lower() == "multipart/form-data"
        and "authorization" not in head.headers
        and not head.query
    )


class FormUpload:
    """One form on its way in.

    Attributes:
        staged: Blocks of its file that are in the store already.
    """

    def __init__(self, context: Context, users: Users, head: Head, bucket: str) -> None:
        """Check what the headers say.

        Raises:
            Refused: no or too large a length, or no boundary.
        """
        length = head.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 19):
            raise Refused("MissingContentLength")
        if int(length) > SINGLE_LIMIT_BYTES + FIELDS_LIMIT_BYTES:
            details = (("ProposedSize", length), ("MaxSizeAllowed", str(SINGLE_LIMIT_BYTES)))
            raise Refused("EntityTooLarge", details=details)
        self.staged: list[StagedPart] = []
        self._context = context
        self._users = users
        self._head = head
        self._bucket = bucket
        self._decoder = FormDecoder(head.headers["content-type"])
        self._allowed: _Allowed | None = None
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._held = bytearray()
        self._size_bytes = 0

    def take(self, pieces: Sequence[bytes]) -> None:
        """Take more of the form.

        Raises:
            Refused: it is malformed, or its policy does not allow it.
        """
        for piece in pieces:
            data = self._decoder.feed(piece)
            if self._decoder.file_name is None:
                continue
            if self._allowed is None:
                self._allowed = self._allow(self._decoder.file_name)
            self._held += data
            most_bytes = self._allowed.policy.most_bytes
            limit_bytes = SINGLE_LIMIT_BYTES if most_bytes is None else min(most_bytes, SINGLE_LIMIT_BYTES)
            if self._size_bytes + len(self._held) > limit_bytes:
                proposed = str(self._size_bytes + len(self._held))
                details = (("ProposedSize", proposed), ("MaxSizeAllowed", str(limit_bytes)))
                raise Refused("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", details)
            if len(self._held) >= _BLOCK_BYTES:
                self.staged.append(self._context.store.stage(self._hashed(self._allowed)))

    def finish(self, pieces: Sequence[bytes]) -> Answer:
        """Take the rest and put the object; durable when this returns.

        Raises:
            Refused: the form is cut off, too small, or not what its checksum says.
        """
        self.take(pieces)
        allowed = self._allowed
        if allowed is None or not self._decoder.is_done:
            raise Refused("MalformedPOSTRequest")
        data = self._hashed(allowed)
        if self._size_bytes < allowed.policy.least_bytes:
            details = (("ProposedSize", str(self._size_bytes)), ("MinSizeAllowed", str(allowed.policy.least_bytes)))
            raise Refused("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", details)
        checksum = _checked(allowed)
        received = Received(data, tuple(self.staged), self._size_bytes, self._md5.digest(), checksum)
        metadata = {**properties.stored_metadata(allowed.request.headers), **_tags(allowed.fields)}
        if checksum is not None:
            metadata = properties.with_checksum(metadata, checksum.algorithm, checksum.header[1])
        info = save(self._context, allowed.request, received, metadata)
        headers = version_headers(self._context, info.bucket, info.version)
        return _answer(allowed.fields, info.bucket, info.key, info.etag, headers)

    def _allow(self, file_name: str) -> _Allowed:
        """Return what a form may do, now that all its fields are here."""
        fields = {name: text.replace("${filename}", file_name) for name, text in self._decoder.fields.items()}
        if "key" not in fields:
            raise Refused("InvalidArgument", _NO_KEY, (("ArgumentName", "key"), ("ArgumentValue", "")))
        policy = checked_policy(fields, self._bucket, self._users, self._context.now_s())
        user = self._users.named(policy.access_key)
        key = fields["key"]
        if not key:
            raise Refused("InvalidArgument", "User key must have a length greater than 0.")
        if len(key.encode()) > KEY_LIMIT_BYTES:
            raise Refused("KeyTooLongError", details=(("MaxSizeAllowed", str(KEY_LIMIT_BYTES)),))
        headers = _as_headers(fields)
        request = Request("PostObject", self._head, headers, self._bucket, key, {}, user)
        self._context.authority.check(request)
        check_headers(headers)
        if canned.HEADER in headers:
            canned.check_canned(headers[canned.HEADER], grants_by_acl=self._context.grants_by_acl)
        require_bucket(self._context, request)
        wanted = wanted_checksum(headers)
        return _Allowed(request, fields, policy, wanted, wanted.algorithm.start() if wanted else None)

    def _hashed(self, allowed: _Allowed) -> bytes:
        data = bytes(self._held)
        self._held.clear()
        self._size_bytes += len(data)
        self._md5.update(data)
        if allowed.running is not None:
            allowed.running.update(data)
        return data


def _as_headers(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that a PutObject would have as headers, as Latin-1 like those."""
    found = {
        name: text.encode().decode("latin-1")
        for name, text in fields.items()
        if name in _AS_HEADERS
        or name.startswith(("x-amz-meta-", "x-amz-checksum-", "x-amz-server-side", "x-amz-storage"))
    }
    if "acl" in fields:
        found["x-amz-acl"] = fields["acl"]
    return found


def _tags(fields: Mapping[str, str]) -> dict[str, str]:
    return tags.from_document(fields["tagging"].encode()) if "tagging" in fields else {}


def _checked(allowed: _Allowed) -> Checksum | None:
    if allowed.wanted is None or allowed.running is None:
        return None
    algorithm, digest = allowed.wanted.algorithm, allowed.running.digest()
    if digest != allowed.wanted.digest:
        raise Refused("BadDigest", f"The {algorithm.name.upper()} you specified did not match what was received.")
    return Checksum(algorithm.name, digest)


def _answer(
    fields: Mapping[str, str], bucket: str, key: str, etag: str, headers: tuple[tuple[str, str], ...]
) -> Answer:
    """Return what the form asked to be answered: a page to go to, a document, or nothing."""
    place = f"/{bucket}/{quote(key)}"
    headers = (("ETag", f'"{etag}"'), *headers)
    target = urlsplit(fields.get("success_action_redirect") or fields.get("redirect") or "")
    if target.scheme in ("http", "https") and target.netloc:
        told = [
            *parse_qsl(target.query, keep_blank_values=True),
            ("bucket", bucket),
            ("key", key),
            ("etag", f'"{etag}"'),
        ]
        address = urlunsplit(target._replace(query=urlencode(told), netloc=quote(target.netloc, safe=":@[]")))
        return Answer(303, (("Location", quote(address, safe="%/:=&?~#+!$,;'@()*[]")), *headers))
    if fields.get("success_action_status") == "201":
        children = (element("Location", place), element("Bucket", bucket), element("Key", key))
        body = plain_document("PostResponse", (*children, element("ETag", f'"{etag}"')))
        return Answer(201, (XML_TYPE, ("Location", place), *headers), body)
    return Answer(200 if fields.get("success_action_status") == "200" else 204, (("Location", place), *headers))
