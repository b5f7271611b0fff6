"""The operations on a bucket's policy; what it means is in `policy`, and who asks it is `authority`."""

from proving.store.s3.answers import document, element
from proving.store.s3.authority import POLICY
from proving.store.s3.buckets import require_bucket
from proving.store.s3.configuration import delete_setting, put_setting, setting
from proving.store.s3.context import Context
from proving.store.s3.errors import Refused
from proving.store.s3.head import Answer
from proving.store.s3.intake import Received
from proving.store.s3.policy import policy_of
from proving.store.s3.requests import Request


def put_policy(context: Context, request: Request, received: Received) -> Answer:
    """Answer PutBucketPolicy."""
    require_bucket(context, request)
    policy_of(received.data, request.bucket)
    put_setting(context.store, request.bucket, POLICY, received.data)
    return Answer(204)


def get_policy(context: Context, request: Request, _received: Received) -> Answer:
    """Answer GetBucketPolicy: the document as it was put."""
    return Answer(200, (("Content-Type", "application/json"),), _document(context, request))


def delete_policy(context: Context, request: Request, _received: Received) -> Answer:
    """Answer DeleteBucketPolicy; one that is not there is fine."""
    delete_setting(context.store, request.bucket, POLICY)
    return Answer(204)


def get_policy_status(context: Context, request: Request, _received: Received) -> Answer:
    """Answer GetBucketPolicyStatus."""
    is_public = policy_of(_document(context, request), request.bucket).is_public
    return document("PolicyStatus", (element("IsPublic", is_public),))


def _document(context: Context, request: Request) -> bytes:
    found = setting(context.store, request.bucket, POLICY)
    if found is None:
        raise Refused("NoSuchBucketPolicy", details=(("BucketName", request.bucket),))
    return found
