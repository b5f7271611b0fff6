"""Bucket settings that this node does not have: asked for, they are "not configured", as S3 says of a new bucket."""

from proving.store.s3.answers import document, element
from proving.store.s3.buckets import require_bucket
from proving.store.s3.context import Context, Operation
from proving.store.s3.errors import Refused
from proving.store.s3.head import Answer
from proving.store.s3.intake import Received
from proving.store.s3.requests import Request

# The parameter that asks for a setting -> the error of a bucket that has none.
NOT_CONFIGURED = {
    "encryption": "ServerSideEncryptionConfigurationNotFoundError",
    "object-lock": "ObjectLockConfigurationNotFoundError",
    "ownershipControls": "OwnershipControlsNotFoundError",
    "publicAccessBlock": "NoSuchPublicAccessBlockConfiguration",
    "replication": "ReplicationConfigurationNotFoundError",
    "website": "NoSuchWebsiteConfiguration",
}
# The parameter -> the document that says that there is none.
EMPTY = {
    "accelerate": ("AccelerateConfiguration", ()),
    "logging": ("BucketLoggingStatus", ()),
    "notification": ("NotificationConfiguration", ()),
    "requestPayment": ("RequestPaymentConfiguration", (element("Payer", "BucketOwner"),)),
}


def operations() -> dict[str, Operation]:
    """Return what answers each of these operations, by the name that the routes give it."""
    return {f"GetBucket:{name}": _answering(name) for name in (*NOT_CONFIGURED, *EMPTY)}


def _answering(name: str) -> Operation:
    def answer(context: Context, request: Request, _received: Received) -> Answer:
        require_bucket(context, request)
        if name in EMPTY:
            return document(*EMPTY[name])
        raise Refused(NOT_CONFIGURED[name], details=(("BucketName", request.bucket),))

    return answer
