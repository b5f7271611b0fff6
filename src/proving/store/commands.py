"""The command line of the store: serve a folder or a file over S3, look inside one, put and get without a server."""

import dataclasses
import json as json_text
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from proving.store.export import Exported

app = App(name="store", help="An S3-compatible object store node that loses nothing in a crash.")


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Listening:
    """Where requests come in.

    Attributes:
        host: The address to listen on.
        port: The port to listen on; 0 lets the system choose, and the line on stdout tells which.
        domain: Where set, BUCKET.DOMAIN in the Host header names the bucket; without it the path does.
        workers: Threads for what waits for the disk; so many writes share a commit at most.
    """

    host: str = "127.0.0.1"
    port: int = 9000
    domain: str = ""
    workers: int = 16


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Secured:
    """How HTTPS is spoken, and how strangers may be let in.

    Attributes:
        certificate: A PEM file; where given, HTTPS is served instead of HTTP.
        private_key: The certificate's key in PEM; not needed where it is in the same file.
        grants_by_acl: Access control lists such as public-read may be set, and let anybody read what they are set on;
            without it they are refused. Policies of buckets let strangers in either way.
    """

    certificate: Path | None = None
    private_key: Path | None = None
    grants_by_acl: bool = False


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Looking:
    """How a server that runs is looked after.

    Attributes:
        status_port: Where given, http://127.0.0.1:STATUS_PORT shows how the server and the store are, and its /metrics
            tells it to Prometheus; to anybody on this machine, and to nobody elsewhere. 0 lets the system choose.
        scrub_every_h: Where given, everything is read so often, in hours, to find what is damaged.
        reclaim_every_s: So often it is seen, in seconds, whether there is garbage enough to take space back.
    """

    status_port: int | None = None
    scrub_every_h: float | None = None
    reclaim_every_s: float = 20.0


LISTENING = Listening()
SECURED = Secured()
LOOKING = Looking()


@app.command
def serve(
    place: Path,
    *,
    size: str = "",
    credentials: Path | None = None,
    listening: Annotated[Listening, Parameter(name="*")] = LISTENING,
    secured: Annotated[Secured, Parameter(name="*")] = SECURED,
    looking: Annotated[Looking, Parameter(name="*")] = LOOKING,
) -> int:
    """Serve the store in PLACE over S3 until SIGTERM or SIGINT: a folder, made where it is missing, or one file.

    The key pair comes from PROVING_ACCESS_KEY and PROVING_SECRET_KEY, or from --credentials; there is no default.

    Args:
        place: Where the store is kept.
        size: Keep it in one file of this size, such as 10GiB, all of it taken from the file system when it is made.
        credentials: A TOML or JSON file with access_key and secret_key, which may do everything; or a TOML file of
            [[users]], each with access_key, secret_key and lists of buckets: read, write, manage.
        listening: Where requests come in.
        secured: Whether HTTPS is spoken.
        looking: How it is looked after.
    """
    from proving.store import FileDisk, Store
    from proving.store.s3.errors import CannotListen
    from proving.store.s3.server import ServerSettings, serve_until_stopped
    from proving.store.s3.users import find_users
    from proving.store.tidying import Tidying

    users = find_users(credentials)
    try:
        if not looking.reclaim_every_s > 0:
            raise ValueError(f"--reclaim-every-s must be more than 0, got {looking.reclaim_every_s:g}")
        settings = ServerSettings(
            host=listening.host,
            port=listening.port,
            domain=listening.domain,
            worker_count=listening.workers,
            certificate=secured.certificate,
            private_key=secured.private_key,
            grants_by_acl=secured.grants_by_acl,
            status_port=looking.status_port,
            scrub_interval_s=None if looking.scrub_every_h is None else looking.scrub_every_h * 3600,
        )
    except ValueError as error:
        raise CannotListen(str(error)) from error
    shown = f"[{listening.host}]" if ":" in listening.host else listening.host

    def tell(chosen_port: int, status_port: int | None) -> None:
        print(f"listening on {settings.scheme}://{shown}:{chosen_port}", flush=True)
        if status_port is not None:
            print(f"status at http://127.0.0.1:{status_port}", flush=True)

    opened = Store.open(FileDisk.open(place, _bytes(size)) if size else place)
    with opened as store, Tidying(store, looking.reclaim_every_s):
        serve_until_stopped(store, users, settings, tell)
    return 0


@app.command
def stats(folder: Path, *, json: bool = False) -> int:
    """Say how full the store in FOLDER is.

    Args:
        folder: A store's folder or file, not being served at the moment.
        json: Print one JSON document.
    """
    from proving.store import Store

    with Store.open(_existing(folder)) as store:
        figures = dataclasses.asdict(store.stats())
    if json:
        print(json_text.dumps(figures))
    else:
        for name, value in figures.items():
            shown = "all of the disk" if value is None else f"{value:,}" if isinstance(value, int) else value or "no"
            print(f"{name.replace('_', ' '):24} {shown:>16}")
    return 0


@app.command
def scrub(folder: Path, *, json: bool = False) -> int:
    """Read all that the store in FOLDER holds, and name what is damaged; exit code 1 if something is.

    Args:
        folder: A store's folder or file, not being served at the moment.
        json: Print one JSON document.
    """
    from proving.store import Store

    with Store.open(_existing(folder)) as store:
        report = store.scrub()
    if json:
        print(json_text.dumps(dataclasses.asdict(report)))
    else:
        for damage in report.damages:
            where = f"{damage.bucket}/{damage.key} {damage.version}".rstrip() if damage.bucket else "a run of the index"
            print(f"damaged: {where}: {damage.reason}")
        print(f"{report.object_count:,} objects, {report.size_bytes:,} bytes read, {len(report.damages):,} damaged")
    return 1 if report.damages else 0


@app.command
def graph(folder: Path, *, out: Path | None = None) -> int:
    """Draw what of the store in FOLDER is durable, what waits, and what must be durable before what.

    Args:
        folder: A store's folder or file, not being served at the moment.
        out: Where to: an SVG picture if it ends in .svg, else Graphviz's language; without it, that on stdout.
    """
    from proving.store import Store

    with Store.open(_existing(folder)) as store:
        found = store.graph()
    drawn = found.svg() if out is not None and out.suffix == ".svg" else found.dot()
    if out is None:
        print(drawn, end="")
    else:
        out.write_text(drawn, encoding="utf-8")
    return 0


@app.command
def export(folder: Path, place: Path, *, json: bool = False) -> int:
    """Write all that the store in FOLDER holds to PLACE: bytes, descriptions, versions and times.

    Args:
        folder: A store's folder or file, not being served at the moment.
        place: A new folder; or a new file, if it ends in .tar.
        json: Print one JSON document.
    """
    from proving.store import Store

    with Store.open(_existing(folder)) as store:
        return _tell_exported("out of", store.export_to(place), json=json)


@app.command(name="import")
def import_(folder: Path, place: Path, *, json: bool = False) -> int:
    """Put all that `export` wrote to PLACE into the store in FOLDER, exactly as it was.

    Args:
        folder: A store's folder or file, not being served at the moment; it is made where it is missing.
        place: What `export` wrote; the store may have none of its buckets.
        json: Print one JSON document.
    """
    from proving.store import Store

    if not place.exists():
        raise FileNotFoundError(2, "no such export", str(place))
    with Store.open(folder) as store:
        return _tell_exported("into", store.import_from(place), json=json)


@app.command
def ls(folder: Path, bucket: str = "", prefix: str = "", *, json: bool = False) -> int:
    """List the buckets of the store in FOLDER, or the objects of one.

    Args:
        folder: A store's folder or file, not being served at the moment.
        bucket: Which bucket to list; without it, the buckets themselves.
        prefix: Only keys that begin with this.
        json: Print one JSON document.
    """
    from proving.store import Store

    rows: list[dict[str, str | int | float]] = []
    with Store.open(_existing(folder)) as store:
        if not bucket:
            rows += [{"name": found.name, "created_s": found.created_s} for found in store.buckets()]
        else:
            after, is_truncated = "", True
            while is_truncated:
                page = store.list(bucket, prefix=prefix, after=after)
                rows += [
                    {"name": info.key, "size_bytes": info.size_bytes, "etag": info.etag, "modified_s": info.modified_s}
                    for info in page.objects
                ]
                after, is_truncated = page.next_after, page.is_truncated
    if json:
        print(json_text.dumps(rows))
    else:
        for row in rows:
            print(f"{row['size_bytes']:>16,}  {row['name']}" if bucket else row["name"])
    return 0


@app.command
def put(folder: Path, bucket: str, key: str, file: Path, *, content_type: str = "binary/octet-stream") -> int:
    """Put FILE under KEY; the bucket is made where it is missing.

    Args:
        folder: A store's folder or file, not being served at the moment; it is made where it is missing.
        bucket: The bucket.
        key: The object's key.
        file: What to put.
        content_type: The object's content type.
    """
    from proving.store import Store

    with file.open("rb") as opened, Store.open(folder) as store:
        if bucket not in {found.name for found in store.buckets()}:
            store.create_bucket(bucket)
        info = store.put(bucket, key, iter(lambda: opened.read(1 << 20), b""), content_type=content_type)
    print(f"{info.size_bytes:,} bytes, {info.etag}")
    return 0


@app.command
def get(folder: Path, bucket: str, key: str, file: Path | None = None) -> int:
    """Write the object under KEY to FILE, or to stdout.

    Args:
        folder: A store's folder or file, not being served at the moment.
        bucket: The bucket.
        key: The object's key.
        file: Where to; an existing file is replaced.
    """
    from proving.store import Store

    with Store.open(_existing(folder)) as store:
        store.head(bucket, key)
        pieces = store.read(bucket, key)
        if file is None:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
        else:
            with file.open("wb") as opened:
                for piece in pieces:
                    opened.write(piece)
    return 0


@app.command
def rm(folder: Path, bucket: str, key: str) -> int:
    """Delete the object under KEY.

    Args:
        folder: A store's folder or file, not being served at the moment.
        bucket: The bucket.
        key: The object's key; an absent one is an error here.
    """
    from proving.store import Store

    with Store.open(_existing(folder)) as store:
        store.head(bucket, key)
        store.delete(bucket, key)
    return 0


def _tell_exported(where: str, done: "Exported", *, json: bool) -> int:
    if json:
        print(json_text.dumps(dataclasses.asdict(done)))
    else:
        print(
            f"{done.bucket_count:,} buckets, {done.object_count:,} objects and older versions, "
            f"{done.size_bytes:,} bytes {where} the store"
        )
    return 0


def _bytes(text: str) -> int:
    """Return a size that is given with its unit."""
    from proving.store import BadSize

    found = re.fullmatch(r"(\d+) ?([KMGT])iB", text)
    if found is None:
        raise BadSize(f"a size is a number and KiB, MiB, GiB or TiB, such as 10GiB; got {text!r}")
    return int(found[1]) << 10 * (1 + "KMGT".index(found[2]))


def _existing(folder: Path) -> Path:
    """Return `folder` if it is a file, or something is in it; looking into a store must not make one."""
    if folder.is_file():
        return folder
    if not folder.is_dir():
        raise FileNotFoundError(2, "no such folder", str(folder))
    if not any(folder.iterdir()):
        raise FileNotFoundError(2, "the folder is empty, there is no store in it", str(folder))
    return folder
