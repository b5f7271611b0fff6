"""Where each table's rows lie in this session: the user's files, and the forms made from them."""

import logging
import threading

import pyarrow.fs as pafs

from proving.tables.catalog import Entry, Shelf
from proving.tables.errors import NotAttached
from proving.tables.files import Source, local, read_footers, sources_of
from proving.tables.rearrange import Target
from proving.tables.scanning import Scannable

logger = logging.getLogger(__name__)


class Places:
    """Finds files and forms, and remembers their footers; safe for several threads.

    File systems are held only here, never stored: they may hold credentials.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._lock = threading.RLock()
        self._filesystems: dict[str, pafs.FileSystem] = {}
        self._sources: dict[str, tuple[tuple[Source, ...], Scannable]] = {}
        self._forms: dict[str, Scannable] = {}

    def attach(self, entry: Entry, source: Scannable) -> None:
        """Remember the files of a table that was just registered."""
        with self._lock:
            if source.filesystem is not None:
                self._filesystems[entry.name.lower()] = source.filesystem
            self._sources[entry.name.lower()] = (entry.sources, source)

    def is_attached(self, entry: Entry) -> bool:
        """Whether this session can reach the table's files."""
        return not entry.is_remote or entry.name.lower() in self._filesystems

    def known(self, entry: Entry) -> Scannable | None:
        """Return the user's files if their footers were read already."""
        found = self._sources.get(entry.name.lower())
        return found[1] if found is not None and found[0] == entry.sources else None

    def source(self, entry: Entry) -> Scannable:
        """Return the user's files of a table.

        Raises:
            NotAttached: they lie on a file system that this session was not given.
            NoSuchFile, NotParquet: a file is gone, or is another now.
        """
        with self._lock:
            if (found := self.known(entry)) is not None:
                return found
            filesystem = self._filesystem(entry)
            paths = tuple(source.path for source in entry.sources)
            sources_of(paths, filesystem or local())
            schema, pieces = read_footers(paths, filesystem or local())
            scannable = Scannable(paths, filesystem, schema, pieces, is_indexed=False)
            self._sources[entry.name.lower()] = (entry.sources, scannable)
            return scannable

    def form(self, entry: Entry, form_id: str) -> Scannable:
        """Return a form of a table; an empty id is the user's files."""
        if not form_id:
            return self.source(entry)
        with self._lock:
            if form_id not in self._forms:
                form = self._shelf.load_form(form_id)
                at = self.target(entry, form_id)
                paths = tuple(f"{at.folder}/{name}" for name in form.names)
                schema = self.source(entry).schema
                self._forms[form_id] = Scannable(paths, at.filesystem, schema, form.pieces, is_indexed=True)
            return self._forms[form_id]

    def target(self, entry: Entry, form_id: str) -> Target:
        """Return where a form of a table goes."""
        if entry.keep_under:
            return Target(f"{entry.keep_under}/{form_id}", self._filesystem(entry))
        return Target(str(self._shelf.form_folder(form_id)), None)

    def is_as_registered(self, entry: Entry) -> bool:
        """Whether the user's files are still those that the forms were made from; else a form would answer stale.

        Files elsewhere are compared when they are registered, not at each query.
        """
        if entry.is_remote:
            return True
        if sources_of([source.path for source in entry.sources], local()) == entry.sources:
            return True
        logger.warning("'%s': its files changed since they were registered; register them again", entry.name)
        return False

    def _filesystem(self, entry: Entry) -> pafs.FileSystem | None:
        if not entry.is_remote:
            return None
        filesystem = self._filesystems.get(entry.name.lower())
        if filesystem is None:
            raise NotAttached(f"'{entry.name}' lies on another file system: register it again with `filesystem`")
        return filesystem
