"""Read the XML documents that clients send: no entities, no document types, bounded size and depth."""

import xml.parsers.expat
from dataclasses import dataclass, field
from typing import NoReturn

from proving.store.s3.errors import Refused

SIZE_LIMIT_BYTES = 8 << 20
_DEPTH_LIMIT = 8
_ELEMENT_LIMIT = 200_000


@dataclass(slots=True)
class Element:
    """One element without its namespace: its name, its text and the elements inside."""

    name: str
    text: str = ""
    inside: list["Element"] = field(default_factory=list)

    def find(self, name: str) -> str | None:
        """Return the text of the first element inside that is called `name`."""
        return next((element.text for element in self.inside if element.name == name), None)


def parse_document(data: bytes, root_name: str) -> Element:
    """Return the root of `data`, which must be called `root_name`, in S3's namespace or in none.

    Raises:
        Refused: not well formed, too deep, too large, or with a document type.
    """
    if len(data) > SIZE_LIMIT_BYTES:
        raise Refused("MalformedXML", "The document is too large.")
    builder = _Builder()
    parser = xml.parsers.expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = _refuse_document_type
    try:
        parser.Parse(data, True)
    except xml.parsers.expat.ExpatError:
        raise Refused("MalformedXML") from None
    if builder.root is None or builder.root.name != root_name:
        raise Refused("MalformedXML", f"The document must be a {root_name}.")
    return builder.root


class _Builder:
    """Builds the tree while the parser goes through the document."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        element = Element(name.rpartition(" ")[2])
        self._count += 1
        if len(self._open) >= _DEPTH_LIMIT or self._count > _ELEMENT_LIMIT:
            raise Refused("MalformedXML", "The document is too deep or has too many elements.")
        if self._open:
            self._open[-1].inside.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, text: str) -> None:
        self._open[-1].text += text


def _refuse_document_type(*_: object) -> NoReturn:
    raise Refused("MalformedXML", "A document type is not allowed.")
