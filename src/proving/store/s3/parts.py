"""The parts that an object was uploaded in: remembered in its metadata, read by number, told as attributes."""

import itertools
from collections.abc import Mapping, Sequence

from proving.store.s3 import properties
from proving.store.s3.answers import document, element, nest
from proving.store.s3.context import Context
from proving.store.s3.errors import Refused
from proving.store.s3.head import Answer
from proving.store.s3.intake import Received
from proving.store.s3.requests import Request, whole_number
from proving.store.s3.versions import asked_version, find, version_headers
from proving.store.s3.wire import http_date

STORED = ":parts"
NUMBER_LIMIT = 10_000
_LIST_LIMIT = 1000
_ATTRIBUTES = frozenset(("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"))


def stored(sizes_bytes: Sequence[int]) -> dict[str, str]:
    """Return what to remember of the parts' sizes: each run of equal sizes as SIZExCOUNT."""
    runs = (f"{size}x{len(list(run))}" for size, run in itertools.groupby(sizes_bytes))
    return {STORED: ",".join(runs)}


def sizes_of(metadata: Mapping[str, str]) -> list[int]:
    """Return the sizes of the parts in order; none where the object was put whole."""
    runs = (run.partition("x") for run in metadata.get(STORED, "").split(",") if run)
    return [int(size) for size, _, count in runs for _ in range(int(count))]


def chosen_part(text: str, metadata: Mapping[str, str], size_bytes: int) -> tuple[int, int, int]:
    """Return the first byte and the count of a part, and how many parts there are; 0 where it was put whole.

    Raises:
        Refused: there is no such part.
    """
    number = whole_number(text, "partNumber", 1, NUMBER_LIMIT)
    sizes = sizes_of(metadata) or [size_bytes]
    if number > len(sizes):
        details = (("ActualPartCount", str(len(sizes))), ("PartNumberRequested", text))
        raise Refused("InvalidPartNumber", details=details)
    return sum(sizes[: number - 1]), sizes[number - 1], len(sizes) if STORED in metadata else 0


def get_attributes(context: Context, request: Request, _received: Received) -> Answer:
    """Answer GetObjectAttributes."""
    wanted = {name.strip() for name in request.headers.get("x-amz-object-attributes", "").split(",")} - {""}
    if not wanted or not wanted <= _ATTRIBUTES:
        raise Refused("InvalidArgument", f"x-amz-object-attributes must name some of {', '.join(sorted(_ATTRIBUTES))}.")
    info = find(context, request.bucket, request.key, asked_version(request.query))
    children = [element("ETag", info.etag)] if "ETag" in wanted else []
    told = properties.checksum_texts(info.metadata)
    if "Checksum" in wanted and told:
        children.append(nest("Checksum", told))
    if "ObjectParts" in wanted and STORED in info.metadata:
        children.append(_part_elements(request, sizes_of(info.metadata)))
    if "StorageClass" in wanted:
        children.append(element("StorageClass", "STANDARD"))
    if "ObjectSize" in wanted:
        children.append(element("ObjectSize", info.size_bytes))
    headers = [("Last-Modified", http_date(int(info.modified_s)))]
    headers += version_headers(context, request.bucket, info.version)
    return document("GetObjectAttributesResponse", children, headers)


def _part_elements(request: Request, sizes: Sequence[int]) -> str:
    after = whole_number(request.headers.get("x-amz-part-number-marker") or "0", "x-amz-part-number-marker", 0, 1 << 31)
    most = whole_number(request.headers.get("x-amz-max-parts") or "1000", "x-amz-max-parts", 0, 1 << 31)
    numbers = range(after + 1, min(len(sizes), after + min(most, _LIST_LIMIT)) + 1)
    children = [element("PartsCount", len(sizes)), element("PartNumberMarker", after)]
    if numbers:
        children.append(element("NextPartNumberMarker", numbers[-1]))
    children.append(element("MaxParts", min(most, _LIST_LIMIT)))
    children.append(element("IsTruncated", after + len(numbers) < len(sizes) and bool(numbers)))
    children += [
        nest("Part", (element("PartNumber", number), element("Size", sizes[number - 1]))) for number in numbers
    ]
    return nest("ObjectParts", children)
