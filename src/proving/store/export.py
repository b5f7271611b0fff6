"""Taking everything out of a store, and putting it into another: bytes, descriptions, versions and times, exactly.

An export is a folder, or one tar file, of pairs of files in this order:

    000000000001.json   what one bucket, object, older version or delete marker is called, and what is known of it
    000000000001.data   its bytes; only objects and older versions have them

The JSON of an object says how its bytes are cut, and gives the CRC32C of each piece; who reads it compares them. Keys
are not file names, so any key comes through, and nothing is written outside the folder. The last file, `end.json`,
tells how many there were.
"""

import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from proving.store import changes, entries, versions
from proving.store.chunk import crc32c
from proving.store.engine import Engine
from proving.store.entries import Entry, Facts, Locator, Name
from proving.store.errors import BucketExists, NotAnExport
from proving.store.index import View
from proving.store.journal import Beside

_FORMAT = "proving store export 1"
_END = "end.json"


@dataclass(frozen=True, slots=True)
class Exported:
    """How much was taken out or put in."""

    bucket_count: int = 0
    object_count: int = 0
    size_bytes: int = 0

    def and_(self, name: Name, size_bytes: int) -> "Exported":
        """Return it with one more."""
        is_bucket = name.startswith(b"b")
        return Exported(
            self.bucket_count + is_bucket, self.object_count + (not is_bucket), self.size_bytes + size_bytes
        )


class _Sink(Protocol):
    def add(self, name: str, size_bytes: int, pieces: Iterator[bytes]) -> None: ...


def export_to(engine: Engine, place: Path) -> Exported:
    """Write all that a store holds to a new folder, or to a new file if `place` ends in .tar; durable on return.

    It goes on beside all other work; what is changed meanwhile is in it or not, each object as it was at one moment.

    Raises:
        FileExistsError: something is there already.
        Corrupt, DiskFailed: something cannot be read; what was written is left behind, without its end.
    """
    if place.exists():
        raise FileExistsError(17, "there is something already", str(place))
    with _sink(place) as sink:
        done = Exported()
        for name in engine.walk((b"b", b"c"), (b"o", b"p"), (b"v", b"w")):
            with engine.gate:
                found = engine.index.pinned(name)
                if found is None:
                    continue
                value, locators = found
                number = f"{done.bucket_count + done.object_count + 1:012d}"
                try:
                    size_bytes = sum(locator.size_bytes for locator in locators)
                    _add_json(sink, f"{number}.json", _told(name, value, locators))
                    if locators:
                        sink.add(f"{number}.data", size_bytes, map(engine.extents.read, locators))
                finally:
                    engine.extents.unpin(locator.extent for locator in locators)
                done = done.and_(name, size_bytes)
        _add_json(sink, _END, {"format": _FORMAT, **asdict(done)})
    return done


def import_from(engine: Engine, place: Path) -> Exported:
    """Put all that an export holds into a store that has none of its buckets; durable on return.

    Raises:
        BucketExists: the store has one of them; nothing is put.
        NotAnExport: `place` is none, or not whole; what came before that is put.
        DiskFull, DiskFailed: the disk refused.
    """
    for document, _ in _records(place):
        if document["kind"] == "bucket" and engine.index.get(entries.bucket_name(document["name"])) is not None:
            raise BucketExists(f"the bucket '{document['name']}' is there already; import into an empty store")
    done = Exported()
    for document, data in _records(place):
        with engine.gate:
            name, size_bytes = _put(engine, document, data)
        done = done.and_(name, size_bytes)
    return done


def _told(name: Name, value: bytes, locators: list[Locator]) -> dict[str, Any]:
    """Return what the JSON of an entry says."""
    if name.startswith(b"b"):
        return {"kind": "bucket", **asdict(entries.bucket_of(name, value))}
    bucket, _, key = name[1:].partition(b"\0")
    is_current = name.startswith(b"o")
    if not is_current:
        key = versions.key_of(name, bucket.decode())
    facts = entries.facts_of(value)
    return {
        "kind": "object" if is_current else "older",
        "bucket": bucket.decode(),
        "key": key.decode(),
        "facts": facts._asdict(),
        "pieces": [[locator.size_bytes, locator.crc] for locator in locators],
    }


def _put(engine: Engine, document: dict[str, Any], data: IO[bytes] | None) -> tuple[Name, int]:
    """Put one bucket, object or older version; return the name of its entry and its size."""
    try:
        if document["kind"] == "bucket":
            name = entries.bucket_name(document["name"])
            value = entries.bucket_value(float(document["created_s"]), document["versioning"])
            engine.commit(lambda view, place: [(name, value)], len(name) + len(value))
            return name, 0
        facts = Facts(**document["facts"])
        bucket, key = document["bucket"], document["key"]
        is_current = document["kind"] == "object"
        name = entries.object_name(bucket, key) if is_current else versions.history_name(bucket, key, facts.order)
        pieces = [(int(size), int(crc)) for size, crc in document["pieces"]]
    except (KeyError, TypeError, ValueError) as error:
        raise NotAnExport(f"the export says something of an object that cannot be: {error!r}") from error
    body = engine.writer.take(_pieces(data, pieces, key), is_hashed=False)
    try:
        value = entries.object_value(body.locators, facts)

        def decide(view: View, place: Locator | None) -> list[Entry]:
            changes.require_bucket(view, bucket)
            return [(name, value if place is None else entries.with_locators(value, [place]))]

        engine.commit(
            decide,
            len(name) + len(value) + entries.LOCATOR_BYTES,
            value=body.inline,
            beside=Beside(after=body.dependency),
        )
    finally:
        engine.writer.drop(body)
    return name, body.size_bytes


def _pieces(data: IO[bytes] | None, pieces: list[tuple[int, int]], key: str) -> Iterator[bytes]:
    for size, crc in pieces:
        piece = b"" if data is None else _read(data, size)
        if len(piece) != size or crc32c(piece) != crc:
            raise NotAnExport(f"the bytes of '{key}' are not those that were exported")
        yield piece


# Folders and tar files.


class _FolderSink:
    """Files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True)

    def add(self, name: str, size_bytes: int, pieces: Iterator[bytes]) -> None:
        """Write a file."""
        del size_bytes
        with (self._folder / name).open("xb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Make the names durable."""
        _sync(self._folder)


class _TarSink:
    """Members of a tar file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._path = path
        self._tar = tarfile.open(fileobj=self._file, mode="w")  # noqa: SIM115  closed in `close`

    def add(self, name: str, size_bytes: int, pieces: Iterator[bytes]) -> None:
        """Write a member."""
        member = tarfile.TarInfo(name)
        member.size = size_bytes
        self._tar.addfile(member, io.BufferedReader(_Joined(pieces)))

    def close(self) -> None:
        """Write the end and make all of it durable."""
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        _sync(self._path.parent)


class _Joined(io.RawIOBase):
    """Pieces of bytes as one file to read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:  # pyrefly: ignore[missing-override-decorator]  typing has it from 3.12 on
        """Return that it can be read."""
        return True

    # pyrefly: ignore[missing-override-decorator]
    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  any buffer
        """Fill a part of the buffer."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def _sink(place: Path) -> "AbstractContextManager[_Sink]":
    return closing(_TarSink(place) if place.suffix == ".tar" else _FolderSink(place))


def _add_json(sink: _Sink, name: str, document: dict[str, Any]) -> None:
    encoded = json.dumps(document).encode()
    sink.add(name, len(encoded), iter([encoded]))


def _records(place: Path) -> Iterator[tuple[dict[str, Any], IO[bytes] | None]]:
    """Give what each JSON says, with its data; raises NotAnExport at the end if the end is not there."""
    files = _tar_files(place) if place.is_file() else _folder_files(place)
    waiting: dict[str, Any] | None = None
    count = 0
    for name, file in files:
        if name == _END:
            end = _document(file)
            if end.get("format") != _FORMAT or end.get("bucket_count", 0) + end.get("object_count", 0) != count:
                raise NotAnExport(f"{place} is no export that this program knows, or not all of it")
            return
        if name.endswith(".json"):
            document = _document(file)
            if document.get("kind") not in ("bucket", "object", "older"):
                raise NotAnExport(f"{place} is no export of a store")
            count += 1
            if document.get("pieces"):
                waiting = document
            else:
                yield document, None
        elif waiting is not None:
            yield waiting, file
            waiting = None
    raise NotAnExport(f"{place} is no export of a store, or its end is missing")


def _read(file: IO[bytes], size: int = -1) -> bytes:
    try:
        return file.read(size)
    except tarfile.TarError as error:
        raise NotAnExport(f"the export cannot be read: {error}") from error


def _document(file: IO[bytes]) -> dict[str, Any]:
    try:
        document = json.loads(_read(file))
    except ValueError as error:
        raise NotAnExport(f"the export cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise NotAnExport("the export cannot be read: it holds something else than objects")
    return document


def _folder_files(folder: Path) -> Iterator[tuple[str, IO[bytes]]]:
    # Of a pair the JSON comes first.
    for path in sorted(folder.iterdir(), key=lambda path: (path.stem, path.suffix == ".data")):
        with path.open("rb") as file:
            yield path.name, file


def _tar_files(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                file = tar.extractfile(member)
                if file is not None:
                    yield member.name, file
    except tarfile.TarError as error:
        raise NotAnExport(f"{path} is no export: {error}") from error


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
