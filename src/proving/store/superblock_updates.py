"""Changes of the superblock that wait for what they name; those that may become durable do so in one write."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proving.store.health import Health
from proving.store.soft_updates import NOTHING, Dependency, SoftUpdates, Target, Write
from proving.store.superblock import SLOTS, Checkpoint, ExtentRecord, Run, Superblock

# Behind all extents: whoever has its lock asks for no other.
_LAST = 1 << 40


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A checkpoint, and what there was at it: how many entries, and the frames that they named in each extent."""

    place: Checkpoint
    entry_count: int
    live_bytes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Change:
    """What one update is about; one that says nothing asks for the extents as they are, as all of them do."""

    runs: tuple[Run, ...] | None = None
    checkpoint: CheckpointRecord | None = None


class SuperblockUpdates:
    """Collects changes and makes them durable, many with one write."""

    def __init__(
        self,
        superblock: Superblock,
        soft: SoftUpdates,
        health: Health,
        records: Callable[[CheckpointRecord | None], Sequence[ExtentRecord]],
        written: Callable[[CheckpointRecord | None], None],
    ) -> None:
        """Change this superblock.

        Args:
            superblock: What is written.
            soft: What keeps the order.
            health: Is told how that goes.
            records: Gives what is to be said of the extents, at a new checkpoint where there is one.
            written: Is told what is durable now.
        """
        self._superblock = superblock
        self._soft = soft
        self._health = health
        self._records = records
        self._written = written
        self._target = Target(SLOTS[0], _LAST, self._perform)
        self._pending: dict[Write, _Change] = {}
        self._last = NOTHING

    def ask(
        self,
        what: str,
        after: Dependency = NOTHING,
        runs: tuple[Run, ...] | None = None,
        checkpoint: CheckpointRecord | None = None,
    ) -> Dependency:
        """Ask for a change; return what is durable when it is.

        Args:
            what: In words.
            after: What must be durable before.
            runs: All runs from now on; they name those of earlier changes, so these come before.
            checkpoint: Where the journal begins from now on.
        """
        if runs is not None:
            after = after.and_(NOTHING if self._last.has_failed else self._last)
        write = Write(what, self._target, after, is_eager=False)
        self._pending[write] = _Change(runs, checkpoint)
        dependency = self._soft.write(write)
        if runs is not None:
            self._last = dependency
        return dependency

    def name(
        self,
        what: str,
        after: Dependency,
        runs: tuple[Run, ...],
        checkpoint: CheckpointRecord | None = None,
    ) -> None:
        """Make a change of the runs durable; as `ask`. Raises DiskFailed: it never will be."""
        asked = self.ask(what, after, runs, checkpoint)
        try:
            self._soft.settle(asked)
        except BaseException:
            self._soft.cancel(asked)
            raise

    def _writable(self, wanted: Sequence[Write]) -> Sequence[Write]:
        """Return the changes that may become durable now, in the order in which they came; forget those that failed."""
        for write in [write for write in tuple(self._pending) if write.has_failed]:
            del self._pending[write]
        return [write for write in tuple(self._pending) if write in wanted or write.after.is_durable()]

    def _perform(self, wanted: Sequence[Write]) -> None:
        """Write all changes that may be, at least those; the superblock's lock is held."""
        # Before the records are taken, so that these say what each change asks for.
        writes = self._writable(wanted)
        changes = [self._pending[write] for write in writes]
        runs = next((change.runs for change in reversed(changes) if change.runs is not None), None)
        checkpoint = next((change.checkpoint for change in reversed(changes) if change.checkpoint is not None), None)
        records = self._records(checkpoint)
        try:
            self._superblock.write(
                records, runs, None if checkpoint is None else (checkpoint.place, checkpoint.entry_count)
            )
        except OSError as error:
            for write in writes:
                write.is_failed = True
            raise self._health.failed(f"the superblock cannot be written: {error}") from error
        finally:
            for write in writes:
                self._soft.release(write)
                del self._pending[write]
        self._health.worked()
        self._written(checkpoint)
        for write in writes:
            self._soft.issued(write)
        self._soft.made_durable(self._target, self._target.completed)
