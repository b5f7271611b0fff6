"""The multipart uploads in progress: their parts lie staged in the store, what belongs to which is kept in memory.

A restart forgets uploads in progress, as an abort would; the store takes the space of their parts back. Completed
uploads are objects like any other.
"""

import collections
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proving.store.s3.errors import Refused
from proving.store.s3.intake import Checksum

if TYPE_CHECKING:
    from proving.store import StagedPart

UPLOAD_LIMIT = 10_000
_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Part:
    """One part as it was received."""

    number: int
    staged: tuple["StagedPart", ...]
    size_bytes: int
    md5: bytes
    checksum: Checksum | None
    modified_s: float

    @property
    def etag(self) -> str:
        """Return the part's ETag without quotes."""
        return self.md5.hex()


@dataclass(frozen=True, eq=False)
class Upload:
    """One upload; `lock` guards `parts` and is held while it is completed or aborted.

    Attributes:
        upload_id: given to the client.
        bucket: where the object will be.
        key: its key.
        created_s: when the upload was started.
        content_type: for the object.
        metadata: for the object, as stored.
        algorithm: the checksum that every part must have, or "".
        checksum_type: COMPOSITE or FULL_OBJECT, or "".
        parts: by number.
        lock: see above.
    """

    upload_id: str
    bucket: str
    key: str
    created_s: float
    content_type: str
    metadata: Mapping[str, str]
    algorithm: str = ""
    checksum_type: str = ""
    parts: dict[int, Part] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)


@dataclass(frozen=True, slots=True)
class Completed:
    """What a repeated Complete is told again."""

    etag: str
    checksum_headers: tuple[tuple[str, str], ...]
    version_headers: tuple[tuple[str, str], ...] = ()


class Uploads:
    """All uploads in progress; thread-safe."""

    def __init__(self) -> None:
        """Start with none."""
        self._lock = threading.Lock()
        self._uploads: dict[str, Upload] = {}
        self._completed: collections.OrderedDict[tuple[str, str, str], Completed] = collections.OrderedDict()

    def start(self, bucket: str, key: str, created_s: float, content_type: str, metadata: Mapping[str, str],
              algorithm: str = "", checksum_type: str = "") -> Upload:  # fmt: skip
        """Add an upload.

        Raises:
            Refused: too many are in progress.
        """
        upload = Upload(secrets.token_hex(16), bucket, key, created_s, content_type, metadata, algorithm, checksum_type)
        with self._lock:
            if len(self._uploads) >= UPLOAD_LIMIT:
                raise Refused("SlowDown", f"{UPLOAD_LIMIT} uploads are in progress; complete or abort some.")
            self._uploads[upload.upload_id] = upload
        return upload

    def __len__(self) -> int:
        return len(self._uploads)

    def find(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Return an upload.

        Raises:
            Refused: there is none of that id for that key.
        """
        upload = self._uploads.get(upload_id)
        if upload is None or (upload.bucket, upload.key) != (bucket, key):
            raise Refused("NoSuchUpload", details=(("UploadId", upload_id),))
        return upload

    def add_part(self, upload: Upload, part: Part) -> tuple["StagedPart", ...]:
        """Add or replace a part; return the staged data that it replaces.

        Raises:
            Refused: the upload has ended meanwhile.
        """
        with upload.lock:
            self.find(upload.bucket, upload.key, upload.upload_id)
            old = upload.parts.get(part.number)
            upload.parts[part.number] = part
        return old.staged if old is not None else ()

    def end(self, upload: Upload, completed: Completed | None = None) -> None:
        """Forget an upload; a completed one is remembered for a repeated Complete."""
        with self._lock:
            self._uploads.pop(upload.upload_id, None)
            if completed is not None:
                self._completed[upload.bucket, upload.key, upload.upload_id] = completed
                while len(self._completed) > _REMEMBERED:
                    self._completed.popitem(last=False)

    def completed(self, bucket: str, key: str, upload_id: str) -> Completed | None:
        """Return what an upload was completed with, if it is still remembered."""
        with self._lock:
            return self._completed.get((bucket, key, upload_id))

    def in_bucket(self, bucket: str) -> list[Upload]:
        """Return a bucket's uploads in the order of key, then age."""
        uploads = [upload for upload in self._all() if upload.bucket == bucket]
        return sorted(uploads, key=lambda upload: (upload.key.encode(), upload.created_s, upload.upload_id))

    def drop(self, bucket: str = "") -> list["StagedPart"]:
        """Forget a bucket's uploads, or all where none is named; return their staged data."""
        dropped: list["StagedPart"] = []
        for upload in self._all():
            if bucket in ("", upload.bucket):
                with upload.lock:
                    self.end(upload)
                    dropped += [staged for part in upload.parts.values() for staged in part.staged]
        return dropped

    def _all(self) -> list[Upload]:
        with self._lock:
            return list(self._uploads.values())
