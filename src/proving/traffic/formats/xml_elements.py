"""Elements of an XML file, one after the other, each with its line; entities are refused."""

import gzip
import xml.parsers.expat
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

from proving.traffic.errors import BadNetwork, NoSuchFile

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Element:
    """An element with all that is inside it.

    Attributes:
        tag: its name.
        attributes: its attributes, as written.
        file: where it stands.
        line: in which line it begins.
        children: what is inside, in order.
    """

    tag: str
    attributes: dict[str, str]
    file: Path
    line: int
    children: list["Element"] = field(default_factory=list)

    def bad(self, problem: str) -> BadNetwork:
        """Return the error that names file, line and element."""
        name = self.attributes.get("id", "")
        return BadNetwork(f"{self.file}:{self.line}: {self.tag}{f' {name!r}' if name else ''}: {problem}")

    def text(self, name: str, default: str | None = None) -> str:
        """Return an attribute; BadNetwork where it is missing and there is no default."""
        value = self.attributes.get(name, default)
        if value is None:
            raise self.bad(f"has no attribute {name!r}")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """Return an attribute as a number; BadNetwork where it is none."""
        if name not in self.attributes and default is not None:
            return default
        text = self.text(name)
        try:
            value = float(text)
        except ValueError:
            raise self.bad(f"{name} must be a number, not {text!r}") from None
        if value != value:  # noqa: PLR0124
            raise self.bad(f"{name} must be a number, not {text!r}")
        return value

    def integer(self, name: str, default: int | None = None) -> int:
        """Return an attribute as a whole number; BadNetwork where it is none."""
        value = self.number(name, default)
        if value != int(value):
            raise self.bad(f"{name} must be a whole number, not {value}")
        return int(value)

    def words(self, name: str) -> tuple[str, ...]:
        """Return an attribute's words; none where it is missing."""
        return tuple(self.attributes.get(name, "").split())

    def points(self, name: str = "shape") -> tuple[tuple[float, float], ...]:
        """Return an attribute's points, heights left out."""
        try:
            return tuple((float(one.split(",")[0]), float(one.split(",")[1])) for one in self.words(name))
        except (ValueError, IndexError):
            raise self.bad(f"{name} must be points such as 1.0,2.0, not {self.text(name)!r}") from None


def children_of_root(file: Path, roots: tuple[str, ...]) -> Iterator[Element]:
    """Yield each element inside the root element, as soon as it is read; memory holds one of them at a time.

    Args:
        file: an XML file, `.gz` too.
        roots: names that the root element may have.

    Raises:
        NoSuchFile: it is not there.
        BadNetwork: it is no well-formed XML, has another root, or declares entities (which can grow without bounds).
    """
    stack: list[Element] = []
    done: list[Element] = []
    parser = xml.parsers.expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag=tag, attributes=attributes, file=file, line=parser.CurrentLineNumber)
        if not stack and tag not in roots:
            raise BadNetwork(f"{file}:{element.line}: expected <{'> or <'.join(roots)}>, found <{tag}>")
        stack.append(element)

    def end(tag: str) -> None:
        del tag
        element = stack.pop()
        if len(stack) == 1:
            done.append(element)
        elif stack:
            stack[-1].children.append(element)

    def entity(*declaration: object) -> None:
        raise BadNetwork(f"{file}:{parser.CurrentLineNumber}: declares an entity ({declaration[0]}), which is refused")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.EntityDeclHandler = entity
    with _opened(file) as stream:
        try:
            while chunk := stream.read(CHUNK_BYTES):
                parser.Parse(chunk, False)
                yield from done
                done.clear()
            parser.Parse(b"", True)
        except xml.parsers.expat.ExpatError as error:
            raise BadNetwork(f"{file}:{error.lineno}: is no well-formed XML: {error}") from None
        except (gzip.BadGzipFile, EOFError) as error:
            raise BadNetwork(f"{file}: is no complete gzip file: {error}") from None
    yield from done


def _opened(file: Path) -> BufferedReader | gzip.GzipFile:
    if not file.is_file():
        raise NoSuchFile(f"{file}: no such file")
    return gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb")
