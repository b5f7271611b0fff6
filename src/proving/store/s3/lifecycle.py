"""Lifecycle rules: kept for each bucket, and carried out by a pass that deletes what has expired.

Expiration by age or date under a prefix, and the end of uploads that nobody completes. Ages count as S3's do: from the
midnight (UTC) after the day on which they are reached. Source: "Managing the lifecycle of objects", S3 user guide.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from proving.store.errors import NoSuchBucket
from proving.store.records import Deletion
from proving.store.s3.answers import XML_TYPE
from proving.store.s3.buckets import require_bucket
from proving.store.s3.configuration import RESERVED_PREFIX, delete_setting, put_setting, setting
from proving.store.s3.context import Context
from proving.store.s3.documents import Element, parse_document
from proving.store.s3.errors import Refused
from proving.store.s3.head import Answer
from proving.store.s3.intake import Received
from proving.store.s3.requests import Request, whole_number

_log = logging.getLogger(__name__)

_NAME = "lifecycle"
_DAY_S = 86_400
_RULE_LIMIT = 1000
_KNOWN = frozenset(("ID", "Status", "Prefix", "Filter", "Expiration", "AbortIncompleteMultipartUpload"))


@dataclass(frozen=True)
class LifecycleRule:
    """What happens to objects under a prefix; None where nothing does."""

    prefix: str
    is_enabled: bool
    expires_days: int | None = None
    expires_s: float | None = None
    abort_days: int | None = None

    def is_expired(self, modified_s: float, now_s: float) -> bool:
        """Return whether an object that was put then is to be deleted now."""
        if self.expires_s is not None:
            return now_s >= self.expires_s
        return self.expires_days is not None and now_s >= due_s(modified_s, self.expires_days)


def due_s(start_s: float, days: int) -> float:
    """Return the first midnight at which something is so many days old."""
    return -((start_s + days * _DAY_S) // -_DAY_S) * _DAY_S


def rules_of(document: bytes) -> list[LifecycleRule]:
    """Return the rules of a LifecycleConfiguration.

    Raises:
        Refused: it is malformed, or asks for what is not here.
    """
    root = parse_document(document, "LifecycleConfiguration")
    if not 1 <= len(root.inside) <= _RULE_LIMIT or any(entry.name != "Rule" for entry in root.inside):
        raise Refused("MalformedXML", f"There must be 1 to {_RULE_LIMIT} rules.")
    return [_rule(entry) for entry in root.inside]


def _rule(entry: Element) -> LifecycleRule:
    parts = {part.name: part for part in entry.inside}
    unknown = parts.keys() - _KNOWN
    if unknown:
        raise Refused("NotImplemented", f"A lifecycle rule with {', '.join(sorted(unknown))} is not implemented.")
    status = entry.find("Status")
    if status not in ("Enabled", "Disabled"):
        raise Refused("MalformedXML", "The Status must be Enabled or Disabled.")
    if not {"Expiration", "AbortIncompleteMultipartUpload"} & parts.keys():
        raise Refused("InvalidRequest", "At least one action needs to be specified in a rule.")
    days = expires_s = abort_days = None
    if (expiration := parts.get("Expiration")) is not None:
        days, expires_s = _expiration(expiration)
    if (abort := parts.get("AbortIncompleteMultipartUpload")) is not None:
        abort_days = _days(abort.find("DaysAfterInitiation"))
    return LifecycleRule(_prefix(parts), status == "Enabled", days, expires_s, abort_days)


def _prefix(parts: dict[str, Element]) -> str:
    if "Prefix" in parts:
        return parts["Prefix"].text
    inside = parts["Filter"].inside if "Filter" in parts else []
    if any(part.name != "Prefix" for part in inside) or len(inside) > 1:
        raise Refused("NotImplemented", "A lifecycle rule may only be filtered by Prefix here.")
    return inside[0].text if inside else ""


def _expiration(entry: Element) -> tuple[int | None, float | None]:
    names = [part.name for part in entry.inside]
    if names == ["Days"]:
        return _days(entry.find("Days")), None
    if names == ["Date"]:
        try:
            moment = datetime.fromisoformat((entry.find("Date") or "").strip())
        except ValueError:
            raise Refused("MalformedXML", "The Date must be in ISO 8601.") from None
        if moment.tzinfo is None or moment.timestamp() % _DAY_S:
            raise Refused("InvalidArgument", "'Date' must be at midnight GMT")
        return None, moment.timestamp()
    raise Refused("NotImplemented", "An Expiration must have either Days or Date here.")


def _days(text: str | None) -> int:
    return whole_number((text or "").strip(), "Days", 1, 2**31 - 1)


def put_lifecycle(context: Context, request: Request, received: Received) -> Answer:
    """Answer PutBucketLifecycleConfiguration."""
    require_bucket(context, request)
    rules_of(received.data)
    put_setting(context.store, request.bucket, _NAME, received.data)
    return Answer(200)


def get_lifecycle(context: Context, request: Request, _received: Received) -> Answer:
    """Answer GetBucketLifecycleConfiguration: the document as it was put."""
    document = setting(context.store, request.bucket, _NAME)
    if document is None:
        raise Refused("NoSuchLifecycleConfiguration", details=(("BucketName", request.bucket),))
    return Answer(200, (XML_TYPE,), document)


def delete_lifecycle(context: Context, request: Request, _received: Received) -> Answer:
    """Answer DeleteBucketLifecycle."""
    delete_setting(context.store, request.bucket, _NAME)
    return Answer(204)


def expire(context: Context) -> int:
    """Carry out every bucket's rules once; return how many objects were deleted and uploads ended.

    An object that is put anew meanwhile stays: it is deleted only while it still has the ETag that was looked at.
    """
    count = 0
    for bucket in context.store.buckets():
        if bucket.name.startswith(RESERVED_PREFIX):
            continue
        try:
            document = setting(context.store, bucket.name, _NAME)
            rules = [rule for rule in rules_of(document) if rule.is_enabled] if document is not None else []
            for rule in rules:
                count += _expire_objects(context, bucket.name, rule) + _end_uploads(context, bucket.name, rule)
        except NoSuchBucket:
            _log.info("the bucket %s went away while its objects expired", bucket.name)
    return count


def _expire_objects(context: Context, bucket: str, rule: LifecycleRule) -> int:
    now_s = context.now_s()
    count = 0
    for wishes in _expired(context, bucket, rule, now_s):
        results = context.store.history.delete(bucket, wishes)
        count += sum(not isinstance(result, Exception) for result in results)
    return count


def _expired(context: Context, bucket: str, rule: LifecycleRule, now_s: float) -> Iterator[list[Deletion]]:
    after, is_truncated = "", rule.expires_days is not None or rule.expires_s is not None
    while is_truncated:
        page = context.store.list(bucket, prefix=rule.prefix, after=after)
        wishes = [
            Deletion(info.key, if_match=info.etag) for info in page.objects if rule.is_expired(info.modified_s, now_s)
        ]
        if wishes:
            yield wishes
        after, is_truncated = page.next_after, page.is_truncated


def _end_uploads(context: Context, bucket: str, rule: LifecycleRule) -> int:
    if rule.abort_days is None:
        return 0
    now_s = context.now_s()
    count = 0
    for upload in context.uploads.in_bucket(bucket):
        if upload.key.startswith(rule.prefix) and now_s >= due_s(upload.created_s, rule.abort_days):
            with upload.lock:
                context.uploads.end(upload)
                for part in upload.parts.values():
                    for piece in part.staged:
                        context.store.discard(piece)
            count += 1
    return count
