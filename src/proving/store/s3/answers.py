"""Write the XML documents of S3's answers, error documents included."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from proving.store.s3.errors import Refused
from proving.store.s3.head import Answer

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
XML_TYPE = ("Content-Type", "application/xml")
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
# Control characters are written as references, as S3 does; XML 1.0 forbids them even so, which is why clients ask for
# encoding-type=url.
_TO_ESCAPE = re.compile(r'[&<>"\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]')
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def text_of(text: str) -> str:
    """Return `text` as it may stand between tags."""
    return _TO_ESCAPE.sub(lambda match: _NAMED.get(match[0]) or f"&#x{ord(match[0]):x};", text)


def element(name: str, content: str | int | bool) -> str:
    """Return an element with text inside."""
    if isinstance(content, bool):
        content = "true" if content else "false"
    return f"<{name}>{text_of(content) if isinstance(content, str) else content}</{name}>"


def nest(name: str, children: Iterable[str]) -> str:
    """Return an element with elements inside."""
    return f"<{name}>{''.join(children)}</{name}>"


def document(name: str, children: Iterable[str], headers: Sequence[tuple[str, str]] = ()) -> Answer:
    """Return a 200 with a document in S3's namespace."""
    text = f'{_DECLARATION}<{name} xmlns="{NAMESPACE}">{"".join(children)}</{name}>'
    return Answer(200, (XML_TYPE, *headers), text.encode())


def plain_document(name: str, children: Iterable[str]) -> bytes:
    """Return a document in no namespace."""
    return f"{_DECLARATION}{nest(name, children)}".encode()


def refusal(refused: Refused, resource: str, request_id: str) -> Answer:
    """Return the answer that tells a client what was wrong."""
    if refused.status == 304:
        return Answer(304, refused.headers)
    children = [element("Code", refused.code), element("Message", refused.message)]
    children += [element(name, value) for name, value in refused.details]
    children += [element("Resource", resource), element("RequestId", request_id), element("HostId", request_id)]
    return Answer(refused.status, (XML_TYPE, *refused.headers), plain_document("Error", children))


def iso_time(seconds: float) -> str:
    """Return a time as S3 writes it in XML: UTC with milliseconds."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def url_encoded(text: str) -> str:
    """Return a key as encoding-type=url asks for it."""
    return quote(text, safe="/-_.~*")
