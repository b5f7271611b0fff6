"""Canned access control lists: what each grants, and how it is kept with an object or a bucket.

One owner has all buckets and objects, so only what strangers are granted tells one list from another. Source: "Access
control list (ACL) overview" in the S3 user guide.
"""

from collections.abc import Mapping

from proving.store.s3.errors import Refused

HEADER = "x-amz-acl"
STORED = ":acl"
SETTING = "acl"
ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
SIGNED_USERS = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
READER_OF = {"public-read": ALL_USERS, "authenticated-read": SIGNED_USERS}
"""The group that a list lets read; lists that are not here let nobody."""
PRIVATE = "private"
_OWNERS = frozenset((PRIVATE, "bucket-owner-read", "bucket-owner-full-control"))
_NOT_YET = frozenset(("public-read-write", "aws-exec-read", "log-delivery-write"))
_READS = frozenset(("GetObject", "HeadObject"))
_LISTS = frozenset(("ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads", "HeadBucket"))


def check_canned(name: str, *, grants_by_acl: bool) -> None:
    """Refuse a list that is not known, or that grants something where lists may not.

    Raises:
        Refused: AccessControlListNotSupported where lists grant nothing, as S3 says where they are disabled.
    """
    if name in _NOT_YET:
        raise Refused("NotImplemented", f"The access control list {name} is not implemented.")
    if name not in _OWNERS and name not in READER_OF:
        details = (("ArgumentName", HEADER), ("ArgumentValue", name))
        raise Refused("InvalidArgument", "The access control list is not known.", details)
    if name in READER_OF and not grants_by_acl:
        raise Refused("AccessControlListNotSupported")


def stored_list(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what to store with an object of the list that a write asks for; a list that grants nothing is none."""
    name = headers.get(HEADER, PRIVATE)
    return {STORED: name} if name in READER_OF else {}


def reads_objects(operation: str) -> bool:
    """Return whether the right to read an object is enough for an operation."""
    return operation in _READS


def lists_objects(operation: str) -> bool:
    """Return whether the right to read a bucket, which is to list it, is enough for an operation."""
    return operation in _LISTS


def lets_read(name: str, *, is_signed: bool) -> bool:
    """Return whether a list lets somebody read who has no right to."""
    group = READER_OF.get(name)
    return group == ALL_USERS or (group == SIGNED_USERS and is_signed)
