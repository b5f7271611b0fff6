"""Keep everything in the store, over S3: our own node, started for the study, or any endpoint."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from proving.corridor.errors import StoreUnreachable
from proving.corridor.study import StoreAt

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Kept:
    """An object in the store, named by its content: the same bytes are kept once.

    Attributes:
        key: `inputs/<first 12 digits of the SHA-256>-<file name>`, inside the bucket.
        sha256: Of all its bytes, hexadecimal.
        size_bytes: Its length.
    """

    key: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Keeper:
    """A bucket, and the filesystem to reach it.

    Attributes:
        filesystem: What speaks S3.
        bucket: The one bucket of this study.
        place: Where that is, in words, for the report.
        is_own: Whether it is our own node that keeps it.
    """

    filesystem: "FileSystem"
    bucket: str
    place: str
    is_own: bool

    def keep(self, path: Path) -> Kept:
        """Copy a file into the store, unless its bytes are there already; durable when it returns.

        Raises:
            StoreUnreachable: the endpoint does not take it.
        """
        sha256, size_bytes = digest(path)
        kept = Kept(key=f"inputs/{sha256[:12]}-{path.name}", sha256=sha256, size_bytes=size_bytes)
        if self._size_bytes(kept.key) != size_bytes:
            with path.open("rb") as source, self.filesystem.open_output_stream(self.name(kept.key)) as target:
                while piece := source.read(PIECE_BYTES):
                    target.write(piece)
        return kept

    def fetch(self, kept: Kept, target: Path) -> Path:
        """Copy an object out of the store into a file, prove that the bytes are those kept, and return the file.

        A file that already holds them is left as it is, so a study that goes on fetches nothing twice.

        Raises:
            StoreUnreachable: the endpoint fails, or gives other bytes than were kept.
        """
        if target.is_file() and digest(target) == (kept.sha256, kept.size_bytes):
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".partial")
        with self.filesystem.open_input_stream(self.name(kept.key)) as source, partial.open("wb") as file:
            while piece := source.read(PIECE_BYTES):
                file.write(piece)
        if digest(partial)[0] != kept.sha256:
            raise StoreUnreachable(f"{self.place} gave other bytes than were kept for {kept.key}; run a scrub there")
        partial.replace(target)
        return target

    def write(self, key: str, data: bytes) -> None:
        """Write a small object under a key of its own (a report, a note of quarantine)."""
        with self.filesystem.open_output_stream(self.name(key)) as target:
            target.write(data)

    def name(self, key: str) -> str:
        """Return what the filesystem calls a key."""
        return f"{self.bucket}/{key}"

    def _size_bytes(self, key: str) -> int | None:
        info = self.filesystem.get_file_info(self.name(key))
        return info.size if info.is_file else None


@contextmanager
def open_keeper(at: StoreAt, folder: Path) -> Iterator[Keeper]:
    """Give the keeper that the study asks for; our own node lives in `folder` and only as long as the context.

    Raises:
        StoreUnreachable: an endpoint refuses the credentials, or nothing answers.
    """
    if at.endpoint:
        with _in_words(at.endpoint):
            yield _connect(at, at.endpoint, *_credentials(at), place=at.endpoint, is_own=False)
        return
    from proving.store import Store
    from proving.store.s3.credentials import Credentials
    from proving.store.s3.server import serve_in_thread

    credentials = Credentials(access_key="corridor", secret_key=secrets.token_urlsafe(24))
    with Store.open(folder) as store:
        running = serve_in_thread(store, credentials, port=0)
        try:
            with _in_words(str(folder)):
                yield _connect(
                    at, running.endpoint, credentials.access_key, credentials.secret_key, place=str(folder), is_own=True
                )
        finally:
            running.close()


def digest(path: Path) -> tuple[str, int]:
    """Return the SHA-256 (hexadecimal) and the length of a file, read in pieces."""
    sha256, size_bytes = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            sha256.update(piece)
            size_bytes += len(piece)
    return sha256.hexdigest(), size_bytes


def _connect(at: StoreAt, endpoint: str, access_key: str, secret_key: str, *, place: str, is_own: bool) -> Keeper:
    from pyarrow.fs import AwsStandardS3RetryStrategy, FileType, S3FileSystem

    scheme, _, host = endpoint.rstrip("/").rpartition("://")
    filesystem = S3FileSystem(
        access_key=access_key,
        secret_key=secret_key,
        region=at.region,
        scheme=scheme or "http",
        endpoint_override=host,
        allow_bucket_creation=True,
        connect_timeout=5,
        request_timeout=60,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=2),
    )
    if filesystem.get_file_info(at.bucket).type == FileType.NotFound:
        filesystem.create_dir(at.bucket)
    return Keeper(filesystem=filesystem, bucket=at.bucket, place=place, is_own=is_own)


def _credentials(at: StoreAt) -> tuple[str, str]:
    access_key, secret_key = os.environ.get("AWS_ACCESS_KEY_ID", ""), os.environ.get("AWS_SECRET_ACCESS_KEY", "")
    if not access_key or not secret_key:
        raise StoreUnreachable(
            f"{at.endpoint} needs credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"
        )
    return access_key, secret_key


@contextmanager
def _in_words(place: str) -> Iterator[None]:
    """Turn what the S3 client says into one line; leave errors of our own disk (a full one, say) as they are."""
    try:
        yield
    except StoreUnreachable:
        raise
    except OSError as error:
        text = str(error)
        if "AWS Error" not in text:
            raise
        if any(code in text for code in ("ACCESS_DENIED", "SIGNATURE", "INVALID_ACCESS_KEY", "HTTP status 403")):
            raise StoreUnreachable(f"{place} refuses these credentials (or this bucket); check both") from error
        if "InsufficientStorage" in text or "HTTP status 507" in text:
            raise StoreUnreachable(
                f"the disk under {place} is full; make room, and the same command goes on"
            ) from error
        if "NETWORK_CONNECTION" in text or "curlCode" in text:
            raise StoreUnreachable(f"nothing answers at {place}; is the store running there?") from error
        raise StoreUnreachable(f"{place}: {text.split('AWS Error', 1)[1].strip()}") from error
