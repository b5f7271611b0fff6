"""The operations on access control lists: told as grants, set as a canned list or as the grants of one."""

from proving.store.s3 import canned
from proving.store.s3.answers import document, element, nest
from proving.store.s3.buckets import OWNER, require_bucket
from proving.store.s3.configuration import delete_setting, put_setting, setting
from proving.store.s3.context import Context
from proving.store.s3.documents import Element, parse_document
from proving.store.s3.errors import Refused
from proving.store.s3.head import Answer
from proving.store.s3.intake import Received
from proving.store.s3.requests import OWNER_ID, Request
from proving.store.s3.versions import asked_version, find, version_headers

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_FULL = "FULL_CONTROL"


def get_acl(context: Context, request: Request, _received: Received) -> Answer:
    """Answer GetBucketAcl and GetObjectAcl: the owner has full control; others read where a list lets them."""
    require_bucket(context, request)
    name, headers = canned.PRIVATE, ()
    if request.key:
        info = find(context, request.bucket, request.key, asked_version(request.query))
        name = info.metadata.get(canned.STORED, name)
        headers = version_headers(context, request.bucket, info.version)
    else:
        name = (setting(context.store, request.bucket, canned.SETTING) or name.encode()).decode()
    owner = f"{element('ID', OWNER_ID)}{element('DisplayName', OWNER_ID)}"
    grants = [_grant("CanonicalUser", owner, _FULL)]
    if name in canned.READER_OF and context.grants_by_acl:
        grants.append(_grant("Group", element("URI", canned.READER_OF[name]), "READ"))
    return document("AccessControlPolicy", (OWNER, nest("AccessControlList", grants)), headers)


def put_acl(context: Context, request: Request, received: Received) -> Answer:
    """Answer PutBucketAcl and PutObjectAcl: a canned list, or grants that are those of one."""
    require_bucket(context, request)
    name = request.headers.get(canned.HEADER)
    if received.data.strip():
        if name is not None:
            raise Refused("UnexpectedContent")
        name = _named(parse_document(received.data, "AccessControlPolicy"))
        canned.check_canned(name, grants_by_acl=context.grants_by_acl)
    if name is None:
        raise Refused("MissingSecurityHeader", "The access control list is missing.")
    if not request.key:
        set_bucket_list(context, request.bucket, name)
        return Answer(200)
    asked = asked_version(request.query)
    found = find(context, request.bucket, request.key, asked)
    wanted = name if name in canned.READER_OF else None
    if found.metadata.get(canned.STORED) != wanted:
        context.store.history.describe(request.bucket, request.key, {canned.STORED: wanted}, asked)
    return Answer(200, version_headers(context, request.bucket, found.version))


def set_bucket_list(context: Context, bucket: str, name: str) -> None:
    """Keep a bucket's list; it is durable when this returns."""
    if name in canned.READER_OF:
        put_setting(context.store, bucket, canned.SETTING, name.encode())
    else:
        delete_setting(context.store, bucket, canned.SETTING)


def _grant(kind: str, grantee: str, permission: str) -> str:
    told = f'<Grantee xmlns:xsi="{_XSI}" xsi:type="{kind}">{grantee}</Grantee>'
    return nest("Grant", (told, element("Permission", permission)))


def _named(policy: Element) -> str:
    """Return the canned list whose grants a document gives.

    Raises:
        Refused: MalformedACLError, or the grants are those of no list that is here.
    """
    grants = [grant for part in policy.inside if part.name == "AccessControlList" for grant in part.inside]
    given = set()
    for grant in grants:
        grantee = next((part for part in grant.inside if part.name == "Grantee"), None)
        permission = grant.find("Permission")
        if grant.name != "Grant" or grantee is None or permission is None:
            raise Refused("MalformedACLError")
        given.add((grantee.find("URI") or grantee.find("ID") or "", permission.strip()))
    others = given - {(OWNER_ID, _FULL)}
    for name, group in ((canned.PRIVATE, ""), *canned.READER_OF.items()):
        if len(given) > len(others) and others == ({(group, "READ")} if group else set()):
            return name
    raise Refused("NotImplemented", "Only the owner's full control, and all users' or all signers' reading are grants.")
