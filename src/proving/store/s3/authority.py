"""Who may do what: a user's rights, and what the bucket's policy and access control lists say besides.

A policy that denies always wins. Else it is enough that the user has the right, or that the policy or a list allows it;
what nobody signed may only be what these allow to everybody. Whoever manages a bucket may always see, change and delete
its policy, so that nobody is locked out.
"""

import functools
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from proving.store.errors import NoSuchBucket, NoSuchKey
from proving.store.s3 import canned
from proving.store.s3.configuration import RESERVED_PREFIX, setting, setting_entry
from proving.store.s3.errors import Refused
from proving.store.s3.head import Head
from proving.store.s3.policy import KEYS, BucketPolicy, Question, policy_of
from proving.store.s3.requests import Request
from proving.store.s3.users import User, has_right

if TYPE_CHECKING:
    from proving.store import Store

POLICY = "policy"
ANONYMOUS = User(access_key="anonymous", secret_key=secrets.token_hex(32))
"""Whoever does not sign; known by identity, so no user can be called so and be it."""

_OF_POLICIES = frozenset(("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy", "GetBucketPolicyStatus"))
_COPIES = frozenset(("CopyObject", "UploadPartCopy"))
# Where S3's name of the permission is not that of the operation.
_ACTIONS = {
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "PostObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "ListParts": "ListMultipartUploadParts",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "DeleteObjects": "DeleteObject",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketTagging": "PutBucketTagging",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
}
_OF_VERSIONS = frozenset(("GetObject", "DeleteObject", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging"))


class Authority:
    """Decides what is allowed in one store."""

    def __init__(self, store: "Store", *, grants_by_acl: bool = False) -> None:
        """Read policies from `store`, each once and again when it changes; and lists, where these grant anything."""
        self._store = store
        self._grants_by_acl = grants_by_acl
        self._policies: dict[str, tuple[bytes, BucketPolicy | None]] = {}

    def check(self, request: Request) -> None:
        """Refuse what whoever asks may not do, before anything tells whether the bucket is there.

        Raises:
            Refused: AccessDenied.
        """
        user, operation, bucket = request.user, request.operation, request.bucket
        if user is None or (operation == "ListBuckets" and user is not ANONYMOUS):
            return
        if self._policy(bucket) is None and not self._grants_by_acl:
            is_allowed = has_right(user, operation, bucket)
        else:
            # Every key of a DeleteObjects is asked for by itself, once the keys are known.
            is_later = operation == "DeleteObjects" and self._policy(bucket) is not None
            is_allowed = is_later or self.may(request, operation, bucket, request.key)
        if not is_allowed:
            raise Refused("AccessDenied", "" if user is not ANONYMOUS else _UNSIGNED)
        if operation in _COPIES:
            # The source is read with the rights of whoever copies.
            path, _, query = request.headers["x-amz-copy-source"].partition("?")
            bucket, _, key = unquote(path).removeprefix("/").partition("/")
            if not self.may(request, "GetObject", bucket, key, is_of_version=bool(query)):
                raise Refused("AccessDenied")

    def may(
        self, request: Request, operation: str, bucket: str, key: str, *, is_of_version: bool | None = None
    ) -> bool:
        """Return whether whoever sent `request` may do `operation` there."""
        user = request.user
        if user is None:
            return True
        by_right = has_right(user, operation, bucket)
        policy = self._policy(bucket)
        if by_right and (policy is None or operation in _OF_POLICIES):
            return True
        if policy is None:
            return self._is_listed(request, operation, bucket, key)
        if is_of_version is None:
            is_of_version = "versionId" in request.query
        question = Question(
            None if user is ANONYMOUS else user.access_key,
            action_of(operation, is_of_version=is_of_version),
            f"{bucket}/{key}" if key else bucket,
            _facts(request.head, request.query),
        )
        said = policy.decides(question)
        if said is not None:
            return said
        return by_right or self._is_listed(request, operation, bucket, key)

    def _is_listed(self, request: Request, operation: str, bucket: str, key: str) -> bool:
        """Return whether an access control list lets whoever sent `request` read there."""
        if not self._grants_by_acl or bucket.startswith(RESERVED_PREFIX):
            return False
        is_signed = request.user is not ANONYMOUS
        try:
            if canned.lists_objects(operation):
                name = (setting(self._store, bucket, canned.SETTING) or b"").decode()
                return canned.lets_read(name, is_signed=is_signed)
            # The source of a copy is read in its newest version here, and in any other with a right only.
            is_other = request.operation in _COPIES and "?" in request.headers["x-amz-copy-source"]
            if not canned.reads_objects(operation) or is_other:
                return False
            version = None if request.operation in _COPIES else request.query.get("versionId")
            if version is None:
                info = self._store.head(bucket, key)
            else:
                info = self._store.history.head(bucket, key, "" if version == "null" else version)
        except NoSuchBucket:
            return False
        except NoSuchKey:
            # That there is nothing is told to those who may list.
            return self._is_listed(request, "ListObjectsV2", bucket, "")
        return canned.lets_read(info.metadata.get(canned.STORED, ""), is_signed=is_signed)

    def _policy(self, bucket: str) -> BucketPolicy | None:
        entry = setting_entry(self._store, bucket, POLICY)
        if entry is None:
            return None
        known = self._policies.get(bucket)
        if known is None or known[0] != entry:
            known = entry, self._read(bucket)
            self._policies[bucket] = known
        return known[1]

    def _read(self, bucket: str) -> BucketPolicy | None:
        try:
            document = setting(self._store, bucket, POLICY)
        except NoSuchBucket:
            return None
        return None if document is None else policy_of(document, bucket)


_UNSIGNED = "Anonymous access is not allowed: the request is not signed."


@functools.lru_cache(maxsize=512)
def action_of(operation: str, *, is_of_version: bool) -> str:
    """Return the permission that S3 asks for an operation."""
    name = _ACTIONS.get(operation, operation.replace(":", ""))
    return f"s3:{name}Version" if is_of_version and name in _OF_VERSIONS else f"s3:{name}"


def _facts(head: Head, query: Mapping[str, str]) -> dict[str, str]:
    told = {
        "aws:securetransport": str(head.is_secure).lower(),
        "aws:sourceip": head.peer,
        "aws:referer": head.headers.get("referer", ""),
        "aws:useragent": head.headers.get("user-agent", ""),
    }
    known = {name: text for name, text in told.items() if text}
    return known | {f"s3:{name}": text for name, text in query.items() if f"s3:{name}" in KEYS}
