"""A session folder: register tables, ask them, read the log, let them re-arrange themselves, take that back."""

import difflib
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.fs as pafs

from proving.tables.catalog import Adjustment, Catalog, Entry, Form, Shelf
from proving.tables.engine import Engine, EngineSettings, Scan
from proving.tables.errors import BadTableName, NoSuchFile, NoSuchTable, NotAttached, QueryError
from proving.tables.files import kinds_of, local, read_footers, sources_of
from proving.tables.meaning import Meaning, meaning_of
from proving.tables.model import PlainTable, answer
from proving.tables.places import Places
from proving.tables.predicates import EVERYTHING
from proving.tables.pruning import matching, rows_of
from proving.tables.rearrange import Rearranging, Rewrite, Step, Target, Written, carry_out, plan, quiet
from proving.tables.scanning import Scannable
from proving.tables.trial import Bench, Question
from proving.tables.workload import Measured, QueryLog, QueryRecord

logger = logging.getLogger(__name__)

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WORDS = re.compile(r"\w+")


@dataclass(frozen=True)
class TableStatus:
    """How one table stands.

    Attributes:
        name: Its name.
        rows, files, size_bytes: Of what was registered.
        form: The re-arranged form that answers; empty for the files as registered.
        pieces: Row groups of what answers.
        is_attached: Whether this session can read it.
    """

    name: str
    rows: int
    files: int
    size_bytes: int
    form: str
    pieces: int
    is_attached: bool

    def row(self) -> dict[str, str | int | bool]:
        """Return one flat row."""
        return dict(vars(self))


class Tables:
    """Tables that keep a log of what they are asked, and re-arrange themselves to it.

    Safe for several threads; each asks through a connection of its own. Several processes may ask in one folder, one
    at a time may re-arrange. The user's files are only ever read.
    """

    def __init__(self, folder: Path, settings: EngineSettings) -> None:
        self._shelf = Shelf(folder)
        self._settings = settings
        self._log = QueryLog(folder / "log.jsonl")
        self._lock = threading.RLock()
        self._places = Places(self._shelf)
        self._records: list[QueryRecord] = []
        self._engine: tuple[tuple[str, ...], Engine] | None = None
        self._stamp: tuple[int, int] | None = None
        self._catalog = Catalog()
        self._meaning = lru_cache(maxsize=4096)(self._read_meaning)

    @classmethod
    def open(cls, folder: Path | str, settings: EngineSettings | None = None) -> Self:
        """Open a session folder, made if it is not there; what a crash left behind is cleared away.

        Raises:
            DamagedCatalog: it is not the folder of a session.
        """
        folder = Path(folder).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        tables = cls(folder, settings or EngineSettings())
        tables._shelf.collect_garbage()
        return tables

    def register(
        self,
        name: str,
        files: Sequence[Path | str],
        filesystem: pafs.FileSystem | None = None,
        *,
        keep_under: str = "",
    ) -> None:
        """Give Parquet files a name in SQL; the same name and files again only give the file system back.

        Args:
            name: A plain word.
            files: All with the same columns; on `filesystem`, its own paths ("bucket/key" for S3).
            filesystem: Where they lie; None is this machine. It is not stored (it may hold credentials), so a later
                session registers again.
            keep_under: A folder on `filesystem` for re-arranged forms; empty keeps them in the session folder.

        Raises:
            BadTableName, NoSuchFile, NotParquet, SchemaMismatch: as their names say.
        """
        if not NAME.fullmatch(name):
            raise BadTableName(f"'{name}' cannot be a table's name: use letters, digits and _, not a digit first")
        if not files:
            raise NoSuchFile(f"table '{name}' needs at least one file")
        is_remote = filesystem is not None and not isinstance(filesystem, pafs.LocalFileSystem)
        if keep_under and not is_remote:
            raise BadTableName("keep_under is a folder on the file system that is given; without one leave it empty")
        where = filesystem if filesystem is not None else local()
        sources = sources_of([str(file) if is_remote else str(Path(file).absolute()) for file in files], where)
        paths = tuple(source.path for source in sources)
        schema, pieces = read_footers(paths, where)
        entry = Entry(
            name=name, sources=sources, row_count=rows_of(pieces), is_remote=is_remote, keep_under=keep_under.strip("/")
        )
        with self._lock:
            with self._shelf.changing() as change:
                before = change.catalog.entry(name)
                if before is not None and replace(before, form="", previous="", name=name) == entry:
                    entry = replace(before, name=name)
                change.catalog = change.catalog.with_entry(entry)
            scannable = Scannable(paths, filesystem if is_remote else None, schema, pieces, is_indexed=False)
            self._places.attach(entry, scannable)
            self._meaning.cache_clear()

    def query(self, sql: str) -> pa.Table:
        """Run one SELECT and log it.

        Raises:
            QueryError: it is no single SELECT, or DuckDB cannot run it; the text says where.
            NoSuchTable: it names a table that is not registered; the text names the nearest.
            NoSuchFile, NotAttached: a table's files cannot be reached.
        """
        catalog = self._current()
        measured = Measured(sql=sql, started_s=time.time(), wall_s=0.0, cpu_s=0.0)
        try:
            scans, rows_read, forms, row_groups = self._scans(sql, catalog)
            ran = self._engine_for(catalog).run(sql, scans)
        except NoSuchTable as error:
            named = _no_such_table(str(error), catalog)
            self._log.append(replace(measured, error=str(named)))
            raise named from None
        except QueryError as error:
            self._log.append(replace(measured, error=str(error)))
            raise
        self._log.append(
            replace(
                measured,
                wall_s=ran.wall_s,
                cpu_s=ran.cpu_s,
                answer_rows=ran.answer.num_rows,
                row_groups_read=ran.row_groups_read,
                row_groups_total=max(ran.row_groups_total, row_groups),
                rows_read=rows_read,
                adjustments=forms,
            )
        )
        return ran.answer

    def log(self) -> list[QueryRecord]:
        """Return every query that was ever asked in this folder, oldest first."""
        catalog = self._current()
        with self._lock:
            entries = self._log.entries()
            self._records.extend(self._record(entry, catalog) for entry in entries[len(self._records) :])
            return list(self._records)

    def rearrange(
        self,
        name: str,
        seed: int = 0,
        settings: Rearranging | None = None,
        *,
        at: Step = quiet,
        rewrite: Rewrite | None = None,
    ) -> Adjustment:
        """Learn a layout from the log, rewrite the table, verify, try it, and keep it or roll it back.

        The user's files are only read. The same data, log and seed give the same layout.

        Args:
            name: The table.
            seed: Of the sample, the generic queries and the order of the trial.
            settings: How.
            at: Told each step's name when it is reached.
            rewrite: Another way to write the new form; it is verified and tried like ours.

        Raises:
            NoSuchTable: no table of that name.
            FolderInUse: another process re-arranges here.
        """
        settings = settings or Rearranging()
        with self._shelf.rearranging():
            entry = self._current().entry(name)
            if entry is None:
                raise _no_such_table(name, self._current())
            source = self._places.source(entry)
            current = self._places.form(entry, entry.form)
            questions = self._questions(entry)
            adjustment = Adjustment(id=self._next_id(entry), table=entry.name, state="proposed", seed=seed)
            learned = plan(adjustment, source, current, questions, settings)
            with self._shelf.changing() as change:
                change.catalog = change.catalog.with_adjustment(learned.adjustment)
            at(learned.adjustment.state)
            if learned.tree is None:
                return learned.adjustment
            target = self._places.target(entry, adjustment.id)
            with self._trial_engine() as engine:
                bench = partial(self._bench, entry, current, engine)
                adjustment, written = carry_out(learned, target, bench, settings, at=at, rewrite=rewrite)
            return self._conclude(entry, adjustment, written, target, at)

    def status(self) -> list[TableStatus]:
        """Return how each table stands, by name."""
        catalog = self._current()
        found = []
        for entry in sorted(catalog.tables, key=lambda entry: entry.name):
            is_attached = self._places.is_attached(entry)
            pieces = len(self._places.form(entry, entry.form).pieces) if is_attached else 0
            size = sum(source.size_bytes for source in entry.sources)
            found.append(
                TableStatus(entry.name, entry.row_count, len(entry.sources), size, entry.form, pieces, is_attached)
            )
        return found

    def adjustments(self) -> list[Adjustment]:
        """Return every adjustment that was ever proposed here, oldest first."""
        return list(self._current().adjustments)

    def rollback(self, name: str) -> Adjustment:
        """Let the form before the present one answer again; the present one is removed when the folder is next opened.

        Raises:
            NoSuchTable: no such table, or it is as it was registered.
        """
        with self._lock, self._shelf.changing() as change:
            entry = change.catalog.entry(name)
            if entry is None:
                raise _no_such_table(name, change.catalog)
            if not entry.form:
                raise NoSuchTable(f"'{entry.name}' is as it was registered; there is nothing to roll back")
            adjustment = next(one for one in change.catalog.adjustments if one.id == entry.form)
            taken_back = replace(adjustment, state="rolled_back", reason="rolled back on request")
            back = replace(entry, form=entry.previous, previous="")
            change.catalog = change.catalog.with_entry(back).with_adjustment(taken_back)
        return taken_back

    def close(self) -> None:
        """Make the log durable and let go of DuckDB."""
        with self._lock:
            self._log.close()
            if self._engine is not None:
                self._engine[1].close()
                self._engine = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _conclude(
        self, entry: Entry, adjustment: Adjustment, written: Written | None, target: Target, at: Step
    ) -> Adjustment:
        """Put the verdict on record; a form that is kept answers from here on."""
        if written is not None:
            is_remote = target.filesystem is not None
            self._shelf.save_form(Form(adjustment.id, written.names, is_remote, written.pieces))
        at("swapping")
        with self._lock, self._shelf.changing() as change:
            now = change.catalog.entry(entry.name)
            if written is not None and (now is None or now.sources != entry.sources or now.form != entry.form):
                written = None
                reason = "the table was registered anew, or rolled back, during the trial"
                adjustment = replace(adjustment, state="rolled_back", reason=reason)
            if written is not None:
                swapped = replace(entry, form=adjustment.id, previous=entry.form)
                change.catalog = change.catalog.with_entry(swapped)
            change.catalog = change.catalog.with_adjustment(adjustment)
        at("swapped")
        if written is None:
            where = target.filesystem or local()
            where.delete_dir_contents(target.folder, missing_dir_ok=True)
            self._shelf.remove_form(adjustment.id)
        return adjustment

    def _questions(self, entry: Entry) -> list[Question]:
        """Return the distinct logged queries on a table that ran, in order of first appearance."""
        catalog = self._current()
        times = Counter(
            measured.sql
            for measured in self._log.entries()
            if not measured.error and entry.name.lower() in _words(measured.sql)
        )
        questions = []
        for sql, often in times.items():
            try:
                meaning = self._meaning(sql, catalog.serial)
            except (NotAttached, NoSuchFile):
                continue  # It also reads a table that this session cannot reach.
            need = meaning.needs.get(entry.name.lower())
            if need is not None:
                questions.append(Question(sql, need, meaning.template, often, meaning.is_repeatable))
        return questions

    def _bench(self, entry: Entry, current: Scannable, engine: Engine, new: Scannable) -> Bench:
        attached = {
            other.name: self._places.source(other)
            for other in self._current().tables
            if self._places.is_attached(other)
        }
        plain = {name: PlainTable(source.paths, source.filesystem) for name, source in attached.items()}
        others = {name.lower(): source.whole() for name, source in attached.items() if name != entry.name}
        return Bench(entry.name.lower(), current, new, others, engine, lambda sql: answer(sql, plain))

    @contextmanager
    def _trial_engine(self) -> Iterator[Engine]:
        """Give an engine of one thread, so that its CPU time is the query's and queries of others go on beside it."""
        settings = replace(self._settings, threads=1)
        engine = Engine(settings, _local_paths(self._current()), self._shelf.folder)
        try:
            yield engine
        finally:
            engine.close()

    def _next_id(self, entry: Entry) -> str:
        taken = {adjustment.id for adjustment in self._current().adjustments}
        return next(name for number in count(1) if (name := f"{entry.name.lower()}-{number}") not in taken)

    def _current(self) -> Catalog:
        """Return the catalog, read again if another thread or process has replaced it."""
        with self._lock:
            stamp = self._shelf.stamp()
            if stamp != self._stamp:
                self._catalog, self._stamp = self._shelf.load(), stamp
            return self._catalog

    def _engine_for(self, catalog: Catalog) -> Engine:
        paths = _local_paths(catalog)
        with self._lock:
            # What an engine may open is fixed when it is made; other threads finish their queries on the one before.
            if self._engine is None or self._engine[0] != paths:
                self._engine = (paths, Engine(self._settings, paths, self._shelf.folder))
            return self._engine[1]

    def _scans(self, sql: str, catalog: Catalog) -> tuple[dict[str, Scan], dict[str, int], dict[str, str], int]:
        """Return what each table's name in the text means; rows given to the scan, and form, by table; row groups."""
        scans: dict[str, Scan] = {}
        rows_read: dict[str, int] = {}
        forms: dict[str, str] = {}
        row_groups = 0
        for entry in _mentioned(sql, catalog):
            name = entry.name.lower()
            if not entry.form or not self._places.is_as_registered(entry):
                source = self._places.source(entry)
                scans[name] = source.whole()
                row_groups += len(source.pieces) if source.filesystem is None else 0
                continue
            form = self._places.form(entry, entry.form)
            need = self._meaning(sql, catalog.serial).needs.get(name, EVERYTHING)
            scans[name], rows_read[name] = form.needed(need)
            forms[name] = entry.form
            row_groups += len(form.pieces) if form.filesystem is None else 0
        return scans, rows_read, forms, row_groups

    def _read_meaning(self, sql: str, serial: int) -> Meaning:
        del serial  # Part of the cache's key: another catalog may have other columns.
        catalog = self._current()
        columns = {
            entry.name.lower(): kinds_of(self._places.source(entry).schema) for entry in _mentioned(sql, catalog)
        }
        return meaning_of(sql, columns)

    def _record(self, measured: Measured, catalog: Catalog) -> QueryRecord:
        """Return the full record of a measured query, as far as its tables are still here."""
        entries = _mentioned(measured.sql, catalog)
        try:
            meaning = self._meaning(measured.sql, catalog.serial)
        except (NotAttached, NoSuchFile):
            meaning = meaning_of(measured.sql, {})
        rows_read = dict(measured.rows_read)
        for entry in entries:
            name = entry.name.lower()
            if name not in rows_read:
                need = meaning.needs.get(name)
                known = self._places.known(entry)
                is_counted = known is not None and need is not None
                rows_read[name] = rows_of(matching(known.pieces, need)) if is_counted else entry.row_count
        return QueryRecord(
            sql=measured.sql,
            template=meaning.template,
            tables=tuple(entry.name for entry in entries),
            columns=meaning.columns,
            conjuncts=meaning.conjuncts,
            started_s=measured.started_s,
            wall_s=measured.wall_s,
            cpu_s=measured.cpu_s,
            answer_rows=measured.answer_rows,
            rows_read=0 if measured.error else sum(rows_read.values()),
            rows_total=sum(entry.row_count for entry in entries),
            row_groups_read=measured.row_groups_read,
            row_groups_total=measured.row_groups_total,
            adjustment=", ".join(sorted(measured.adjustments.values())),
            error=measured.error,
        )


def _local_paths(catalog: Catalog) -> tuple[str, ...]:
    return tuple(sorted(source.path for entry in catalog.tables if not entry.is_remote for source in entry.sources))


def _words(sql: str) -> set[str]:
    return {word.lower() for word in WORDS.findall(sql)}


def _mentioned(sql: str, catalog: Catalog) -> list[Entry]:
    """Return the tables whose name is a word of the text: all that it can read, and perhaps more."""
    words = _words(sql)
    return [entry for entry in catalog.tables if entry.name.lower() in words]


def _no_such_table(name: str, catalog: Catalog) -> NoSuchTable:
    names = [entry.name for entry in catalog.tables]
    if not names:
        return NoSuchTable(f"no table '{name}': none is registered yet")
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return NoSuchTable(
        f"no table '{name}'; {f'did you mean {near[0]!r}?' if near else 'there are: ' + ', '.join(names)}"
    )
