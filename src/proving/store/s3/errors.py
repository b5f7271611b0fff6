"""What the S3 side refuses, each with the code and the HTTP status that S3 clients know.

proving.Error
├── Refused             one request is refused; `.code` is S3's word for why, `.status` the HTTP status
├── BadCredentials      the server's own key pair is missing or malformed; the server does not start
├── BadCertificate      the certificate or its key cannot be used for TLS; the server does not start
└── CannotListen        the address cannot be had, for one because the port is taken
"""

from proving.errors import Error
from proving.store import errors as store_errors

# Code -> (HTTP status, what to say where nothing more exact is known).
# Source: the error list of the S3 API reference.
CODES: dict[str, tuple[int, str]] = {
    "AccessControlListNotSupported": (400, "The bucket does not allow ACLs"),
    "AccessDenied": (403, "Access Denied"),
    "AccessForbidden": (403, "This is not allowed."),
    "AuthorizationHeaderMalformed": (400, "The authorization header is malformed."),
    "AuthorizationQueryParametersError": (400, "The authorization query parameters are malformed."),
    "BadDigest": (400, "The checksum you specified did not match what was received."),
    "BadRequest": (400, "The request is no HTTP request that this server takes."),
    "BucketAlreadyOwnedByYou": (409, "The bucket exists and you own it."),
    "BucketNotEmpty": (409, "The bucket you tried to delete is not empty."),
    "EntityTooLarge": (400, "Your upload exceeds the largest size allowed."),
    "EntityTooSmall": (400, "A part that is not the last is smaller than the smallest size allowed."),
    "IncompleteBody": (400, "The body is shorter or longer than the length that the headers promise."),
    "InsufficientStorage": (507, "The disk is full."),
    "InternalError": (500, "The server failed at this request. Please try again."),
    "InvalidAccessKeyId": (403, "The access key you provided is not known here."),
    "InvalidArgument": (400, "An argument is not valid."),
    "InvalidBucketName": (400, "The bucket name is not valid."),
    "InvalidDigest": (400, "The Content-MD5 or checksum value is not valid."),
    "InvalidPart": (400, "A part was not found, or its ETag or checksum does not match."),
    "InvalidPartOrder": (400, "The parts are not in rising order of their numbers."),
    "InvalidPartNumber": (416, "The part number asked for is not there."),
    "InvalidRange": (416, "The range asked for cannot be given."),
    "InvalidRequest": (400, "The request is not valid."),
    "InvalidStorageClass": (400, "The storage class is not known here."),
    "InvalidTag": (400, "A tag is not valid."),
    "InvalidURI": (400, "The address cannot be read."),
    "KeyTooLongError": (400, "The key is longer than 1,024 bytes."),
    "InvalidPolicyDocument": (400, "The content of the form does not meet the conditions specified in the policy."),
    "MalformedACLError": (400, "The access control list is not well formed or not of the expected shape."),
    "MalformedPOSTRequest": (400, "The body of your POST request is not well-formed multipart/form-data."),
    "MalformedPolicy": (400, "This policy contains invalid Json"),
    "MaxPostPreDataLengthExceededError": (
        400,
        "Your POST request fields preceding the upload file were too large.",
    ),
    "MalformedTrailerError": (400, "The trailer is not what x-amz-trailer promised."),
    "MalformedXML": (400, "The XML is not well formed or not of the expected shape."),
    "MetadataTooLarge": (400, "The user metadata is larger than 2,048 bytes."),
    "MethodNotAllowed": (405, "The method is not allowed against this resource."),
    "MissingContentLength": (411, "The Content-Length header is required."),
    "MissingSecurityHeader": (400, "Your request is missing a required header."),
    "NoSuchBucketPolicy": (404, "The bucket policy does not exist"),
    "NoSuchCORSConfiguration": (404, "The CORS configuration does not exist"),
    "NoSuchLifecycleConfiguration": (404, "The lifecycle configuration does not exist"),
    "NoSuchPublicAccessBlockConfiguration": (404, "The public access block configuration was not found"),
    "NoSuchTagSet": (404, "The TagSet does not exist"),
    "NoSuchWebsiteConfiguration": (404, "The specified bucket does not have a website configuration"),
    "ObjectLockConfigurationNotFoundError": (404, "Object Lock configuration does not exist for this bucket"),
    "OwnershipControlsNotFoundError": (404, "The bucket ownership controls were not found"),
    "ReplicationConfigurationNotFoundError": (404, "The replication configuration was not found"),
    "ServerSideEncryptionConfigurationNotFoundError": (
        404,
        "The server side encryption configuration was not found",
    ),
    "NoSuchBucket": (404, "The bucket does not exist."),
    "NoSuchKey": (404, "The key does not exist."),
    "NoSuchUpload": (404, "The multipart upload does not exist; it may have been aborted or completed."),
    "NoSuchVersion": (404, "The version does not exist."),
    "NotImplemented": (501, "This is not implemented."),
    "NotModified": (304, ""),
    "OperationAborted": (409, "A conflicting operation is in progress on this resource; try again."),
    "PreconditionFailed": (412, "At least one of the preconditions does not hold."),
    "RequestHeaderSectionTooLarge": (400, "The request line and headers are too large."),
    "RequestTimeTooSkewed": (403, "The request's time and the server's differ by more than 15 minutes."),
    "RequestTimeout": (400, "The request did not arrive within the time allowed."),
    "SignatureDoesNotMatch": (403, "The signature does not match; check the secret key and the way of signing."),
    "ServiceUnavailable": (503, "The disk failed; the store takes no changes until it is looked after."),
    "SlowDown": (503, "Too much at once; try again later."),
    "UnexpectedContent": (400, "This request does not support content."),
    "XAmzContentSHA256Mismatch": (400, "The x-amz-content-sha256 header does not match the body."),
}


class Refused(Error, ValueError):
    """One request is refused.

    Attributes:
        code: S3's word for the reason, a key of `CODES`.
        status: the HTTP status.
        message: one line for people.
        details: more elements of the error document, such as ("Key", "a/b").
        headers: more headers of the answer.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        details: tuple[tuple[str, str], ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.status, usual = CODES[code]
        self.code = code
        self.message = message or usual
        self.details = details
        self.headers = headers
        super().__init__(f"{code}: {self.message}")


class BadCredentials(Error, ValueError):
    """The key pair that the server should check requests against is missing or malformed."""


class BadCertificate(Error, ValueError):
    """The certificate or its key cannot be used for TLS."""


class CannotListen(Error, OSError):
    """The address cannot be had, for one because the port is taken."""


def refused_by(error: Exception) -> Refused:
    """Return an error of the store, or any other, in S3's words."""
    if isinstance(error, Refused):
        return error
    for kind, code in _CODE_OF.items():
        if isinstance(error, kind):
            return Refused(code)
    return Refused("InternalError", str(error) if isinstance(error, Error) else "")


_CODE_OF: dict[type[Exception], str] = {
    store_errors.NoSuchBucket: "NoSuchBucket",
    store_errors.NoSuchKey: "NoSuchKey",
    store_errors.BucketExists: "BucketAlreadyOwnedByYou",
    store_errors.BucketNotEmpty: "BucketNotEmpty",
    store_errors.PreconditionFailed: "PreconditionFailed",
    store_errors.TooLarge: "EntityTooLarge",
    store_errors.DiskFull: "InsufficientStorage",
    store_errors.ReadOnly: "ServiceUnavailable",
}
