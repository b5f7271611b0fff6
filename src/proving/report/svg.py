"""Lets SVG text into a page: what is no plain drawing is refused, ids are kept apart, colours follow the page."""

import re
from xml.etree import ElementTree

from proving.report.errors import UnsafeSvg

# fmt: off
ELEMENTS = frozenset((
    "svg", "g", "defs", "path", "use", "text", "tspan", "rect", "circle", "ellipse", "line", "polyline", "polygon",
    "clipPath", "image", "linearGradient", "radialGradient", "stop", "mask", "pattern",
))
ATTRIBUTES = frozenset((
    "id", "d", "x", "y", "x1", "x2", "y1", "y2", "r", "rx", "ry", "cx", "cy", "fx", "fy", "dx", "dy", "width",
    "height", "viewBox", "version", "points", "transform", "style", "offset", "preserveAspectRatio", "clip-path",
    "mask", "fill", "stroke", "opacity", "gradientUnits", "gradientTransform", "patternUnits", "clipPathUnits",
    "maskUnits",
))
# fmt: on
LOCAL_OR_INLINE = re.compile(r"#[\w.-]+|data:image/(png|jpeg);base64,[\w+/=\s]*")
OUTWARD = re.compile(r"url\((?!#)|@import|expression\(|javascript:", re.IGNORECASE)
SVG_SPACE = "{http://www.w3.org/2000/svg}"
XLINK_HREF = "{http://www.w3.org/1999/xlink}href"


def require_safe_svg(svg: str) -> None:
    """Refuse SVG text that is more than a drawing.

    Raises:
        UnsafeSvg: it is not well formed, or has a declaration, an element, an attribute or an address that a
            drawing does not need.
    """
    if "<!" in svg or "<?" in svg:
        raise UnsafeSvg("the SVG has a declaration or comment; pass a matplotlib figure through proving.report.figure")
    for element in _parsed(svg).iter():
        _require_safe(element)


def clean_svg(svg: str) -> str:
    """Return a whole SVG file as text that can stand inside HTML: no declarations, style sheet or unused ids.

    Raises:
        UnsafeSvg: what is left is still more than a drawing.
    """
    root = _parsed(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in {f"{SVG_SPACE}style", f"{SVG_SPACE}metadata"}:
                parent.remove(child)
    used = set(re.findall(r"#([\w.-]+)", svg))
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        address = element.attrib.pop(XLINK_HREF, None)
        if address is not None:
            element.set("href", address)
        element.tag = element.tag.removeprefix(SVG_SPACE)
        if "d" in element.attrib:
            element.set("d", element.attrib["d"].replace("\n", "").strip())
        if element.tag not in {"text", "tspan"}:
            element.text = None
        element.tail = None
    text = ElementTree.tostring(root, encoding="unicode")
    require_safe_svg(text)
    return text


def scoped_svg(svg: str, prefix: str) -> str:
    """Return the SVG with `prefix` before each id, so that two drawings in one page do not share any."""
    renamed = re.sub(r'(\sid=")', rf"\g<1>{prefix}", svg)
    renamed = re.sub(r'(\shref="#)', rf"\g<1>{prefix}", renamed)
    return re.sub(r"(url\(#)", rf"\g<1>{prefix}", renamed)


def _parsed(svg: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(svg)  # noqa: S314  expat of the last years caps entity expansion by itself
    except ElementTree.ParseError as error:
        raise UnsafeSvg(f"the SVG is not well formed: {error}") from None


def _require_safe(element: ElementTree.Element) -> None:
    if element.tag not in ELEMENTS:
        raise UnsafeSvg(f"the SVG has the element {element.tag!r}, which is not part of a drawing")
    for name, value in element.attrib.items():
        if name == "href":
            if not LOCAL_OR_INLINE.fullmatch(value):
                raise UnsafeSvg(f"the SVG points outside itself: {value[:60]!r}")
        elif name not in ATTRIBUTES:
            raise UnsafeSvg(f"the SVG has the attribute {name!r}, which is not part of a drawing")
        elif OUTWARD.search(value):
            raise UnsafeSvg(f"the SVG points outside itself: {value[:60]!r}")
