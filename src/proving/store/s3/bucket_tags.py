"""The tags of a bucket: kept and given back, of no other consequence."""

from proving.store.s3.answers import XML_TYPE
from proving.store.s3.buckets import require_bucket
from proving.store.s3.configuration import delete_setting, put_setting, setting
from proving.store.s3.context import Context
from proving.store.s3.errors import Refused
from proving.store.s3.head import Answer
from proving.store.s3.intake import Received
from proving.store.s3.requests import Request
from proving.store.s3.tags import from_document

_NAME = "tagging"
_MOST = 50


def put_tagging(context: Context, request: Request, received: Received) -> Answer:
    """Answer PutBucketTagging."""
    require_bucket(context, request)
    from_document(received.data, _MOST)
    put_setting(context.store, request.bucket, _NAME, received.data)
    return Answer(204)


def get_tagging(context: Context, request: Request, _received: Received) -> Answer:
    """Answer GetBucketTagging: the document as it was put."""
    document = setting(context.store, request.bucket, _NAME)
    if document is None:
        raise Refused("NoSuchTagSet", details=(("BucketName", request.bucket),))
    return Answer(200, (XML_TYPE,), document)


def delete_tagging(context: Context, request: Request, _received: Received) -> Answer:
    """Answer DeleteBucketTagging; none that are there is fine."""
    delete_setting(context.store, request.bucket, _NAME)
    return Answer(204)
