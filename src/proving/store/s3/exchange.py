"""From a head to an answer: check the signature, find the operation, take the body in, and put errors into words."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from proving.errors import Error
from proving.store.s3 import (
    acl,
    answers,
    bucket_policy,
    bucket_tags,
    buckets,
    canned,
    cors,
    lifecycle,
    listing,
    objects,
    parts,
    tags,
    unset,
    uploading,
    versions,
)
from proving.store.s3.authority import ANONYMOUS
from proving.store.s3.context import Context, Handler
from proving.store.s3.credentials import Credentials
from proving.store.s3.documents import SIZE_LIMIT_BYTES
from proving.store.s3.errors import Refused, refused_by
from proving.store.s3.form_upload import FormUpload, is_form
from proving.store.s3.head import Answer, Head
from proving.store.s3.http import Exchange, Pace, Shared
from proving.store.s3.intake import SINGLE_LIMIT_BYTES, Intake, Received, no_body, without_checksums
from proving.store.s3.multipart import Uploads
from proving.store.s3.requests import Request, check_bucket_name, parse_query, parse_request, split_path
from proving.store.s3.saving import discard
from proving.store.s3.signature import Signature, is_anonymous, unsigned, verify
from proving.store.s3.tally import Tally
from proving.store.s3.users import Users
from proving.store.together import SMALL_BYTES, NewObject, put_at_once, put_together

if TYPE_CHECKING:
    from proving.store import ObjectInfo, Store

_log = logging.getLogger(__name__)

HANDLERS: dict[str, Handler] = {
    "ListBuckets": Handler(buckets.list_buckets, is_quick=True),
    "CreateBucket": Handler(buckets.create_bucket),
    "HeadBucket": Handler(buckets.head_bucket, is_quick=True),
    "DeleteBucket": Handler(buckets.delete_bucket),
    "GetBucketLocation": Handler(buckets.get_bucket_location, is_quick=True),
    "GetBucketVersioning": Handler(versions.get_bucket_versioning, is_quick=True),
    "PutBucketVersioning": Handler(versions.put_bucket_versioning),
    "GetBucketAcl": Handler(acl.get_acl, is_quick=True),
    "PutBucketAcl": Handler(acl.put_acl),
    "GetObjectAcl": Handler(acl.get_acl, is_quick=True),
    "PutObjectAcl": Handler(acl.put_acl),
    "GetBucketCors": Handler(cors.get_cors, is_quick=True),
    "PutBucketCors": Handler(cors.put_cors),
    "DeleteBucketCors": Handler(cors.delete_cors),
    "GetBucketPolicy": Handler(bucket_policy.get_policy, is_quick=True),
    "PutBucketPolicy": Handler(bucket_policy.put_policy),
    "DeleteBucketPolicy": Handler(bucket_policy.delete_policy),
    "GetBucketPolicyStatus": Handler(bucket_policy.get_policy_status, is_quick=True),
    "GetBucketTagging": Handler(bucket_tags.get_tagging, is_quick=True),
    "PutBucketTagging": Handler(bucket_tags.put_tagging),
    "DeleteBucketTagging": Handler(bucket_tags.delete_tagging),
    "GetBucketLifecycle": Handler(lifecycle.get_lifecycle, is_quick=True),
    "PutBucketLifecycle": Handler(lifecycle.put_lifecycle),
    "DeleteBucketLifecycle": Handler(lifecycle.delete_lifecycle),
    "ListObjects": Handler(listing.list_objects),
    "ListObjectsV2": Handler(listing.list_objects_v2),
    "ListObjectVersions": Handler(versions.list_object_versions),
    "PutObject": Handler(objects.put_object, takes_object=True, check=objects.check_write, share=objects.share_put),
    "GetObject": Handler(objects.get_object, is_quick=True),
    "HeadObject": Handler(objects.head_object, is_quick=True),
    "GetObjectAttributes": Handler(parts.get_attributes, is_quick=True),
    "GetObjectTagging": Handler(tags.get_tagging, is_quick=True),
    "PutObjectTagging": Handler(tags.put_tagging),
    "DeleteObjectTagging": Handler(tags.delete_tagging),
    "DeleteObject": Handler(objects.delete_object),
    "DeleteObjects": Handler(objects.delete_objects),
    "CopyObject": Handler(objects.copy_object, check=objects.check_write),
    "CreateMultipartUpload": Handler(uploading.create_upload, is_quick=True),
    "UploadPart": Handler(uploading.upload_part, takes_object=True, check=uploading.check_part),
    "UploadPartCopy": Handler(uploading.upload_part_copy, check=uploading.check_part),
    "CompleteMultipartUpload": Handler(uploading.complete_upload, sums_body=False),
    "AbortMultipartUpload": Handler(uploading.abort_upload),
    "ListParts": Handler(uploading.list_parts, is_quick=True),
    "ListMultipartUploads": Handler(uploading.list_uploads),
    **{name: Handler(answer, is_quick=True) for name, answer in unset.operations().items()},
}


_NO_PAIRS: list[tuple[str, str]] = []
_READS = frozenset(("GetObject", "HeadObject"))


class S3Service:
    """Answers S3 requests over one store, for one key pair or several users."""

    def __init__(
        self,
        store: "Store",
        credentials: Credentials | Users,
        domain: str = "",
        now_s: Callable[[], float] = time.time,
        *,
        grants_by_acl: bool = False,
    ) -> None:
        """Serve `store`.

        Args:
            store: Stays the caller's.
            credentials: Whose signatures are taken.
            domain: Where set, "bucket.domain" in the Host header names a bucket.
            now_s: Tells the time, in seconds since 1970.
            grants_by_acl: Whether access control lists may let strangers read.
        """
        self.context = Context(store, Uploads(), now_s, grants_by_acl)
        self.tally = Tally()
        self.answered = self.tally.add
        self._users = Users.of(credentials)
        self._domain = domain

    def begin(self, head: Head, request_id: str) -> Exchange:
        """Check the signature and the head of a request; never raises."""
        try:
            method = head.method
            if method == "OPTIONS":
                return _RefusedExchange(cors.preflight(self.context, head, self._domain))
            if method == "POST" and is_form(head):
                return self._form(head, request_id)
            pairs = parse_query(head.query) if head.query else _NO_PAIRS
            if "authorization" not in head.headers and is_anonymous(head, pairs):
                user, signature = ANONYMOUS, unsigned(head)
            else:
                signature = verify(head, pairs, self._users, self.context.now_s())
                user = self._users.named(signature.access_key)
            request = parse_request(head, pairs, self._domain, user)
            self.context.authority.check(request)
            if canned.HEADER in head.headers:
                canned.check_canned(head.headers[canned.HEADER], grants_by_acl=self.context.grants_by_acl)
            return S3Exchange(self.context, request, signature, request_id)
        except Exception as error:  # noqa: BLE001 - one request must not end the server; it is logged and answered
            answer = refuse(error, head.path, request_id)
            return _RefusedExchange(cors.told_of(self.context, head, self._domain, answer))

    def _form(self, head: Head, request_id: str) -> Exchange:
        bucket, key = split_path(head.path, head.headers.get("host", ""), self._domain)
        if key or not bucket:
            raise Refused("MethodNotAllowed")
        check_bucket_name(bucket)
        return _FormExchange(
            self.context, FormUpload(self.context, self._users, head, bucket), head, bucket, request_id
        )

    def put_together(self, wanted: Sequence[NewObject]) -> "Sequence[ObjectInfo | Exception]":
        """Put small objects in one step; what goes wrong is a result, so never raises."""
        try:
            return put_together(self.context.store, wanted)
        except Exception as error:  # noqa: BLE001 - the thread that does this must not end; each answer tells and logs it
            return [error] * len(wanted)

    def put_at_once(self, wanted: Sequence[NewObject]) -> "Sequence[ObjectInfo | Exception | None]":
        """Put small objects as `put_together` does, but leave what can take long: None for each of these."""
        try:
            return put_at_once(self.context.store, wanted)
        except Exception as error:  # noqa: BLE001 - the event loop, which does this, must not end; the same
            return [error] * len(wanted)

    def forget_uploads(self) -> None:
        """Give the space of uploads in progress back, when the server ends and the store lives on."""
        discard(self.context, tuple(self.context.uploads.drop()))

    def upload_count(self) -> int:
        """Return how many multipart uploads are in progress."""
        return len(self.context.uploads)

    def expire(self) -> int:
        """Carry out the lifecycle rules once; return how much that deleted."""
        return lifecycle.expire(self.context)

    def malformed(self, code: str, message: str, request_id: str) -> Answer:
        """Answer something that is no request."""
        return answers.refusal(Refused(code, message), "/", request_id)


class _RefusedExchange:
    """A request that its head alone is enough to answer: to refuse, mostly."""

    pace = Pace.QUICK
    operation = ""

    def __init__(self, refusal: Answer) -> None:
        self.refusal: Answer | None = refusal

    def take(self, pieces: list[bytes]) -> Answer | None:
        return self.refusal

    def finish(self, pieces: list[bytes]) -> Answer:
        assert self.refusal is not None, "a refused exchange has its refusal"
        return self.refusal

    def share(self, pieces: list[bytes]) -> Answer:
        return self.finish(pieces)

    def abandon(self) -> None:
        """Have nothing to give up."""


class _FormExchange:
    """A browser's form being taken in."""

    refusal: Answer | None = None
    pace = Pace.SLOW
    operation = "PostObject"

    def __init__(self, context: Context, upload: FormUpload, head: Head, bucket: str, request_id: str) -> None:
        self._context = context
        self._upload = upload
        self._head = head
        self._bucket = bucket
        self._request_id = request_id

    def take(self, pieces: list[bytes]) -> Answer | None:
        try:
            self._upload.take(pieces)
        except Exception as error:  # noqa: BLE001 - one request must not end the server; it is logged and answered
            return self._refused(error)
        return None

    def finish(self, pieces: list[bytes]) -> Answer:
        try:
            answer = self._upload.finish(pieces)
        except Exception as error:  # noqa: BLE001 - one request must not end the server; it is logged and answered
            return self._refused(error)
        return cors.with_cors(self._context, self._bucket, self._head.method, self._head.headers, answer)

    def share(self, pieces: list[bytes]) -> Answer:
        return self.finish(pieces)

    def abandon(self) -> None:
        staged = tuple(self._upload.staged)
        self._upload.staged.clear()
        discard(self._context, staged)

    def _refused(self, error: Exception) -> Answer:
        self.abandon()
        answer = refuse(error, self._head.path, self._request_id)
        return cors.with_cors(self._context, self._bucket, self._head.method, self._head.headers, answer)


class S3Exchange:
    """One request being served."""

    refusal: Answer | None = None

    def __init__(self, context: Context, request: Request, signature: Signature, request_id: str) -> None:
        """Refuse what can be refused before the body is sent.

        Raises:
            proving.errors.Error: it is refused.
        """
        self.operation = request.operation
        self._handler = handler = HANDLERS[request.operation]
        self._context = context
        self._request = request
        self._request_id = request_id
        self._signature = signature
        self._intake: Intake | None = None
        if handler.is_quick and not request.head.has_body:
            self.pace = Pace.QUICK
            return
        self.pace = Pace.SLOW
        # With a small body already on its way the operation itself finds out soon enough.
        if handler.check is not None and ("expect" in request.headers or not request.head.has_small_body):
            handler.check(context, request)
        if handler.takes_object:
            self._intake = Intake(request.head, signature, SINGLE_LIMIT_BYTES, context.store.stage)
            if handler.share is not None and self._intake.expected_bytes <= SMALL_BYTES:
                self.pace = Pace.SHARED
        elif request.head.has_body:
            head = request.head if handler.sums_body else without_checksums(request.head)
            self._intake = Intake(head, signature, SIZE_LIMIT_BYTES)

    def take(self, pieces: list[bytes]) -> Answer | None:
        """Take more of the body; an answer means that the request is refused now."""
        assert self._intake is not None, "a request without a body sends none"
        try:
            self._intake.take(pieces)
        except Exception as error:  # noqa: BLE001 - one request must not end the server; it is logged and answered
            return self._refused(error)
        return None

    def finish(self, pieces: list[bytes]) -> Answer:
        """Take the rest of the body and do the operation; what was staged in vain is given back."""
        request = self._request
        try:
            answer = self._handler.run(self._context, request, self._received(pieces))
        except Exception as error:  # noqa: BLE001 - one request must not end the server; it is logged and answered
            return self._refused(error)
        self._intake = None
        return self._told(answer) if "origin" in request.headers else answer

    def share(self, pieces: list[bytes]) -> Answer | Shared:
        """Take the rest of the body; return what is to be done with others, or an answer that refuses."""
        share = self._handler.share
        assert share is not None, "only what can be shared has that pace"
        try:
            shared = share(self._context, self._request, self._received(pieces))
        except Exception as error:  # noqa: BLE001 - one request must not end the server; it is logged and answered
            return self._refused(error)
        self._intake = None

        def answer(result: object) -> Answer:
            try:
                if isinstance(result, Exception):
                    return self._refused(result)
                answer = shared.answer(result)
                return self._told(answer) if "origin" in self._request.headers else answer
            except Exception as error:  # noqa: BLE001 - the same
                return self._refused(error)

        return Shared(shared.work, answer)

    def _received(self, pieces: list[bytes]) -> Received:
        if self._intake is None:
            return no_body(self._signature)
        self._intake.take(pieces)
        return self._intake.finish()

    def _refused(self, error: Exception) -> Answer:
        self.abandon()
        return self._told(refuse(self._fit_to_tell(error), self._request.head.path, self._request_id))

    def _fit_to_tell(self, error: Exception) -> Exception:
        """Return the error; whoever may not list a bucket is not told what is missing there."""
        request = self._request
        if request.operation not in _READS or refused_by(error).code != "NoSuchKey":
            return error
        try:
            may_list = self._context.authority.may(request, "ListObjectsV2", request.bucket, "")
        except (Error, OSError) as other:
            return other
        return error if may_list else Refused("AccessDenied")

    def _told(self, answer: Answer) -> Answer:
        """Return the answer with what a browser needs to know before it shows it to a page."""
        if "origin" not in self._request.headers:
            return answer
        head = self._request.head
        return cors.with_cors(self._context, self._request.bucket, head.method, head.headers, answer)

    def abandon(self) -> None:
        """Give back what was staged."""
        intake, self._intake = self._intake, None
        if intake is not None:
            discard(self._context, tuple(intake.staged))


def refuse(error: Exception, path: str, request_id: str) -> Answer:
    """Return the answer that says what went wrong; what nobody foresaw is logged."""
    refused = refused_by(error)
    if refused.code == "InternalError":
        _log.error("request %s failed: %s", request_id, error, exc_info=error)
    elif refused.code == "InsufficientStorage":
        _log.warning("request %s refused: %s", request_id, error)
    return answers.refusal(refused, path, request_id)
