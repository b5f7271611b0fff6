"""What a session folder knows: its tables, the form each is in, and every adjustment that was ever proposed.

One small JSON file, replaced whole, is the only place where a form becomes the one that answers. So a crash at any
point leaves the old form or the new one; what no catalog names is garbage, collected when the folder is next opened.
"""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from proving.tables.errors import DamagedCatalog, FolderInUse
from proving.tables.files import Source, replace_file
from proving.tables.pruning import Piece

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One registered table.

    Attributes:
        name: As written in SQL; letter case does not matter there.
        sources: The user's files, never touched.
        row_count: Rows in them.
        is_remote: They lie on a file system that has to be given anew to each session; it is never stored.
        keep_under: The folder on that file system where re-arranged forms go; empty for the session folder.
        form: Id of the form that answers; empty for the files as registered.
        previous: The form before it, kept for a rollback.
    """

    name: str
    sources: tuple[Source, ...]
    row_count: int
    is_remote: bool = False
    keep_under: str = ""
    form: str = ""
    previous: str = ""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a trial measured: the same queries on both forms, in turn, in random order.

    Attributes:
        rows_total: Rows of the table.
        old_rows_read, new_rows_read: Rows in the row groups that the replayed queries have to read, in sum.
        old_s, new_s: CPU seconds of the replayed queries, in sum.
        pairs: How many times a query ran on both.
        ratio_low, ratio, ratio_high: New time over old, geometric mean, with its 95 % bootstrap interval.
        worst_template_ratio: The same for the template that fared worst.
    """

    rows_total: int
    old_rows_read: int
    new_rows_read: int
    old_s: float
    new_s: float
    pairs: int
    ratio_low: float
    ratio: float
    ratio_high: float
    worst_template_ratio: float


@dataclass(frozen=True, kw_only=True)
class Adjustment:
    """One change that the tables proposed, and what became of it.

    Attributes:
        id: Of the form that it made; also in the log beside each query that this form answered.
        table: Its name.
        kind: What was changed; "qd_tree" is a row order learned from the log.
        state: "proposed" while on trial, then "kept" or "rolled_back"; "not_proposed" where there was nothing to gain.
        seed: Of the sample, the generic queries and the order of the trial.
        predicted_gain: How many times fewer rows the logged queries should read, written before the trial.
        leaf_count: Leaves of the tree.
        query_count: Logged queries that it learned from.
        rewrite_s: What the rewriting took, the price.
        measured: The trial, where there was one.
        reason: Why it has its state.
    """

    id: str
    table: str
    state: str
    kind: str = "qd_tree"
    seed: int = 0
    predicted_gain: float = 1.0
    leaf_count: int = 0
    query_count: int = 0
    rewrite_s: float = 0.0
    measured: Trial | None = None
    reason: str = ""

    def row(self) -> dict[str, str | int | float | None]:
        """Return one flat row; what no trial measured is None."""
        flat = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "measured"}
        trial = {name: getattr(self.measured, name, None) for name in Trial.__dataclass_fields__}
        return {**flat, **trial}


@dataclass(frozen=True)
class Form:
    """A table's rows in files of ours: their names within the form's folder, and the pruning index."""

    id: str
    names: tuple[str, ...]
    is_remote: bool
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Catalog:
    """All of it, as it was at one moment; `serial` counts the changes."""

    version: int = VERSION
    serial: int = 0
    tables: tuple[Entry, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()

    def entry(self, name: str) -> Entry | None:
        """Return the table of that name, whatever its letter case."""
        return next((entry for entry in self.tables if entry.name.lower() == name.lower()), None)

    def with_entry(self, entry: Entry) -> "Catalog":
        """Return the catalog with this table in it, in place of one of the same name."""
        others = tuple(other for other in self.tables if other.name.lower() != entry.name.lower())
        return replace(self, tables=(*others, entry))

    def with_adjustment(self, adjustment: Adjustment) -> "Catalog":
        """Return the catalog with this adjustment in it, in place of one of the same id."""
        others = tuple(other for other in self.adjustments if other.id != adjustment.id)
        return replace(self, adjustments=(*others, adjustment))


class Shelf:
    """The folder on disk: reads and replaces the catalog, finds and removes forms."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / "catalog.json"
        (folder / "forms").mkdir(parents=True, exist_ok=True)

    def stamp(self) -> tuple[int, int]:
        """Return what changes whenever the catalog is replaced."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return (0, 0)
        return (status.st_ino, status.st_mtime_ns)

    def load(self) -> Catalog:
        """Return the catalog as it is.

        Raises:
            DamagedCatalog: the file is not what this version wrote.
        """
        try:
            catalog = msgspec.json.decode(self._path.read_bytes(), type=Catalog)
        except FileNotFoundError:
            return Catalog()
        except msgspec.MsgspecError as error:
            raise DamagedCatalog(f"{self._path}: not a catalog of tables: {error}") from error
        if catalog.version != VERSION:
            raise DamagedCatalog(f"{self._path}: written by another version ({catalog.version}, not {VERSION})")
        return catalog

    @contextmanager
    def changing(self) -> "Iterator[Change]":
        """Give the newest catalog to change; what was put into it is on disk, whole, when the block ends."""
        with self._locked("catalog.lock", fcntl.LOCK_EX):
            change = Change(self.load())
            yield change
            if change.catalog != change.before:
                newer = replace(change.catalog, serial=change.before.serial + 1)
                replace_file(self._path, msgspec.json.encode(newer))

    @contextmanager
    def rearranging(self) -> Iterator[None]:
        """Hold the folder for one re-arrangement.

        Raises:
            FolderInUse: another process, or thread, holds it.
        """
        with self._locked("rearrange.lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield

    def form_folder(self, form: str) -> Path:
        """Return where a form lies, or at least its index where the rows lie elsewhere."""
        return self.folder / "forms" / form

    def save_form(self, form: Form) -> None:
        """Write the index of a form whose files are written."""
        folder = self.form_folder(form.id)
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / "form.json", msgspec.json.encode(form))

    def load_form(self, form: str) -> Form:
        """Return a form's index.

        Raises:
            DamagedCatalog: it is gone, or damaged.
        """
        path = self.form_folder(form) / "form.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Form)
        except (FileNotFoundError, msgspec.MsgspecError) as error:
            raise DamagedCatalog(f"{path}: the form's index cannot be read: {error}; roll the table back") from error

    def remove_form(self, form: str) -> None:
        """Remove a form that no catalog names."""
        shutil.rmtree(self.form_folder(form), ignore_errors=True)

    def collect_garbage(self) -> None:
        """End what a crash left unfinished: proposals become rolled back, forms that nobody names are removed."""
        try:
            with self.rearranging():
                with self.changing() as change:
                    for adjustment in change.catalog.adjustments:
                        if adjustment.state == "proposed":
                            ended = replace(
                                adjustment, state="rolled_back", reason="the process ended during the trial"
                            )
                            change.catalog = change.catalog.with_adjustment(ended)
                    named = {form for entry in change.catalog.tables for form in (entry.form, entry.previous)}
                for found in (self.folder / "forms").iterdir():
                    if found.name not in named:
                        shutil.rmtree(found)
        except FolderInUse:
            return  # What looks unfinished is somebody's work.

    @contextmanager
    def _locked(self, name: str, how: int) -> Iterator[None]:
        with (self.folder / name).open("w") as handle:
            try:
                fcntl.flock(handle, how)
            except BlockingIOError:
                raise FolderInUse(f"{self.folder}: its tables are being re-arranged; wait until that ends") from None
            yield


@dataclass
class Change:
    """A catalog while it is being changed; `before` is what it was."""

    catalog: Catalog

    def __post_init__(self) -> None:
        self.before = self.catalog
